"""The smallest parts: there and back, by hand, and never further than their octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.capture.encoding import (
    ITEMS_MAX,
    OCTETS_MAX,
    Cursor,
    Unreadable,
    Value,
    put_svarint,
    put_uvarint,
    put_value,
)

PLAIN = st.none() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=5).map(tuple), max_leaves=20)


def octets_of(value: Value) -> bytes:
    out = bytearray()
    put_value(out, value)
    return bytes(out)


def depth(value: Value) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, tuple) else 0


@given(value=VALUES)
def test_a_value_comes_back(value: Value) -> None:
    cursor = Cursor(octets_of(value))
    if depth(value) > 4:
        with pytest.raises(Unreadable):
            cursor.value()
        return
    again = cursor.value()
    assert (again, type(again)) == (value, type(value))
    assert len(cursor) == 0


@given(text=st.text(st.characters(codec=None, categories=("Cs", "L"))))
def test_a_file_name_that_is_no_text_comes_back(text: str) -> None:
    assert Cursor(octets_of(text)).value() == text


@pytest.mark.parametrize(
    ("number", "octets"),
    [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**64 - 1, "ffffffffffffffffff01")],
)
def test_uvarints_are_those_of_leb128(number: int, octets: str) -> None:
    """300 is ac02 in every description of LEB128."""
    out = bytearray()
    put_uvarint(out, number)
    assert out.hex() == octets
    assert Cursor(bytes(out)).uvarint() == number


@pytest.mark.parametrize(
    ("number", "octets"), [(0, "00"), (-1, "01"), (1, "02"), (-2, "03"), (-64, "7f"), (64, "8001")]
)
def test_signed_numbers_are_folded(number: int, octets: str) -> None:
    out = bytearray()
    put_svarint(out, number)
    assert out.hex() == octets
    assert Cursor(bytes(out)).svarint() == number


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "cut off"),
        (b"\x01\x80", "cut off"),
        (b"\x01" + b"\xff" * 10, "a number without an end"),
        (b"\x01" + b"\xff" * 9 + b"\x02", "a number without an end"),
        (b"\x03\x05abc", "cut off"),
        (b"\x03\x01\xff", "a text that is none"),
        (b"\x04\xff\xff\xff\x7f", "a length that no recorder writes"),
        (b"\x05\x81\x08", "a tuple that no recorder writes"),
        (b"\x05\x01" * 5 + b"\0", "a value of no known kind"),
        (b"\x07", "a value of no known kind"),
        (b"\x02\0\0", "cut off"),
    ],
)
def test_what_cannot_be_read_is_said(octets: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        Cursor(octets).value()


@given(octets=st.binary(max_size=200))
def test_any_octets_are_a_value_or_none(octets: bytes) -> None:
    try:
        Cursor(octets).value()
    except Unreadable as error:
        assert str(error)  # noqa: PT017 - either is right


def test_what_a_reader_would_not_take_is_not_written() -> None:
    for value in (bytes(OCTETS_MAX + 1), (None,) * (ITEMS_MAX + 1)):
        with pytest.raises(AssertionError):
            octets_of(value)
    with pytest.raises(AssertionError):
        put_uvarint(bytearray(), -1)
