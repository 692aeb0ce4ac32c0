"""What the system process says and takes: modes, boot, time, housekeeping of the computer (contract, section 3)."""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    I16,
    U8,
    U16,
    U32,
    Hazard,
    Parameter,
    Process,
    Severity,
    Structure,
    command,
    enumerated,
    event,
    i32,
    octets,
    text,
    u8,
    u16,
    u32,
)
from fsw.pus.ids import APID_SYSTEM, TimeStatus

SYSTEM: Final = Process(APID_SYSTEM, "system", "modes, time, housekeeping; the board's common services")
ABSENT_U16: Final = 0xFFFF
ABSENT_U32: Final = 0xFFFF_FFFF
ABSENT_I16: Final = -0x8000


@unique
class Mode(IntEnum):
    """Modes of the board."""

    BOOT = 0
    SAFE = 1
    NOMINAL = 2
    OBSERVE = 3  # instruments alone: bulk work waits
    QUIET = 4  # descent: nothing is written, nothing moves
    POWER_DOWN = 5  # the lander has announced that it switches us off


@unique
class CommandedMode(IntEnum):
    """Modes that a command may ask for."""

    SAFE = 1
    NOMINAL = 2
    OBSERVE = 3
    QUIET = 4


@unique
class ResetCause(IntEnum):
    """How the life before ended."""

    UNKNOWN = 0  # the first boot, or nothing was left to tell
    ORDERLY = 1
    CUT = 2
    READY_FOR_OFF = 3
    WATCHDOG = 4
    COMMANDED = 5
    FAULT = 6
    BROWN_OUT = 7  # a cut while the supply had been seen too low


@unique
class ModeReason(IntEnum):
    """Why the mode changed."""

    BOOT_DONE = 0
    COMMAND = 1
    STRIKE_OUT = 2  # an essential task is dead
    LANDER = 3  # the lander asked for safe
    STORE = 4
    COMMAND_LOSS = 5  # no telecommand for too long
    LANDER_SILENT = 6  # no heartbeat of the lander's for ten minutes
    MONITOR = 7  # a response on board
    QUIET = 8  # the lander must have it quiet
    QUIET_OVER = 9
    POWER_NOTICE = 10  # the lander announced that our power goes
    POWER_STAYS = 11  # the notice was withdrawn, or not carried out
    KEPT = 12  # it was SAFE when the life before ended
    RESET_LOOP = 13  # too many short lives


@unique
class StopReason(IntEnum):
    """Why the process ends."""

    SIGNAL = 0
    POWER_NOTICE = 1
    COMMAND = 2
    FAULT = 3


@unique
class CrcBackend(IntEnum):
    """Who computes the CRC (architecture, dependencies)."""

    CRCMOD = 0
    BINASCII = 1


@unique
class LimitState(IntEnum):
    """Where a parameter stands between its limits."""

    WITHIN = 0
    LOW = 1
    HIGH = 2
    UNCHECKED = 3  # absent, or without limits


@command(APID_SYSTEM, function=2, hazard=Hazard.DEPENDENT, name="mode")
class SetMode:
    """Change the mode of the board."""

    mode: CommandedMode = enumerated(CommandedMode)


@event(APID_SYSTEM, 1, Severity.INFO, name="booted")
class Booted:
    """The first report of a life: which boot this is, how the life before ended, what flies."""

    boot_count: int = u32(doc="0: not known, the store did not answer in time")
    reset_cause: int = u8(enum=ResetCause)
    database: bytes = octets(8, doc="first octets of the mission database's digest")
    version: str = text(16, doc="software version")


@event(APID_SYSTEM, 2, Severity.INFO)
class ModeChanged:
    """The mode changed."""

    mode_from: Mode = enumerated(Mode)
    mode_to: Mode = enumerated(Mode)
    reason: ModeReason = enumerated(ModeReason)


@event(APID_SYSTEM, 3, Severity.INFO)
class TimeLocked:
    """Time is taken from the lander's tone; `step_ms` is how far the scale moved."""

    step_ms: int = i32(unit="ms")


@event(APID_SYSTEM, 4, Severity.LOW)
class TimeFlywheel:
    """The lander's tone is lost; time runs on by our own clock."""


@event(APID_SYSTEM, 5, Severity.HIGH)
class StoreFault:
    """The store does not keep what it is given."""

    code: int = u8()


@event(APID_SYSTEM, 6, Severity.INFO)
class StoreRecovered:
    """The store keeps again what it is given."""


@event(APID_SYSTEM, 7, Severity.MEDIUM)
class TaskRestarted:
    """A task failed and was started anew."""

    task: int = u8(doc="row of the slot table")
    strikes: int = u8()


@event(APID_SYSTEM, 8, Severity.HIGH)
class TaskStruckOut:
    """A task failed too often and stays stopped."""

    task: int = u8(doc="row of the slot table")


@event(APID_SYSTEM, 9, Severity.MEDIUM)
class LimitCrossed:
    """A parameter left its limits."""

    parameter: int = u16(doc="parameter id")
    state: LimitState = enumerated(LimitState)
    value: int = i32(doc="raw value")


@event(APID_SYSTEM, 10, Severity.INFO)
class LimitBack:
    """A parameter is back within its limits."""

    parameter: int = u16(doc="parameter id")
    value: int = i32(doc="raw value")


@event(APID_SYSTEM, 11, Severity.INFO)
class Stopping:
    """The process ends."""

    orderly: int = u8(high=1)
    reason: StopReason = enumerated(StopReason)


@event(APID_SYSTEM, 12, Severity.MEDIUM)
class ParameterCorrupted:
    """A parameter and its complement did not agree: its initial value is in force."""

    parameter: int = u16(doc="parameter id")


@event(APID_SYSTEM, 13, Severity.LOW)
class CommandLossNear:
    """So much time is left for a telecommand to come; then the board goes to SAFE."""

    left_s: int = u16(unit="s")


@event(APID_SYSTEM, 14, Severity.HIGH)
class CommandLost:
    """No telecommand was accepted for so long: the board goes to SAFE."""

    after_s: int = u16(unit="s")


BOOT_COUNT: Final = Parameter(1, "system.boot_count", U32)
UPTIME: Final = Parameter(2, "system.uptime_s", U32, "s")
MODE: Final = Parameter(3, "system.mode", U8, enum=Mode)
CPU_LOAD: Final = Parameter(4, "system.cpu_load", U16, "permille", absent=ABSENT_U16)
PACKAGE_TEMPERATURE: Final = Parameter(
    5, "system.package_temperature", I16, "cdegC", limit_low=-2_000, limit_high=8_000, absent=ABSENT_I16
)
MEMORY_USED: Final = Parameter(6, "system.memory_used", U16, "permille", absent=ABSENT_U16)
DISK_USED: Final = Parameter(7, "system.disk_used", U16, "permille", limit_high=980, absent=ABSENT_U16)
THROTTLED: Final = Parameter(8, "system.throttled", U32, absent=ABSENT_U32, doc="flags as the firmware shows them")
SUPPLY: Final = Parameter(9, "system.supply_mv", U16, "mV", absent=ABSENT_U16)
SCRATCH: Final = Parameter(10, "system.scratch", U32, writable=True, doc="kept over resets; for whoever tests the link")
RESET_CAUSE: Final = Parameter(11, "system.reset_cause", U8, enum=ResetCause)
TIME_STATUS: Final = Parameter(12, "system.time_status", U8, enum=TimeStatus)
OVERRUNS: Final = Parameter(13, "system.overruns", U16, doc="steps that took longer than their budget")
SLIPS: Final = Parameter(14, "system.slips", U16, doc="base ticks missed")
LATENESS_MAX: Final = Parameter(15, "system.lateness_max_us", U32, "us", doc="of a tick, since the counters were reset")
TASK_RESTARTS: Final = Parameter(16, "system.task_restarts", U8)
STORE_FAULT: Final = Parameter(17, "system.store_fault", U8, doc="0: none")
CRC_BACKEND: Final = Parameter(18, "system.crc_backend", U8, enum=CrcBackend)
TIME_DISCARDED: Final = Parameter(19, "system.time_discarded", U16, doc="time messages whose tone did not come")
COMMAND_LOSS: Final = Parameter(
    20, "system.command_loss_min", U8, "min", writable=True, low=5, high=109, initial=40, guarded=True,
    doc="time without a telecommand until SAFE, blackouts that the lander announced not counted; kept over resets",
)  # fmt: skip
COMMAND_LEFT: Final = Parameter(
    21, "system.command_left_s", U16, "s", absent=ABSENT_U16,
    doc="until that time is over; absent before the first telecommand of a life and after SAFE",
)  # fmt: skip

HOUSEKEEPING: Final = Structure(
    1,
    "system.housekeeping",
    (
        BOOT_COUNT, UPTIME, MODE, CPU_LOAD, PACKAGE_TEMPERATURE, MEMORY_USED, DISK_USED, THROTTLED, SUPPLY,
        RESET_CAUSE, TIME_STATUS, OVERRUNS, SLIPS, LATENESS_MAX, TASK_RESTARTS, STORE_FAULT, CRC_BACKEND,
        TIME_DISCARDED, COMMAND_LEFT,
    ),
)  # fmt: skip
