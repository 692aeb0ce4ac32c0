"""What a lander says again and again."""

from collections.abc import Callable

from fsw.kernel.clock import Micros


class Periodic:
    """Something said every `period_us`, and whenever `due_us` is pulled forward."""

    __slots__ = ("due_us", "period_us", "say")

    def __init__(self, period_us: int, due_us: int, say: Callable[[Micros], None]) -> None:
        assert period_us > 0, "a period takes time"
        self.period_us = period_us
        self.due_us = due_us
        self.say = say

    def run(self, now: Micros) -> None:
        """Say it if it has fallen due; periods missed are not made up for."""
        if now >= self.due_us:
            self.due_us += self.period_us * ((now - self.due_us) // self.period_us + 1)
            self.say(now)
