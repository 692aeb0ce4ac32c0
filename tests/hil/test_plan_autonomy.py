"""What the board decides by itself, with the power cut in the middle of it: flown in virtual time."""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rungs.virtual import run

MISSION = load_mission()


@pytest.mark.proves("K-AUTO-001", "K-AUTO-002", "K-AUTO-003", "K-AUTO-004", "K-AUTO-005")
def test_the_board_looks_after_itself_through_cuts() -> None:
    result = run(scenario.load("autonomy", MISSION), MISSION, 0)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert steps + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
