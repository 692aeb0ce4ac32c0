"""PUS-C telecommand packets (ECSS-E-ST-70-41C 7.4.4.1; layout as in tests/vectors/pus_tc.json).

Primary header 6 octets, secondary header 5 (version and ack flags, service, subtype, source id:16), data, CRC-16.
"""

from struct import Struct
from typing import Final, NamedTuple

from fsw.ccsds.crc import crc16
from fsw.pus.ids import Refusal

ACK_ACCEPTANCE: Final = 0b0001
ACK_START: Final = 0b0010
ACK_PROGRESS: Final = 0b0100
ACK_COMPLETION: Final = 0b1000
ACK_GROUND: Final = ACK_ACCEPTANCE | ACK_COMPLETION  # what our ground always asks for (contract, section 3)

HEADER_OCTETS: Final = 11
OVERHEAD_OCTETS: Final = HEADER_OCTETS + 2
READABLE_OCTETS: Final = 10  # a cut packet is answered from this size on (contract, section 2)
PACKET_OCTETS_MAX: Final = 1017  # one TC frame of 1024 octets less its header and FECF
DATA_OCTETS_MAX: Final = PACKET_OCTETS_MAX - OVERHEAD_OCTETS

_HEADER: Final = Struct(">HHHBBBH")
_CRC: Final = Struct(">H")


class Telecommand(NamedTuple):
    """One telecommand whose header and checksum hold. `data` is the application data, `request_id` octets 0 to 3."""

    apid: int
    sequence_count: int
    ack: int
    service: int
    subtype: int
    source_id: int
    data: bytes
    request_id: bytes


class TcHeader(NamedTuple):
    """What a telecommand says about itself before any of it is believed; fields beyond a cut read 0.

    `length_ok`: the length field agrees with the octets at hand and a secondary header and checksum fit in.
    """

    apid: int
    sequence_count: int
    ack: int
    pus_version: int
    service: int
    subtype: int
    source_id: int
    request_id: bytes
    length_ok: bool


def decode(packet: bytes) -> Telecommand | Refusal:
    """Decode one whole packet with every structural check; the first rule broken is returned (contract, section 3)."""
    octets = len(packet)
    if octets < OVERHEAD_OCTETS:
        return Refusal.LENGTH
    word, sequence, length, version, service, subtype, source_id = _HEADER.unpack_from(packet)
    if length != octets - 7:
        return Refusal.LENGTH
    if word & 0xF800 != 0x1800 or sequence < 0xC000:
        return _structure(word)
    if crc16(packet):  # over data and checksum together a whole packet leaves 0
        return Refusal.CHECKSUM
    if version & 0xF0 != 0x20:
        return Refusal.PUS_VERSION
    return Telecommand(
        word & 0x7FF, sequence & 0x3FFF, version & 0x0F, service, subtype, source_id, packet[11:-2], packet[:4]
    )


def inspect(octets: bytes) -> TcHeader | Refusal:
    """Read the header of a packet, or of the head of one that its frame cut short, for verification's staged checks.

    A Refusal here means: drop and count, there is nobody to report to (under 10 octets, or a whole packet whose
    version, type, header flag or sequence flags are wrong). Length comes first, as the contract orders it.
    """
    if len(octets) < READABLE_OCTETS:
        return Refusal.LENGTH
    readable = octets if len(octets) >= HEADER_OCTETS else octets[:9] + b"\0\0"  # half a source id is none
    word, sequence, length, version, service, subtype, source_id = _HEADER.unpack_from(readable)
    length_ok = length == len(octets) - 7 and len(octets) >= OVERHEAD_OCTETS
    if length_ok and (word & 0xF800 != 0x1800 or sequence < 0xC000):
        return _structure(word)
    return TcHeader(
        word & 0x7FF,
        sequence & 0x3FFF,
        version & 0x0F,
        version >> 4,
        service,
        subtype,
        source_id,
        bytes(octets[:4]),
        length_ok,
    )


def checksum_ok(packet: bytes) -> bool:
    """Whether the packet error control agrees (CRC-16 over the whole packet leaves 0)."""
    return crc16(packet) == 0


def telecommand(packet: bytes, header: TcHeader) -> Telecommand:
    """Join a header that passed every stage with its packet's application data."""
    assert header.length_ok
    return Telecommand(
        header.apid,
        header.sequence_count,
        header.ack,
        header.service,
        header.subtype,
        header.source_id,
        packet[HEADER_OCTETS:-2],
        header.request_id,
    )


def encode(
    apid: int,
    sequence_count: int,
    service: int,
    subtype: int,
    data: bytes = b"",
    *,
    ack: int = ACK_GROUND,
    source_id: int = 0,
) -> bytes:
    """Build one telecommand packet; data at most 1004 octets, so that it fits one TC frame."""
    assert 0 <= apid <= 0x7FF
    assert 0 <= sequence_count <= 0x3FFF
    assert 0 <= ack <= 0x0F
    assert len(data) <= DATA_OCTETS_MAX
    body = (
        _HEADER.pack(0x1800 | apid, 0xC000 | sequence_count, len(data) + 6, 0x20 | ack, service, subtype, source_id)
        + data
    )
    return body + _CRC.pack(crc16(body))


def _structure(word: int) -> Refusal:
    """Name the first broken rule of a primary header's first two words, in field order."""
    if word >> 13:
        return Refusal.PACKET_VERSION
    if not word & 0x1000:
        return Refusal.PACKET_TYPE
    if not word & 0x0800:
        return Refusal.HEADER_FLAG
    return Refusal.SEQUENCE_FLAGS
