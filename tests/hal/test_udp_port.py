"""The network line on real sockets of the loopback: datagrams both ways, nobody there, a socket that fails."""

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsw.hal.ports import LinePort, LineState
from fsw.hal.udp_port import DATAGRAMS_A_READ, REOPEN_US, AddressError, UdpLine, parse
from fsw.kernel.clock import Micros

DEADLINE_S = 10.0
ALL = bytes(range(256))


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(DEADLINE_S)
        yield peer


@pytest.fixture
def line(peer: socket.socket) -> Iterator[UdpLine]:
    line = UdpLine(peer.getsockname())
    assert (line.state, line.fileno()) == (LineState.CLOSED, -1)
    assert line.poll(Micros(0)) is LineState.OPEN
    yield line
    line.close()


def between_ends(frame: bytes) -> bytes:
    """RFC 1055 by hand."""
    return b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def spoken_to(line: UdpLine, peer: socket.socket) -> None:
    """Let the peer know where the line is."""
    assert line.write(between_ends(b"here")) == 6
    octets, address = peer.recvfrom(4096)
    assert octets == b"here"
    peer.connect(address)


@pytest.mark.proves("K-LINE-009")
def test_one_frame_a_datagram_both_ways(line: UdpLine, peer: socket.socket) -> None:
    port: LinePort = line
    spoken_to(line, peer)
    peer.send(ALL)
    assert select.select([line.fileno()], [], [], DEADLINE_S)[0]
    assert len(port) == 1
    assert port.read() == between_ends(ALL)
    assert port.read() == b""
    unit = between_ends(ALL)
    # A unit may be handed over in pieces, and several at once.
    assert port.write(unit[:100]) == 100
    assert port.write(unit[100:] + between_ends(b"next")) == len(unit) - 100 + 6
    assert [peer.recv(4096), peer.recv(4096)] == [ALL, b"next"]
    assert (line.opens, line.faults, line.fault) == (1, 0, "")


def test_many_datagrams_are_read_in_bounded_goes(line: UdpLine, peer: socket.socket) -> None:
    spoken_to(line, peer)
    for n in range(DATAGRAMS_A_READ + 3):
        peer.send(bytes([n]))
    # Loopback delivers before send returns.
    assert line.read() == b"".join(between_ends(bytes([n])) for n in range(DATAGRAMS_A_READ))
    assert line.read() == b"".join(between_ends(bytes([DATAGRAMS_A_READ + n])) for n in range(3))


def test_nobody_there_is_no_fault(line: UdpLine, peer: socket.socket) -> None:
    peer.close()
    for _ in range(3):
        # The first is answered "refused"; sending and reading both meet that answer.
        assert line.write(between_ends(b"lost") * 2) == 12
        assert line.read() == b""
    assert (line.state, line.faults) == (LineState.OPEN, 0)


def test_octets_that_are_no_unit_send_nothing(line: UdpLine, peer: socket.socket) -> None:
    assert line.write(b"\xc0\xdbx\xc0" + between_ends(b"good")) == 10
    assert peer.recv(4096) == b"good"


def fail(line: UdpLine, folder: Path) -> None:
    """The socket becomes something that is none."""
    other = os.open(folder, os.O_RDONLY)
    os.dup2(other, line.fileno())
    os.close(other)


@pytest.mark.parametrize("notice", ["read", "write"])
def test_a_socket_that_fails_is_counted_and_opened_anew(
    line: UdpLine, peer: socket.socket, tmp_path: Path, notice: str
) -> None:
    fail(line, tmp_path)
    if notice == "read":
        assert line.read() == b""
    else:
        line.write(between_ends(b"x") * 2)
    assert (line.state, line.faults) == (LineState.CLOSED, 1)
    assert line.fault.startswith(f"udp://127.0.0.1:{peer.getsockname()[1]}: ")
    assert line.write(b"x") == 0
    assert line.read() == b""
    assert line.poll(Micros(REOPEN_US - 1)) is LineState.CLOSED
    assert line.poll(Micros(REOPEN_US)) is LineState.OPEN
    assert line.opens == 2
    spoken_to(line, peer)


def test_a_peer_that_cannot_be_reached_is_one_fault_however_often_it_is_tried() -> None:
    line = UdpLine(("255.255.255.255", 9))  # broadcast needs leave that we do not ask for
    for n in range(3):
        assert line.poll(Micros(n * REOPEN_US)) is LineState.CLOSED
    assert line.faults == 1
    line.close()


def test_addresses() -> None:
    assert parse("udp://127.0.0.1:4000") == ("127.0.0.1", 4000)
    assert parse("udp://localhost:1")[1] == 1


@pytest.mark.parametrize(
    "text", ["udp://", "udp://4000", "udp://h:", "udp://:1", "udp://h:0", "udp://h:65536", "udp://h:x"]
)
def test_what_is_no_address_is_one_sentence(text: str) -> None:
    with pytest.raises(AddressError, match=r"is not udp://HOST:PORT with a port from 1 to 65535$") as caught:
        parse(text)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70])
def test_a_host_that_is_none_is_one_sentence(host: str) -> None:
    with pytest.raises(AddressError, match=r"^udp://[^\n]+$"):
        parse(f"udp://{host}:9")
