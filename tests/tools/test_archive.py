"""The archive read back with plain sqlite3, and what happens to a damaged one."""

import sqlite3
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from tools.ground.archive import FILE, Archive, ArchiveError
from tools.ground.records import CommandRecord, PacketRecord, ParameterRecord
from tools.ground.times import utc_from_text
from tools.ground.tracking import StageChange, State, Word

NOON = utc_from_text("2026-11-23T12:00:00Z")


def command(ticket: int, count: int, apid: int = 0x20) -> CommandRecord:
    return CommandRecord(Micros(0), ticket, "ping", {}, apid, count, b"\x18\x20\xc0\x00", 1, b"\x18")


def test_commands_keep_their_stages_and_counts_go_on(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    archive.add(command(1, 16_383), NOON)
    archive.add(command(2, 4, 0x21), NOON)
    for word, state in ((Word.SENT, State.SENT), (Word.COMPLETED, State.COMPLETED)):
        archive.add(StageChange(Micros(0), 1, "ping", b"\x18\x20\xc0\x00", word, state), NOON)
    archive.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("select state from commands order by id").fetchall() == [("completed",), ("queued",)]
        assert db.execute("select word from stages order by id").fetchall() == [("sent",), ("completed",)]
    db.close()
    again = Archive(tmp_path, "b")
    assert again.counts() == {0x20: 0, 0x21: 5}
    again.close()


def test_packets_are_kept_raw_and_decoded(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    archive.add(PacketRecord(Micros(0), 0, 0x20, 17, 2, 7, None, "pong", {"a": 1}, "", b"\x08\x20"), NOON)
    archive.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("select raw, name, decoded from packets").fetchall() == [(b"\x08\x20", "pong", '{"a": 1}')]
    db.close()


def test_a_damaged_archive_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    archive = Archive(tmp_path, "a")
    assert archive.set_aside == tmp_path / f"{FILE}.damaged-1"
    archive.add(ParameterRecord(Micros(0), None, "x", 1, 1, "", "mV", "WITHIN", replayed=False), NOON)
    archive.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        assert db.execute("select name from parameters").fetchall() == [("x",)]
    db.close()


@pytest.mark.proves("K-GND-009")
def test_an_archive_from_before_operators_goes_on(tmp_path: Path) -> None:
    """Format 1 as it was: its commands have nobody's name, those that follow have."""
    Archive(tmp_path, "a").close()
    with sqlite3.connect(tmp_path / FILE) as db:
        for column in ("operator", "origin"):
            db.execute(f"alter table commands drop column {column}")
        db.execute(
            "insert into commands values (null, 'a', 1, 5, 'ping', '{}', 32, 3, '1820c000', 1, 'completed', x'18')"
        )
        db.execute("pragma user_version = 1")
    db.close()
    archive = Archive(tmp_path, "b")
    assert archive.set_aside is None
    archive.add(command(1, 4)._replace(operator="ann", origin="10.0.0.1:4000"), NOON)
    archive.close()
    with sqlite3.connect(tmp_path / FILE) as db:
        found = db.execute("select operator, origin, built_us, sequence_count from commands order by id").fetchall()
        assert found == [("", "", 5, 3), ("ann", "10.0.0.1:4000", NOON, 4)]
        assert db.execute("pragma user_version").fetchone() == (2,)
    db.close()


def test_an_archive_of_another_format_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(ArchiveError, match="format 99"):
        Archive(tmp_path, "a")
