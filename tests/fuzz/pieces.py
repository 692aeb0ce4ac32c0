"""How an input is cut into what a stranger says one after another, and what is sealed for him.

Coverage does not lead through a checksum or a cipher. So an input is a list of pieces, each a head of two octets (kind
in the upper 4 bits, length in the lower 12) and a body; a kind says whether the body goes as it is or is first put into
a packet or frame whose lengths and checksums hold. The sealing is written by hand from the books (`by_hand`).
"""

import struct
from collections.abc import Iterator
from enum import IntEnum, unique
from typing import Final, NamedTuple

from fsw.ccsds import ip_udp as addresses
from tests.hil.by_hand import SCID, crc

PIECES_MAX: Final = 64


@unique
class Kind(IntEnum):
    """What is said; a target takes those that mean nothing to it as RAW."""

    RAW = 0
    FRAME = 1
    """Header of 5 as given but for spacecraft, length and FECF."""
    PACKET_IN_FRAME = 2
    """Virtual channel, then a packet that is mended, in a BD frame."""
    SILENCE = 3
    """Time passes."""
    SEALED = 4
    """Virtual channel, counter, then what a holder of the key seals in a frame."""
    TM_FRAME = 5
    """Header of 6 and what follows as given but for spacecraft and FECF, filled up to a frame's length."""
    PACKETS_IN_TM = 6
    """Virtual channel, then a packet that is mended, in a TM frame."""
    OTHER = 7
    """The other direction, or the target's own."""
    SENT = 8
    """The operator sends something meanwhile."""


class Piece(NamedTuple):
    """One thing said."""

    kind: int
    body: bytes


def pieces(octets: bytes) -> Iterator[Piece]:
    """The pieces of an input; any octets are some."""
    at = number = 0
    while at + 2 <= len(octets) and number < PIECES_MAX:
        head = octets[at] << 8 | octets[at + 1]
        length = head & 0xFFF
        yield Piece(head >> 12, octets[at + 2 : at + 2 + length])
        at += 2 + length
        number += 1


def write(*said: tuple[int, bytes]) -> bytes:
    """The input that `pieces` cuts into these."""
    return b"".join((kind << 12 | len(body)).to_bytes(2, "big") + body for kind, body in said)


def mended(packet: bytes) -> bytes:
    """A packet as given, but its length field and checksum hold."""
    packet = packet.ljust(6, b"\0")[:1_000]
    head = packet[:4] + (len(packet) + 2 - 7).to_bytes(2, "big") + packet[6:]
    return head + crc(head).to_bytes(2, "big")


def frame(octets: bytes) -> bytes:
    """A TC frame: flags, VC and N(S) as given; spacecraft, length and FECF hold."""
    octets = octets.ljust(6, b"\0")[:1_000]
    head = struct.pack(
        ">HHB", (octets[0] & 0x30) << 8 | SCID, (octets[2] & 0xFC) << 8 | len(octets) + 1, octets[4]
    )  # fmt: skip
    return head + octets[5:] + crc(head + octets[5:]).to_bytes(2, "big")


def bd_frame(vcid: int, data: bytes) -> bytes:
    """A BD frame of a virtual channel."""
    return frame(bytes((0x20, 0, (vcid & 0x3F) << 2, 0, 0)) + (data or b"\0"))


def tm_frame(octets: bytes, length: int = 446) -> bytes:
    """A TM frame: channel, counters, pointer and control word as given; the rest of the header and FECF hold."""
    octets = octets[: length - 2].ljust(length - 2, b"\x55")
    ids = SCID << 4 | octets[1] & 0x0E | 1
    status = 0x1800 | int.from_bytes(octets[4:6], "big") & 0x07FF
    whole = struct.pack(">HBBH", ids, octets[2], octets[3], status) + octets[6:]
    return whole + crc(whole).to_bytes(2, "big")


def tm_with(vcid: int, count: int, data: bytes, length: int = 446) -> bytes:
    """A TM frame in which packets begin at the first octet; an idle packet fills it."""
    room = length - 12
    data = data[:room]
    gap = room - len(data)
    if gap >= 7:
        data += struct.pack(">HHH", 0x07FF, 0xC000, gap - 7) + b"\x55" * (gap - 6)
    return tm_frame(bytes((0, vcid << 1, count, count, 0, 0)) + data.ljust(room, b"\xe0") + b"\x01\0\0\0", length)


def slip(octets: bytes) -> bytes:
    """RFC 1055, an END on both sides."""
    return b"\xc0" + octets.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def ip_udp(octets: bytes, *, up: bool) -> bytes:
    """IPv4 and UDP around a frame (RFC 791, 768): no options, checksum of UDP given."""
    here, there = addresses.LANDER, addresses.PAYLOAD
    return addresses.encode(octets, *((here, there) if up else (there, here)))
