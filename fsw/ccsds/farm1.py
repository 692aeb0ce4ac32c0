"""FARM-1: the receiving end of COP-1, which lets Type-AD frames in once and in order (232.1-B, section 6)."""

from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds import clcw, tc_frame
from fsw.kernel.copies import agree, outvote


@unique
class State(Enum):
    """State of the procedure (232.1-B, 6.1.1); the value is the column of the table."""

    S1_OPEN = 0
    S2_WAIT = 1
    S3_LOCKOUT = 2


@unique
class Event(Enum):
    """What can happen (232.1-B, table 6-1); E11, the report time, is `Farm1.clcw`."""

    E1 = "AD, N(S) = V(R), a buffer is free"
    E2 = "AD, N(S) = V(R), no buffer is free"
    E3 = "AD, ahead of V(R) inside the positive window"
    E4 = "AD, behind V(R) inside the negative window"
    E5 = "AD, outside both windows"
    E6 = "BD"
    E7 = "Unlock"
    E8 = "Set V(R)"
    E9 = "reserved type, or a control command that is none"
    E10 = "buffer release"


@unique
class Outcome(Enum):
    """What becomes of the frame."""

    ACCEPT = "accept"  # hand the frame data unit up
    DISCARD = "discard"
    EXECUTE = "execute"  # a control command, used up here
    NOTHING = "nothing"  # the event was no frame


class Cell(NamedTuple):
    """One cell of the table: what happens to the frame and to each variable. None leaves the variable as it is."""

    outcome: Outcome
    retransmit: bool | None = None
    v_r_step: int = 0
    v_r_set: bool = False
    farm_b_step: int = 0
    state: State | None = None


class Verdict(NamedTuple):
    """The answer for one frame: the table's event, what becomes of the frame, and the state after it."""

    event: Event
    outcome: Outcome
    state: State


_OPEN, _WAIT, _LOCKOUT = State.S1_OPEN, State.S2_WAIT, State.S3_LOCKOUT
_DISCARD: Final = Cell(Outcome.DISCARD)
_IGNORE: Final = Cell(Outcome.NOTHING)
_TO_LOCKOUT: Final = Cell(Outcome.DISCARD, state=_LOCKOUT)
_BD: Final = Cell(Outcome.ACCEPT, farm_b_step=1)
_UNLOCK: Final = Cell(Outcome.EXECUTE, farm_b_step=1, retransmit=False, state=_OPEN)
_SET_V_R: Final = Cell(Outcome.EXECUTE, farm_b_step=1, retransmit=False, v_r_set=True, state=_OPEN)

# Table 6-1. The book calls E1 in S2 not applicable; it is reached when room came back unannounced, and the frame is
# discarded as E2 would: the sender sends it again, since Retransmit is still set.
TABLE: dict[Event, tuple[Cell, Cell, Cell]] = {
    #          S1 Open, S2 Wait, S3 Lockout
    Event.E1: (Cell(Outcome.ACCEPT, v_r_step=1, retransmit=False, state=_OPEN), _DISCARD, _DISCARD),
    Event.E2: (Cell(Outcome.DISCARD, retransmit=True, state=_WAIT), _DISCARD, _DISCARD),
    Event.E3: (Cell(Outcome.DISCARD, retransmit=True), _DISCARD, _DISCARD),
    Event.E4: (_DISCARD, _DISCARD, _DISCARD),
    Event.E5: (_TO_LOCKOUT, _TO_LOCKOUT, _DISCARD),
    Event.E6: (_BD, _BD, _BD),
    Event.E7: (_UNLOCK, _UNLOCK, _UNLOCK),
    Event.E8: (_SET_V_R, _SET_V_R, Cell(Outcome.EXECUTE, farm_b_step=1)),  # locked out: counted, not executed
    Event.E9: (_DISCARD, _DISCARD, _DISCARD),
    Event.E10: (_IGNORE, Cell(Outcome.NOTHING, state=_OPEN), _IGNORE),
}


class Farm1:
    """The procedure on one virtual channel. Starts open with V(R) = 0 unless told otherwise.

    `window` is W: even, 2..254, half of it ahead of V(R) and half behind (232.1-B, 6.1.8).
    """

    def __init__(self, vcid: int, window: int = 20, *, v_r: int = 0, state: State = State.S1_OPEN) -> None:
        assert 0 <= vcid <= 63, "virtual channel id has 6 bits"
        assert 2 <= window <= 254, "W is 2..254"
        assert window % 2 == 0, "W is even"
        assert 0 <= v_r <= 255, "V(R) has 8 bits"
        self.vcid = vcid
        self.window_half = window // 2
        self.state = state
        self.v_r = self._second = v_r
        self._inverse = ~v_r
        self.mended = 0
        """How often a flipped bit of V(R) was put right."""
        self.retransmit = False
        self.farm_b = 0
        self._said: tuple[tuple[object, ...], int] = ((), 0)  # what the last control word said, and the word

    def accept(self, frame: tc_frame.TcFrame, room: bool) -> Verdict:
        """Judge one valid frame of this channel; `room` says whether what is above can take its data."""
        self.mend()
        if not frame.bypass:
            event = Event.E9 if frame.control else self._classify(frame.n_s, room)
            return self._step(event, self.v_r)
        if not frame.control:
            return self._step(Event.E6, self.v_r)
        directive = tc_frame.decode_directive(frame.data)
        if directive is None:
            return self._step(Event.E9, self.v_r)
        if isinstance(directive, tc_frame.SetVr):
            return self._step(Event.E8, directive.v_r)
        return self._step(Event.E7, self.v_r)

    def buffer_release(self) -> Verdict:
        """Say that what is above has room again (E10)."""
        return self._step(Event.E10, self.v_r)

    def clcw(self, *, no_rf: bool = False, no_bit_lock: bool = False, status: int = 0) -> int:
        """Return the control word of this moment (E11); its fields are the sublayer's and the physical layer's."""
        said = (self.state, self.v_r, self.retransmit, self.farm_b, no_rf, no_bit_lock, status)
        if said != self._said[0]:
            self._said = said, self._encode(no_rf=no_rf, no_bit_lock=no_bit_lock, status=status)
        return self._said[1]

    def _encode(self, *, no_rf: bool, no_bit_lock: bool, status: int) -> int:
        return clcw.encode(
            clcw.Clcw(
                vcid=self.vcid,
                report_value=self.v_r,
                lockout=self.state is State.S3_LOCKOUT,
                wait=self.state is State.S2_WAIT,
                retransmit=self.retransmit,
                farm_b=self.farm_b,
                no_rf=no_rf,
                no_bit_lock=no_bit_lock,
                status=status,
            )
        )

    def _classify(self, n_s: int, room: bool) -> Event:
        """Return the event of a Type-AD frame: where N(S) lies around V(R), modulo 256."""
        ahead = (n_s - self.v_r) % 256
        if ahead == 0:
            return Event.E1 if room else Event.E2
        if ahead < self.window_half:
            return Event.E3
        if 256 - ahead <= self.window_half:
            return Event.E4
        return Event.E5

    def mend(self) -> None:
        """Put a flipped bit of V(R) right, which is held three times."""
        if not agree(self.v_r, self._second, self._inverse):
            self.mended += 1
            self.v_r = self._second = outvote(self.v_r, self._second, self._inverse)
            self._inverse = ~self.v_r

    def _step(self, event: Event, v_r_asked: int) -> Verdict:
        """Run one cell of the table."""
        cell = TABLE[event][self.state.value]
        self.v_r = self._second = v_r_asked if cell.v_r_set else (self.v_r + cell.v_r_step) % 256
        self._inverse = ~self.v_r
        self.farm_b = (self.farm_b + cell.farm_b_step) % 4
        if cell.retransmit is not None:
            self.retransmit = cell.retransmit
        if cell.state is not None:
            self.state = cell.state
        return Verdict(event, cell.outcome, self.state)
