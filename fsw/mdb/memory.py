"""ST[06] memory management of named objects, and the scrubbing of code and configuration files.

No raw addresses: an area is an offset into an object's octets. Order of fields and widths as TC[6,2], TC[6,9] and
TM[6,6] in tests/vectors, the object's id in the place of the memory's. Subtypes from 128 on are ours.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.large_packets import ABORTED, RECEIVED, SENT
from fsw.mdb.model import (
    U16,
    U32,
    Hazard,
    Parameter,
    Severity,
    Structure,
    array,
    boolean,
    counted,
    enumerated,
    event,
    label,
    report,
    structure,
    telecommand,
    text,
    u8,
    u16,
    u32,
)
from fsw.pus.ids import APID_SYSTEM

AREAS_MAX: Final = 64
AREA_OCTETS_MAX: Final = 1000
_LOAD_OCTETS: Final = 1003  # what a telecommand and a report hold beside the object's id
_DUMP_OCTETS: Final = 1008
NAME_OCTETS_MAX: Final = 80
DAYS_MAX: Final = 32


@unique
class MemoryObject(IntEnum):
    """What can be dumped and checked. Numbers are for good."""

    CONFIGURATION = 1  # what this life flies with, as text
    PARAMETERS = 2  # raw values of all parameters in order of their ids; may be loaded
    QUEUES = 3  # what waits where, 20 octets a queue
    EVENT_LOG = 4  # the last events, 48 octets each, oldest first
    SCHEDULE = 5  # the activities as they are kept
    STORE_INDEX = 6  # what the packet stores hold


@unique
class Scrubbed(IntEnum):
    """Kinds of files that are checked in the background."""

    CODE = 16
    SETTINGS = 17  # configuration


@unique
class FileProblem(IntEnum):
    """What is wrong with a file."""

    CHANGED = 1
    UNREADABLE = 2
    MISSING = 3
    EXTRA = 4  # nothing is known of it


@unique
class BaselineReason(IntEnum):
    """Why checksums were taken as the right ones."""

    FIRST = 0  # there were none
    VERSION = 1  # other software flies
    COMMAND = 2
    DAMAGED = 3  # the kept ones could not be read


@structure
class LoadedArea:
    """Octets to write, and their CRC-16."""

    offset: int = u32()
    octets: bytes = counted(AREA_OCTETS_MAX, u16)
    checksum: int = u16()


@structure
class Area:
    """Octets of an object."""

    offset: int = u32()
    length: int = u16(low=1)


@structure
class DumpedArea:
    """Octets of an object and their CRC-16."""

    offset: int = u32()
    octets: bytes = counted(AREA_OCTETS_MAX, u16)
    checksum: int = u16()


@structure
class CheckedArea:
    """The CRC-16 of an object's octets."""

    offset: int = u32()
    length: int = u16()
    checksum: int = u16()


@telecommand(6, 1, hazard=Hazard.DEPENDENT, name="memory.load")
class LoadObject:
    """Write areas of an object that allows it, all or none."""

    object_id: int = u8(enum=MemoryObject)
    areas: tuple[LoadedArea, ...] = array(LoadedArea, u8, low=1, high=AREAS_MAX, octets=_LOAD_OCTETS)


@telecommand(6, 3, name="memory.dump")
class DumpObject:
    """Report areas of an object: one (6,4), by ST[13] where no packet holds it."""

    object_id: int = u8(enum=MemoryObject)
    areas: tuple[Area, ...] = array(Area, u8, low=1, high=AREAS_MAX)


@report(6, 4, name="memory.dumped")
class MemoryDump:
    """Areas of an object. One that came by ST[13] may be longer (fsw.pus.st06 reads it)."""

    object_id: int = u8(enum=MemoryObject)
    areas: tuple[DumpedArea, ...] = array(DumpedArea, u8, high=AREAS_MAX, octets=_DUMP_OCTETS)


@telecommand(6, 7, name="memory.check")
class CheckObject:
    """Report checksums of areas of an object."""

    object_id: int = u8(enum=MemoryObject)
    areas: tuple[Area, ...] = array(Area, u8, low=1, high=AREAS_MAX)


@report(6, 8, name="memory.checked")
class MemoryChecked:
    """Checksums of areas of an object."""

    object_id: int = u8(enum=MemoryObject)
    areas: tuple[CheckedArea, ...] = array(CheckedArea, u8, high=AREAS_MAX)


@telecommand(6, 12, name="memory.abort")
class AbortDumps:
    """End all dumps."""


@telecommand(6, 13, name="scrubbing.enable")
class EnableScrubbing:
    """Check these files in the background."""

    files: Scrubbed = enumerated(Scrubbed)


@telecommand(6, 14, name="scrubbing.disable")
class DisableScrubbing:
    """Check these files no more."""

    files: Scrubbed = enumerated(Scrubbed)


@telecommand(6, 17, name="memory.measure")
class CheckWhole:
    """Report length and checksum of a whole object."""

    object_id: int = u8(enum=MemoryObject)


@report(6, 18, name="memory.measured")
class WholeChecked:
    """Length and CRC-16 of a whole object."""

    object_id: int = u8(enum=MemoryObject)
    length: int = u32()
    checksum: int = u16()


@telecommand(6, 128, hazard=Hazard.DEPENDENT, name="scrubbing.baseline")
class TakeBaseline:
    """Take the checksums that the files have now as the right ones."""


@telecommand(6, 129, name="scrubbing.report")
class ReportScrubbing:
    """Report what scrubbing has counted."""


@structure
class ScrubbedDay:
    """What was checked in one day."""

    day: int = u16(doc="days of TAI since 1958-01-01; 0: while time was unknown")
    files: int = u32()
    octets: int = u32()
    wrong: int = u16()
    passes: int = u16()


@report(6, 130, name="scrubbing.counted")
class ScrubbingCounted:
    """The baseline, what is wrong now, and counters by date, newest first."""

    version: str = text(16, doc="of the software whose checksums are held to be right; empty: none are yet")
    files: int = u16()
    wrong: int = u16()
    code: bool = boolean(doc="whether code is checked")
    settings: bool = boolean(doc="whether configuration is")
    days: tuple[ScrubbedDay, ...] = array(ScrubbedDay, u8, high=DAYS_MAX)


@event(APID_SYSTEM, 45, Severity.HIGH)
class FileWrong:
    """A file of code or configuration is not what it was; told once, until it is right again."""

    problem: FileProblem = enumerated(FileProblem)
    files: Scrubbed = enumerated(Scrubbed)
    expected: int = u32(doc="CRC-32; 0 where there is none")
    found: int = u32(doc="CRC-32; 0 where there is none")
    file: str = label(NAME_OCTETS_MAX)


@event(APID_SYSTEM, 46, Severity.INFO)
class FileRight:
    """A file that was wrong is right again."""

    files: Scrubbed = enumerated(Scrubbed)
    file: str = label(NAME_OCTETS_MAX)


@event(APID_SYSTEM, 47, Severity.INFO)
class BaselineTaken:
    """The checksums that the files have now are held to be right from here on."""

    reason: BaselineReason = enumerated(BaselineReason)
    files: int = u16()
    octets: int = u32()


@event(APID_SYSTEM, 48, Severity.MEDIUM)
class ScrubbingStuck:
    """Files cannot be checked: their server does not answer."""


@event(APID_SYSTEM, 49, Severity.INFO)
class ScrubbingBack:
    """Files are checked again."""


PERIOD: Final = Parameter(
    100, "scrubbing.period_s", U16, "s", writable=True, low=1, high=3_600, initial=10,
    doc="one slice of one file in this time; kept over resets",
)  # fmt: skip
FILES: Final = Parameter(101, "scrubbing.files", U16, doc="files whose checksums are known")
WRONG: Final = Parameter(102, "scrubbing.wrong", U16, doc="files that are wrong now")
PASSES: Final = Parameter(103, "scrubbing.passes", U16, doc="times that all files were checked, in this life")
SLICES: Final = Parameter(104, "scrubbing.slices", U32, doc="slices read in this life")
DUMPS: Final = Parameter(105, "memory.dumps", U16, doc="in this life")
LOADS: Final = Parameter(106, "memory.loads", U16, doc="in this life")
CHECKS: Final = Parameter(107, "memory.checks", U16, doc="in this life")

HOUSEKEEPING: Final = Structure(
    11,
    "memory.housekeeping",
    (FILES, WRONG, PASSES, SLICES, PERIOD, DUMPS, LOADS, CHECKS, SENT, RECEIVED, ABORTED),
    interval=600,
)
