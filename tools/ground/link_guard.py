"""The ground's end of a protected link: its keys, and the counters and marks that outlive a session (edge: files only).

Keys lie in `STATE/keys/XXXX.key` as on board. `link.sqlite` holds, by key id, the first counter that may leave or come
next: counters are reserved 2^20 ahead before they are used; marks are written with what came in their frames. It also
holds which key of an association telecommands leave under (without a word of it the lowest at hand), and which keys
are retired: another key that comes under the id of a retired one is a new key.

Off nominal: no key means a clear link. A file that others may read, or that is no key, is a `GuardError`, and so is a
`link.sqlite` that cannot be read. One that is gone costs nothing: counters begin no lower than the wall clock in
microseconds, which no session has reached before.
"""

import os
import sqlite3
from collections.abc import Callable, Container, Iterable, Set
from contextlib import suppress
from pathlib import Path
from typing import Final

from fsw.ccsds.key_proof import check_value
from fsw.ccsds.sdls import IV_END, Protection, Receiver, Sender
from fsw.kernel.key import NO_KEYS, Keys, by_table, spi_of
from tools.ground.key_folder import KeyFolderError, erase, read_keys
from tools.ground.keyring import Keyring

FILE: Final = "link.sqlite"
RESERVED: Final = 1 << 20
RENEWED_AT: Final = RESERVED // 2
_NUMBER_OCTETS: Final = 13
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS counter (spi INTEGER PRIMARY KEY, number BLOB NOT NULL)",  # `spi` is a key id
    "CREATE TABLE IF NOT EXISTS slot (spi INTEGER PRIMARY KEY, key INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS retired (key INTEGER PRIMARY KEY, check_value BLOB NOT NULL)",
)
_PUT: Final = "INSERT INTO counter VALUES (?, ?) ON CONFLICT (spi) DO UPDATE SET number = excluded.number"
_USE: Final = "INSERT INTO slot VALUES (?, ?) ON CONFLICT (spi) DO UPDATE SET key = excluded.key"
_RETIRE: Final = "INSERT OR REPLACE INTO retired VALUES (?, ?)"
_CLEAR: Final = "the link is clear: its keys belong into the state directory before the session begins"


class GuardError(Exception):
    """Keys or counters that cannot be used; the text is one sentence, and no key is part of it."""


class LinkGuard:
    """Keys at work and their counters; `protection` is None on a clear link. Its owner holds the state's lock.

    It is a `keyring.KeyHands`.
    """

    def __init__(
        self, folder: Path, utc_us: Callable[[], int], *, clear: bool = False, signing: Container[int] = frozenset()
    ) -> None:
        self._folder = folder
        self._utc_us = utc_us
        self._signing = signing
        keys = NO_KEYS if clear else self._read()
        self._ring: Keyring | None = None
        self.protection: Protection | None = None
        self._written: dict[int, int] = {}
        self._db: sqlite3.Connection | None = None
        if not keys:
            return
        try:
            self._db = _opened(folder / FILE)
            self._written = {
                key: int.from_bytes(number, "big")
                for key, number in self._db.execute("SELECT spi, number FROM counter").fetchall()
            }
            self._ring = Keyring(keys)
            self.protection = self._ring.protection
            self._take_up(self._db, self._ring)
        except (sqlite3.Error, TypeError) as error:
            raise GuardError(f"{folder / FILE}: the link's counters cannot be read ({error})") from error

    def _read(self) -> Keys:
        try:
            return by_table(read_keys(self._folder), self._signing)
        except KeyFolderError as error:
            raise GuardError(str(error)) from None

    def _take_up(self, db: sqlite3.Connection, ring: Keyring) -> None:
        """What the sessions before have left."""
        self._begin(ring.protection.sending.values(), ring.protection.taking.values())
        in_use = dict(db.execute("SELECT spi, key FROM slot").fetchall())
        for spi, key in in_use.items():
            if spi_of(key) == spi and key in ring.keys:
                ring.use(key)
        self._drop_retired(db, ring)

    def _drop_retired(self, db: sqlite3.Connection, ring: Keyring) -> None:
        retired = dict(db.execute("SELECT key, check_value FROM retired").fetchall())
        for key in [key for key, one in ring.keys.items() if retired.get(key) == check_value(one)]:
            ring.protection.drop(key)

    def _begin(self, senders: Iterable[Sender], receivers: Iterable[Receiver]) -> None:
        for receiver in receivers:
            receiver.mark = self._written.get(receiver.key, 0) - 1
        for sender in senders:
            following = min(max(self._written.get(sender.key, 0), self._utc_us()), IV_END)
            sender.begin(following, following)
        assert self.protection is not None
        self._renew(self.protection)

    # --- a rotation's hands -----------------------------------------------------------------------------------------

    @property
    def keys(self) -> Keys:
        """All that are at hand, retired ones too."""
        return NO_KEYS if self._ring is None else self._ring.keys

    @property
    def retired(self) -> Set[int]:
        """Those of them under which nothing leaves and nothing is taken."""
        return frozenset() if self._ring is None else self._ring.retired

    def in_use(self, spi: int) -> int | None:
        """The key id under which telecommands of this association leave; None where it has none."""
        return None if self._ring is None else self._ring.in_use(spi)

    def mark(self, key: int) -> int:
        """The highest counter of telemetry taken under this key; -1 for none."""
        return -1 if self._ring is None else self._ring.mark(key)

    def refresh(self) -> str:
        """Take up keys that were brought into the folder; why not, or empty."""
        if self._ring is None or self._db is None:
            return _CLEAR
        try:
            fresh = {key: one for key, one in self._read().items() if key not in self._ring.keys}
            if fresh:
                before = set(self._ring.protection.taking)
                self._ring.bring(fresh)
                sending, taking = self._ring.protection.sending, self._ring.protection.taking
                self._begin(
                    [sending[key] for key in fresh if key in sending],
                    [taking[key] for key in fresh if key in taking and key not in before],
                )
                self._drop_retired(self._db, self._ring)
        except GuardError as error:
            return str(error)
        except sqlite3.Error as error:
            return f"the link's counters cannot be written: {error}"
        return ""

    def use(self, key: int) -> str:
        """Telecommands of its association leave under this key from now on; why not, or empty."""
        if self._ring is None or self._db is None:
            return _CLEAR
        if key not in self._ring.protection.sending:
            return f"key {key:04x} is not at hand"
        return self._kept(_USE, (spi_of(key), key)) or self._ring.use(key)

    def retire(self, key: int) -> str:
        """Nothing leaves under this key and nothing is taken under it any more; why not, or empty."""
        if self._ring is None:
            return _CLEAR
        if key not in self._ring.keys:
            return ""
        if self._ring.in_use(spi_of(key)) == key:
            return self._ring.retire(key)
        return self._kept(_RETIRE, (key, check_value(self._ring.keys[key]))) or self._ring.retire(key)

    def erase(self, key: int) -> str:
        """Destroy a retired key's file; why not, or empty."""
        if self._ring is None:
            return _CLEAR
        said = self._ring.erase(key)
        if said:
            return said
        try:
            erase(self._folder, key)
        except KeyFolderError as error:
            return str(error)
        return ""

    def _kept(self, statement: str, row: tuple[object, ...]) -> str:
        assert self._db is not None
        try:
            with self._db:
                self._db.execute(statement, row)
        except sqlite3.Error as error:
            return f"the link's keys cannot be noted: {error}"
        return ""

    # --- counters ---------------------------------------------------------------------------------------------------

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
    for table in _TABLES:
        found.execute(table)
    return found
