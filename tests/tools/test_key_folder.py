"""Keys in folders: modes, exclusiveness, ten boards of which no two share a key, and nothing of a key in any word."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.key_search import shown, told
from tools.ground.key_folder import KeyFolderError, erase, folders, install, look, new_boards, read_keys

# The SPIs of the contract (section 6) and their four slots, written out.
FILES = {
    f"{slot}{spi}.key" for slot in ("00", "01", "02", "03") for spi in ("10", "11", "20", "21", "23")
}  # fmt: skip


def all_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


@pytest.mark.proves("K-SEC-012")
def test_ten_boards_have_twenty_keys_each_and_no_key_twice(tmp_path: Path) -> None:
    made = new_boards(tmp_path / "boards", [f"board-{n}" for n in range(10)])
    seen: list[bytes] = []
    for board in made:
        parts = {part.name: {path.name: path.read_bytes() for path in all_files(part)} for part in board.iterdir()}
        assert set(parts) == {"board", "ground", "recovery"}
        assert set(parts["board"]) == FILES
        assert {name for name in FILES if not name.startswith("03")} == set(parts["ground"])
        assert {name for name in FILES if name.startswith("03")} == set(parts["recovery"])
        assert parts["board"] == parts["ground"] | parts["recovery"], "both ends hold the same"
        seen += parts["board"].values()
    assert len(seen) == len(set(seen)) == 200
    assert {len(key) for key in seen} == {32}


@pytest.mark.proves("K-SEC-012")
@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_files_and_folders_are_their_owner_s_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        (board,) = new_boards(tmp_path / "boards", ["rover"])
        install(board / "board", tmp_path / "state")
    finally:
        os.umask(old)
    modes = {
        path: stat.S_IMODE(path.stat().st_mode) for path in (board, *board.rglob("*"), tmp_path / "state" / "keys")
    }
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in all_files(tmp_path / "state")} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "boards",)} == {0o700}


@pytest.mark.proves("K-SEC-012")
@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["new", "there"], "is there already"),
        (["dangling"], "is there already"),
        (["one", "one"], "named twice"),
        (["../out"], "is no name of a board"),
        ([".."], "is no name of a board"),
        (["-rf"], "is no name of a board"),
        ([""], "is no name of a board"),
        ([], "1 to 1000 boards"),
        ([f"b{n}" for n in range(1001)], "1 to 1000 boards"),
    ],
)
def test_what_cannot_be_made_is_refused_before_the_first_key(tmp_path: Path, names: list[str], sentence: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(KeyFolderError, match=sentence):
        new_boards(tmp_path, names)
    assert all_files(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "there"]


@pytest.mark.proves("K-SEC-012")
def test_a_generator_that_repeats_itself_makes_no_keys(tmp_path: Path) -> None:
    counted = iter([bytes(range(32)), bytes(range(1, 33)), bytes(range(32))])
    sources: list[Callable[[int], bytes]] = [bytes, lambda _: next(counted)]
    for source in sources:
        with pytest.raises(KeyFolderError, match="repeats itself"):
            new_boards(tmp_path, ["rover"], source)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.proves("K-SEC-012", "K-SEC-013")
def test_a_disk_that_fails_leaves_no_half_board_and_shows_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk full at every step of it in turn, with all that Python can show of the fault."""
    fsync, keys = os.fsync, []

    def source(count: int) -> bytes:
        keys.append(os.urandom(count))
        return keys[-1]

    for fails_at in (1, 5, 21, 30, 46):
        left = [fails_at]

        def failing(fd: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            fsync(fd)

        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(KeyFolderError, match="No space left on device; none of it is left") as caught:
            new_boards(tmp_path / "boards", ["rover"], source)
        assert list((tmp_path / "boards").iterdir()) == []
        assert shown(keys, told(caught.value)) == []
    monkeypatch.setattr(os, "fsync", fsync)
    assert len(new_boards(tmp_path / "boards", ["rover"], source)) == 1


@pytest.mark.proves("K-SEC-012")
def test_keys_are_brought_in_once_and_never_over_others(tmp_path: Path) -> None:
    one, other = new_boards(tmp_path / "boards", ["one", "other"])
    state = tmp_path / "state"
    fresh, there = install(one / "ground", state)
    assert (len(fresh), there) == (15, [])
    assert install(one / "ground" / "keys", state) == ([], fresh)
    before = {path: path.read_bytes() for path in all_files(state)}
    with pytest.raises(KeyFolderError, match=r"0010\.key holds another key already"):
        install(other / "board", state)
    assert {path: path.read_bytes() for path in all_files(state)} == before, "nothing of it was written"
    recovery, _ = install(one / "recovery", state)
    assert [f"{key:04X}" for key in recovery] == ["0310", "0311", "0320", "0321", "0323"]
    assert {key: found.octets for key, found in read_keys(state).items()} == {
        key: found.octets for key, found in read_keys(one / "board").items()
    }
    with pytest.raises(KeyFolderError, match="has no keys"):
        install(tmp_path / "nowhere", state)


def test_the_same_octets_under_two_ids_are_no_keys(tmp_path: Path) -> None:
    (board,) = new_boards(tmp_path, ["rover"])
    keys = board / "ground" / "keys"
    (keys / "0110.key").write_bytes((keys / "0010.key").read_bytes())
    with pytest.raises(KeyFolderError, match=r"0110\.key holds the key of another id"):
        read_keys(board / "ground")
    (keys / "0110.key").unlink()
    (keys / "0010.key").rename(keys / "0110.key")
    install(board / "board", tmp_path / "state")
    (tmp_path / "state" / "keys" / "0110.key").unlink()
    with pytest.raises(KeyFolderError, match=r"0110\.key would hold the key of another id"):
        install(board / "ground", tmp_path / "state")


@pytest.mark.proves("K-SEC-013")
def test_looking_tells_keys_apart_and_what_is_wrong(tmp_path: Path) -> None:
    (board,) = new_boards(tmp_path, ["rover"])
    keys = board / "ground" / "keys"
    secrets = [path.read_bytes() for path in all_files(board)]
    (keys / "0110.key").chmod(0o644)
    (keys / "0210.key").write_bytes(secrets[0] + b"\n")
    (keys / "0011.key").write_bytes((keys / "0010.key").read_bytes())
    (keys / "0111.key").unlink()
    (keys / "0111.key").symlink_to(keys / "0211.key")
    seen = {one.key: one for one in look(board / "ground")}
    wrong = {key: one.wrong.partition(str(keys))[2] for key, one in seen.items() if one.wrong}
    assert {key: text.partition(" ")[2][:15] for key, text in wrong.items()} == {
        0x110: "may be read by ", 0x210: "is no key: a ke", 0x011: "holds the key o", 0x111: "cannot be read:",
    }  # fmt: skip
    assert shown(secrets, repr(look(board / "ground")).encode()) == []
    checks = [one.check for one in look(board / "board")]
    assert len(set(checks)) == 20
    assert {len(check) for check in checks} == {8}
    assert [place.name for place in folders(tmp_path)] == ["board", "ground", "recovery"]
    assert folders(board / "ground") == [board / "ground"]
    for state in (board / "ground", board):
        with pytest.raises(KeyFolderError) as caught:
            install(board / "ground", state)
        assert shown(secrets, told(caught.value)) == []


def test_what_is_erased_is_overwritten_before_it_goes(tmp_path: Path) -> None:
    (board,) = new_boards(tmp_path, ["rover"])
    path = board / "ground" / "keys" / "0010.key"
    held = path.open("rb")
    erase(board / "ground", 0x10)
    assert not path.exists()
    assert held.read() == bytes(32), "the same cells, as far as the file system says"
    held.close()
    erase(board / "ground", 0x10)
    path.symlink_to(board / "board" / "keys" / "0010.key")
    with pytest.raises(KeyFolderError, match="cannot be erased"):
        erase(board / "ground", 0x10)
    assert len((board / "board" / "keys" / "0010.key").read_bytes()) == 32
