"""The real clock as a bench reads it: microseconds since it was made, and the lander's time of day (edge)."""

import time
from typing import Final

from fsw.kernel.clock import Micros

SECONDS_1958_TO_1970: Final = 378_691_200


class RealClock:
    """Microseconds since construction; never set, never stepped."""

    def __init__(self) -> None:
        self._zero_ns = time.monotonic_ns()

    def now(self) -> Micros:
        """Microseconds since construction."""
        return Micros((time.monotonic_ns() - self._zero_ns) // 1000)

    def stopwatch_ns(self) -> int:
        """Free-running nanoseconds."""
        return time.monotonic_ns()

    def tai_at_zero_us(self, tai_minus_utc_s: int) -> int:
        """TAI at zero of this clock, by the computer's own idea of UTC: microseconds since 1958-01-01."""
        tai_us = time.time_ns() // 1000 + (SECONDS_1958_TO_1970 + tai_minus_utc_s) * 1_000_000
        return tai_us - self.now()
