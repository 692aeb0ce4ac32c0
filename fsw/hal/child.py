"""A device server as one forked child behind a `SOCK_SEQPACKET` pair (architecture, rule 4).

The child holds nothing of the parent's but standard input, output and error, ignores SIGINT and SIGTERM, and begins no
request once the parent's end is closed: it dies with the parent by the parent-death signal, and leaves on end of file.
The parent never waits for it. This module is imported, and the children are forked, before flight's other imports.
"""

import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Final, NoReturn

from fsw.kernel.bus import ID_OCTETS, MESSAGE_OCTETS_MAX, Server

_PR_SET_PDEATHSIG: Final = 1
_SHIELDED: Final = (signal.SIGINT, signal.SIGTERM)
FIRST_OWN_FD: Final = 3
"""Descriptors below are standard input, output and error."""


class ChildWire:
    """A `kernel.bus.Wire` to a child process that serves `server_factory()`; forked at construction.

    The factory runs in the child: what it imports and opens costs the parent nothing.
    """

    def __init__(self, name: str, server_factory: Callable[[], Server]) -> None:
        self.name = name
        self.forks = 0
        self.pid = 0
        self._factory = server_factory
        self._channel: socket.socket | None = None
        self._unreaped: set[int] = set()
        self._fork()

    def send(self, message: bytes) -> bool:
        """Hand over a message; False when the socket is full or the child is gone."""
        assert len(message) <= MESSAGE_OCTETS_MAX, "a message fits the wire"
        if self._channel is None:
            return False
        try:
            self._channel.send(message, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            self._hang_up()
            return False
        return True

    def receive(self) -> bytes | None:
        """The next message; None when there is none now, or the child is gone."""
        if self._channel is None:
            return None
        try:
            message = self._channel.recv(MESSAGE_OCTETS_MAX)
        except BlockingIOError:
            return None
        except OSError:
            message = b""
        if not message:
            self._hang_up()
            return None
        return message

    def fileno(self) -> int:
        """The descriptor that becomes readable when there is something to receive; -1 when the child is gone."""
        return -1 if self._channel is None else self._channel.fileno()

    def restart(self) -> None:
        """Kill the child and fork a new one; the dead one is reaped when it is, not waited for."""
        self._kill()
        self._fork()

    def alive(self) -> bool:
        """Whether the child still serves; reaps what has died."""
        self._reap()
        return self._channel is not None and self.pid in self._unreaped

    def close(self) -> None:
        """Close this end: the child finishes the request in hand, begins no other, and leaves."""
        self._hang_up()
        self._reap()

    def _hang_up(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _kill(self) -> None:
        self._hang_up()
        self._reap()
        if self.pid in self._unreaped:
            os.kill(self.pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in tuple(self._unreaped):
            try:
                done, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                done = pid
            if done == pid:
                self._unreaped.discard(pid)

    def _fork(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()

        def live() -> None:
            _die_with(parent)
            serve_forever(theirs, self._factory())

        pid = fork((theirs.fileno(),), live)
        theirs.close()
        ours.setblocking(False)
        self._channel = ours
        self.pid = pid
        self.forks += 1
        self._unreaped.add(pid)


def fork(keep: Collection[int], life: Callable[[], None]) -> int:
    """Fork a child that has of the parent's only the standard descriptors and `keep`; its process id."""
    # A signal between the fork and the child's own disposition would run the parent's handler in the child.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SHIELDED)
    pid = os.fork()
    if pid == 0:
        _live(keep, life, unblocked)
    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    return pid


def _live(keep: Collection[int], life: Callable[[], None], signals: set[signal.Signals | int]) -> NoReturn:
    """The whole life of the child; it never returns into the parent's program."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in _SHIELDED:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        _close_all_but(keep)
        life()
        code = 0
    finally:
        kind, error, trace = sys.exc_info()
        if kind is not None and error is not None:
            sys.excepthook(kind, error, trace)
        os._exit(code)


def serve_forever(channel: socket.socket, server: Server) -> None:
    """Answer requests in order until the other end is closed, even if requests then still wait in the socket."""
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    while True:
        for _, events in poll.poll():
            if events & (select.POLLHUP | select.POLLERR):
                return
        message = channel.recv(MESSAGE_OCTETS_MAX)
        answer = server.serve(message[ID_OCTETS:])
        try:
            channel.send(message[:ID_OCTETS] + answer, socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            return


def _close_all_but(keep: Collection[int]) -> None:
    """Close every descriptor of the parent's but the standard ones and those."""
    try:
        open_fds = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        bounds = (FIRST_OWN_FD - 1, *sorted(keep), os.sysconf("SC_OPEN_MAX"))
        for kept, following in pairwise(bounds):
            os.closerange(kept + 1, following)
        return
    for other in open_fds:
        if other >= FIRST_OWN_FD and other not in keep:
            # One closerange a descriptor: the listing's own is gone already, and closerange does not mind.
            os.closerange(other, other + 1)


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; end it now if the parent already has."""
    try:
        import ctypes  # noqa: PLC0415 - only the child pays for it

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        # Without the signal the end of file still ends the child.
        pass
    if os.getppid() != parent:
        os._exit(0)
