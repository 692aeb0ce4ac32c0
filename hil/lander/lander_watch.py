"""What the lander makes of the payload's heartbeats: alive, lost, cycled once, given up."""

from enum import Enum, unique
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander_profile import Watch

STEADY_US: Final = 600_000_000
"""Alive for so long after a cycle, the payload has earned another one."""


@unique
class Reaction(Enum):
    """What is to be done about a payload that says nothing."""

    LOST = "lost"
    CYCLE = "cycle"
    GIVE_UP = "give up"


class PayloadWatch:
    """One payload. A payload that has never been heard since it was switched on by order is not judged."""

    __slots__ = (
        "_cycled",
        "_cycling",
        "_heard",
        "_heard_us",
        "_interval_us",
        "_lost_us",
        "_steady_us",
        "_watch",
        "alive",
        "gone",
    )

    def __init__(self, watch: Watch, interval_us: int, now: Micros) -> None:
        self._watch = watch
        self._interval_us = interval_us
        self._heard_us = now
        self._lost_us = now
        self._steady_us = now
        self._heard = False  # since power came by order
        self._cycled = self._cycling = False
        self.alive = False
        self.gone = False
        """Given up: off until somebody switches it on."""

    @property
    def heard_us(self) -> Micros:
        """When the last heartbeat came."""
        return self._heard_us

    def hear(self, now: Micros) -> bool:
        """A heartbeat; True when it is the first one of a payload that was not alive."""
        first = not self.alive
        if first:
            self._steady_us = Micros(now + STEADY_US)
        self._heard_us = now
        self.alive = self._heard = True
        if self._cycled and now >= self._steady_us:
            self._cycled = False
        return first

    def power(self, on: bool, now: Micros) -> None:
        """The payload's power was switched; what this watch did itself is not forgotten by it."""
        self.alive = False
        self._lost_us = now
        if self._cycling:
            self._cycling = not on
        elif not self.gone or on:
            self._heard = self._cycled = self.gone = False

    def step(self, now: Micros, powered: bool) -> Reaction | None:
        """What has fallen due; each is said once."""
        if self.alive and now >= self._deadline():
            self.alive = False
            self._lost_us = now
            return Reaction.LOST
        if not self._waits(powered) or now < self._lost_us + self._watch.cycle_after_us:
            return None
        self._lost_us = now
        if self._cycled:
            self.gone = True
            return Reaction.GIVE_UP
        self._cycled = self._cycling = True
        return Reaction.CYCLE

    def _deadline(self) -> Micros:
        return Micros(self._heard_us + self._watch.lost_after * self._interval_us)

    def _waits(self, powered: bool) -> bool:
        """Whether a payload that has been heard is silent under power."""
        return powered and self._heard and not self.alive and not self.gone and self._watch.cycle_after_us > 0

    def next_due(self, powered: bool) -> Micros:
        """When `step` has something to say should nothing be heard."""
        if self.alive:
            return self._deadline()
        return Micros(self._lost_us + self._watch.cycle_after_us) if self._waits(powered) else NEVER

    def forget(self, now: Micros) -> None:
        """The lander has booted: it knows nothing of what it had heard."""
        self.alive = self._heard = self._cycled = self._cycling = False
        self._lost_us = now
