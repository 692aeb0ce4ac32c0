"""The control word against a third party's vectors, and its refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds.clcw import Clcw, decode, encode

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "clcw.json").read_text())["vectors"]


def _fields(given_fields: dict[str, Any]) -> Clcw:
    flags = {name: bool(given_fields[name]) for name in ("lockout", "wait", "retransmit", "no_rf", "no_bit_lock")}
    return Clcw(
        vcid=given_fields["vcid"],
        report_value=given_fields["report"],
        farm_b=given_fields["farm_b"],
        status=given_fields["status"],
        cop_in_effect=given_fields["cop_in_effect"],
        **flags,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors_both_ways(vector: dict[str, Any]) -> None:
    assert vector["kind"] == "encode+decode"
    assert vector["input"]["spare"] == 0
    word = int(vector["expected"], 16)
    assert encode(_fields(vector["input"])) == word
    assert decode(word) == _fields(vector["input"])


@given(word=st.integers(0, 2**32 - 1))
def test_any_word_is_the_same_word_again_or_none(word: int) -> None:
    fields = decode(word)
    # Type, version, spare 14-15 and spare 23, counted from the left (232.0-B, 4.2.1).
    bits = f"{word:032b}"
    malformed = "1" in bits[0:3] + bits[14:16] + bits[23]
    if malformed:
        assert fields is None
    else:
        assert fields is not None
        assert encode(fields) == word


@pytest.mark.parametrize("bit", [0, 1, 2, 14, 15, 23])
def test_a_type_2_word_a_version_and_a_spare_are_no_control_word(bit: int) -> None:
    assert decode(0x01000000 | 1 << 31 - bit) is None


@pytest.mark.parametrize(
    "wrong", [{"vcid": 64}, {"report_value": 256}, {"farm_b": 4}, {"status": 8}, {"cop_in_effect": 4}]
)
def test_a_field_out_of_range_is_misuse(wrong: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        encode(Clcw(vcid=0, report_value=0)._replace(**wrong))
