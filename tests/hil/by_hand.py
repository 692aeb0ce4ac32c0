"""The wire by hand: contract layouts with `struct` and `binascii` only, as an outside oracle for the emulator."""

import binascii
import struct
from typing import NamedTuple

SCID = 42
ASM = bytes.fromhex("1acffc1d")
TAIL = bytes.fromhex("c5c5c5c5c5c5c579")


def crc(octets: bytes) -> int:
    return binascii.crc_hqx(octets, 0xFFFF)


def packet(apid: int, body: bytes, *, from_lander: bool, count: int = 0) -> bytes:
    head = struct.pack(">HHH", (0x1000 if from_lander else 0) | apid, 0xC000 | count, len(body) + 1) + body
    return head + struct.pack(">H", crc(head))


def tc_frame(vcid: int, data: bytes, *, bypass: bool = True, scid: int = SCID) -> bytes:
    octets = struct.pack(">HHB", (0x2000 if bypass else 0) | scid, vcid << 10 | len(data) + 6, 0) + data
    return octets + struct.pack(">H", crc(octets))


def parity(info: bytes) -> int:
    """BCH(63,56): shift register for x^7 + x^6 + x^2 + 1, complemented, filler bit 0."""
    register = 0
    for octet in info:
        for bit in range(7, -1, -1):
            feedback = (octet >> bit & 1) ^ (register >> 6)
            register = (register << 1) & 0x7F
            if feedback:
                register ^= 0x45
    return (register ^ 0x7F) << 1


def cltu(frame: bytes) -> bytes:
    padded = frame + b"\x55" * (-len(frame) % 7)
    blocks = [padded[at : at + 7] for at in range(0, len(padded), 7)]
    return b"\xeb\x90" + b"".join(block + bytes([parity(block)]) for block in blocks) + TAIL


def cadu(vcid: int, vcfc: int, data: bytes, fhp: int = 0, *, octets: int = 446, mcfc: int = 0) -> bytes:
    """One CADU; `data` is filled up with an idle packet (or cut behind by the caller's own care)."""
    room = octets - 12
    gap = room - len(data)
    if gap >= 7:
        data += struct.pack(">HHH", 0x07FF, 0xC000, gap - 7) + b"\x55" * (gap - 6)
    assert len(data) == room
    frame = struct.pack(">HBBH", SCID << 4 | vcid << 1 | 1, mcfc, vcfc, 0x1800 | fhp) + data + b"\0\0\0\0"
    return ASM + frame + struct.pack(">H", crc(frame))


def idle_cadu(vcfc: int, *, octets: int = 446) -> bytes:
    return cadu(7, vcfc, b"\x55" * (octets - 12), 0x7FE, octets=octets)


class Heard(NamedTuple):
    """A lander service as a payload hears it; the time is that of the CLTU's first octet."""

    start_us: int
    apid: int
    body: bytes
    sequence: int
    end_us: int


class Payload:
    """Takes the octets that a paced line lets out, with their times, and reads the frames in them."""

    def __init__(self, baud: int = 115_200) -> None:
        self.octet_us = 10_000_000 / baud
        self.octets = bytearray()
        self.heard: list[Heard] = []
        self.ground: list[bytes] = []
        self.stray = 0
        self._counted = 0  # octets before those held
        self._last_us = 0

    def take(self, octets: bytes, now: int) -> None:
        self._last_us = now
        self.octets += octets
        while len(self.octets) >= 2:
            if self.octets[:2] != b"\xeb\x90":
                del self.octets[0]
                self.stray += 1
                continue
            if len(self.octets) < 10:
                return
            length = (int.from_bytes(self.octets[4:6], "big") & 0x3FF) + 1
            blocks = -(-length // 7)
            whole = 2 + 8 * blocks + 8
            if len(self.octets) < whole:
                return
            unit, self.octets = bytes(self.octets[:whole]), self.octets[whole:]
            assert unit[-8:] == TAIL
            info = b""
            for at in range(2, whole - 8, 8):
                assert unit[at + 7] == parity(unit[at : at + 7])
                info += unit[at : at + 7]
            frame = info[:length]
            assert crc(frame) == 0
            self._frame(frame, now - round((len(self.octets) + whole) * self.octet_us), now)

    def _frame(self, frame: bytes, start_us: int, now: int) -> None:
        vcid = frame[2] >> 2
        if vcid != 2:
            self.ground.append(frame)
            return
        assert frame[:2] == struct.pack(">H", 0x2000 | SCID), "lander services are BD"
        assert frame[4] == 0
        data = frame[5:-2]
        word, sequence, length = struct.unpack_from(">HHH", data)
        assert word & 0xF800 == 0x1000, "telecommand, no secondary header"
        assert sequence >> 14 == 3
        assert len(data) == length + 7, "one packet, in a frame of its own"
        assert crc(data) == 0
        self.heard.append(Heard(start_us, word & 0x7FF, data[6:-2], sequence & 0x3FFF, now))

    def of(self, apid: int) -> list[Heard]:
        return [heard for heard in self.heard if heard.apid == apid]


def cuc_us(octets: bytes) -> int:
    """TAI microseconds of a CUC, rounded to the nearest."""
    p_field, seconds, fraction = struct.unpack(">BIH", octets)
    assert p_field == 0x1E
    return int(seconds * 1_000_000 + round(fraction * 1_000_000 / 65536))
