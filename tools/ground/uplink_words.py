"""The words of the way up: its numbers, how it stands, what became of a packet, what COP-1's alerts mean."""

from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds.fop1_table import Action

ALERTS: Final = {
    Action.ALERT_T1: "never acknowledged, and not sent again (COP-1 alert T1)",
    Action.ALERT_LIMIT: "never acknowledged, and not sent again (COP-1 alert LIMIT)",
    Action.ALERT_LOCKOUT: "the receiver has locked itself (COP-1 alert LOCKOUT)",
    Action.ALERT_NN_R: "the receiver's count jumped (COP-1 alert NN(R))",
    Action.ALERT_SYNCH: "the receiver's count and ours do not agree (COP-1 alert SYNCH)",
    Action.ALERT_CLCW: "the control words contradict each other (COP-1 alert CLCW)",
}


@unique
class LinkState(Enum):
    """What an operator must know of the way up; the values are what is shown."""

    NO_CLCW = "no telemetry heard yet"
    SILENT = "telemetry has fallen silent"
    INITIALISING = "initialising COP-1"
    WAIT = "the payload asks to wait"
    LOCKOUT = "unlocking the payload's receiver"
    ACTIVE = "ready"


@unique
class UpWord(Enum):
    """What became of one queued packet, or of the link."""

    SENT = "sent"
    RECEIVED = "received"
    INTERRUPTED = "interrupted"
    REBOOT = "reboot"  # the receiver started over; the ticket is 0


class UplinkEvent(NamedTuple):
    """A word on a ticket, with a reason where there is one."""

    word: UpWord
    ticket: int
    text: str = ""


class UplinkProfile(NamedTuple):
    """Numbers of the way up. `silence_us`: no CLCW for so long, and nothing new is sent. `raw`: frames without CLTU."""

    scid: int = 42
    vcid: int = 0
    window: int = 10
    t1_us: int = 3_000_000
    limit: int = 3
    silence_us: int = 5_000_000
    raw: bool = False
    again_us: int = 600_000
