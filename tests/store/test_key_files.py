"""Key files destroyed by the store's server: what is left of them, also when the power goes in the middle."""

import os
from pathlib import Path

import pytest

from fsw.store.key_files import KeyFiles
from fsw.store.protocol import StoreStatus
from fsw.store.server import StoreServer

KEY = b"not to be found again" + bytes(11)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "keys"
    made.mkdir()
    (made / "0110.key").write_bytes(KEY)
    (made / "0010.key").write_bytes(bytes(range(32)))
    (made / "used").write_text("0110 0011223344556677\n")
    return made


def _told(name: str, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = getattr(os, name)

    def step(*args: object) -> object:
        done.append(name)
        return real(*args)

    monkeypatch.setattr(os, name, step)


@pytest.mark.proves("K-SEC-008")
def test_a_file_is_overwritten_where_it_lies_synced_and_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    os.link(folder / "0110.key", folder.parent / "the same cells")
    for name in ("fsync", "unlink", "rename"):
        _told(name, done, monkeypatch)
    server = StoreServer(str(folder.parent / "store.sqlite"))
    done.clear()
    assert server.serve(bytes((21, 0x01, 0x10))) == bytes((StoreStatus.OK,))
    assert done == ["rename", "fsync", "fsync", "unlink", "fsync"]
    left = (folder.parent / "the same cells").read_bytes()
    assert len(left) == len(KEY)
    assert left != KEY
    assert sorted(path.name for path in folder.iterdir()) == ["0010.key", "used"]
    assert server.serve(bytes((21, 0x01, 0x10))) == bytes((StoreStatus.OK,)), "what is gone is gone"
    server.close()


@pytest.mark.proves("K-SEC-008")
@pytest.mark.parametrize("at", range(4))
def test_after_a_cut_anywhere_there_is_the_whole_key_or_none_and_the_next_life_clears_up(
    folder: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = KeyFiles(str(folder))
    steps = [0]

    class Cut(BaseException):
        """The power goes."""

    def cutting(name: str) -> None:
        real = getattr(os, name)

        def step(*args: object) -> object:
            if steps[0] == at:
                raise Cut
            steps[0] += 1
            return real(*args)

        monkeypatch.setattr(os, name, step)

    for name in ("rename", "fsync", "write", "unlink"):
        cutting(name)
    with pytest.raises(Cut):
        files.erase(b"\x01\x10")
    monkeypatch.undo()
    assert (folder / "0110.key").exists() is (at == 0)
    KeyFiles(str(folder))
    assert list(folder.glob("*.leaving")) == []
    assert (not at and (folder / "0110.key").read_bytes() == KEY) or not (folder / "0110.key").exists()


def test_what_is_no_request_touches_nothing(folder: Path) -> None:
    files = KeyFiles(str(folder))
    for body in (b"", b"\x10", b"\x04\x10", b"\x00\x12", b"\x00\x00\x10", b"\xff\xff"):
        assert files.erase(body) is StoreStatus.MALFORMED
    assert len(list(folder.iterdir())) == 3
    assert KeyFiles(None).erase(b"\x00\x10") is StoreStatus.DISK
    assert KeyFiles(str(folder / "nowhere")).erase(b"\x00\x10") == b""


def test_a_link_is_removed_and_what_it_shows_stays(folder: Path) -> None:
    (folder / "0210.key").symlink_to(folder / "0010.key")
    assert KeyFiles(str(folder)).erase(b"\x02\x10") == b""
    assert (folder / "0010.key").read_bytes() == bytes(range(32))
    assert not (folder / "0210.key").is_symlink()


def test_a_folder_in_the_place_of_a_key_is_the_disks_fault(folder: Path) -> None:
    (folder / "0210.key").mkdir()
    server = StoreServer(str(folder.parent / "store.sqlite"))
    assert server.serve(bytes((21, 0x02, 0x10))) == bytes((StoreStatus.DISK,))
    server.close()
