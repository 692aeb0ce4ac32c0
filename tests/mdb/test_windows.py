"""Windows of time in a body, as ST[11] writes them (tests/vectors/pus_tc.json): by octets written by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.mdb import codec
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.model import array, octets_max, report, u8, window
from fsw.mdb.problems import problem
from fsw.mdb.words import Unreadable, body_from_words
from tests.strategies import bodies

EARLY, LATE = "1e 2a3b5000 0000", "1e 2a3b6000 0001"


@report(200, 8)
class Filter:
    """A window and what stands behind it."""

    window: bytes = window()
    subschedules: tuple[int, ...] = array(u8(), high=3)


@pytest.mark.parametrize("octets", ["00", f"01 {EARLY} {LATE}", f"01 {LATE} {LATE}", f"02 {EARLY}", f"03 {LATE}"])
def test_on_the_wire(octets: str) -> None:
    body = Filter(window=bytes.fromhex(octets), subschedules=(7,))
    assert problem(body) is None
    assert codec.encode(body) == bytes.fromhex(octets + "01 07")
    assert codec.decode(Filter, bytes.fromhex(octets + "01 07")) == body


def test_it_has_room_for_two_times() -> None:
    assert octets_max(Filter) == 15 + 4


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", DecodeReason.LENGTH),
        ("04 00", DecodeReason.RANGE),
        (f"01 {LATE} {EARLY} 00", DecodeReason.RANGE),
        ("02 2e 2a3b5000 0000 00", DecodeReason.RANGE),
        (f"01 {EARLY}", DecodeReason.LENGTH),
        (f"00 {EARLY} 00", DecodeReason.LENGTH),
    ],
)
def test_what_is_no_window(octets: str, reason: DecodeReason) -> None:
    refused = codec.decode(Filter, bytes.fromhex(octets))
    assert isinstance(refused, DecodeError)
    assert refused.reason is reason


def test_a_body_with_a_wrong_one_is_named() -> None:
    assert problem(Filter(window=b"\x02", subschedules=())) == (
        "window must be a window of time, its bounds in order, not b'\\x02'"
    )


@pytest.mark.parametrize(
    ("word", "octets"),
    [
        ("all", "00"),
        ("1e2a3b50000000..1e2a3b60000001", f"01 {EARLY} {LATE}"),
        ("1e2a3b50000000..", f"02 {EARLY}"),
        ("..1e2a3b60000001", f"03 {LATE}"),
        ("021e2a3b50000000", f"02 {EARLY}"),
    ],
)
def test_words_of_an_operator(word: str, octets: str) -> None:
    assert body_from_words(Filter, {"window": word, "subschedules": ""}) == Filter(bytes.fromhex(octets), ())


@pytest.mark.parametrize("word", ["", "..", "noon..", "x"])
def test_words_that_are_no_window(word: str) -> None:
    refused = body_from_words(Filter, {"window": word, "subschedules": ""})
    assert isinstance(refused, Unreadable)
    assert refused.sentence.startswith("window must be a window of time")


@given(bodies(Filter))
def test_decode_undoes_encode(body: object) -> None:
    assert codec.decode(Filter, codec.encode(body)) == body


@given(st.binary(max_size=20))
def test_any_octets_give_a_body_or_a_refusal(octets: bytes) -> None:
    body = codec.decode(Filter, octets)
    assert isinstance(body, DecodeError) or codec.encode(body) == octets
