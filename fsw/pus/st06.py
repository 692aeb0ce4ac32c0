"""(6,4), the dump of an object's areas, of any length: object u8, N u8, (offset u32, length u16, octets, CRC-16) x N.

A report that fits a packet is decoded by the mission database like any other; one that came by ST[13] is read here.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from fsw.ccsds.crc import crc16

AREA_OCTETS: Final = 8
HEAD_OCTETS: Final = 2


class Dumped(NamedTuple):
    """One area."""

    offset: int
    octets: bytes


def encode_dump(object_id: int, areas: Iterable[Dumped]) -> bytes:
    """Source data of (6,4)."""
    parts: list[bytes] = []
    count = 0
    for offset, octets in areas:
        parts += (offset.to_bytes(4, "big"), len(octets).to_bytes(2, "big"), octets, crc16(octets).to_bytes(2, "big"))
        count += 1
    return bytes((object_id, count)) + b"".join(parts)


def decode_dump(data: bytes) -> tuple[int, tuple[Dumped, ...]] | None:
    """The object's id and its areas; None when lengths or a checksum do not agree."""
    if len(data) < HEAD_OCTETS:
        return None
    at = HEAD_OCTETS
    areas = []
    for _ in range(data[1]):
        length = int.from_bytes(data[at + 4 : at + 6], "big")
        end = at + 6 + length
        if end + 2 > len(data):
            return None
        octets = data[at + 6 : end]
        if crc16(octets) != int.from_bytes(data[end : end + 2], "big"):
            return None
        areas.append(Dumped(int.from_bytes(data[at : at + 4], "big"), octets))
        at = end + 2
    return (data[0], tuple(areas)) if at == len(data) else None
