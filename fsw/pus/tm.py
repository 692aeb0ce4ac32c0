"""PUS-C telemetry packets and the two kinds without a PUS header: time reports and plain packets.

ECSS-E-ST-70-41C 7.4.3.1, layout as in tests/vectors/pus_tm.json; contract, section 3. The time field is a CUC of
7 octets (P-field 1E, 4 + 2) in this profile; other missions' widths are an argument.
"""

from struct import Struct
from typing import Final, NamedTuple

from fsw.ccsds.crc import crc16
from fsw.pus.ids import APID_TIME, Refusal

TIME_OCTETS: Final = 7
HEADER_OCTETS: Final = 13 + TIME_OCTETS
OVERHEAD_OCTETS: Final = HEADER_OCTETS + 2
PLAIN_OVERHEAD_OCTETS: Final = 8  # primary header and CRC-16
PACKET_OCTETS_MAX: Final = 65_542

_HEADER: Final = Struct(">HHHBBBHH")
_PRIMARY: Final = Struct(">HHH")
_TIME_REPORT: Final = Struct(">HHHB7sB")
_CRC: Final = Struct(">H")


class Telemetry(NamedTuple):
    """One telemetry packet whose header and checksum hold; `time` is the time field as it stands."""

    apid: int
    sequence_count: int
    time_status: int
    service: int
    subtype: int
    message_count: int
    destination_id: int
    time: bytes
    data: bytes


class TimeReport(NamedTuple):
    """ST[09] time report: rate exponent u8, CUC of 7 octets, time reference status u8."""

    sequence_count: int
    rate_exponent: int
    time: bytes
    status: int


class Plain(NamedTuple):
    """A packet with no secondary header and a CRC-16: lander services and the lander's own reports."""

    apid: int
    packet_type: int
    sequence_count: int
    body: bytes


def encode_tm(
    apid: int,
    sequence_count: int,
    time_status: int,
    service: int,
    subtype: int,
    message_count: int,
    destination_id: int,
    time: bytes,
    data: bytes = b"",
) -> bytes:
    """Build one telemetry packet. A value that does not fit its field is misuse and raises."""
    assert 0 <= apid <= 0x7FF
    assert 0 <= sequence_count <= 0x3FFF
    assert 0 <= time_status <= 0x0F
    tail = time + data
    body = (
        _HEADER.pack(
            0x0800 | apid,
            0xC000 | sequence_count,
            len(tail) + 8,
            0x20 | time_status,
            service,
            subtype,
            message_count,
            destination_id,
        )
        + tail
    )
    return body + _CRC.pack(crc16(body))


def decode_tm(packet: bytes, time_octets: int = TIME_OCTETS) -> Telemetry | Refusal:
    """Decode one whole packet with every structural check; the first rule broken is returned."""
    octets = len(packet)
    data_at = 13 + time_octets
    if octets < data_at + 2:
        return Refusal.LENGTH
    word, sequence, length, version, service, subtype, message_count, destination_id = _HEADER.unpack_from(packet)
    if length != octets - 7:
        return Refusal.LENGTH
    if word & 0xF800 != 0x0800 or sequence < 0xC000:
        return _structure(word, 0x0800)
    if crc16(packet):
        return Refusal.CHECKSUM
    if version & 0xF0 != 0x20:
        return Refusal.PUS_VERSION
    return Telemetry(
        word & 0x7FF,
        sequence & 0x3FFF,
        version & 0x0F,
        service,
        subtype,
        message_count,
        destination_id,
        packet[13:data_at],
        packet[data_at:-2],
    )


def encode_time_report(sequence_count: int, rate_exponent: int, time: bytes, status: int) -> bytes:
    """Build an ST[09] time report: APID 0, no secondary header, CRC-16 at its end (contract, section 3)."""
    assert 0 <= sequence_count <= 0x3FFF
    assert len(time) == TIME_OCTETS
    body = _TIME_REPORT.pack(APID_TIME, 0xC000 | sequence_count, 10, rate_exponent, time, status)
    return body + _CRC.pack(crc16(body))


def decode_time_report(packet: bytes) -> TimeReport | Refusal:
    """Decode an ST[09] time report; the first rule broken is returned."""
    plain = decode_plain(packet)
    if isinstance(plain, Refusal):
        return plain
    if plain.packet_type != 0:
        return Refusal.PACKET_TYPE
    if plain.apid != APID_TIME:
        return Refusal.APID
    if len(plain.body) != 2 + TIME_OCTETS:
        return Refusal.LENGTH
    return TimeReport(plain.sequence_count, plain.body[0], plain.body[1:-1], plain.body[-1])


def encode_plain(apid: int, packet_type: int, sequence_count: int, body: bytes) -> bytes:
    """Build a packet without secondary header, CRC-16 at its end (contract, sections 3 to 5)."""
    assert 0 <= apid <= 0x7FF
    assert packet_type in (0, 1)
    assert 0 <= sequence_count <= 0x3FFF
    assert len(body) + PLAIN_OVERHEAD_OCTETS <= PACKET_OCTETS_MAX
    packet = _PRIMARY.pack(packet_type << 12 | apid, 0xC000 | sequence_count, len(body) + 1) + body
    return packet + _CRC.pack(crc16(packet))


def decode_plain(packet: bytes) -> Plain | Refusal:
    """Decode a packet without secondary header; the first rule broken is returned."""
    if len(packet) < PLAIN_OVERHEAD_OCTETS:
        return Refusal.LENGTH
    word, sequence, length = _PRIMARY.unpack_from(packet)
    if length != len(packet) - 7:
        return Refusal.LENGTH
    packet_type = word >> 12 & 1
    if word & 0xE800 or sequence < 0xC000:
        return _structure(word, packet_type << 12)
    if crc16(packet):
        return Refusal.CHECKSUM
    return Plain(word & 0x7FF, packet_type, sequence & 0x3FFF, packet[6:-2])


def _structure(word: int, expected: int) -> Refusal:
    """Name the first broken rule of a primary header's first two words, in field order."""
    if word >> 13:
        return Refusal.PACKET_VERSION
    if (word ^ expected) & 0x1000:
        return Refusal.PACKET_TYPE
    if (word ^ expected) & 0x0800:
        return Refusal.HEADER_FLAG
    return Refusal.SEQUENCE_FLAGS
