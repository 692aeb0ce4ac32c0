"""The demo as a newcomer runs it: every step holds, and the data file says the same as the table."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = [
    "boot",
    "first telemetry",
    "time from the lander",
    "ping",
    "housekeeping on",
    "instrument reading",
    "refused command",
    "limit crossed",
    "back within",
    "power-off notice",
    "power cut",
    "reboot",
    "answers again",
]


@pytest.mark.proves("K-SEC-014")
@pytest.mark.process
def test_every_step_of_the_demo_holds(tmp_path: Path) -> None:
    told = tmp_path / "contact.json"
    command = [sys.executable, "-m", "tools.cli", "demo", "--json", str(told), "--svg", str(tmp_path / "demo.svg")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    data = json.loads(told.read_text())
    assert [step["name"] for step in data["steps"]] == STEPS
    assert data["held"]
    assert all(step["held"] for step in data["steps"])
    stages = [
        record["stage"] for record in data["records"] if record.get("kind") == "stage" and record["name"] == "ping"
    ]
    assert stages[:5] == ["sent", "received", "accepted", "started", "completed"]
    assert "Traceback" not in done.stderr
    assert (tmp_path / "demo.svg").stat().st_size > 0
    assert data["protected"]
    assert "protected link" in done.stdout
