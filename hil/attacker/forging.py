"""Frames, packets and protected fields as a stranger builds them: octet by octet after the Books, with no code of ours.

Checksums are no secret, so all of them hold unless an attack wants otherwise. What is out of range is cut to its field.
"""

from binascii import crc_hqx
from struct import pack
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fsw.ccsds import cltu

TC_HEADER: Final = 5
FECF: Final = 2
TC_OCTETS_MAX: Final = 1024
SDLS_HEADER: Final = 14
MAC: Final = 16
BYPASS: Final = 2
BC: Final = 3
AD: Final = 0
RESERVED: Final = 1
SPI_TC: Final = 0x10
SPI_TM: Final = 0x20
IV_MAX: Final = (1 << 96) - 1
TIME_CODE: Final = b"\x1e\x7f\x00\x00\x00\x00\x00"


def summed(octets: bytes) -> bytes:
    """The octets and their CRC-16."""
    return octets + pack(">H", crc_hqx(octets, 0xFFFF))


def tc_frame(flags: int, vcid: int, n_s: int, data: bytes, scid: int = 42) -> bytes:
    """A TC frame: flags 0 AD, 2 BD, 3 BC, 1 reserved; longer data are cut."""
    data = data[: TC_OCTETS_MAX - TC_HEADER - FECF]
    word = (flags & 3) << 12 | scid & 0x3FF
    return summed(pack(">HHB", word, (vcid & 63) << 10 | len(data) + TC_HEADER + FECF - 1, n_s & 255) + data)


def unit(frame: bytes) -> bytes:
    """A frame as it goes over the line."""
    return cltu.encode(frame)


def telecommand(apid: int, service: int, subtype: int, data: bytes = b"", count: int = 0) -> bytes:
    """A telecommand of PUS-C that asks for acceptance and completion, source id 1 like the ground's."""
    head = pack(">HHHBBBH", 0x1800 | apid, 0xC000 | count & 0x3FFF, len(data) + 6, 0x29, service, subtype, 1)
    return summed(head + data)


def set_parameter(value: int, count: int) -> bytes:
    """(20,3) for parameter 10: what any stranger may read in the mission's interface document."""
    return telecommand(0x020, 20, 3, pack(">BHI", 1, 10, value & 0xFFFF_FFFF), count)


def lander_packet(apid: int, body: bytes, count: int) -> bytes:
    """A packet of the lander's services, type bit 1 as from the lander."""
    return summed(pack(">HHH", 0x1000 | apid, 0xC000 | count & 0x3FFF, len(body) + 1) + body)


def report(apid: int, service: int, subtype: int, data: bytes, count: int = 0) -> bytes:
    """A report of PUS-C, time status 2, destination id 1."""
    head = pack(">HHHBBBHH", 0x0800 | apid, 0xC000 | count & 0x3FFF, len(data) + 15, 0x22, service, subtype, count, 1)
    return summed(head + TIME_CODE + data)


def protected(key: bytes, spi: int, iv: int, data: bytes, masked: bytes) -> bytes:
    """A protected field: SPI, IV, data, MAC over `masked` (the frame's header by the standard mask, then SPI)."""
    nonce = iv.to_bytes(12, "big")
    sealed = AESGCM(key).encrypt(nonce, data, masked + pack(">H", spi) + bytes(12))
    return pack(">H", spi) + nonce + sealed


def protected_tc(key: bytes, spi: int, vcid: int, iv: int, data: bytes) -> bytes:
    """The same in a TC frame."""
    return protected(key, spi, iv, data, bytes((0, 0, vcid << 2 & 0xFC, 0, 0)))


def tm_frame(vcid: int, counts: tuple[int, int], fhp: int, data: bytes, clcw: int, scid: int = 42) -> bytes:
    """A TM frame; `counts` are those of the master and of the virtual channel."""
    head = pack(">HBBH", (scid & 0x3FF) << 4 | vcid << 1 | 1, counts[0] & 255, counts[1] & 255, 0x1800 | fhp & 0x7FF)
    return summed(head + data + pack(">I", clcw))


def idle_to(octets: bytes, size: int) -> bytes:
    """Packets, and an idle packet up to `size`."""
    room = size - len(octets)
    return octets[:size] if room < 7 else octets + pack(">HHH", 0x07FF, 0xC000, room - 7) + b"\x55" * (room - 6)


def flipped(octets: bytes, bits: tuple[int, ...]) -> bytes:
    """The octets with these bits, counted from the first, the other way round."""
    found = bytearray(octets)
    for bit in bits:
        found[bit // 8 % len(found)] ^= 0x80 >> bit % 8
    return bytes(found)
