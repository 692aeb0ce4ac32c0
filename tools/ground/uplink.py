"""The ground's end of commanding: a queue, FOP-1, and the policy that keeps FOP-1 initialised (232.1-B).

FOP-1 leaves to management when and how AD service is initiated. The policy here:

- V(S) is taken from the first CLCW; a receiver in lockout is unlocked first; while it says Wait nothing is initiated.
- N(S) = 0 is never used. V(R) is 0 after every boot of the payload, so a frame that was sent before a reboot and is
  repeated after it would be accepted again if it bore 0; with any other number the new life discards it, and the
  report value 0 betrays the reboot. A receiver at 0 is therefore set to 1 (Set V(R)), after a boot and at each wrap.
- After an alert with frames outstanding the receiver is set to a number not used yet: what may still be under way is
  then older than anything the receiver takes. Such frames are reported as interrupted and never sent again.
- On a protected link each frame that leaves is protected anew, one that leaves again too; none without a counter.
- Whoever can send a frame can move the receiver (FARM-1 stands before any check of who sent it). The control word
  shows it, FOP-1 alerts and is initiated anew from the next one: that is all it costs. A V(R) of 0 is a reboot only
  where FARM-B's count is 0 too, else somebody has set it.
- On a protected link what is sent again is valid anew, and nothing of COP-1 is authentic. The IV says that it is sent
  again (fsw/ccsds/numbered_iv.py); besides, for a payload that does not read it, nothing is sent again before its
  answer could be here (`again_us`), nor once authentic telemetry has answered it: then somebody has moved the receiver
  back over what it had taken, and FOP-1 is initiated anew.
- At every AOS, the first control word after a silence, FOP-1 is initiated anew, once nothing is outstanding.
- A receiver that shows CLCWs but does not act on Set V(R) is taken as it is; on a protected link it is asked again, for
  there somebody may have made it look so.
"""

from collections import deque
from typing import Final, NamedTuple

from fsw.ccsds import cltu, tc_frame
from fsw.ccsds.clcw import Clcw
from fsw.ccsds.clcw import decode as decode_clcw
from fsw.ccsds.clcw import encode as encode_clcw
from fsw.ccsds.fop1 import Fop1
from fsw.ccsds.fop1_table import Action, State
from fsw.ccsds.fop1_words import Alert, Directive, Kind, Response, Service, Transmit
from fsw.ccsds.ground_link import packet_octets_max
from fsw.ccsds.sdls import First, Protection
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import NEVER, Micros
from tools.ground.uplink_words import ALERTS, LinkState, UplinkEvent, UplinkProfile, UpWord

QUEUE_MAX: Final = 64
DATAGRAMS_MAX: Final = 1024
_CLCWS_TO_JUDGE: Final = 3
_RETRANSMIT: Final = 0x0800  # of a control word
_FIRST: Final = 1  # the N(S) that a fresh receiver is set to


class _Waiting(NamedTuple):
    ticket: int
    packet: bytes


class Uplink:
    """Packets in by `submit`, control words in by `clcw`; datagrams out by `take_datagrams`, words by `take_events`."""

    def __init__(self, profile: UplinkProfile, protection: Protection | None = None) -> None:
        self.profile = profile
        self.protection = protection
        self.packet_octets_max = packet_octets_max(protection, profile.vcid)
        self.uncounted = 0
        """Frames that did not leave: protected, and without a counter that is reserved."""
        self.fop = Fop1(profile.vcid, window=profile.window, t1_us=profile.t1_us, limit=profile.limit)
        self.last_clcw: Clcw | None = None
        self.alerts = 0
        self.retransmissions = 0
        self._heard_at = Micros(0)
        self._queue: deque[_Waiting] = deque()
        self._tickets: dict[int, int] = {}  # FOP-1's request id -> ticket
        self._first: dict[int, First] = {}  # FOP-1's request id -> when its packet left first, where it is protected
        self._sent: set[int] = set()
        self._answered: set[int] = set()  # of those, what the payload has spoken of
        self._left_us = Micros(0)  # when an AD frame last left
        self._moved_back = False  # FOP-1 asks for something again that was answered
        self._datagrams: list[bytes] = []
        self._events: list[UplinkEvent] = []
        self._negative: list[int] = []
        self._dirty = False  # frames of unknown fate may still be under way
        self._unused: int | None = None  # the next N(S) that this session has not sent yet
        self._set_v_r_ignored = False
        self._asked_farm_b = -1  # FARM-B counter when Set V(R) was last asked for
        self._clcws_since = 0
        self._asked_us = Micros(0)  # when that, or Unlock, was last asked for
        self._sync_due = False  # since AOS
        self.syncs = 0
        """How often FOP-1 was initiated anew at AOS or by hand."""

    # --- in -------------------------------------------------------------------------------------------------------

    def submit(self, ticket: int, packet: bytes, now: Micros) -> bool:
        """Queue one packet for AD; False when 64 are waiting already."""
        assert 1 <= len(packet) <= self.packet_octets_max
        if len(self._queue) >= QUEUE_MAX:
            return False
        self._queue.append(_Waiting(ticket, packet))
        self._pump(now)
        return True

    def withdraw(self, ticket: int) -> bool:
        """Take a packet that is still queued out of the queue; False when it has left already."""
        kept = [waiting for waiting in self._queue if waiting.ticket != ticket]
        found = len(kept) < len(self._queue)
        self._queue = deque(kept)
        return found

    def clcw(self, word: int, now: Micros) -> None:
        """Take a control word of our channel; any other, or none at all, changes nothing."""
        fields = decode_clcw(word)
        if fields is None or fields.vcid != self.profile.vcid or fields.cop_in_effect != 1:
            return
        self._sync_due |= self.last_clcw is not None and now > self.silent_at
        self.last_clcw, self._heard_at = fields, now
        self._clcws_since += 1
        if self._betrays_reboot(fields):
            self.reboot(now, "its receiver reports V(R) = 0")
        if self.fop.state is State.S6_INITIAL:
            self._initiate(fields, now)
        elif self._asks_in_vain(fields, now):
            self.fop.directive(Directive.TERMINATE, now)
            self._drain(now)
            self._initiate(fields, now)
        else:
            soon = self.protection is not None and now - self._left_us < self.profile.again_us
            self.fop.clcw(word & ~_RETRANSMIT if soon else word, now)
        self._drain(now)
        self._part(now)
        if self._sync_due:
            self._sync_at_aos(fields, now)
        self._settle(fields, now)
        self._pump(now)

    def reboot(self, now: Micros, reason: str) -> None:
        """The payload's receiver has started over: nothing outstanding will be heard of; initialise again."""
        self._set_v_r_ignored = False
        if self.fop.state is not State.S6_INITIAL:
            self.fop.directive(Directive.TERMINATE, now)
            self._drain(now, f"the payload rebooted ({reason})")
        self._events.append(UplinkEvent(UpWord.REBOOT, 0, reason))

    def sync(self, now: Micros, reason: str) -> None:
        """By hand: initiate anew from the next control word. What is outstanding is interrupted for good."""
        self._set_v_r_ignored = self._sync_due = False
        self.syncs += 1
        if self.fop.state is not State.S6_INITIAL:
            self.fop.directive(Directive.TERMINATE, now)
            self._drain(now, reason)

    def tick(self, now: Micros) -> None:
        """Let T1 expire."""
        self.fop.tick(now)
        self._drain(now)
        self._part(now)

    def answered(self, ticket: int) -> None:
        """Authentic telemetry has spoken of what a ticket's frame brought: it has been taken."""
        if self.protection is not None and ticket in self._sent:
            self._answered.add(ticket)

    def bypass(self, vcid: int, packet: bytes) -> bool:
        """Send a packet in a BD frame of a protected channel, once; False where it has no key, or no counter."""
        if self.protection is None or not self.protection.ready(vcid):
            return False
        self._leave(TcFrame(self.profile.scid, vcid, True, False, 0, self.protection.protect(vcid, packet)))
        return True

    # --- out ------------------------------------------------------------------------------------------------------

    def take_datagrams(self) -> list[bytes]:
        """What to send, in order: a CLTU each (or a bare TC frame)."""
        taken, self._datagrams = self._datagrams, []
        return taken

    def take_events(self) -> list[UplinkEvent]:
        """Words since the last call, in order."""
        taken, self._events = self._events, []
        return taken

    def next_due(self) -> Micros:
        """When `tick` has work; NEVER if no timer runs."""
        return NEVER if self.fop.due is None else self.fop.due

    @property
    def queued(self) -> int:
        """Packets that have not left yet."""
        return len(self._queue)

    @property
    def heard(self) -> tuple[int, int | None, bool, bool, bool]:
        """V(S), and the receiver's last word: V(R), lockout, wait, retransmit; None and false before the first."""
        fields = self.last_clcw
        if fields is None:
            return self.fop.v_s, None, False, False, False
        return self.fop.v_s, fields.report_value, bool(fields.lockout), bool(fields.wait), bool(fields.retransmit)

    @property
    def silent_at(self) -> Micros:
        """When the link counts as silent unless something is heard."""
        return Micros(self._heard_at + self.profile.silence_us + 1)

    def state(self, now: Micros) -> LinkState:
        """Whether a command would leave now, and if not, why."""
        fields = self.last_clcw
        if fields is None:
            return LinkState.NO_CLCW
        if now - self._heard_at > self.profile.silence_us:
            return LinkState.SILENT
        if fields.lockout:
            return LinkState.LOCKOUT
        if self.fop.state <= State.S3_RETRANSMIT_WAIT:
            return LinkState.WAIT if fields.wait else LinkState.ACTIVE
        return LinkState.WAIT if fields.wait else LinkState.INITIALISING

    # --- policy ---------------------------------------------------------------------------------------------------

    def _part(self, now: Micros) -> None:
        """The receiver was moved back over what it had taken: AD ends, and is initiated anew behind all of it."""
        if self._moved_back:
            self._moved_back = False
            self.alerts += 1
            self.fop.directive(Directive.TERMINATE, now)
            self._drain(now, "somebody has moved the receiver back")

    def _betrays_reboot(self, fields: Clcw) -> bool:
        """AD is active and the report value is the 0 of a fresh boot, which we never let it be."""
        fop = self.fop
        if fields.report_value != 0 or fields.farm_b != 0 or fop.state > State.S3_RETRANSMIT_WAIT:
            return False
        return (0 - fop.nn_r) % 256 > (fop.v_s - fop.nn_r) % 256

    def _asks_in_vain(self, fields: Clcw, now: Micros) -> bool:
        """The answer to Unlock or Set V(R) could be here, and the receiver stands so that it will never come.

        It was unlocked and is at another number than a control word has said; or it is locked, and sets nothing.
        """
        if self.fop.state is not State.S5_INITIALISING_BC or now - self._asked_us < self.profile.again_us:
            return False
        if self._asked_farm_b >= 0:
            return fields.lockout
        return not fields.lockout and fields.report_value != self.fop.v_s

    def _sync_at_aos(self, fields: Clcw, now: Micros) -> None:
        """What is outstanding ends first, confirmed or with an alert, which initiates anew by itself."""
        if self.fop.state > State.S3_RETRANSMIT_WAIT:
            self._sync_due = False
        elif not self.fop.outstanding:
            self._sync_due = False
            self.syncs += 1
            self.fop.directive(Directive.TERMINATE, now)
            self._initiate(fields, now)
            self._drain(now)

    def _initiate(self, fields: Clcw, now: Micros) -> None:
        n_r = fields.report_value
        if fields.lockout:
            self._asked_farm_b, self._asked_us = -1, now
            self.fop.directive(Directive.SET_V_S, now, n_r)
            self.fop.directive(Directive.INIT_AD_WITH_UNLOCK, now)
        elif fields.wait:
            return
        elif self._must_set_v_r(fields):
            self._ask_set_v_r(fields, now)
        else:
            self._dirty = False
            self.fop.directive(Directive.SET_V_S, now, n_r)
            self.fop.directive(Directive.INIT_AD_WITH_CLCW, now)
            self.fop.clcw(encode_clcw(fields), now)

    def _must_set_v_r(self, fields: Clcw) -> bool:
        return not self._set_v_r_ignored and (fields.report_value == 0 or fields.retransmit or self._dirty)

    def _ask_set_v_r(self, fields: Clcw, now: Micros) -> None:
        """To the next number that this session has not used; at its start, to what the receiver is at."""
        v_r = fields.report_value if self._unused is None else self._unused
        self._asked_farm_b, self._clcws_since, self._asked_us = fields.farm_b, 0, now
        self.fop.directive(Directive.INIT_AD_WITH_SET_V_R, now, v_r or _FIRST)

    def _settle(self, fields: Clcw, now: Micros) -> None:
        """AD may just have become active, or N(S) have wrapped: go on to Set V(R) where that is needed."""
        fop = self.fop
        if fop.state is not State.S1_ACTIVE or fop.outstanding:
            return
        if self._asked_farm_b >= 0:  # Set V(R) has worked: all that was under way is older
            self._asked_farm_b, self._dirty = -1, False
        elif fop.v_s == fields.report_value and self._must_set_v_r(fields):
            fop.directive(Directive.TERMINATE, now)
            self._ask_set_v_r(fields, now)
            self._drain(now)
        else:
            self._dirty = False

    def _pump(self, now: Micros) -> None:
        """Hand queued packets to FOP-1 as the window opens."""
        fop = self.fop
        while (
            self._queue
            and fop.state is State.S1_ACTIVE
            and fop.outstanding < fop.window
            and now - self._heard_at <= self.profile.silence_us
            and (fop.v_s != 0 or self._set_v_r_ignored)
        ):
            waiting = self._queue.popleft()
            self._tickets[fop.send_ad(waiting.packet, now)] = waiting.ticket
            self._drain(now)

    # --- what FOP-1 says ------------------------------------------------------------------------------------------

    def _drain(self, now: Micros, reason: str = "") -> None:
        """Serve FOP-1's events until it has none; each Transmit is accepted at once, since a datagram always leaves."""
        while events := self.fop.take():
            for event in events:
                match event:
                    case Transmit():
                        self._transmit(event, now)
                        self.fop.lower_accept(event.service, now)
                    case Response(Kind.CONFIRM, Service.AD, request_id):
                        self._word(UpWord.RECEIVED, self._ended(request_id))
                    case Response(Kind.NEGATIVE_CONFIRM | Kind.REJECT, Service.AD, request_id):
                        self._negative.append(self._ended(request_id))
                    case Alert():
                        self._alert(event, reason)
                    case _:
                        pass

    def _ended(self, request_id: int) -> int:
        """FOP-1 has done with a packet; its ticket."""
        self._first.pop(request_id, None)
        return self._tickets.pop(request_id)

    def _transmit(self, event: Transmit, now: Micros) -> None:
        bypass, control = event.service is not Service.AD, event.service is Service.BC
        vcid, data = self.profile.vcid, event.data
        if not bypass:
            self._moved_back |= self._tickets[event.request_id] in self._answered
            if self._moved_back:
                return
            self._left_us = now
        if self.protection is None or control:
            self._leave(TcFrame(self.profile.scid, vcid, bypass, control, event.n_s, data))
        else:
            self._leave_protected(event)
        if event.service is Service.AD:
            self._unused = (event.n_s + 1) % 256
            ticket = self._tickets[event.request_id]
            self.retransmissions += ticket in self._sent
            self._sent.add(ticket)
            self._word(UpWord.SENT, ticket)

    def _leave_protected(self, event: Transmit) -> None:
        """An AD frame, protected anew; its IV says when its packet left for the first time."""
        vcid, first = self.profile.vcid, self._first.get(event.request_id)
        assert self.protection is not None
        if self.protection.ready(vcid, first):
            data, self._first[event.request_id] = self.protection.protect_ad(vcid, event.data, first)
            self._leave(TcFrame(self.profile.scid, vcid, False, False, event.n_s, data))
        else:
            self.uncounted += 1  # COP-1 tries it again, and says so when it gives up

    def _leave(self, frame: TcFrame) -> None:
        octets = tc_frame.encode(frame)
        assert len(self._datagrams) < DATAGRAMS_MAX, "somebody takes the datagrams"
        self._datagrams.append(octets if self.profile.raw else cltu.encode(octets))

    def _alert(self, event: Alert, reason: str) -> None:
        if event.reason is not Action.ALERT_TERM:
            self.alerts += 1
            if event.reason is Action.ALERT_T1 and self._asked_farm_b >= 0 and self.last_clcw is not None:
                unmoved = self.last_clcw.farm_b == self._asked_farm_b and self.protection is None
                self._set_v_r_ignored |= unmoved and self._clcws_since >= _CLCWS_TO_JUDGE
            self._asked_farm_b = -1
        text = reason or ALERTS.get(event.reason, f"COP-1 {event.reason.value}")
        for ticket in self._negative:
            if ticket in self._answered:
                self._word(UpWord.RECEIVED, ticket)
            else:
                self._word(UpWord.INTERRUPTED, ticket, text)
                self._sent.discard(ticket)
            self._dirty = True
        self._negative.clear()

    def _word(self, word: UpWord, ticket: int, text: str = "") -> None:
        self._events.append(UplinkEvent(word, ticket, text))
        if word is UpWord.RECEIVED:
            self._sent.discard(ticket)
            self._answered.discard(ticket)
