"""Time scales as an operator reads them: UTC, ISO 8601 with `Z`, from TAI on board and from the ground's own clock.

Two integer scales: `tai_us`, microseconds since 1958-01-01 TAI (301.0-B, CUC level 1), and `utc_us`, microseconds
since 1970-01-01 UTC without leap seconds (Unix time). No float carries a time.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

US: Final = 1_000_000
TAI_EPOCH_S: Final = 4383 * 86_400
"""Seconds of calendar from 1958-01-01 to 1970-01-01."""

# TAI minus UTC, in seconds, from each UTC date on (IERS Bulletin C; none has been announced since the last row).
_STEPS: Final = (
    ("1972-01-01", 10),
    ("1972-07-01", 11),
    ("1973-01-01", 12),
    ("1974-01-01", 13),
    ("1975-01-01", 14),
    ("1976-01-01", 15),
    ("1977-01-01", 16),
    ("1978-01-01", 17),
    ("1979-01-01", 18),
    ("1980-01-01", 19),
    ("1981-07-01", 20),
    ("1982-07-01", 21),
    ("1983-07-01", 22),
    ("1985-07-01", 23),
    ("1988-01-01", 24),
    ("1990-01-01", 25),
    ("1991-01-01", 26),
    ("1992-07-01", 27),
    ("1993-07-01", 28),
    ("1994-07-01", 29),
    ("1996-01-01", 30),
    ("1997-07-01", 31),
    ("1999-01-01", 32),
    ("2006-01-01", 33),
    ("2009-01-01", 34),
    ("2012-07-01", 35),
    ("2015-07-01", 36),
    ("2017-01-01", 37),
)
_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STARTS: Final = tuple(
    (int((datetime.fromisoformat(date).replace(tzinfo=UTC) - _UNIX).total_seconds()), offset) for date, offset in _STEPS
)
_TEXT_MAX_US: Final = int((datetime(9999, 1, 1, tzinfo=UTC) - _UNIX).total_seconds()) * US


def tai_minus_utc_s(utc_s: int) -> int:
    """Leap seconds at a Unix second; before 1972, when UTC had no whole offset, 10."""
    offset = 10
    for start, value in _STARTS:
        if utc_s >= start:
            offset = value
    return offset


def utc_to_tai_us(utc_us: int) -> int:
    """TAI microseconds since 1958 of a Unix microsecond."""
    return utc_us + (TAI_EPOCH_S + tai_minus_utc_s(utc_us // US)) * US


def tai_to_utc_us(tai_us: int) -> int:
    """Unix microsecond of a TAI microsecond; a leap second reads as the second that follows it."""
    offset = 10
    for start, value in _STARTS:
        if tai_us >= (start + value + TAI_EPOCH_S) * US:
            offset = value
    return tai_us - (TAI_EPOCH_S + offset) * US


def utc_text(utc_us: int) -> str:
    """`2026-11-23T10:15:42.123456Z`; what no calendar holds is shown as bare seconds."""
    if not -62_000_000_000 * US < utc_us < _TEXT_MAX_US:
        return f"{utc_us // US}s-since-1970"
    moment = _UNIX + timedelta(microseconds=utc_us)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc_us % US:06d}Z"


def tai_to_utc_text(tai_us: int) -> str:
    """UTC text of a TAI time; the leap second itself is `23:59:60`."""
    for start, value in _STARTS[1:]:
        behind = tai_us - (start + value - 1 + TAI_EPOCH_S) * US
        if 0 <= behind < US:
            return utc_text((start - 1) * US)[:17] + f"60.{behind:06d}Z"
    return utc_text(tai_to_utc_us(tai_us))


def utc_from_text(text: str) -> int:
    """Unix microseconds of an ISO 8601 UTC text (`…Z`, or no zone at all); ValueError with a sentence for any other."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"'{text}' is no ISO 8601 time such as 2026-11-23T10:15:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _UNIX) // timedelta(microseconds=1)


def since_boot_text(us: int) -> str:
    """How an unset clock is shown: time since boot, never dressed up as a date."""
    return f"unset (boot + {us // US}.{us % US // 1000:03d} s)"
