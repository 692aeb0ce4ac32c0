"""TC frames of VC 0 in the octets that reached the payload, found beside its own receiver.

An ear says which frames were there to be received: every start sequence is tried, whatever else is under way. A frame
that begins inside what looks like another one, half a CLTU before it say, is not `certain`: a receiver may take either.
"""

from typing import Final, NamedTuple, Protocol

from fsw.ccsds import carrier, cltu, tc_frame
from fsw.ccsds.reception import FrameReceived
from fsw.ccsds.tc_frame import TcFrame

COMMANDS_VCID: Final = 0
_START: Final = cltu.START
_HEAD_OCTETS: Final = len(_START) + cltu.BLOCK_OCTETS
_CLTU_CARRIER: Final = "cltu-cadu"


def _share(octet: int, place: int) -> int:
    """What one octet of a codeblock's information adds to its parity octet: x^7 + x^6 + x^2 + 1 (231.0-B, 3.3)."""
    register = 0
    for bit in range(7, 7 - 8 * (cltu.INFO_OCTETS - place), -1):
        feedback = (octet >> bit & 1 if bit >= 0 else 0) ^ register >> 6
        register = (register << 1 & 0x7F) ^ (0x45 if feedback else 0)
    return register << 1


_SHARES: Final = tuple(tuple(_share(octet, place) for octet in range(256)) for place in range(cltu.INFO_OCTETS))
_A, _B, _C, _D, _E, _F, _G = _SHARES


def _is_clean(block: bytearray) -> bool:
    """Whether a codeblock has no wrong bit; for the many that are looked at and have none."""
    a, b, c, d, e, f, g, parity = block
    return _A[a] ^ _B[b] ^ _C[c] ^ _D[d] ^ _E[e] ^ _F[f] ^ _G[g] ^ 0xFE == parity


class Heard(NamedTuple):
    """A valid frame of VC 0. `certain`: a receiver that works has received it."""

    frame: TcFrame
    certain: bool


class Ear(Protocol):
    """Takes octets of the line, cut anywhere."""

    def hear(self, octets: bytes) -> list[Heard]:
        """The frames that these octets complete."""


class _Candidate(NamedTuple):
    """A CLTU whose first block reads like a frame of VC 0: where it begins and ends in the stream, its frame's size."""

    begin: int
    end: int
    frame_octets: int
    certain: bool


class CltuEar:
    """CLTUs. Holds the octets of the oldest candidate that is not whole, at most one CLTU."""

    __slots__ = ("_candidates", "_covered", "_octets", "_origin", "_scan", "_scid")

    def __init__(self, scid: int) -> None:
        self._scid = scid
        self._octets = bytearray()
        self._origin = 0  # place in the stream of the first octet held
        self._scan = 0  # where the search for a start goes on
        self._covered = 0  # up to where the CLTUs begun so far would reach
        self._candidates: list[_Candidate] = []

    def hear(self, octets: bytes) -> list[Heard]:
        """The frames that these octets complete."""
        self._octets += octets
        self._search()
        end = self._origin + len(self._octets)
        heard = []
        for candidate in self._candidates:
            frame = self._decode(candidate) if candidate.end <= end else None
            if frame is not None:
                heard.append(Heard(frame, candidate.certain))
        self._candidates = [candidate for candidate in self._candidates if candidate.end > end]
        kept = min((candidate.begin for candidate in self._candidates), default=self._scan)
        del self._octets[: kept - self._origin]
        self._origin = kept
        return heard

    def _search(self) -> None:
        """Look at the first block behind each start sequence that has come."""
        held, origin = self._octets, self._origin
        at = self._scan - origin
        while (found := held.find(_START, at)) >= 0 and found + _HEAD_OCTETS <= len(held):
            self._look(origin + found, held[found + len(_START) : found + _HEAD_OCTETS])
            at = found + 1
        self._scan = origin + (found if found >= 0 else max(at, len(held) - 1))

    def _look(self, begin: int, block: bytearray) -> None:
        if not _is_clean(block) and cltu.decode_blocks(block) < 0:
            return
        if tc_frame.head_fault(block, self._scid) is not None:
            return
        frame_octets = tc_frame.frame_octets(block)
        if frame_octets < tc_frame.TC_FRAME_OCTETS_MIN:
            return
        end = begin + len(_START) + cltu.BLOCK_OCTETS * -(-frame_octets // cltu.INFO_OCTETS)
        if block[2] >> 2 == COMMANDS_VCID:
            self._candidates.append(_Candidate(begin, end, frame_octets, begin >= self._covered))
        self._covered = max(self._covered, end)

    def _decode(self, candidate: _Candidate) -> TcFrame | None:
        first = candidate.begin - self._origin + len(_START)
        blocks = self._octets[first : candidate.end - self._origin]
        if cltu.decode_blocks(blocks) < 0:
            return None
        frame = tc_frame.decode(bytes(blocks[: candidate.frame_octets]), self._scid)
        return frame if isinstance(frame, TcFrame) else None


class CarrierEar:
    """Any other carrier: its units have marked ends, so nothing hides in anything."""

    __slots__ = ("_carrier",)

    def __init__(self, name: str, scid: int, tm_frame_octets: int) -> None:
        self._carrier = carrier.by_name(name, scid, tm_frame_octets)

    def hear(self, octets: bytes) -> list[Heard]:
        """The frames that these octets complete."""
        return [
            Heard(event.frame, certain=True)
            for event in self._carrier.feed_up(octets)
            if isinstance(event, FrameReceived) and event.frame.vcid == COMMANDS_VCID
        ]


def is_cltu(name: str) -> bool:
    """Whether a carrier's name, in either spelling, means CLTUs up and CADUs down."""
    return name.replace("_", "-") == _CLTU_CARRIER


def by_carrier(name: str, scid: int, tm_frame_octets: int) -> Ear:
    """The ear for a carrier's name."""
    return CltuEar(scid) if is_cltu(name) else CarrierEar(name, scid, tm_frame_octets)
