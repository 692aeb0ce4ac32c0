"""Committed parameters as whole sets, each in two checked rows on different pages: (generation, CRC-32, list).

Both rows are written in one transaction. The newest row whose CRC holds is the set; one that does not hold is written
anew from the other, and `sound` says how many held when they were last read.
"""

import sqlite3
import zlib
from typing import Final, NamedTuple

from fsw.store.database_file import DatabaseFile
from fsw.store.protocol import LIST_OCTETS_MAX, decode_parameters, encode_parameters

COPIES: Final = 2
_GENERATION_MAX: Final = 0xFFFF_FFFF
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS parameters_a (key INTEGER PRIMARY KEY CHECK (key = 0),
    generation INTEGER NOT NULL, crc INTEGER NOT NULL, octets BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS parameters_b (key INTEGER PRIMARY KEY CHECK (key = 0),
    generation INTEGER NOT NULL, crc INTEGER NOT NULL, octets BLOB NOT NULL);
"""
_READ: Final = (
    "SELECT generation, crc, octets FROM parameters_a",
    "SELECT generation, crc, octets FROM parameters_b",
)
_WRITE: Final = (
    "INSERT OR REPLACE INTO parameters_a VALUES (0, ?, ?, ?)",
    "INSERT OR REPLACE INTO parameters_b VALUES (0, ?, ?, ?)",
)
_FORMER: Final = "SELECT 1 FROM sqlite_master WHERE name = 'parameter'"


class _Set(NamedTuple):
    generation: int
    octets: bytes


class ParameterSets:
    """The parameters of the store's file."""

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self.generation = 0
        self.sound = COPIES

    def load(self) -> bytes:
        """The list of the newest set that holds; empty when there is none. Mends the other copy."""
        newest, sound = self._newest(self._file.connection())
        self.generation, self.sound = newest.generation, sound
        if sound < COPIES and newest.generation:
            with self._file.transaction() as connection:
                _write(connection, newest)
        return newest.octets

    def commit(self, values: dict[int, bytes]) -> bool:
        """Put `values` over the newest set; False, and nothing has changed, when no answer could hold all."""
        with self._file.transaction() as connection:
            # A transaction begins with its first write, and what is read before is what this process wrote.
            newest, sound = self._newest(connection)
            self.sound = min(self.sound, sound)
            merged = {**(decode_parameters(newest.octets) or {}), **values}
            if sum(3 + len(value) for value in merged.values()) > LIST_OCTETS_MAX:
                return False
            following = _Set(min(newest.generation + 1, _GENERATION_MAX), encode_parameters(merged))
            _write(connection, following)
        self.generation = following.generation
        return True

    def _newest(self, connection: sqlite3.Connection) -> tuple[_Set, int]:
        """The newest set, and how many copies hold."""
        rows = [connection.execute(query).fetchone() for query in _READ]
        if rows == [None, None]:
            return _Set(0, _former(connection)), COPIES
        held = [found for found in (_held(row) for row in rows) if found is not None]
        newest = max(held, default=_Set(0, b""))
        return newest, held.count(newest)


def _crc(generation: int, octets: bytes) -> int:
    return zlib.crc32(generation.to_bytes(4, "big") + octets)


def _held(row: tuple[object, ...] | None) -> _Set | None:
    """The set in a row; None when its CRC does not hold."""
    if row is None:
        return None
    generation, crc, octets = row
    if not isinstance(generation, int) or not 0 < generation <= _GENERATION_MAX or not isinstance(octets, bytes):
        return None
    sound = crc == _crc(generation, octets) and decode_parameters(octets) is not None
    return _Set(generation, octets) if sound else None


def _write(connection: sqlite3.Connection, newest: _Set) -> None:
    for query in _WRITE:
        connection.execute(query, (newest.generation, _crc(*newest), newest.octets))


def _former(connection: sqlite3.Connection) -> bytes:
    """What a file of the first software holds: a row a parameter, without a check."""
    if connection.execute(_FORMER).fetchone() is None:
        return b""
    rows = connection.execute("SELECT pid, octets FROM parameter WHERE typeof(octets) = 'blob' ORDER BY pid")
    return encode_parameters({pid: octets for pid, octets in rows if 0 <= pid <= 0xFFFF and len(octets) <= 0xFF})
