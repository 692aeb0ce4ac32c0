"""TM frames against tm_frames.json and spacepackets-py's way of reading them."""

import json
from pathlib import Path
from typing import Any

import crcmod.predefined  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import tm_frame
from fsw.ccsds.tm_frame import TmFrame, TmHeader, TmReject, decode, encode

FILE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "tm_frames.json").read_text(encoding="utf-8")
)
VECTORS: list[dict[str, Any]] = FILE["vectors"]
EXTRACTION = [bytes.fromhex(frame) for sequence in FILE["extraction_sequences"] for frame in sequence["frames"]]

frames = st.integers(1, 900).flatmap(
    lambda size: st.builds(
        TmFrame,
        scid=st.integers(0, 1023),
        vcid=st.integers(0, 7),
        mcfc=st.integers(0, 255),
        vcfc=st.integers(0, 255),
        fhp=st.integers(0, size - 1) | st.sampled_from([tm_frame.FHP_IDLE, tm_frame.FHP_NO_PACKET]),
        data=st.binary(min_size=size, max_size=size),
        clcw=st.integers(0, 2**32 - 1),
    )
)


def resealed(octets: bytes) -> bytes:
    """The frame with the FECF of its present octets, by crcmod's plain Python."""
    code = crcmod.predefined.PredefinedCrc("crc-ccitt-false")
    code.update(octets[:-2])
    return octets[:-2] + bytes(code.digest())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_header_of_vector(vector: dict[str, Any]) -> None:
    fields = vector["input"]
    assert tm_frame.decode_header(bytes.fromhex(vector["expected"])) == TmHeader(
        version=0,
        scid=fields["scid"],
        vcid=fields["vcid"],
        ocf=bool(fields["ocf"]),
        mcfc=fields["mcfc"],
        vcfc=fields["vcfc"],
        secondary_header=bool(fields["secondary_header_data"]),
        sync=bool(fields["sync_flag"]),
        packet_order=bool(fields["packet_order_flag"]),
        segment_length_id=fields["segment_length_id"],
        fhp=fields["first_header_pointer"],
    )


@pytest.mark.proves("K-FRAME-001")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any]) -> None:
    """Frames of our options both ways; those of other missions' options are refused by the option's name."""
    fields, octets = vector["input"], bytes.fromhex(vector["expected"])
    verdict = decode(octets, fields["scid"], len(octets))
    if not fields["fecf"]:
        assert verdict is TmReject.FECF
    elif not fields["ocf"]:
        assert verdict is TmReject.OCF
    else:
        frame = TmFrame(
            fields["scid"],
            fields["vcid"],
            fields["mcfc"],
            fields["vcfc"],
            fields["first_header_pointer"],
            bytes.fromhex(fields["data_field"]),
            int(fields["ocf"], 16),
        )
        assert verdict == frame
        assert encode(frame) == octets


@pytest.mark.parametrize("octets", EXTRACTION, ids=lambda octets: bytes(octets[:6]).hex())
def test_frames_of_the_extraction_sequences(octets: bytes) -> None:
    frame = decode(octets, 291, 64)
    assert isinstance(frame, TmFrame)
    assert frame.clcw == 0x01080005
    assert len(frame.data) == 52
    assert encode(frame) == octets


@pytest.mark.parametrize("reject", FILE["rejects"], ids=lambda reject: str(reject["reason"]))
def test_reject(reject: dict[str, Any]) -> None:
    octets = bytes.fromhex(reject["input"])
    assert decode(octets, 291, len(octets)) is TmReject.FECF


@pytest.mark.parametrize(
    ("octet", "flip", "reason"),
    [
        (0, 0x40, TmReject.VERSION),
        (0, 0x20, TmReject.SCID),
        (1, 0x10, TmReject.SCID),
        (1, 0x01, TmReject.OCF),
        (4, 0x80, TmReject.SECONDARY_HEADER),
        (4, 0x40, TmReject.SYNC),
        (4, 0x20, TmReject.SYNC),
        (4, 0x08, TmReject.SYNC),
        (4, 0x01, TmReject.FHP),
    ],
)
def test_each_rule_behind_a_good_fecf(octet: int, flip: int, reason: TmReject) -> None:
    vector = next(vector for vector in VECTORS if vector["name"] == "counters_wrap_0")
    octets = bytearray.fromhex(vector["expected"])
    octets[octet] ^= flip
    assert decode(resealed(bytes(octets)), 291, len(octets)) is reason
    assert decode(bytes(octets), 291, len(octets)) is TmReject.FECF
    assert decode(bytes(octets), 291, len(octets) + 1) is TmReject.LENGTH


def test_last_octet_where_a_packet_may_start() -> None:
    octets = bytearray(EXTRACTION[0])
    octets[5] = 51
    assert isinstance(decode(resealed(bytes(octets)), 291, 64), TmFrame)
    octets[5] = 52
    assert decode(resealed(bytes(octets)), 291, 64) is TmReject.FHP


@given(frames)
@settings(deadline=None)
def test_round_trip(frame: TmFrame) -> None:
    octets = encode(frame)
    assert len(octets) == len(frame.data) + tm_frame.OVERHEAD_OCTETS
    assert decode(octets, frame.scid, len(octets)) == frame


@given(st.binary(max_size=100), st.integers(0, 1023))
@settings(deadline=None)
def test_any_octets(octets: bytes, scid: int) -> None:
    assert isinstance(decode(octets, scid, 13), (TmFrame, TmReject))
    if len(octets) >= 13:
        assert isinstance(decode(resealed(octets), scid, len(octets)), (TmFrame, TmReject))


@pytest.mark.parametrize(
    "change",
    [{"scid": 1024}, {"vcid": 8}, {"fhp": 4}, {"fhp": 0x800}, {"data": b"", "fhp": 0x7FE}, {"data": bytes(2037)}],
    ids=str,
)
def test_misuse(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        encode(TmFrame(42, 0, 0, 0, 0, b"data", 0)._replace(**change))
