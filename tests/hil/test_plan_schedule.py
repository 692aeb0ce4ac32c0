"""A timeline out of which the power is cut: flown in virtual time, judged by the plan and by the bench's rules."""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rungs.virtual import run

MISSION = load_mission()


@pytest.mark.proves("K-SCHED-003")
@pytest.mark.proves("K-SCHED-004")
def test_each_command_of_the_timeline_runs_once_or_not_at_all() -> None:
    result = run(scenario.load("schedule", MISSION), MISSION, 0)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
    assert len(result.steps) == 19
