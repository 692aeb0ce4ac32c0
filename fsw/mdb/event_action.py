"""ST[19] event-action: responses of the board to events; layouts of tests/vectors/pus_tc.json and pus_tm.json.

A response is off, active, or passive: then it says what it would have done. Functions 26 and 28 hold what the Book has
no room for: the passive state, the budget (actions in a window of time), and how often a response has acted.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    U8,
    U16,
    Hazard,
    Parameter,
    Severity,
    Structure,
    array,
    command,
    enumerated,
    event,
    octets,
    packet,
    report,
    structure,
    telecommand,
    u8,
    u16,
    u32,
)
from fsw.mdb.monitoring import ABNORMAL, CHECKS, ENABLED, MONITORS, TRANSITIONS
from fsw.pus.ids import APID_SYSTEM

RESPONSES_MAX: Final = 128
ACTION_OCTETS_MAX: Final = 256
TRIGGERS_MAX: Final = 64  # in one request
BUDGET: Final = 10
WINDOW_S: Final = 3_600
DEFINITIONS_OCTETS: Final = 900  # of one report
DEFINITION_HEAD_OCTETS: Final = 5
_ACTIONS_OCTETS: Final = 900
_REQUEST_ID_OCTETS: Final = 4


@unique
class ResponseState(IntEnum):
    """What a response does when its event occurs."""

    OFF = 0
    ACTIVE = 1
    PASSIVE = 2  # it says that it would have acted


@unique
class StopReason(IntEnum):
    """Why a response was taken out of service."""

    LOOP = 0  # its event came again and again right behind its action: it is passive now
    UNFIT = 1  # this mission's database does not know its event or its action any more: it is gone


@unique
class HoldReason(IntEnum):
    """Why a response did not act this time."""

    BUDGET = 0
    QUEUE = 1  # too many actions wait already


@structure
class Trigger:
    """An event of a process."""

    apid: int = u16(high=0x7FF)
    event: int = u16()


@structure
class EventAction:
    """An event of a process and the telecommand that answers it."""

    apid: int = u16(high=0x7FF)
    event: int = u16()
    action: bytes = packet(ACTION_OCTETS_MAX)


@telecommand(19, 1, hazard=Hazard.DEPENDENT, name="response.add")
class AddResponses:
    """Add responses; they begin off."""

    responses: tuple[EventAction, ...] = array(EventAction, u8, low=1, high=TRIGGERS_MAX, octets=_ACTIONS_OCTETS)


@telecommand(19, 2, name="response.delete")
class DeleteResponses:
    """Delete these responses; they must be off."""

    responses: tuple[Trigger, ...] = array(Trigger, u8, low=1, high=TRIGGERS_MAX)


@telecommand(19, 3, name="response.delete_all")
class DeleteAllResponses:
    """Delete every response; responding must be off."""


@telecommand(19, 4, hazard=Hazard.DEPENDENT, name="response.enable")
class EnableResponses:
    """Make these responses active."""

    responses: tuple[Trigger, ...] = array(Trigger, u8, low=1, high=TRIGGERS_MAX)


@telecommand(19, 5, name="response.disable")
class DisableResponses:
    """Switch these responses off."""

    responses: tuple[Trigger, ...] = array(Trigger, u8, low=1, high=TRIGGERS_MAX)


@telecommand(19, 6, name="response.report_status")
class ReportResponseStatus:
    """What would each response do?"""


@structure
class ResponseStatus:
    """What one response would do."""

    apid: int = u16(high=0x7FF)
    event: int = u16()
    state: ResponseState = enumerated(ResponseState)


@report(19, 7, name="response.status")
class ResponseStatuses:
    """What each response would do."""

    responses: tuple[ResponseStatus, ...] = array(ResponseStatus, u8, high=RESPONSES_MAX)


@telecommand(19, 8, hazard=Hazard.DEPENDENT, name="response.on")
class EnableResponding:
    """Switch responding on: active responses act."""


@telecommand(19, 9, name="response.off")
class DisableResponding:
    """Switch responding off: nothing acts, nothing says that it would have."""


@telecommand(19, 10, name="response.describe")
class DescribeResponses:
    """Report what these responses are."""

    responses: tuple[Trigger, ...] = array(Trigger, u8, low=1, high=TRIGGERS_MAX)


@structure
class ResponseDefinition:
    """A response: its event, what it would do, and its action."""

    apid: int = u16(high=0x7FF)
    event: int = u16()
    state: ResponseState = enumerated(ResponseState)
    action: bytes = packet(ACTION_OCTETS_MAX)


@report(19, 11, name="response.definitions")
class ResponseDefinitions:
    """What responses are; in several reports where they do not fit into one."""

    responses: tuple[ResponseDefinition, ...] = array(
        ResponseDefinition, u8, high=TRIGGERS_MAX, octets=DEFINITIONS_OCTETS + 1
    )


@command(APID_SYSTEM, function=26, hazard=Hazard.DEPENDENT, name="response")
class SetResponse:
    """Set what a response does and how often it may: at most `budget` actions in `window` seconds."""

    apid: int = u16(high=0x7FF)
    event: int = u16()
    state: ResponseState = enumerated(ResponseState)
    budget: int = u8(low=1, default=BUDGET)
    window: int = u16(low=1, unit="s", default=WINDOW_S)


@command(APID_SYSTEM, function=28, name="responses")
class ReportResponses:
    """Report how these responses have done, one (19,128) each."""

    responses: tuple[Trigger, ...] = array(Trigger, u8, low=1, high=TRIGGERS_MAX)


@report(19, 128, name="response.record")
class ResponseRecord:
    """How a response has done since boot."""

    apid: int = u16(high=0x7FF)
    event: int = u16()
    state: ResponseState = enumerated(ResponseState)
    budget: int = u8()
    window: int = u16(unit="s")
    left: int = u8(doc="actions that its budget still allows now")
    acted: int = u32()
    passive: int = u32(doc="times that it would have acted")
    held: int = u32(doc="times that it should have acted and was held back")


@event(APID_SYSTEM, 36, Severity.LOW)
class ResponseActed:
    """A response's telecommand was released."""

    apid: int = u16()
    event: int = u16()
    request_id: bytes = octets(_REQUEST_ID_OCTETS)


@event(APID_SYSTEM, 37, Severity.LOW)
class WouldHaveActed:
    """A passive response would have acted."""

    apid: int = u16()
    event: int = u16()


@event(APID_SYSTEM, 38, Severity.HIGH)
class ResponseStopped:
    """A response was taken out of service."""

    apid: int = u16()
    event: int = u16()
    reason: StopReason = enumerated(StopReason)


@event(APID_SYSTEM, 39, Severity.MEDIUM)
class ResponseHeld:
    """A response should have acted and was held back; told once until it acts again."""

    apid: int = u16()
    event: int = u16()
    reason: HoldReason = enumerated(HoldReason)


RESPONSES: Final = Parameter(85, "response.responses", U16, doc="responses that are defined")
ACTIVE: Final = Parameter(86, "response.active", U8, doc="of them, those that act; 0 while responding is off")
ACTED: Final = Parameter(87, "response.acted", U16, doc="since boot")
PASSIVE: Final = Parameter(88, "response.passive", U16, doc="times that a passive one would have acted, since boot")
HELD: Final = Parameter(89, "response.held", U16, doc="times that one was held back, since boot")

HOUSEKEEPING: Final = Structure(
    10,
    "monitoring.housekeeping",
    (MONITORS, ENABLED, ABNORMAL, CHECKS, TRANSITIONS, RESPONSES, ACTIVE, ACTED, PASSIVE, HELD),
    interval=100,
)
