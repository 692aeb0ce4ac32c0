"""A disk that forgets: an `apsw` VFS that writes down each write and sync, and the files as a cut would leave them.

SQLite works on real files; the log of what it did to them is cut anywhere afterwards. What was synced is there. Of what
was written since, any subset of sectors is. `Line` gives StoreServer the part of `sqlite3.Connection` that it uses.
"""

import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self, cast

import apsw

SECTOR: Final = 512
Value = None | int | float | bytes | str
_CHANGES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class Did(NamedTuple):
    """What was done to a file: written (octets at an offset), cut to a size, synced; or what the server answered."""

    what: str
    name: str
    offset: int = 0
    octets: bytes = b""


class LosingDisk:
    """The VFS `losing`, and its log."""

    def __init__(self) -> None:
        self.log: list[Did] = []
        self._vfs = _Vfs(self.log)

    def connect(self, path: str, timeout: float) -> sqlite3.Connection:
        """As `sqlite3.connect`, as far as StoreServer uses what that gives."""
        return cast(sqlite3.Connection, Line(apsw.Connection(path, vfs="losing"), timeout))

    def close(self) -> None:
        """Take the VFS out."""
        self._vfs.unregister()


class _Vfs(apsw.VFS):
    def __init__(self, log: list[Did]) -> None:
        self._log = log
        super().__init__("losing", "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _File(self._log, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._log.append(Did("delete", Path(filename).name))
        super().xDelete(filename, syncdir)


class _File(apsw.VFSFile):
    def __init__(self, log: list[Did], name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self._log = log
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary").name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self._log.append(Did("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._log.append(Did("cut", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self._log.append(Did("sync", self._name))


class Line:
    """An apsw connection as a `sqlite3.Connection`: it begins a transaction before a change."""

    def __init__(self, connection: apsw.Connection, timeout: float) -> None:
        self._connection = connection
        connection.set_busy_timeout(int(timeout * 1000))

    def execute(self, sql: str, bindings: Sequence[Value] | Mapping[str, Value] = ()) -> "_Cursor":
        if sql.lstrip().upper().startswith(_CHANGES) and not self._connection.in_transaction:
            self._connection.execute("BEGIN")
        return _Cursor(self._connection.execute(sql, bindings))

    def executemany(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        for row in rows:
            self.execute(sql, row)

    def executescript(self, sql: str) -> None:
        self._connection.execute(sql)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK" if kind else "COMMIT")


class _Cursor:
    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> tuple[Value, ...] | None:
        found = self._cursor.fetchone()
        self._cursor.close(True)
        return found

    def fetchall(self) -> list[tuple[Value, ...]]:
        return self._cursor.fetchall()

    def __iter__(self) -> Iterator[tuple[Value, ...]]:
        return iter(self._cursor)


def files_after(log: list[Did], chance: random.Random | None) -> dict[str, bytes]:
    """The files as a cut behind the last entry leaves them: what was synced, and of the rest what chance will have.

    Without chance, all that was written is there.
    """
    last_sync = {did.name: n for n, did in enumerate(log) if did.what == "sync"}
    files: dict[str, bytearray] = {}
    for n, did in enumerate(log):
        if did.what in ("sync", "answer"):
            continue
        file = files.setdefault(did.name, bytearray())
        sure = n < last_sync.get(did.name, -1) or chance is None
        if did.what == "delete":
            del files[did.name]
        elif did.what == "cut" and (sure or (chance is not None and chance.random() < 0.5)):
            del file[did.offset :]
        elif did.what == "write":
            for at in range(0, len(did.octets), SECTOR):
                if sure or (chance is not None and chance.random() < 0.5):
                    place = did.offset + at
                    file.extend(bytes(max(0, place - len(file))))
                    file[place : place + SECTOR] = did.octets[at : at + SECTOR]
    return {name: bytes(file) for name, file in files.items()}


def torn(log: list[Did], files: dict[str, bytes], name: str, chance: random.Random) -> dict[str, bytes]:
    """The same, but of the last sector that was synced in a file only a part was written."""
    synced = next(n for n in range(len(log) - 1, -1, -1) if (log[n].what, log[n].name) == ("sync", name))
    write = next(did for did in reversed(log[:synced]) if (did.what, did.name) == ("write", name))
    end = write.offset + len(write.octets)
    begin = end - (len(write.octets) % SECTOR or SECTOR)
    keeps = begin + chance.randrange(0, end - begin)
    file = files[name]
    return {**files, name: file[:keeps] + bytes(end - keeps) + file[end:]}


def lay(files: dict[str, bytes], folder: Path) -> None:
    """Write the files into an empty folder."""
    folder.mkdir()
    for name, octets in files.items():
        (folder / name).write_bytes(octets)
