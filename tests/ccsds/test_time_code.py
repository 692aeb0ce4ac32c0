"""CUC against timecodes.json and exact fractions."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import time_code
from fsw.ccsds.time_code import Cuc, cuc_decode, cuc_encode

VECTORS: list[dict[str, Any]] = [
    vector
    for vector in json.loads((Path(__file__).parents[1] / "vectors" / "timecodes.json").read_text(encoding="utf-8"))[
        "vectors"
    ]
    if vector["kind"].startswith("CUC")
]


def elapsed_of(vector: dict[str, Any]) -> Fraction:
    """Seconds since the epoch, exactly."""
    fields = vector["input"]
    return Fraction(fields.get("seconds_since_1958_tai", fields.get("seconds"))) + Fraction(fields["fraction"])


@pytest.mark.proves("K-PKT-002")
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any]) -> None:
    octets = bytes.fromhex(vector["expected"])
    code = Cuc(octets[: 1 + (octets[0] >> 7)])
    elapsed_us = elapsed_of(vector) * 1_000_000
    fields = vector["input"]
    assert (code.coarse_octets, code.fine_octets) == (fields["coarse_octets"], fields["fine_octets"])
    assert code.octets == len(octets)
    assert code.decode(octets) == code.decode(b"\xff" + octets + b"\xff", 1) == int(elapsed_us)
    if elapsed_us.denominator == 1:
        assert code.encode(int(elapsed_us)) == octets
    if octets[0] == 0x1E:
        assert cuc_encode(int(elapsed_us)) == octets
        assert cuc_decode(octets) == cuc_decode(b"\xff" + octets, 1) == int(elapsed_us)
    else:
        assert cuc_decode(octets + bytes(9)) is None


@given(st.integers(0, time_code.TAI_US_MAX))
@settings(deadline=None)
def test_both_ways_round_down(tai_us: int) -> None:
    octets = cuc_encode(tai_us)
    on_wire = int.from_bytes(octets[1:5], "big") + Fraction(int.from_bytes(octets[5:7], "big"), 65_536)
    assert octets[0] == 0x1E
    assert 0 <= Fraction(tai_us, 1_000_000) - on_wire < Fraction(1, 65_536)
    decoded = cuc_decode(octets)
    assert decoded is not None
    assert 0 <= on_wire - Fraction(decoded, 1_000_000) < Fraction(1, 1_000_000)
    assert 0 <= tai_us - decoded <= 16
    assert Cuc(b"\x1e").encode(tai_us) == octets
    assert Cuc(b"\x1e").decode(octets) == decoded


@given(st.binary(max_size=12), st.integers(0, 12))
@settings(deadline=None)
def test_any_octets(octets: bytes, offset: int) -> None:
    whole = len(octets) - offset >= 7 and octets[offset] == 0x1E
    assert (cuc_decode(octets, offset) is not None) == whole
    assert (Cuc(b"\x1e").decode(octets, offset) is not None) == whole


@pytest.mark.parametrize("p_field", [b"\x1e\x00", b"\x9e", b"\x4e", b"\x9f\x80"], ids=["long", "short", "CDS", "third"])
def test_no_such_p_field(p_field: bytes) -> None:
    with pytest.raises(AssertionError):
        Cuc(p_field)


@pytest.mark.parametrize("tai_us", [-1, 2**32 * 1_000_000])
def test_time_out_of_range(tai_us: int) -> None:
    with pytest.raises(AssertionError):
        cuc_encode(tai_us)
    with pytest.raises(AssertionError):
        Cuc(b"\x1e").encode(tai_us)
