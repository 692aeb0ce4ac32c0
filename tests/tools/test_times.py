"""TAI and UTC against other people's time codes (tests/vectors/timecodes.json) and IERS dates typed by hand."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.ground.times import (
    since_boot_text,
    tai_to_utc_text,
    tai_to_utc_us,
    utc_from_text,
    utc_text,
    utc_to_tai_us,
)

US = 1_000_000
VECTORS = Path(__file__).resolve().parents[1] / "vectors"


def tai_us(utc: str, offset_s: int) -> int:
    """Microseconds since 1958 TAI, by the definition: calendar seconds since 1958 plus TAI minus UTC."""
    elapsed = datetime.fromisoformat(utc).replace(tzinfo=UTC) - datetime(1958, 1, 1, tzinfo=UTC)
    return (int(elapsed.total_seconds()) + offset_s) * US


@pytest.mark.parametrize(
    ("utc", "offset_s"),
    [
        ("1972-01-01T00:00:00", 10),
        ("1980-01-06T00:00:00", 19),
        ("1998-12-31T23:59:59", 31),
        ("1999-01-01T00:00:00", 32),
        ("2016-12-31T23:59:59", 36),
        ("2017-01-01T00:00:00", 37),
        ("2026-11-23T10:00:00", 37),
    ],
)
def test_known_offsets(utc: str, offset_s: int) -> None:
    assert tai_to_utc_text(tai_us(utc, offset_s)) == utc + ".000000Z"
    assert utc_to_tai_us(utc_from_text(utc + "Z")) == tai_us(utc, offset_s)


def test_agrees_with_the_time_codes_of_others() -> None:
    vectors = json.loads((VECTORS / "timecodes.json").read_text())["vectors"]
    known = [vector["input"] for vector in vectors if vector["name"].startswith("cuc_l1")]
    assert known
    for said in known:
        utc_us = utc_from_text(said["utc"])
        assert utc_to_tai_us(utc_us) // US == said["seconds_since_1958_tai"]


def test_a_leap_second_is_shown_as_sixty() -> None:
    assert tai_to_utc_text(tai_us("2016-12-31T23:59:59", 37)) == "2016-12-31T23:59:60.000000Z"


@given(st.datetimes(datetime(1972, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_there_and_back(moment: datetime) -> None:
    utc_us = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert tai_to_utc_us(utc_to_tai_us(utc_us)) == utc_us
    assert utc_text(utc_us) == moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_an_unset_clock_is_shown_as_unset() -> None:
    assert since_boot_text(12_345_678) == "unset (boot + 12.345 s)"


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01T00:00:00Z"])
def test_a_wrong_time_is_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        utc_from_text(text)


def test_zones_are_honoured() -> None:
    assert utc_from_text("2026-11-23T12:00:00+02:00") == utc_from_text("2026-11-23T10:00:00Z")


@given(st.integers(-(2**70), 2**70))
def test_no_time_raises(us: int) -> None:
    assert utc_text(us)
