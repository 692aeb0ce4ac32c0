"""`kratai recover` against a real session, and a payload by hand that takes the request and sends nothing again."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.test_ground_process import DEADLINE_S, ROOT, Rig
from tests.tools.test_main import kratai

pytestmark = pytest.mark.process
RETRIEVE = (15, 9)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A session that has heard the system's packets 0 and 6."""
    made = Rig(tmp_path / "ground")
    made.down(made.craft.frame(made.craft.report(17, 2, b"")))
    made.craft.counts[0x20] = 6
    made.down(made.craft.frame(made.craft.report(17, 2, b"")))
    yield made
    made.close()


def serve_until(rig: Rig, process: "subprocess.Popen[bytes]", words: bytes) -> None:
    """The payload lives until a client has said this."""
    assert process.stdout is not None
    said, deadline = b"", time.monotonic() + DEADLINE_S
    while words not in said:
        assert time.monotonic() < deadline, said
        readable, _, _ = select.select([rig.tc.fileno(), process.stdout.fileno()], [], [], 0.05)
        if rig.tc.fileno() in readable:
            for frame in rig.craft.hear(rig.tc.recv(2048)):
                rig.down(frame)
        if process.stdout.fileno() in readable:
            said += os.read(process.stdout.fileno(), 65_536)
        rig.down(rig.craft.idle())


@pytest.mark.proves("K-GND-031", "K-GND-033")
def test_ctrl_c_ends_it_between_two_requests(rig: Rig) -> None:
    rig.craft.execute = lambda craft, tc: [] if (tc.service, tc.message_subtype) == RETRIEVE else craft.obey(tc)
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.cli", "recover", "--state", str(rig.folder)], cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as first:  # fmt: skip
        serve_until(rig, first, b"5 missing  asked for ")
        first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=DEADLINE_S)
    assert first.returncode == 3
    assert out.decode().splitlines() == [
        "stopped: by Ctrl-C; what was asked for last still comes; kratai recover goes on from there"
    ]
    shown = kratai("recover", "--dry-run", "--json", "--state", str(rig.folder))
    assert (shown.returncode, json.loads(shown.stdout)["missing"]) == (3, 5)


@pytest.mark.proves("K-GND-031")
def test_a_session_that_goes_is_told(rig: Rig) -> None:
    rig.craft.execute = lambda craft, tc: [] if (tc.service, tc.message_subtype) == RETRIEVE else craft.obey(tc)
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tools.cli", "recover", "--state", str(rig.folder)], cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as client:  # fmt: skip
        serve_until(rig, client, b"5 missing  asked for ")
        rig.ground.kill()
        out, _ = client.communicate(timeout=DEADLINE_S)
    assert client.returncode == 3
    assert out == b"stopped: the ground session has gone; kratai recover goes on from there\n"


def test_a_mission_without_packet_stores_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "mission.toml").write_text('name = "bare"\nline = "default"\nbase_mw = 1000\n')
    made = Rig(tmp_path / "ground", "--mission", str(folder))
    try:
        refused = kratai("recover", "--state", str(tmp_path / "ground"))
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == "kratai: this mission has no packet stores\n"
    finally:
        made.close()
