"""Dumps, loads and baselines out of which the power is cut: flown in virtual time, judged by the plan and the rules."""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rungs.virtual import run

MISSION = load_mission()


@pytest.mark.proves("K-MEM-001", "K-MEM-003", "K-MEM-004", "K-MEM-005", "K-MEM-007")
@pytest.mark.parametrize("seed", [0, 1])
def test_memory_outlives_its_cuts(seed: int) -> None:
    plan = scenario.load("memory", MISSION)
    result = run(plan, MISSION, seed)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
    assert len(result.steps) == sum(len(leg.steps) * max(leg.times, 1) for leg in plan.legs)
