"""The simulated board's disk when it fails: for real where SQLite offers a way, at the storage port where it does not.

Full: SQLite itself refuses, with its own "database or disk is full": the file may not grow (`max_page_count`), and
every write wants pages that are not there. Read-only: the connection may only be queried. Errors: the port answers
with the disk's status, before or after the disk did what was asked, as a failing card does. Slow is the wire's to be.
"""

import sqlite3
from pathlib import Path
from typing import Final

from fsw.store.protocol import StoreStatus
from fsw.store.server import StoreServer
from hil.seed import E9, Dice

_HALF_E9: Final = E9 // 2
_EATEN: Final = "CREATE TEMP TRIGGER hungry_{n} BEFORE {verb} ON {table} BEGIN INSERT INTO {into}; END"
_HUNGER: Final = (
    ("life", "keep VALUES (-1, -1, zeroblob(1e6))"),
    ("life", "segment VALUES (-1, 0, 0, 0, 0, 0, 0, 0, zeroblob(1e6))"),
    ("parameters_a", "keep VALUES (-1, -1, zeroblob(1e6))"),
    ("keep", "keep VALUES (-1, -1, zeroblob(1e6))"),
    ("head", "segment VALUES (-1, 0, 0, 0, 0, 0, 0, 0, zeroblob(1e6))"),
)
"""While the disk is full every write wants a megabyte besides its own octets; none of it is ever kept."""


class Disk:
    """One board's disk. It may be full, read-only and failing at once; what it may do is asked at every opening."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.full = self.read_only = False
        self.errors: list[tuple[int, Dice]] = []
        """Chance of an error in 1/1000, and the dice that say when, of each fault that makes it fail."""
        self.failed = 0

    def connect(self, path: str, timeout: float) -> sqlite3.Connection:
        """Open the file as the disk now allows; raises as SQLite does."""
        connection = sqlite3.connect(path, timeout=timeout)
        try:
            if self.full:
                _starve(connection)
            if self.read_only:
                connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def flip(self, place_e6: int, bit: int) -> str:
        """Flip one bit of the file, at so many millionths of its length; why it cannot be, or empty."""
        try:
            octets = bytearray(self.path.read_bytes())
        except OSError:
            octets = bytearray()
        if not octets:
            return "the store has no file yet"
        octets[len(octets) * place_e6 // 1_000_000] ^= 1 << bit
        with self.path.open("r+b") as file:
            file.write(octets)
        return ""


class FailingServer:
    """The store's server behind a disk that may answer with errors."""

    def __init__(self, server: StoreServer, disk: Disk) -> None:
        self._server = server
        self._disk = disk

    def serve(self, request: bytes) -> bytes:
        """The server's answer, or the disk's; an error may come although the request was done."""
        for permille, dice in self._disk.errors:
            if dice.chance(permille * (E9 // 1000)):
                self._disk.failed += 1
                if dice.chance(_HALF_E9):
                    self._server.serve(request)
                return bytes((StoreStatus.DISK,))
        return self._server.serve(request)


def _starve(connection: sqlite3.Connection) -> None:
    """Let every write want more pages than the file may have."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {max(pages, 1)}")
    tables = {name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
    for n, (table, into) in enumerate(_HUNGER):
        for verb in ("INSERT", "UPDATE") if {table, into.split()[0]} <= tables else ():
            connection.execute(_EATEN.format(n=f"{n}_{verb}", verb=verb, table=table, into=into))
