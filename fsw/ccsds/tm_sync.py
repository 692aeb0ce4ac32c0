"""TM synchronisation (131.0-B): a CADU is the attached sync marker and one frame of fixed length."""

from collections.abc import Callable
from typing import Final

from fsw.ccsds.reception import DownEvent, Rejected, TmFrameReceived
from fsw.ccsds.tm_frame import TM_FRAME_OCTETS_MAX, TM_FRAME_OCTETS_MIN, TmFrame, TmReject

ASM: Final = b"\x1a\xcf\xfc\x1d"


def encode(frame: bytes) -> bytes:
    """CADU of one frame."""
    return ASM + frame


def cadu_octets(frame_octets: int) -> int:
    """Octets on the line that a frame of so many costs."""
    return len(ASM) + frame_octets


class AsmSynchroniser:
    """Receiver of CADUs from a stream cut anywhere: octets in, frames and rejections out.

    The marker is matched exactly. Behind a valid frame the search goes on behind it; behind a bad one, behind its
    marker, so that half a frame costs no whole one. `is_frame` judges the frame's octets (FECF, header) and has no
    side effect. At most one frame and its marker are held between two calls.
    """

    __slots__ = ("_frame_octets", "_is_frame", "_octets", "_started", "octets_skipped")

    def __init__(self, frame_octets: int, is_frame: Callable[[bytes], TmFrame | TmReject]) -> None:
        assert TM_FRAME_OCTETS_MIN <= frame_octets <= TM_FRAME_OCTETS_MAX, frame_octets
        self._frame_octets = frame_octets
        self._is_frame = is_frame
        self._octets = bytearray()
        self._started = False
        self.octets_skipped = 0
        """Octets that belong to no delivered CADU: stray ones, and those of rejected CADUs."""

    def __len__(self) -> int:
        """Octets held between two calls, fewer than a frame."""
        return len(self._octets)

    def feed(self, octets: bytes) -> list[DownEvent]:
        """Take the next octets of the line, any number; what they decide."""
        events: list[DownEvent] = []
        self._octets += octets
        position = 0
        while True:
            if not self._started:
                position = self._search(position)
            end = position + self._frame_octets
            if not self._started or end > len(self._octets):
                del self._octets[:position]
                return events
            candidate = bytes(self._octets[position:end])
            frame = self._is_frame(candidate)
            self._started = False
            if isinstance(frame, TmReject):
                self.octets_skipped += len(ASM)
                events.append(Rejected(frame))
            else:
                position = end
                trailing = len(self._octets) - end
                events.append(TmFrameReceived(frame, candidate, cadu_octets(self._frame_octets), trailing))

    def _search(self, position: int) -> int:
        """Step to behind the next marker, or to where one may have begun at the end of the octets."""
        found = self._octets.find(ASM, position)
        if found >= 0:
            self._started = True
            self.octets_skipped += found - position
            return found + len(ASM)
        held = max(position, len(self._octets) - len(ASM) + 1)
        while not ASM.startswith(self._octets[held:]):
            held += 1
        self.octets_skipped += held - position
        return held
