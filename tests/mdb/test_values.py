"""Values of parameters: absent readings, counters at their end, lists of ST[20]; octets typed by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.model import F32, I16, U8, U16, U32, Parameter, Structure
from fsw.mdb.values import (
    ParameterValue,
    StructureLayout,
    decode_value,
    decode_values,
    encode_value,
    encode_values,
    write_failure,
)
from fsw.pus.ids import FailureCode

COUNT = Parameter(1, "count", U16, writable=True, low=5, high=10, initial=5)
WARM = Parameter(2, "warm", I16, absent=-32768)
REAL = Parameter(0x0301, "real", F32, writable=True)
KNOWN = {parameter.pid: parameter for parameter in (COUNT, WARM, REAL)}
STRUCTURE = Structure(0x0102, "mixed", (REAL, WARM, COUNT))


def test_one_value() -> None:
    assert encode_value(WARM, -2) == b"\xff\xfe"
    assert decode_value(WARM, b"\xff\xfe") == -2
    assert encode_value(WARM, None) == b"\x80\x00"
    assert decode_value(WARM, b"\x80\x00") is None
    assert decode_value(WARM, b"\x80") == DecodeError(DecodeReason.LENGTH, "warm", "1 octets where warm has 2")


def test_a_counter_stops_at_its_end() -> None:
    assert encode_value(COUNT, 70_000) == b"\xff\xff"
    assert encode_value(COUNT, -1) == b"\0\0"
    assert encode_value(REAL, 1e39) == bytes.fromhex("7f7fffff")


def test_what_cannot_be_absent_must_be_there() -> None:
    with pytest.raises(AssertionError, match="count has no raw value that says absent"):
        encode_value(COUNT, None)


@pytest.mark.parametrize(
    ("parameter", "raw", "failure"),
    [
        (WARM, 3, FailureCode.PROTECTED),
        (COUNT, 4, FailureCode.OUT_OF_RANGE),
        (COUNT, 5, None),
        (COUNT, 10, None),
        (COUNT, 11, FailureCode.OUT_OF_RANGE),
        (COUNT, None, FailureCode.OUT_OF_RANGE),
        (REAL, float("nan"), FailureCode.OUT_OF_RANGE),
        (REAL, float("inf"), FailureCode.OUT_OF_RANGE),
        (REAL, -3.5, None),
    ],
)
def test_what_may_be_written(parameter: Parameter, raw: float | None, failure: FailureCode | None) -> None:
    assert write_failure(parameter, raw) is failure


def test_lists_of_values() -> None:
    values = (ParameterValue(WARM, None), ParameterValue(REAL, 1.5), ParameterValue(COUNT, 9))
    octets = bytes.fromhex("03 0002 8000 0301 3fc00000 0001 0009")
    assert encode_values(values) == octets
    assert decode_values(KNOWN, octets) == values


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", DecodeReason.LENGTH),
        ("01", DecodeReason.LENGTH),
        ("01 00", DecodeReason.LENGTH),
        ("01 0001", DecodeReason.LENGTH),
        ("01 0001 00", DecodeReason.LENGTH),
        ("01 0001 0005 00", DecodeReason.LENGTH),
        ("00 00", DecodeReason.LENGTH),
        ("01 0003 0005", DecodeReason.UNKNOWN_ID),
    ],
)
def test_lists_that_cannot_be_read(octets: str, reason: DecodeReason) -> None:
    decoded = decode_values(KNOWN, bytes.fromhex(octets))
    assert isinstance(decoded, DecodeError)
    assert decoded.reason is reason


@given(st.binary(max_size=30))
def test_any_octets_give_values_or_a_refusal(octets: bytes) -> None:
    decoded = decode_values(KNOWN, octets)
    if not isinstance(decoded, DecodeError) and not any(
        value.raw != value.raw or value.raw in (float("inf"), float("-inf")) for value in decoded
    ):
        assert encode_values(decoded) == octets


def test_structures() -> None:
    layout = StructureLayout(STRUCTURE)
    octets = bytes.fromhex("0102 3fc00000 8000 0009")
    assert layout.octets == 10
    assert layout.encode({0x0301: 1.5, 2: None, 1: 9}) == octets
    assert layout.encode({0x0301: 1.5, 1: 9, 77: 1}) == octets  # one that nobody wrote is absent too
    assert layout.decode(octets) == {"real": 1.5, "warm": None, "count": 9}
    assert layout.encode({0x0301: 1.5, 2: 40_000, 1: 70_000}) == bytes.fromhex("0102 3fc00000 7fff ffff")
    short = layout.decode(octets[:-1])
    assert short == DecodeError(DecodeReason.LENGTH, "values", "9 octets where mixed has 10")


def test_calibration() -> None:
    scaled = Parameter(3, "scaled", U8, "degC", absent=255, calibration=(-40.0, 0.5))
    assert scaled.engineering(100) == 10.0
    assert scaled.engineering(255) is None
    assert scaled.engineering(None) is None
    assert Parameter(4, "plain", U32).engineering(7) == 7
