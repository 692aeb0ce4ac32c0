"""Contract §2, §3, §7: what the process says at its start, keeps over resets, and how it ends."""

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tty
from pathlib import Path
from threading import Thread

import pytest

from tests.client.contract_client import DEADLINE_S, ROOT, SYSTEM, Board, arguments, flown

pytestmark = pytest.mark.process


def booted(board: Board) -> tuple[int, int]:
    """Boot count and reset cause of the boot event."""
    event = board.packet(lambda p: p.kind == (5, 1) and p.data[:2] == b"\x00\x01", why="no boot event")
    assert event.apid == SYSTEM
    assert event.destination == 0
    return struct.unpack(">IB", event.data[2:7])


def test_an_idle_frame_opens_the_port_and_the_boot_event_follows(board: Board) -> None:
    assert board.frames[0].vc == 7
    assert board.frames[0].fhp == 0x7FE
    assert booted(board)[0] == 1
    event = next(p for p in board.packets if p.kind == (5, 1))
    assert event.time_status == 0
    assert event.time_s < 5
    assert event.vc == 0
    assert board.frames[0].clcw == 0x01000000


def test_housekeeping_one_begins_with_boot_count_uptime_mode_and_is_off_at_boot(board: Board) -> None:
    report = board.answer(board.tc(SYSTEM, 3, 27, struct.pack(">HH", 1, 1)), (3, 25))
    sid, boots, uptime_s, mode = struct.unpack(">HIIB", report.data[:11])
    assert (sid, boots) == (1, 1)
    assert abs(uptime_s - report.time_s) <= 2
    assert mode == board.parameter(3, 1)
    assert board.parameter(1) == 1
    assert board.parameter(2) >= uptime_s
    assert len([p for p in board.packets if p.kind == (3, 25)]) == 1


@pytest.mark.proves("K-FLY-001", "K-FLY-002")
def test_power_cut_and_stop_are_told_apart_and_the_scratch_parameter_stays(tmp_path: Path) -> None:
    first = Board(tmp_path)
    count, cause_first = booted(first)
    assert count == 1
    write = first.tc(SYSTEM, 20, 3, struct.pack(">BHI", 1, 10, 0xC0FFEE42))
    assert first.ask(write) == [(1, None), (7, None)]
    assert first.parameter(10) == 0xC0FFEE42
    first.kill()
    second = Board(tmp_path)
    count, cause_killed = booted(second)
    assert count == 2
    assert second.parameter(10) == 0xC0FFEE42
    assert second.parameter(1) == 2
    assert second.close() == 0
    third = Board(tmp_path)
    count, cause_stopped = booted(third)
    assert count == 3
    assert third.parameter(10) == 0xC0FFEE42
    assert cause_killed != cause_stopped
    assert {cause_first, cause_killed, cause_stopped} != {cause_first}
    assert third.close() == 0


def write_end(fifo: Path) -> int:
    """The writer's descriptor of a pipe with a name, once somebody reads it."""
    opened: list[int] = []
    opener = Thread(target=lambda: opened.append(os.open(fifo, os.O_WRONLY)), daemon=True)
    opener.start()
    opener.join(DEADLINE_S)
    assert opened, "nobody reads it"
    return opened[0]


@pytest.mark.proves("K-FLY-002")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_before_it_flies_is_orderly_and_no_life(tmp_path: Path, number: int) -> None:
    """A mission file that is a pipe holds the process where the store is forked and nothing is composed yet."""
    (tmp_path / "mission").mkdir()
    fifo = tmp_path / "mission" / "mission.toml"
    os.mkfifo(fifo)
    first = Board(tmp_path / "state")
    assert booted(first)[0] == 1
    assert first.close() == 0
    early = Board(tmp_path / "state", more=("--mission", str(tmp_path / "mission")))
    writer = write_end(fifo)
    children = Path(f"/proc/{early.process.pid}/task/{early.process.pid}/children").read_text().split()
    assert children
    servers = [os.pidfd_open(int(child)) for child in children]
    early.process.send_signal(number)
    assert early.reap() == 0
    assert early.output == ""
    assert early.frames == []
    for server in servers:
        assert select.select([server], [], [], DEADLINE_S)[0], "a server's process stays"
        os.close(server)
    os.close(writer)
    second = Board(tmp_path / "state")
    count, cause = booted(second)
    assert count == 2
    assert second.close() == 0
    third = Board(tmp_path / "state")
    assert booted(third) == (3, cause), "the end of the first life is still what it was: an orderly stop"
    assert third.close() == 0


@pytest.mark.proves("K-FLY-003")
def test_a_second_process_on_the_state_waits_and_exits_2(board: Board) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    second = flown(os.ttyname(slave), board.state, "--clear")
    os.close(master)
    os.close(slave)
    assert second.returncode == 2
    assert len(second.stderr.strip().splitlines()) == 1
    board.settle()


def test_a_start_waits_for_the_lock_of_a_process_that_ends(tmp_path: Path) -> None:
    first = Board(tmp_path)
    booted(first)
    second = Board(tmp_path)
    first.process.send_signal(signal.SIGTERM)
    assert first.reap() == 0
    assert booted(second)[0] == 2
    assert second.close() == 0


@pytest.mark.proves("K-FLY-003")
def test_a_path_that_is_no_terminal_is_exit_2(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    ended = flown(str(plain), tmp_path / "state", "--clear")
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.proves("K-FLY-003")
def test_without_clear_and_without_keys_one_sentence_and_exit_2(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    ended = flown(os.ttyname(slave), tmp_path)
    os.close(master)
    os.close(slave)
    assert ended.returncode == 2
    assert len((ended.stdout + ended.stderr).strip().splitlines()) == 1


def test_assertions_switched_off_are_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-O", *arguments("/dev/null", tmp_path, "--clear")[1:]]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


@pytest.mark.proves("K-LINE-008")
def test_a_missing_port_is_retried(tmp_path: Path) -> None:
    link = tmp_path / "port"
    late = subprocess.Popen(arguments(str(link), tmp_path / "state", "--clear"), cwd=ROOT, stderr=subprocess.DEVNULL)
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            late.wait(timeout=1.5)
        link.symlink_to(os.ttyname(slave))
        ready, _, _ = select.select([master], [], [], DEADLINE_S)
        assert ready
        assert os.read(master, 6) == bytes.fromhex("1acffc1d02af")
        late.terminate()
        assert late.wait(timeout=DEADLINE_S) == 0
    finally:
        late.kill()
        os.close(master)
        os.close(slave)
