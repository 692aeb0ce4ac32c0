"""`python -m fsw` as a process on a pty: what a signal and a wrong mission do to it. Waits on descriptors."""

import binascii
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.by_hand import cltu, tc_frame, telecommand

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0
HEARD_MAX = 60_000
"""Octets: with an idle frame a second, two minutes."""


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The lander's end of a pty, and the name of the payload's."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def command(port: str, state: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "fsw", "--port", port, "--state", str(state), "--clear", *more]


def ended(watch: int) -> bool:
    """Whether the process behind a pidfd ends before the deadline."""
    gone = bool(select.select([watch], [], [], DEADLINE_S)[0])
    os.close(watch)
    return gone


@pytest.mark.proves("K-FLY-002")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)], ids=["SIGTERM", "SIGKILL"])
def test_the_store_s_process_ends_with_the_flight_process(
    tmp_path: Path, terminal: tuple[int, str], number: int, status: int
) -> None:
    master, port = terminal
    flight = subprocess.Popen(command(port, tmp_path), cwd=ROOT)
    try:
        assert select.select([master], [], [], DEADLINE_S)[0], "it does not fly"
        children = Path(f"/proc/{flight.pid}/task/{flight.pid}/children").read_text().split()
        assert len(children) == 2, "the store's, and the one that reads code"
        watches = [os.pidfd_open(int(child)) for child in children]
        flight.send_signal(number)
        assert flight.wait(DEADLINE_S) == status
        assert all(ended(watch) for watch in watches)
    finally:
        flight.kill()
        flight.wait()


FINALIZED = """
import sys
from fsw.hal import state

class Held:
    def __del__(self):
        print("held", flush=True)
        for _ in range(10**9):
            pass

state.lock_state = lambda folder: Held() and None
from fsw.__main__ import main
main(sys.argv[1:])
"""


@pytest.mark.proves("K-FLY-002")
def test_a_stop_is_heard_where_an_exception_is_lost(tmp_path: Path, terminal: tuple[int, str]) -> None:
    """Python drops what a finalizer raises, and with it what a signal raises there; importing runs finalizers."""
    words = [sys.executable, "-c", FINALIZED, *command(terminal[1], tmp_path)[3:]]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as flight:
        try:
            assert flight.stdout is not None
            assert select.select([flight.stdout], [], [], DEADLINE_S)[0], "it is not held"
            flight.send_signal(signal.SIGTERM)
            assert flight.wait(DEADLINE_S) == 0
            assert flight.stdout.read().strip() == "held"
        finally:
            flight.kill()


@pytest.mark.proves("K-MDB-003")
def test_a_wrong_mission_file_is_one_sentence_and_exit_2(tmp_path: Path, terminal: tuple[int, str]) -> None:
    (tmp_path / "mission.toml").write_text('lines = "slow"\n')
    words = command(terminal[1], tmp_path / "state", "--mission", str(tmp_path))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    sentence = f"kratai fly: {tmp_path}/mission.toml: unknown key lines; did you mean line?\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", sentence)


@pytest.mark.proves("K-LINE-009")
@pytest.mark.parametrize(
    ("port", "more", "sentence"),
    [
        ("udp://127.0.0.1:70000", (), "udp://127.0.0.1:70000 is not udp://HOST:PORT with a port from 1 to 65535"),
        (
            "udp://127.0.0.1:9",
            ("--carrier", "slip"),
            "a udp:// port carries one frame a datagram: --carrier udp, not slip",
        ),
    ],
)
def test_a_wrong_network_port_is_one_sentence_and_exit_2(
    tmp_path: Path, port: str, more: tuple[str, ...], sentence: str
) -> None:
    words = command(port, tmp_path / "state", *more)
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"kratai fly: {sentence}\n")


@pytest.mark.proves("K-LINE-009")
def test_it_flies_on_a_network(tmp_path: Path) -> None:
    """One TM frame a datagram: 446 octets, spacecraft 42, a good checksum."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lander:
        lander.bind(("127.0.0.1", 0))
        lander.settimeout(DEADLINE_S)
        flight = subprocess.Popen(command(f"udp://127.0.0.1:{lander.getsockname()[1]}", tmp_path), cwd=ROOT)
        try:
            frame = lander.recv(65_535)
            assert len(frame) == 446
            assert int.from_bytes(frame[:2]) >> 4 == 42
            assert binascii.crc_hqx(frame, 0xFFFF) == 0
            flight.send_signal(signal.SIGTERM)
            assert flight.wait(DEADLINE_S) == 0
        finally:
            flight.kill()
            flight.wait()


@pytest.mark.proves("K-AUTO-004")
def test_a_commanded_restart_is_a_fresh_life_under_the_same_number(tmp_path: Path, terminal: tuple[int, str]) -> None:
    master, port = terminal
    booted = b"\x00\x01\x00\x00\x00"  # event 1, then the boot count
    restart = telecommand(0x020, 8, 1, b"\x00\x1e", count=1)
    armed = restart[:4] + b"\x08\x01\x00\x1e"  # of the arm report, behind the number to execute it by
    flight = subprocess.Popen(command(port, tmp_path), cwd=ROOT)
    heard = b""

    def hear(wanted: bytes) -> int:
        nonlocal heard
        while wanted not in heard:
            assert select.select([master], [], [], DEADLINE_S)[0], "it is silent"
            assert len(heard) < HEARD_MAX, "it says other things"
            heard += os.read(master, 4096)
        return heard.index(wanted)

    try:
        hear(booted + b"\x01")
        os.write(master, cltu(tc_frame(0, telecommand(0x020, 8, 1, b"\x00\x3c" + restart, count=2))))
        at = hear(armed)
        execute = telecommand(0x020, 8, 1, b"\x00\x3d" + heard[at - 4 : at], count=3)
        os.write(master, cltu(tc_frame(0, execute)))
        hear(booted + b"\x02\x05")  # the second boot, after a commanded end
        flight.send_signal(signal.SIGTERM)
        assert flight.wait(DEADLINE_S) == 0
    finally:
        flight.kill()
        flight.wait()
