"""What is missing on the ground, by the sequence counts of what came, and between which times it was made.

Each process counts its packets, and at every boot from 0. A live packet (VC 0) whose count goes on too far opens a gap;
one that was overtaken, or that is sent again (VC 3), fills a place in it. Counts come again after 16 384 packets, so a
packet that is sent again is known by its time as well.

Off nominal: what a process said last is missed only when it says something more: ask it for that (ping); of what it
said last in a life that has ended nothing is known. A boot whose event was lost looks like counts that go on: such a
gap tells how many packets it holds at most. Of 16 384 packets lost at a stretch none is missed. Beyond `GAPS_MAX` gaps
the oldest is forgotten, and counted.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

COUNTS: Final = 16_384
OVERTAKEN_MAX: Final = 1_024
"""How far a live packet may be overtaken: more than the payload's outbox holds."""
SLACK_US: Final = 1_000
"""Times cross the wire rounded down, and packets of one moment share theirs."""
GAPS_MAX: Final = 4_096
"""Of one process."""
VC_LIVE: Final = 0
VC_REPLAY: Final = 3


class Heard(NamedTuple):
    """A packet of telemetry that came: the channel, the process, its count, its time in µs of TAI if it had one."""

    vcid: int
    apid: int
    sequence_count: int
    tai_us: int | None
    boots: bool = False
    """Whether it is a boot event: all processes count from 0."""


class Gap:
    """Packets `first` to `last` of a process, counted without end; made between `low_us` and `high_us`, µs of TAI.

    `high_us` is None until a packet behind it has a time. `tries`: how often it was asked for in vain.
    """

    __slots__ = ("apid", "first", "high_us", "last", "low_us", "tries")

    def __init__(self, apid: int, first: int, last: int, low_us: int, high_us: int | None, tries: int = 0) -> None:
        self.apid = apid
        self.first = first
        self.last = last
        self.low_us = low_us
        self.high_us = high_us
        self.tries = tries

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def at_most(self) -> bool:
        """Whether the counts begin anew in it: where that was a boot whose event was lost, it holds fewer packets."""
        return self.first // COUNTS < self.last // COUNTS

    def place(self, count: int) -> int | None:
        """The packet of this count in it, if there is one."""
        number = self.first + (count - self.first) % COUNTS
        return number if number <= self.last else None

    def may_hold(self, tai_us: int | None) -> bool:
        """Whether a packet of this time may be one of it."""
        if tai_us is None:
            return True
        return self.low_us - SLACK_US <= tai_us and (self.high_us is None or tai_us <= self.high_us + SLACK_US)


class _Process:
    """What was heard of one process."""

    __slots__ = ("gaps", "newest", "tai_us")

    def __init__(self, newest: int, tai_us: int) -> None:
        self.newest = newest
        self.tai_us = tai_us
        self.gaps: list[Gap] = []
        """In the order of their numbers, and so of their times."""


class Gaps:
    """All gaps of all processes. `hear` takes packets in the order in which they came."""

    def __init__(self) -> None:
        self.forgotten = 0
        self.again = 0
        """Packets that were missing and have been sent again."""
        self._processes: dict[int, _Process] = {}
        self._tai_us = 0
        """The latest time that a live packet has told."""
        self._boot_us = 0
        """That time as the present life began: nothing of it is older."""
        self._booted = False
        self._untimed = False
        """Whether there are gaps behind which no time is known yet."""

    def __iter__(self) -> Iterator[Gap]:
        return (gap for process in self._processes.values() for gap in process.gaps)

    def hear(self, heard: Heard) -> None:
        """A packet came."""
        if heard.vcid == VC_REPLAY:
            self._again(heard)
        elif heard.vcid == VC_LIVE:
            if heard.boots:
                self._boot()
            self._live(heard)

    def _boot(self) -> None:
        """Every process begins anew; what one had said last before is not known."""
        self._booted, self._boot_us = True, self._tai_us
        for process in self._processes.values():
            process.newest = (process.newest // COUNTS + 1) * COUNTS - 1  # the next count is a 0
            process.tai_us = self._tai_us

    def _live(self, heard: Heard) -> None:
        process = self._processes.get(heard.apid)
        if process is None:
            newest, since_us = (-1, self._boot_us) if self._booted else (heard.sequence_count - 1, self._tai_us)
            process = self._processes[heard.apid] = _Process(newest, since_us)
        ahead = (heard.sequence_count - process.newest) % COUNTS
        if ahead == 0 or ahead >= COUNTS - OVERTAKEN_MAX:
            self._fill(process, process.newest + (ahead - COUNTS if ahead else 0), heard)
            return
        if heard.tai_us is not None:
            self._tai_us = max(self._tai_us, heard.tai_us)
            if self._untimed:
                self._close(heard.tai_us)
        number = process.newest + ahead
        if ahead > 1:
            self._miss(process, Gap(heard.apid, process.newest + 1, number - 1, process.tai_us, heard.tai_us))
        process.newest = number
        process.tai_us = process.tai_us if heard.tai_us is None else heard.tai_us

    def _close(self, tai_us: int) -> None:
        self._untimed = False
        for gap in self:
            gap.high_us = tai_us if gap.high_us is None else gap.high_us

    def _miss(self, process: _Process, gap: Gap) -> None:
        process.gaps.append(gap)
        if gap.high_us is None:
            self._untimed = True
        elif gap.low_us > gap.high_us:  # the payload's clock was set back
            gap.low_us, gap.high_us = gap.high_us, gap.low_us
        if len(process.gaps) > GAPS_MAX:
            del process.gaps[0]
            self.forgotten += 1

    def _fill(self, process: _Process, number: int, heard: Heard) -> None:
        """A live packet that was overtaken."""
        at = bisect_right(process.gaps, number, key=lambda gap: gap.first) - 1
        if at >= 0 and number <= process.gaps[at].last:
            _split(process.gaps, at, number, heard.tai_us)

    def _again(self, heard: Heard) -> None:
        """A packet that was sent again fills the place of its count in the gap of its time."""
        process = self._processes.get(heard.apid)
        for at, gap in enumerate(process.gaps if process is not None else ()):
            number = gap.place(heard.sequence_count)
            if number is not None and gap.may_hold(heard.tai_us):
                assert process is not None, "it has gaps"
                _split(process.gaps, at, number, heard.tai_us)
                self.again += 1
                return


def _split(gaps: list[Gap], at: int, number: int, tai_us: int | None) -> None:
    """A packet of a gap has come: what is left before and behind it, worth asking for again since something came."""
    gap = gaps[at]
    if gap.high_us is None:
        tai_us = None
    before = Gap(gap.apid, gap.first, number - 1, gap.low_us, gap.high_us if tai_us is None else tai_us)
    behind = Gap(gap.apid, number + 1, gap.last, gap.low_us if tai_us is None else tai_us, gap.high_us)
    gaps[at : at + 1] = [part for part in (before, behind) if len(part)]
