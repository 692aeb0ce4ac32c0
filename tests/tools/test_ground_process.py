"""The ground process and its clients as processes, each with its own directory and ports of its own."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.mdb.mission import load
from tests.tools.spacecraft import Spacecraft
from tools.ground.client import ClientError, join, join_or_start

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
ANY = "127.0.0.1:0"
DIGEST = load().database.digest()[:8]
pytestmark = pytest.mark.process


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tools.cli", *words]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )  # fmt: skip


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    """The first line that a process says, within the deadline."""
    assert process.stdout is not None
    line = b""
    deadline = time.monotonic() + DEADLINE_S
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
        assert ready, "nothing was said in time"
        octet = os.read(process.stdout.fileno(), 1)
        assert octet, "the process left without a word"
        line += octet
    return line


class Rig:
    """A ground process, and a payload written by hand on the other side of its UDP ports."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.craft = Spacecraft()
        self.tc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tc.bind(("127.0.0.1", 0))
        to = f"127.0.0.1:{self.tc.getsockname()[1]}"
        self.ground = subprocess.Popen(
            command("ground", "--state", str(folder), "--tm", ANY, "--report", ANY, "--tc", to, *more),
            cwd=ROOT, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.ready = json.loads(first_line(self.ground))
        host, _, port = str(self.ready["tm"]).rpartition(":")
        self.tm = (host, int(port))
        self.datagrams = 0

    def down(self, frame: bytes) -> None:
        self.tc.sendto(frame, self.tm)

    def serve(self, *words: str) -> tuple[int, str, str]:
        """Run a client while the payload lives: it answers what comes and sends idle frames."""
        process = subprocess.Popen(
            command(words[0], "--state", str(self.folder), *words[1:]), cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        said: dict[int, bytes] = {process.stdout.fileno(): b"", process.stderr.fileno(): b""}
        out, err = said
        deadline = time.monotonic() + DEADLINE_S
        open_ends = set(said)
        while open_ends:
            assert time.monotonic() < deadline, said
            readable, _, _ = select.select([self.tc.fileno(), *open_ends], [], [], 0.05)
            if self.tc.fileno() in readable:
                self.datagrams += 1
                for frame in self.craft.hear(self.tc.recv(2048)):
                    self.down(frame)
            for end in open_ends & set(readable):
                octets = os.read(end, 65_536)
                said[end] += octets
                if not octets:
                    open_ends.remove(end)
            self.down(self.craft.idle())
        status = process.wait(DEADLINE_S)
        process.stdout.close()
        process.stderr.close()
        return status, said[out].decode(), said[err].decode()

    def close(self) -> None:
        if self.ground.poll() is None:
            self.ground.terminate()
        self.ground.wait(DEADLINE_S)
        assert self.ground.stdout is not None
        self.ground.stdout.close()
        self.tc.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "ground")
    yield made
    made.close()


@pytest.mark.proves("K-GND-001", "K-GND-003")
def test_a_command_is_sent_and_followed(rig: Rig) -> None:
    status, out, _ = rig.serve("send", "ping", "--json")
    said = json.loads(out)
    assert (status, said["verdict"], said["exit"]) == (0, "completed", 0)
    assert [stage["stage"] for stage in said["stages"]] == ["sent", "received", "accepted", "started", "completed"]
    assert said["request"]["request_id"] == rig.craft.executed[0].pack()[:4].hex()
    status, out, _ = rig.serve("send", "ping")
    assert status == 0
    assert [word in out for word in ("sent", "received", "accepted", "started", "completed")] == [True] * 5


def test_a_refused_command_says_why(rig: Rig) -> None:
    rig.craft.execute = lambda craft, tc: [craft.verify(tc, 1), craft.verify(tc, 4, b"\x00\x14")]
    status, out, _ = rig.serve("send", "ping", "--json")
    said = json.loads(out)
    assert (status, said["verdict"], said["exit"]) == (1, "failed", 1)
    assert "WRONG_STATE (0x14)" in said["text"]
    assert said["stages"][-1]["failed_at"] == "start"


@pytest.mark.proves("K-GND-007")
@pytest.mark.parametrize(("state", "says"), [(1, "is disabled: what falls due is removed"), (3, "releases")])
def test_a_command_for_later_says_whether_the_schedule_releases(rig: Rig, state: int, says: str) -> None:
    def obey(craft: Spacecraft, tc: PusTc) -> list[bytes]:
        told = [craft.report(20, 2, struct.pack(">BHB", 1, 71, state))] if tc.service == 20 else []
        return [craft.verify(tc, 1), craft.verify(tc, 3), *told, craft.verify(tc, 7)]

    rig.craft.execute = obey
    status, out, err = rig.serve("send", "ping", "--at", "2090-01-01T00:00:00Z", "--json")
    said = json.loads(out)
    assert (status, said["verdict"], err) == (0, "completed", "")
    assert says in said["schedule"]
    assert [(tc.service, tc.message_subtype) for tc in rig.craft.executed] == [(20, 1), (11, 4)]


@pytest.mark.proves("K-GND-002")
def test_a_wrong_argument_sends_nothing(rig: Rig) -> None:
    rig.serve("watch", "--for", "0.5", "--json")
    before = rig.datagrams
    status, out, err = rig.serve("send", "power.switch", "load=99", "on=on")
    assert (status, out) == (2, "")
    assert "load must be 0 to 31" in err
    assert rig.datagrams == before
    assert rig.craft.executed == []


@pytest.mark.proves("K-GND-004")
def test_another_database_refuses_unless_forced(rig: Rig) -> None:
    rig.down(rig.craft.booted(b"\xaa" * 8))
    status, out, _ = rig.serve("send", "ping")
    assert status == 1
    assert "another mission database" in out
    status, _, _ = rig.serve("send", "ping", "--force")
    assert status == 0


def test_silence_is_status_three(rig: Rig) -> None:
    rig.craft.execute = lambda _craft, _tc: []
    status, out, _ = rig.serve("send", "ping", "--timeout", "2", "--json")
    assert (status, json.loads(out)["verdict"]) == (3, "no word in time")


def test_watch_and_export_show_what_came(rig: Rig) -> None:
    values = bytes.fromhex("02000a000000070007") + (990).to_bytes(2, "big")
    rig.craft.execute = lambda craft, tc: [craft.verify(tc, 1), craft.report(20, 2, values), craft.verify(tc, 7)]
    status, out, _ = rig.serve("send", "parameter.report", "parameters=system.scratch,system.disk_used")
    assert status == 0
    assert "system.scratch=7" in out
    status, out, _ = rig.serve("export", "system.*")
    assert status == 0
    rows = [row.split(",") for row in out.splitlines()]
    assert rows[0][:5] == ["received", "time", "clock", "name", "raw"]
    assert {(row[3], row[4], row[8]) for row in rows[1:]} == {
        ("system.scratch", "7", "UNCHECKED"),
        ("system.disk_used", "990", "HIGH"),
    }
    assert rows[1][1].endswith("Z")
    status, out, _ = rig.serve("export", "--format", "json")
    assert len(json.loads(out)) == 2
    rig.down(rig.craft.booted(DIGEST))
    status, out, _ = rig.serve("watch", "--for", "1.5", "--json")
    kinds = [json.loads(line)["kind"] for line in out.splitlines()]
    assert status == 0
    assert "link" in kinds


def test_secrets_stay_in_the_file(rig: Rig) -> None:
    path = rig.folder / "session.json"
    found = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    assert rig.folder.stat().st_mode & 0o077 == 0
    outputs = [json.dumps(rig.ready)] + [part for words in (["send", "ping"], ["watch", "--for", "0.3", "--json"])
               for part in rig.serve(*words)[1:]]  # fmt: skip
    assert all(found["token"] not in text for text in outputs)


def test_a_client_with_another_token_is_let_go(rig: Rig) -> None:
    with socket.create_connection(("127.0.0.1", int(rig.ready["port"])), DEADLINE_S) as line:
        line.sendall(b'{"op": "hello", "token": "guess"}\n{"id": 1, "op": "stop"}\n')
        heard = b""
        while octets := line.recv(4096):
            heard += octets
    assert json.loads(heard)["error"]
    assert rig.ground.poll() is None


def test_sigterm_ends_it_in_order(rig: Rig) -> None:
    rig.ground.send_signal(signal.SIGTERM)
    assert rig.ground.wait(DEADLINE_S) == 0
    assert not (rig.folder / "session.json").exists()


def test_a_killed_session_leaves_no_lock(rig: Rig) -> None:
    rig.ground.kill()
    rig.ground.wait(DEADLINE_S)
    assert (rig.folder / "session.json").exists()
    assert join(rig.folder) is None
    racer = _racer(rig.folder)
    first_line(racer)
    _leave(racer)
    _stop(rig.folder)


def test_the_directory_is_locked(rig: Rig) -> None:
    done = run("ground", "--state", str(rig.folder), "--tm", ANY, "--report", ANY, "--tc", ANY)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "another ground session holds" in done.stderr


@pytest.mark.parametrize("option", ["--tm", "--report"])
def test_a_busy_port_is_one_sentence(tmp_path: Path, option: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        options = {"--tm": ANY, "--report": ANY, "--tc": ANY, option: f"127.0.0.1:{port}"}
        words = [word for pair in options.items() for word in pair]
        done = run("ground", "--state", str(tmp_path / "g"), *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(port) in done.stderr
    assert not (tmp_path / "g" / "session.json").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["ground", "--tm", "nonsense"], "HOST:PORT"),
        (["ground", "--mission", "/nowhere"], "mission.toml"),
        (["ground", "--stop"], "no ground session runs"),
        (["export", "--since", "yesterday"], "'yesterday' is no ISO 8601 time"),
        (["send", "power.swich"], "did you mean 'power.switch'"),
        (["send", "ping", "oops"], "key=value"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path: Path, words: list[str], part: str) -> None:
    done = run(words[0], "--state", str(tmp_path / "g"), *words[1:])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert part in done.stderr
    assert not (tmp_path / "g" / "session.json").exists()


def _start(folder: Path) -> list[str]:
    """A session on ports of its own, started where the checkout is found without being stood in."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tools.cli.main import run; run()"
    return [sys.executable, "-c", code, "ground", "--state", str(folder), "--tm", ANY, "--report", ANY, "--tc", ANY]


def _racer(folder: Path) -> subprocess.Popen[bytes]:
    """A client that joins or starts the session, says its pid, and leaves."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from tools.ground.client import join_or_start\n"
        f"client = join_or_start(Path({str(folder)!r}), {_start(folder)!r}, {DEADLINE_S})\n"
        "print(client.about['pid'], flush=True)\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def _leave(racer: subprocess.Popen[bytes]) -> None:
    assert racer.wait(DEADLINE_S) == 0
    assert racer.stdout is not None
    racer.stdout.close()


def _stop(folder: Path) -> None:
    """Stop a session that outlived its starter, and see it go."""
    client = join(folder)
    assert client is not None
    with client:
        client.wait(client.ask("stop"))
        with pytest.raises(ClientError):
            list(client.messages(DEADLINE_S))


def test_two_clients_that_race_start_one(tmp_path: Path) -> None:
    folder = tmp_path / "ground"
    racers = [_racer(folder) for _ in range(2)]
    pids = {first_line(racer) for racer in racers}
    for racer in racers:
        _leave(racer)
    assert len(pids) == 1
    _stop(folder)


def test_what_keeps_a_session_from_starting_is_told(tmp_path: Path) -> None:
    start = [*_start(tmp_path / "g"), "--mission", "/nowhere"]
    with pytest.raises(ClientError, match=r"mission\.toml"):
        join_or_start(tmp_path / "g", start, DEADLINE_S)
