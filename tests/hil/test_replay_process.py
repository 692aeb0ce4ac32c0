"""`python -m fsw --record` on a pty, replayed: the oracle is what came out of the other end of the pty."""

import hashlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.capture import by_hand
from tests.hil.recorded import fly, records, replay, two_lives
from tests.system.by_hand import cltu, function, tc_frame, telecommand

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The lander's end of a pty, and the name of the payload's."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


class Process:
    """Flight software that records; `hear` reads what it sends."""

    def __init__(self, terminal: tuple[int, str], folder: Path, capture: Path) -> None:
        self.master, port = terminal
        self.heard = b""
        words = [sys.executable, "-m", "fsw", "--port", port, "--state", str(folder), "--clear"]
        self.process = subprocess.Popen([*words, "--record", str(capture)], cwd=ROOT, stderr=subprocess.PIPE)

    def hear(self, octets: int) -> None:
        """Until so many octets have come since power-on."""
        while len(self.heard) < octets:
            assert select.select([self.master], [], [], DEADLINE_S)[0], "it is silent"
            self.heard += os.read(self.master, 4096)

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            os.write(self.master, cltu(tc_frame(0, packet)))

    def end(self, number: int) -> int:
        """Signal it, and hear the rest."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        watches = [os.pidfd_open(int(pid)) for pid in children]
        assert len(watches) == 3, "the children of store, code and recording"
        self.process.send_signal(number)
        status = self.process.wait(DEADLINE_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
        while select.select([self.master], [], [], 0)[0]:
            self.heard += os.read(self.master, 4096)
        for watch in watches:
            assert select.select([watch], [], [], DEADLINE_S)[0], "a child stays behind"
            os.close(watch)
        return status


@pytest.mark.proves("K-REPLAY-001")
def test_a_process_is_replayed_to_the_octets_that_the_lander_heard(tmp_path: Path, terminal: tuple[int, str]) -> None:
    capture = tmp_path / "flight.capture"
    first = Process(terminal, tmp_path / "state", capture)
    first.hear(900)
    first.send(telecommand(0x020, 17, 1), function(0x032, 2, b"\0\x64"), telecommand(0x020, 3, 5, b"\0\1\0\1"))
    first.hear(4_000)
    assert first.end(signal.SIGTERM) == 0
    second = Process(terminal, tmp_path / "state", capture)
    second.hear(2_000)
    assert second.end(signal.SIGKILL) == -signal.SIGKILL
    one, two = by_hand.lives(capture.read_bytes())
    assert one[-1] == ("end", "orderly", len(first.heard), hashlib.sha256(first.heard).digest())
    assert two[-1][0] != "end"
    _, outcome = replay(capture.read_bytes())
    assert [life.divergence for life in outcome.lives] == [None, None]
    assert outcome.lives[0].digest == hashlib.sha256(first.heard).hexdigest()
    assert outcome.lives[0].octets >= 4_000
    heard = second.heard[: outcome.lives[1].octets]
    assert outcome.lives[1].digest == hashlib.sha256(heard).hexdigest()
    assert len(heard) >= 450, "all but the last tenth of a second"
    assert [life.header.rung for life in outcome.lives] == ["process", "process"]


@pytest.mark.proves("K-REPLAY-007")
def test_flight_goes_on_when_nobody_writes_its_recording(tmp_path: Path, terminal: tuple[int, str]) -> None:
    flight = Process(terminal, tmp_path / "state", tmp_path / "flight.capture")
    flight.hear(900)
    children = Path(f"/proc/{flight.process.pid}/task/{flight.process.pid}/children").read_text().split()
    writer = next(pid for pid in map(int, children) if "flight.capture" in open_files(pid))
    os.kill(writer, signal.SIGKILL)
    flight.hear(4_000)
    flight.process.send_signal(signal.SIGTERM)
    _, said = flight.process.communicate(timeout=DEADLINE_S)
    assert flight.process.returncode == 0
    assert said.decode().startswith("kratai fly: the recording is not whole: ")


def open_files(pid: int) -> str:
    folder = Path(f"/proc/{pid}/fd")
    return " ".join(str(one.readlink()) for one in folder.iterdir())


@pytest.mark.parametrize(("name", "why"), [("notes.txt", "exists and is no recording"), ("no/such", "No such file")])
def test_a_file_that_cannot_be_the_recording_is_a_sentence(
    tmp_path: Path, terminal: tuple[int, str], name: str, why: str
) -> None:
    (tmp_path / "notes.txt").write_text("dear diary")
    words = [sys.executable, "-m", "fsw", "--port", terminal[1], "--state", str(tmp_path / "state"), "--clear"]
    words += ["--record", str(tmp_path / name)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"kratai fly: --record {tmp_path / name}: {why}")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "notes.txt").read_text() == "dear diary"


# --- the command ---------------------------------------------------------------------------------------------------


def kratai(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tools.cli", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "flight.capture"
    path.write_bytes(two_lives().octets)
    return path


@pytest.mark.proves("K-REPLAY-001")
def test_the_command_says_that_the_octets_are_the_same(capture: Path) -> None:
    done = kratai("replay", str(capture), "--json", "-")
    assert (done.returncode, done.stderr.count("same")) == (0, 2)
    said = json.loads(done.stdout)
    assert (said["ok"], said["digest"]) == (True, two_lives().digest)


@pytest.mark.proves("K-REPLAY-004")
def test_the_command_stops_where_asked_and_shows_the_state(capture: Path, tmp_path: Path) -> None:
    done = kratai("replay", str(capture), "--when", "system.uptime_s >= 2", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0
    assert "stopped: in life 1 system.uptime_s >= 2 holds" in done.stdout
    assert "system.package_temperature" in done.stdout
    assert "3500 cdegC  [-2000 .. 8000] within" in done.stdout
    state = json.loads((tmp_path / "out.json").read_text())["state"]
    assert state["time_us"] == 2_010_000
    done = kratai("replay", str(capture), "--until", "1 s", "--life", "2")
    assert "stopped: life 2 has reached the time asked for" in done.stdout


def test_what_was_not_reached_and_what_diverged_is_exit_1(capture: Path, tmp_path: Path) -> None:
    done = kratai("replay", str(capture), "--until", "3 d")
    assert (done.returncode, "the recording ends before what was asked for" in done.stdout) == (1, True)
    octets = bytearray(two_lives().octets)
    octets[-60] ^= 1
    (tmp_path / "spoiled").write_bytes(octets)
    done = kratai("replay", str(tmp_path / "spoiled"))
    assert (done.returncode, "a chunk's checksum is wrong" in done.stdout) == (1, True)
    cut = two_lives().octets[:-10]
    (tmp_path / "cut").write_bytes(cut)
    done = kratai("replay", str(tmp_path / "cut"))
    assert (done.returncode, "cut off in a chunk" in done.stdout) == (0, True), "up to there it is the same"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("/no/such/file",), "kratai: /no/such/file: No such file or directory\n"),
        ((__file__,), f"kratai: {__file__}: no life of a capture begins here\n"),
        (("CAPTURE", "--life", "7"), "kratai: CAPTURE: there is no life 7: the recording has 2\n"),
        (("CAPTURE", "--until", "soon"), "kratai: --until is 'soon', must be a number and a unit"),
        (("CAPTURE", "--when", "system.mod = 1"), "kratai: --when 'system.mod = 1': there is no parameter"),
        (("CAPTURE", "--simulated", "storm"), "kratai: --simulated storm: give plan and seed as sim had them"),
        (("CAPTURE", "--simulated", "no-plan:1"), "kratai: --simulated scenario 'no-plan' does not exist"),
        (("CAPTURE", "--json", "/no/such/file"), "kratai: --json /no/such/file: No such file or directory\n"),
    ],
)
def test_what_cannot_be_replayed_is_a_sentence(capture: Path, words: tuple[str, ...], sentence: str) -> None:
    done = kratai("replay", *(word.replace("CAPTURE", str(capture)) for word in words))
    assert done.returncode == 2
    assert done.stderr.startswith(sentence.replace("CAPTURE", str(capture)).rstrip("\n"))
    assert done.stderr.count("\n") == 1


@pytest.mark.proves("K-REPLAY-001", "K-REPLAY-006")
def test_a_simulated_run_is_recorded_and_replayed(tmp_path: Path) -> None:
    capture, ran = tmp_path / "sim.capture", tmp_path / "ran.json"
    faults = "bit_flip@300ms:target=mode;starve@400ms+500ms:task=power"
    done = kratai("sim", "first-contact", "--record", str(capture), "--json", str(ran), "--faults", faults, "--quiet")
    assert done.returncode in (0, 1), done.stderr
    assert any(type(record).__name__ == "Injected" for record in records(capture.read_bytes()))
    done = kratai("replay", str(capture), "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["digest"] == json.loads(ran.read_text())["digest"]
    (tmp_path / "notes.txt").write_text("dear diary")
    done = kratai("sim", "first-contact", "--record", str(tmp_path / "notes.txt"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith("notes.txt exists and is no recording; give another name\n")


@pytest.mark.proves("K-REPLAY-001")
def test_a_protected_simulation_is_replayed_by_its_plan_and_seed(tmp_path: Path) -> None:
    capture = tmp_path / "sim.capture"
    done = kratai("sim", "first-contact", "--seed", "7", "--protected", "--record", str(capture), "--quiet")
    assert done.returncode == 0, done.stderr
    assert "--simulated" in kratai("replay", str(capture)).stderr
    assert kratai("replay", str(capture), "--simulated", "first-contact:7").returncode == 0
    assert kratai("replay", str(capture), "--simulated", "first-contact:8").returncode == 1, "other keys, other octets"


def test_another_flight_gives_another_recording() -> None:
    assert fly([("ping", 1)]).octets != fly([("ping", 2)]).octets
