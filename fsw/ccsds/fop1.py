"""FOP-1: the sending end of COP-1, which repeats Type-AD frames until they are acknowledged (232.1-B, section 5).

Flight does not import this. The caller hands in the time with every call and takes the events with `take()`. It
answers every `Transmit` with one `lower_accept` or `lower_reject`, also when an `Abort` came in between. Before
initiating AD, set V(S) to the last N(R) reported (unless Set V(R) is used): the initiation checks that both agree.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from fsw.ccsds import tc_frame
from fsw.ccsds.clcw import COP_1, Clcw
from fsw.ccsds.clcw import decode as decode_clcw
from fsw.ccsds.fop1_table import TABLE, Action, Event, State
from fsw.ccsds.fop1_words import Abort, Alert, Directive, FopEvent, Kind, Response, Service, Suspend, Transmit
from fsw.kernel.clock import Micros

WINDOW_MAX: Final = 255
LIMIT_MAX: Final = 255
EVENTS_MAX: Final = 4_096  # nobody takes the events: our bug


class _Request(NamedTuple):
    of: Service | Directive
    request_id: int
    value: int
    data: bytes


class _Sent:
    """A frame on the Sent_Queue, with its To_Be_Retransmitted flag."""

    __slots__ = ("marked", "n_s", "request")

    def __init__(self, request: _Request, n_s: int) -> None:
        self.request, self.n_s, self.marked = request, n_s, False


_VALUE_RANGE: Final = {
    Directive.INIT_AD_WITH_SET_V_R: (0, 255),
    Directive.SET_V_S: (0, 255),
    Directive.SET_WINDOW: (1, WINDOW_MAX),
    Directive.SET_T1_INITIAL: (1, 2**62),
    Directive.SET_TRANSMISSION_LIMIT: (1, LIMIT_MAX),
    Directive.SET_TIMEOUT_TYPE: (0, 1),
}
_PLAIN_EVENTS: Final = {
    Directive.INIT_AD_WITHOUT_CLCW: Event.E23,
    Directive.INIT_AD_WITH_CLCW: Event.E24,
    Directive.TERMINATE: Event.E29,
    Directive.SET_V_S: Event.E35,
    Directive.SET_WINDOW: Event.E36,
    Directive.SET_T1_INITIAL: Event.E37,
    Directive.SET_TRANSMISSION_LIMIT: Event.E38,
    Directive.SET_TIMEOUT_TYPE: Event.E39,
}
_RESUME_EVENTS: Final = (Event.E30, Event.E31, Event.E32, Event.E33, Event.E34)
_LOWER_ACCEPT: Final = {Service.AD: Event.E41, Service.BC: Event.E43, Service.BD: Event.E45}
_LOWER_REJECT: Final = {Service.AD: Event.E42, Service.BC: Event.E44, Service.BD: Event.E46}
_NOBODY: Final = _Request(Directive.TERMINATE, 0, 0, b"")


class Fop1:
    """The procedure on one virtual channel; starts in S6, V(S) = 0. `window` is K, at most the receiver's PW."""

    def __init__(
        self, vcid: int, *, window: int = 10, t1_us: int = 3_000_000, limit: int = 3, timeout_type: int = 0
    ) -> None:
        assert 0 <= vcid <= 63, "virtual channel id has 6 bits"
        assert 1 <= window <= WINDOW_MAX, "K is 1..255"
        assert t1_us > 0, "T1_Initial is above zero"
        assert 1 <= limit <= LIMIT_MAX, "Transmission_Limit is 1..255"
        assert timeout_type in (0, 1), "Timeout_Type is 0 or 1"
        self.vcid = vcid
        self.state = State.S6_INITIAL
        self.v_s = 0
        self.nn_r = 0
        self.suspend_state = 0
        self.transmission_count = 1
        self.window, self.t1_us, self.limit, self.timeout_type = window, t1_us, limit, timeout_type
        self.due: Micros | None = None
        """When T1 expires; None while it does not run."""
        self._wait: _Request | None = None
        self._sent: deque[_Sent] = deque()
        self._ready = dict.fromkeys(Service, True)
        self._initiating: _Request | None = None
        self._request = _NOBODY
        self._request_id = 0
        self._n_r = 0
        self._now = Micros(0)
        self._events: list[FopEvent] = []
        self._methods = self._bind()

    # --- what the caller can do -----------------------------------------------------------------------------------

    @property
    def room(self) -> bool:
        """Whether `send_ad` would take an FDU now."""
        return self._wait is None and self.state <= State.S3_RETRANSMIT_WAIT

    @property
    def outstanding(self) -> int:
        """Frames sent and not yet acknowledged."""
        return len(self._sent)

    def take(self) -> list[FopEvent]:
        """Return the events since the last call, in order."""
        events, self._events = self._events, []
        return events

    def send_ad(self, data: bytes, now: Micros) -> int:
        """Ask for a sequence-controlled transfer; return its id. One FDU can wait, a second is rejected."""
        event = Event.E19 if self._wait is None else Event.E20
        return self._ask(event, _Request(Service.AD, self._next_id(), 0, data), now)

    def send_bd(self, data: bytes, now: Micros) -> int:
        """Ask for an expedited transfer; return its id."""
        event = Event.E21 if self._ready[Service.BD] else Event.E22
        return self._ask(event, _Request(Service.BD, self._next_id(), 0, data), now)

    def directive(self, directive: Directive, now: Micros, value: int = 0) -> int:
        """Ask for a management directive; return its id. A value out of its range is rejected (E40)."""
        return self._ask(self._directive_event(directive, value), _Request(directive, self._next_id(), value, b""), now)

    def clcw(self, word: int, now: Micros) -> bool:
        """Take a control word; False if it is another channel's or another procedure's, and nothing happened."""
        fields = decode_clcw(word)
        if fields is not None and (fields.vcid != self.vcid or fields.cop_in_effect != COP_1):
            return False
        if fields is not None:
            self._n_r = fields.report_value
        self._step(Event.E15 if fields is None else self._classify(fields), now)
        return True

    def tick(self, now: Micros) -> None:
        """Let T1 expire if it is due."""
        if self.due is None or now < self.due:
            return
        self.due = None
        if self.transmission_count < self.limit:
            event = Event.E104 if self.timeout_type else Event.E16
        else:
            event = Event.E18 if self.timeout_type else Event.E17
        self._step(event, now)

    def lower_accept(self, service: Service, now: Micros) -> None:
        """Say that the lower layer took a frame and can take the next."""
        self._step(_LOWER_ACCEPT[service], now)

    def lower_reject(self, service: Service, now: Micros) -> None:
        """Say that the lower layer did not take a frame: the AD service ends."""
        self._step(_LOWER_REJECT[service], now)

    # --- which event it is ----------------------------------------------------------------------------------------

    def _directive_event(self, directive: Directive, value: int) -> Event:
        low, high = _VALUE_RANGE.get(directive, (value, value))
        if not low <= value <= high:
            return Event.E40
        if directive is Directive.RESUME:
            return _RESUME_EVENTS[self.suspend_state]
        if directive is Directive.INIT_AD_WITH_UNLOCK:
            return Event.E25 if self._ready[Service.BC] else Event.E26
        if directive is Directive.INIT_AD_WITH_SET_V_R:
            return Event.E27 if self._ready[Service.BC] else Event.E28
        return _PLAIN_EVENTS[directive]

    def _classify(self, word: Clcw) -> Event:
        """Return the event of a control word (232.1-B, table 5-1, rows E1 to E14)."""
        n_r = word.report_value
        newly = n_r != self.nn_r
        if word.lockout:
            return Event.E14
        if n_r == self.v_s:
            if word.retransmit:
                return Event.E4
            if word.wait:
                return Event.E3
            return Event.E2 if newly else Event.E1
        if (n_r - self.nn_r) % 256 >= (self.v_s - self.nn_r) % 256:
            return Event.E13
        if word.retransmit:
            return self._classify_retransmit(word.wait, newly)
        if word.wait:
            return Event.E7
        return Event.E6 if newly else Event.E5

    def _classify_retransmit(self, wait: bool, newly: bool) -> Event:
        if self.limit == 1:
            return Event.E101 if newly else Event.E102
        if newly:
            return Event.E9 if wait else Event.E8
        if self.transmission_count < self.limit:
            return Event.E11 if wait else Event.E10
        return Event.E103 if wait else Event.E12

    # --- the two lines that run the table -------------------------------------------------------------------------

    def _step(self, event: Event, now: Micros) -> None:
        self._now = now
        cell = TABLE[event][self.state - 1]
        for action in cell.actions:
            self._methods[action]()
        if cell.state is not None:
            self.state = cell.state
        assert len(self._events) <= EVENTS_MAX, "somebody takes the events"

    def _next_id(self) -> int:
        self._request_id += 1
        return self._request_id

    def _ask(self, event: Event, request: _Request, now: Micros) -> int:
        self._request = request
        self._step(event, now)
        return request.request_id

    # --- actions (232.1-B, 5.2) -----------------------------------------------------------------------------------

    def _bind(self) -> dict[Action, Callable[[], None]]:
        alerts = {action: self._alert_for(action) for action in Action if action.name.startswith("ALERT_")}
        return alerts | {
            Action.ACCEPT: lambda: self._respond(Kind.ACCEPT, self._request),
            Action.REJECT: lambda: self._respond(Kind.REJECT, self._request),
            Action.CONFIRM: lambda: self._respond(Kind.CONFIRM, self._request),
            Action.CONFIRM_INITIATE: lambda: self._end_initiate(Kind.CONFIRM),
            Action.REMOVE_ACKED: self._remove_acked,
            Action.CANCEL_T1: self._cancel_t1,
            Action.START_T1: self._await_clcw,
            Action.LOOK_FDU: self._look_fdu,
            Action.LOOK_DIRECTIVE: self._look_directive,
            Action.RETRANSMIT_AD: lambda: self._retransmit(Service.AD),
            Action.RETRANSMIT_BC: lambda: self._retransmit(Service.BC),
            Action.RELEASE_BC: self._sent.clear,
            Action.INITIALISE: self._initialise,
            Action.QUEUE_FDU: self._queue_fdu,
            Action.TRANSMIT_BD: lambda: self._transmit(Service.BD, 0, self._request),
            Action.TRANSMIT_UNLOCK: lambda: self._transmit_bc(tc_frame.UNLOCK),
            Action.TRANSMIT_SET_V_R: self._transmit_set_v_r,
            Action.SET_V_S: self._set_v_s,
            Action.SET_PARAMETER: self._set_parameter,
            Action.SUSPEND: self._suspend,
            Action.RESUME: self._resume,
            Action.AD_READY: lambda: self._set_ready(Service.AD),
            Action.BC_READY: lambda: self._set_ready(Service.BC),
            Action.BD_READY: lambda: self._set_ready(Service.BD),
        }

    def _respond(self, kind: Kind, request: _Request) -> None:
        self._events.append(Response(kind, request.of, request.request_id))

    def _end_initiate(self, kind: Kind) -> None:
        if self._initiating is not None:
            self._respond(kind, self._initiating)
            self._initiating = None

    def _set_ready(self, service: Service) -> None:
        self._ready[service] = True

    def _start_t1(self) -> None:
        self.due = Micros(self._now + self.t1_us)

    def _cancel_t1(self) -> None:
        self.due = None

    def _await_clcw(self) -> None:
        self._initiating = self._request
        self._start_t1()

    def _transmit(self, service: Service, n_s: int, request: _Request) -> None:
        self._ready[service] = False
        self._events.append(Transmit(service, n_s, request.data, request.request_id))

    def _transmit_bc(self, body: bytes) -> None:
        request = self._request._replace(data=body)
        self._initiating = request
        self._sent.append(_Sent(request, 0))
        self.transmission_count = 1
        self._start_t1()
        self._transmit(Service.BC, 0, request)

    def _transmit_set_v_r(self) -> None:
        self.v_s = self.nn_r = self._request.value
        self._transmit_bc(tc_frame.set_v_r(self._request.value))

    def _queue_fdu(self) -> None:
        self._wait = self._request

    def _look_fdu(self) -> None:
        """Send what is marked again, oldest first; when nothing is, a new FDU if the window has room (5.2.7)."""
        if not self._ready[Service.AD]:
            return
        for sent in self._sent:
            if sent.marked:
                sent.marked = False
                self._transmit(Service.AD, sent.n_s, sent.request)
                return
        if self._wait is None or (self.v_s - self.nn_r) % 256 >= self.window:
            return
        request, self._wait = self._wait, None
        self._respond(Kind.ACCEPT, request)
        if not self._sent:
            self.transmission_count = 1
        n_s = self.v_s
        self._sent.append(_Sent(request, n_s))
        self.v_s = (n_s + 1) % 256
        self._start_t1()
        self._transmit(Service.AD, n_s, request)

    def _look_directive(self) -> None:
        if self._ready[Service.BC] and self._sent and self._sent[0].marked:
            self._sent[0].marked = False
            self._transmit(Service.BC, 0, self._sent[0].request)

    def _retransmit(self, service: Service) -> None:
        self._events.append(Abort(service))
        self.transmission_count += 1
        self._start_t1()
        for sent in self._sent:
            sent.marked = True

    def _remove_acked(self) -> None:
        """Confirm what lies in NN(R) .. N(R)-1 modulo 256 (5.2.6)."""
        acked = (self._n_r - self.nn_r) % 256
        while self._sent and (self._sent[0].n_s - self.nn_r) % 256 < acked:
            self._respond(Kind.CONFIRM, self._sent.popleft().request)
        self.nn_r = self._n_r
        self.transmission_count = 1

    def _purge(self) -> None:
        for sent in self._sent:
            if sent.request.of is Service.AD:
                self._respond(Kind.NEGATIVE_CONFIRM, sent.request)
        self._sent.clear()
        if self._wait is not None:
            self._respond(Kind.REJECT, self._wait)
            self._wait = None

    def _initialise(self) -> None:
        self._purge()
        self._end_initiate(Kind.NEGATIVE_CONFIRM)  # one that was suspended and is now started over
        self.transmission_count = 1
        self.suspend_state = 0

    def _alert_for(self, reason: Action) -> Callable[[], None]:
        def alert() -> None:
            self._cancel_t1()
            self._purge()
            self._end_initiate(Kind.NEGATIVE_CONFIRM)
            self._events.append(Alert(reason))

        return alert

    def _suspend(self) -> None:
        self.suspend_state = int(self.state)
        self._events.append(Suspend(self.suspend_state))

    def _resume(self) -> None:
        self._start_t1()
        self.suspend_state = 0

    def _set_v_s(self) -> None:
        if self.suspend_state:
            self._respond(Kind.REJECT, self._request)
            return
        self._respond(Kind.ACCEPT, self._request)
        self.v_s = self.nn_r = self._request.value
        self._respond(Kind.CONFIRM, self._request)

    def _set_parameter(self) -> None:
        match self._request.of:
            case Directive.SET_WINDOW:
                self.window = self._request.value
            case Directive.SET_T1_INITIAL:
                self.t1_us = self._request.value
            case Directive.SET_TRANSMISSION_LIMIT:
                self.limit = self._request.value
            case _:
                self.timeout_type = self._request.value
