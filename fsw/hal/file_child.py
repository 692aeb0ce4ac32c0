"""A file that a forked child writes, so that a slow or full disk never holds up whoever has something to write.

The child appends each message to the file, in order, and leaves when the other end is closed and all is written; it
outlives its parent by just that. Imported, and forked, before flight's other imports. Off nominal: a disk that refuses
is a sentence on standard error and the end of the child; from then on nothing is taken.
"""

import os
import select
import socket
from typing import Final

from fsw.hal.child import fork

MESSAGE_OCTETS_MAX: Final = 65_536
STANDARD_ERROR: Final = 2
SOCKET_OCTETS: Final = 1 << 20
"""Room asked for between the two; the system may give less."""


class FileChild:
    """Appends to the file `path`, made if it is not there; `OSError` when it cannot be opened.

    Off nominal: a file that exists must begin with `begins_with`, else `ValueError`: no foreign file is written to.
    """

    def __init__(self, path: str, begins_with: bytes) -> None:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            begin = os.read(file, len(begins_with))
            if not begins_with.startswith(begin):
                raise ValueError("exists and is no such file")
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_OCTETS)
            self.pid = fork((file, theirs.fileno()), lambda: write_until_closed(theirs, file, path))
        finally:
            os.close(file)
        theirs.close()
        ours.setblocking(False)
        self._channel: socket.socket | None = ours

    def take(self, octets: bytes) -> bool:
        """Hand over octets, at most a message's; False when there is no room now, or no child."""
        assert 0 < len(octets) <= MESSAGE_OCTETS_MAX, "octets fit a message"
        if self._channel is None:
            return False
        try:
            self._channel.send(octets, socket.MSG_NOSIGNAL)
        except OSError:
            # Full for now, or for ever: flight goes on either way.
            return False
        return True

    def close(self, rest: bytes, deadline_ms: int) -> bool:
        """Hand over the rest and wait, within the deadline, until all is written; whether it was. Not for flight."""
        channel, self._channel = self._channel, None
        if channel is None:
            return False
        channel.settimeout(deadline_ms / 1000)
        try:
            for at in range(0, len(rest), MESSAGE_OCTETS_MAX):
                channel.send(rest[at : at + MESSAGE_OCTETS_MAX], socket.MSG_NOSIGNAL)
        except OSError:
            channel.close()
            return False
        watch = os.pidfd_open(self.pid)
        channel.close()
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        left = bool(poll.poll(deadline_ms))
        os.close(watch)
        return left and os.waitpid(self.pid, 0)[1] == 0


def write_until_closed(channel: socket.socket, file: int, path: str) -> None:
    """The child: write what comes until nothing more can come."""
    while octets := channel.recv(MESSAGE_OCTETS_MAX):
        try:
            while octets:
                octets = octets[os.write(file, octets) :]
        except OSError as error:
            os.write(STANDARD_ERROR, f"kratai fly: the recording ends: {path}: {error.strerror}\n".encode())
            os._exit(1)
