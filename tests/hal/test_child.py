"""The child behind a wire: a real process, watched through descriptors with a deadline."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsw.hal.child import ChildWire, serve_forever
from fsw.kernel.bus import MESSAGE_OCTETS_MAX, Answer, Port, Server, Status, Wire
from fsw.kernel.clock import Micros

pytestmark = pytest.mark.process
DEADLINE_S = 20.0
ROOT = Path(__file__).parents[2]


class Echo:
    """Answers what it can tell of its own process."""

    def serve(self, request: bytes) -> bytes:
        if request == b"descriptors":
            return ",".join(os.listdir("/proc/self/fd")).encode()
        if request == b"stall":
            while True:
                signal.pause()
        if request == b"fail":
            raise RuntimeError(request)
        if request == b"big":
            return bytes(MESSAGE_OCTETS_MAX - 4)
        return b"echo " + request


@pytest.fixture
def echo() -> Iterator[ChildWire]:
    wire = ChildWire("echo", Echo)
    yield wire
    gone = os.pidfd_open(wire.pid) if wire.alive() else -1
    os.kill(wire.pid, signal.SIGKILL) if gone >= 0 else None
    wire.close()
    if gone >= 0:
        assert select.select([gone], [], [], DEADLINE_S)[0]
        os.close(gone)


def answer(wire: ChildWire) -> bytes | None:
    """The next message, waited for."""
    assert select.select([wire.fileno()], [], [], DEADLINE_S)[0], "the child is silent"
    return wire.receive()


def leaves(pid: int) -> int:
    """A descriptor that becomes readable when the process has ended."""
    return os.pidfd_open(pid)


def has_left(watch: int) -> bool:
    ended = bool(select.select([watch], [], [], DEADLINE_S)[0])
    os.close(watch)
    return ended


def test_a_message_is_answered_with_its_id(echo: ChildWire) -> None:
    wire: Wire = echo
    assert wire.receive() is None
    assert wire.send(b"\1\2\3\4hello")
    assert answer(echo) == b"\1\2\3\4echo hello"
    assert wire.alive()


def test_the_longest_message_passes_both_ways(echo: ChildWire) -> None:
    assert echo.send(bytes(4) + b"x" * (MESSAGE_OCTETS_MAX - 10))
    assert answer(echo) == bytes(4) + b"echo " + b"x" * (MESSAGE_OCTETS_MAX - 10)
    assert echo.send(b"\0\0\0\1big")
    assert answer(echo) == b"\0\0\0\1" + bytes(MESSAGE_OCTETS_MAX - 4)
    with pytest.raises(AssertionError):
        echo.send(bytes(MESSAGE_OCTETS_MAX + 1))


def test_the_child_holds_no_descriptor_of_the_parent_s(tmp_path: Path) -> None:
    with open(tmp_path / "lock", "wb"):
        wire = ChildWire("echo", Echo)
        wire.send(b"\0\0\0\0descriptors")
        held = answer(wire)
    assert held is not None
    # Three standard ones, the socket, its poll object has none, and the listing's own.
    assert len(held[4:].split(b",")) == 5
    wire.close()


def test_the_child_does_not_hear_the_signals_meant_for_flight(echo: ChildWire) -> None:
    os.kill(echo.pid, signal.SIGTERM)
    os.kill(echo.pid, signal.SIGINT)
    echo.send(b"\0\0\0\0still")
    assert answer(echo) == b"\0\0\0\0echo still"


def test_end_of_file_ends_the_child(echo: ChildWire) -> None:
    watch = leaves(echo.pid)
    echo.close()
    assert has_left(watch)
    assert not echo.alive()
    assert not echo.send(b"\0\0\0\0late")
    assert echo.receive() is None
    assert echo.fileno() == -1


def test_a_server_that_raises_ends_its_child_only(echo: ChildWire) -> None:
    watch = leaves(echo.pid)
    echo.send(b"\0\0\0\0fail")
    assert answer(echo) is None
    assert has_left(watch)
    assert not echo.alive()
    echo.restart()
    echo.send(b"\0\0\0\0again")
    assert answer(echo) == b"\0\0\0\0echo again"
    assert echo.forks == 2


def test_a_killed_child_is_noticed_when_sending(echo: ChildWire) -> None:
    watch = leaves(echo.pid)
    os.kill(echo.pid, signal.SIGKILL)
    assert has_left(watch)
    assert not echo.send(b"\0\0\0\0late")
    assert not echo.alive()


def test_a_factory_that_fails_is_a_child_that_dies() -> None:
    def broken() -> Server:
        raise OSError("no disk")

    wire = ChildWire("broken", broken)
    watch = leaves(wire.pid)
    assert answer(wire) is None
    assert has_left(watch)
    assert not wire.alive()


def test_a_child_that_takes_nothing_more_refuses_and_never_blocks(echo: ChildWire) -> None:
    echo.send(b"\0\0\0\0stall")
    message = bytes(MESSAGE_OCTETS_MAX)
    taken = 0
    while echo.send(message):
        taken += 1
        assert taken < 1000
    assert echo.alive()


@pytest.mark.proves("K-KERN-004")
def test_a_stalled_child_is_killed_replaced_and_its_requests_are_lost(echo: ChildWire) -> None:
    port = Port("echo", echo, capacity=4, deadline_us=10_000_000, silence_us=5_000_000)
    watch = leaves(echo.pid)
    port.ask(b"stall", Micros(0))
    port.ask(b"behind", Micros(0))
    assert port.poll(Micros(4_999_999)) == []
    assert port.poll(Micros(5_000_000)) == [Answer(1, Status.LOST, b""), Answer(2, Status.LOST, b"")]
    assert has_left(watch)
    assert port.restarts == 1
    port.ask(b"new", Micros(5_000_001))
    assert select.select([echo.fileno()], [], [], DEADLINE_S)[0]
    assert port.poll(Micros(5_000_002)) == [Answer(3, Status.OK, b"echo new")]


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("wait_to_be_killed.py"))],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        yield process
        process.kill()


def told(process: "subprocess.Popen[bytes]", until: Callable[[bytes], bool]) -> bytes:
    """What came through the process's standard output until `until` is content or it ended."""
    assert process.stdout is not None
    said = b""
    while not until(said):
        assert select.select([process.stdout], [], [], DEADLINE_S)[0], f"silent after {said!r}"
        part = os.read(process.stdout.fileno(), 4096)
        if not part:
            return said
        said += part
    return said


@pytest.mark.proves("K-FLY-002")
def test_a_power_cut_ends_the_child_and_begins_nothing_more(parent: "subprocess.Popen[bytes]") -> None:
    said = told(parent, lambda text: b"begun 1\n" in text)
    child = int(said.split()[1])
    watch = leaves(child)
    parent.kill()
    # End of file on the pipe that both held: both are gone.
    assert told(parent, lambda _text: False) == b""
    assert has_left(watch)


class Count:
    """A server that notes what it began."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.begun: list[bytes] = []
        self.then = then

    def serve(self, request: bytes) -> bytes:
        self.begun.append(request)
        self.then()
        return b""


def test_what_waits_in_the_socket_is_not_begun_once_the_other_end_is_closed() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # The parent dies while the first request is in hand.
    server = Count(ours.close)
    for request in (b"1", b"2", b"3"):
        ours.send(b"\0\0\0\0" + request)
    serve_forever(theirs, server)
    assert server.begun == [b"1"]
    theirs.close()
