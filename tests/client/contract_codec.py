"""Octets of the wire contract, written from the contract and the Blue Books alone; nothing of the project is used."""

import struct
from binascii import crc_hqx
from dataclasses import dataclass

SCID = 42
ASM = bytes.fromhex("1acffc1d")
START = bytes.fromhex("eb90")
TAIL = bytes.fromhex("c5c5c5c5c5c5c579")
FRAME_OCTETS = {"slow": 223, "default": 446, "fast": 892}
IDLE_APID = 0x7FF
NO_START, ONLY_IDLE = 0x7FF, 0x7FE
CUC_P_FIELD = 0x1E
ACK_ACCEPT, ACK_START, ACK_PROGRESS, ACK_COMPLETE = 1, 2, 4, 8
ACK = ACK_ACCEPT | ACK_COMPLETE


def crc(octets: bytes) -> bytes:
    return struct.pack(">H", crc_hqx(octets, 0xFFFF))


def bch_parity(block: bytes) -> int:
    register = 0
    for bit in range(56):
        octet_bit = (block[bit // 8] >> (7 - bit % 8)) & 1
        feedback = (register >> 6) ^ octet_bit
        register = (register << 1) & 0x7F
        if feedback:
            register ^= 0x45
    return ((~register) & 0x7F) << 1


def cltu(frame: bytes) -> bytes:
    filled = frame + b"\x55" * (-len(frame) % 7)
    blocks = [filled[at : at + 7] for at in range(0, len(filled), 7)]
    return START + b"".join(block + bytes([bch_parity(block)]) for block in blocks) + TAIL


def tc_frame(
    vc: int, data: bytes, *, seq: int = 0, bypass: bool = True, control: bool = False, scid: int = SCID
) -> bytes:
    first = (bypass << 13) | (control << 12) | scid
    header = struct.pack(">HHB", first, (vc << 10) | (5 + len(data) + 2 - 1), seq)
    return header + data + crc(header + data)


UNLOCK = b"\x00"


def set_vr(value: int) -> bytes:
    return bytes([0x82, 0x00, value])


def packet(apid: int, body: bytes, *, seq: int = 0, first: int = 0x1000, flags: int = 0xC000) -> bytes:
    """A space packet around `body`; `first` holds version, type and secondary header bits."""
    return struct.pack(">HHH", first | apid, flags | (seq & 0x3FFF), len(body) - 1) + body


def checked_packet(apid: int, data: bytes, *, seq: int = 0, first: int = 0x1000) -> bytes:
    whole = struct.pack(">HHH", first | apid, 0xC000 | (seq & 0x3FFF), len(data) + 1) + data
    return whole + crc(whole)


def telecommand(
    apid: int, service: int, subtype: int, data: bytes = b"", *, seq: int, ack: int = ACK, source: int = 7,
    pus: int = 2, first: int = 0x1800, flags: int = 0xC000, spoil: int = 0,
) -> bytes:  # fmt: skip
    """A PUS-C telecommand; `spoil` is added to the checksum by exclusive or."""
    secondary = struct.pack(">BBBH", (pus << 4) | ack, service, subtype, source)
    whole = struct.pack(">HHH", first | apid, flags | seq, len(secondary) + len(data) + 1) + secondary + data
    return whole + struct.pack(">H", crc_hqx(whole, 0xFFFF) ^ spoil)


def cuc(tai_s: float) -> bytes:
    whole = int(tai_s)
    return struct.pack(">BIH", CUC_P_FIELD, whole, int((tai_s - whole) * 65536))


@dataclass(frozen=True)
class Packet:
    """One space packet of the downlink, with the virtual channel it came on and when."""

    vc: int
    raw: bytes
    at_s: float

    @property
    def apid(self) -> int:
        return struct.unpack(">H", self.raw[:2])[0] & 0x7FF  # type: ignore[no-any-return]

    @property
    def seq(self) -> int:
        return struct.unpack(">H", self.raw[2:4])[0] & 0x3FFF  # type: ignore[no-any-return]

    @property
    def is_pus(self) -> bool:
        return self.vc in (0, 3) and bool(self.raw[0] & 0x08)

    @property
    def kind(self) -> tuple[int, int]:
        return (self.raw[7], self.raw[8]) if self.is_pus else (-1, -1)

    @property
    def time_status(self) -> int:
        return self.raw[6] & 0x0F

    @property
    def counter(self) -> int:
        return int.from_bytes(self.raw[9:11])

    @property
    def destination(self) -> int:
        return int.from_bytes(self.raw[11:13])

    @property
    def time_s(self) -> float:
        assert self.raw[13] == CUC_P_FIELD
        return int.from_bytes(self.raw[14:18]) + int.from_bytes(self.raw[18:20]) / 65536

    @property
    def data(self) -> bytes:
        """Source data: behind the headers, before the checksum."""
        return self.raw[20:-2] if self.is_pus else self.raw[6:-2]


@dataclass(frozen=True)
class Frame:
    """One TM transfer frame, checked."""

    vc: int
    master_count: int
    vc_count: int
    fhp: int
    data: bytes
    clcw: int
    at_s: float

    @property
    def lockout(self) -> bool:
        return bool(self.clcw & 0x2000)

    @property
    def wait(self) -> bool:
        return bool(self.clcw & 0x1000)

    @property
    def retransmit(self) -> bool:
        return bool(self.clcw & 0x0800)

    @property
    def farm_b(self) -> int:
        return (self.clcw >> 9) & 3

    @property
    def report(self) -> int:
        return self.clcw & 0xFF


def read_frame(octets: bytes, at_s: float) -> Frame:
    first, master_count, vc_count, status = struct.unpack(">HBBH", octets[:6])
    assert crc_hqx(octets, 0xFFFF) == 0, "frame error control"
    assert first >> 4 == SCID, hex(first)
    assert first & 1 == 1, "operational control field"
    assert status >> 11 == 0b00011, "no secondary header, no sync flag, segment length id 3"
    # Type, version, status 0; COP-1 in effect; VC 0; spare bits 0; No-RF and No-Bit-Lock 0.
    clcw = int.from_bytes(octets[-6:-2])
    assert clcw & 0xFF00C100 == 0x01000000, f"CLCW {clcw:08x}"
    return Frame((first >> 1) & 7, master_count, vc_count, status & 0x7FF, octets[6:-6], clcw, at_s)


class Extractor:
    """Packets of one virtual channel; any inconsistency of the first header pointer is an assertion."""

    def __init__(self) -> None:
        self.pending = b""
        self.synchronised = False

    def take(self, frame: Frame) -> list[bytes]:
        assert frame.fhp < len(frame.data) or frame.fhp in (NO_START, ONLY_IDLE)
        if frame.fhp == ONLY_IDLE:
            assert self.pending == b"", "an idle frame inside a packet"
            return []
        found: list[bytes] = []
        if frame.fhp == NO_START:
            assert self.synchronised
            self.pending += frame.data
            found = self._cut()
            assert self.pending or found
            return found
        if self.synchronised:
            if frame.fhp:
                self.pending += frame.data[: frame.fhp]
                found = self._cut()
            assert self.pending == b"", "the pending packet does not end at the first header pointer"
        self.pending = frame.data[frame.fhp :]
        self.synchronised = True
        return found + self._cut()

    def _cut(self) -> list[bytes]:
        found = []
        while self.pending:
            if self.pending[0] == 0xE0:
                self.pending = self.pending[1:]
                continue
            if len(self.pending) < 6:
                break
            size = int.from_bytes(self.pending[4:6]) + 7
            if len(self.pending) < size:
                break
            found.append(self.pending[:size])
            self.pending = self.pending[size:]
        return found
