"""The flight end of the link: octets of the line in, packets out; data fields in, octets for the line out.

Up: carrier, TC frame, FARM-1 on VC 0, the check of SDLS where the link is protected, packets. Down: TM frames with
their counters and, in each, the control word of VC 0 as it stands when the frame is made. Which APID may come on which
channel is for the reader of the packets to say. FARM-1 hears a frame before anybody knows whether it is authentic: a
forged one may move it, and goes no further; control frames (BC) are clear and move nothing else.
"""

from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds import packetizer, tm_frame
from fsw.ccsds.carrier import Carrier
from fsw.ccsds.farm1 import Event, Farm1, Outcome, State
from fsw.ccsds.reception import FrameReceived, LineFault, UpEvent
from fsw.ccsds.sdls import OVERHEAD_OCTETS, Protection, SdlsReject
from fsw.ccsds.space_packet import split
from fsw.ccsds.tc_frame import SetVr, TcReject, Unlock, decode_directive
from fsw.ccsds.tm_frame import TmReject

VC_COMMANDS: Final = 0
VC_IDLE: Final = 7
_ENCAPSULATION: Final = 0xE0


@unique
class Service(Enum):
    """What a virtual channel of telecommands takes (contract, section 2)."""

    COP_1 = "AD with FARM-1, BD, BC"
    EXPEDITED = "BD only"


TC_CHANNELS: Final = {VC_COMMANDS: Service.COP_1, 1: Service.EXPEDITED, 2: Service.EXPEDITED}


class LinkProfile(NamedTuple):
    """What both ends must agree on: spacecraft id, length of a TM frame in octets, W of FARM-1."""

    scid: int = 42
    tm_frame_octets: int = 446
    farm_window: int = 20

    @property
    def data_octets(self) -> int:
        """Length of a TM frame's data field."""
        return self.tm_frame_octets - tm_frame.OVERHEAD_OCTETS


@unique
class LinkFault(Enum):
    """Why a valid frame, or a packet in it, went no further."""

    CHANNEL = "tc_channel_unknown"
    SERVICE = "tc_service_not_on_channel"  # AD or BC where only BD is served
    WAITING = "farm_waiting"  # E2: no room for what was next in order
    AHEAD = "farm_ahead"  # E3: an earlier frame is missing
    REPEATED = "farm_repeated"  # E4: had it already
    OUTSIDE_WINDOW = "farm_outside_window"  # E5
    LOCKED_OUT = "farm_locked_out"  # E1 to E5 in S3
    DIRECTIVE = "farm_directive_invalid"  # E9
    PACKET_TOO_LONG = "packet_too_long"
    ENCAPSULATION = "encapsulation_packet_invalid"


Reason = LineFault | TcReject | TmReject | LinkFault
"""What `FlightLink.counters` counts."""


class Authentic(NamedTuple):
    """A protected frame of a channel was taken: the packets that follow it, up to the next frame's, came in it.

    They may act when `mark` is kept, under its key id.
    """

    vcid: int
    key: int
    mark: int


class PacketReceived(NamedTuple):
    """A whole packet. Its CLTU took `line_octets` on the line, and `trailing_octets` more were fed behind it."""

    vcid: int
    packet: bytes
    trailing_octets: int
    line_octets: int


class TooLong(NamedTuple):
    """A packet that is longer than the rest of its frame; `head` is that rest, 1 octet or more."""

    vcid: int
    head: bytes


class Rejected(NamedTuple):
    """Octets, a frame or a packet that went no further, and why; also counted under the reason."""

    reason: Reason | SdlsReject


class Directive(NamedTuple):
    """A control command that FARM-1 took; a Set V(R) in lockout is taken without being executed."""

    vcid: int
    directive: Unlock | SetVr
    executed: bool


LinkEvent = PacketReceived | TooLong | Rejected | Directive | Authentic

_FARM_FAULTS: Final = {
    Event.E1: LinkFault.WAITING,
    Event.E2: LinkFault.WAITING,
    Event.E3: LinkFault.AHEAD,
    Event.E4: LinkFault.REPEATED,
    Event.E5: LinkFault.OUTSIDE_WINDOW,
    Event.E9: LinkFault.DIRECTIVE,
}


class FlightLink:
    """One link, one carrier. No octets raise; every reason in `counters` starts at zero and only counts up.

    Without `protection` the link is clear; with it, that counts what it refuses.
    """

    def __init__(self, profile: LinkProfile, carrier: Carrier, protection: Protection | None = None) -> None:
        self.profile = profile
        self.protection = protection
        self.carrier = carrier
        self.farm = Farm1(VC_COMMANDS, profile.farm_window)
        self.counters: dict[Reason, int] = {
            reason: 0 for reasons in (LineFault, TcReject, LinkFault) for reason in reasons
        }
        self.frames_good = 0
        self.blocks_corrected = 0
        self.frames_sent = 0
        self._room = True
        self._mcfc = 0
        self._vcfc = [0] * 8
        self._data_octets = tuple(
            profile.data_octets - (OVERHEAD_OCTETS if protection is not None and protection.sends(vcid) else 0)
            for vcid in range(8)
        )
        self._idle = packetizer.idle_data_field(profile.data_octets)

    @property
    def clcw(self) -> int:
        """Control word of VC 0 as it stands."""
        return self.farm.clcw()

    @property
    def octets_skipped(self) -> int:
        """Octets of the line that belonged to no frame delivered."""
        return self.carrier.up_octets_skipped

    @property
    def unfinished(self) -> bool:
        """Whether the line may owe the rest of a frame: `expire` has something to decide only then."""
        return self.carrier.unfinished

    def data_octets(self, vcid: int) -> int:
        """How many octets of packets a TM frame of this channel carries."""
        return self._data_octets[vcid]

    def ready(self, vcid: int) -> bool:
        """Whether a frame of this channel may be made now: a protected one needs a key and a reserved counter."""
        return self.protection is None or self.protection.ready(vcid)

    def takes_protected(self, vcid: int) -> bool:
        """Whether telecommands of a channel must be protected."""
        return self.protection is not None and self.protection.takes(vcid)

    def receive(self, octets: bytes) -> list[LinkEvent]:
        """Take octets of the line, cut anywhere; what they complete, in the order of the line."""
        return self._events(self.carrier.feed_up(octets)) if octets else []

    def expire(self) -> list[LinkEvent]:
        """Say that the line has been silent: a frame hidden behind an unfinished one comes out."""
        return self._events(self.carrier.expire())

    @property
    def frames_refused(self) -> int:
        """Frames that were taken by FARM-1 and are not authentic."""
        return 0 if self.protection is None else sum(self.protection.refused.values())

    def input_full(self, full: bool) -> None:
        """Say whether what is above has room. Full: the next AD frame in order waits (Wait in the control word)."""
        self._room = not full
        if self._room and self.farm.state is State.S2_WAIT:
            self.farm.buffer_release()

    def frame(self, vcid: int, fhp: int, data: bytes) -> bytes:
        """Return the octets for the line of one TM frame; its counters are used up by this call."""
        assert len(data) == self._data_octets[vcid], "a frame has a fixed length"
        if self.protection is not None:
            data = self.protection.protect(vcid, data)
        mcfc, vcfc = self._mcfc, self._vcfc[vcid]
        self._mcfc = (mcfc + 1) % 256
        self._vcfc[vcid] = (vcfc + 1) % 256
        self.frames_sent += 1
        frame = tm_frame.TmFrame(self.profile.scid, vcid, mcfc, vcfc, fhp, data, self.farm.clcw())
        return self.carrier.encode_down(tm_frame.encode(frame))

    def idle_frame(self) -> bytes:
        """Return the octets for the line of an idle frame, which still brings the control word down."""
        return self.frame(VC_IDLE, *self._idle)

    def _events(self, carried: list[UpEvent]) -> list[LinkEvent]:
        events: list[LinkEvent] = []
        for event in carried:
            if isinstance(event, FrameReceived):
                self.frames_good += 1
                self.blocks_corrected += event.corrected
                self._take_frame(event, events)
            else:
                self._reject(event.reason, events)
        return events

    def _take_frame(self, received: FrameReceived, events: list[LinkEvent]) -> None:
        frame = received.frame
        service = TC_CHANNELS.get(frame.vcid)
        if service is None:
            self._reject(LinkFault.CHANNEL, events)
        elif service is Service.COP_1:
            self._take_cop_1(received, events)
        elif frame.bypass and not frame.control:
            self._take_packets(received, events)
        else:
            self._reject(LinkFault.SERVICE, events)

    def _take_cop_1(self, received: FrameReceived, events: list[LinkEvent]) -> None:
        frame = received.frame
        locked_out = self.farm.state is State.S3_LOCKOUT
        verdict = self.farm.accept(frame, self._room)
        if verdict.outcome is Outcome.ACCEPT:
            self._take_packets(received, events)
        elif verdict.outcome is Outcome.EXECUTE:
            directive = decode_directive(frame.data)
            assert directive is not None, "FARM-1 executes directives only"
            executed = verdict.event is Event.E7 or not locked_out
            events.append(Directive(frame.vcid, directive, executed))
        elif locked_out and verdict.event is not Event.E9:
            self._reject(LinkFault.LOCKED_OUT, events)
        else:
            self._reject(_FARM_FAULTS[verdict.event], events)

    def _take_packets(self, received: FrameReceived, events: list[LinkEvent]) -> None:
        """Deliver the packets that share the frame; with one that cannot be delimited the rest of the frame goes."""
        vcid, data = received.frame.vcid, received.frame.data
        if self.protection is not None and self.takes_protected(vcid):
            checked = self.protection.check(vcid, data, bypass=received.frame.bypass)
            if isinstance(checked, SdlsReject):
                events.append(Rejected(checked))
                return
            data = checked
            receiver = self.protection.receivers[vcid]
            events.append(Authentic(vcid, receiver.key, receiver.mark))
        packets, rest = split(data)
        events.extend(
            PacketReceived(vcid, packet, received.trailing_octets, received.line_octets) for packet in packets
        )
        if not rest:
            return
        if rest[0] >= _ENCAPSULATION:
            self._reject(LinkFault.ENCAPSULATION, events)
            return
        self.counters[LinkFault.PACKET_TOO_LONG] += 1
        events.append(TooLong(vcid, rest))

    def _reject(self, reason: Reason, events: list[LinkEvent]) -> None:
        self.counters[reason] += 1
        events.append(Rejected(reason))
