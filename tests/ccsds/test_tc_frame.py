"""TC frames against tc_frames.json."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import tc_frame
from fsw.ccsds.tc_frame import SetVr, TcFrame, TcReject, Unlock, decode, decode_directive, encode

FILE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "tc_frames.json").read_text(encoding="utf-8")
)
REASONS = {
    "FECF mismatch": TcReject.FECF,
    "bypass=0 control=1": TcReject.RESERVED_TYPE,
    "TFVN 01": TcReject.VERSION,
    "frame length field larger than available octets": TcReject.LENGTH,
}

frames = st.builds(
    lambda scid, vcid, kind, n_s, data: TcFrame(scid, vcid, kind > 0, kind > 1, n_s, data),
    st.integers(0, 1023),
    st.integers(0, 63),
    st.integers(0, 2),
    st.integers(0, 255),
    st.binary(min_size=1, max_size=1017),
)


def frame_of(fields: dict[str, Any]) -> TcFrame:
    """A vector's frame; where it has a segment header, that is the first octet of the data field."""
    data = bytes.fromhex(fields["data"])
    if fields["segment_flags"] is not None:
        data = bytes([fields["segment_flags"] << 6 | fields["map_id"]]) + data
    bypass, control = bool(fields["bypass"]), bool(fields["control_command"])
    return TcFrame(fields["scid"], fields["vcid"], bypass, control, fields["frame_seq_num"], data)


@pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any]) -> None:
    frame, octets = frame_of(vector["input"]), bytes.fromhex(vector["expected"])
    assert encode(frame) == octets
    assert decode(octets, frame.scid) == frame
    assert tc_frame.frame_octets(octets) == len(octets)
    assert decode(octets, frame.scid ^ 1) is TcReject.SCID
    if frame.control:
        assert decode_directive(frame.data) == SetVr(frame.data[2])
        assert tc_frame.set_v_r(frame.data[2]) == frame.data


@pytest.mark.parametrize("reject", FILE["rejects"], ids=lambda reject: str(reject["reason"]))
def test_reject(reject: dict[str, Any]) -> None:
    verdict = decode(bytes.fromhex(reject["input"]), 291)
    if isinstance(verdict, TcFrame):  # frames that stand, with directives that do not
        assert "E9" in reject["reason"]
        assert verdict.control
        assert decode_directive(verdict.data) is None
    else:
        assert verdict is REASONS[reject["reason"].split(" is reserved")[0]]


def test_fill_is_cut_before() -> None:
    rule = FILE["trailing_fill_rule"]
    decoded = bytes.fromhex(rule["decoded_from_cltu"])
    assert decoded[: tc_frame.frame_octets(decoded)] == bytes.fromhex(rule["frame"])
    assert decode(decoded, 291) is TcReject.LENGTH


def test_rules_not_in_the_vectors() -> None:
    octets = bytes.fromhex("0123080e0011f0c00100010100d8b5")
    assert decode(octets[:7], 291) is TcReject.SHORT
    assert decode(b"", 291) is TcReject.SHORT
    assert decode(bytes([octets[0] | 0x08]) + octets[1:], 291) is TcReject.SPARE
    assert decode(bytes([octets[0] | 0x04]) + octets[1:], 291) is TcReject.SPARE


def test_directives() -> None:
    assert decode_directive(tc_frame.UNLOCK) == Unlock()
    assert tc_frame.UNLOCK == b"\x00"
    assert tc_frame.set_v_r(200) == bytes.fromhex("8200c8")
    for data in (
        b"",
        b"\x01",
        b"\x00\x00",
        b"\x82",
        b"\x82\x00",
        b"\x82\x00\x01\x00",
        b"\x83\x00\x01",
        b"\x82\x01\x01",
    ):
        assert decode_directive(data) is None


@given(frames)
@settings(deadline=None)
def test_round_trip(frame: TcFrame) -> None:
    assert decode(encode(frame), frame.scid) == frame


@given(frames, st.data())
@settings(deadline=None)
def test_no_wrong_bit_passes(frame: TcFrame, data: st.DataObject) -> None:
    octets = bytearray(encode(frame))
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit >> 3] ^= 0x80 >> (bit & 7)
    assert isinstance(decode(bytes(octets), frame.scid), TcReject)


@given(st.binary(max_size=1100), st.integers(0, 1023))
@settings(deadline=None)
def test_any_octets(octets: bytes, scid: int) -> None:
    assert isinstance(decode(octets, scid), (TcFrame, TcReject))
    decode_directive(octets)


@pytest.mark.parametrize(
    "frame",
    [
        TcFrame(1024, 0, False, False, 0, b"x"),
        TcFrame(1, 64, False, False, 0, b"x"),
        TcFrame(1, 0, False, True, 0, b"x"),
        TcFrame(1, 0, False, False, 0, b""),
        TcFrame(1, 0, False, False, 0, bytes(1018)),
    ],
    ids=["scid", "vcid", "reserved", "empty", "long"],
)
def test_misuse(frame: TcFrame) -> None:
    with pytest.raises(AssertionError):
        encode(frame)
