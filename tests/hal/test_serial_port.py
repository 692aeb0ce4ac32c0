"""The serial line on real pseudo-terminals: octets both ways, hang-up, return, exclusivity."""

import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsw.hal.ports import LinePort, LineState
from fsw.hal.serial_port import REOPEN_US, SerialLine, not_a_terminal
from fsw.kernel.clock import Micros

DEADLINE_S = 10.0


class Terminal:
    """A pty whose slave is published under a stable name, as the lander's emulator does it."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.master, slave = os.openpty()
        self.slave_name = os.ttyname(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(self.slave_name)
        os.set_blocking(self.master, False)
        self._slave = slave

    def forget_slave(self) -> None:
        """Leave the line as the only holder of the slave end."""
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def hang_up(self) -> None:
        self.forget_slave()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "line")
    yield terminal
    terminal.hang_up()


@pytest.fixture
def line(terminal: Terminal) -> Iterator[SerialLine]:
    line = SerialLine(str(terminal.link), 921_600)
    assert line.poll(Micros(0)) is LineState.OPEN
    terminal.forget_slave()
    yield line
    line.close()


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], DEADLINE_S)[0])


def received(line: SerialLine, octets: int) -> bytes:
    data = b""
    while len(data) < octets and readable(line.fileno()):
        data += line.read()
    return data


def sent(master: int, octets: int) -> bytes:
    data = b""
    while len(data) < octets and readable(master):
        data += os.read(master, 4096)
    return data


ALL = bytes(range(256))


@pytest.mark.proves("K-LINE-008")
def test_every_octet_passes_unchanged_both_ways(terminal: Terminal, line: SerialLine) -> None:
    port: LinePort = line
    os.write(terminal.master, ALL)
    assert received(line, 256) == ALL
    assert port.read() == b""
    assert port.write(ALL) == 256
    assert sent(terminal.master, 256) == ALL
    assert (line.opens, line.faults, line.fault) == (1, 0, "")


def test_more_than_one_terminal_buffer_is_read_in_one_go(terminal: Terminal, line: SerialLine) -> None:
    data = ALL * 12
    assert os.write(terminal.master, data) == len(data)
    assert received(line, len(data)) == data


def test_a_line_that_takes_nothing_more_says_so(terminal: Terminal, line: SerialLine) -> None:
    taken = 0
    while (n := line.write(ALL * 16)) > 0:
        taken += n
        assert taken < 10**6
    assert line.state is LineState.OPEN
    data = sent(terminal.master, taken)
    assert data == (ALL * (taken // 256 + 1))[: len(data)]
    assert len(data) == taken
    assert line.write(b"") == 0


def test_a_second_opener_is_refused_and_told_once(terminal: Terminal, line: SerialLine) -> None:
    second = SerialLine(str(terminal.link), 9_600)
    for n in range(3):
        assert second.poll(Micros(n * REOPEN_US)) is LineState.CLOSED
    assert second.faults == 1
    assert "lock" in second.fault
    line.close()
    assert line.fileno() == -1
    with open(terminal.slave_name, "rb", buffering=0):
        # Held open by somebody else, but no longer locked.
        assert second.poll(Micros(3 * REOPEN_US)) is LineState.OPEN
    second.close()


def vanish_seen_by_poll(line: SerialLine) -> None:
    assert line.poll(Micros(1)) is LineState.CLOSED


def vanish_seen_after_read(line: SerialLine) -> None:
    # A hung-up terminal reads as one with nothing to say; poll tells them apart.
    assert line.read() == b""
    assert line.poll(Micros(1)) is LineState.CLOSED


def vanish_seen_by_write(line: SerialLine) -> None:
    assert line.write(b"x") == 0


@pytest.mark.proves("K-LINE-008")
@pytest.mark.parametrize("notice", [vanish_seen_by_poll, vanish_seen_after_read, vanish_seen_by_write])
def test_a_line_that_vanishes_is_counted_and_found_again(
    terminal: Terminal, line: SerialLine, notice: Callable[[SerialLine], None]
) -> None:
    terminal.hang_up()
    notice(line)
    assert line.state is LineState.CLOSED
    assert (line.faults, line.read(), line.write(b"x")) == (1, b"", 0)
    assert str(terminal.link) in line.fault
    # The name now points nowhere: one more fault, however often it is tried.
    for n in range(1, 4):
        assert line.poll(Micros(n * REOPEN_US)) is LineState.CLOSED
    assert line.faults == 2
    again = Terminal(terminal.link)
    assert line.poll(Micros(3 * REOPEN_US + REOPEN_US - 1)) is LineState.CLOSED
    assert line.poll(Micros(4 * REOPEN_US)) is LineState.OPEN
    again.forget_slave()
    os.write(again.master, b"here")
    assert received(line, 4) == b"here"
    assert (line.opens, line.faults) == (2, 2)
    again.hang_up()


def test_a_device_that_fails_to_read_is_lost(terminal: Terminal, line: SerialLine) -> None:
    folder = os.open(terminal.link.parent, os.O_RDONLY)
    os.dup2(folder, line.fileno())
    os.close(folder)
    assert line.read() == b""
    assert line.state is LineState.CLOSED
    assert line.faults == 1


def test_a_port_that_is_missing_is_tried_every_quarter_second(tmp_path: Path) -> None:
    line = SerialLine(str(tmp_path / "none"), 115_200)
    assert line.state is LineState.CLOSED
    assert line.fileno() == -1
    assert line.poll(Micros(0)) is LineState.CLOSED
    assert line.faults == 1
    terminal = Terminal(tmp_path / "none")
    assert line.poll(Micros(REOPEN_US - 1)) is LineState.CLOSED
    assert line.poll(Micros(REOPEN_US)) is LineState.OPEN
    line.close()
    line.close()
    terminal.hang_up()


def test_a_path_that_is_no_terminal_does_not_open(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    line = SerialLine(str(file), 115_200)
    assert line.poll(Micros(0)) is LineState.CLOSED
    assert line.faults == 1


def test_not_a_terminal_is_said_of_what_is_there_only(tmp_path: Path, terminal: Terminal) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert not_a_terminal(str(file))
    assert not_a_terminal(str(tmp_path))
    assert not_a_terminal("/dev/null")
    assert not not_a_terminal(str(terminal.link))
    assert not not_a_terminal(str(tmp_path / "missing"))
