"""The store's device server: SQLite with a full sync at every commit, behind a bus port (architecture, Durability).

It runs in a child process on a board, inline in simulation. No request makes it raise: octets that are no request, and
a disk that fails, are answered by a status. A damaged file is set aside and a fresh one takes its place.
"""

import os
import sqlite3
from collections.abc import Callable
from typing import Final

from fsw.store.keep import KEY_MAX, ROW_OCTETS_MAX, Change, Kind, Table, decode_changes, encode_page
from fsw.store.protocol import (
    LIST_OCTETS_MAX,
    PARAMETER_OCTETS_MAX,
    LastLife,
    Opcode,
    StoreStatus,
    decode_parameters,
    encode_parameters,
)

BUSY_MS: Final = 2_000
"""How long a predecessor that is still being killed may hold the file."""
SET_ASIDE_MAX: Final = 9
"""Damaged files kept; further ones take the place of the last."""
BOOT_COUNT_MAX: Final = 0xFFFF_FFFF
_SIBLINGS: Final = ("", "-wal", "-shm")

_LOAD_OCTETS: Final = 5
_CHANGE: Final = {
    Kind.PUT: "INSERT OR REPLACE INTO keep VALUES (:table, :key, :octets)",
    Kind.FORGET: "DELETE FROM keep WHERE place = :table AND key = :key",
    Kind.CLEAR: "DELETE FROM keep WHERE place = :table",
}

Connect = Callable[..., sqlite3.Connection]
"""Opens a file, waiting so many seconds for who still holds it."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS life (key INTEGER PRIMARY KEY CHECK (key = 0),
    boot_count INTEGER NOT NULL, ended INTEGER NOT NULL, set_aside INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS parameter (pid INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS keep (place INTEGER, key INTEGER, octets BLOB NOT NULL, PRIMARY KEY (place, key))
    WITHOUT ROWID;
"""


class StoreServer:
    """Serves the store in file `path`, whose folder exists; opened, by `connect`, at the first request."""

    def __init__(self, path: str, connect: Connect = sqlite3.connect) -> None:
        self.path = path
        self._connect = connect
        self._open_connection: sqlite3.Connection | None = None

    def serve(self, request: bytes) -> bytes:
        """The answer to one request: a status octet and, when that is OK, what the request asked for."""
        try:
            answer = self._answer(request)
        except (sqlite3.Error, OSError):
            # Closed here, checked and if need be set aside at the next request.
            self.close()
            return bytes((StoreStatus.DISK,))
        return answer if isinstance(answer, bytes) else bytes((answer,))

    def close(self) -> None:
        """Close the file; the next request opens it again."""
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            connection.close()

    def __del__(self) -> None:
        """A server that is dropped (a power cut of the bench) gives its file back without committing anything."""
        self.close()

    def _answer(self, request: bytes) -> bytes | StoreStatus:
        opcode, body = request[:1], request[1:]
        if opcode == bytes((Opcode.BOOT,)):
            return StoreStatus.MALFORMED if body else self._boot()
        if opcode == bytes((Opcode.MARK,)):
            if len(body) != 1 or body[0] not in tuple(LastLife):
                return StoreStatus.MALFORMED
            return self._mark(body[0])
        if opcode == bytes((Opcode.PARAMETERS_LOAD,)):
            return StoreStatus.MALFORMED if body else self._load()
        if opcode == bytes((Opcode.PARAMETERS_COMMIT,)):
            values = decode_parameters(body)
            return StoreStatus.MALFORMED if values is None else self._commit(values)
        if opcode == bytes((Opcode.KEEP,)):
            changes = decode_changes(body)
            return StoreStatus.MALFORMED if changes is None else self._keep(changes)
        if opcode == bytes((Opcode.KEEP_LOAD,)):
            if len(body) != _LOAD_OCTETS or body[0] not in tuple(Table):
                return StoreStatus.MALFORMED
            return self._rows(body[0], int.from_bytes(body[1:], "big"))
        return StoreStatus.UNKNOWN_OPCODE

    def _boot(self) -> bytes:
        """Count a boot and mark this life as running; a life that nobody marks otherwise was cut."""
        connection = self._connection()
        with connection:
            row = connection.execute("SELECT boot_count, ended, set_aside FROM life").fetchone()
            boots, ended, set_aside = (0, 0, 0) if row is None else row
            boot_count = min(_within(boots, BOOT_COUNT_MAX) + 1, BOOT_COUNT_MAX)
            connection.execute("INSERT OR REPLACE INTO life VALUES (0, ?, ?, 0)", (boot_count, int(LastLife.CUT)))
        return (
            bytes((StoreStatus.OK,))
            + boot_count.to_bytes(4, "big")
            + bytes((_within(ended, max(LastLife)), _within(set_aside, 1)))
        )

    def _mark(self, ended: int) -> StoreStatus:
        connection = self._connection()
        with connection:
            connection.execute("UPDATE life SET ended = ?", (ended,))
        return StoreStatus.OK

    def _load(self) -> bytes:
        rows = self._connection().execute("SELECT pid, octets FROM parameter ORDER BY pid")
        values = {pid: octets for pid, octets in rows if _is_value(octets) and _within(pid, 0xFFFF) == pid}
        return bytes((StoreStatus.OK,)) + encode_parameters(values)

    def _commit(self, values: dict[int, bytes]) -> StoreStatus:
        connection = self._connection()
        with connection:
            connection.executemany("INSERT OR REPLACE INTO parameter VALUES (?, ?)", sorted(values.items()))
            held = connection.execute("SELECT sum(3 + length(octets)) FROM parameter").fetchone()[0]
            if held is not None and held > LIST_OCTETS_MAX:
                connection.rollback()
                return StoreStatus.FULL
        return StoreStatus.OK

    def _keep(self, changes: list[Change]) -> StoreStatus:
        connection = self._connection()
        with connection:
            for table, kind, key, octets in changes:
                connection.execute(_CHANGE[kind], {"table": int(table), "key": key, "octets": octets})
        return StoreStatus.OK

    def _rows(self, table: int, first_key: int) -> bytes:
        rows = self._connection().execute(
            "SELECT key, octets FROM keep WHERE place = ? AND key >= ? ORDER BY key", (table, first_key)
        )
        kept = ((key, octets) for key, octets in rows if _is_row(octets) and _within(key, KEY_MAX) == key)
        return bytes((StoreStatus.OK,)) + encode_page(kept)

    def _connection(self) -> sqlite3.Connection:
        if self._open_connection is None:
            try:
                self._open_connection = self._open()
            except sqlite3.OperationalError:
                # Locked, full, unreachable: the file is not to blame.
                raise
            except sqlite3.DatabaseError:
                self._set_aside()
                self._open_connection = self._open(set_aside=True)
        return self._open_connection

    def _open(self, *, set_aside: bool = False) -> sqlite3.Connection:
        """Open and check the file; `sqlite3.DatabaseError` when it is damaged."""
        connection = self._connect(self.path, timeout=BUSY_MS / 1000)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check failed")
            connection.executescript(_SCHEMA)
            if set_aside:
                with connection:
                    connection.execute("INSERT OR REPLACE INTO life VALUES (0, 0, ?, 1)", (int(LastLife.UNKNOWN),))
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        """Rename the damaged file and its siblings to NAME.damaged-N."""
        numbers = range(1, SET_ASIDE_MAX)
        n = next((n for n in numbers if not os.path.exists(f"{self.path}.damaged-{n}")), SET_ASIDE_MAX)
        for sibling in _SIBLINGS:
            if os.path.exists(self.path + sibling):
                os.replace(self.path + sibling, f"{self.path}.damaged-{n}{sibling}")


def _within(value: object, high: int) -> int:
    """A number from the file as one from 0 to `high`; anything else, which only damage can leave there, as 0."""
    return value if isinstance(value, int) and 0 <= value <= high else 0


def _is_value(octets: object) -> bool:
    return isinstance(octets, bytes) and len(octets) <= PARAMETER_OCTETS_MAX


def _is_row(octets: object) -> bool:
    return isinstance(octets, bytes) and len(octets) <= ROW_OCTETS_MAX
