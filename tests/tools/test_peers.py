"""Connections: strangers who are many, slow, huge or hostile are refused by name, and an operator notices nothing."""

import contextlib
import json
import select
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load
from tests.tools import tls_files
from tools.ground.desk import Desk
from tools.ground.door import Door
from tools.ground.operators import Book, Operator, save
from tools.ground.peers import HELLO_WAIT_US, STRANGERS_MAX, Peers, PeersError, listening
from tools.ground.profile import Profile
from tools.ground.protocol import HELLO_OCTETS_MAX, Message, encode
from tools.ground.records import Note
from tools.ground.roles import Role
from tools.ground.session import Session
from tools.ground.tls import TlsError, client_context, server_context

DATABASE = load().database
DEADLINE_S = 20.0


class House:
    """A session's door on loopback, on a clock of its own; with TLS where a folder for its certificate is given."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        book, _, self.token = Book().with_operator("ann", Role.OPERATOR, None)
        save(folder, book)
        self.now = Micros(0)
        self.session = Session(DATABASE, Profile(), self.now)
        self.desk = Desk(self.session, Door(folder, Operator("jane", Role.ENGINEER, None), "t"), {})
        context, self.trusted = None, None
        if tls:
            certificate, key = tls_files.made(folder)
            context, self.trusted = server_context(certificate, key), certificate
        self.listening = listening(("127.0.0.1", 0), context, operators=True)
        self.peers = Peers(self.listening, self.desk)
        self.calls: list[socket.socket] = []

    def call(self) -> socket.socket:
        """Somebody at the door, who has not said anything; by TLS not even that they speak it."""
        made = socket.create_connection(self.listening.near, DEADLINE_S)
        self.calls.append(made)
        self.turn()
        return made

    def operator(self) -> socket.socket:
        """Ann, who has been let in."""
        made = self.call()
        if self.trusted is not None:
            made = client_context(self.trusted, same_machine=True).wrap_socket(
                made, server_hostname="127.0.0.1", do_handshake_on_connect=False
            )
            self.calls.append(made)
            made.setblocking(False)
            self.shake(made)
        self.say(made, {"op": "hello", "token": self.token})
        assert "hello" in self.hear(made)
        return made

    def shake(self, made: ssl.SSLSocket) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                made.do_handshake()
            except ssl.SSLWantReadError:
                self.turn()
            else:
                return
        raise AssertionError("no handshake in time")

    def say(self, made: socket.socket, message: Message) -> None:
        made.sendall(encode(message))
        self.turn()

    def hear(self, made: socket.socket) -> Message:
        """The next line, while the house goes on; {} when the house has hung up."""
        deadline, line = time.monotonic() + DEADLINE_S, b""
        made.setblocking(False)
        while time.monotonic() < deadline:
            try:
                octets = made.recv(65_536)
            except (BlockingIOError, ssl.SSLWantReadError):
                self.turn()
                continue
            except ConnectionResetError:
                return {}
            line += octets
            if not octets or line.endswith(b"\n"):
                found: Message = json.loads(line.split(b"\n")[0]) if line else {}
                return found
        raise AssertionError("nothing in time")

    def turn(self) -> None:
        """As the process does: wait a little for anybody, read, write."""
        readable, _, _ = select.select(self.peers.readers(), [], [], 0.01)
        self.peers.read(readable, self.now)
        self.peers.write(self.now)

    def close(self) -> None:
        for each in (*self.calls, self.listening.socket):
            each.close()
        self.peers.close(self.now)


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, tls=request.param)
    yield made
    made.close()


def served(house: House, ann: socket.socket) -> bool:
    house.say(ann, {"id": 1, "op": "status"})
    return "status" in house.hear(ann)


@pytest.mark.proves("K-GND-011")
def test_strangers_give_way_to_strangers_and_not_operators(house: House) -> None:
    ann = house.operator()
    for _ in range(3 * STRANGERS_MAX):
        house.call()
    assert house.desk.refusals["too many strangers"] == 2 * STRANGERS_MAX
    assert served(house, ann)
    assert served(house, house.operator()), "who has a token comes in through the crowd"


@pytest.mark.proves("K-GND-011")
def test_who_says_nothing_is_let_go(house: House) -> None:
    ann = house.operator()
    silent = [house.call() for _ in range(5)]
    house.now = Micros(house.now + HELLO_WAIT_US)
    house.turn()
    assert "no hello in time" not in house.desk.refusals
    house.now = Micros(house.now + 1)
    house.turn()
    assert house.desk.refusals["no hello in time"] == 5
    assert [house.hear(each) for each in silent] == [{}] * 5
    assert served(house, ann)
    notes = [record.text for record in house.session.take_records() if isinstance(record, Note)]
    assert notes == ["no hello in time: 127.0.0.1"], "a crowd of one host is one remark a second"


@pytest.mark.proves("K-GND-011")
@pytest.mark.parametrize("octets", [b"\x00" * 20_000, b"\n" * 5_000, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 9])
def test_noise_is_refused_by_name(house: House, octets: bytes) -> None:
    ann = house.operator()
    noisy = house.call()
    noisy.sendall(octets)
    for _ in range(20):
        house.turn()
    house.now = Micros(house.now + HELLO_WAIT_US + 1)
    house.turn()
    reasons = {"no TLS", "a line is too long", "no hello with a token of this session", "no hello in time"}
    assert sum(house.desk.refusals.values()) == 1
    assert set(house.desk.refusals) < reasons
    assert served(house, ann)


@pytest.mark.proves("K-GND-011")
def test_a_hello_is_short(tmp_path: Path) -> None:
    house = House(tmp_path, tls=False)
    try:
        caller = house.call()
        house.say(caller, {"op": "hello", "token": "x" * HELLO_OCTETS_MAX})
        assert house.hear(caller) == {"error": "a line is too long"}
        guesser = house.call()
        house.say(guesser, {"op": "hello", "token": "guess"})
        assert house.hear(guesser) == {"error": "the first message is hello with a token of this session"}
        assert house.desk.refusals == {"a line is too long": 1, "no hello with a token of this session": 1}
    finally:
        house.close()


@pytest.mark.proves("K-GND-011")
def test_who_does_not_read_is_dropped_on_and_nobody_else(house: House) -> None:
    ann, lazy = house.operator(), house.operator()
    lazy.setblocking(False)
    asked = encode({"id": 1, "op": "status"}) * 100
    for _ in range(2_000):
        if house.desk.refusals["messages dropped, not read in time"]:
            break
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
            lazy.send(asked)
        house.turn()
    assert house.desk.refusals["messages dropped, not read in time"]
    assert served(house, ann)


@pytest.mark.proves("K-GND-011")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::]"])
def test_wider_than_loopback_wants_tls_and_operators(tmp_path: Path, host: str) -> None:
    context = server_context(*tls_files.made(tmp_path))
    with pytest.raises(PeersError, match=r"wider than loopback.*--tls-cert"):
        listening((host, 0), None, operators=True)
    with pytest.raises(PeersError, match=r"wider than loopback.*operators with tokens"):
        listening((host, 0), context, operators=False)
    with pytest.raises(PeersError, match="not to be had"):
        listening(("no-such-host.invalid", 0), context, operators=True)
    wide = listening(("0.0.0.0", 0), context, operators=True)
    assert wide.near[0] == "127.0.0.1"
    wide.socket.close()
    for loopback in ("127.0.0.1", "localhost"):
        near = listening((loopback, 0), None, operators=False)
        near.socket.close()


def test_what_is_no_certificate_is_one_sentence(tmp_path: Path) -> None:
    certificate, key = tls_files.made(tmp_path)
    _, other = tls_files.made(tmp_path, "other")
    for pair, part in (
        ((certificate, other), "no certificate with its key"),
        ((key, key), "no certificate with its key"),
        ((tmp_path / "none", key), "cannot be read"),
        ((certificate, tmp_path / "none"), "cannot be read"),
    ):
        with pytest.raises(TlsError, match=part):
            server_context(*pair)
    key.chmod(0o644)
    with pytest.raises(TlsError, match="open to everybody"):
        server_context(certificate, key)
    with pytest.raises(TlsError, match="holds no certificate"):
        client_context(other, same_machine=False)
