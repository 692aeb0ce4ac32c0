"""A serial line of 8N1 octets at a baud: integer credit on a handed-down clock, no device (contract, section 1).

An octet takes ten bit times. `Paced` is one direction that somebody fills; `Drained` is one that somebody empties at
the line's speed. Rates are exact over any length of time; an octet shows up to one look at the clock late, never early.
"""

from collections import deque
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros

BITS_AN_OCTET: Final = 10
"""8N1: start bit, eight data bits, stop bit."""
_BIT_US: Final = BITS_AN_OCTET * 1_000_000
BAUD_MAX: Final = 4_000_000


def line_us(octets: int, baud: int) -> int:
    """Microseconds that so many octets take on the line, rounded up."""
    return -(-octets * _BIT_US // baud)


class Unit(NamedTuple):
    """Octets that belong together on the line; the first start bit comes at `start_us`, or when the line is free."""

    start_us: Micros
    octets: bytes


class Paced:
    """One direction at `baud`: units go in whole, octets come out when their last bit has left.

    At most `octets_max` wait; a unit beyond that is dropped whole and counted in `overruns` (octets).
    """

    __slots__ = (
        "_begin_us",
        "_left",
        "_taken",
        "_unit_due",
        "_units",
        "_waiting",
        "baud",
        "octets_max",
        "octets_out",
        "overruns",
    )

    def __init__(self, baud: int, octets_max: int = 65_536) -> None:
        assert 0 < baud <= BAUD_MAX, "a line has a speed"
        self.baud = baud
        self.octets_max = octets_max
        self.overruns = 0
        self.octets_out = 0
        self._units: deque[Unit] = deque()
        self._left = 0  # octets of the head unit that have gone out
        self._waiting = 0
        self._begin_us = 0  # of the busy period: units back to back share one, so that no rounding adds up
        self._taken = 0  # octets sent in the busy period
        self._unit_due: Micros | None = NEVER  # what `unit_due` says; None when it is to be worked out anew

    def __len__(self) -> int:
        """Octets that wait."""
        return self._waiting

    def put(self, octets: bytes, start_us: Micros) -> bool:
        """Queue a unit; False when there was no room and it is lost."""
        if self._waiting + len(octets) > self.octets_max:
            self.overruns += len(octets)
            return False
        if octets:
            if not self._units:
                self._unit_due = None
            self._units.append(Unit(start_us, octets))
            self._waiting += len(octets)
        return True

    def free_us(self) -> Micros:
        """When the last octet queued has left; a time in the past when nothing waits."""
        begin, count = self._begin_us, self._taken
        if not self._units:
            return Micros(begin + line_us(count, self.baud))
        for index, unit in enumerate(self._units):
            end = begin + line_us(count, self.baud)
            if unit.start_us > end and not (index == 0 and self._left):
                begin, count = unit.start_us, 0
            count += len(unit.octets) - (self._left if index == 0 else 0)
        return Micros(begin + line_us(count, self.baud))

    def take(self, now: Micros) -> bytes:
        """The octets whose last bit has left by `now`, in their order."""
        if not self._units:
            return b""
        self._unit_due = None
        out = b""
        while self._units:
            start_us, octets = self._units[0]
            if self._left == 0 and start_us > self._begin_us + line_us(self._taken, self.baud):
                if start_us > now:
                    break
                self._begin_us, self._taken = start_us, 0
            credit = (now - self._begin_us) * self.baud // _BIT_US - self._taken
            if credit <= 0:
                break
            piece = octets[self._left : self._left + credit]
            out += piece
            self._taken += len(piece)
            self._left += len(piece)
            if self._left == len(octets):
                self._units.popleft()
                self._left = 0
        self._waiting -= len(out)
        self.octets_out += len(out)
        return out

    def next_due(self) -> Micros:
        """When the next octet has left; NEVER while nothing waits."""
        if not self._units:
            return NEVER
        start = self._units[0].start_us
        if self._left == 0 and start > self._begin_us + line_us(self._taken, self.baud):
            return Micros(start + line_us(1, self.baud))
        return Micros(self._begin_us + line_us(self._taken + 1, self.baud))

    def unit_due(self) -> Micros:
        """When the last octet of the unit at the head has left; NEVER while nothing waits."""
        if self._unit_due is None:
            self._unit_due = self._last_of_head()
        return self._unit_due

    def _last_of_head(self) -> Micros:
        if not self._units:
            return NEVER
        start_us, octets = self._units[0]
        if self._left == 0 and start_us > self._begin_us + line_us(self._taken, self.baud):
            return Micros(start_us + line_us(len(octets), self.baud))
        return Micros(self._begin_us + line_us(self._taken + len(octets) - self._left, self.baud))

    def clear(self) -> int:
        """Lose all that waits (the power is gone); returns how many octets that were."""
        lost = self._waiting
        self._unit_due = NEVER
        self._units.clear()
        self._left = self._waiting = 0
        return lost


class Drained:
    """The other direction at `baud`: how many octets may be taken now from a sender that would send faster.

    A token bucket in exact integers. Over silence at most `burst_us` of credit adds up, one look at the clock;
    while the sender is behind, up to `STALL_US`, so that a look that comes late costs the line nothing.
    """

    __slots__ = ("_behind", "_burst", "_level", "_seen_us", "_stall", "baud", "octets_in")

    STALL_US: Final = 100_000

    def __init__(self, baud: int, burst_us: int = 1000) -> None:
        assert 0 < baud <= BAUD_MAX, "a line has a speed"
        self.baud = baud
        self.octets_in = 0
        # All three in octets times _BIT_US: what a microsecond adds is the baud.
        self._burst = max(burst_us * baud, _BIT_US)
        self._stall = max(self.STALL_US * baud, _BIT_US)
        self._level = 0
        self._behind = False
        self._seen_us = 0

    @property
    def behind(self) -> bool:
        """Whether the sender had more than the line could carry, when last looked at."""
        return self._behind

    def grant(self, now: Micros) -> int:
        """Octets that the line can have carried by `now` beyond those taken."""
        self._level += (now - self._seen_us) * self.baud
        self._level = min(self._level, self._stall if self._behind else self._burst)
        self._seen_us = now
        return self._level // _BIT_US

    def used(self, octets: int, granted: int) -> None:
        """So many of the granted octets came; fewer than granted means that the sender has no more."""
        assert 0 <= octets <= granted, "no octet without credit"
        self.octets_in += octets
        self._level -= octets * _BIT_US
        if granted:
            self._behind = octets == granted
