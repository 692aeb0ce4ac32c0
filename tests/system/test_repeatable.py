"""The same run is the same octets: with and without idle ticks, and in another process with another hash seed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.system import busy_run

ROOT = Path(__file__).parents[2]


@pytest.mark.proves("K-KERN-001")
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), line=st.sampled_from(["slow", "default", "fast"]))
def test_skipping_idle_ticks_changes_no_octet(tmp_path_factory: pytest.TempPathFactory, seed: int, line: str) -> None:
    every, skipped = (
        busy_run.fly(tmp_path_factory.mktemp("run"), seed, line=line, skips_idle=skips) for skips in (False, True)
    )
    assert hashlib.sha256(every.octets).hexdigest() == hashlib.sha256(skipped.octets).hexdigest()
    assert skipped.ticks < every.ticks
    assert len(every.octets) > 5_000


def test_another_seed_is_another_run(tmp_path: Path) -> None:
    runs = []
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        runs.append(busy_run.fly(tmp_path / str(seed), seed).octets)
    assert runs[0] != runs[1]


@pytest.mark.process
def test_two_fresh_processes_with_other_hash_seeds_send_the_same_octets(tmp_path: Path) -> None:
    digests = []
    for hash_seed in ("1", "4242"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "tests.system.busy_run", str(folder), "7"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            timeout=60,
            check=True,
        )
        digests.append(done.stdout)
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == 64
