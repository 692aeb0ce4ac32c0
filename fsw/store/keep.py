"""What services keep over a reset: rows of octets by table and key, changed in lists, all of a list or nothing.

A list of changes is (table u8, kind u8, key u32, length u16, octets) x n, made in that order; a page of rows is
more u8, then (key u32, length u16, octets) x n in order of key. Both ends of the store use this file.
"""

from collections.abc import Iterable
from enum import IntEnum, unique
from typing import Final, NamedTuple

from fsw.store.protocol import LIST_OCTETS_MAX

ROW_OCTETS_MAX: Final = 1_200
KEY_MAX: Final = 0xFFFF_FFFF
CHANGE_OCTETS: Final = 8
_ROW_OCTETS: Final = 6


@unique
class Table(IntEnum):
    """The tables; numbers are for good, since files outlive software."""

    SCHEDULE = 1
    SUBSCHEDULES = 2
    SEQUENCES = 3
    MONITORS = 4
    EVENT_ACTIONS = 5
    FATES = 6
    FILES = 7
    STRUCTURES = 8
    COUNTERS = 9
    MODES = 10
    LIVES = 11
    FORWARDING = 13
    STORES = 14
    SCRUBBING = 15


@unique
class Kind(IntEnum):
    """What a change does."""

    PUT = 0
    FORGET = 1
    CLEAR = 2  # every row of the table; its key is 0


LOST_KEY: Final = KEY_MAX
"""Row of COUNTERS in a file that took a damaged one's place: a counter without a row was perhaps used before."""


class Change(NamedTuple):
    """One change of one row, or of a whole table."""

    table: Table
    kind: Kind
    key: int = 0
    octets: bytes = b""

    @property
    def size(self) -> int:
        """Octets in a list."""
        return CHANGE_OCTETS + len(self.octets)


def put(table: Table, key: int, octets: bytes) -> Change:
    """Write a row, whether it is there or not."""
    assert 0 <= key <= KEY_MAX, "a key is a u32"
    assert len(octets) <= ROW_OCTETS_MAX, "a row is bounded"
    return Change(table, Kind.PUT, key, octets)


def forget(table: Table, key: int) -> Change:
    """Take a row out, whether it is there or not."""
    return Change(table, Kind.FORGET, key)


def clear(table: Table) -> Change:
    """Take every row out."""
    return Change(table, Kind.CLEAR)


def encode_changes(changes: Iterable[Change]) -> bytes:
    """Changes in their order."""
    parts = []
    for table, kind, key, octets in changes:
        head = bytes((table, kind)) + key.to_bytes(4, "big") + len(octets).to_bytes(2, "big")
        parts.append(head + octets)
    encoded = b"".join(parts)
    assert len(encoded) <= LIST_OCTETS_MAX, "a list of changes fits into one message"
    return encoded


def decode_changes(octets: bytes) -> list[Change] | None:
    """The changes of a list; None when it breaks a rule of its layout."""
    changes = []
    at = 0
    while at < len(octets):
        head = octets[at : at + CHANGE_OCTETS]
        if len(head) < CHANGE_OCTETS or head[0] not in _TABLES or head[1] not in _KINDS:
            return None
        length = int.from_bytes(head[6:], "big")
        row = octets[at + CHANGE_OCTETS : at + CHANGE_OCTETS + length]
        if len(row) != length or length > ROW_OCTETS_MAX or (length and head[1] != Kind.PUT):
            return None
        changes.append(Change(Table(head[0]), Kind(head[1]), int.from_bytes(head[2:6], "big"), row))
        at += CHANGE_OCTETS + length
    return changes


def encode_page(rows: Iterable[tuple[int, bytes]]) -> bytes:
    """As many rows as one message holds; the first octet says whether there are more behind them."""
    parts: list[bytes] = []
    room = LIST_OCTETS_MAX - 1
    for key, octets in rows:
        room -= _ROW_OCTETS + len(octets)
        if room < 0:
            return b"\x01" + b"".join(parts)
        parts.append(key.to_bytes(4, "big") + len(octets).to_bytes(2, "big") + octets)
    return b"\x00" + b"".join(parts)


def decode_page(octets: bytes) -> tuple[dict[int, bytes], bool] | None:
    """The rows of a page and whether more follow; None when it breaks a rule of its layout."""
    if not octets or octets[0] > 1:
        return None
    rows: dict[int, bytes] = {}
    at = 1
    while at < len(octets):
        head = octets[at : at + _ROW_OCTETS]
        length = int.from_bytes(head[4:], "big")
        row = octets[at + _ROW_OCTETS : at + _ROW_OCTETS + length]
        if len(head) < _ROW_OCTETS or len(row) != length:
            return None
        rows[int.from_bytes(head[:4], "big")] = row
        at += _ROW_OCTETS + length
    if octets[0] and not rows:
        return None  # a page that promises more and gives nothing would be asked for for ever
    return rows, octets[0] == 1


_TABLES: Final = frozenset(map(int, Table))
_KINDS: Final = frozenset(map(int, Kind))
