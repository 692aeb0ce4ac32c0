"""`kratai recover` with real programs: while no session is there a socket of the test takes the telemetry."""

import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from hil.rungs.contact_process import Contact
from tests.tools.booted_contact import booted
from tests.tools.test_main import ROOT, kratai
from tools.ground.client import join
from tools.ground.records import Data

pytestmark = pytest.mark.process
DEADLINE_S = 60.0
FRAME_OCTETS = 446
LOST = 8
"""Frames with packets of the payload."""


@pytest.fixture
def contact(tmp_path: Path) -> Iterator[Contact]:
    """A payload that has booted and knows the time."""
    with booted(tmp_path) as made:
        yield made


class Ground:
    """A second session in place of the first, on its ports."""

    def __init__(self, folder: Path, about: dict[str, Data]) -> None:
        ports = [word for name in ("tm", "tc", "report") for word in (f"--{name}", str(about[name]))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools.cli", "ground", "--state", str(folder), *ports],
            cwd=ROOT, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["protected"]

    def close(self) -> None:
        self.process.terminate()
        self.process.communicate()


def lose(about: dict[str, Data]) -> None:
    """Kill the session and hear in its place so many frames of VC 0, none of which anybody keeps."""
    os.kill(cast("int", about["pid"]), signal.SIGKILL)
    host, _, port = str(about["tm"]).rpartition(":")
    deadline, heard = time.monotonic() + DEADLINE_S, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ears:
        while True:
            try:
                ears.bind((host, int(port)))
                break
            except OSError:  # the killed one is not gone yet
                assert time.monotonic() < deadline
        while heard < LOST:
            assert select.select([ears], [], [], deadline - time.monotonic())[0], "the payload says nothing"
            heard += ears.recv(2048)[1] >> 1 & 7 == 0


def holes(folder: Path) -> int:
    """Counts that never came, by plain sums over the archive: one life, fewer packets than counts."""
    with closing(sqlite3.connect(f"file:{folder / 'archive.sqlite'}?mode=ro", uri=True)) as db:
        query = "select apid, sequence_count from packets where vcid in (0, 3) and service is not null"
        of: dict[int, set[int]] = {}
        for apid, count in db.execute(query):
            of.setdefault(apid, set()).add(count)
    return sum(max(counts) + 1 - len(counts) for counts in of.values())


def about_of(folder: Path) -> dict[str, Data]:
    client = join(folder)
    assert client is not None
    with client:
        return client.about


@pytest.mark.proves("K-GND-031", "K-GND-032")
def test_what_was_lost_while_no_session_was_there_is_fetched_by_the_next(contact: Contact) -> None:
    state = contact.ground_state
    words = ("--state", str(state))
    assert kratai("send", "housekeeping.enable", "sids=1,2", *words).returncode == 0
    about = about_of(state)
    lose(about)
    ground = Ground(state, about)
    try:
        pinged = kratai("send", "ping", *words)
        assert pinged.returncode == 0, pinged
        before = holes(state)
        assert before > 0
        shown = kratai("recover", "--dry-run", *words)
        assert shown.returncode == 3, shown
        assert f"{before} packets are missing" in shown.stdout
        assert "  system " in shown.stdout
        done = kratai("recover", *words)
        assert done.returncode == 0, done
        lines = done.stdout.splitlines()
        assert lines[0] == f"{before} packets are missing"
        assert any(line.startswith(f"{before} missing  asked for 20") for line in lines), lines
        assert lines[-1].startswith("done: nothing is missing"), lines
        assert kratai("recover", "--dry-run", "--json", *words).returncode == 0
        assert holes(state) == 0
    finally:
        ground.close()
