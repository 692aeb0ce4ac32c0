"""What the power process says and takes: loads, allocation, the lander's notices."""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    U8,
    U16,
    U32,
    Hazard,
    Parameter,
    Process,
    Severity,
    Structure,
    boolean,
    command,
    enumerated,
    event,
    u8,
    u16,
    u32,
)
from fsw.mdb.system import ABSENT_U16, ABSENT_U32
from fsw.pus.ids import APID_POWER

POWER: Final = Process(APID_POWER, "power", "loads, allocation, power notices")


@unique
class Circuit(IntEnum):
    """Circuits of the lander that feed us (contract, section 4)."""

    OPS = 0
    HEATER = 1
    RELEASE = 2


@unique
class NoticeAction(IntEnum):
    """What the lander is about to do to a circuit (contract, section 4)."""

    OFF = 0
    ON = 1
    REDUCE = 2
    CYCLE = 3


@unique
class NoticeReason(IntEnum):
    """Why the lander is about to do it (contract, section 4)."""

    PLANNED = 0
    SHED = 1
    FAULT = 2
    EMERGENCY = 3


@unique
class SwitchReason(IntEnum):
    """Why a load was switched or shed."""

    COMMAND = 0
    NOTICE = 1
    ALLOCATION = 2
    LIMIT = 3
    SAFE_MODE = 4
    BOOT = 5


@command(APID_POWER, function=2, hazard=Hazard.DEPENDENT, name="switch")
class SwitchLoad:
    """Switch a load of the payload on or off."""

    load: int = u8(high=31, doc="row of the mission's load table")
    on: bool = boolean()


@command(APID_POWER, function=3, hazard=Hazard.DEPENDENT, name="heater")
class RequestHeater:
    """Ask the lander for the heater circuit, or give it back."""

    on: bool = boolean()


@event(APID_POWER, 0x201, Severity.MEDIUM)
class Notice:
    """The lander announced what it will do to a circuit."""

    circuit: int = u8(enum=Circuit)
    action: int = u8(enum=NoticeAction)
    seconds_until: int = u16(unit="s")
    reason: int = u8(enum=NoticeReason)


@event(APID_POWER, 0x202, Severity.INFO)
class LoadSwitched:
    """A load was switched."""

    load: int = u8(doc="row of the mission's load table")
    on: bool = boolean()
    reason: SwitchReason = enumerated(SwitchReason)


@event(APID_POWER, 0x203, Severity.MEDIUM)
class LoadShed:
    """A load was switched off so that others may stay on."""

    load: int = u8(doc="row of the mission's load table")
    reason: SwitchReason = enumerated(SwitchReason)


@event(APID_POWER, 0x204, Severity.INFO)
class ReadyForOff:
    """We are ready for a circuit to go off; `clean` when all that had to be kept is kept."""

    circuit: int = u8(enum=Circuit)
    clean: bool = boolean()


@event(APID_POWER, 0x205, Severity.INFO)
class AllocationChanged:
    """The power we may draw changed."""

    limit_mw: int = u32(unit="mW")


BUS: Final = Parameter(0x0200, "power.bus_mv", U16, "mV", absent=ABSENT_U16, doc="OPS circuit, by the lander's status")
AVERAGE: Final = Parameter(0x0201, "power.average_ma", U16, "mA", absent=ABSENT_U16)
MAXIMUM: Final = Parameter(0x0202, "power.max_ma", U16, "mA", absent=ABSENT_U16)
LIMIT: Final = Parameter(0x0203, "power.limit_ma", U16, "mA", absent=ABSENT_U16)
TRIP: Final = Parameter(0x0204, "power.trip", U8, absent=0xFF, limit_high=0)
ALLOCATION: Final = Parameter(0x0205, "power.allocation_mw", U32, "mW", absent=ABSENT_U32, doc="absent: none given yet")
LOAD: Final = Parameter(0x0206, "power.load_mw", U32, "mW", doc="of the loads that are on, by the mission's table")
LOADS_ON: Final = Parameter(0x0207, "power.loads_on", U32, doc="bit n: row n of the mission's load table")
NOTICES: Final = Parameter(0x0208, "power.notices", U16)

HOUSEKEEPING: Final = Structure(
    3, "power.housekeeping", (BUS, AVERAGE, MAXIMUM, LIMIT, TRIP, ALLOCATION, LOAD, LOADS_ON, NOTICES)
)
