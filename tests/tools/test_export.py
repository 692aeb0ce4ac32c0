"""export as a client: what the session hands out is what it writes, and it looks nowhere else."""

import csv
import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fsw.kernel.clock import Micros
from tools.ground import state
from tools.ground.archive import FILE, Archive
from tools.ground.client import ClientError, join
from tools.ground.records import ParameterRecord
from tools.ground.samples import LOOKED_AT_MAX, ROWS_MAX, Sample

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
ANY = "127.0.0.1:0"
GROUND = [sys.executable, "-m", "tools.cli", "ground", "--tm", ANY, "--report", ANY, "--tc", ANY, "--state"]
NOON_US = 1_795_435_200_000_000  # date -u -d 2026-11-23T12:00Z +%s
SAMPLES = ROWS_MAX + LOOKED_AT_MAX
pytestmark = pytest.mark.process


def run(folder: Path, *words: str, client: str = "export") -> subprocess.CompletedProcess[str]:
    """A client, as a program that would start its session on ports of its own."""
    code = (
        "from tools.cli import joining\n"
        f"joining.start_command = lambda folder, mission: [*{GROUND!r}, str(folder)]\n"
        "from tools.cli.main import run\n"
        "run()\n"
    )
    command = [sys.executable, "-c", code, client, "--state", str(folder), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state directory with an archive of a session that has ended; a session that begins there ends with the test."""
    folder = tmp_path / "ground"
    state.prepare(folder)
    archive = Archive(folder, "a")
    for number in range(SAMPLES):
        name = "power.bus_mv" if number % 64 == 0 else "system.uptime"
        archive.add(ParameterRecord(Micros(0), None, name, number, number, "", "", "WITHIN", False), NOON_US + number)
    archive.close()
    yield folder
    client = join(folder)
    if client is not None:
        with client:
            client.ask("stop")
            with pytest.raises(ClientError):
                list(client.messages(DEADLINE_S))


@pytest.mark.proves("K-GND-005")
def test_export_starts_the_session_and_writes_what_it_has(folder: Path, tmp_path: Path) -> None:
    assert not (folder / state.SESSION).exists()
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / state.SESSION).exists()
    heading, *rows = csv.reader(done.stdout.splitlines())
    assert tuple(heading) == Sample._fields
    assert [float(row[4]) for row in rows] == list(range(SAMPLES))
    assert rows[0] == ["2026-11-23T12:00:00.000000Z", "", "", "power.bus_mv", "0", "0", "", "", "WITHIN", "False"]
    written = tmp_path / "bus.json"
    assert run(folder, "power.*", "--json", "--output", str(written)).returncode == 0
    assert [row["raw"] for row in json.loads(written.read_text())] == list(range(0, SAMPLES, 64))
    done = run(folder, "--since", "2026-11-23T12:00:00.000003Z", "--until", "2026-11-23T12:00:00.000005Z")
    assert [row.split(",")[4] for row in done.stdout.splitlines()[1:]] == ["3", "4"]


def test_a_wrong_name_is_a_sentence_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_text("of value")
    done = run(folder, "power.bus_mw", "--output", str(kept))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kratai: there is no parameter 'power.bus_mw'; did you mean 'power.bus_mv'?\n"
    assert kept.read_text() == "of value"
    done = run(folder, "--output", str(tmp_path / "nowhere" / "file"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


class Impostor:
    """A session that is none: it listens where session.json says, and answers from a script."""

    def __init__(self, folder: Path, answers: list[dict[str, Any]]) -> None:
        state.prepare(folder)
        self.asked: list[dict[str, Any]] = []
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE_S)
        token = secrets.token_urlsafe(8)
        state.publish(folder, state.Found(self._listener.getsockname()[1], token, 1))
        self._thread = Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as client, client.makefile("rwb") as lines:
            for answer in ({"hello": {"pid": 1}}, *self._answers):
                asked = json.loads(lines.readline())
                self.asked.append(asked)
                lines.write(json.dumps({"id": asked.get("id"), **answer}).encode() + b"\n")
                lines.flush()

    def join(self) -> None:
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()


@pytest.mark.proves("K-GND-005")
def test_export_knows_only_what_the_session_says(folder: Path) -> None:
    """Beside a full archive, a session that tells something else: export writes that."""
    row = ["2026-11-23T12:00:00.000000Z", "", "", "made.up", 1, 2.5, "", "V", "HIGH", True]
    other = [*row[:3], "made.up.too", None, None, "", "", "UNCHECKED", False]
    impostor = Impostor(folder, [{"samples": [row], "after": [7, 8, 9]}, {"samples": [other], "after": None}])
    done = run(folder, "made.*", "--until", "2026-11-23T12:00:00Z")
    impostor.join()
    (folder / state.SESSION).unlink()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [
        "2026-11-23T12:00:00.000000Z,,,made.up,1,2.5,,V,HIGH,True",
        "2026-11-23T12:00:00.000000Z,,,made.up.too,,,,,UNCHECKED,False",
    ]
    first, second = impostor.asked[1:]
    assert (first["op"], first["names"], first["since_us"], first["until_us"]) == ("samples", ["made.*"], None, NOON_US)
    assert (first["after"], second["after"]) == (None, [7, 8, 9])


def test_a_session_that_goes_in_the_middle_is_a_sentence(folder: Path) -> None:
    row = ["2026-11-23T12:00:00.000000Z", "", "", "made.up", 1, 2.5, "", "V", "HIGH", True]
    impostor = Impostor(folder, [{"samples": [row], "after": [7, 8, 9]}])
    done = run(folder)
    impostor.join()
    (folder / state.SESSION).unlink()
    assert (done.returncode, done.stderr) == (2, "kratai: the ground session has gone\n")


def test_a_session_whose_archive_is_gone_says_so(folder: Path) -> None:
    assert run(folder, "--for", "0", client="watch").returncode == 0  # which starts it
    (folder / FILE).unlink()
    done = run(folder)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"kratai: there is no archive in {folder}\n")
