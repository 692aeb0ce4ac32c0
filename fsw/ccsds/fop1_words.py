"""The words of FOP-1: what its users can ask for, and what it says to them and to the lower layer (232.1-B, 3.4)."""

from enum import Enum, unique
from typing import NamedTuple

from fsw.ccsds.fop1_table import Action


@unique
class Service(Enum):
    """Type of a frame (232.0-B, 4.1.2.2)."""

    AD = "AD"
    BD = "BD"
    BC = "BC"


@unique
class Directive(Enum):
    """What management can ask for (232.1-B, 3.4.4)."""

    INIT_AD_WITHOUT_CLCW = "initiate AD without CLCW check"
    INIT_AD_WITH_CLCW = "initiate AD with CLCW check"
    INIT_AD_WITH_UNLOCK = "initiate AD with Unlock"
    INIT_AD_WITH_SET_V_R = "initiate AD with Set V(R)"  # value: V*(R)
    TERMINATE = "terminate AD"
    RESUME = "resume AD"
    SET_V_S = "set V(S)"
    SET_WINDOW = "set the sliding window width"  # K, 1..255
    SET_T1_INITIAL = "set T1_Initial"  # µs, above 0
    SET_TRANSMISSION_LIMIT = "set Transmission_Limit"  # 1..255
    SET_TIMEOUT_TYPE = "set Timeout_Type"  # 0 alert, 1 suspend


@unique
class Kind(Enum):
    """How a request fared (232.1-B, 3.4)."""

    ACCEPT = "accepted"
    REJECT = "rejected"
    CONFIRM = "confirmed"
    NEGATIVE_CONFIRM = "negative confirmed"


class Response(NamedTuple):
    """A word on a request; `request_id` is what `send_ad`, `send_bd` or `directive` returned."""

    kind: Kind
    of: Service | Directive
    request_id: int


class Transmit(NamedTuple):
    """A frame for the lower layer; `n_s` is 0 for BD and BC. `request_id` names the FDU or the directive."""

    service: Service
    n_s: int
    data: bytes
    request_id: int


class Abort(NamedTuple):
    """The lower layer may drop what it has not sent of this service: all of it comes again."""

    service: Service


class Alert(NamedTuple):
    """The AD service ended; all outstanding requests were answered in the negative."""

    reason: Action


class Suspend(NamedTuple):
    """The AD service stands still until a directive resumes it."""

    suspend_state: int


FopEvent = Response | Transmit | Abort | Alert | Suspend
