"""Carriers: the small objects between frames and line, one for each line coding that a lander may speak.

A carrier has both ends side by side: flight encodes down and is fed what comes up, the lander the other way round.
The frames inside are the same for all of them, with their FECF. `udp` is one frame a datagram; a port being a stream of
octets, the port delimits datagrams as SLIP does, and the same carrier serves a network and a simulated line.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol

from fsw.ccsds import cltu, ip_udp, slip, tc_frame, tm_frame, tm_sync
from fsw.ccsds.reception import DownEvent, FrameReceived, LineFault, Rejected, TmFrameReceived, UpEvent

__all__ = [
    "CARRIERS",
    "Carrier",
    "CltuCadu",
    "DownEvent",
    "FrameReceived",
    "LineFault",
    "Rejected",
    "Slip",
    "TmFrameReceived",
    "UpEvent",
    "by_name",
]


class Carrier(Protocol):
    """Line coding of one line, both directions. Octets may come cut anywhere; no octets raise."""

    @property
    def up_octets_skipped(self) -> int:
        """Octets fed to flight that belong to no frame delivered."""

    @property
    def down_octets_skipped(self) -> int:
        """Octets fed to the lander that belong to no frame delivered."""

    @property
    def unfinished(self) -> bool:
        """Flight: whether a unit has begun that silence may have to end (`expire`)."""

    def encode_down(self, frame: bytes) -> bytes:
        """Flight: octets on the line for one TM frame."""

    def feed_up(self, octets: bytes) -> list[UpEvent]:
        """Flight: take octets of the line; frames and rejections, in their order."""

    def expire(self) -> list[UpEvent]:
        """Flight: the line has been silent; frames that an unfinished unit had hidden."""

    def encode_up(self, frame: bytes) -> bytes:
        """Lander: octets on the line for one TC frame."""

    def feed_down(self, octets: bytes) -> list[DownEvent]:
        """Lander: take octets of the line; frames and rejections, in their order."""

    def down_octets(self, frame_octets: int) -> int:
        """Octets on the line that a TM frame of so many costs at most, for pacing."""


class CltuCadu:
    """The default carrier: CLTUs up (231.0-B), CADUs down (131.0-B)."""

    __slots__ = ("_cltu", "_sync", "expire", "feed_down", "feed_up")

    def __init__(self, scid: int, tm_frame_octets: int) -> None:
        self._cltu = cltu.CltuDecoder(partial(tc_frame.head_fault, scid=scid), partial(tc_frame.decode, scid=scid))
        self._sync = tm_sync.AsmSynchroniser(
            tm_frame_octets, partial(tm_frame.decode, scid=scid, frame_octets=tm_frame_octets)
        )
        self.feed_up = self._cltu.feed
        self.expire = self._cltu.expire
        self.feed_down = self._sync.feed

    @property
    def up_octets_skipped(self) -> int:
        """Octets of no delivered CLTU."""
        return self._cltu.octets_skipped

    @property
    def down_octets_skipped(self) -> int:
        """Octets of no delivered CADU."""
        return self._sync.octets_skipped

    @property
    def unfinished(self) -> bool:
        """Whether a CLTU has begun and is not decided."""
        return self._cltu.unfinished

    def encode_down(self, frame: bytes) -> bytes:
        """CADU of a TM frame."""
        return tm_sync.encode(frame)

    def encode_up(self, frame: bytes) -> bytes:
        """CLTU of a TC frame."""
        return cltu.encode(frame)

    def down_octets(self, frame_octets: int) -> int:
        """Marker and frame."""
        return tm_sync.cadu_octets(frame_octets)


class Around(NamedTuple):
    """What stands around a frame inside a SLIP unit: a pair of functions for each direction, and its octets."""

    encode_up: Callable[[bytes], bytes]
    decode_up: Callable[[bytes], bytes | LineFault]
    encode_down: Callable[[bytes], bytes]
    decode_down: Callable[[bytes], bytes | LineFault]
    octets: int
    octets_max: int
    """Of what is received: a sender may use options that we do not."""


def _bare(frame: bytes) -> bytes:
    return frame


NOTHING: Final = Around(_bare, _bare, _bare, _bare, 0, 0)
IP_UDP: Final = Around(
    partial(ip_udp.encode, source=ip_udp.LANDER, destination=ip_udp.PAYLOAD),
    partial(ip_udp.decode, source=ip_udp.LANDER, destination=ip_udp.PAYLOAD),
    partial(ip_udp.encode, source=ip_udp.PAYLOAD, destination=ip_udp.LANDER),
    partial(ip_udp.decode, source=ip_udp.PAYLOAD, destination=ip_udp.LANDER),
    ip_udp.HEADERS_OCTETS,
    ip_udp.HEADERS_OCTETS_MAX,
)


class Slip:
    """SLIP both ways, END on both sides of a unit (RFC 1055); a unit is a frame, or one with something `around` it."""

    __slots__ = ("_around", "_down", "_scid", "_tm_frame_octets", "_up")

    def __init__(self, scid: int, tm_frame_octets: int, around: Around = NOTHING) -> None:
        self._scid = scid
        self._tm_frame_octets = tm_frame_octets
        self._around = around
        self._up = _Units(tc_frame.TC_FRAME_OCTETS_MAX + around.octets_max, around.decode_up)
        self._down = _Units(tm_frame_octets + around.octets_max, around.decode_down)

    @property
    def up_octets_skipped(self) -> int:
        """Octets between ENDs that gave no TC frame."""
        return self._up.octets_skipped

    @property
    def down_octets_skipped(self) -> int:
        """Octets between ENDs that gave no TM frame."""
        return self._down.octets_skipped

    @property
    def unfinished(self) -> bool:
        """Nothing can hide behind an unfinished unit: the next END ends it."""
        return False

    def encode_down(self, frame: bytes) -> bytes:
        """The unit of a TM frame between ENDs."""
        return slip.encode(self._around.encode_down(frame))

    def feed_up(self, octets: bytes) -> list[UpEvent]:
        """TC frames that octets of the line complete."""
        return self._up.tc_frames(octets, self._scid)

    def expire(self) -> list[UpEvent]:
        """Nothing to end."""
        return []

    def encode_up(self, frame: bytes) -> bytes:
        """The unit of a TC frame between ENDs."""
        return slip.encode(self._around.encode_up(frame))

    def feed_down(self, octets: bytes) -> list[DownEvent]:
        """TM frames that octets of the line complete."""
        return self._down.tm_frames(octets, self._scid, self._tm_frame_octets)

    def down_octets(self, frame_octets: int) -> int:
        """Every octet escaped; what a frame really costs is the length of its encoding."""
        return slip.slip_octets_max(frame_octets + self._around.octets)


class _Units:
    """One direction of a line of SLIP units: each is what `decode` makes a frame of."""

    __slots__ = ("_decode", "_octets_refused", "_slip")

    def __init__(self, unit_octets_max: int, decode: Callable[[bytes], bytes | LineFault]) -> None:
        self._slip = slip.SlipDecoder(unit_octets_max)
        self._decode = decode
        self._octets_refused = 0

    @property
    def octets_skipped(self) -> int:
        """Octets between ENDs that gave no frame."""
        return self._slip.octets_skipped + self._octets_refused

    def _contents(self, octets: bytes) -> list[slip.SlipUnit]:
        """Units with their content decoded; what the decoding refuses is counted."""
        units = []
        for unit in self._slip.feed(octets):
            content = unit.content
            if not isinstance(content, LineFault):
                content = self._decode(content)
                if isinstance(content, LineFault):
                    self._octets_refused += unit.line_octets - 2
            units.append(unit._replace(content=content))
        return units

    def tc_frames(self, octets: bytes, scid: int) -> list[UpEvent]:
        """Valid TC frames and rejections, in their order."""
        events: list[UpEvent] = []
        for content, line_octets, trailing_octets in self._contents(octets):
            if isinstance(content, LineFault):
                events.append(Rejected(content))
                continue
            frame = tc_frame.decode(content, scid)
            if isinstance(frame, tc_frame.TcReject):
                self._octets_refused += line_octets - 2
                events.append(Rejected(frame))
            else:
                events.append(FrameReceived(frame, 0, line_octets, trailing_octets))
        return events

    def tm_frames(self, octets: bytes, scid: int, frame_octets: int) -> list[DownEvent]:
        """Valid TM frames and rejections, in their order."""
        events: list[DownEvent] = []
        for content, line_octets, trailing_octets in self._contents(octets):
            if isinstance(content, LineFault):
                events.append(Rejected(content))
                continue
            frame = tm_frame.decode(content, scid, frame_octets)
            if isinstance(frame, tm_frame.TmReject):
                self._octets_refused += line_octets - 2
                events.append(Rejected(frame))
            else:
                events.append(TmFrameReceived(frame, content, line_octets, trailing_octets))
        return events


CARRIERS: Final[dict[str, Callable[[int, int], Carrier]]] = {
    "cltu-cadu": CltuCadu,
    "slip": Slip,
    "slip-ip-udp": partial(Slip, around=IP_UDP),
    "udp": Slip,
}
"""Name on the command line and in files -> carrier(scid, tm_frame_octets)."""


def name_of(text: str) -> str:
    """The name as it is written now: an underscore was once spelt where a hyphen stands."""
    return text.replace("_", "-")


def by_name(name: str, scid: int, tm_frame_octets: int) -> Carrier:
    """A new carrier; the name is one of CARRIERS (the command line has checked it)."""
    return CARRIERS[name_of(name)](scid, tm_frame_octets)
