"""The way down: datagrams of TM frames to packets and control words, with what is lost and refused counted by name.

The lander keeps the newest idle frame outside its queue (contract, section 5), so an idle frame may come after frames
that were made later. The control word of such a latecomer is old and is not shown to COP-1.
"""

from collections import Counter
from typing import Final, NamedTuple

from fsw.ccsds import tm_frame
from fsw.ccsds.depacketizer import Depacketizer, GapDetected, PacketReceived, PacketRejected
from fsw.ccsds.sdls import Protection, SdlsReject
from fsw.ccsds.tm_frame import TmFrame, TmReject
from fsw.config import LINES

VC_IDLE: Final = 7
PACKET_CHANNELS: Final = (0, 1, 2, 3)
TM_FRAME_OCTETS: Final = tuple(line.tm_frame_octets for line in LINES.values())
"""Frame lengths of the contract's line profiles; a datagram is one whole frame, so its length tells which."""
_BACKWARD: Final = 128


class FrameRejected(NamedTuple):
    """A datagram that is no frame of ours, or a frame of a channel that nobody reads."""

    reason: str


class ControlWord(NamedTuple):
    """The CLCW of a frame, newer than the one before it."""

    word: int


DownEvent = ControlWord | PacketReceived | GapDetected | PacketRejected | FrameRejected


class Downlink:
    """Streams of frames in, events out. `lengths` are the frame lengths that are taken.

    With `protection` a frame of a protected channel is taken whole, control word included, or not at all. What a clear
    one brings anybody may have said: it is not taken, but for idle frames and their control word.
    """

    def __init__(
        self, scid: int, lengths: tuple[int, ...] = TM_FRAME_OCTETS, protection: Protection | None = None
    ) -> None:
        self.scid = scid
        self.lengths = lengths
        self._protection = protection
        self.frames_good = 0
        self.frames_lost = 0
        """By the counters of the virtual channels that carry packets, modulo 256 at each gap."""
        self.rejected: Counter[str] = Counter()
        self._channels = {vcid: Depacketizer(vcid) for vcid in PACKET_CHANNELS}
        self._mcfc_newest: int | None = None
        self._mcfc_stale: int | None = None

    def receive(self, octets: bytes) -> list[DownEvent]:
        """One datagram of the lander; what it decides, the control word first."""
        length = len(octets)
        frame = tm_frame.decode(octets, self.scid, length) if length in self.lengths else TmReject.LENGTH
        if isinstance(frame, TmReject):
            return [self._reject(frame.value)]
        data = frame.data if self._protection is None else self._protection.check(frame.vcid, frame.data)
        if isinstance(data, SdlsReject):
            return [self._reject(data.value)]
        if self._protection is not None and frame.vcid != VC_IDLE and not self._protection.takes(frame.vcid):
            return [self._reject("tm_channel_clear")]
        self.frames_good += 1
        events: list[DownEvent] = [ControlWord(frame.clcw)] if self._is_news(frame) else []
        if frame.vcid == VC_IDLE:
            return events
        channel = self._channels.get(frame.vcid)
        if channel is None:
            return [*events, self._reject("tm_channel_unknown")]
        found = channel.feed(frame.vcfc, frame.fhp, data)
        self.frames_lost += sum(event.lost for event in found if isinstance(event, GapDetected))
        return events + list(found)

    def restart(self, lost: int) -> None:
        """The payload counts anew: the `lost` frames of its last gap never were, and every channel begins again."""
        self.frames_lost -= lost
        for vcid in PACKET_CHANNELS[1:]:  # VC 0 is the one that told of it, and goes on
            self._channels[vcid] = Depacketizer(vcid)

    @property
    def frames_bad(self) -> int:
        """Datagrams that gave nothing."""
        return self.rejected.total()

    def _is_news(self, frame: TmFrame) -> bool:
        """Follow the master channel's counter; False for one idle frame that comes late.

        A second one in a row that goes on behind it is no latecomer: the payload counts anew.
        """
        newest = self._mcfc_newest
        if newest is not None and frame.vcid == VC_IDLE:
            behind = (newest - frame.mcfc) % 256
            stale = self._mcfc_stale
            if 0 < behind < _BACKWARD and (stale is None or (frame.mcfc - stale) % 256 not in (1, 2, 3)):
                self._mcfc_stale = frame.mcfc
                return False
        self._mcfc_newest, self._mcfc_stale = frame.mcfc, None
        return True

    def _reject(self, reason: str) -> FrameRejected:
        self.rejected[reason] += 1
        return FrameRejected(reason)
