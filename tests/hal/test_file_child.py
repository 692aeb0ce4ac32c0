"""The child that writes a file: a real process; nobody waits for it, and it keeps what it was given."""

import os
import select
import signal
from pathlib import Path

import pytest

from fsw.hal.file_child import FileChild

pytestmark = pytest.mark.process
DEADLINE_MS = 20_000


def test_octets_are_appended_in_order(tmp_path: Path) -> None:
    path = tmp_path / "flight.capture"
    path.write_bytes(b"begin")
    child = FileChild(str(path), b"beg")
    assert all(child.take(bytes((n,)) * 3_000) for n in range(20))
    assert child.close(b"x" * 100_000, DEADLINE_MS)
    assert path.read_bytes() == b"begin" + b"".join(bytes((n,)) * 3_000 for n in range(20)) + b"x" * 100_000
    assert not child.take(b"late")
    assert not child.close(b"", DEADLINE_MS)


def test_a_new_file_is_the_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "flight.capture"
    child = FileChild(str(path), b"beg")
    assert child.close(b"", DEADLINE_MS)
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, b"")


def test_a_foreign_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "diary"
    path.write_text("dear diary")
    with pytest.raises(ValueError, match="no such file"):
        FileChild(str(path), b"beg")
    with pytest.raises(IsADirectoryError):
        FileChild(str(tmp_path), b"beg")
    assert path.read_text() == "dear diary"


@pytest.mark.proves("K-REPLAY-007")
def test_a_child_that_is_stuck_is_not_waited_for_and_loses_nothing_it_took(tmp_path: Path) -> None:
    path = tmp_path / "flight.capture"
    child = FileChild(str(path), b"beg")
    os.kill(child.pid, signal.SIGSTOP)
    taken = 0
    while child.take(bytes((taken % 256,)) * 1_000):
        taken += 1
        assert taken < 100_000, "room has an end"
    assert taken > 20
    os.kill(child.pid, signal.SIGCONT)
    assert child.close(b"end", DEADLINE_MS)
    assert path.read_bytes() == b"".join(bytes((n % 256,)) * 1_000 for n in range(taken)) + b"end"


@pytest.mark.proves("K-REPLAY-007")
def test_a_child_that_stays_stuck_is_left_behind_in_time(tmp_path: Path) -> None:
    child = FileChild(str(tmp_path / "flight.capture"), b"beg")
    watch = os.pidfd_open(child.pid)
    os.kill(child.pid, signal.SIGSTOP)
    assert not child.close(b"x" * 4_000_000, 50)
    os.kill(child.pid, signal.SIGKILL)
    assert select.select([watch], [], [], DEADLINE_MS / 1000)[0]
    os.waitpid(child.pid, 0)
    os.close(watch)


def test_a_child_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    child = FileChild(str(tmp_path / "flight.capture"), b"beg")
    watch = os.pidfd_open(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    assert select.select([watch], [], [], DEADLINE_MS / 1000)[0]
    os.close(watch)
    assert not child.take(b"anybody?")
    assert not child.close(b"rest", DEADLINE_MS)
    os.waitpid(child.pid, 0)


def test_a_disk_that_refuses_ends_the_child_with_a_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flight.capture"
    path.symlink_to("/dev/full")
    child = FileChild(str(path), b"\0\0\0")
    assert child.take(b"octets")
    assert not child.close(b"", DEADLINE_MS)
    assert capfd.readouterr().err == f"kratai fly: the recording ends: {path}: No space left on device\n"
