"""Durations as people write them: "30 s", "5 min", "1.5 h", "2 d"; whole microseconds inside."""

import re
from difflib import get_close_matches
from typing import Final

UNITS: Final = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
DURATION_US_MAX: Final = 3_650 * UNITS["d"]
"""Ten years: longer than any mission of ours."""
_WORDS: Final = {"second": "s", "seconds": "s", "sec": "s", "minute": "min", "minutes": "min", "m": "min"} | {
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "µs": "us",
    "msec": "ms",
    "millisecond": "ms",
}
_FORM: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,9}))?\s*([^\W\d_]*)")


class DurationError(ValueError):
    """A duration that cannot be used; the text says what is wrong with it, without naming a file."""


def parse_us(text: object) -> int:
    """Microseconds of a duration, 0 to ten years; raises DurationError for what is none."""
    if not isinstance(text, str):
        raise DurationError(f"is {text!r}, must be a duration in quotes with its unit, say '30 s'")
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise DurationError(f"is {text!r}, must be a number and a unit, say '30 s'; units: {', '.join(UNITS)}")
    whole, part, unit = match[1], match[2] or "", match[3]
    if unit not in UNITS:
        near = _WORDS.get(unit) or next(iter(get_close_matches(unit, UNITS, 1, 0.5)), None)
        hint = f"did you mean {near!r}?" if near else f"units: {', '.join(UNITS)}"
        raise DurationError(
            f"is {text!r}: unknown unit {unit!r}; {hint}" if unit else f"is {text!r}, has no unit; {hint}"
        )
    us, rest = divmod(int(whole + part) * UNITS[unit], int("1" + "0" * len(part)))
    if rest:
        raise DurationError(f"is {text!r}, finer than a microsecond")
    if us > DURATION_US_MAX:
        raise DurationError(f"is {text!r}, longer than ten years")
    return us


def text_of(us: int) -> str:
    """The duration in the largest unit of which it is a whole multiple; `parse_us` reads it back."""
    assert 0 <= us <= DURATION_US_MAX, "a duration is not negative and has an end"
    unit = next((unit for unit in reversed(UNITS) if us and us % UNITS[unit] == 0), "s")
    return f"{us // UNITS[unit]} {unit}"
