"""The ground's keys and counters: nothing is used twice over sessions, whatever is lost."""

import sqlite3
from pathlib import Path

import pytest

from fsw.ccsds import sdls
from fsw.ccsds.sdls import Protection, SdlsReject
from tools.ground.key_folder import KeyFolderError, file_of, install, new_boards, read_keys
from tools.ground.link_guard import RENEWED_AT, RESERVED, GuardError, LinkGuard

NOW_US = 1_800_000_000_000_000


def _install(state: Path, spis: tuple[int, ...] = sdls.SPIS) -> None:
    (state / "keys").mkdir()
    for spi in spis:
        path = state / "keys" / f"{spi:04X}.key"
        path.write_bytes(bytes([spi]) * 32)
        path.chmod(0o600)


def _guard(state: Path, utc_us: int, *, clear: bool = False) -> LinkGuard:
    return LinkGuard(state, lambda: utc_us, clear=clear)


def _protection(guard: LinkGuard) -> Protection:
    assert guard.protection is not None
    return guard.protection


def _iv(field: bytes) -> int:
    """The counter of an IV that says more (fsw/ccsds/numbered_iv.py)."""
    assert field[2:4] == b"KA"
    return int.from_bytes(field[4:11], "big")


def test_without_keys_the_link_is_clear_and_nothing_is_written(tmp_path: Path) -> None:
    guard = _guard(tmp_path, NOW_US)
    assert guard.protection is None
    assert guard.keep() == ""
    guard.close()
    assert list(tmp_path.iterdir()) == []
    _install(tmp_path)
    assert _guard(tmp_path, NOW_US, clear=True).protection is None


@pytest.mark.proves("K-SEC-003")
def test_no_counter_leaves_twice_over_sessions_that_were_killed(tmp_path: Path) -> None:
    _install(tmp_path)
    used: list[int] = []
    for _ in range(4):  # the wall clock stands still; nobody closes anything
        sender = _protection(_guard(tmp_path, NOW_US)).senders[0]
        used += [_iv(sender.protect(b"x")) for _ in range(3)]
    assert used == sorted(set(used))
    assert used[0] == NOW_US
    assert used[3] == NOW_US + RESERVED


@pytest.mark.proves("K-SEC-003")
def test_a_lost_file_gives_no_counter_back(tmp_path: Path) -> None:
    _install(tmp_path)
    first = _iv(_protection(_guard(tmp_path, NOW_US)).senders[0].protect(b"x"))
    (tmp_path / "link.sqlite").unlink()
    assert _iv(_protection(_guard(tmp_path, NOW_US + 1)).senders[0].protect(b"x")) > first
    kept = _guard(tmp_path, NOW_US + 5)
    assert _protection(kept).senders[0].following == NOW_US + 1 + RESERVED


@pytest.mark.proves("K-SEC-003")
def test_counters_are_on_the_disk_before_they_are_used_and_renewed_at_half(tmp_path: Path) -> None:
    _install(tmp_path)
    guard = _guard(tmp_path, 1000)
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
    guard = _guard(tmp_path, NOW_US)
    frames = [board.protect(0, b"telemetry") for _ in range(3)]
    assert _protection(guard).check(0, frames[1]) == b"telemetry"
    guard.keep()
    again = _protection(_guard(tmp_path, NOW_US))
    assert [again.check(0, frame) for frame in frames] == [SdlsReject.REPLAYED, SdlsReject.REPLAYED, b"telemetry"]


def test_what_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    _install(tmp_path)
    (tmp_path / "link.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(GuardError, match="counters cannot be read"):
        _guard(tmp_path, NOW_US)
    (tmp_path / "keys" / "0010.key").chmod(0o644)
    with pytest.raises(GuardError, match="chmod 600"):
        _guard(tmp_path, NOW_US)
    with pytest.raises(KeyFolderError, match="chmod 600"):
        read_keys(tmp_path)
    (tmp_path / "keys" / "0010.key").write_bytes(b"5e5e")
    (tmp_path / "keys" / "0010.key").chmod(0o600)
    with pytest.raises(KeyFolderError, match=r"0010\.key is no key") as caught:
        read_keys(tmp_path)
    assert "5e5e" not in str(caught.value)
    (tmp_path / "keys" / "0010.key").write_bytes(bytes([0x11]) * 32)
    with pytest.raises(KeyFolderError, match="key of another id"):
        read_keys(tmp_path)


def test_a_disk_that_takes_nothing_is_said_and_what_is_reserved_is_used(tmp_path: Path) -> None:
    _install(tmp_path)
    guard = _guard(tmp_path, NOW_US)
    sender = _protection(guard).senders[0]
    assert guard._db is not None
    guard._db.execute("PRAGMA query_only = ON")
    sender.following = sender.reserved - 1
    assert "cannot be written" in guard.keep()
    sender.protect(b"the last one")
    assert not sender.ready
    guard.close()


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """A ground's state folder with keys in slots 0 to 2; those of slot 3 are in the safe beside it."""
    (board,) = new_boards(tmp_path / "boards", ["rover"])
    install(board / "ground", tmp_path / "ground")
    return tmp_path / "ground"


@pytest.mark.proves("K-SEC-015")
def test_telemetry_under_any_key_at_hand_is_taken_and_each_has_its_own_mark(ground: Path, tmp_path: Path) -> None:
    board = sdls.on_board(read_keys(tmp_path / "boards" / "rover" / "board"))
    for sender in board.sending.values():
        sender.begin(7, 100)
    guard = _guard(ground, NOW_US)
    frames = {}
    for key in (0x20, 0x120, 0x220, 0x320):
        board.use(key)
        frames[key] = board.protect(0, b"telemetry")
    assert [_protection(guard).check(0, frames[key]) for key in (0x120, 0x20, 0x320)] == [
        b"telemetry", b"telemetry", SdlsReject.MAC,
    ]  # fmt: skip
    assert [guard.mark(key) for key in (0x20, 0x120, 0x220, 0x320)] == [7, 7, -1, -1]
    guard.close()
    again = _guard(ground, NOW_US)
    assert [_protection(again).check(0, frames[key]) for key in (0x20, 0x120, 0x220)] == [
        SdlsReject.REPLAYED, SdlsReject.REPLAYED, b"telemetry",
    ]  # fmt: skip
    install(tmp_path / "boards" / "rover" / "recovery", ground)
    assert _protection(again).check(0, frames[0x320]) is SdlsReject.MAC
    assert again.refresh() == ""
    assert _protection(again).check(0, frames[0x320]) == b"telemetry", "what was brought in is taken up"
    assert _protection(again).check(0, frames[0x220]) is SdlsReject.REPLAYED, "and no mark moved by that"


@pytest.mark.proves("K-SEC-015")
def test_the_key_in_use_is_kept_and_each_has_counters_of_its_own(ground: Path) -> None:
    guard = _guard(ground, NOW_US)
    assert [guard.in_use(spi) for spi in (0x10, 0x11, 0x20)] == [0x10, 0x11, None], "the lowest, unless it is told"
    first = _protection(guard).protect(0, b"x")
    assert guard.use(0x110) == ""
    second = _protection(guard).protect(0, b"x")
    assert (first[:2], second[:2]) == (b"\0\x10", b"\0\x10"), "the SPI on the wire is that of the association"
    assert _iv(first) == _iv(second) == NOW_US
    assert guard.use(0x310) == "key 0310 is not at hand"
    again = _guard(ground, NOW_US)  # the one before was killed
    assert [again.in_use(spi) for spi in (0x10, 0x11)] == [0x110, 0x11]
    assert _iv(_protection(again).protect(0, b"x")) == NOW_US + RESERVED
    assert again._db is not None
    again._db.execute("PRAGMA query_only = ON")
    assert "cannot be noted" in again.use(0x210)
    assert again.in_use(0x10) == 0x110, "what is not kept is not used"


@pytest.mark.proves("K-SEC-015")
def test_a_retired_key_neither_sends_nor_is_taken_and_a_new_one_under_its_id_is_new(
    ground: Path, tmp_path: Path
) -> None:
    board = sdls.on_board(read_keys(ground))
    board.sending[0x20].begin(0, 9)
    guard = _guard(ground, NOW_US)
    assert guard.retire(0x10) == "key 0010 is in use"
    assert guard.erase(0x20) == "key 0020 is not retired"
    for key in (0x20, 0x110):
        assert guard.retire(key) == ""
    for each in (guard, _guard(ground, NOW_US)):
        assert _protection(each).check(0, board.protect(0, b"forged by who has the old key")) is SdlsReject.MAC
        assert each.use(0x110) == "key 0110 is not at hand"
    again, octets = _guard(ground, NOW_US), file_of(ground, 0x20).read_bytes()
    assert again.erase(0x20) == again.erase(0x110) == ""
    assert not file_of(ground, 0x20).exists()
    assert 0x20 not in again.keys
    file_of(ground, 0x20).write_bytes(octets)
    file_of(ground, 0x20).chmod(0o600)
    assert again.refresh() == ""
    assert _protection(again).check(0, board.protect(0, b"the old key come back")) is SdlsReject.MAC
    other = new_boards(tmp_path / "more", ["rover"])[0] / "board"
    file_of(ground, 0x110).write_bytes(file_of(other, 0x110).read_bytes())
    file_of(ground, 0x110).chmod(0o600)
    assert again.refresh() == ""
    assert again.use(0x110) == ""


def test_a_clear_link_has_no_keys_to_move(tmp_path: Path) -> None:
    guard = _guard(tmp_path, NOW_US)
    assert guard.keys == {}
    assert guard.in_use(0x10) is None
    assert guard.mark(0x20) == -1
    assert all("clear" in said for said in (guard.refresh(), guard.use(0x10), guard.retire(0x10), guard.erase(0x10)))
