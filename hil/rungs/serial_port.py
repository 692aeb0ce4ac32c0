"""A port to a board: a serial device, or one behind a network (socket://, rfc2217://), that may vanish (POSIX; edge).

pyserial opens, sets and locks it; a descriptor, where there is one, is read and written without blocking. Opening a
network's port waits for its host, up to 5 s: nobody hears the lander meanwhile anyway.
"""

import os
import select
import termios
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

import serial

from hil.rungs.pty_line import READ_OCTETS_MAX, LineError

SCHEMES: Final = ("rfc2217", "socket")
_BUSY: Final = frozenset((11, 16))  # EAGAIN of the lock, EBUSY of the driver
_READS_MAX: Final = 64


def fault_of(url: str) -> str:
    """What is wrong with a port's name; empty when nothing is."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return "" if url else "is empty"
    if scheme not in SCHEMES:
        near = get_close_matches(scheme, SCHEMES, 1, 0.5)
        hint = f"did you mean {near[0]}://?" if near else f"a device, {SCHEMES[0]}:// or {SCHEMES[1]}://"
        return f"{scheme}:// is no way to a board; {hint}"
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.port is not None
    except ValueError:
        named = False
    return "" if named and rest else f"needs HOST:PORT behind {scheme}://"


class Port:
    """A `hil.rungs.pty_line.Device` with 8N1 at `baud` and no flow control, held for this program alone.

    Opened at once; `LineError` says in a sentence why that cannot be. A port that is lost takes and gives nothing until
    `reopen` finds it again; `fault` says how it was lost.
    """

    def __init__(self, url: str, baud: int) -> None:
        wrong = fault_of(url)
        if wrong:
            raise LineError(f"--port {url}: {wrong}")
        self.path = url
        self.fault = ""
        self._baud = baud
        self._network = url.partition("://")[0] if "://" in url else ""
        self._port: serial.Serial | None = None
        self._fd = -1
        self._hangup = select.poll()
        try:
            self._open()
        except (OSError, ValueError, termios.error) as error:
            raise LineError(f"--port {url}: {_reason(error)}") from None

    @property
    def is_open(self) -> bool:
        """Whether the port is there, as last seen."""
        return self._port is not None

    def reopen(self) -> bool:
        """Look for a lost port; whether it is there again."""
        try:
            self._open()
        except (OSError, ValueError, termios.error) as error:
            self.fault = _reason(error)
        return self.is_open

    def fileno(self) -> int:
        """The descriptor; -1 while there is none, and always for rfc2217://, which pyserial reads by itself."""
        return self._fd

    def read(self, octets_max: int) -> bytes:
        """What has arrived, at most so much."""
        if self._port is None:
            return b""
        try:
            if self._fd < 0:
                return bytes(self._port.read(octets_max))
            octets = os.read(self._fd, min(octets_max, READ_OCTETS_MAX))
        except BlockingIOError:
            return b""
        except OSError as error:
            self._lose(_reason(error))
            return b""
        # From a socket nothing is the end; from a terminal it is only nothing, unless that has hung up.
        if not octets and (self._network or self._hangup.poll(0)):
            self._lose("hung up")
        return octets

    def write(self, octets: bytes) -> int:
        """Hand octets over; how many were taken."""
        if self._port is None:
            return 0
        try:
            return os.write(self._fd, octets) if self._fd >= 0 else int(self._port.write(octets) or 0)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lose(_reason(error))
            return 0

    def flush(self) -> None:
        """Forget what waits in both directions."""
        for _ in range(_READS_MAX):
            if not self.read(READ_OCTETS_MAX):
                break
        if self._port is None or self._network:
            return
        try:
            self._port.reset_output_buffer()
        except (OSError, termios.error) as error:
            self._lose(_reason(error))

    def close(self) -> None:
        """Give the port back."""
        port, self._port, self._fd = self._port, None, -1
        self._hangup = select.poll()
        if port is None:
            return
        inner = getattr(port, "_socket", None)
        try:
            port.close()
        except (OSError, termios.error) as error:
            self.fault = _reason(error)
        if inner is not None:
            inner.close()  # pyserial 3.5 forgets to when the other end has hung up first

    def _open(self) -> None:
        if self._port is not None:
            return
        if self._network:
            port = serial.serial_for_url(self.path, baudrate=self._baud, timeout=0)
        else:
            port = serial.Serial(self.path, self._baud, timeout=0, write_timeout=0, exclusive=True)
        self._port = port
        if self._network != "rfc2217":
            self._fd = port.fileno()
            self._hangup.register(self._fd, 0)

    def _lose(self, why: str) -> None:
        self.close()
        self.fault = why


def _reason(error: BaseException) -> str:
    """Why a port cannot be used, in the system's words: pyserial wraps them in its own."""
    for one in (error, error.__context__):
        number = getattr(one, "errno", None)
        if number in _BUSY:
            return "another program has it open"
        if isinstance(number, int) and number > 0:
            return os.strerror(number)
        if isinstance(one, termios.error):
            return "is no terminal" if one.args[:1] == (25,) else str(one.args[-1])
    cause = error.__context__
    return str(getattr(cause, "strerror", None) or cause or error)
