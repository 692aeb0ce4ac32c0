"""What a ground session keeps: packets raw and decoded, parameters by time, commands with their stages, events.

SQLite in one file of the session's state directory. The ground process alone writes it, and reads it
(`samples.py`). The file has a size limit: when it is reached the archive stops with a sentence and the session goes on.
"""

import json
import sqlite3
from pathlib import Path
from typing import Final

from tools.ground.records import (
    CommandRecord,
    EventRecord,
    LanderRecord,
    LinkRecord,
    Note,
    OnboardTime,
    PacketRecord,
    ParameterRecord,
    Record,
)
from tools.ground.tracking import Former, StageChange, State

FILE: Final = "archive.sqlite"
VERSION: Final = 2
PAGE_OCTETS: Final = 4096
PAGES_MAX: Final = 1_048_576
"""Limit of the file: 4 GiB."""

_SCHEMA: Final = """
create table if not exists packets (
  id integer primary key, received_us integer not null, time_us integer, clock text, vcid integer,
  apid integer not null, service integer, subtype integer, sequence_count integer, name text, fault text,
  decoded text, raw blob not null);
create index if not exists packets_by_time on packets (received_us);
create table if not exists parameters (
  id integer primary key, received_us integer not null, time_us integer, clock text, since_boot_us integer,
  name text not null, raw, value, label text, unit text, limit_state text, replayed integer not null);
create index if not exists parameters_by_name on parameters (name, received_us);
create index if not exists parameters_by_time on parameters (coalesce(time_us, received_us), id);
create table if not exists events (
  id integer primary key, received_us integer not null, time_us integer, clock text, apid integer not null,
  name text not null, severity text not null, decoded text, replayed integer not null);
create table if not exists commands (
  id integer primary key, session text not null, ticket integer not null, built_us integer not null, name text not null,
  arguments text not null, apid integer not null, sequence_count integer not null, request_id text not null,
  source_id integer not null, state text not null, packet blob not null,
  operator text not null default '', origin text not null default '');
create index if not exists commands_by_ticket on commands (session, ticket);
create table if not exists stages (
  id integer primary key, command integer not null references commands (id), at_us integer not null, word text not null,
  state text not null, step integer, code integer, text text not null, late integer not null);
create table if not exists notes (
  id integer primary key, at_us integer not null, kind text not null, text text not null);
create table if not exists databases (digest text primary key, kept_us integer not null, dictionary text not null);
"""
_FROM_1: Final = """
alter table commands add column operator text not null default '';
alter table commands add column origin text not null default '';
"""

FORMER_MAX: Final = 256
"""Commands of former sessions whose fate is asked for: as many as the payload remembers."""
_OPEN: Final = [
    state.value
    for state in (
        *(State.SENT, State.RECEIVED, State.ACCEPTED, State.STARTED),
        *(State.UNKNOWN, State.NO_WORD, State.CARRIED),
    )
]


class ArchiveError(Exception):
    """The archive cannot be used; the text is one sentence."""


class Archive:
    """The writer. Every call raises ArchiveError, and nothing else, when the disk or the file fails."""

    def __init__(self, folder: Path, session: str) -> None:
        self.path = folder / FILE
        self.session = session
        self._commands: dict[int, int] = {}
        self.uncommitted = 0
        self.set_aside: Path | None = None
        """Where a damaged file was put, if there was one."""
        try:
            self._db = _open(self.path)
        except sqlite3.DatabaseError:
            self.set_aside = _put_aside(self.path)
            try:
                self._db = _open(self.path)
            except sqlite3.Error as error:
                raise ArchiveError(f"the archive {self.path} cannot be opened: {error}") from error

    def add(self, record: Record, received_us: int) -> None:
        """Keep one record; `received_us` is Unix time."""
        try:
            self._add(record, received_us)
        except (sqlite3.Error, OverflowError) as error:
            raise ArchiveError(f"the archive {self.path} takes no more: {error}") from error
        self.uncommitted += 1

    def commit(self) -> None:
        """Put what was added on the disk."""
        try:
            self._db.commit()
        except sqlite3.Error as error:
            raise ArchiveError(f"the archive {self.path} cannot commit: {error}") from error
        self.uncommitted = 0

    def counts(self) -> dict[int, int]:
        """The next packet sequence count of each APID, so that request ids go on over sessions."""
        rows = self._db.execute(
            "select apid, sequence_count from commands where id in (select max(id) from commands group by apid)"
        )
        return {apid: (count + 1) % 16_384 for apid, count in rows}

    def former(self) -> list[Former]:
        """Commands of sessions before this one whose fate is open, oldest first; their stages go on under 1, 2, …"""
        rows = self._db.execute(
            "select id, name, request_id, state from commands where state in (select value from json_each(?))"
            " order by id desc limit ?",
            (json.dumps(_OPEN), FORMER_MAX),
        ).fetchall()[::-1]
        self._commands.update({ticket: row[0] for ticket, row in enumerate(rows, 1)})
        return [Former(name, bytes.fromhex(request_id), State(state)) for _, name, request_id, state in rows]

    def keep_database(self, digest: bytes, dictionary: str, now_us: int) -> None:
        """Keep a mission database's dictionary under its digest, once."""
        try:
            self._db.execute("insert or ignore into databases values (?, ?, ?)", (digest.hex(), now_us, dictionary))
        except sqlite3.Error as error:
            raise ArchiveError(f"the archive {self.path} takes no more: {error}") from error

    def close(self) -> None:
        """Commit what can be committed, and let go."""
        try:
            self._db.commit()
        except sqlite3.Error:
            pass  # said before: nothing more can be saved
        finally:
            self._db.close()

    def _add(self, record: Record, received_us: int) -> None:
        insert = self._db.execute
        match record:
            case PacketRecord():
                time_us, clock, _ = _time(record.time)
                insert(
                    "insert into packets values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (received_us, time_us, clock, record.vcid, record.apid, record.service, record.subtype,
                     record.sequence_count, record.name, record.fault, json.dumps(record.values), record.raw),
                )  # fmt: skip
            case ParameterRecord():
                insert(
                    "insert into parameters values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (received_us, *_time(record.time), record.name, record.raw, record.value, record.label,
                     record.unit, record.limit, record.replayed),
                )  # fmt: skip
            case EventRecord():
                time_us, clock, _ = _time(record.time)
                insert(
                    "insert into events values (null, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (received_us, time_us, clock, record.apid, record.name, record.severity,
                     json.dumps(record.values), record.replayed),
                )  # fmt: skip
            case LanderRecord():
                insert(
                    "insert into packets values (null, ?, null, null, null, ?, null, null, null, ?, ?, ?, ?)",
                    (received_us, record.apid, record.name, record.fault, json.dumps(record.values), record.raw),
                )
            case CommandRecord():
                cursor = insert(
                    "insert into commands values (null, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
                    (self.session, record.ticket, received_us, record.name, json.dumps(record.arguments), record.apid,
                     record.sequence_count, record.request_id.hex(), record.source_id, record.packet,
                     record.operator, record.origin),
                )  # fmt: skip
                self._commands[record.ticket] = cursor.lastrowid or 0
            case StageChange():
                self._stage(record, received_us)
            case LinkRecord():
                insert("insert into notes values (null, ?, 'link', ?)", (received_us, json.dumps(record[1:])))
            case Note():
                insert("insert into notes values (null, ?, 'note', ?)", (received_us, record.text))

    def _stage(self, change: StageChange, received_us: int) -> None:
        command = self._commands.get(change.ticket)
        if command is None:
            return
        self._db.execute("update commands set state = ? where id = ?", (change.state.value, command))
        self._db.execute(
            "insert into stages values (null, ?, ?, ?, ?, ?, ?, ?, ?)",
            (command, received_us, change.word.value, change.state.value, change.step, change.code, change.text,
             change.late),
        )  # fmt: skip


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    try:
        db.execute(f"pragma page_size = {PAGE_OCTETS}")
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        db.execute(f"pragma max_page_count = {PAGES_MAX}")
        version = db.execute("pragma user_version").fetchone()[0]
        if version in (0, 1, VERSION):
            db.executescript(f"begin;{_FROM_1 if version == 1 else ''}{_SCHEMA}pragma user_version = {VERSION};commit;")
            return db
    except sqlite3.Error:
        db.close()
        raise
    db.close()
    raise ArchiveError(f"the archive {path} has format {version}, which this version cannot write")


def _put_aside(path: Path) -> Path:
    """Rename a damaged file, and what SQLite keeps beside it, out of the way."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.name}.damaged-{number}")
        if not aside.exists():
            try:
                path.rename(aside)
                for suffix in ("-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
            except OSError as error:
                raise ArchiveError(f"the archive {path} is damaged and cannot be moved: {error}") from error
            return aside
    raise ArchiveError(f"the archive {path} is damaged, and a thousand damaged ones lie beside it")


def _time(time: OnboardTime | None) -> tuple[int | None, str | None, int | None]:
    """UTC, clock and time since boot of a time field, where they exist."""
    if time is None:
        return None, None, None
    return time.utc_us, time.clock, None if time.is_set else time.us
