"""What became of the last requests, as the board has written it down: read back after a gap, also over resets.

A request of service 130 that came too late is `REJECTED` with code 0x1C, under the id of what it carried.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import array, boolean, command, cuc, enumerated, octets, report, structure, u16, u32
from fsw.pus.ids import APID_SYSTEM, Service, TimeStatus

FATES_MAX: Final = 256
"""Requests that are remembered; the oldest goes first."""
REPORTED_MAX: Final = 40
REPORT_SUBTYPE: Final = 180


@unique
class LastWord(IntEnum):
    """The last word on a request; numbers of ST[01] where it has one."""

    CUT = 0  # the life in which it was accepted ended before its last word was on the disk
    ACCEPTED = 1
    REJECTED = 2
    STARTED = 3
    REFUSED = 4
    COMPLETED = 7
    FAILED = 8
    NOT_ROUTED = 10


@structure
class Fate:
    """One request. Numbers count all requests of the board's lives."""

    number: int = u32()
    request_id: bytes = octets(4)
    source: int = u16()
    time_status: TimeStatus = enumerated(TimeStatus)
    time: bytes = cuc(doc="when it came; since boot where the time was never set")
    word: LastWord = enumerated(LastWord)
    code: int = u16(doc="failure code; 0 without one")


@command(APID_SYSTEM, function=50, name="fates.report")
class ReportFates:
    """Report what became of the requests from a number on, one report for each 40 of them."""

    first: int = u32(default=0)


@report(Service.FUNCTIONS, REPORT_SUBTYPE, name="fates.list")
class FateList:
    """Requests in the order in which they came; the last report of an answer ends at `following`."""

    boot_count: int = u32()
    whole: bool = boolean(doc="the list reaches back over resets; else what earlier lives were told is not known yet")
    oldest: int = u32(doc="the first number that is remembered")
    following: int = u32(doc="the number of the next request that comes")
    first: int = u32(doc="the number from which on this answer was asked for")
    fates: tuple[Fate, ...] = array(Fate, high=REPORTED_MAX)
