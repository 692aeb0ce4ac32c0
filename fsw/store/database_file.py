"""One SQLite file of the store: opened at first use, written ahead and fully synced, set aside when it is damaged.

A file is looked through when it is opened if it is small; a large one is not, so that opening takes milliseconds. Every
commit is counted, and what SQLite writes for it: the log is copied back by us (`wal_checkpoint`), which tells how long
it was. What is counted is the most that can have been written: the log's frames, and each page of them copied back.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fsw.store.file_image import Image

BUSY_MS: Final = 2_000
"""How long a predecessor that is still being killed may hold the file."""
CHECKED_OCTETS_MAX: Final = 4 * 1024 * 1024
"""A larger file is not looked through when it is opened, but at idle, in slices."""
LOG_FRAMES_MAX: Final = 1_000
"""About so many pages of log are copied back at a time."""
_PAGE_OCTETS: Final = 4_096
_FRAME_OCTETS: Final = _PAGE_OCTETS + 24
_FRAMES_A_COMMIT: Final = 4
_SIBLINGS: Final = ("", "-wal", "-shm")

Connect = Callable[..., sqlite3.Connection]
"""Opens a file, waiting so many seconds for who still holds it."""


class UnsoundError(sqlite3.DatabaseError):
    """What a file holds contradicts itself, although SQLite can read it."""


class DatabaseFile:
    """The file `path` with the tables of `schema`; at most `kept` damaged ones stay beside it.

    `fresh` is called within the first transaction of a file that takes a damaged one's place, `opened` with every
    connection. One that is `mirrored` has an image in memory, by which it is mended. With `synced` false a commit is
    not waited for, as suits a disk that is simulated.
    """

    def __init__(
        self,
        path: str,
        connect: Connect,
        schema: str,
        *,
        kept: int,
        synced: bool,
        fresh: Callable[[sqlite3.Connection], None],
        mirrored: bool = False,
        opened: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        self.path = path
        self.commits = 0
        self._connect = connect
        self._schema = schema
        self._kept = kept
        self._synchronous = "FULL" if synced else "OFF"
        self._fresh = fresh
        self._opened = opened
        self.image = Image(path) if mirrored else None
        self._connection: sqlite3.Connection | None = None
        self._condemned = False
        self._frames = 0
        """Estimate of the log's length since it was last copied back."""
        self._octets_written = 0

    def connection(self) -> sqlite3.Connection:
        """The open file; raises as SQLite does when it cannot be opened."""
        if self._connection is None:
            try:
                self._connection = self._open(set_aside=self._condemned)
            except sqlite3.OperationalError:
                # Locked, full, unreachable: the file is not to blame.
                raise
            except sqlite3.DatabaseError:
                self._connection = self._open(set_aside=True)
            self._condemned = False
        return self._connection

    @contextmanager
    def transaction(self, octets: int = 0) -> Iterator[sqlite3.Connection]:
        """Changes that are made and synced together, or not at all; about so many octets of them."""
        connection = self.connection()
        with connection:
            yield connection
        self.commits += 1
        self._frames += _FRAMES_A_COMMIT + octets // _PAGE_OCTETS * 2
        if self._frames >= LOG_FRAMES_MAX:
            self.copy_back()

    def copy_back(self) -> None:
        """Copy the log into the file. What has been committed is safe in the log: a failure here is no one's loss."""
        if self._connection is None or not self._frames:
            return
        if self.image is not None:
            self.image.mend()
        try:
            _, logged, copied = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError:
            return
        finally:
            if self.image is not None:
                self.image.take()
        self._frames = 0
        pages: int = self._connection.execute("PRAGMA page_count").fetchone()[0]
        self._octets_written += max(0, logged) * _FRAME_OCTETS + min(max(0, copied), pages) * _PAGE_OCTETS

    @property
    def octets_written(self) -> int:
        """At most so many octets have been written, by this process."""
        self.copy_back()
        return self._octets_written + self._frames * _FRAME_OCTETS

    def octets(self) -> int:
        """Octets of the file."""
        connection = self.connection()
        pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
        size: int = connection.execute("PRAGMA page_size").fetchone()[0]
        return pages * size

    def close(self, why: Exception | None = None) -> None:
        """Close the file; the next request opens it again, or sets it aside if it is unsound, or large and damaged."""
        connection, self._connection = self._connection, None
        if self.image is not None and type(why) is sqlite3.DatabaseError:
            self.image.mend()
        if connection is not None:
            connection.close()
        if self.image is not None:
            self.image.drop()
        if isinstance(why, UnsoundError) or (type(why) is sqlite3.DatabaseError and self._large()):
            self._condemned = True

    def _large(self) -> bool:
        return os.path.exists(self.path) and os.path.getsize(self.path) > CHECKED_OCTETS_MAX

    def _open(self, *, set_aside: bool) -> sqlite3.Connection:
        """Open the file, or a fresh one in its place; `sqlite3.DatabaseError` when it is damaged."""
        if set_aside:
            self._set_aside()
        connection = self._connect(self.path, timeout=BUSY_MS / 1000)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            if not self._large() and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check failed")
            connection.executescript(self._schema)
            if set_aside:
                with connection:
                    self._fresh(connection)
            if self._opened is not None:
                self._opened(connection)
        except sqlite3.Error:
            connection.close()
            raise
        if self.image is not None:
            self.image.take()
        self._frames = 1  # what a predecessor left in the log is copied back by and by
        return connection

    def _set_aside(self) -> None:
        """Rename the damaged file and its siblings to NAME.damaged-N; the last number is used again and again."""
        numbers = range(1, self._kept)
        n = next((n for n in numbers if not os.path.exists(f"{self.path}.damaged-{n}")), self._kept)
        for sibling in _SIBLINGS:
            if os.path.exists(self.path + sibling):
                os.replace(self.path + sibling, f"{self.path}.damaged-{n}{sibling}")
