"""Durations: what people write, exactly, and what is refused with a hint."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.written.durations import DURATION_US_MAX, DurationError, parse_us, text_of

SECONDS = {
    unit: Fraction(s) for unit, s in (("us", "1e-6"), ("ms", "1e-3"), ("s", 1), ("min", 60), ("h", 3600), ("d", 86_400))
}


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("30 s", 30_000_000),
        ("5 min", 300_000_000),
        ("1.5 h", 5_400_000_000),
        ("2 d", 172_800_000_000),
        ("0 s", 0),
        ("250ms", 250_000),
        (" 46.5 min ", 2_790_000_000),
        ("0.000001 s", 1),
        ("7 us", 7),
    ],
)
def test_durations_are_read(text: str, us: int) -> None:
    assert parse_us(text) == us


@given(st.integers(0, 10**6), st.integers(0, 999), st.sampled_from(sorted(SECONDS)))
def test_reading_is_exact(whole: int, part: int, unit: str) -> None:
    exact = (whole + Fraction(part, 1000)) * SECONDS[unit] * 10**6
    text = f"{whole}.{part:03} {unit}"
    if exact.denominator != 1:
        with pytest.raises(DurationError, match="finer than a microsecond"):
            parse_us(text)
    elif exact > DURATION_US_MAX:
        with pytest.raises(DurationError, match="ten years"):
            parse_us(text)
    else:
        assert parse_us(text) == exact


@given(st.integers(0, DURATION_US_MAX))
def test_writing_is_read_back(us: int) -> None:
    assert parse_us(text_of(us)) == us


@pytest.mark.parametrize(("us", "text"), [(0, "0 s"), (90_000_000, "90 s"), (3_600_000_000, "1 h"), (1_500, "1500 us")])
def test_writing_takes_the_largest_whole_unit(us: int, text: str) -> None:
    assert text_of(us) == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (30, "in quotes with its unit"),
        ("30", "has no unit; units: us, ms, s, min, h, d"),
        ("30 seconds", "unknown unit 'seconds'; did you mean 's'?"),
        ("3 mins", "did you mean 'min'?"),
        ("3 weeks", "unknown unit 'weeks'; units"),
        ("-3 s", "must be a number and a unit"),
        ("", "must be a number and a unit"),
        ("1e3 s", "must be a number and a unit"),
        ("0.5 us", "finer than a microsecond"),
        ("4000 d", "longer than ten years"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_hint(value: object, said: str) -> None:
    with pytest.raises(DurationError, match=said.replace("?", r"\?")):
        parse_us(value)
