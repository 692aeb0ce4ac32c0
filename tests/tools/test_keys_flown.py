"""`kratai keys` with real programs: payload, lander, ground session, with keys of their own; the session is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from hil.rungs.contact_process import Contact
from tests.tools.booted_contact import booted
from tests.tools.key_search import shown
from tests.tools.test_main import ROOT, kratai
from tools.ground.client import join

pytestmark = pytest.mark.process


@pytest.fixture
def contact(tmp_path: Path) -> Iterator[Contact]:
    """A payload that has booted."""
    with booted(tmp_path) as made:
        yield made


def files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "keys").glob("*.key")}


@pytest.mark.proves("K-SEC-013", "K-SEC-016", "K-SEC-019")
def test_keys_are_rotated_by_command_and_a_killed_session_leaves_nothing_half_done(
    contact: Contact, tmp_path: Path
) -> None:
    ground, flight = contact.ground_state, tmp_path / "flight"
    before = {path.read_bytes() for path in (tmp_path / "keys").rglob("*.key")}
    rotate = ["keys", "rotate", "--spi", "0010", "--spi", "0020", "--state", str(ground)]
    client = join(ground)
    assert client is not None
    about = client.about
    client.close()
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.cli", *rotate], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        line = first.stdout.readline()
        assert line.startswith("0110  is taken in use"), line
        os.kill(cast("int", about["pid"]), signal.SIGKILL)
        rest = first.stdout.read()
        assert first.wait() == 3, rest
    assert "the ground session has gone" in rest
    ports = [word for name in ("tm", "tc", "report") for word in (f"--{name}", str(about[name]))]
    again = subprocess.Popen(
        [sys.executable, "-m", "tools.cli", "ground", "--state", str(ground), *ports],
        cwd=ROOT, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert again.stdout is not None
        assert json.loads(again.stdout.readline())["protected"]
        done = kratai(*rotate, "--json")
        assert done.returncode == 0, done
        end = json.loads(done.stdout)
        assert (end["ending"], end["text"]) == ("done", "at work: 0110, 0120")
        for folder in (flight, ground):
            assert {"0010.key", "0020.key"} & files(folder) == set()
            assert {"0110.key", "0120.key", "0011.key"} <= files(folder)
        assert kratai("send", "ping", "--state", str(ground)).returncode == 0
        refused = kratai("keys", "rotate", "--recovery", "--state", str(ground))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "0310 is not at hand" in refused.stderr
    finally:
        again.terminate()
        again.communicate()
    said = (line + rest + done.stdout + done.stderr + refused.stderr).encode()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".key"]
    assert shown(before, said + b"".join(written), apart=13) == []
