"""The plan in which the board watches and answers by itself, and the power goes in the middle of it."""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rungs.virtual import run

MISSION = load_mission()


@pytest.mark.proves("K-MON-006", "K-MON-008", "K-MON-010")
def test_the_plan_holds_through_its_cuts() -> None:
    plan = scenario.load("monitoring", MISSION)
    result = run(plan, MISSION, 0)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
    assert len(result.steps) == sum(len(leg.steps) * max(leg.times, 1) for leg in plan.legs)
