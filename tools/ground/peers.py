"""The connections of a session's clients: accepted, read, written without ever waiting for one (edge)."""

import socket
from typing import Final

from fsw.kernel.clock import Micros
from tools.ground.desk import Desk
from tools.ground.protocol import HELLO_OCTETS_MAX, LINE_OCTETS_MAX, Lines, Message, decode, encode

UNSENT_OCTETS_MAX: Final = 4_194_304
"""What a client may leave unread before messages for it are dropped and counted."""
HELLO_WAIT_US: Final = 5_000_000
READ_OCTETS: Final = 65_536


class _Peer:
    """A client's connection."""

    __slots__ = ("closing", "dropped", "lines", "since", "socket", "unsent")

    def __init__(self, connection: socket.socket, now: Micros) -> None:
        self.socket = connection
        self.lines = Lines(HELLO_OCTETS_MAX)
        self.unsent = bytearray()
        self.dropped = 0
        self.since = now
        self.closing = False


class Peers:
    """All connections; the desk decides what each may say and hears."""

    def __init__(self, listener: socket.socket, desk: Desk) -> None:
        self._listener = listener
        self._desk = desk
        self._peers: dict[int, _Peer] = {}
        self._number = 0

    def readers(self) -> list[socket.socket]:
        """Sockets that may have something to read."""
        return [self._listener, *(peer.socket for peer in self._peers.values())]

    def writers(self) -> list[socket.socket]:
        """Sockets that have something left to be written."""
        return [peer.socket for peer in self._peers.values() if peer.unsent]

    def read(self, readable: list[socket.socket], now: Micros) -> None:
        """Accept who is at the door and take what clients have written."""
        if self._listener in readable:
            self._accept(now)
        for number, peer in list(self._peers.items()):
            if peer.socket in readable:
                self._read(number, peer, now)

    def write(self, now: Micros) -> None:
        """Hand out the desk's replies, and let go of those who must leave."""
        for number, message in self._desk.take_replies():
            self._queue(number, message)
        for number in self._desk.take_leaving():
            if number in self._peers:
                self._peers[number].closing = True
        for number, peer in self._peers.items():
            if not self._desk.greeted(number) and now - peer.since > HELLO_WAIT_US:
                peer.closing = True
        self.write_all(now)

    def write_all(self, now: Micros) -> None:
        """Write what the clients' systems take at once."""
        for number, peer in list(self._peers.items()):
            try:
                while peer.unsent:
                    del peer.unsent[: peer.socket.send(bytes(peer.unsent[:READ_OCTETS]))]
            except BlockingIOError:
                continue
            except OSError:
                self._drop(number, now)
                continue
            if peer.closing:
                self._drop(number, now)

    def close(self, now: Micros) -> None:
        """Let all go."""
        for number in list(self._peers):
            self._drop(number, now)

    def _accept(self, now: Micros) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        self._number += 1
        if self._desk.connect(self._number):
            self._peers[self._number] = _Peer(connection, now)
        else:
            connection.close()

    def _read(self, number: int, peer: _Peer, now: Micros) -> None:
        try:
            octets = peer.socket.recv(READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self._drop(number, now)
            return
        for line in peer.lines.feed(octets):
            if not peer.closing:
                self._desk.message(number, decode(line), now)
                if self._desk.greeted(number):
                    peer.lines.octets_max = LINE_OCTETS_MAX
        if peer.lines.overlong:
            self._queue(number, {"error": "a line is too long"})
            peer.closing = True

    def _queue(self, number: int, message: Message) -> None:
        peer = self._peers.get(number)
        if peer is None:
            return
        if len(peer.unsent) > UNSENT_OCTETS_MAX:
            peer.dropped += 1
            return
        if peer.dropped:
            peer.unsent += encode({"dropped": peer.dropped})
            peer.dropped = 0
        peer.unsent += encode(message)

    def _drop(self, number: int, now: Micros) -> None:
        peer = self._peers.pop(number, None)
        if peer is not None:
            peer.socket.close()
            self._desk.disconnect(number, now)
