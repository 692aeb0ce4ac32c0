"""ECSS services that every mission has: ST[08] 0 and 1 and ST[17] of every process; ST[03], [05], [09], [20] of system.

ST[03] 128 to 130 and ST[20] 128 to 132 are ours.
Layouts as in tests/vectors/pus_tc.json and pus_tm.json: ids u16; counts u16 in housekeeping, u8 elsewhere.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    EVERY_PROCESS,
    Hazard,
    array,
    boolean,
    command,
    enumerated,
    report,
    rest,
    structure,
    telecommand,
    u8,
    u16,
)

STRUCTURES_MAX: Final = 32  # in one request
PARAMETERS_MAX: Final = 64  # in one structure or request
EVENTS_MAX: Final = 64
RATE_EXPONENT_MAX: Final = 8
_VALUES_OCTETS: Final = 900
_HOUSEKEEPING_OCTETS: Final = 1007  # the largest structure that a database takes, less its id


@command(EVERY_PROCESS, function=0)
class Noop:
    """Do nothing, and be seen to do it: a valid command is counted."""


@command(EVERY_PROCESS, function=1)
class ResetCounters:
    """Set the process's counters to zero."""


@telecommand(17, 1, apid=EVERY_PROCESS, name="ping")
class Ping:
    """Are you alive?"""


@report(17, 2, apid=EVERY_PROCESS, name="pong")
class Pong:
    """I am."""


@telecommand(17, 3, apid=EVERY_PROCESS, name="connection_test")
class ConnectionTest:
    """Can you reach that process?"""

    apid: int = u16(high=0x7FF)


@report(17, 4, apid=EVERY_PROCESS, name="connection_report")
class ConnectionReport:
    """That process answered."""

    apid: int = u16(high=0x7FF)


@telecommand(3, 1, name="housekeeping.create")
class CreateStructure:
    """Make a housekeeping structure; it starts disabled. Super-commutated sets are not served: their count is 0."""

    sid: int = u16(low=1)
    interval: int = u16(low=1, unit="100 ms")
    parameters: tuple[int, ...] = array(u16(), u16, low=1, high=PARAMETERS_MAX)
    sets: int = u16(high=0, default=0)


@telecommand(3, 3, name="housekeeping.delete")
class DeleteStructures:
    """Delete structures made in flight; enabled ones stay."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@telecommand(3, 5, name="housekeeping.enable")
class EnableStructures:
    """Send these structures periodically."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@telecommand(3, 6, name="housekeeping.disable")
class DisableStructures:
    """Send these structures no more."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@telecommand(3, 9, name="housekeeping.describe")
class DescribeStructures:
    """Report what these structures hold, one (3,10) each."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@report(3, 10, name="housekeeping.structure")
class StructureReport:
    """What one structure holds."""

    sid: int = u16()
    enabled: bool = boolean()
    interval: int = u16(unit="100 ms")
    parameters: tuple[int, ...] = array(u16(), u16, high=PARAMETERS_MAX)
    sets: int = u16(high=0, default=0)


@report(3, 25, name="housekeeping.report")
class HousekeepingReport:
    """Values of a structure, in its order; their widths follow from the structure."""

    sid: int = u16()
    values: bytes = rest(_HOUSEKEEPING_OCTETS)


@telecommand(3, 27, name="housekeeping.once")
class ReportOnce:
    """Send these structures once, now."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@telecommand(3, 29, name="housekeeping.append")
class AppendParameters:
    """Add parameters at the end of a disabled structure made in flight. Super-commutated sets: as for create."""

    sid: int = u16()
    parameters: tuple[int, ...] = array(u16(), u16, low=1, high=PARAMETERS_MAX)
    sets: int = u16(high=0, default=0)


@structure
class SidInterval:
    """A structure and its new collection interval."""

    sid: int = u16()
    interval: int = u16(low=1, unit="100 ms")


@telecommand(3, 31, name="housekeeping.interval")
class ModifyIntervals:
    """Change collection intervals."""

    changes: tuple[SidInterval, ...] = array(SidInterval, u16, low=1, high=STRUCTURES_MAX)


@telecommand(3, 33, name="housekeeping.properties")
class DescribePeriods:
    """Report whether these structures are sent, and how often."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@structure
class PeriodicProperties:
    """Whether a structure is sent, and its collection interval."""

    sid: int = u16()
    enabled: bool = boolean()
    interval: int = u16(unit="100 ms")


@report(3, 35, name="housekeeping.properties_report")
class PeriodicReport:
    """Whether structures are sent, and how often."""

    properties: tuple[PeriodicProperties, ...] = array(PeriodicProperties, u16, high=STRUCTURES_MAX)


@unique
class RateMode(IntEnum):
    """What of a structure's collections is sent."""

    OFF = 0
    EVERY = 1
    ON_CHANGE = 2  # what differs from the one sent last
    ON_CHANGE_OR_EVERY = 3  # and at the latest so many intervals after it


@structure
class SidRate:
    """What is sent of a structure; `longest` is for ON_CHANGE_OR_EVERY, and 0 otherwise."""

    sid: int = u16()
    mode: RateMode = enumerated(RateMode)
    longest: int = u16(unit="intervals")


@telecommand(3, 128, name="housekeeping.rate")
class SetRates:
    """Choose what is sent of these structures: OFF disables, everything else enables."""

    rates: tuple[SidRate, ...] = array(SidRate, u16, low=1, high=STRUCTURES_MAX)


@telecommand(3, 129, name="housekeeping.rates")
class DescribeRates:
    """Report what is sent of these structures."""

    sids: tuple[int, ...] = array(u16(), u16, low=1, high=STRUCTURES_MAX)


@report(3, 130, name="housekeeping.rates_report")
class RatesReport:
    """What is sent of structures."""

    rates: tuple[SidRate, ...] = array(SidRate, u16, high=STRUCTURES_MAX)


@telecommand(5, 5, name="event.enable")
class EnableEvents:
    """Report these events again."""

    events: tuple[int, ...] = array(u16(), u8, low=1, high=EVENTS_MAX)


@telecommand(5, 6, name="event.disable")
class DisableEvents:
    """Report these events no more."""

    events: tuple[int, ...] = array(u16(), u8, low=1, high=EVENTS_MAX)


@telecommand(5, 7, name="event.list_disabled")
class ListDisabledEvents:
    """Which events are not reported?"""


@report(5, 8, name="event.disabled")
class DisabledEvents:
    """The events that are not reported."""

    events: tuple[int, ...] = array(u16(), u8, high=255)


@telecommand(9, 1, name="time.rate")
class TimeRate:
    """Send a time report every 2^exponent frames of VC 0."""

    exponent: int = u8(high=RATE_EXPONENT_MAX)


@telecommand(20, 1, name="parameter.report")
class ReportParameters:
    """Report the values of these parameters."""

    parameters: tuple[int, ...] = array(u16(), u8, low=1, high=PARAMETERS_MAX)


@report(20, 2, name="parameter.values")
class ParameterValues:
    """Values of parameters: id u16 and value, whose width follows from the id, each (Database.decode_values)."""

    count: int = u8(high=PARAMETERS_MAX)
    values: bytes = rest(_VALUES_OCTETS)


@telecommand(20, 3, name="parameter.set", hazard=Hazard.DEPENDENT)
class SetParameters:
    """Set parameters: id u16 and value, whose width follows from the id, each (Database.decode_values)."""

    count: int = u8(low=1, high=PARAMETERS_MAX)
    values: bytes = rest(_VALUES_OCTETS)


@unique
class ValueKind(IntEnum):
    """Types of parameters, as their definitions name them."""

    U8 = 0
    U16 = 1
    U32 = 2
    I8 = 3
    I16 = 4
    I32 = 5
    F32 = 6


@structure
class ParameterDefinition:
    """What the board takes a parameter for."""

    parameter: int = u16()
    kind: ValueKind = enumerated(ValueKind)
    writable: bool = boolean()
    guarded: bool = boolean(doc="kept beside its complement")


@telecommand(20, 6, name="parameter.describe")
class DescribeParameters:
    """Report what the board takes these parameters for."""

    parameters: tuple[int, ...] = array(u16(), u8, low=1, high=PARAMETERS_MAX)


@report(20, 7, name="parameter.definitions")
class ParameterDefinitions:
    """What the board takes parameters for."""

    definitions: tuple[ParameterDefinition, ...] = array(ParameterDefinition, u8, high=PARAMETERS_MAX)


@telecommand(20, 128, name="parameter.stage")
class StageParameters:
    """Lay values aside, over those already laid aside; nothing is in force before parameter.commit."""

    count: int = u8(low=1, high=PARAMETERS_MAX)
    values: bytes = rest(_VALUES_OCTETS)


@telecommand(20, 129, name="parameter.validate")
class ValidateStaged:
    """Check what is laid aside as a whole, and report how many values it is and their checksum."""


@report(20, 130, name="parameter.staged")
class StagedReport:
    """What is laid aside: how many values, and the CRC-16 of their list (id, value; in order of id)."""

    count: int = u8(high=PARAMETERS_MAX)
    checksum: int = u16()


@telecommand(20, 131, name="parameter.commit", hazard=Hazard.DEPENDENT)
class CommitStaged:
    """Put in force, all or none, what parameter.validate has reported with this checksum."""

    checksum: int = u16()


@telecommand(20, 132, name="parameter.discard")
class DiscardStaged:
    """Forget what is laid aside."""


VALUE_LISTS: Final = (SetParameters, StageParameters)
"""Telecommands that carry values of parameters, whose widths follow from their ids."""
