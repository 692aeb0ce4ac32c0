"""Who flies in a recorded life: what a replay must be composed of, and by what its result may differ.

Secrets have no field here, and none may get one; keys of the link do not come through a recorded device server
(README). Which keys there were is told: a replay needs them.
"""

from typing import Final, NamedTuple

from fsw.capture.encoding import Value
from fsw.config import BAUD_MAX, BAUD_MIN, LineProfile

_POSITIVE: Final = ("tm_frame_octets", "release_us", "idle_us", "heartbeat_us")


class Header(NamedTuple):
    """The first record of a life. `wires` by the number of their channels; `began_us` on the bench's clock, if any."""

    mission: str
    line: LineProfile
    carrier: str
    database: bytes
    version: str
    python: str
    crc_backend: str
    wires: tuple[str, ...] = ()
    rung: str = ""
    life: int = 0
    began_us: int = 0
    protected: int = 0
    """1 where the link had keys."""
    keys: int = 0
    """Which keys were on board, which of them may have flown before, which files were no keys: a bit a key id."""
    used: int = 0
    unusable: int = 0


def encode(header: Header) -> Value:
    """The header as pairs of name and value, so that a later format may have more of them."""
    return tuple(
        (name, tuple(value) if isinstance(value, tuple) else value)
        for name, value in zip(header._fields, header, strict=True)
    )


def decode(value: Value) -> Header | None:
    """The header in `value`; None when it is none. Names that are not known are passed over."""
    if not isinstance(value, tuple):
        return None
    found: dict[str, Value] = {}
    for pair in value:
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            return None
        found[pair[0]] = pair[1]
    line, wires = _line(found.get("line")), found.get("wires")
    database = found.get("database")
    texts = [found.get(name) for name in ("mission", "carrier", "version", "python", "crc_backend", "rung")]
    numbers = [found.get("life"), found.get("began_us")]
    numbers += [found.get(name, 0) for name in ("protected", "keys", "used", "unusable")]
    if line is None or not isinstance(database, bytes) or not isinstance(wires, tuple):
        return None
    words = [text for text in (*texts, *wires) if isinstance(text, str)]
    counted = [number for number in numbers if isinstance(number, int)]
    if len(words) != len(texts) + len(wires) or len(counted) != len(numbers):
        return None
    mission, carrier, version, python, crc_backend, rung = words[: len(texts)]
    return Header(
        mission, line, carrier, database, version, python, crc_backend, tuple(words[len(texts) :]), rung, *counted
    )


def _line(value: Value | None) -> LineProfile | None:
    """A line profile that flight can be composed of."""
    if not isinstance(value, tuple) or len(value) != len(LineProfile._fields):
        return None
    name, *numbers = value
    whole = [number for number in numbers if type(number) is int]
    if not isinstance(name, str) or len(whole) != len(numbers):
        return None
    profile = LineProfile(name, *whole)
    usable = BAUD_MIN <= profile.baud <= BAUD_MAX and all(0 < getattr(profile, key) < 1 << 32 for key in _POSITIVE)
    return profile if usable else None
