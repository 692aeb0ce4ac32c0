"""Carriers: the small objects between frames and line, one for each line coding that a lander may speak.

A carrier has both ends side by side: flight encodes down and is fed what comes up, the lander the other way round.
The frames inside are the same for all of them, with their FECF.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from fsw.ccsds import cltu, slip, tc_frame, tm_frame, tm_sync
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

    def encode_down(self, frame: bytes) -> bytes:
        """CADU of a TM frame."""
        return tm_sync.encode(frame)

    def encode_up(self, frame: bytes) -> bytes:
        """CLTU of a TC frame."""
        return cltu.encode(frame)

    def down_octets(self, frame_octets: int) -> int:
        """Marker and frame."""
        return tm_sync.cadu_octets(frame_octets)


class Slip:
    """SLIP both ways, END on both sides of a frame (RFC 1055)."""

    __slots__ = ("_down", "_down_octets_refused", "_scid", "_tm_frame_octets", "_up", "_up_octets_refused")

    def __init__(self, scid: int, tm_frame_octets: int) -> None:
        self._scid = scid
        self._tm_frame_octets = tm_frame_octets
        self._up = slip.SlipDecoder(tc_frame.TC_FRAME_OCTETS_MAX)
        self._down = slip.SlipDecoder(tm_frame_octets)
        self._up_octets_refused = 0
        self._down_octets_refused = 0

    @property
    def up_octets_skipped(self) -> int:
        """Octets between ENDs that gave no TC frame."""
        return self._up.octets_skipped + self._up_octets_refused

    @property
    def down_octets_skipped(self) -> int:
        """Octets between ENDs that gave no TM frame."""
        return self._down.octets_skipped + self._down_octets_refused

    def encode_down(self, frame: bytes) -> bytes:
        """A TM frame between ENDs."""
        return slip.encode(frame)

    def feed_up(self, octets: bytes) -> list[UpEvent]:
        """TC frames that octets of the line complete."""
        events: list[UpEvent] = []
        for content, line_octets, trailing_octets in self._up.feed(octets):
            if isinstance(content, LineFault):
                events.append(Rejected(content))
                continue
            frame = tc_frame.decode(content, self._scid)
            if isinstance(frame, tc_frame.TcReject):
                self._up_octets_refused += line_octets - 2
                events.append(Rejected(frame))
            else:
                events.append(FrameReceived(frame, 0, line_octets, trailing_octets))
        return events

    def expire(self) -> list[UpEvent]:
        """Nothing can hide behind an unfinished unit: the next END ends it."""
        return []

    def encode_up(self, frame: bytes) -> bytes:
        """A TC frame between ENDs."""
        return slip.encode(frame)

    def feed_down(self, octets: bytes) -> list[DownEvent]:
        """TM frames that octets of the line complete."""
        events: list[DownEvent] = []
        for content, line_octets, trailing_octets in self._down.feed(octets):
            if isinstance(content, LineFault):
                events.append(Rejected(content))
                continue
            frame = tm_frame.decode(content, self._scid, self._tm_frame_octets)
            if isinstance(frame, tm_frame.TmReject):
                self._down_octets_refused += line_octets - 2
                events.append(Rejected(frame))
            else:
                events.append(TmFrameReceived(frame, content, line_octets, trailing_octets))
        return events

    def down_octets(self, frame_octets: int) -> int:
        """Every octet escaped; what a frame really costs is the length of its encoding."""
        return slip.slip_octets_max(frame_octets)


CARRIERS: Final[dict[str, Callable[[int, int], Carrier]]] = {"cltu_cadu": CltuCadu, "slip": Slip}
"""Name on the command line -> carrier(scid, tm_frame_octets)."""


def by_name(name: str, scid: int, tm_frame_octets: int) -> Carrier:
    """A new carrier; the name is one of CARRIERS (the command line has checked it)."""
    return CARRIERS[name](scid, tm_frame_octets)
