"""The phase of the lander's mission: by its plan, or by order until the plan's next step."""

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander_profile import PhaseStep


class Phases:
    """Where the mission stands. `begin_us` is when the plan's time was zero."""

    __slots__ = ("_announced_s", "_begin_us", "_due_us", "_next", "_plan", "_since_us", "phase", "quiet")

    def __init__(self, phase: int, quiet: int, plan: tuple[PhaseStep, ...], begin_us: Micros) -> None:
        self.phase, self.quiet = phase, quiet
        self._plan = plan
        self._begin_us = begin_us
        self._next = 0
        self._announced_s: int | None = None  # seconds to the next phase, as an order has said them
        self._since_us = begin_us
        self._due_us = self._plan_due()

    def enter(self, phase: int, quiet: int, seconds_to_next: int, now: Micros) -> None:
        """By order."""
        self.phase, self.quiet = phase, quiet
        self._announced_s, self._since_us = seconds_to_next, now

    def next_due(self) -> Micros:
        """When the plan goes on; NEVER behind its end."""
        return self._due_us

    def _plan_due(self) -> Micros:
        return Micros(self._begin_us + self._plan[self._next].at_us) if self._next < len(self._plan) else NEVER

    def step(self, now: Micros) -> PhaseStep | None:
        """The plan's step that is in force from now on, of those that have fallen due the last; None for none."""
        found = None
        while self._due_us <= now:
            found = self._plan[self._next]
            self._since_us = self._due_us
            self._next += 1
            self._due_us = self._plan_due()
        if found is not None:
            self.phase, self.quiet, self._announced_s = found.phase, found.quiet, None
        return found

    def seconds_to_next(self, now: Micros) -> int:
        """Whole seconds until the next phase as far as it is known; 0 for not."""
        if self._announced_s is not None:
            return max(0, self._announced_s - (now - self._since_us) // 1_000_000)
        due = self.next_due()
        return 0 if due == NEVER else max(0, due - now) // 1_000_000
