"""A client of the ground process: finds it by its state directory, starts it when absent, speaks its lines (edge).

It connects to nothing but the port that `session.json` names, or to the session that the environment names
(`credentials.py`), by TLS then. Two clients that find no session both start one; the
lock lets one of them live, and both clients end up with it.
"""

import os
import select
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tools.ground import state
from tools.ground.credentials import TOKEN, TOKEN_FILE, Credentials, CredentialsError, credentials
from tools.ground.protocol import Lines, Message, decode, encode
from tools.ground.records import Data
from tools.ground.tls import TlsError, client_context

START_WAIT_S: Final = 20.0
HELLO_WAIT_S: Final = 3.0
_RETRY_S: Final = 0.05
_READ_OCTETS: Final = 65_536


class ClientError(Exception):
    """There is no session to talk to; the text is one sentence."""


class Client:
    """One connection that has been greeted; `about` is what the session told of itself."""

    def __init__(self, connection: socket.socket, about: dict[str, Data], lines: Lines, early: list[bytes]) -> None:
        self.about = about
        self._socket = connection
        self._lines = lines
        self._early = early
        self._request = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(self, op: str, **fields: Data) -> int:
        """Send one request; return its id, which the answers carry."""
        self._request += 1
        try:
            self._socket.settimeout(HELLO_WAIT_S)
            self._socket.sendall(encode({"id": self._request, "op": op, **fields}))
        except OSError as error:
            raise ClientError("the ground session has gone") from error
        return self._request

    def messages(self, seconds: float | None) -> Iterator[Message]:
        """What the session says, until `seconds` from now are over (None: no end). Raises ClientError when it goes."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            for line in self._early:
                message = decode(line)
                if isinstance(message, dict):
                    yield message
            self._early = []
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            if not select.select([self._socket], [], [], left)[0]:
                return
            self._early = self._read()

    def wait(self, request: int, seconds: float = 10.0) -> Message:
        """The answer to one request, others passed over; ClientError when none comes in time."""
        for message in self.messages(seconds):
            if message.get("id") == request:
                return message
        raise ClientError(f"the ground session did not answer within {seconds:g} s")

    def _read(self) -> list[bytes]:
        try:
            self._socket.setblocking(False)  # TLS may have read something that is no data
            octets = self._socket.recv(_READ_OCTETS)
        except (BlockingIOError, ssl.SSLWantReadError):
            return []
        except OSError:
            octets = b""
        if not octets:
            raise ClientError("the ground session has gone")
        return self._lines.feed(octets)


def join(folder: Path) -> Client | None:
    """A connection to the session of this directory, or to the one that the environment names; None when there is
    none. ClientError where it lets us not in."""
    try:
        own = credentials(os.environ)
        if own.ground is not None:
            return _elsewhere(own, own.ground)
        found = state.find(folder)
        return None if found is None else _here(found, own)
    except (CredentialsError, TlsError) as error:
        raise ClientError(str(error)) from error


def join_or_start(folder: Path, start: Sequence[str], wait_s: float = START_WAIT_S) -> Client:
    """A connection to the session of this directory, which `start` begins if there is none.

    `start` is a command line that becomes the session and ends by itself where another one holds the directory.
    """
    client = join(folder)
    if client is not None:
        return client
    state.prepare(folder)
    log = folder / state.LOG
    began = log.stat().st_size if log.exists() else 0
    deadline = time.monotonic() + wait_s
    child = _start(start, log)
    while time.monotonic() < deadline:
        client = join(folder)
        if client is not None:
            if client.about.get("pid") != child.pid and child.poll() is None:
                child.terminate()  # ours waits for a lock that the other one holds
                child.wait()
            return client
        if child.poll() not in (None, 0) and not _held(log, began):
            break
        time.sleep(_RETRY_S)
    if child.poll() is None:
        child.terminate()
        child.wait()
    said = _said(log, began) or f"the ground session did not start within {wait_s:g} s"
    raise ClientError(said)


def _here(found: state.Found, own: Credentials) -> Client | None:
    """The session of this machine; None where nobody answers, or nobody who knows the token of its own file."""
    tls = client_context(Path(found.certificate), same_machine=True) if found.certificate else None
    try:
        connection = _connect((found.host, found.port), tls)
    except OSError:
        return None
    greeted = _greet(connection, found.token or own.token)
    if isinstance(greeted, Client):
        return greeted
    if found.token or not greeted:
        return None
    lacking = f"{greeted}: yours is expected in {TOKEN_FILE} or {TOKEN}"
    raise ClientError(f"{found.host}:{found.port}: {lacking}")


def _elsewhere(own: Credentials, ground: tuple[str, int]) -> Client:
    """The session that the environment names."""
    where = f"the ground session at {ground[0]}:{ground[1]}"
    try:
        connection = _connect(ground, client_context(own.authority, same_machine=False))
    except ssl.SSLError as error:
        raise ClientError(f"{where} is not to be trusted: {error.reason or error}") from error
    except OSError as error:
        raise ClientError(f"{where} does not answer: {error.strerror or error}") from error
    greeted = _greet(connection, own.token)
    if isinstance(greeted, str):
        raise ClientError(f"{where} lets us not in: {greeted or 'no answer'}")
    return greeted


def _connect(to: tuple[str, int], tls: ssl.SSLContext | None) -> socket.socket:
    connection = socket.create_connection(to, HELLO_WAIT_S)
    if tls is None:
        return connection
    try:
        return tls.wrap_socket(connection, server_hostname=to[0])
    except OSError:
        connection.close()
        raise


def _greet(connection: socket.socket, token: str) -> Client | str:
    """Show the token; a sentence, or nothing, where it does not open the door."""
    lines = Lines()
    try:
        connection.sendall(encode({"op": "hello", "token": token}))
        deadline = time.monotonic() + HELLO_WAIT_S
        got: list[bytes] = []
        while not got:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            octets = connection.recv(_READ_OCTETS)
            if not octets:
                break
            got = lines.feed(octets)
    except OSError:
        got = []
    answer = decode(got[0]) if got else ""
    about = answer.get("hello") if isinstance(answer, dict) else None
    if not isinstance(about, dict):
        connection.close()
        return str(answer.get("error", "")) if isinstance(answer, dict) else ""
    return Client(connection, about, lines, got[1:])


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the session apart from this terminal; it outlives us."""
    try:
        with log.open("ab") as file:
            return subprocess.Popen(  # noqa: S603 - our own command line
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                start_new_session=os.name != "nt",
                env={name: value for name, value in os.environ.items() if name not in (TOKEN, TOKEN_FILE)},
            )
    except OSError as error:
        raise ClientError(f"the ground session cannot be started: {error.strerror}") from error


def _said(log: Path, began: int) -> str:
    """The last line that the process we started left in its log."""
    try:
        with log.open("rb") as file:
            file.seek(began)
            lines = file.read(_READ_OCTETS).decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("kratai: ") if lines else ""


def _held(log: Path, began: int) -> bool:
    """Whether the process we started left because another session holds the directory."""
    return state.HELD in _said(log, began)
