"""The emulator as a program, with a stand-in for the payload board; waits on descriptors with a deadline."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hil.by_hand import SCID, cadu, cltu, crc, tc_frame

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30
RUN = "import sys; from hil.rungs.lander_process import Options, main; sys.exit(main(Options(**eval(sys.argv[1]))))"


class Emulator:
    """One emulator, its ground's sockets and its conversation."""

    def __init__(self, tmp_path: Path, **options: object) -> None:
        self.tm, self.report = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for udp in (self.tm, self.report):
            udp.bind(("127.0.0.1", 0))
            udp.settimeout(DEADLINE_S)
        given = {
            "tm": f"127.0.0.1:{self.tm.getsockname()[1]}",
            "report": f"127.0.0.1:{self.report.getsockname()[1]}",
            "tc": "127.0.0.1:0",
            "link": str(tmp_path / "line"),
            "json_lines": True,
        } | options
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN, repr(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self._rest = b""
        self.seen: list[dict[str, object]] = []
        self.ready = self.until("ready", True)
        host, _, port = str(self.ready["tc"]).rpartition(":")
        self.tc = (host, int(port))

    def line(self) -> dict[str, object]:
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            readable, _, _ = select.select([self.process.stdout], [], [], DEADLINE_S)
            assert readable, f"silence; so far {self.seen}"
            octets = os.read(self.process.stdout.fileno(), 65_536)
            assert octets, f"it has ended; so far {self.seen}"
            self._rest += octets
        text, _, self._rest = self._rest.partition(b"\n")
        found = json.loads(text)
        assert isinstance(found, dict)
        self.seen.append(found)
        return found

    def until(self, key: str, value: object) -> dict[str, object]:
        while (found := self.line()).get(key) != value:
            pass
        return found

    def tell(self, **order: object) -> dict[str, object]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()
        return self.until("do", order["do"])

    def frame(self, vcid: int) -> bytes:
        """The next telemetry frame of a channel."""
        while True:
            octets = self.tm.recv(65_536)
            assert len(octets) == 446
            assert crc(octets) == 0
            assert octets[0] << 4 | octets[1] >> 4 == SCID
            if octets[1] >> 1 & 7 == vcid:
                return octets

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def emulators(tmp_path: Path) -> Iterator[list[Emulator]]:
    running: list[Emulator] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        for pipe in (one.process.stdin, one.process.stdout):
            assert pipe is not None
            pipe.close()
        one.tm.close()
        one.report.close()


def board(tmp_path: Path) -> str:
    return f"env PYTHONPATH={ROOT} {sys.executable} -m tests.hil.stand_in {{port}} {tmp_path}/boots"


def gone(pid: int) -> bool:
    """Whether a process has ended; waits for it on its descriptor."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = bool(select.select([fd], [], [], DEADLINE_S)[0])
    os.close(fd)
    return ended


def test_a_board_lives_is_warned_and_comes_back(tmp_path: Path, emulators: list[Emulator]) -> None:
    one = Emulator(tmp_path, board=board(tmp_path))
    emulators.append(one)
    assert os.path.realpath(tmp_path / "line") == one.ready["port"]
    assert one.until("event", "heartbeat_heard")["boot_count"] == 1
    pid, child = struct.unpack(">II", one.frame(1)[12:20])

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for wrapped in (cltu(tc_frame(0, b"hello there")), tc_frame(0, b"hello again")):
        udp.sendto(wrapped, one.tc)
    assert one.frame(0)[12:23] == b"hello there"
    assert one.frame(0)[12:23] == b"hello again"
    udp.close()

    assert one.tell(do="notice", circuit="ops", action="off", seconds=600)["ok"] is True
    assert one.until("event", "ready_for_off")["shortens"] == 1
    assert one.until("event", "power_off")["circuit"] == "ops"
    assert gone(pid)
    assert gone(child), "the whole group loses its power"

    one.tell(do="on")
    assert one.until("event", "heartbeat_heard")["boot_count"] == 2
    pid, child = struct.unpack(">II", one.frame(1)[12:20])
    one.tell(do="cut")
    assert gone(pid)
    assert gone(child)
    one.tell(do="on")
    assert one.until("event", "heartbeat_heard")["boot_count"] == 3
    status = one.tell(do="status")
    assert (status["overruns"], status["payload_alive"]) == (0, True)
    assert one.end() == 0
    assert not (tmp_path / "line").is_symlink()


def test_reports_come_with_the_board_dark(tmp_path: Path, emulators: list[Emulator]) -> None:
    one = Emulator(tmp_path, off=True)
    emulators.append(one)
    apids = {int.from_bytes(one.report.recv(2048)[:2], "big") for _ in range(6)}
    assert apids == {0x210, 0x211, 0x212}
    assert one.tell(do="quit")["ok"] is True
    assert one.process.wait(DEADLINE_S) == 0


@pytest.mark.proves("K-LND-005")
def test_octets_that_the_pty_refuses_are_overruns(tmp_path: Path, emulators: list[Emulator]) -> None:
    one = Emulator(tmp_path)  # nobody opens the link: the terminal's own buffer fills
    emulators.append(one)
    assert one.tell(do="status")["overruns"] == 0
    frame = tc_frame(1, bytes(1017))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(60):
            udp.sendto(frame, one.tc)
            if int(str(one.tell(do="status")["overruns"])):
                break
            one.report.recv(2048)
    status = one.tell(do="status")
    assert 0 < int(str(status["overruns"])) < int(str(status["octets_up"]))
    assert one.end() == 0


def test_a_killed_emulator_leaves_no_board(tmp_path: Path, emulators: list[Emulator]) -> None:
    one = Emulator(tmp_path, board=f"{sys.executable} -c 'import time; time.sleep(3600)'")
    emulators.append(one)
    pid = one.until("event", "board_started")["pid"]
    assert isinstance(pid, int)
    one.end(signal.SIGKILL)
    assert gone(pid)


def test_a_board_that_ends_by_itself_is_told(tmp_path: Path, emulators: list[Emulator]) -> None:
    one = Emulator(tmp_path, board=f"{sys.executable} -c 'raise SystemExit(3)'")
    emulators.append(one)
    assert one.until("event", "board_exited")["status"] == 3
    assert one.tell(do="status")["board_pid"] == 0


def test_control_lines_that_are_wrong_are_answered_and_the_end_of_them_is_not_the_end(
    tmp_path: Path, emulators: list[Emulator]
) -> None:
    one = Emulator(tmp_path)
    emulators.append(one)
    assert one.process.stdin is not None
    for text, words in [
        ("nonsense", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ('{"do": "cutt"}', "'cut'"),
        ('{"do": "notice", "second": 3}', "'seconds'"),
        ('{"do": "notice", "seconds": -3}', "0 to 65535"),
        ('{"do": "on", "circuit": 3}', "0 to 2"),
        ('{"do": "mode", "phase": "cruse"}', "'cruise'"),
    ]:
        one.process.stdin.write(text.encode() + b"\n")
        one.process.stdin.flush()
        answer = one.until("ok", False)
        assert words in str(answer["error"]), answer
    one.process.stdin.close()
    assert one.report.recv(2048)
    assert one.report.recv(2048)
    assert one.end() == 0


def test_what_cannot_be_served_is_one_sentence_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        cases = [
            ({"tc": f"127.0.0.1:{port}"}, str(port)),
            ({"tc": "here"}, "HOST:PORT"),
            ({"tc": ":0", "profile": "genric"}, "generic"),
            ({"tc": ":0", "port": "/dev/ttyNONE"}, "/dev/ttyNONE"),
            ({"tc": ":0", "port": "socket://here:1"}, "kratai hil"),
            ({"tc": ":0", "board": "  ", "link": str(tmp_path / "l")}, "--board"),
            ({"tc": ":0", "link": str(tmp_path / "file" / "x")}, "--link"),
        ]
        for options, words in cases:
            done = subprocess.run(
                [sys.executable, "-c", RUN, repr(options)],
                check=False,
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
            assert done.returncode == 2, done
            assert done.stderr.count("\n") == 1, done.stderr
            assert words in done.stderr


@pytest.mark.proves("K-LINE-009")
def test_the_line_may_be_a_network(tmp_path: Path, emulators: list[Emulator]) -> None:
    """One frame a datagram both ways, to whoever spoke last."""
    file = tmp_path / "network.toml"
    file.write_text('[line]\ncarrier = "udp"\n')
    emulator = Emulator(tmp_path, profile=str(file), port="udp://127.0.0.1:0")
    emulators.append(emulator)
    host, _, port = str(emulator.ready["port"]).removeprefix("udp://").rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as payload:
        payload.settimeout(DEADLINE_S)
        payload.connect((host, int(port)))
        emulator.tell(do="status")  # power has come: what was sent before is lost
        frame = cadu(0, 0, b"")[4:]
        payload.send(frame)
        assert emulator.tm.recv(65_535) == frame
        heard: set[int] = set()
        while not {0x010, 0x011, 0x012} <= heard:
            octets = payload.recv(65_535)
            assert crc(octets) == 0
            heard.add(int.from_bytes(octets[5:7], "big") & 0x7FF)


@pytest.mark.parametrize(
    ("port", "carrier", "sentence"),
    [
        ("udp://127.0.0.1:0", "slip", "one frame a datagram, and this lander speaks slip"),
        ("udp://127.0.0.1:99999", "udp", "not udp://HOST:PORT with a port from 0 to 65535"),
        ("udp://192.0.2.1:9", "udp", "Cannot assign requested address"),
    ],
)
def test_a_wrong_network_line_is_one_sentence(tmp_path: Path, port: str, carrier: str, sentence: str) -> None:
    file = tmp_path / "network.toml"
    file.write_text(f'[line]\ncarrier = "{carrier}"\n')
    given = {"profile": str(file), "port": port, "tc": "127.0.0.1:0"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, repr(given)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"kratai lander: --port {port}: {sentence}\n")
