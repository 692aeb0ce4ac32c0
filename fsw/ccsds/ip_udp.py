"""IPv4 (RFC 791) and UDP (RFC 768) around one frame, as a lander's serial link carries it between SLIP's ENDs.

Both checksums are real: a datagram without a UDP checksum is refused, since on a serial line nothing else covers it.
What leaves has no options, may not be fragmented and is one whole frame, so its identification is 0 (RFC 6864).
"""

from struct import Struct
from typing import Final, NamedTuple

from fsw.ccsds.reception import LineFault

HEADERS_OCTETS: Final = 28
"""What an encoded frame is longer by."""
HEADERS_OCTETS_MAX: Final = 68
"""The same when the sender uses all of IP's room for options."""
_IP: Final = Struct(">BBHHHBBHII")
_UDP: Final = Struct(">HHHH")
_VERSION_AND_WORDS: Final = 0x45
_DO_NOT_FRAGMENT: Final = 0x4000
_FRAGMENT: Final = 0x3FFF
"""More fragments, or an offset: not the whole datagram."""
_HOPS: Final = 64
_PROTOCOL_UDP: Final = 17


class Address(NamedTuple):
    """An IPv4 address as a number, and a UDP port."""

    host: int
    port: int


LANDER: Final = Address(0xC0A8_6701, 42_000)
"""192.168.103.1, as one lander flew it."""
PAYLOAD: Final = Address(0xC0A8_6702, 42_000)
"""192.168.103.2"""


def checksum(octets: bytes) -> int:
    """The Internet checksum: one's complement of the one's complement sum of all 16-bit words (RFC 791, RFC 1071).

    It is 0 for octets that hold their own right checksum. Adding with end-around carry is arithmetic modulo 0xFFFF.
    """
    return -int.from_bytes(octets + bytes(len(octets) % 2)) % 0xFFFF


def encode(frame: bytes, source: Address, destination: Address) -> bytes:
    """The datagram that carries a frame; the frame may have at most 65507 octets."""
    length = _UDP.size + len(frame)
    head = (_VERSION_AND_WORDS, 0, _IP.size + length, 0, _DO_NOT_FRAGMENT, _HOPS, _PROTOCOL_UDP)
    ends = (source.host, destination.host)
    sum_of_head = checksum(_IP.pack(*head, 0, *ends))
    pseudo = _pseudo_header(*ends, length)
    # A checksum that comes out as 0 is sent as all ones: 0 would say that there is none (RFC 768).
    sum_of_all = checksum(pseudo + _UDP.pack(source.port, destination.port, length, 0) + frame) or 0xFFFF
    return _IP.pack(*head, sum_of_head, *ends) + _UDP.pack(source.port, destination.port, length, sum_of_all) + frame


def decode(octets: bytes, source: Address, destination: Address) -> bytes | LineFault:
    """The frame of a datagram between these two, or which header is wrong; the sender's port may be any."""
    if len(octets) < _IP.size:
        return LineFault.IP
    first, _, total, _, fragment, _, protocol, _, *ends = _IP.unpack_from(octets)
    head_octets = 4 * (first & 0x0F)
    if first >> 4 != 4 or not _IP.size <= head_octets <= len(octets) or total != len(octets):
        return LineFault.IP
    if checksum(octets[:head_octets]) or fragment & _FRAGMENT:
        return LineFault.IP
    if protocol != _PROTOCOL_UDP or ends != [source.host, destination.host]:
        return LineFault.IP
    udp = octets[head_octets:]
    if len(udp) < _UDP.size:
        return LineFault.UDP
    _, port, length, given = _UDP.unpack_from(udp)
    if length != len(udp) or port != destination.port or given == 0:
        return LineFault.UDP
    if checksum(_pseudo_header(source.host, destination.host, length) + udp):
        return LineFault.UDP
    return udp[_UDP.size :]


def _pseudo_header(source: int, destination: int, length: int) -> bytes:
    """What UDP's checksum covers of IP (RFC 768)."""
    return b"".join((source.to_bytes(4), destination.to_bytes(4), bytes((0, _PROTOCOL_UDP)), length.to_bytes(2)))
