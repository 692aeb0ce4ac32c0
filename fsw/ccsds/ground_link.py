"""The ground end of the link: telemetry frames in, packets and control words out; packets in, telecommand frames out.

Every call leaves its events to be taken with `take()`, `Uplink` among them: the octets of one TC frame, to be sent as
they are or in a CLTU. VC 0 runs FOP-1, and while its service is wanted it is initiated from the control words received.
"""

from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds import clcw, fop1, tc_frame, tm_frame
from fsw.ccsds.carrier import Carrier
from fsw.ccsds.depacketizer import Depacketizer, GapDetected, PacketReceived, PacketRejected
from fsw.ccsds.flight_link import TC_CHANNELS, VC_COMMANDS, VC_IDLE, LinkProfile
from fsw.ccsds.fop1_table import Action, State
from fsw.ccsds.fop1_words import Alert, Directive, Response, Service, Suspend, Transmit
from fsw.ccsds.reception import LineFault, TmFrameReceived
from fsw.ccsds.sdls import OVERHEAD_OCTETS, Protection, SdlsReject
from fsw.ccsds.tc_frame import TcReject
from fsw.ccsds.tm_frame import TmFrame, TmReject
from fsw.kernel.clock import NEVER, Micros

PACKET_CHANNELS: Final = (0, 1, 2, 3)
EVENTS_MAX: Final = 65_536  # nobody takes the events: our bug


@unique
class GroundFault(Enum):
    """Why a valid frame, or its control word, went no further."""

    CHANNEL = "tm_channel_unknown"
    OCF = "ocf_no_clcw_of_vc0"
    COUNTER = "tc_no_counter"  # a frame that did not leave: protected, and no key or no counter is at hand


class Uplink(NamedTuple):
    """One TC frame with its FECF, to be sent now. `request_id` as `send_ad`, `send_bd` or `directive` returned it."""

    vcid: int
    service: Service
    frame: bytes
    request_id: int


class ControlWord(NamedTuple):
    """The control word of VC 0 in a frame that differed from the one before."""

    clcw: clcw.Clcw


class FrameRejected(NamedTuple):
    """Octets, or a valid frame, that went no further; also counted under the reason."""

    reason: LineFault | TcReject | TmReject | GroundFault | SdlsReject


GroundEvent = (
    PacketReceived | GapDetected | PacketRejected | FrameRejected | ControlWord | Uplink | Response | Alert | Suspend
)


class GroundLink:
    """One link. `t1_us` must be above the round trip, waiting in the lander's queue included.

    With `auto_initiate` the AD service is initiated at the first control word and again after an alert, then one T1
    later: frames that were under way when the alert came must have arrived before V(R) is believed. Each frame that
    leaves is protected anew, one that leaves again too; `protection` counts what it refuses.
    """

    def __init__(
        self,
        profile: LinkProfile,
        carrier: Carrier | None = None,
        *,
        t1_us: int = 3_000_000,
        limit: int = 5,
        timeout_type: int = 0,
        auto_initiate: bool = True,
        protection: Protection | None = None,
    ) -> None:
        self.profile = profile
        self.protection = protection
        self.fop = fop1.Fop1(
            VC_COMMANDS, window=profile.farm_window // 2, t1_us=t1_us, limit=limit, timeout_type=timeout_type
        )
        self.clcw: clcw.Clcw | None = None
        """The last control word of VC 0; None before the first."""
        self.counters: dict[LineFault | TcReject | TmReject | GroundFault, int] = {
            reason: 0 for reasons in (LineFault, TmReject, GroundFault) for reason in reasons
        }
        self.frames_good = 0
        self._carrier = carrier
        self._auto = auto_initiate
        self._initiate_from = Micros(0) if auto_initiate else NEVER
        self._channels = {vcid: Depacketizer(vcid) for vcid in PACKET_CHANNELS}
        self._events: list[GroundEvent] = []
        self._bd_id = 0

    # --- down -----------------------------------------------------------------------------------------------------

    def receive_frame(self, octets: bytes, now: Micros) -> None:
        """Take one TM frame (a datagram of the lander: no marker)."""
        frame = tm_frame.decode(octets, self.profile.scid, self.profile.tm_frame_octets)
        if isinstance(frame, TmReject):
            self._reject(frame)
        else:
            self._take_frame(frame, now)

    def receive_line(self, octets: bytes, now: Micros) -> None:
        """Take octets of a line, cut anywhere, through the carrier that was given."""
        assert self._carrier is not None, "a line needs a carrier"
        for event in self._carrier.feed_down(octets):
            if isinstance(event, TmFrameReceived):
                self._take_frame(event.frame, now)
            else:
                self._reject(event.reason)

    def take(self) -> list[GroundEvent]:
        """Return the events since the last call, in order."""
        events, self._events = self._events, []
        return events

    # --- up -------------------------------------------------------------------------------------------------------

    @property
    def ad_room(self) -> bool:
        """Whether `send_ad` would take a packet now."""
        return self.fop.room

    @property
    def ad_active(self) -> bool:
        """Whether the AD service is up."""
        return self.fop.state <= State.S3_RETRANSMIT_WAIT

    def send_ad(self, packet: bytes, now: Micros) -> int:
        """Send one packet in a sequence-controlled frame of VC 0; return the request's id for its responses."""
        assert 1 <= len(packet) <= packet_octets_max(self.protection), "a packet goes into one frame"
        request_id = self.fop.send_ad(packet, now)
        self._serve_fop(now)
        return request_id

    def send_bd(self, packet: bytes, now: Micros, vcid: int = VC_COMMANDS) -> int:
        """Send one packet in an expedited frame; return the id in its `Uplink` (VC 0: in its responses as well).

        Ids of VC 0 count up from 1, those of the channels without FOP-1 down from -1.
        """
        assert vcid in TC_CHANNELS, "a channel of telecommands"
        assert 1 <= len(packet) <= packet_octets_max(self.protection, vcid), "a packet goes into one frame"
        if vcid == VC_COMMANDS:
            request_id = self.fop.send_bd(packet, now)
            self._serve_fop(now)
            return request_id
        self._bd_id -= 1
        self._uplink(vcid, Transmit(Service.BD, 0, packet, self._bd_id))
        return self._bd_id

    def directive(self, directive: Directive, now: Micros, value: int = 0) -> int:
        """Ask FOP-1 for a directive; return the id for its responses. Terminating also ends initiating by itself."""
        if directive is Directive.TERMINATE:
            self._initiate_from = NEVER
        request_id = self.fop.directive(directive, now, value)
        self._serve_fop(now)
        return request_id

    def initiate(self, now: Micros) -> None:
        """Want the AD service: the next control word initiates it."""
        self._initiate_from = now

    def tick(self, now: Micros) -> None:
        """Let FOP-1's timer expire if it is due."""
        self.fop.tick(now)
        self._serve_fop(now)

    def next_due(self) -> Micros:
        """When `tick` has something to do; NEVER while no timer runs."""
        return NEVER if self.fop.due is None else self.fop.due

    # --- inside ---------------------------------------------------------------------------------------------------

    def _take_frame(self, frame: TmFrame, now: Micros) -> None:
        self.frames_good += 1
        data = frame.data if self.protection is None else self.protection.check(frame.vcid, frame.data)
        if isinstance(data, SdlsReject):
            self._emit(FrameRejected(data))
            return
        self._take_clcw(frame.clcw, now)
        if frame.vcid == VC_IDLE:
            return
        channel = self._channels.get(frame.vcid)
        if channel is None:
            self._reject(GroundFault.CHANNEL)
            return
        for event in channel.feed(frame.vcfc, frame.fhp, data):
            self._emit(event)

    def _take_clcw(self, word: int, now: Micros) -> None:
        taken = self.fop.clcw(word, now)
        self._serve_fop(now)
        fields = clcw.decode(word)
        if fields is None or not taken:
            self._reject(GroundFault.OCF)
            return
        if fields != self.clcw:
            self.clcw = fields
            self._emit(ControlWord(fields))
        self._initiate_if_wanted(fields, now)

    def _initiate_if_wanted(self, word: clcw.Clcw, now: Micros) -> None:
        """Take V(S) from the control word; with Lockout or Retransmit set, which only a control command clears, unlock.

        Wait goes by itself, and an initiation would end in an alert while it lasts.
        """
        if now < self._initiate_from or self.fop.state is not State.S6_INITIAL or self.fop.suspend_state or word.wait:
            return
        self.fop.directive(Directive.SET_V_S, now, word.report_value)
        blocked = word.lockout or word.retransmit
        self.fop.directive(Directive.INIT_AD_WITH_UNLOCK if blocked else Directive.INIT_AD_WITH_CLCW, now)
        self._serve_fop(now)

    def _serve_fop(self, now: Micros) -> None:
        """Be FOP-1's lower layer, which takes every frame at once, and pass on what it says to its users."""
        while events := self.fop.take():
            for event in events:
                if isinstance(event, Transmit):
                    self._uplink(VC_COMMANDS, event)
                    self.fop.lower_accept(event.service, now)
                elif isinstance(event, Response | Alert | Suspend):
                    self._emit(event)
                    self._note_alert(event, now)

    def _note_alert(self, event: Response | Alert | Suspend, now: Micros) -> None:
        if isinstance(event, Alert) and event.reason is not Action.ALERT_TERM:
            self._initiate_from = Micros(now + self.fop.t1_us) if self._auto else NEVER

    def _uplink(self, vcid: int, transmit: Transmit) -> None:
        service, data = transmit.service, transmit.data
        if self.protection is not None and service is not Service.BC:
            if not self.protection.ready(vcid):
                self._reject(GroundFault.COUNTER)
                return
            data = self.protection.protect(vcid, data)
        frame = tc_frame.TcFrame(
            self.profile.scid, vcid, service is not Service.AD, service is Service.BC, transmit.n_s, data
        )
        self._emit(Uplink(vcid, service, tc_frame.encode(frame), transmit.request_id))

    def _reject(self, reason: LineFault | TcReject | TmReject | GroundFault) -> None:
        self.counters[reason] = self.counters.get(reason, 0) + 1
        self._emit(FrameRejected(reason))

    def _emit(self, event: GroundEvent) -> None:
        self._events.append(event)
        assert len(self._events) <= EVENTS_MAX, "somebody takes the events"


def packet_octets_max(protection: Protection | None, vcid: int = VC_COMMANDS) -> int:
    """The longest packet that a TC frame of a channel takes."""
    protected = protection is not None and protection.sends(vcid)
    return tc_frame.DATA_OCTETS_MAX - (OVERHEAD_OCTETS if protected else 0)
