"""What an attacker hears: all traffic of a link, both ways, with what stands in clear of it, and no key.

Bounded: the newest of each kind. What cannot be read is not kept.
"""

from binascii import crc_hqx
from collections import deque
from typing import Final, NamedTuple

from fsw.ccsds import cltu
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.reception import FrameReceived, TmFrameReceived
from fsw.kernel.clock import Micros

KEPT_MAX: Final = 128
LANDER_VCID: Final = 2
IDLE_VCID: Final = 7


class Tc(NamedTuple):
    """A frame of the ground's, or of the lander's services: when it was heard, its octets, what its header says."""

    at_us: Micros
    octets: bytes
    vcid: int
    flags: int
    n_s: int
    data: bytes


class Tm(NamedTuple):
    """A frame of the payload's."""

    at_us: Micros
    octets: bytes
    vcid: int
    mcfc: int
    vcfc: int
    fhp: int
    data: bytes
    clcw: int


def read_tc(octets: bytes, now: Micros) -> Tc:
    """A TC frame of 8 octets or more, by its header."""
    return Tc(now, octets, octets[2] >> 2, octets[0] >> 4 & 3, octets[4], octets[5:-2])


def read_tm(octets: bytes, now: Micros) -> Tm:
    """A TM frame, by its header."""
    fhp = int.from_bytes(octets[4:6], "big") & 0x7FF
    clcw = int.from_bytes(octets[-6:-2], "big")
    return Tm(now, octets, octets[1] >> 1 & 7, octets[2], octets[3], fhp, octets[6:-6], clcw)


class Wiretap:
    """Frames as they were heard, oldest first."""

    def __init__(self, scid: int, tm_frame_octets: int) -> None:
        self.scid = scid
        self.tm_frame_octets = tm_frame_octets
        self.commands: deque[Tc] = deque(maxlen=KEPT_MAX)
        """Data frames of the ground's, AD and BD."""
        self.directives: deque[Tc] = deque(maxlen=KEPT_MAX)
        self.services: deque[Tc] = deque(maxlen=KEPT_MAX)
        """Of the lander's on VC 2."""
        self.telemetry: deque[Tm] = deque(maxlen=KEPT_MAX)
        self.newest: Tm | None = None
        """Of any channel: it has the newest control word."""
        self._line = CltuCadu(scid, tm_frame_octets)
        self._down = CltuCadu(scid, tm_frame_octets)

    @property
    def v_r(self) -> int:
        """V(R) as the newest control word has it."""
        return 0 if self.newest is None else self.newest.clcw & 0xFF

    def uplinked(self, datagram: bytes, now: Micros) -> Tc | None:
        """A datagram has left the ground: its frame."""
        frame = _frame_of(datagram, self.scid, self.tm_frame_octets)
        if frame is None:
            return None
        heard = read_tc(frame, now)
        (self.directives if heard.flags & 1 else self.commands).append(heard)
        return heard

    def reached(self, octets: bytes, now: Micros) -> None:
        """Octets of the line to the payload."""
        for event in self._line.feed_up(octets):
            if isinstance(event, FrameReceived) and event.frame.vcid == LANDER_VCID:
                frame = event.frame
                self.services.append(Tc(now, b"", LANDER_VCID, 2, 0, frame.data))

    def downlinked(self, octets: bytes, now: Micros) -> list[Tm]:
        """Octets of the line from the payload: the frames that they complete."""
        heard = [
            read_tm(event.octets, now) for event in self._down.feed_down(octets) if isinstance(event, TmFrameReceived)
        ]
        self.telemetry.extend(frame for frame in heard if frame.vcid not in (LANDER_VCID, IDLE_VCID))
        if heard:
            self.newest = heard[-1]
        return heard


def _frame_of(datagram: bytes, scid: int, tm_frame_octets: int) -> bytes | None:
    """The octets of the one frame of a datagram."""
    if not datagram.startswith(cltu.START):
        return datagram if len(datagram) >= 8 and not crc_hqx(datagram, 0xFFFF) else None
    blocks = datagram[len(cltu.START) : -len(cltu.TAIL)]
    octets = b"".join(blocks[at : at + 7] for at in range(0, len(blocks), 8))
    frame = octets[: ((octets[2] & 3) << 8 | octets[3]) + 1] if len(octets) >= 8 else b""
    return frame if len(frame) >= 8 and not crc_hqx(frame, 0xFFFF) else None
