"""The emulator's end of a network in the place of a serial line: one frame a datagram, for carrier `udp` (edge).

Listens at an address and answers whoever spoke last, as a lander would that has one payload on its network. On the
stream's side stands between ENDs (RFC 1055) what is one datagram on the network's side, as in flight's own port.
"""

import socket
from typing import Final

from fsw.ccsds import slip
from hil.rungs.pty_line import LineError

SCHEME: Final = "udp://"
DATAGRAM_OCTETS_MAX: Final = 2048
DATAGRAMS_A_READ: Final = 16


class UdpLine:
    """A `hil.rungs.pty_line.Device` over UDP at `udp://HOST:PORT`, port 0 for any; `path` says which it is."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix(SCHEME).rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 0xFFFF:
            raise LineError(f"--port {url}: not udp://HOST:PORT with a port from 0 to 65535")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind((host, int(port)))
        except (OSError, UnicodeError) as error:
            self._socket.close()
            raise LineError(f"--port {url}: {getattr(error, 'strerror', None) or 'is no host'}") from None
        self.path = f"{SCHEME}{host}:{self._socket.getsockname()[1]}"
        self._payload: tuple[str, int] | None = None
        self._units = slip.SlipDecoder(DATAGRAM_OCTETS_MAX)
        self._waiting = b""

    def fileno(self) -> int:
        """The socket."""
        return self._socket.fileno()

    def read(self, octets_max: int) -> bytes:
        """Octets of the datagrams that have come, at most so many at once."""
        for _ in range(DATAGRAMS_A_READ):
            if len(self._waiting) >= octets_max:
                break
            try:
                datagram, self._payload = self._socket.recvfrom(DATAGRAM_OCTETS_MAX)
            except (BlockingIOError, ConnectionError):
                break
            self._waiting += slip.encode(datagram)
        taken, self._waiting = self._waiting[:octets_max], self._waiting[octets_max:]
        return taken

    def write(self, octets: bytes) -> int:
        """Send the datagrams that these octets complete to the payload that spoke last; all octets are taken."""
        for unit in self._units.feed(octets):
            if isinstance(unit.content, bytes) and self._payload is not None:
                try:
                    self._socket.sendto(unit.content, self._payload)
                except OSError:
                    continue  # lost, as on any network
        return len(octets)

    def flush(self) -> None:
        """Forget what waits in both directions."""
        while self.read(DATAGRAM_OCTETS_MAX):
            pass
        self._units = slip.SlipDecoder(DATAGRAM_OCTETS_MAX)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
