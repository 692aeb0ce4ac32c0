"""Octets of a capture's smallest parts: uvarint, svarint, octets, text, tagged value. Both directions side by side.

uvarint: seven bits an octet, lowest first, bit 7 says that more follow; at most ten octets. svarint: a signed number as
uvarint, 0 -1 1 -2 2 as 0 1 2 3 4. octets: uvarint length, then they. text: octets in UTF-8. value: a tag octet, then
what the tag says (`Tag`). Off nominal: whatever cannot be read, or is longer than its limit, raises `Unreadable`;
only the reader of this room sees it, and turns it into a place where the capture ends.
"""

import struct
from enum import IntEnum, unique
from typing import Final

UVARINT_OCTETS_MAX: Final = 10
OCTETS_MAX: Final = 1 << 20
"""Longest run of octets; the longest answer of a device server is a sixteenth of it."""
ITEMS_MAX: Final = 1024
"""Most items of one tuple."""
DEPTH_MAX: Final = 4
"""Tuples in tuples."""
_DOUBLE: Final = struct.Struct(">d")

Value = None | int | float | str | bytes | tuple["Value", ...]
"""What a tagged value may be; a bool is its whole number."""


@unique
class Tag(IntEnum):
    """First octet of a tagged value."""

    NONE = 0
    INT = 1  # svarint
    FLOAT = 2  # IEEE 754, eight octets, highest first
    TEXT = 3
    OCTETS = 4
    TUPLE = 5  # uvarint count, then so many values
    BIG = 6  # a whole number beyond 63 bits: octets, two's complement, highest first


class Unreadable(Exception):  # noqa: N818 - it is no fault: a capture may end anywhere
    """The octets end, or are none of ours; the text says which."""


def put_uvarint(out: bytearray, number: int) -> None:
    """Append a whole number from 0 on."""
    assert 0 <= number < 1 << 64, "a uvarint has 64 bits"
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def put_svarint(out: bytearray, number: int) -> None:
    """Append a signed number."""
    put_uvarint(out, number << 1 if number >= 0 else (-number << 1) - 1)


def put_octets(out: bytearray, octets: bytes | bytearray) -> None:
    """Append octets with their length."""
    assert len(octets) <= OCTETS_MAX, "a reader takes no more"
    put_uvarint(out, len(octets))
    out += octets


def put_text(out: bytearray, text: str) -> None:
    """Append a text; a lone surrogate, as file names have them, is kept."""
    put_octets(out, text.encode("utf-8", "surrogatepass"))


def put_value(out: bytearray, value: Value) -> None:
    """Append a tagged value."""
    if value is None:
        out.append(Tag.NONE)
    elif isinstance(value, int):
        if value.bit_length() < 64:
            out.append(Tag.INT)
            put_svarint(out, int(value))
        else:
            out.append(Tag.BIG)
            put_octets(out, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
    elif isinstance(value, float):
        out.append(Tag.FLOAT)
        out += _DOUBLE.pack(value)
    elif isinstance(value, str):
        out.append(Tag.TEXT)
        put_text(out, value)
    elif isinstance(value, bytes):
        out.append(Tag.OCTETS)
        put_octets(out, value)
    else:
        assert len(value) <= ITEMS_MAX, "a reader takes no more"
        out.append(Tag.TUPLE)
        put_uvarint(out, len(value))
        for item in value:
            put_value(out, item)


class Cursor:
    """Reads what the functions above have written, from `at` on."""

    __slots__ = ("at", "octets")

    def __init__(self, octets: bytes, at: int = 0) -> None:
        self.octets = octets
        self.at = at

    def __len__(self) -> int:
        """Octets that are left."""
        return len(self.octets) - self.at

    def octet(self) -> int:
        """One octet."""
        if self.at >= len(self.octets):
            raise Unreadable("cut off")
        self.at += 1
        return self.octets[self.at - 1]

    def uvarint(self) -> int:
        """A whole number from 0 on."""
        number = 0
        for place in range(UVARINT_OCTETS_MAX):
            octet = self.octet()
            number |= (octet & 0x7F) << 7 * place
            if octet < 0x80:
                if number >= 1 << 64:
                    break
                return number
        raise Unreadable("a number without an end")

    def svarint(self) -> int:
        """A signed number."""
        number = self.uvarint()
        return -(number + 1 >> 1) if number & 1 else number >> 1

    def take(self, count: int) -> bytes:
        """So many octets."""
        if count > OCTETS_MAX:
            raise Unreadable("a length that no recorder writes")
        if count > len(self):
            raise Unreadable("cut off")
        self.at += count
        return self.octets[self.at - count : self.at]

    def sized(self) -> bytes:
        """Octets with their length before them."""
        return self.take(self.uvarint())

    def text(self) -> str:
        """A text."""
        try:
            return self.sized().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise Unreadable("a text that is none") from None

    def value(self, depth: int = 0) -> Value:
        """A tagged value."""
        match self.octet():
            case Tag.NONE:
                return None
            case Tag.INT:
                return self.svarint()
            case Tag.FLOAT:
                number: float = _DOUBLE.unpack(self.take(_DOUBLE.size))[0]
                return number
            case Tag.TEXT:
                return self.text()
            case Tag.OCTETS:
                return self.sized()
            case Tag.BIG:
                return int.from_bytes(self.sized(), "big", signed=True)
            case Tag.TUPLE if depth < DEPTH_MAX:
                count = self.uvarint()
                if count > ITEMS_MAX:
                    raise Unreadable("a tuple that no recorder writes")
                return tuple(self.value(depth + 1) for _ in range(count))
            case _:
                raise Unreadable("a value of no known kind")
