"""Space packets (133.0-B) and the idle ones of the encapsulation packet protocol (133.1-B): headers and boundaries."""

import struct
from typing import Final, NamedTuple

from fsw.kernel.copies import agree, outvote

HEADER_OCTETS: Final = 6
PACKET_OCTETS_MIN: Final = 7
PACKET_OCTETS_MAX: Final = 65_542
IDLE_APID: Final = 0x7FF
TELEMETRY: Final = 0
TELECOMMAND: Final = 1
UNSEGMENTED: Final = 3
SEQUENCE_COUNT_MODULUS: Final = 16_384
ENCAPSULATION_IDLE: Final = b"\xe0"
"""The whole of a one-octet encapsulation idle packet (133.1-B): what a gap too small for a space packet may hold."""

MORE: Final = 0
"""`packet_octets`: the octets at hand end before the length field does."""
MALFORMED: Final = -1
"""`packet_octets`: a length that is shorter than its own header; nothing behind it can be delimited."""

_FILL: Final = b"\x55"
_WORDS: Final = struct.Struct(">HHH")
_LENGTH: Final = struct.Struct(">H")
_ENCAPSULATION: Final = 0xE0
_ENCAPSULATION_HEADER_OCTETS: Final = (1, 2, 4, 8)


class PacketHeader(NamedTuple):
    """Primary header, 133.0-B 4.1.3. `data_octets` is what the length field means: its value plus one, 1..65536."""

    version: int
    packet_type: int
    secondary_header: bool
    apid: int
    sequence_flags: int
    sequence_count: int
    data_octets: int


class Split(NamedTuple):
    """What `split` found: whole packets in order, and the octets from the first one that is not whole."""

    packets: list[bytes]
    rest: bytes


def encode_header(header: PacketHeader) -> bytes:
    """Six octets of primary header; every field in its range, an idle packet without secondary header (asserted)."""
    assert 0 <= header.version <= 7, header
    assert 0 <= header.packet_type <= 1, header
    assert 0 <= header.apid <= IDLE_APID, header
    assert 0 <= header.sequence_flags <= 3, header
    assert 0 <= header.sequence_count < SEQUENCE_COUNT_MODULUS, header
    assert 1 <= header.data_octets <= 65_536, header
    assert header.apid != IDLE_APID or not header.secondary_header, header
    return _WORDS.pack(
        header.version << 13 | header.packet_type << 12 | header.secondary_header << 11 | header.apid,
        header.sequence_flags << 14 | header.sequence_count,
        header.data_octets - 1,
    )


def decode_header(octets: bytes, offset: int = 0) -> PacketHeader | None:
    """Primary header at `offset`, any version; None where fewer than six octets are there."""
    if len(octets) - offset < HEADER_OCTETS:
        return None
    first, second, length = _WORDS.unpack_from(octets, offset)
    return PacketHeader(
        first >> 13, first >> 12 & 1, bool(first & 0x800), first & 0x7FF, second >> 14, second & 0x3FFF, length + 1
    )


def packet_octets(octets: bytes | bytearray, offset: int = 0) -> int:
    """Whole size of the packet that starts at `offset`, 7..65542 by its length field; also beyond the octets at hand.

    Version 111 is an encapsulation packet: 1 octet (idle) or what its own length says, up to 2^32 - 1. Every other
    version is measured as a space packet, so that one wrong header costs one packet. MORE or MALFORMED otherwise.
    """
    present = len(octets) - offset
    if present <= 0:
        return MORE
    first = octets[offset]
    if first < _ENCAPSULATION:
        return PACKET_OCTETS_MIN + int(_LENGTH.unpack_from(octets, offset + 4)[0]) if present >= HEADER_OCTETS else MORE
    header_octets = _ENCAPSULATION_HEADER_OCTETS[first & 3]
    if present < header_octets:
        return MORE
    if header_octets == 1:
        return 1
    total = int.from_bytes(octets[offset + header_octets // 2 : offset + header_octets], "big")
    return total if total >= header_octets else MALFORMED


def split(data: bytes) -> Split:
    """Walk the packets of one frame data field that begins with a packet.

    Encapsulation packets (idle or not) are stepped over. `rest` is empty when the last packet ends with the field;
    else it begins with the packet that is longer than what is left, or whose length cannot be read.
    """
    packets: list[bytes] = []
    offset, end = 0, len(data)
    while offset < end:
        octets = packet_octets(data, offset)
        if octets <= 0 or offset + octets > end:
            return Split(packets, data[offset:])
        if data[offset] < _ENCAPSULATION:
            packets.append(data[offset : offset + octets])
        offset += octets
    return Split(packets, b"")


def idle_packet(octets: int) -> bytes:
    """Idle packet of that whole size, 7..65542 octets (133.0-B 4.1.3.3.3.4): APID 0x7FF, count 0, filled with 55."""
    assert PACKET_OCTETS_MIN <= octets <= PACKET_OCTETS_MAX, octets
    return _WORDS.pack(IDLE_APID, UNSEGMENTED << 14, octets - PACKET_OCTETS_MIN) + _FILL * (octets - HEADER_OCTETS)


class SequenceCounter:
    """Packet sequence counts, one an APID, each from 0 and modulo 16384 (133.0-B 4.1.3.4.3). At most 2048 of them."""

    __slots__ = ("_inverse", "_mended", "_next", "_second")

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._second: dict[int, int] = {}
        self._inverse: dict[int, int] = {}
        self._mended: list[int] = []

    def take(self, apid: int) -> int:
        """Count of this APID's next packet, 0..16383."""
        assert 0 <= apid <= IDLE_APID, apid
        count = self._next.get(apid, 0)
        if count != self._second.get(apid, 0):
            count = self._mend(apid)
        following = (count + 1) % SEQUENCE_COUNT_MODULUS
        self._next[apid] = self._second[apid] = following
        self._inverse[apid] = ~following
        return count

    def _mend(self, apid: int) -> int:
        """The count that most of its copies have."""
        count = outvote(self._next[apid], self._second[apid], self._inverse[apid])
        self._next[apid] = self._second[apid] = count
        self._inverse[apid] = ~count
        self._mended.append(apid)
        return count

    def mend(self) -> list[int]:
        """Look after every count, which is held three times; the APIDs whose count had a flipped bit since last asked.

        At most so many as there are processes.
        """
        for apid, count in self._next.items():
            if not agree(count, self._second[apid], self._inverse[apid]):
                self._mend(apid)
        mended, self._mended = self._mended, []
        return mended
