"""Listens in on a run for the rules: line octets and datagrams in, what they mean out, decoded once for all rules.

A rule names the words that it wants as its methods, as observers do with the bench's hooks. A new life of the payload
is known by its power, or by its frame counters, which begin again with an idle frame when it restarts by itself.
"""

from binascii import crc_hqx
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from fsw.ccsds import carrier, tc_frame, tm_frame
from fsw.ccsds.cltu import START
from fsw.ccsds.reception import TmFrameReceived
from fsw.ccsds.space_packet import HEADER_OCTETS as PACKET_HEADER_OCTETS
from fsw.ccsds.tc_frame import TcFrame
from fsw.ccsds.tm_sync import ASM
from fsw.kernel.clock import Micros
from fsw.kernel.key import NO_KEYS, Keys
from fsw.pus import st01
from fsw.pus.ids import APID_SYSTEM, Service
from fsw.pus.tm import HEADER_OCTETS, OVERHEAD_OCTETS
from hil.line.eye import Eye
from hil.observer import Finding
from hil.rules.ear import COMMANDS_VCID, CltuEar, by_carrier, is_cltu
from hil.rules.oracle import Acceptance

WORDS: Final = (
    "submitted",  # (frame, now): a TC frame of VC 0 left the ground
    "acceptable",  # (brought, now): a telecommand has come that the payload may have accepted
    "born",  # (now): a new life of the payload begins
    "framed",  # (vcid, vcfc, frame, now): the payload has emitted a TM frame
    "said",  # (said, now): the payload has emitted a packet
    "verified",  # (verification, now): the payload has emitted a report of ST[01]
    "missed",  # (now): the payload may have emitted what nobody heard
    "booted",  # (now): the payload has emitted its boot event
)  # fmt: skip
VC_LANDER: Final = 2
VC_IDLE: Final = 7
SILENCE_US: Final = 30_000_000
"""A payload that has emitted nothing for three idle intervals of the slowest line may not be listening either."""
RECENT_US: Final = 5_000_000
"""What came so shortly before a restart is first heard of may have come to the old life or to the new one."""
RECENT_MAX: Final = 256
_BOOTED: Final = b"\x00\x01"
Listener = Callable[..., None]


class Said(NamedTuple):
    """A packet of the payload's. `service` and `subtype` are 0 where there is no PUS header."""

    vcid: int
    apid: int
    sequence_count: int
    service: int
    subtype: int
    octets: bytes


class Line(NamedTuple):
    """What must be known of a line to read it."""

    carrier: str
    scid: int
    tm_frame_octets: int
    keys: Keys = NO_KEYS


class Overhearing:
    """An observer that finds nothing itself: it tells `rules`, in their order. `acceptance` hears what reaches."""

    def __init__(self, line: Line, rules: Iterable[object], acceptance: Acceptance) -> None:
        rules = tuple(rules)
        self._line = line
        self._eye = Eye(line.keys)
        self._acceptance = acceptance
        self._listeners: dict[str, tuple[Listener, ...]] = {
            word: tuple(getattr(rule, word) for rule in rules if hasattr(rule, word)) for word in WORDS
        }
        self._feed = self._cadus if is_cltu(line.carrier) else self._units
        self._recent: deque[tuple[Micros, TcFrame]] = deque(maxlen=RECENT_MAX)
        self._plug()
        self._begin(Micros(0))

    def _plug(self) -> None:
        """Both directions of the line begin anew."""
        line = self._line
        self._recent.clear()
        self._ear = by_carrier(line.carrier, line.scid, line.tm_frame_octets)
        self._octets = bytearray()
        self._carrier = carrier.by_name(line.carrier, line.scid, line.tm_frame_octets)

    def _begin(self, now: Micros) -> None:
        """A life of the payload: its counters and its receiver begin anew."""
        self._held: dict[int, tuple[int, bytes]] = {}  # by channel: the next frame's count, octets of a packet begun
        self._mcfc: int | None = None
        self._emitted_us: Micros | None = None
        self._acceptance.begin()
        self._tell("born", now)

    def _tell(self, word: str, *what: object) -> None:
        for listener in self._listeners[word]:
            listener(*what)

    # --- hooks of the bench ---------------------------------------------------------------------------------------

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched."""
        if on:
            self._plug()
            self._begin(now)

    def torn(self, now: Micros) -> None:
        """Octets have passed unheard; what the payload counts goes on, nobody knows from where."""
        self._plug()
        self._held.clear()
        self._mcfc = None
        self._acceptance.lose()
        self._tell("missed", now)

    def uplinked(self, datagram: bytes, now: Micros) -> None:
        """A CLTU or a bare frame has left the ground."""
        scid = self._line.scid
        if datagram.startswith(START):
            frames = [heard.frame for heard in CltuEar(scid).hear(datagram)]
        else:
            found = tc_frame.decode(datagram, scid)
            frames = [found] if isinstance(found, TcFrame) and found.vcid == COMMANDS_VCID else []
        for frame in frames:
            self._tell("submitted", self._eye.up(frame), now)

    def reached(self, octets: bytes, now: Micros) -> None:
        """Octets have come to the payload."""
        for heard, certain in self._ear.hear(octets):
            frame = self._eye.up(heard)
            listens = self._emitted_us is not None and now - self._emitted_us <= SILENCE_US
            self._recent.append((now, frame))
            for brought in self._acceptance.take(frame, certain=certain and listens):
                self._tell("acceptable", brought, now)

    def emitted(self, octets: bytes, now: Micros) -> None:
        """Octets have left the payload."""
        self._feed(octets, now)

    def finish(self, now: Micros) -> list[Finding]:
        """Nothing of its own."""
        return []

    # --- down -----------------------------------------------------------------------------------------------------

    def _cadus(self, octets: bytes, now: Micros) -> None:
        """Frames of fixed length behind their markers; one that is damaged gives way to the next marker."""
        held, size = self._octets, len(ASM) + self._line.tm_frame_octets
        held += octets
        while len(held) >= size:
            frame = bytes(held[len(ASM) : size]) if held.startswith(ASM) else b""
            if frame and not crc_hqx(frame, 0xFFFF):
                del held[:size]
                self._frame(frame, now)
            else:
                found = held.find(ASM, 1)
                del held[: found if found >= 0 else len(held) - len(ASM) + 1]

    def _units(self, octets: bytes, now: Micros) -> None:
        for event in self._carrier.feed_down(octets):
            if isinstance(event, TmFrameReceived):
                self._frame(event.octets, now)

    def _frame(self, frame: bytes, now: Micros) -> None:
        vcid, mcfc, vcfc = frame[1] >> 1 & 7, frame[2], frame[3]
        if self._mcfc is not None and mcfc != self._mcfc and mcfc == 0 and vcid == VC_IDLE:
            self._restart(now)
        self._mcfc = (mcfc + 1) % 256
        self._emitted_us = now
        self._tell("framed", vcid, vcfc, frame, now)
        if vcid != VC_IDLE:
            data = frame[tm_frame.HEADER_OCTETS : -tm_frame.OCF_OCTETS - tm_frame.FECF_OCTETS]
            self._walk(vcid, vcfc, (frame[4] & 7) << 8 | frame[5], self._eye.down(vcid, data), now)

    def _walk(self, vcid: int, vcfc: int, fhp: int, data: bytes, now: Micros) -> None:
        """Packets of one channel. Nothing has been lost yet: a packet begun goes on in the channel's next frame."""
        expected, held = self._held.get(vcid, (vcfc, b""))
        begun = bool(held) and vcfc == expected
        stream = held + data if begun else data[fhp:] if fhp < len(data) else b""
        at, end = 0, len(stream)
        while end - at >= PACKET_HEADER_OCTETS:
            after = at + 7 + (stream[at + 4] << 8 | stream[at + 5])
            if after > end:
                break
            packet = stream[at:after]
            if packet[1] != 0xFF or packet[0] & 7 != 7:
                self._packet(vcid, packet, now)
            at = after
        self._held[vcid] = ((vcfc + 1) % 256, stream[at:])

    def _restart(self, now: Micros) -> None:
        """The payload has begun anew without its power being switched: the newest frames may be either life's."""
        self._begin(now)
        for at, frame in self._recent:
            if now - at <= RECENT_US:
                self._acceptance.take(frame, certain=False)

    def _packet(self, vcid: int, octets: bytes, now: Micros) -> None:
        apid = (octets[0] & 7) << 8 | octets[1]
        pus = bool(octets[0] & 8) and len(octets) >= OVERHEAD_OCTETS
        service, subtype = (octets[7], octets[8]) if pus else (0, 0)
        count = (octets[2] & 0x3F) << 8 | octets[3]
        self._tell("said", Said(vcid, apid, count, service, subtype, octets), now)
        if service == Service.VERIFICATION and vcid == 0:
            verification = st01.decode(subtype, octets[HEADER_OCTETS:-2])
            if verification is not None:
                self._tell("verified", verification, now)
        elif (
            vcid == 0 and service == Service.EVENTS and apid == APID_SYSTEM and octets[HEADER_OCTETS:-2][:2] == _BOOTED
        ):
            self._tell("booted", now)
