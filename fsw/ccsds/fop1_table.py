"""The state table of FOP-1: rows are the book's events, columns its states (232.1-B, table 5-1)."""

from enum import Enum, IntEnum, unique
from typing import Final, NamedTuple


@unique
class State(IntEnum):
    """State of the procedure (232.1-B, 5.1.2)."""

    S1_ACTIVE = 1
    S2_RETRANSMIT = 2  # without wait
    S3_RETRANSMIT_WAIT = 3
    S4_INITIALISING = 4  # without a control command
    S5_INITIALISING_BC = 5  # with a control command
    S6_INITIAL = 6


@unique
class Event(Enum):
    """What can happen (232.1-B, table 5-1)."""

    E1 = "CLCW: all acknowledged, none newly"
    E2 = "CLCW: all acknowledged, some newly"
    E3 = "CLCW: all acknowledged, yet Wait"
    E4 = "CLCW: all acknowledged, yet Retransmit"
    E5 = "CLCW: some outstanding, none newly acknowledged"
    E6 = "CLCW: some outstanding, some newly acknowledged"
    E7 = "CLCW: some outstanding, Wait without Retransmit"
    E101 = "CLCW: Retransmit, limit 1, some newly acknowledged"
    E102 = "CLCW: Retransmit, limit 1, none newly acknowledged"
    E8 = "CLCW: Retransmit, some newly acknowledged"
    E9 = "CLCW: Retransmit and Wait, some newly acknowledged"
    E10 = "CLCW: Retransmit, may send again"
    E11 = "CLCW: Retransmit and Wait, may send again"
    E12 = "CLCW: Retransmit, limit reached"
    E103 = "CLCW: Retransmit and Wait, limit reached"
    E13 = "CLCW: N(R) outside of what is outstanding"
    E14 = "CLCW: Lockout"
    E15 = "CLCW: malformed"
    E16 = "T1 expired, may send again, alert on expiry"
    E104 = "T1 expired, may send again, suspend on expiry"
    E17 = "T1 expired, limit reached, alert on expiry"
    E18 = "T1 expired, limit reached, suspend on expiry"
    E19 = "request to transfer AD, Wait_Queue empty"
    E20 = "request to transfer AD, Wait_Queue occupied"
    E21 = "request to transfer BD, BD_Out ready"
    E22 = "request to transfer BD, BD_Out not ready"
    E23 = "initiate AD without CLCW check"
    E24 = "initiate AD with CLCW check"
    E25 = "initiate AD with Unlock, BC_Out ready"
    E26 = "initiate AD with Unlock, BC_Out not ready"
    E27 = "initiate AD with Set V(R), BC_Out ready"
    E28 = "initiate AD with Set V(R), BC_Out not ready"
    E29 = "terminate AD"
    E30 = "resume AD, nothing suspended"
    E31 = "resume AD, suspended in S1"
    E32 = "resume AD, suspended in S2"
    E33 = "resume AD, suspended in S3"
    E34 = "resume AD, suspended in S4"
    E35 = "set V(S)"
    E36 = "set the sliding window width"
    E37 = "set T1_Initial"
    E38 = "set Transmission_Limit"
    E39 = "set Timeout_Type"
    E40 = "invalid directive"
    E41 = "lower layer accepted AD"
    E42 = "lower layer rejected AD"
    E43 = "lower layer accepted BC"
    E44 = "lower layer rejected BC"
    E45 = "lower layer accepted BD"
    E46 = "lower layer rejected BD"


@unique
class Action(Enum):
    """What a cell does (232.1-B, 5.2); `fop1.Fop1` has one method for each."""

    ACCEPT = "accept response"
    REJECT = "reject response"
    CONFIRM = "positive confirm response"
    CONFIRM_INITIATE = "positive confirm response to the directive that initiated AD"
    REMOVE_ACKED = "remove acknowledged frames from Sent_Queue"
    CANCEL_T1 = "cancel timer"
    START_T1 = "start timer and wait for the CLCW"
    LOOK_FDU = "look for FDU"
    LOOK_DIRECTIVE = "look for directive"
    RETRANSMIT_AD = "initiate AD retransmission"
    RETRANSMIT_BC = "initiate BC retransmission"
    RELEASE_BC = "release copy of the BC frame"
    INITIALISE = "initialise"
    QUEUE_FDU = "put the FDU on the Wait_Queue"
    TRANSMIT_BD = "transmit BD"
    TRANSMIT_UNLOCK = "transmit BC Unlock"
    TRANSMIT_SET_V_R = "V(S) and NN(R) := V*(R), transmit BC Set V(R)"
    SET_V_S = "V(S) and NN(R) := V*(S), unless suspended"
    SET_PARAMETER = "set the parameter"
    SUSPEND = "SS := this state's number, suspend"
    RESUME = "resume"
    AD_READY = "AD_Out := ready"
    BC_READY = "BC_Out := ready"
    BD_READY = "BD_Out := ready"
    ALERT_LIMIT = "alert LIMIT"
    ALERT_T1 = "alert T1"
    ALERT_LOCKOUT = "alert LOCKOUT"
    ALERT_SYNCH = "alert SYNCH"
    ALERT_NN_R = "alert NN(R)"
    ALERT_CLCW = "alert CLCW"
    ALERT_LLIF = "alert LLIF"
    ALERT_TERM = "alert TERM"


class Cell(NamedTuple):
    """One cell: actions in order, then the next state; None stays. `possible` is False where the book says N/A."""

    actions: tuple[Action, ...]
    state: State | None = None
    possible: bool = True


A, S = Action, State


def _to(state: State | None, *actions: Action) -> Cell:
    return Cell(actions, state)


def _do(*actions: Action) -> Cell:
    return Cell(actions)


def _all(cell: Cell) -> tuple[Cell, ...]:
    return (cell,) * 6


def _only_initial(initial: Cell) -> tuple[Cell, ...]:
    """A row for directives that are possible in S6 only."""
    return (_REJECT,) * 5 + (initial,)


_IGNORE: Final = Cell(())
_NA: Final = Cell((), possible=False)
_REJECT: Final = _do(A.REJECT)
_SYNCH: Final = _to(S.S6_INITIAL, A.ALERT_SYNCH)
_CLCW: Final = _to(S.S6_INITIAL, A.ALERT_CLCW)
_LIMIT: Final = _to(S.S6_INITIAL, A.ALERT_LIMIT)
_T1: Final = _to(S.S6_INITIAL, A.ALERT_T1)
_NN_R: Final = _to(S.S6_INITIAL, A.ALERT_NN_R)
_LOCKOUT: Final = _to(S.S6_INITIAL, A.ALERT_LOCKOUT)
_SUSPEND: Final = _to(S.S6_INITIAL, A.SUSPEND)
_TERM: Final = _to(S.S6_INITIAL, A.ACCEPT, A.ALERT_TERM, A.CONFIRM)
_SET: Final = _do(A.ACCEPT, A.SET_PARAMETER, A.CONFIRM)
_NONE4: Final = (_NA, _NA, _IGNORE)  # S4, S5, S6 of the rows that need outstanding frames
_RTX_LOOK: Final = (A.RETRANSMIT_AD, A.LOOK_FDU)
_RTX_BC: Final = _do(A.RETRANSMIT_BC, A.LOOK_DIRECTIVE)
_ACKED: Final = (A.REMOVE_ACKED, A.LOOK_FDU)
_ALL_ACKED: Final = (A.REMOVE_ACKED, A.CANCEL_T1, A.LOOK_FDU)
_ACKED_RTX: Final = (A.REMOVE_ACKED, *_RTX_LOOK)
_ACKED_LIMIT: Final = _to(S.S6_INITIAL, A.REMOVE_ACKED, A.ALERT_LIMIT)


def _lower_reject(ready: Action) -> tuple[Cell, ...]:
    """E42, E44, E46. A rejected request is over, so its Out flag goes ready again: else nothing could ever be sent
    on it. In S6 there is no AD service to end and a suspended one must stay resumable: no alert there."""
    return (_to(S.S6_INITIAL, ready, A.ALERT_LLIF),) * 5 + (_do(ready),)


# Open points, decided. In S4 the book's row is kept (N(R) must equal V(S), else E13) rather than copying N(R) into V(S)
# as others do: who initiates sets V(S) first (E35), so the check still proves that both ends agree. A cell marked N/A
# can be reached, by a CLCW after an alert that left NN(R) behind V(S): it does nothing, and T1 bounds the wait.
TABLE: dict[Event, tuple[Cell, ...]] = {
    #         S1 Active, S2 Retransmit, S3 Retransmit with wait, S4 Initialising, S5 Initialising with BC, S6 Initial
    Event.E1: (
        _IGNORE,
        _SYNCH,
        _SYNCH,
        _to(S.S1_ACTIVE, A.CONFIRM_INITIATE, A.CANCEL_T1),
        _to(S.S1_ACTIVE, A.CONFIRM_INITIATE, A.RELEASE_BC, A.CANCEL_T1),
        _IGNORE,
    ),
    Event.E2: (_do(*_ALL_ACKED), _to(S.S1_ACTIVE, *_ALL_ACKED), _to(S.S1_ACTIVE, *_ALL_ACKED), *_NONE4),
    Event.E3: (_CLCW, _CLCW, _CLCW, _CLCW, _CLCW, _IGNORE),
    Event.E4: (_SYNCH, _SYNCH, _SYNCH, _SYNCH, _IGNORE, _IGNORE),
    Event.E5: (_IGNORE, _SYNCH, _SYNCH, *_NONE4),
    Event.E6: (_do(*_ACKED), _to(S.S1_ACTIVE, *_ACKED), _to(S.S1_ACTIVE, *_ACKED), *_NONE4),
    Event.E7: (_CLCW, _CLCW, _CLCW, *_NONE4),
    Event.E101: (_ACKED_LIMIT, _ACKED_LIMIT, _ACKED_LIMIT, *_NONE4),
    Event.E102: (_LIMIT, _LIMIT, _LIMIT, *_NONE4),
    Event.E8: (_to(S.S2_RETRANSMIT, *_ACKED_RTX), _do(*_ACKED_RTX), _to(S.S2_RETRANSMIT, *_ACKED_RTX), *_NONE4),
    Event.E9: (
        _to(S.S3_RETRANSMIT_WAIT, A.REMOVE_ACKED),
        _to(S.S3_RETRANSMIT_WAIT, A.REMOVE_ACKED),
        _do(A.REMOVE_ACKED),
        *_NONE4,
    ),
    Event.E10: (_to(S.S2_RETRANSMIT, *_RTX_LOOK), _IGNORE, _to(S.S2_RETRANSMIT, *_RTX_LOOK), *_NONE4),
    Event.E11: (_to(S.S3_RETRANSMIT_WAIT), _to(S.S3_RETRANSMIT_WAIT), _IGNORE, *_NONE4),
    Event.E12: (_to(S.S2_RETRANSMIT), _IGNORE, _to(S.S2_RETRANSMIT), *_NONE4),
    Event.E103: (_to(S.S3_RETRANSMIT_WAIT), _to(S.S3_RETRANSMIT_WAIT), _IGNORE, *_NONE4),
    Event.E13: (_NN_R, _NN_R, _NN_R, _NN_R, _IGNORE, _IGNORE),
    Event.E14: (_LOCKOUT, _LOCKOUT, _LOCKOUT, _LOCKOUT, _IGNORE, _IGNORE),
    Event.E15: (_CLCW, _CLCW, _CLCW, _CLCW, _CLCW, _IGNORE),
    Event.E16: (_do(*_RTX_LOOK), _do(*_RTX_LOOK), _IGNORE, _T1, _RTX_BC, _NA),
    Event.E104: (_do(*_RTX_LOOK), _do(*_RTX_LOOK), _IGNORE, _SUSPEND, _RTX_BC, _NA),
    Event.E17: (_T1, _T1, _T1, _T1, _T1, _NA),
    Event.E18: (_SUSPEND, _SUSPEND, _SUSPEND, _SUSPEND, _T1, _NA),
    Event.E19: (
        _do(A.QUEUE_FDU, A.LOOK_FDU),
        _do(A.QUEUE_FDU, A.LOOK_FDU),
        _do(A.QUEUE_FDU),
        _REJECT,
        _REJECT,
        _REJECT,
    ),
    Event.E20: _all(_REJECT),
    Event.E21: _all(_do(A.ACCEPT, A.TRANSMIT_BD)),
    Event.E22: _all(_REJECT),
    Event.E23: _only_initial(_to(S.S1_ACTIVE, A.ACCEPT, A.INITIALISE, A.CONFIRM)),
    Event.E24: _only_initial(_to(S.S4_INITIALISING, A.ACCEPT, A.INITIALISE, A.START_T1)),
    Event.E25: _only_initial(_to(S.S5_INITIALISING_BC, A.ACCEPT, A.INITIALISE, A.TRANSMIT_UNLOCK)),
    Event.E26: _all(_REJECT),
    Event.E27: _only_initial(_to(S.S5_INITIALISING_BC, A.ACCEPT, A.INITIALISE, A.TRANSMIT_SET_V_R)),
    Event.E28: _all(_REJECT),
    Event.E29: (_TERM, _TERM, _TERM, _TERM, _TERM, _do(A.ACCEPT, A.CONFIRM)),
    Event.E30: _all(_REJECT),
    Event.E31: (_NA, _NA, _NA, _NA, _NA, _to(S.S1_ACTIVE, A.ACCEPT, A.RESUME, A.CONFIRM)),
    Event.E32: (_NA, _NA, _NA, _NA, _NA, _to(S.S2_RETRANSMIT, A.ACCEPT, A.RESUME, A.CONFIRM)),
    Event.E33: (_NA, _NA, _NA, _NA, _NA, _to(S.S3_RETRANSMIT_WAIT, A.ACCEPT, A.RESUME, A.CONFIRM)),
    Event.E34: (_NA, _NA, _NA, _NA, _NA, _to(S.S4_INITIALISING, A.ACCEPT, A.RESUME, A.CONFIRM)),
    Event.E35: _only_initial(_do(A.SET_V_S)),
    Event.E36: _all(_SET),
    Event.E37: _all(_SET),
    Event.E38: _all(_SET),
    Event.E39: _all(_SET),
    Event.E40: _all(_REJECT),
    Event.E41: (_do(A.AD_READY, A.LOOK_FDU), _do(A.AD_READY, A.LOOK_FDU), *(_do(A.AD_READY),) * 4),
    Event.E42: _lower_reject(A.AD_READY),
    Event.E43: (*(_do(A.BC_READY),) * 4, _do(A.BC_READY, A.LOOK_DIRECTIVE), _do(A.BC_READY)),
    Event.E44: _lower_reject(A.BC_READY),
    Event.E45: _all(_do(A.BD_READY)),
    Event.E46: _lower_reject(A.BD_READY),
}
