"""A board on a wire behind a network: the flight program on a pty, a thread that carries octets to one TCP client.

The cable can be pulled: the client is shut out, and let in again when the board has said `UNHEARD_OCTETS` to nobody.
"""

import select
import socket
import sys
import threading
from pathlib import Path

from hil.rungs.board_process import BoardProcess
from hil.rungs.pty_line import PtyLine

DEADLINE_S = 60
UNHEARD_OCTETS = 900


class Wire:
    def __init__(self, folder: Path) -> None:
        self._pty = PtyLine()
        command = f"{sys.executable} -m fsw --port {{port}} --line default --clear --state {folder} --sensors {folder}"
        self._board = BoardProcess(command)
        self._board.power_on(self._pty.path)
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self._address = self._listener.getsockname()
        self.url = f"socket://127.0.0.1:{self._address[1]}"
        self._client: socket.socket | None = None
        self._unheard = 0
        self._ear, self._mouth = socket.socketpair()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def pull(self) -> None:
        """Take the cable out; when this returns it is out. It comes back by itself."""
        self._mouth.send(b"pull")
        assert select.select([self._mouth], [], [], DEADLINE_S)[0]
        assert self._mouth.recv(16) == b"out"

    def close(self) -> None:
        self._mouth.close()
        self._thread.join(DEADLINE_S)
        self._board.power_off()
        self._pty.close()
        for one in (self._client, self._listener, self._ear):
            if one is not None:
                one.close()

    def _carry(self) -> None:
        while True:
            watched = [one for one in (self._ear, self._listener, self._client) if one is not None]
            ready, _, _ = select.select([*(one.fileno() for one in watched), self._pty.fileno()], [], [], DEADLINE_S)
            if not ready:
                return
            if self._pty.fileno() in ready:
                self._down(self._pty.read(4096))
            if self._client is not None and self._client.fileno() in ready:
                octets = self._client.recv(4096)
                if octets:
                    self._pty.write(octets)
                else:
                    self._client.close()
                    self._client = None
            if self._listener is not None and self._listener.fileno() in ready:
                self._client, _ = self._listener.accept()
            if self._ear.fileno() in ready:
                if not self._ear.recv(16):
                    return
                self._shut_out()
                self._ear.send(b"out")

    def _down(self, octets: bytes) -> None:
        if self._client is not None:
            self._client.sendall(octets)
            return
        self._unheard += len(octets)
        if self._listener is None and self._unheard > UNHEARD_OCTETS:
            self._listener = socket.create_server(self._address)

    def _shut_out(self) -> None:
        self._unheard = 0
        for one in (self._listener, self._client):
            if one is not None:
                one.close()
        self._listener = self._client = None
