"""A replay that is cut in the middle, and stores that outlive it: flown in virtual time, judged by plan and rules."""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rungs.virtual import run

MISSION = load_mission()


@pytest.mark.proves("K-ARCH-003", "K-ARCH-005", "K-ARCH-006")
def test_a_replay_goes_on_by_itself_after_a_cut() -> None:
    result = run(scenario.load("storage", MISSION), MISSION, 0)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
    assert len(result.steps) == 18
