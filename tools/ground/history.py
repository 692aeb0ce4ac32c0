"""Which packets lie in the archive, in the order in which they came: `gaps.py` is told of them before live ones.

A slice costs a bounded look into the file, so that the process reads one between two turns of the link.
"""

import sqlite3
from pathlib import Path
from typing import Final, NamedTuple

from tools.ground.archive import ArchiveError
from tools.ground.gaps import VC_LIVE, VC_REPLAY, Heard
from tools.ground.recovery import BOOTED
from tools.ground.samples import read_only
from tools.ground.times import utc_text, utc_to_tai_us

PACKETS_MAX: Final = 200_000
"""Packets that are looked at: the newest."""
SLICE: Final = 2_000
_NEWEST: Final = "select coalesce(min(id), 1), coalesce(max(id), 0) from packets"
_OLDEST: Final = "select received_us from packets where id = ?"
_ROWS: Final = """
select vcid, apid, sequence_count, time_us, name from packets
where id > ? and id <= ? and vcid in (?, ?) and service is not null and fault = '' order by id"""


class Slice(NamedTuple):
    """Packets that came one after the other. `looked_at` counts others too; `since`: when the oldest packet that is
    looked at came, empty where there are none before it."""

    heard: list[Heard]
    looked_at: int
    more: bool
    since: str


class History:
    """Reads the packets of an archive once, the newest `packets_max`; what is not committed yet it does not see."""

    def __init__(self, folder: Path, packets_max: int = PACKETS_MAX) -> None:
        self._path, self._db = read_only(folder)
        try:
            first, last = self._db.execute(_NEWEST).fetchone()
            self._at: int = max(first - 1, last - packets_max)
            oldest = self._db.execute(_OLDEST, (self._at + 1,)).fetchone() if self._at >= first else None
        except sqlite3.Error as error:
            self._db.close()
            raise self._unread(error) from error
        self._since = "" if oldest is None else utc_text(oldest[0])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def slice(self) -> Slice:
        """The next packets. Raises ArchiveError for the file."""
        try:
            (last,) = self._db.execute("select coalesce(max(id), 0) from packets").fetchone()
            end = min(last, self._at + SLICE)
            rows = self._db.execute(_ROWS, (self._at, end, VC_LIVE, VC_REPLAY)).fetchall()
        except sqlite3.Error as error:
            raise self._unread(error) from error
        looked_at, self._at = max(0, end - self._at), max(end, self._at)
        return Slice([_heard(*row) for row in rows], looked_at, self._at < last, self._since)

    def _unread(self, error: sqlite3.Error) -> ArchiveError:
        return ArchiveError(f"the archive {self._path} cannot be read: {error}")


def _heard(vcid: int, apid: int, sequence_count: int, time_us: int | None, name: str) -> Heard:
    """As `recovery.heard` of the record that this row was."""
    tai_us = None if time_us is None else utc_to_tai_us(time_us)
    return Heard(vcid, apid, sequence_count, tai_us, name == BOOTED)
