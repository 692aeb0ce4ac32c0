"""Other programs, run for `test`, `check` and `perf`: one of the few files of `tools` that start processes."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import SubprocessError
from typing import Final, NamedTuple

__all__ = ["BIN", "ROOT", "Outcome", "SubprocessError", "run", "run_live"]

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent


class Outcome(NamedTuple):
    """How a program ended; `output` is both its streams."""

    status: int
    seconds: float
    output: str


def run(arguments: Sequence[str | Path]) -> Outcome:
    """Run a program of this environment in the checkout, and keep what it says."""
    begin = time.monotonic()
    done = subprocess.run(  # noqa: S603 - programs of this environment
        [str(word) for word in arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, time.monotonic() - begin, done.stdout)


def run_live(arguments: Sequence[str | Path], *, on_stderr: bool) -> int:
    """Run a program in the checkout with its output shown as it comes; exit status."""
    target = sys.stderr if on_stderr else None
    return subprocess.run([str(word) for word in arguments], cwd=ROOT, stdout=target, check=False).returncode  # noqa: S603
