"""The clock of a real board: microseconds since this object was made, which is at boot of flight."""

from collections.abc import Callable
from time import monotonic_ns
from typing import cast

from fsw.kernel.clock import Micros


class MonotonicClock:
    """CLOCK_MONOTONIC since construction. It does not go back; should it, the scheduler's assertion stops flight.

    `now()` tells the microseconds since construction; `zero_ns` is their origin on CLOCK_MONOTONIC, for timers;
    `stopwatch_ns()` is CLOCK_MONOTONIC itself.
    """

    __slots__ = ("now", "stopwatch_ns", "zero_ns")

    def __init__(self) -> None:
        zero_ns = monotonic_ns()

        def now() -> int:
            return (monotonic_ns() - zero_ns) // 1000

        self.zero_ns = zero_ns
        # A closure cast once: a method that converts its result would cost half as much again, every call.
        self.now = cast("Callable[[], Micros]", now)
        self.stopwatch_ns = monotonic_ns
