"""Declared objects in memory, looked after once a second: what has a flipped bit is mended by its owner and told here.

Owners hold their object more than once (fsw/kernel/copies.py); `mend` puts it right and says where: a parameter id, an
APID, a row. An owner for whom a second is too long looks before each use as well.

Off nominal: an object of which most copies have flipped is beyond this; scrubbing and resets are for that.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from fsw.kernel.clock import Micros
from fsw.mdb.autonomy import MemoryItem, MemoryRepaired
from fsw.services.events import Events

Mend = Callable[[], Sequence[int]]


class Counting(Protocol):
    """An owner of one object, who counts how often it has mended it."""

    mended: int

    def mend(self) -> None:
        """Look now."""


def counting(owner: Counting) -> Mend:
    """What such an owner has mended since last asked."""
    known = owner.mended

    def mend() -> Sequence[int]:
        nonlocal known
        owner.mend()
        before, known = known, owner.mended
        return (0,) * min(known - before, 1)

    return mend


class MemoryGuard:
    """`repairs` counts what was mended in this life; `watched` is given once, when all owners are there."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.watched: tuple[tuple[MemoryItem, Mend], ...] = ()
        self.repairs = 0

    def step(self, now: Micros) -> None:
        """Have every owner look."""
        for item, mend in self.watched:
            for place in mend():
                self.tell(item, place, now)

    def tell(self, item: MemoryItem, place: int, now: Micros) -> None:
        """One object was mended."""
        self.repairs += 1
        self._events.report(MemoryRepaired(object=item, place=place), now)
