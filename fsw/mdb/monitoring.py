"""ST[12] on-board monitoring: layouts of tests/vectors/pus_tc.json, and what is our own (functions 25 and 27).

Raw values throughout: what stands on the wire of the parameter itself. Definitions of (12,5) are read and written in
monitor_definitions.py. Operators write `system.watch`, which takes parameters and events by name and holds what (12,5)
has no room for.
"""

from collections.abc import Callable
from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    F32,
    U16,
    U32,
    Parameter,
    Severity,
    array,
    boolean,
    command,
    cuc,
    enumerated,
    event,
    f32,
    report,
    rest,
    structure,
    telecommand,
    u8,
    u16,
    u32,
)
from fsw.pus.ids import APID_SYSTEM

MONITORS_MAX: Final = 64  # in one request
TRANSITIONS_MAX: Final = 40  # in one report
STATUSES_MAX: Final = 255
DEFINITIONS_MAX: Final = 40
VALUES_MAX: Final = 32  # of a delta check
DEFINITIONS_OCTETS: Final = 900
_ALL_BITS: Final = 0xFFFF_FFFF
MONITOR_ALARM: Final = 35
ALARM_FIRST: Final = 0xC0
_MEDIUM_ALARMS: Final = 16
_HIGH_ALARMS: Final = 16


@unique
class CheckType(IntEnum):
    """What a monitor does with a value (ECSS-E-ST-70-41C 6.12.3)."""

    EXPECTED = 0
    LIMIT = 1
    DELTA = 2


@unique
class CheckStatus(IntEnum):
    """What a monitor has found. Of an expected value 0 is "as expected" and 3 is "unexpected"; 5 and 6 are ours."""

    WITHIN = 0
    UNCHECKED = 1
    INVALID = 2  # its condition does not hold, or there is no reading
    BELOW = 3
    ABOVE = 4
    STALE = 5  # nobody has written the parameter for too long
    UNFIT = 6  # a kept definition that this mission's database does not know any more


@telecommand(12, 1, name="monitor.enable")
class EnableMonitors:
    """Check by these monitors, beginning with nothing known."""

    monitors: tuple[int, ...] = array(u16(), u8, low=1, high=MONITORS_MAX)


@telecommand(12, 2, name="monitor.disable")
class DisableMonitors:
    """Check by these monitors no more."""

    monitors: tuple[int, ...] = array(u16(), u8, low=1, high=MONITORS_MAX)


@telecommand(12, 3, name="monitor.delay")
class ReportingDelay:
    """The longest time that a transition waits for others to be reported with."""

    delay: int = u16(unit="100 ms")


@telecommand(12, 4, name="monitor.delete_all")
class DeleteAllMonitors:
    """Delete every monitor; monitoring must be off."""


@telecommand(12, 5, name="monitor.add")
class AddMonitors:
    """Add monitors; they begin disabled. What a definition holds follows from its check type."""

    count: int = u8(low=1, high=DEFINITIONS_MAX)
    definitions: bytes = rest(DEFINITIONS_OCTETS)


@telecommand(12, 6, name="monitor.delete")
class DeleteMonitors:
    """Delete these monitors; they must be disabled."""

    monitors: tuple[int, ...] = array(u16(), u8, low=1, high=MONITORS_MAX)


@telecommand(12, 7, name="monitor.modify")
class ModifyMonitors:
    """Give monitors new criteria for the same parameter; what they have found is forgotten."""

    count: int = u8(low=1, high=DEFINITIONS_MAX)
    definitions: bytes = rest(DEFINITIONS_OCTETS)


@telecommand(12, 8, name="monitor.describe")
class DescribeMonitors:
    """Report what these monitors are, as they would be added."""

    monitors: tuple[int, ...] = array(u16(), u8, low=1, high=MONITORS_MAX)


@report(12, 9, name="monitor.definitions")
class MonitorDefinitions:
    """What monitors are: the reporting delay, then definitions as in (12,5)."""

    delay: int = u16(unit="100 ms")
    count: int = u8(high=DEFINITIONS_MAX)
    definitions: bytes = rest(DEFINITIONS_OCTETS)


@telecommand(12, 10, name="monitor.report_abnormal")
class ReportAbnormal:
    """Which monitors have found something wrong?"""


@structure
class Transition:
    """A monitor has found something else than before. Of an expected value, `value` is what the mask leaves."""

    monitor: int = u16()
    parameter: int = u16()
    check: CheckType = enumerated(CheckType)
    value: float = f32(doc="raw; 0 where there is none")
    limit: float = f32(doc="raw: the limit or the expected value that was left or kept again; 0 where there is none")
    previous: CheckStatus = enumerated(CheckStatus)
    current: CheckStatus = enumerated(CheckStatus)
    time: bytes = cuc()


@report(12, 11, name="monitor.abnormal")
class Abnormal:
    """The last transitions of monitors that have found something wrong."""

    transitions: tuple[Transition, ...] = array(Transition, u8, high=TRANSITIONS_MAX)


@report(12, 12, name="monitor.transitions")
class Transitions:
    """What monitors have found since the last such report. The first finding that all is well is none."""

    transitions: tuple[Transition, ...] = array(Transition, u8, low=1, high=TRANSITIONS_MAX)


@telecommand(12, 13, name="monitor.report_status")
class ReportStatus:
    """What has each monitor found?"""


@structure
class MonitorStatus:
    """What one monitor has found last."""

    monitor: int = u16()
    status: CheckStatus = enumerated(CheckStatus)


@report(12, 14, name="monitor.status")
class Statuses:
    """What each monitor has found; in several reports where there are many."""

    statuses: tuple[MonitorStatus, ...] = array(MonitorStatus, u8, high=STATUSES_MAX)


@telecommand(12, 15, name="monitor.on")
class EnableMonitoring:
    """Switch monitoring on: enabled monitors check."""


@telecommand(12, 16, name="monitor.off")
class DisableMonitoring:
    """Switch monitoring off: nothing is checked."""


@command(APID_SYSTEM, function=25, name="watch")
class Watch:
    """Add one monitor with all that it can have; it begins disabled. An event or validity_parameter of 0 is none."""

    monitor: int = u16()
    parameter: int = u16()
    check: CheckType = enumerated(CheckType, default=CheckType.LIMIT)
    interval: int = u16(low=1, unit="100 ms", default=10)
    repetition: int = u8(low=1, default=1, doc="so many like results, one after the other, are a finding")
    low: float = f32(default=F32.low, doc="raw; of a delta check the least mean change from value to value")
    low_event: int = u16(default=MONITOR_ALARM, doc="below low; or not as expected")
    high: float = f32(default=F32.high)
    high_event: int = u16(default=MONITOR_ALARM)
    values: int = u8(low=1, high=VALUES_MAX, default=1, doc="changes that a delta check takes the mean of")
    mask: int = u32(default=_ALL_BITS, doc="bits that an expected value is compared in")
    expected: int = u32(default=0)
    validity_parameter: int = u16(default=0, doc="checked only while this one, masked, has its expected value")
    validity_mask: int = u32(default=_ALL_BITS)
    validity_expected: int = u32(default=0)
    stale_intervals: int = u16(default=0, doc="stale when not written for so many intervals; 0: whatever its age")
    stale_event: int = u16(default=MONITOR_ALARM)


@command(APID_SYSTEM, function=27, name="watched")
class ReportWatched:
    """Report all that these monitors are and have found, one (12,128) each."""

    monitors: tuple[int, ...] = array(u16(), u8, low=1, high=MONITORS_MAX)


@report(12, 128, name="monitor.watched")
class Watched:
    """All that a monitor is and has found."""

    enabled: bool = boolean()
    status: CheckStatus = enumerated(CheckStatus)
    monitor: int = u16()
    parameter: int = u16()
    check: CheckType = enumerated(CheckType)
    interval: int = u16(unit="100 ms")
    repetition: int = u8()
    low: float = f32()
    low_event: int = u16()
    high: float = f32()
    high_event: int = u16()
    values: int = u8()
    mask: int = u32()
    expected: int = u32()
    validity_parameter: int = u16()
    validity_mask: int = u32()
    validity_expected: int = u32()
    stale_intervals: int = u16()
    stale_event: int = u16()


def _alarm(number: int, severity: Severity, name: str) -> Callable[..., object]:
    @event(APID_SYSTEM, number, severity, name=name)
    class Alarm:
        """A monitor has found something wrong. Each alarm can have a response of its own (ST[19])."""

        monitor: int = u16()
        parameter: int = u16(doc="parameter id")
        status: CheckStatus = enumerated(CheckStatus)
        value: float = f32(doc="raw; 0 where there is none")

    return Alarm


MonitorAlarm: Final = _alarm(MONITOR_ALARM, Severity.MEDIUM, "monitor_alarm")
ALARMS: Final = (
    *(_alarm(ALARM_FIRST + n, Severity.MEDIUM, f"alarm_{n + 1}") for n in range(_MEDIUM_ALARMS)),
    *(
        _alarm(ALARM_FIRST + n, Severity.HIGH, f"alarm_{n + 1}")
        for n in range(_MEDIUM_ALARMS, _MEDIUM_ALARMS + _HIGH_ALARMS)
    ),
)
"""What monitors may raise beside `MonitorAlarm`, so that each can be answered in its own way."""

MONITORS: Final = Parameter(80, "monitoring.monitors", U16, doc="monitors that are defined")
ENABLED: Final = Parameter(81, "monitoring.enabled", U16, doc="of them, those that check; 0 while monitoring is off")
ABNORMAL: Final = Parameter(82, "monitoring.abnormal", U16, doc="of them, those that have found something wrong")
CHECKS: Final = Parameter(83, "monitoring.checks", U32, doc="since boot")
TRANSITIONS: Final = Parameter(84, "monitoring.transitions", U16, doc="since boot")
