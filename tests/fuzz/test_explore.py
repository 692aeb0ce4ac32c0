"""Ten minutes of exploring for each target, in a process of its own. Needs the extra `fuzz` (tools/locks/README.md)."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
SECONDS = 600
DEADLINE_S = SECONDS + 300


@pytest.mark.process
@pytest.mark.soak
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed: tools/locks/README.md says how")
@pytest.mark.proves("K-FRAME-010", "K-PKT-005", "K-GND-013")
@pytest.mark.parametrize("name", TARGETS)
def test_ten_minutes_without_crash_or_growth(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.explore", name, "--seconds", str(SECONDS), "--folder", str(tmp_path)]
    ended = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False
    )
    failing = [f"{path.name}: {path.read_bytes().hex()}" for path in tmp_path.iterdir() if path.is_file()]
    words = ended.stdout.decode("utf-8", "replace").splitlines()
    assert ended.returncode == 0, "\n".join([*words[-40:], *failing])
    assert not failing
