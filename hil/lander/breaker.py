"""The lander's electronic fuse of one circuit: trips on too much current, stays off until reset, locks out for good.

The figures are ours: no lander's are published. The current at power-on is let pass for its time and height.
"""

from enum import IntEnum, unique
from typing import NamedTuple

from fsw.kernel.clock import NEVER, Micros


class Trips(NamedTuple):
    """When a fuse trips: above `over_permille` of the limit for `over_us`, above `short_permille` at once."""

    over_permille: int
    over_us: int
    short_permille: int
    inrush_ma: int
    """Let pass in the first `inrush_us` after power-on."""
    inrush_us: int
    lock_out: int
    """The trip, counted from 1, after which no reset helps."""


@unique
class Latch(IntEnum):
    """What 0x014 says in its last octet."""

    CLOSED = 0
    TRIPPED = 1
    LOCKED_OUT = 2


class Breaker:
    """One fuse. `look` is told the current at every change and when `next_due` has come."""

    __slots__ = ("_due_us", "_on_us", "_over_since_us", "_trips", "latch", "trips")

    def __init__(self, trips: Trips, now: Micros) -> None:
        self._trips = trips
        self._on_us = now
        self._over_since_us: Micros | None = None
        self._due_us = NEVER
        self.latch = Latch.CLOSED
        self.trips = 0

    def power_on(self, now: Micros) -> None:
        """Power has come: the inrush begins."""
        self._on_us = now
        self._over_since_us, self._due_us = None, NEVER

    def power_off(self) -> None:
        """Power has gone: nothing flows that would have to be looked at again."""
        self._over_since_us, self._due_us = None, NEVER

    def look(self, ma: int, limit_ma: int, now: Micros) -> bool:
        """Whether the fuse trips at this current, now; it is then latched."""
        limits = self._trips
        over = ma * 1000 > limits.over_permille * limit_ma
        inrush_ends_us = Micros(self._on_us + limits.inrush_us)
        if ma <= limits.inrush_ma and now < inrush_ends_us:
            self._due_us = inrush_ends_us if over else NEVER
            return False
        if ma * 1000 > limits.short_permille * limit_ma:
            return self._trip()
        if not over:
            self._over_since_us, self._due_us = None, NEVER
            return False
        if self._over_since_us is None:
            self._over_since_us = now
        self._due_us = Micros(self._over_since_us + limits.over_us)
        return now >= self._due_us and self._trip()

    def _trip(self) -> bool:
        self.trips += 1
        self._over_since_us, self._due_us = None, NEVER
        self.latch = Latch.LOCKED_OUT if self.trips >= self._trips.lock_out else Latch.TRIPPED
        return True

    def next_due(self) -> Micros:
        """When the current that flows must be looked at again, should it last; NEVER while it is not too high."""
        return self._due_us

    def reset(self) -> bool:
        """By order: the circuit may be switched on again; False when it is locked out."""
        if self.latch is Latch.TRIPPED:
            self.latch = Latch.CLOSED
        return self.latch is Latch.CLOSED
