"""The ground's keys and counters: nothing is used twice over sessions, whatever is lost."""

import sqlite3
from pathlib import Path

import pytest

from fsw.ccsds import sdls
from fsw.ccsds.sdls import Protection, SdlsReject
from tools.ground.link_guard import RENEWED_AT, RESERVED, GuardError, LinkGuard, read_keys

NOW_US = 1_800_000_000_000_000


def _install(state: Path, spis: tuple[int, ...] = sdls.SPIS) -> None:
    (state / "keys").mkdir()
    for spi in spis:
        path = state / "keys" / f"{spi:04X}.key"
        path.write_bytes(bytes([spi]) * 32)
        path.chmod(0o600)


def _protection(guard: LinkGuard) -> Protection:
    assert guard.protection is not None
    return guard.protection


def _iv(field: bytes) -> int:
    return int.from_bytes(field[2:14], "big")


def test_without_keys_the_link_is_clear_and_nothing_is_written(tmp_path: Path) -> None:
    guard = LinkGuard(tmp_path, NOW_US)
    assert guard.protection is None
    assert guard.keep() == ""
    guard.close()
    assert list(tmp_path.iterdir()) == []
    _install(tmp_path)
    assert LinkGuard(tmp_path, NOW_US, clear=True).protection is None


@pytest.mark.proves("K-SEC-003")
def test_no_counter_leaves_twice_over_sessions_that_were_killed(tmp_path: Path) -> None:
    _install(tmp_path)
    used: list[int] = []
    for _ in range(4):  # the wall clock stands still; nobody closes anything
        sender = _protection(LinkGuard(tmp_path, NOW_US)).senders[0]
        used += [_iv(sender.protect(b"x")) for _ in range(3)]
    assert used == sorted(set(used))
    assert used[0] == NOW_US
    assert used[3] == NOW_US + RESERVED


@pytest.mark.proves("K-SEC-003")
def test_a_lost_file_gives_no_counter_back(tmp_path: Path) -> None:
    _install(tmp_path)
    first = _iv(_protection(LinkGuard(tmp_path, NOW_US)).senders[0].protect(b"x"))
    (tmp_path / "link.sqlite").unlink()
    assert _iv(_protection(LinkGuard(tmp_path, NOW_US + 1)).senders[0].protect(b"x")) > first
    kept = LinkGuard(tmp_path, NOW_US + 5)
    assert _protection(kept).senders[0].following == NOW_US + 1 + RESERVED


@pytest.mark.proves("K-SEC-003")
def test_counters_are_on_the_disk_before_they_are_used_and_renewed_at_half(tmp_path: Path) -> None:
    _install(tmp_path)
    guard = LinkGuard(tmp_path, 1000)
    sender = _protection(guard).senders[0]
    sender.following += RESERVED - RENEWED_AT + 1
    assert guard.keep() == ""
    assert sender.reserved == sender.following + RESERVED
    with sqlite3.connect(tmp_path / "link.sqlite") as db:
        ((number,),) = db.execute("SELECT number FROM counter WHERE spi = 16").fetchall()
    assert int.from_bytes(number, "big") == sender.reserved
    assert (tmp_path / "link.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.proves("K-SEC-002")
def test_marks_of_telemetry_outlive_a_session(tmp_path: Path) -> None:
    _install(tmp_path)
    board = sdls.on_board(read_keys(tmp_path))
    for sender in board.senders.values():
        sender.begin(0, 100)
    guard = LinkGuard(tmp_path, NOW_US)
    frames = [board.protect(0, b"telemetry") for _ in range(3)]
    assert _protection(guard).check(0, frames[1]) == b"telemetry"
    guard.keep()
    again = _protection(LinkGuard(tmp_path, NOW_US))
    assert [again.check(0, frame) for frame in frames] == [SdlsReject.REPLAYED, SdlsReject.REPLAYED, b"telemetry"]


def test_what_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    _install(tmp_path)
    (tmp_path / "link.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(GuardError, match="counters cannot be read"):
        LinkGuard(tmp_path, NOW_US)
    (tmp_path / "keys" / "0010.key").chmod(0o644)
    with pytest.raises(GuardError, match="chmod 600"):
        read_keys(tmp_path)
    (tmp_path / "keys" / "0010.key").write_bytes(b"5e5e")
    (tmp_path / "keys" / "0010.key").chmod(0o600)
    with pytest.raises(GuardError, match=r"0010\.key is no key") as caught:
        read_keys(tmp_path)
    assert "5e5e" not in str(caught.value)
    (tmp_path / "keys" / "0010.key").write_bytes(bytes([0x11]) * 32)
    with pytest.raises(GuardError, match="key of another SPI"):
        read_keys(tmp_path)


def test_a_disk_that_takes_nothing_is_said_and_what_is_reserved_is_used(tmp_path: Path) -> None:
    _install(tmp_path)
    guard = LinkGuard(tmp_path, NOW_US)
    sender = _protection(guard).senders[0]
    assert guard._db is not None
    guard._db.execute("PRAGMA query_only = ON")
    sender.following = sender.reserved - 1
    assert "cannot be written" in guard.keep()
    sender.protect(b"the last one")
    assert not sender.ready
    guard.close()
