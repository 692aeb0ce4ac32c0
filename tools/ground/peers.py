"""The connections of a session's clients: accepted, read, written without ever waiting for one (edge).

Who has shown no token is a stranger: a few at a time, the oldest gives way to the next, and none stays for long. So
strangers cannot keep operators out, and an operator costs no more than its own connection.
"""

import ipaddress
import socket
import ssl
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from tools.ground.desk import CLIENTS_MAX, Desk
from tools.ground.protocol import HELLO_OCTETS_MAX, LINE_OCTETS_MAX, Lines, Message, decode, encode

UNSENT_OCTETS_MAX: Final = 4_194_304
"""What a client may leave unread before messages for it are dropped and counted."""
HELLO_WAIT_US: Final = 5_000_000
LEAVE_WAIT_US: Final = 5_000_000
"""For one who must leave and does not read why."""
STRANGERS_MAX: Final = 16
READ_OCTETS: Final = 16_384  # a TLS record: nothing of one stays behind unread
_LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Address = tuple[str, int]
assert STRANGERS_MAX < CLIENTS_MAX


class PeersError(Exception):
    """Clients cannot be listened for; the text is one sentence."""


class Listening(NamedTuple):
    """Where clients come to: a socket, TLS or none, and where one of the same machine finds it."""

    socket: socket.socket
    tls: ssl.SSLContext | None
    near: Address


def listening(at: Address, tls: ssl.SSLContext | None, *, operators: bool) -> Listening:
    """Begin to listen; wider than loopback only with TLS and with operators."""
    host, port = at[0].strip("[]"), at[1]
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = ipaddress.ip_address(str(where[0]).partition("%")[0])
        if not bound.is_loopback and (tls is None or not operators):
            lacking = "--tls-cert and --tls-key" if tls is None else "operators with tokens (kratai operators add)"
            raise PeersError(f"{host} is wider than loopback: a ground session listens there only with {lacking}")
        made = socket.create_server((str(where[0]), port), family=family, backlog=16)
    except OSError as error:
        raise PeersError(f"{host}:{port} for clients is not to be had: {error.strerror}") from error
    made.setblocking(False)
    near = str(bound) if not bound.is_unspecified else "::1" if bound.version == 6 else "127.0.0.1"
    return Listening(made, tls, (near, int(made.getsockname()[1])))


class _Peer:
    """A client's connection."""

    __slots__ = ("closing", "dropped", "leave_by", "lines", "origin", "since", "socket", "unsent")

    def __init__(self, connection: socket.socket, origin: str, now: Micros) -> None:
        self.socket = connection
        self.origin = origin
        self.lines = Lines(HELLO_OCTETS_MAX)
        self.unsent = bytearray()
        self.dropped = 0
        self.since = now
        self.closing = False
        self.leave_by: Micros | None = None


class Peers:
    """All connections; the desk decides what each may say and hears."""

    def __init__(self, listening: Listening, desk: Desk) -> None:
        self._listener, self._tls, _ = listening
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
        for number in [number for number in self._strangers() if now - self._peers[number].since > HELLO_WAIT_US]:
            self._turn_away(number, "no hello in time", now)
        self.write_all(now)

    def write_all(self, now: Micros) -> None:
        """Write what the clients' systems take at once."""
        for number, peer in list(self._peers.items()):
            try:
                while peer.unsent:
                    del peer.unsent[: peer.socket.send(bytes(peer.unsent[:READ_OCTETS]))]
            except _LATER:
                if not peer.closing:
                    continue
                peer.leave_by = peer.leave_by or Micros(now + LEAVE_WAIT_US)
                if now < peer.leave_by:
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
            connection, where = self._listener.accept()
        except OSError:
            return
        origin = f"{where[0]}:{where[1]}"
        try:
            connection.setblocking(False)
            if self._tls is not None:  # shaken hands with at the first reading
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        except (OSError, ValueError):  # gone already
            connection.close()
            return
        strangers = self._strangers()
        if len(strangers) >= STRANGERS_MAX or (strangers and len(self._peers) >= CLIENTS_MAX):
            self._turn_away(strangers[0], "too many strangers", now)
        self._number += 1
        if self._desk.connect(self._number, origin):
            self._peers[self._number] = _Peer(connection, origin, now)
        else:
            self._desk.turn_away("too many clients", origin, now)
            connection.close()

    def _strangers(self) -> list[int]:
        """Connections that have shown no token, the oldest first."""
        return [number for number in self._peers if not self._desk.greeted(number)]

    def _turn_away(self, number: int, reason: str, now: Micros) -> None:
        self._desk.turn_away(reason, self._peers[number].origin, now)
        self._drop(number, now)

    def _read(self, number: int, peer: _Peer, now: Micros) -> None:
        try:
            octets = peer.socket.recv(READ_OCTETS)
        except _LATER:
            return
        except ssl.SSLError:
            self._turn_away(number, "no TLS", now)
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
        if peer.lines.overlong and not peer.closing:
            self._desk.turn_away("a line is too long", peer.origin, now)
            self._queue(number, {"error": "a line is too long"})
            peer.closing = True

    def _queue(self, number: int, message: Message) -> None:
        peer = self._peers.get(number)
        if peer is None:
            return
        if len(peer.unsent) > UNSENT_OCTETS_MAX:
            peer.dropped += 1
            self._desk.refusals["messages dropped, not read in time"] += 1
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
