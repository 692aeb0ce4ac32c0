"""The ground's end of a protected link: its keys, and the counters and marks that outlive a session (edge: files only).

Keys lie in `STATE/keys/XXXX.key` as on board. `link.sqlite` holds, by SPI, the first counter that may leave or come
next: counters are reserved 2^20 ahead before they are used; marks are written with what came in their frames.

Off nominal: no key means a clear link. A file that others may read, or that is no key, is a `GuardError`, and so is a
`link.sqlite` that cannot be read. One that is gone costs nothing: counters begin no lower than the wall clock in
microseconds, which no session has reached before.
"""

import os
import sqlite3
import stat
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from typing import Final

from fsw.ccsds.sdls import IV_END, SPIS, Protection, on_ground
from fsw.kernel.key import KEY_OCTETS, Key, by_table

FOLDER: Final = "keys"
FILE: Final = "link.sqlite"
RESERVED: Final = 1 << 20
RENEWED_AT: Final = RESERVED // 2
_NUMBER_OCTETS: Final = 13
_TABLE: Final = "CREATE TABLE IF NOT EXISTS counter (spi INTEGER PRIMARY KEY, number BLOB NOT NULL)"
_PUT: Final = "INSERT INTO counter VALUES (?, ?) ON CONFLICT (spi) DO UPDATE SET number = excluded.number"


class GuardError(Exception):
    """Keys or counters that cannot be used; the text is one sentence, and no key is part of it."""


def read_keys(folder: Path) -> dict[int, Key]:
    """The keys in a state folder by SPI; empty where there are none."""
    found: dict[int, Key] = {}
    for spi in SPIS:
        path = folder / FOLDER / f"{spi:04X}.key"
        try:
            status, octets = path.stat(), path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise GuardError(f"{path} cannot be read: {error.strerror}") from error
        if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
            raise GuardError(f"{path} may be read by others than its owner; chmod 600 it")
        if len(octets) != KEY_OCTETS:
            raise GuardError(f"{path} is no key: a key has {KEY_OCTETS} octets")
        if octets in (key.octets for key in found.values()):
            raise GuardError(f"{path} holds the key of another SPI: each has one of its own")
        found[spi] = Key(octets)
    return found


class LinkGuard:
    """Keys at work and their counters; `protection` is None on a clear link. Its owner holds the state's lock."""

    def __init__(
        self, folder: Path, utc_us: int, *, clear: bool = False, signing: Container[int] = frozenset()
    ) -> None:
        keys = {} if clear else by_table(read_keys(folder), signing)
        self.protection: Protection | None = on_ground(keys) if keys else None
        self._written: dict[int, int] = {}
        self._db: sqlite3.Connection | None = None
        if self.protection is None:
            return
        try:
            self._db = _opened(folder / FILE)
            rows = self._db.execute("SELECT spi, number FROM counter").fetchall()
            self._written = {spi: int.from_bytes(number, "big") for spi, number in rows}
            self._begin(self.protection, utc_us)
        except (sqlite3.Error, TypeError) as error:
            raise GuardError(f"{folder / FILE}: the link's counters cannot be read ({error})") from error

    def _begin(self, protection: Protection, utc_us: int) -> None:
        for receiver in protection.taking.values():
            receiver.mark = self._written.get(receiver.key, 0) - 1
        for sender in protection.sending.values():
            following = min(max(self._written.get(sender.key, 0), utc_us), IV_END)
            sender.begin(following, following)
        self._renew(protection)

    def keep(self) -> str:
        """Write how far the marks have come, and reserve more counters where they run low; what failed, or empty."""
        if self.protection is None:
            return ""
        try:
            self._write(self._marks(self.protection))
            self._renew(self.protection)
        except sqlite3.Error as error:
            return f"the link's counters cannot be written: {error}"
        return ""

    def close(self) -> None:
        """The session ends."""
        if self._db is not None:
            self.keep()
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _renew(self, protection: Protection) -> None:
        low = [sender for sender in protection.sending.values() if sender.left < RENEWED_AT]
        wanted = {sender.key: min(sender.following + RESERVED, IV_END) for sender in low}
        self._write(wanted)
        for sender in low:
            sender.extend(wanted[sender.key])

    def _marks(self, protection: Protection) -> dict[int, int]:
        return {receiver.key: receiver.mark + 1 for receiver in protection.taking.values()}

    def _write(self, numbers: dict[int, int]) -> None:
        """Put what has changed on the disk before this returns."""
        changed = {spi: number for spi, number in numbers.items() if self._written.get(spi, 0) != number}
        if not changed or self._db is None:
            return
        rows = [(spi, number.to_bytes(_NUMBER_OCTETS, "big")) for spi, number in changed.items()]
        with self._db:
            self._db.executemany(_PUT, rows)
        self._written |= changed


def _opened(path: Path) -> sqlite3.Connection:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    found = sqlite3.connect(path)
    found.execute("PRAGMA synchronous = FULL")
    found.execute(_TABLE)
    return found
