"""A procedure that the power is cut out of, and files that outlive it: in virtual time, judged by plan and rules."""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rungs.virtual import run

MISSION = load_mission()


@pytest.mark.proves("K-SEQ-001", "K-SEQ-002", "K-SEQ-004", "K-SEQ-005", "K-FILE-002", "K-FILE-003")
def test_nothing_goes_on_by_itself_and_a_locked_file_stays() -> None:
    result = run(scenario.load("sequence", MISSION), MISSION, 0)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
    assert len(result.steps) == 25
