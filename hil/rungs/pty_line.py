"""The bench's end of a line: what it needs of a device, and a pseudo-terminal of its own making (POSIX; edge)."""

import fcntl
import os
import struct
import termios
import time
import tty
from pathlib import Path
from typing import Final, Protocol

READ_OCTETS_MAX: Final = 4096
FULL_OCTETS: Final = 4095
"""What a pseudo-terminal holds for a reader that does not read."""
DEAF_S: Final = 0.1
"""Full for so long: nobody listens, and what was said is lost as on a wire."""
LINKS_MAX: Final = 9


class LineError(Exception):
    """A line that cannot be opened; the text is the sentence for the user."""


class Device(Protocol):
    """What the emulator needs of its end of a line. No call blocks."""

    path: str
    """What the payload is told to open."""

    def fileno(self) -> int:
        """Descriptor that is readable when octets have come; -1 while there is none."""

    def read(self, octets_max: int) -> bytes:
        """At most so many octets that have come; empty for none."""

    def write(self, octets: bytes) -> int:
        """Hand octets to the line; how many it took."""

    def flush(self) -> None:
        """Forget all that is under way: the board has lost its power."""

    def close(self) -> None:
        """Give everything back."""


class PtyLine:
    """A pseudo-terminal in raw mode whose payload end lives as long as this object, whoever opens and closes it.

    `path` is the payload's end, `link` a symbolic link to it (None for none). While nobody has read for 100 ms and the
    terminal is full, what it holds is thrown away, so that a payload that starts late does not read the past.
    """

    def __init__(self, link: Path | None = None) -> None:
        try:
            self._master, self._slave = os.openpty()
        except OSError as error:
            raise LineError(f"no pseudo-terminal to be had: {error.strerror}") from None
        os.set_blocking(self._master, False)
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.link = link
        self._full_since: float | None = None
        if link is not None:
            try:
                _point(link, self.path)
            except OSError as error:
                self.link = None
                self.close()
                raise LineError(f"--link {link}: {error.strerror}") from None

    def fileno(self) -> int:
        """The emulator's end."""
        return self._master

    def read(self, octets_max: int) -> bytes:
        """What the payload has sent, at most so much."""
        try:
            return os.read(self._master, min(octets_max, READ_OCTETS_MAX))
        except BlockingIOError:
            return b""

    def write(self, octets: bytes) -> int:
        """Give octets to the payload; fewer are taken when it does not read."""
        if self._deaf():
            return 0
        try:
            return os.write(self._master, octets)
        except BlockingIOError:
            return 0

    def _deaf(self) -> bool:
        """Whether nobody reads; then the past is thrown away."""
        if self.unread_octets() < FULL_OCTETS:
            self._full_since = None
            return False
        now = time.monotonic()
        if self._full_since is None:
            self._full_since = now
        if now - self._full_since < DEAF_S:
            return False
        self._drop_input()
        return True

    def unread_octets(self) -> int:
        """Octets that wait for the payload."""
        return int(struct.unpack("i", fcntl.ioctl(self._slave, termios.FIONREAD, b"\0\0\0\0"))[0])

    def _drop_input(self) -> None:
        """Empty what waits for the payload, also what follows from behind the terminal's own buffer."""
        for _ in range(32):
            termios.tcflush(self._slave, termios.TCIFLUSH)
            if not self.unread_octets():
                return

    def flush(self) -> None:
        """Forget what waits in both directions."""
        self._drop_input()
        while self.read(READ_OCTETS_MAX):
            pass
        self._full_since = None

    def close(self) -> None:
        """Close both ends; the link goes if it is still ours."""
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1
        if self.link is not None and self.link.is_symlink() and os.readlink(self.link) == self.path:
            self.link.unlink()


def default_link(folder: Path) -> Path:
    """The first of a few names in `folder` that no other living emulator uses."""
    names = ["kratai-line", *(f"kratai-line-{number}" for number in range(2, LINKS_MAX + 1))]
    paths = [folder / name for name in names]
    return next((path for path in paths if not path.exists()), paths[-1])


def _point(link: Path, target: str) -> None:
    """Make `link` point to `target`, in one step; only a link that is none, or a symbolic one, is replaced."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(17, "exists and is no symbolic link")
    link.parent.mkdir(parents=True, exist_ok=True)
    new = link.with_name(f"{link.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)
