"""What the board does by itself and says of it: lives, health of its tasks, time correlation, repaired memory.

All of it is the system process's, beside fsw/mdb/system.py.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.lander import Phase
from fsw.mdb.model import (
    I32,
    U8,
    U16,
    U32,
    Hazard,
    Parameter,
    Severity,
    Structure,
    array,
    command,
    enumerated,
    event,
    i32,
    octets,
    report,
    structure,
    text,
    u8,
    u16,
    u32,
)
from fsw.mdb.system import ABSENT_U16, ABSENT_U32, Mode, ResetCause
from fsw.pus.ids import APID_SYSTEM, Service

COUNTERS_SUBTYPE: Final = 160
"""Our own report of service 8: counters of the processes."""


@unique
class MemoryItem(IntEnum):
    """Objects in memory that are held more than once, so that a flipped bit is seen and mended."""

    PARAMETER = 0
    ALLOCATION = 1
    LOAD_TABLE = 2
    OUTBOX_OCTETS = 3
    SEQUENCE_COUNT = 4
    FARM_VR = 5
    TIME_OFFSET = 6
    MODE = 7


@command(APID_SYSTEM, function=30, hazard=Hazard.HAZARDOUS, name="restart")
class Restart:
    """Stop in order and start the flight software anew."""


@command(APID_SYSTEM, function=31, name="protect")
class Protect:
    """Go to SAFE: for responses on board, whose reason the event then says."""


@command(APID_SYSTEM, function=32, name="counters")
class AskCounters:
    """Report the counters of every process."""


@structure
class ProcessCounters:
    """What one process has been sent since its counters were reset."""

    apid: int = u16()
    valid: int = u32(doc="telecommands accepted for it")
    rejected: int = u32(doc="telecommands for it that failed acceptance")
    echoes: int = u32(doc="health pings that it answered")


@report(Service.FUNCTIONS, COUNTERS_SUBTYPE, name="system.process_counters")
class ProcessCountersReport:
    """Counters of every process, by APID."""

    processes: tuple[ProcessCounters, ...] = array(ProcessCounters, u8, high=64)


@event(APID_SYSTEM, 60, Severity.INFO)
class BootReport:
    """The second report of a life: how the one before ended, what flies, by what it is configured."""

    boot_count: int = u32(doc="0: not known")
    ended: ResetCause = enumerated(ResetCause)
    short_lives: int = u8(doc="lives in a row, up to this one, that nobody ended and that were short")
    version: str = text(16, doc="software version")
    database: bytes = octets(8, doc="first octets of the mission database's digest")
    configuration: bytes = octets(8, doc="first octets of the digest of mission and command line")


@event(APID_SYSTEM, 61, Severity.MEDIUM)
class MemoryRepaired:
    """A bit had flipped in memory: what most of its copies said is in force again."""

    object: MemoryItem = enumerated(MemoryItem)
    place: int = u16(doc="parameter id, APID or row")


@event(APID_SYSTEM, 62, Severity.MEDIUM)
class StoreRepaired:
    """Octets of the store's file were not what had been written: they are again."""

    octets: int = u16(doc="how many")
    offset: int = u32(doc="of the first")


@event(APID_SYSTEM, 63, Severity.HIGH)
class ResetLoop:
    """So many lives in a row were short and ended by themselves: minimal configuration, until the ground commands."""

    lives: int = u8()


@event(APID_SYSTEM, 64, Severity.MEDIUM)
class TaskLate:
    """A task has not answered its health ping for the warning time."""

    task: int = u8(doc="row of the slot table")
    waited_s: int = u8(unit="s")


@event(APID_SYSTEM, 65, Severity.HIGH)
class TaskLost:
    """A task has not answered its health ping for the fatal time; an essential one ends the watchdog's strokes."""

    task: int = u8(doc="row of the slot table")
    waited_s: int = u8(unit="s")


@event(APID_SYSTEM, 66, Severity.INFO)
class TaskAnswers:
    """A task that was late answers again."""

    task: int = u8(doc="row of the slot table")


@event(APID_SYSTEM, 67, Severity.LOW)
class TimeDisagrees:
    """The lander's time is elsewhere: ours runs on until as many samples agree as a step needs."""

    ahead_ms: int = i32(unit="ms", doc="lander's time less ours")


TIME_OFFSET_S: Final = Parameter(
    140, "time.offset_s", U32, "s", absent=ABSENT_U32, doc="TAI less the board's clock, whole seconds"
)
TIME_OFFSET_US: Final = Parameter(141, "time.offset_us", U32, "us", absent=ABSENT_U32, doc="and microseconds")
TIME_DRIFT: Final = Parameter(
    142, "time.drift_ppb", I32, "ppb", absent=-0x8000_0000,
    doc="by how much the lander's clock is faster than ours; absent until it has been watched for long enough",
)  # fmt: skip
TIME_SAMPLE_AGE: Final = Parameter(143, "time.sample_age_ms", U32, "ms", absent=ABSENT_U32, doc="of the last tone used")
TIME_ERROR: Final = Parameter(
    144, "time.error_us", U32, "us", absent=ABSENT_U32, doc="bound: reading, what is still slewed, drift since the tone"
)
TIME_STEPS: Final = Parameter(145, "time.steps", U16)
TIME_DISAGREED: Final = Parameter(146, "time.disagreed", U16, doc="samples that were too far off to be used")

WARN: Final = Parameter(
    150, "health.warn_s", U8, "s", writable=True, low=1, high=60, initial=4, guarded=True,
    doc="a health ping without an answer for so long is told",
)  # fmt: skip
FATAL: Final = Parameter(
    151, "health.fatal_s", U8, "s", writable=True, low=2, high=120, initial=10, guarded=True,
    doc="and for so long, at least one second more than the warning, ends the watchdog's strokes for an essential task",
)  # fmt: skip
LATE_TASKS: Final = Parameter(152, "health.late_tasks", U32, doc="bit n: row n of the slot table is late")
REPAIRS: Final = Parameter(153, "health.repairs", U16, doc="flipped bits mended in this life")
SHORT_LIVES: Final = Parameter(154, "health.short_lives", U8, absent=255)
WATCHDOG_BITES: Final = Parameter(155, "health.watchdog_bites", U16, absent=ABSENT_U16, doc="resets by it, all lives")

PHASE: Final = Parameter(160, "lander.phase", U8, enum=Phase, absent=255)
QUIET: Final = Parameter(161, "lander.quiet", U8, absent=255, doc="bit 0 RF, 1 vibration, 2 dust, 3 manoeuvre")
PHASE_LEFT: Final = Parameter(162, "lander.phase_left_s", U32, "s", absent=ABSENT_U32)
COMMAND_LIMIT: Final = Parameter(
    163, "system.command_limit_s", U16, "s", doc="the command-loss limit in force: as set, or one whole pass if shorter"
)
RESUMES: Final = Parameter(164, "system.resumes", U8, enum=Mode, doc="the mode behind QUIET or POWER_DOWN")

HOUSEKEEPING: Final = Structure(
    12,
    "autonomy.housekeeping",
    (
        TIME_OFFSET_S, TIME_OFFSET_US, TIME_DRIFT, TIME_SAMPLE_AGE, TIME_ERROR, TIME_STEPS, TIME_DISAGREED,
        LATE_TASKS, REPAIRS, SHORT_LIVES, WATCHDOG_BITES, PHASE, QUIET, PHASE_LEFT, COMMAND_LIMIT, RESUMES,
    ),
)  # fmt: skip
