"""SLIP against the receiver that RFC 1055 prints, typed again octet by octet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import slip
from fsw.ccsds.reception import LineFault

special = st.lists(st.sampled_from([0xC0, 0xDB, 0xDC, 0xDD, 0x00, 0x41]), max_size=40).map(bytes)


def recv_packets(stream: bytes) -> list[bytes]:
    """RFC 1055, recv_packet(), for streams without violations."""
    packets, packet, escaped = [], bytearray(), False
    for octet in stream:
        if octet == 0o300:
            if packet:
                packets.append(bytes(packet))
            packet = bytearray()
        elif octet == 0o333:
            escaped = True
        elif escaped:
            packet.append({0o334: 0o300, 0o335: 0o333}[octet])
            escaped = False
        else:
            packet.append(octet)
    return packets


@pytest.mark.proves("K-LINE-009")
@given(st.lists((st.binary(max_size=60) | special).filter(len), max_size=5))
@settings(deadline=None)
def test_encoding_as_the_rfc_reads_it(frames: list[bytes]) -> None:
    line = b"".join(slip.encode(frame) for frame in frames)
    assert recv_packets(line) == frames
    decoder = slip.SlipDecoder(60)
    assert [unit.content for unit in decoder.feed(line)] == frames
    assert decoder.octets_skipped == len(decoder) == 0


@given(st.lists(special | st.binary(max_size=30), max_size=8))
@settings(deadline=None)
def test_any_octets_in_any_pieces(pieces: list[bytes]) -> None:
    cut, whole = slip.SlipDecoder(4), slip.SlipDecoder(4)
    units = []
    for piece in pieces:
        units += cut.feed(piece)
        assert len(cut) <= 8
    at_once = whole.feed(b"".join(pieces))
    assert [unit[:2] for unit in units] == [unit[:2] for unit in at_once]
    assert cut.octets_skipped == whole.octets_skipped
    for unit in at_once:
        assert isinstance(unit.content, LineFault) or 1 <= len(unit.content) <= 8


@pytest.mark.parametrize("content", ["db", "dbdb", "db00", "41db", "dbdbdc"])
def test_broken_escape(content: str) -> None:
    decoder = slip.SlipDecoder(8)
    (broken, good) = decoder.feed(b"\xc0" + bytes.fromhex(content) + b"\xc0\xc0A\xc0xx")
    assert broken == (LineFault.ESCAPE, len(content) // 2 + 2, 5)
    assert good == (b"A", 3, 2)
    assert decoder.octets_skipped == len(content) // 2


def test_too_long_is_said_once_and_not_kept() -> None:
    decoder = slip.SlipDecoder(4)
    assert decoder.feed(b"\xc0" + bytes(5)) == []
    assert decoder.feed(bytes(4)) == []
    assert len(decoder) == 0
    assert decoder.feed(bytes(91)) == []
    assert decoder.feed(b"\xc0A\xc0") == [(LineFault.OVERLONG, 102, 2), (b"A", 3, 0)]
    assert decoder.octets_skipped == 100


def test_worst_case_length() -> None:
    assert slip.SlipDecoder(3).feed(slip.encode(b"\xc0\xdb\xc0")) == [(b"\xc0\xdb\xc0", 8, 0)]
    assert slip.slip_octets_max(3) == 8 == len(slip.encode(b"\xc0\xdb\xc0"))
