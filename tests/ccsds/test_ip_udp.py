"""IPv4 and UDP around a frame, against RFC 791, 768 and 1071 read again: words added by hand, printed examples."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds import carrier, ip_udp, tc_frame
from fsw.ccsds.carrier import FrameReceived, Rejected
from fsw.ccsds.ip_udp import LANDER, PAYLOAD, Address, checksum, decode, encode
from fsw.ccsds.reception import LineFault

LANDER_IP = bytes((192, 168, 103, 1))
PAYLOAD_IP = bytes((192, 168, 103, 2))
PORT = struct.pack(">H", 42_000)


def words_checksum(octets: bytes) -> int:
    """RFC 1071's section 4.1, word by word."""
    total = 0
    for at in range(0, len(octets) - 1, 2):
        total += octets[at] << 8 | octets[at + 1]
    if len(octets) % 2:
        total += octets[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def datagram(frame: bytes, *, ip: bytes | None = None, udp: bytes | None = None, options: bytes = b"") -> bytes:
    """From the lander to the payload, laid out as the RFCs print it; headers without their checksums may be given."""
    udp = PORT + PORT + struct.pack(">H", 8 + len(frame)) if udp is None else udp
    pseudo = LANDER_IP + PAYLOAD_IP + b"\x00\x11" + udp[4:6]
    udp += struct.pack(">H", words_checksum(pseudo + udp + b"\0\0" + frame) or 0xFFFF) + frame
    if ip is None:
        words = 5 + len(options) // 4
        ip = bytes((0x40 | words, 0)) + struct.pack(">H", 4 * words + len(udp)) + b"\0\0\x40\0\x40\x11"
    head = ip + b"\0\0" + LANDER_IP + PAYLOAD_IP + options
    return ip + struct.pack(">H", words_checksum(head)) + LANDER_IP + PAYLOAD_IP + options + udp


def test_checksum_of_printed_examples() -> None:
    # RFC 1071, section 3: the words 0001 f203 f4f5 f6f7 add up to ddf2.
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    # An IPv4 header as textbooks print it, with its checksum b861 left out and put in.
    head = "450000730000400040110000c0a80001c0a800c7"
    assert checksum(bytes.fromhex(head)) == 0xB861
    assert checksum(bytes.fromhex(head.replace("40110000", "4011b861"))) == 0


@given(st.binary(min_size=1, max_size=90))
def test_checksum_is_the_sum_of_words(octets: bytes) -> None:
    # All zeros have no sum to tell 0 from 0xFFFF; no header is all zeros.
    assert checksum(octets) == words_checksum(octets) or not any(octets)


@pytest.mark.proves("K-LINE-009")
@given(st.binary(max_size=300))
def test_encoding_is_what_the_rfcs_print(frame: bytes) -> None:
    assert encode(frame, LANDER, PAYLOAD) == datagram(frame)
    assert decode(datagram(frame), LANDER, PAYLOAD) == frame
    assert decode(encode(frame, PAYLOAD, LANDER), PAYLOAD, LANDER) == frame
    assert len(encode(frame, LANDER, PAYLOAD)) == len(frame) + ip_udp.HEADERS_OCTETS


def test_one_datagram_octet_for_octet() -> None:
    # IP: 4500+001f+0000+4000+4011+c0a8+6701+c0a8+6702 = 31483, its carry added 1486, its complement eb79.
    # UDP: c0a8+6701+c0a8+6702+0011+000b, a410+a410+000b, 0102+0300 = 39b9c; 9b9f; 6460.
    by_hand = "4500001f000040004011eb79c0a86701c0a86702a410a410000b6460010203"
    assert encode(b"\x01\x02\x03", LANDER, PAYLOAD).hex() == by_hand


def test_a_checksum_of_zero_goes_out_as_all_ones() -> None:
    zero = next(frame for n in range(0x1_0000) if words_checksum_of_udp(frame := struct.pack(">H", n)) == 0)
    octets = encode(zero, LANDER, PAYLOAD)
    assert octets[26:28] == b"\xff\xff"
    assert decode(octets, LANDER, PAYLOAD) == zero


def words_checksum_of_udp(frame: bytes) -> int:
    length = struct.pack(">H", 8 + len(frame))
    return words_checksum(LANDER_IP + PAYLOAD_IP + b"\x00\x11" + length + PORT + PORT + length + b"\0\0" + frame)


def test_options_and_any_source_port_are_taken() -> None:
    assert decode(datagram(b"abc", options=b"\x01\x01\x01\x00"), LANDER, PAYLOAD) == b"abc"
    other = struct.pack(">HHH", 1, 42_000, 11)
    assert decode(datagram(b"abc", udp=other), LANDER, PAYLOAD) == b"abc"


def ip_head(**change: int) -> bytes:
    field = {"first": 0x45, "total": 31, "fragment": 0x4000, "protocol": 17} | change
    return struct.pack(">BBHHHBB", field["first"], 0, field["total"], 0, field["fragment"], 64, field["protocol"])


GOOD = datagram(b"abc")
BAD_IP = {
    "empty": b"",
    "short": GOOD[:19],
    "version 6": datagram(b"abc", ip=ip_head(first=0x65)),
    "header of four words": datagram(b"abc", ip=ip_head(first=0x44)),
    "header longer than all": datagram(b"abc", ip=ip_head(first=0x4F)),
    "total too short": datagram(b"abc", ip=ip_head(total=30)),
    "total too long": datagram(b"abc", ip=ip_head(total=32)),
    "cut": GOOD[:-1],
    "trailing": GOOD + b"\0",
    "more fragments": datagram(b"abc", ip=ip_head(fragment=0x2000)),
    "later fragment": datagram(b"abc", ip=ip_head(fragment=0x0001)),
    "TCP": datagram(b"abc", ip=ip_head(protocol=6)),
    "a bit of the header": GOOD[:8] + bytes((GOOD[8] ^ 1,)) + GOOD[9:],
    "the other way round": encode(b"abc", PAYLOAD, LANDER),
    "another host": encode(b"abc", Address(0xC0A8_6703, 42_000), PAYLOAD),
}
BAD_UDP = {
    "no room for a header": GOOD[:2] + b"\0\x1b" + b"\0\0\x40\0\x40\x11" + b"\0\0" + GOOD[12:27],
    "length short": datagram(b"abc", udp=struct.pack(">HHH", 42_000, 42_000, 10)),
    "another port": datagram(b"abc", udp=struct.pack(">HHH", 42_000, 42_001, 11)),
    "no checksum": GOOD[:26] + b"\0\0" + GOOD[28:],
    "a bit of the frame": GOOD[:-1] + bytes((GOOD[-1] ^ 1,)),
}
_HEAD = BAD_UDP["no room for a header"]
BAD_UDP["no room for a header"] = _HEAD[:10] + struct.pack(">H", words_checksum(_HEAD[:20])) + _HEAD[12:]


@pytest.mark.parametrize("what", BAD_IP)
def test_what_is_no_whole_ip_datagram(what: str) -> None:
    assert decode(BAD_IP[what], LANDER, PAYLOAD) is LineFault.IP


@pytest.mark.parametrize("what", BAD_UDP)
def test_what_is_no_whole_udp_datagram(what: str) -> None:
    assert decode(BAD_UDP[what], LANDER, PAYLOAD) is LineFault.UDP


@given(st.binary(max_size=80))
def test_no_octets_raise(octets: bytes) -> None:
    assert isinstance(decode(octets, LANDER, PAYLOAD), LineFault)


def test_the_carrier_counts_what_the_headers_refuse_and_takes_the_next() -> None:
    flight, lander = carrier.by_name("slip_ip_udp", 42, 64), carrier.by_name("slip-ip-udp", 42, 64)
    frame = tc_frame.encode(tc_frame.TcFrame(42, 0, True, False, 0, b"abc"))
    good = lander.encode_up(frame)
    # END c0 opens it; 45 begins IP; 192 is END itself and goes out as db dc.
    assert good[:2] == b"\xc0\x45"
    assert b"\xdb\xdc\xa8\x67\x01\xdb\xdc\xa8\x67\x02" in good
    spoilt = good.replace(b"\x40\x11", b"\x40\x12", 1)
    refused, taken = flight.feed_up(spoilt + good)
    assert refused == Rejected(LineFault.IP)
    assert isinstance(taken, FrameReceived)
    assert tc_frame.encode(taken.frame) == frame
    assert taken.line_octets == len(good)
    assert flight.up_octets_skipped == len(spoilt) - 2
