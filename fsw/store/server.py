"""The store's device server: SQLite with a full sync at every commit, behind a bus port (architecture, Durability).

It runs in a child process on a board, inline in simulation. No request makes it raise: octets that are no request, and
a disk that fails, are answered by a status. A damaged file is set aside and a fresh one takes its place. The packets'
file is opened at the first request about packets, so that a boot does not wait for it.
"""

import os
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from fsw.store import packets
from fsw.store.database_file import Connect, DatabaseFile
from fsw.store.files import FileStore
from fsw.store.keep import KEY_MAX, LOST_KEY, ROW_OCTETS_MAX, Kind, Table, decode_changes, encode_page
from fsw.store.key_files import KEYS_NAME, KeyFiles
from fsw.store.packet_file import PacketFile
from fsw.store.packet_search import read, summarise
from fsw.store.parameter_sets import SCHEMA as PARAMETER_SCHEMA
from fsw.store.parameter_sets import ParameterSets
from fsw.store.protocol import LastLife, Opcode, StoreStatus, decode_parameters

SET_ASIDE_MAX: Final = 9
"""Damaged files kept; further ones take the place of the last."""
BOOT_COUNT_MAX: Final = 0xFFFF_FFFF
PACKETS_NAME: Final = "packets.sqlite"
FILES_NAME: Final = "files"
IN_MEMORY: Final = ":memory:"

_OK: Final = bytes((StoreStatus.OK,))
_LOAD_OCTETS: Final = 5
_ABOUT_PACKETS: Final = frozenset(range(Opcode.PACKETS_BEGIN, Opcode.CHECK + 1))
_CHANGE: Final = {
    Kind.PUT: "INSERT OR REPLACE INTO keep VALUES (:table, :key, :octets)",
    Kind.FORGET: "DELETE FROM keep WHERE place = :table AND key = :key",
    Kind.CLEAR: "DELETE FROM keep WHERE place = :table",
}
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS life (key INTEGER PRIMARY KEY CHECK (key = 0),
    boot_count INTEGER NOT NULL, ended INTEGER NOT NULL, set_aside INTEGER NOT NULL);
{PARAMETER_SCHEMA}
CREATE TABLE IF NOT EXISTS keep (place INTEGER, key INTEGER, octets BLOB NOT NULL, PRIMARY KEY (place, key))
    WITHOUT ROWID;
"""
_Said = bytes | StoreStatus


class StoreServer:
    """Serves the store in file `path`, whose folder exists; opened, by `connect`, at the first request.

    The packets' file and the folder of files stand beside it. With `synced` false commits are not waited for: a
    simulated disk's.
    """

    def __init__(self, path: str, connect: Connect = sqlite3.connect, *, synced: bool = True) -> None:
        self.path = path
        self._file = DatabaseFile(
            path, connect, _SCHEMA, kept=SET_ASIDE_MAX, synced=synced, fresh=_begin_file, mirrored=True
        )
        assert self._file.image is not None
        self._image = self._file.image
        self._parameters = ParameterSets(self._file)
        beside = path if path == IN_MEMORY else os.path.join(os.path.dirname(path), PACKETS_NAME)
        self._packets = PacketFile(beside, connect, synced=synced)
        self.files = FileStore(
            None if path == IN_MEMORY else os.path.join(os.path.dirname(path), FILES_NAME), self._file
        )
        self.key_files = KeyFiles(None if path == IN_MEMORY else os.path.join(os.path.dirname(path), KEYS_NAME))
        self._serving: Final[Mapping[int, Callable[[bytes], _Said]]] = {
            Opcode.BOOT: self._boot,
            Opcode.MARK: self._mark,
            Opcode.PARAMETERS_LOAD: self._load,
            Opcode.PARAMETERS_COMMIT: self._commit,
            Opcode.KEEP: self._keep,
            Opcode.KEEP_LOAD: self._rows,
            Opcode.PACKETS_BEGIN: self._begin_packets,
            Opcode.PACKETS_LIMITS: self._limit_packets,
            Opcode.PACKETS_PUT: self._put_packets,
            Opcode.PACKETS_TIME: self._time_packets,
            Opcode.PACKETS_READ: self._read_packets,
            Opcode.PACKETS_DELETE: self._delete_packets,
            Opcode.PACKETS_SUMMARY: self._summarise_packets,
            Opcode.CHECK: self._check,
            Opcode.STATS: self._stats,
            Opcode.FILES: self.files.serve,
            Opcode.KEY_ERASE: self.key_files.erase,
        }

    def serve(self, request: bytes) -> bytes:
        """The answer to one request: a status octet and, when that is OK, what the request asked for."""
        opcode = request[0] if request else 0
        serving = self._serving.get(opcode)
        if serving is None:
            return bytes((StoreStatus.UNKNOWN_OPCODE,))
        try:
            said = serving(request[1:])
        except (sqlite3.Error, OSError) as error:
            # Closed here, checked and if need be set aside at the next request.
            (self._packets if opcode in _ABOUT_PACKETS else self._file).close(error)
            return bytes((StoreStatus.DISK,))
        return _OK + said if isinstance(said, bytes) else bytes((said,))

    def close(self) -> None:
        """Close the files; the next request opens them again."""
        self._file.close()
        self._packets.close()

    def __del__(self) -> None:
        """A server that is dropped (a power cut of the bench) gives its file back without committing anything."""
        self.close()

    # --- lives, parameters, kept rows ------------------------------------------------------------------------------

    def _boot(self, body: bytes) -> _Said:
        """Count a boot and mark this life as running; a life that nobody marks otherwise was cut."""
        if body:
            return StoreStatus.MALFORMED
        with self._file.transaction() as connection:
            row = connection.execute("SELECT boot_count, ended, set_aside FROM life").fetchone()
            boots, ended, set_aside = (0, 0, 0) if row is None else row
            boot_count = min(_within(boots, BOOT_COUNT_MAX) + 1, BOOT_COUNT_MAX)
            connection.execute("INSERT OR REPLACE INTO life VALUES (0, ?, ?, 0)", (boot_count, int(LastLife.CUT)))
        return boot_count.to_bytes(4, "big") + bytes((_within(ended, max(LastLife)), _within(set_aside, 1)))

    def _mark(self, body: bytes) -> _Said:
        if len(body) != 1 or body[0] not in tuple(LastLife):
            return StoreStatus.MALFORMED
        with self._file.transaction() as connection:
            connection.execute("UPDATE life SET ended = ?", (body[0],))
        return b""

    def _load(self, body: bytes) -> _Said:
        return StoreStatus.MALFORMED if body else self._parameters.load()

    def _commit(self, body: bytes) -> _Said:
        values = decode_parameters(body)
        if values is None:
            return StoreStatus.MALFORMED
        return b"" if self._parameters.commit(values) else StoreStatus.FULL

    def _keep(self, body: bytes) -> _Said:
        changes = decode_changes(body)
        if changes is None:
            return StoreStatus.MALFORMED
        with self._file.transaction(len(body)) as connection:
            for table, kind, key, octets in changes:
                connection.execute(_CHANGE[kind], {"table": int(table), "key": key, "octets": octets})
        return b""

    def _rows(self, body: bytes) -> _Said:
        if len(body) != _LOAD_OCTETS or body[0] not in tuple(Table):
            return StoreStatus.MALFORMED
        rows = self._file.connection().execute(
            "SELECT key, octets FROM keep WHERE place = ? AND key >= ? ORDER BY key",
            (body[0], int.from_bytes(body[1:], "big")),
        )
        return encode_page((key, octets) for key, octets in rows if _is_row(octets) and _within(key, KEY_MAX) == key)

    # --- packets ---------------------------------------------------------------------------------------------------

    def _begin_packets(self, body: bytes) -> _Said:
        return StoreStatus.MALFORMED if body else packets.encode_begun(self._packets.begin())

    def _limit_packets(self, body: bytes) -> _Said:
        limits = packets.decode_limits(body)
        if limits is None:
            return StoreStatus.MALFORMED
        self._packets.limit(limits)
        return b""

    def _put_packets(self, body: bytes) -> _Said:
        put = packets.decode_put(body)
        if put is None:
            return StoreStatus.MALFORMED
        done = self._packets.put(put)
        return done if isinstance(done, StoreStatus) else packets.encode_put_done(done)

    def _time_packets(self, body: bytes) -> _Said:
        time = packets.decode_time(body)
        return StoreStatus.MALFORMED if time is None else _counted(self._packets.time(*time))

    def _read_packets(self, body: bytes) -> _Said:
        wanted = packets.decode_read(body)
        if wanted is None:
            return StoreStatus.MALFORMED
        connection = self._packets.connection()
        head = self._packets.heads.get(wanted.store)
        if head is None:
            return StoreStatus.UNKNOWN_STORE
        return packets.encode_page(read(connection, head, wanted))

    def _delete_packets(self, body: bytes) -> _Said:
        wanted = packets.decode_delete(body)
        return StoreStatus.MALFORMED if wanted is None else _counted(self._packets.delete(*wanted))

    def _summarise_packets(self, body: bytes) -> _Said:
        wanted = packets.decode_summary_of(body)
        if wanted is None:
            return StoreStatus.MALFORMED
        connection = self._packets.connection()
        head = self._packets.heads.get(wanted[0])
        if head is None:
            return StoreStatus.UNKNOWN_STORE
        return packets.encode_summary(summarise(connection, head, wanted[1]))

    def _check(self, body: bytes) -> _Said:
        if body:
            return StoreStatus.MALFORMED
        self._image.mend()
        return _counted(self._packets.check())

    def _stats(self, body: bytes) -> _Said:
        if body:
            return StoreStatus.MALFORMED
        files = (self._file, self._packets.file)
        stats = packets.Stats(
            commits=sum(file.commits for file in files),
            octets_written=sum(file.octets_written for file in files),
            packets_stored=sum(head.packets for head in self._packets.heads.values()),
            file_octets=self._packets.file.octets(),
            generation=self._parameters.generation,
            sound_copies=self._parameters.sound,
            set_aside=self._packets.set_aside,
            mended=min(self._image.mended, 0xFFFF_FFFF),
            mended_at=self._image.mended_at,
        )
        return packets.encode_stats(stats)


def _begin_file(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO life VALUES (0, 0, ?, 1)", (int(LastLife.UNKNOWN),))
    connection.execute("INSERT OR REPLACE INTO keep VALUES (?, ?, ?)", (int(Table.COUNTERS), LOST_KEY, b"\x01"))


def _counted(counted: tuple[bool, int] | StoreStatus) -> _Said:
    return counted if isinstance(counted, StoreStatus) else packets.encode_counted(*counted)


def _within(value: object, high: int) -> int:
    """A number from the file as one from 0 to `high`; anything else, which only damage can leave there, as 0."""
    return value if isinstance(value, int) and 0 <= value <= high else 0


def _is_row(octets: object) -> bool:
    return isinstance(octets, bytes) and len(octets) <= ROW_OCTETS_MAX
