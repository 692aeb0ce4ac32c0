"""Whole missions in virtual time: what plans say comes true, a run is its seed, and how one looks changes nothing."""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.run_result import RunResult
from hil.rungs.virtual import Virtual, run, run_seed

MISSION = load_mission()
MIN = 60_000_000
ROOT = Path(__file__).resolve().parents[2]


def flown(name: str, seed: int = 0, lander: str = "", until_us: int | None = None) -> RunResult:
    return run(scenario.load(name, MISSION, lander), MISSION, seed, until_us=until_us)


def problems(result: RunResult) -> list[str]:
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    return steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach]


@pytest.mark.proves("K-BENCH-003")
@pytest.mark.parametrize("lander", ["generic", "peregrine-like", "short-line"])
def test_first_contact_holds_with_every_lander(lander: str) -> None:
    result = flown("first-contact", lander=lander)
    assert problems(result) == []
    assert len(result.steps) == 13


@pytest.mark.proves("K-BENCH-003")
@pytest.mark.parametrize("name", ["brown-out", "night"])
def test_a_mission_plan_holds(name: str) -> None:
    assert problems(flown(name)) == []


@pytest.mark.proves("K-BENCH-003")
def test_two_days_of_cruise_hold() -> None:
    result = flown("cruise", until_us=62 * 3600 * 1_000_000)
    assert {s.outcome for s in result.steps if s.leg == "session" and s.turn < 2} == {Outcome.HELD}


@pytest.mark.soak
@pytest.mark.proves("K-BENCH-003")
@pytest.mark.parametrize("name", ["cruise", "orbit", "surface"])
def test_a_long_mission_plan_holds(name: str) -> None:
    assert problems(flown(name)) == []


@pytest.mark.proves("K-SIM-002")
@pytest.mark.parametrize("seed", range(10))
def test_ten_minutes_of_storm_break_no_rule(seed: int) -> None:
    result = flown("storm", seed, until_us=10 * MIN)
    assert [f"{f.rule} at {f.at_us}: {f.text}" for f in result.findings if f.breach] == []
    assert any(fault.exercised for fault in result.faults)


ALONE = """
import json
from fsw.mdb.mission import load
from hil.plan import scenario
from hil.rungs import virtual
mission = load()
result = virtual.run(scenario.load("storm", mission), mission, 5, until_us=120_000_000)
print(json.dumps([result.digest, result.octets_down, result.counters]))
"""


@pytest.mark.process
@pytest.mark.proves("K-SIM-001")
def test_a_run_is_its_seed_in_fresh_processes_whatever_their_hashes() -> None:
    said = []
    for hash_seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", ALONE], capture_output=True, env=environment, timeout=120, check=True
        )
        said.append(json.loads(done.stdout))
    assert said[0] == said[1] == said[2]
    assert said[0][1] > 10_000


def test_another_seed_is_another_run() -> None:
    digests = {flown("storm", seed, until_us=2 * MIN).digest for seed in range(3)}
    assert len(digests) == 3


def test_the_digest_is_of_every_octet_that_the_line_took() -> None:
    virtual = Virtual(scenario.load("first-contact", MISSION), MISSION, 0)
    octets = b""
    digest = virtual.board.line.on_write

    def write(taken: bytes) -> None:
        nonlocal octets
        octets += taken
        assert digest is not None
        digest(taken)

    virtual.board.line.on_write = write
    virtual.advance(Micros(5 * MIN), lambda: virtual.done)
    result = virtual.result()
    virtual.close()
    assert result.octets_down == len(octets)
    assert result.digest == hashlib.sha256(octets).hexdigest()


@pytest.mark.proves("K-SIM-003")
@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_skipping_idle_slots_changes_no_octet(seed: int) -> None:
    said = []
    for skips in (True, False):
        virtual = Virtual(scenario.load("storm", MISSION), MISSION, seed, skips_idle=skips)
        virtual.advance(Micros(40_000_000))
        result = virtual.result()
        said.append((result.digest, result.octets_down, result.counters))
        virtual.close()
    assert said[0] == said[1]


def test_a_run_for_a_pool_of_processes_is_plain_data() -> None:
    result = run_seed("first-contact", 3, ("heartbeat_jitter@1s+2s",))
    assert result["ok"] is True
    assert result["faults"] == ["heartbeat_jitter@1s+2s"]
    assert json.loads(json.dumps(result)) == result


@pytest.mark.soak
@pytest.mark.process
@pytest.mark.proves("K-SIM-002")
def test_a_thousand_hours_of_storm_break_no_rule() -> None:
    with ProcessPoolExecutor() as pool:
        broken = [one for one in pool.map(run_seed, ["storm"] * 1000, range(1000), chunksize=5) if not one["ok"]]
    assert [(one["seed"], one["findings"], one["failed_steps"]) for one in broken] == []
