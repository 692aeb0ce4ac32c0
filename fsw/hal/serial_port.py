"""The serial line: opened by pyserial, then read and written without blocking; it may vanish and come back.

pyserial's own `read` and `write` cost four times a plain system call, and its non-blocking `write` spins while the line
takes nothing; so only opening, locking and closing are its business.
"""

import os
import select
import stat
import termios
from typing import Final

import serial

from fsw.hal.ports import LineState
from fsw.kernel.clock import Micros

REOPEN_US: Final = 250_000
"""A missing port is tried at most this often."""
READ_OCTETS: Final = 4096
READS_MAX: Final = 4
"""Reads in one go: four times what a terminal buffers."""
_GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL


def not_a_terminal(path: str) -> bool:
    """Whether `path` exists and is surely no terminal; a missing or unreadable one may yet become one."""
    try:
        if not stat.S_ISCHR(os.stat(path).st_mode):
            return True
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return not os.isatty(fd)
    finally:
        os.close(fd)


class SerialLine:
    """A serial device at `baud`, 8N1, no flow control, held exclusively; opened by `poll`, not by construction.

    A device without modem lines (a pty) is normal. A lost port (unplugged, hung up) is counted in `faults`, named in
    `fault`, and looked for again; so is one that will not open, once for each new reason.
    """

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        self.baud = baud
        self.opens = 0
        self.faults = 0
        self.fault = ""
        self._port: serial.Serial | None = None
        self._fd = -1
        self._hangup = select.poll()
        self._refusal = ""
        self._retry_us = Micros(0)

    def __len__(self) -> int:
        return 1  # octets may have arrived: asking the system costs as much as reading

    @property
    def state(self) -> LineState:
        """Whether the port is open, as last seen."""
        return LineState.CLOSED if self._port is None else LineState.OPEN

    def fileno(self) -> int:
        """The descriptor of the open port; -1 when there is none."""
        return self._fd

    def read(self) -> bytes:
        """What has arrived, at most 16 KiB; empty when nothing has, or the port is not open."""
        if self._port is None:
            return b""
        octets = b""
        for _ in range(READS_MAX):
            try:
                part = os.read(self._fd, READ_OCTETS)
            except BlockingIOError:
                break
            except OSError as error:
                self._lose(error.strerror or "read failed")
                break
            if not part:
                # VMIN is 0: nothing now, or a hang-up, which poll() tells apart.
                break
            octets = octets + part if octets else part
            if len(part) < READ_OCTETS // 2:
                break
        return octets

    def write(self, octets: bytes) -> int:
        """Hand octets over; returns how many the line took: all, some or none."""
        if self._port is None or not octets:
            return 0
        try:
            return os.write(self._fd, octets)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lose(error.strerror or "write failed")
            return 0

    def poll(self, now: Micros) -> LineState:
        """Notice a hang-up; try a missing port at most every 250 ms; returns the state."""
        if self._port is not None:
            if self._hangup.poll(0):
                self._lose("hang-up")
        elif now >= self._retry_us:
            self._retry_us = Micros(now + REOPEN_US)
            self._open()
        return self.state

    def close(self) -> None:
        """Give the port back."""
        port, self._port, self._fd = self._port, None, -1
        self._hangup = select.poll()
        if port is not None:
            try:
                port.close()
            except OSError:
                return

    def _open(self) -> None:
        try:
            port = serial.Serial(self.path, self.baud, timeout=0, write_timeout=0, exclusive=True)
        except (OSError, ValueError, OverflowError, termios.error) as error:
            refusal = str(error)
            if refusal != self._refusal:
                self._refusal = self.fault = refusal
                self.faults += 1
            return
        self._port = port
        self._fd = port.fileno()
        self._refusal = ""
        self.opens += 1
        self._hangup.register(self._fd, 0)

    def _lose(self, why: str) -> None:
        self.faults += 1
        self.fault = f"{self.path}: {why}"
        self.close()
