"""ST[11] time-based scheduling: layouts as in tests/vectors/pus_tc.json and pus_tm.json, groups left out.

Request ids are those of the scheduled telecommands: source id, APID, sequence count. Activities are counted with u8
where they are inserted, with u16 where they are named or reported; a time comes before what it is for, a shift in
seconds. Subtypes from 128 on are ours: the Book knows no late policy.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    U8,
    U16,
    U32,
    Hazard,
    Parameter,
    Severity,
    Structure,
    array,
    boolean,
    cuc,
    enumerated,
    event,
    i32,
    packet,
    report,
    structure,
    telecommand,
    u8,
    u16,
    u32,
    window,
)
from fsw.pus.ids import APID_SYSTEM

REQUEST_OCTETS_MAX: Final = 960
"""The longest telecommand that is scheduled; a detail report of it still fits a packet."""
SUBSCHEDULES_MAX: Final = 64
IDS_MAX: Final = 160
BATCH_MAX: Final = 16
"""Activities that one event names, and that are released, or not, in one turn."""
DETAILS_OCTETS: Final = 1_000
SUMMARIES_MAX: Final = 70
LATE_S: Final = 10


@unique
class LatePolicy(IntEnum):
    """What becomes of an activity whose time has passed when it could have been released."""

    SKIP = 0
    RUN = 1


@unique
class LateCause(IntEnum):
    """Why an activity was not released at its time."""

    BOARD_OFF = 0
    TIME_UNKNOWN = 1  # the board was on, and had no time
    TIME_JUMP = 2
    HELD = 3  # the store did not keep the release mark in time, or too much was due at once


@unique
class BlockedBy(IntEnum):
    """What was disabled when an activity's time came."""

    FUNCTION = 0
    SUBSCHEDULE = 1


@unique
class ScheduleState(IntEnum):
    """What the schedule is doing."""

    LOADING = 0  # the store has not given back yet what it keeps
    DISABLED = 1
    WAITING = 2  # enabled; the time is not known
    RUNNING = 3


@structure
class TimedRequest:
    """A telecommand and when it is released."""

    release: bytes = cuc()
    request: bytes = packet(REQUEST_OCTETS_MAX)


@structure
class LateRequest:
    """The same, and what is to be done when its time has passed."""

    late: LatePolicy = enumerated(LatePolicy)
    release: bytes = cuc()
    request: bytes = packet(REQUEST_OCTETS_MAX)


@structure
class RequestId:
    """Names a scheduled telecommand; not the request id of ST[01]."""

    source_id: int = u16()
    apid: int = u16(high=0x7FF)
    count: int = u16(high=0x3FFF)


@structure
class Detail:
    """An activity as it is reported whole."""

    subschedule: int = u8()
    release: bytes = cuc()
    request: bytes = packet(REQUEST_OCTETS_MAX)


@structure
class Summary:
    """An activity as it is reported by name."""

    subschedule: int = u8()
    release: bytes = cuc()
    source_id: int = u16()
    apid: int = u16(high=0x7FF)
    count: int = u16(high=0x3FFF)


@structure
class Planned:
    """An activity by name with its late policy."""

    subschedule: int = u8()
    late: LatePolicy = enumerated(LatePolicy)
    release: bytes = cuc()
    source_id: int = u16()
    apid: int = u16(high=0x7FF)
    count: int = u16(high=0x3FFF)


@structure
class SubscheduleState:
    """Whether a sub-schedule is enabled."""

    subschedule: int = u8()
    enabled: bool = boolean()


@telecommand(11, 1, hazard=Hazard.DEPENDENT, name="schedule.enable")
class EnableSchedule:
    """Release activities at their times. Kept over resets."""


@telecommand(11, 2, hazard=Hazard.DEPENDENT, name="schedule.disable")
class DisableSchedule:
    """Release nothing; what falls due meanwhile is removed. Kept over resets."""


@telecommand(11, 3, hazard=Hazard.DEPENDENT, name="schedule.reset")
class ResetSchedule:
    """Disable the schedule, delete every activity and every sub-schedule."""


@telecommand(11, 4, hazard=Hazard.DEPENDENT, name="schedule.insert")
class InsertActivities:
    """Schedule telecommands, to be skipped when they are late; an unknown sub-schedule begins, enabled."""

    subschedule: int = u8()
    activities: tuple[TimedRequest, ...] = array(TimedRequest, low=1, high=60, octets=DETAILS_OCTETS)


@telecommand(11, 128, hazard=Hazard.DEPENDENT, name="schedule.insert_late")
class InsertLateActivities:
    """Schedule telecommands, each with what becomes of it when it is late."""

    subschedule: int = u8()
    activities: tuple[LateRequest, ...] = array(LateRequest, low=1, high=60, octets=DETAILS_OCTETS)


@telecommand(11, 5, hazard=Hazard.DEPENDENT, name="schedule.delete")
class DeleteActivities:
    """Delete activities by name."""

    requests: tuple[RequestId, ...] = array(RequestId, u16, low=1, high=IDS_MAX)


@telecommand(11, 6, hazard=Hazard.DEPENDENT, name="schedule.delete_window")
class DeleteWindow:
    """Delete the activities of a window of time, of these sub-schedules or (none named) of all."""

    window: bytes = window()
    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@telecommand(11, 7, hazard=Hazard.DEPENDENT, name="schedule.shift")
class ShiftActivities:
    """Move activities in time, by name."""

    shift_s: int = i32(unit="s")
    requests: tuple[RequestId, ...] = array(RequestId, u16, low=1, high=IDS_MAX)


@telecommand(11, 8, hazard=Hazard.DEPENDENT, name="schedule.shift_window")
class ShiftWindow:
    """Move the activities of a window of time, of these sub-schedules or (none named) of all."""

    shift_s: int = i32(unit="s")
    window: bytes = window()
    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@telecommand(11, 15, hazard=Hazard.DEPENDENT, name="schedule.shift_all")
class ShiftAll:
    """Move every activity in time."""

    shift_s: int = i32(unit="s")


@telecommand(11, 9, name="schedule.details")
class ReportDetails:
    """Report activities whole, by name."""

    requests: tuple[RequestId, ...] = array(RequestId, u16, low=1, high=IDS_MAX)


@telecommand(11, 11, name="schedule.details_window")
class ReportDetailsWindow:
    """Report the activities of a window of time whole."""

    window: bytes = window()
    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@telecommand(11, 16, name="schedule.details_all")
class ReportDetailsAll:
    """Report every activity whole."""


@telecommand(11, 12, name="schedule.summary")
class ReportSummary:
    """Report activities by name and time."""

    requests: tuple[RequestId, ...] = array(RequestId, u16, low=1, high=IDS_MAX)


@telecommand(11, 14, name="schedule.summary_window")
class ReportSummaryWindow:
    """Report the activities of a window of time by name and time."""

    window: bytes = window()
    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@telecommand(11, 17, name="schedule.summary_all")
class ReportSummaryAll:
    """Report every activity by name and time."""


@telecommand(11, 129, name="schedule.list")
class ListActivities:
    """Report the activities of a window of time by name, time and late policy."""

    window: bytes = window()
    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@telecommand(11, 18, name="schedule.subschedules")
class ReportSubschedules:
    """Which sub-schedules are there, and are they enabled?"""


@telecommand(11, 20, hazard=Hazard.DEPENDENT, name="schedule.enable_subschedules")
class EnableSubschedules:
    """Release the activities of these sub-schedules; none named means all."""

    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@telecommand(11, 21, hazard=Hazard.DEPENDENT, name="schedule.disable_subschedules")
class DisableSubschedules:
    """Release nothing of these sub-schedules; none named means all."""

    subschedules: tuple[int, ...] = array(u8(), high=SUBSCHEDULES_MAX, default=())


@report(11, 10, name="schedule.detail_report")
class DetailReport:
    """Activities, whole; what does not fit follows in the next report."""

    activities: tuple[Detail, ...] = array(Detail, u16, high=60, octets=DETAILS_OCTETS)


@report(11, 13, name="schedule.summary_report")
class SummaryReport:
    """Activities by name and time; what does not fit follows in the next report."""

    activities: tuple[Summary, ...] = array(Summary, u16, high=SUMMARIES_MAX)


@report(11, 130, name="schedule.listed")
class ListReport:
    """Activities by name, time and late policy; what does not fit follows in the next report."""

    activities: tuple[Planned, ...] = array(Planned, u16, high=66)


@report(11, 19, name="schedule.subschedule_report")
class SubscheduleReport:
    """Every sub-schedule and whether it is enabled."""

    subschedules: tuple[SubscheduleState, ...] = array(SubscheduleState, high=SUBSCHEDULES_MAX)


@structure
class Missed:
    """An activity that was late, and by how much."""

    source_id: int = u16()
    apid: int = u16()
    count: int = u16()
    late_s: int = u32(unit="s")


@event(APID_SYSTEM, 30, Severity.MEDIUM, name="schedule_late")
class ScheduleLate:
    """These activities could not be released at their times: they were skipped, or run late."""

    cause: LateCause = enumerated(LateCause)
    action: LatePolicy = enumerated(LatePolicy)
    activities: tuple[Missed, ...] = array(Missed, low=1, high=BATCH_MAX)


@event(APID_SYSTEM, 31, Severity.LOW, name="schedule_blocked")
class ScheduleBlocked:
    """The times of these activities came while they were disabled: they were removed."""

    by: BlockedBy = enumerated(BlockedBy)
    activities: tuple[RequestId, ...] = array(RequestId, low=1, high=BATCH_MAX)


@event(APID_SYSTEM, 32, Severity.LOW, name="schedule_waits")
class ScheduleWaits:
    """The board has been on for a minute without time; so many activities wait for it."""

    activities: int = u16()


@event(APID_SYSTEM, 33, Severity.MEDIUM, name="schedule_interrupted")
class ScheduleInterrupted:
    """The last life ended while these were being released: they have run, or never will."""

    activities: tuple[RequestId, ...] = array(RequestId, low=1, high=BATCH_MAX)


@event(APID_SYSTEM, 34, Severity.HIGH, name="schedule_damaged")
class ScheduleDamaged:
    """So many rows that the store gave back could not be read; they are left out."""

    rows: int = u16()
    first_key: int = u32()


LATE: Final = Parameter(
    70, "schedule.late_s", U16, "s", writable=True, low=1, high=3_600, initial=LATE_S,
    doc="an activity that is released later than this is late, and its policy decides; kept over resets",
)  # fmt: skip
STATE: Final = Parameter(71, "schedule.state", U8, enum=ScheduleState)
ACTIVITIES: Final = Parameter(72, "schedule.activities", U16)
RELEASED: Final = Parameter(73, "schedule.released", U32, doc="in this life, late ones too")
SKIPPED: Final = Parameter(74, "schedule.skipped", U32, doc="late ones in this life")
RUN_LATE: Final = Parameter(75, "schedule.run_late", U32, doc="in this life")
BLOCKED: Final = Parameter(76, "schedule.blocked", U32, doc="removed disabled in this life")
NEXT: Final = Parameter(
    77, "schedule.next_s", U32, "s", absent=0xFFFF_FFFF, doc="TAI since 1958 of the next activity; absent without one"
)

HOUSEKEEPING: Final = Structure(
    9, "schedule.housekeeping", (STATE, ACTIVITIES, RELEASED, SKIPPED, RUN_LATE, BLOCKED, NEXT)
)
