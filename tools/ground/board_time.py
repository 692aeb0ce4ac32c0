"""The payload's present time as the ground knows it: the times in its telemetry, carried on by the ground's clock.

A packet that waited in the lander's queue is late, never early; so the estimate stays with the packet that was
fastest within a minute. It is early by the shortest wait of that minute.
"""

from typing import Final

from fsw.kernel.clock import Micros
from tools.ground.records import OnboardTime

_KEPT_US: Final = 60_000_000


class BoardTime:
    """`one_way_us`: light time, which is not in the packets."""

    def __init__(self, one_way_us: int = 0) -> None:
        self._one_way_us = one_way_us
        self._ahead_us: int | None = None
        self._at = Micros(0)

    def hear(self, time: OnboardTime | None, now: Micros) -> None:
        """A live packet and the time in its header."""
        if time is None:
            return
        if not time.is_set:
            self._ahead_us = None
            return
        ahead = time.us + self._one_way_us - now
        if self._ahead_us is None or ahead >= self._ahead_us or now - self._at >= _KEPT_US:
            self._ahead_us, self._at = ahead, now

    def restart(self) -> None:
        """Another life begins without time."""
        self._ahead_us = None

    def tai_us(self, now: Micros) -> int | None:
        """Microseconds since 1958-01-01 TAI on board; None while no packet has told a time that was set."""
        return None if self._ahead_us is None else max(0, now + self._ahead_us)
