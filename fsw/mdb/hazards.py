"""Hazardous commands: armed, then executed by the number that the arm report gives. Ours: functions 60 to 62 of 0x020.

A hazardous command that comes by itself, from the ground or from on board, is refused with 0x19. Armed is a whole
telecommand packet; its own reports name it as if it had come alone, once it is executed.
"""

from typing import Final

from fsw.mdb.model import (
    U8,
    U16,
    Hazard,
    Parameter,
    Severity,
    command,
    event,
    octets,
    packet,
    report,
    u8,
    u16,
    u32,
)
from fsw.pus.ids import APID_SYSTEM, Service

ARMED_SUBTYPE: Final = 190
"""Our own report of service 8: what is armed."""
INNER_OCTETS_MAX: Final = 960
"""Longest telecommand that can be armed, so that an expiry still fits around it."""
WITHIN_S: Final = 60


@command(APID_SYSTEM, function=60, hazard=Hazard.DEPENDENT, name="arm")
class Arm:
    """Arm a hazardous command; the report gives the number to execute it by, once, within 60 s."""

    packet: bytes = packet(INNER_OCTETS_MAX, doc="the whole hazardous telecommand")


@command(APID_SYSTEM, function=61, hazard=Hazard.DEPENDENT, name="execute")
class Execute:
    """Execute what was armed."""

    nonce: int = u32(doc="of the arm report")


@command(APID_SYSTEM, function=62, hazard=Hazard.DEPENDENT, name="disarm")
class Disarm:
    """Take back what was armed."""

    nonce: int = u32(doc="of the arm report")


@report(Service.FUNCTIONS, ARMED_SUBTYPE, name="system.armed")
class Armed:
    """What is armed, and what it takes to execute it."""

    nonce: int = u32(doc="for system.execute or system.disarm, once")
    request_id: bytes = octets(4, doc="of what is armed")
    service: int = u8()
    subtype: int = u8()
    function: int = u16(doc="0 outside service 8")
    checksum: int = u16(doc="CRC-16 of the packet that is armed: its last two octets")
    source: int = u16(doc="who armed it")
    operators: int = u8(low=1, high=2, doc="2: another source id must execute it")
    phases: int = u32(doc="bit n: allowed in phase n of the lander; bit 31: in one that is not known")
    within_s: int = u8(unit="s", doc="until when, from this report on")


@event(APID_SYSTEM, 95, Severity.MEDIUM)
class HazardArmed:
    """A hazardous command is armed."""

    request_id: bytes = octets(4)
    source: int = u16(doc="who armed it")


@event(APID_SYSTEM, 96, Severity.MEDIUM)
class HazardExecuted:
    """What was armed goes to its process."""

    request_id: bytes = octets(4)
    armed_by: int = u16()
    executed_by: int = u16()


@event(APID_SYSTEM, 97, Severity.LOW)
class HazardDropped:
    """What was armed will not be executed: nobody did in time, or it was disarmed."""

    request_id: bytes = octets(4)
    disarmed: int = u8(high=1, doc="0: its time was over")


ARMED_NOW: Final = Parameter(220, "hazards.armed", U8, doc="commands that are armed now")
ARMS: Final = Parameter(221, "hazards.arms", U16, doc="arms of this life")
EXECUTED: Final = Parameter(222, "hazards.executed", U16)
OVER: Final = Parameter(223, "hazards.expired", U16, doc="armed, and nobody executed them in time")
BARE: Final = Parameter(224, "hazards.refused_bare", U16, doc="hazardous commands that came without being armed: 0x19")
UNKNOWN: Final = Parameter(225, "hazards.refused_nonce", U16, doc="numbers that are of no arm: 0x10")
LATE: Final = Parameter(226, "hazards.refused_late", U16, doc="executed or disarmed too late: 0x1C")
WRONG_TIME: Final = Parameter(227, "hazards.refused_phase", U16, doc="in a phase or mode that does not allow it: 0x14")
ALONE: Final = Parameter(228, "hazards.refused_operator", U16, doc="executed by who armed it, where two must: 0x07")
OTHERWISE: Final = Parameter(229, "hazards.refused_otherwise", U16, doc="arm, execute, disarm refused for all else")
