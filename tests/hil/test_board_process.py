"""The board as a process: power kills all of its group, and nothing is left behind."""

import os
import select
import sys
from pathlib import Path

import pytest

from hil.rungs.board_process import BoardError, BoardProcess

pytestmark = pytest.mark.process

DEADLINE_S = 30


def told(fifo: int) -> list[int]:
    """Numbers that the board writes into a fifo."""
    assert select.select([fifo], [], [], DEADLINE_S)[0]
    return [int(word) for word in os.read(fifo, 4096).split()]


def gone(pid: int) -> bool:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = bool(select.select([fd], [], [], DEADLINE_S)[0])
    os.close(fd)
    return ended


def board(tmp_path: Path, after: str) -> tuple[BoardProcess, int]:
    """A board that forks once, tells both process ids through a fifo at its port, and then does `after`."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    fifo = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    keep = os.open(path, os.O_WRONLY)
    os.set_inheritable(keep, False)
    script = tmp_path / "board.py"
    script.write_text(
        "import os, sys, time, signal\n"
        "child = os.fork()\n"
        "if child == 0: time.sleep(3600)\n"
        "with open(sys.argv[1], 'w') as fifo: print(os.getpid(), child, file=fifo)\n"
        f"{after}\n"
    )
    return BoardProcess(f"{sys.executable} '{script}' {{port}}"), fifo


def test_a_power_cut_takes_the_whole_group(tmp_path: Path) -> None:
    one, fifo = board(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)")
    one.power_on(str(tmp_path / "fifo"))
    pids = told(fifo)
    assert pids[0] == one.pid
    assert one.exited() is None
    one.power_off()
    assert one.pid == 0
    assert all(gone(pid) for pid in pids)
    one.power_off()


def test_an_end_of_its_own_is_told_once_and_leaves_nothing(tmp_path: Path) -> None:
    one, fifo = board(tmp_path, "raise SystemExit(7)")
    one.power_on(str(tmp_path / "fifo"))
    leader, child = told(fifo)
    assert gone(leader)
    assert one.exited() == 7
    assert one.exited() is None
    assert gone(child)


def test_an_orderly_stop_lets_the_board_finish(tmp_path: Path) -> None:
    after = (
        "def stop(*_):\n"
        "    open(sys.argv[1] + '.done', 'w').close()\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "with open(sys.argv[1], 'w') as fifo: print(1, file=fifo)\n"
        "time.sleep(3600)"
    )
    one, fifo = board(tmp_path, after)
    one.power_on(str(tmp_path / "fifo"))
    pids = told(fifo)
    while 1 not in pids:
        pids += told(fifo)
    one.stop()
    assert (tmp_path / "fifo.done").exists()
    assert all(gone(pid) for pid in pids[:2])


@pytest.mark.parametrize(("command", "words"), [("", "empty"), ("'unclosed", "--board"), ("   ", "empty")])
def test_a_command_that_is_none_is_a_sentence(command: str, words: str) -> None:
    with pytest.raises(BoardError, match=words):
        BoardProcess(command)


def test_a_command_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(BoardError, match="--board /no/such/board: No such file"):
        BoardProcess("/no/such/board {port}").power_on("/dev/null")
