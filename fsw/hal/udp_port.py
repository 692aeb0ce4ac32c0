"""A network in the place of a serial line: one frame a datagram, from and to one peer; for carrier `udp`.

A line port is a stream of octets. So that one carrier serves a network and a simulated line, this port stands between
ENDs (RFC 1055) on the stream's side what is one datagram on the network's side.
"""

import socket
from typing import Final

from fsw.ccsds import slip
from fsw.hal.ports import LineState
from fsw.kernel.clock import Micros

SCHEME: Final = "udp://"
REOPEN_US: Final = 250_000
DATAGRAM_OCTETS_MAX: Final = 2048
"""Longer ones are cut by the system, and then refused by their frame's checksum."""
DATAGRAMS_A_READ: Final = 32

Address = tuple[str, int]


class AddressError(Exception):
    """What is wrong with an address, in one sentence."""


def parse(port: str) -> Address:
    """Numeric host and port of `udp://HOST:PORT`; `AddressError` where there is no such host or port."""
    host, colon, number = port.removeprefix(SCHEME).rpartition(":")
    if not (colon and host and number.isascii() and number.isdigit() and 0 < int(number) <= 0xFFFF):
        raise AddressError(f"{port} is not udp://HOST:PORT with a port from 1 to 65535")
    try:
        return socket.gethostbyname(host), int(number)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"{port}: {getattr(error, 'strerror', None) or 'is no host'}") from None


class UdpLine:
    """A `LinePort` over UDP to and from `peer`. Datagrams may be lost without a word: that is what UDP promises.

    Off nominal: a socket that fails is counted in `faults`, closed, and opened anew at most every 250 ms; a peer that
    is not there yet is no fault, as a serial line has none for a receiver that is switched off.
    """

    def __init__(self, peer: Address) -> None:
        self.peer = peer
        self.opens = 0
        self.faults = 0
        self.fault = ""
        self._socket: socket.socket | None = None
        self._units = slip.SlipDecoder(DATAGRAM_OCTETS_MAX)
        self._refusal = ""
        self._retry_us = Micros(0)

    def __len__(self) -> int:
        return 1  # a datagram may have come: asking the system costs as much as reading

    @property
    def state(self) -> LineState:
        """Whether there is a socket."""
        return LineState.CLOSED if self._socket is None else LineState.OPEN

    def fileno(self) -> int:
        """The socket's descriptor; -1 while there is none."""
        return -1 if self._socket is None else self._socket.fileno()

    def read(self) -> bytes:
        """Datagrams that have come, at most 32, each between ENDs."""
        octets = b""
        for _ in range(DATAGRAMS_A_READ):
            if self._socket is None:
                break
            try:
                octets += slip.encode(self._socket.recv(DATAGRAM_OCTETS_MAX))
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                continue  # the peer's answer to a datagram of ours: nobody listens yet
            except OSError as error:
                self._lose(error)
        return octets

    def write(self, octets: bytes) -> int:
        """Send every datagram that these octets complete; the port takes them all, or none without a socket."""
        if self._socket is None:
            return 0
        for unit in self._units.feed(octets):
            if isinstance(unit.content, bytes) and self._socket is not None:
                self._send(self._socket, unit.content)
        return len(octets)

    def _send(self, to: socket.socket, datagram: bytes) -> None:
        try:
            to.send(datagram)
        except (BlockingIOError, ConnectionRefusedError):
            return  # lost, as on any network
        except OSError as error:
            self._lose(error)

    def poll(self, now: Micros) -> LineState:
        """Open a missing socket, at most every 250 ms; returns the state."""
        if self._socket is None and now >= self._retry_us:
            self._retry_us = Micros(now + REOPEN_US)
            self._open()
        return self.state

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        self._units = slip.SlipDecoder(DATAGRAM_OCTETS_MAX)
        fresh = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            fresh.setblocking(False)
            fresh.connect(self.peer)
        except OSError as error:
            fresh.close()
            if str(error) != self._refusal:
                self._refusal = str(error)
                self._count(error)
            return
        self._socket = fresh
        self._refusal = ""
        self.opens += 1

    def _lose(self, error: OSError) -> None:
        self._count(error)
        self.close()

    def _count(self, error: OSError) -> None:
        self.faults += 1
        self.fault = f"{SCHEME}{self.peer[0]}:{self.peer[1]}: {error.strerror or error}"
