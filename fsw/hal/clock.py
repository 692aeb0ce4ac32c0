"""The clock of a real board: microseconds since this object was made, which is at boot of flight."""

from time import monotonic_ns

from fsw.kernel.clock import Micros


class MonotonicClock:
    """CLOCK_MONOTONIC since construction; never goes back, and says so should the kernel's ever do.

    `zero_ns` is its origin on CLOCK_MONOTONIC, for timers.
    """

    __slots__ = ("_last", "zero_ns")

    def __init__(self) -> None:
        self.zero_ns = monotonic_ns()
        self._last = 0

    def now(self) -> Micros:
        """Microseconds since construction."""
        now = (monotonic_ns() - self.zero_ns) // 1000
        assert now >= self._last, "the monotonic clock went back"
        self._last = now
        return Micros(now)
