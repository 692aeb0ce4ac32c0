"""Plans in which the lander cuts the power in the middle of a service's work: flown in virtual time, judged as ever.

Each item of the services has one. `fates` has a witness besides: what the ground shows must be what the tap has seen.
"""

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.observer import Finding
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.plan.scenario import Scenario
from hil.rules import invariants
from hil.run_result import RunResult
from hil.rungs.virtual import Virtual, run
from tools.ground.records import CommandRecord, ParameterRecord, Record
from tools.ground.tracking import UNDECIDED, StageChange, State

MISSION = load_mission()


def faults_of(plan: Scenario, result: RunResult) -> list[str]:
    """What did not hold: steps, steps that never came, rules."""
    wanted = sum(len(leg.steps) * max(leg.times, 1) for leg in plan.legs)
    steps = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    missing = [] if len(result.steps) == wanted else [f"{len(result.steps)} steps of {wanted}"]
    return steps + missing + [f"{f.rule}: {f.text}" for f in result.findings if f.breach]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("reports", marks=pytest.mark.proves("K-PARAM-001", "K-PARAM-002")),
        pytest.param("schedule", marks=pytest.mark.proves("K-SCHED-003", "K-SCHED-004")),
        pytest.param("monitoring", marks=pytest.mark.proves("K-MON-006", "K-MON-008", "K-MON-010")),
        pytest.param("storage", marks=pytest.mark.proves("K-ARCH-001", "K-ARCH-003", "K-ARCH-005", "K-ARCH-006")),
        pytest.param(
            "memory", marks=pytest.mark.proves("K-MEM-001", "K-MEM-003", "K-MEM-004", "K-MEM-005", "K-MEM-007")
        ),
        pytest.param(
            "sequence",
            marks=pytest.mark.proves("K-SEQ-001", "K-SEQ-002", "K-SEQ-004", "K-SEQ-005", "K-FILE-002", "K-FILE-003"),
        ),
        pytest.param(
            "autonomy", marks=pytest.mark.proves("K-AUTO-001", "K-AUTO-002", "K-AUTO-003", "K-AUTO-004", "K-AUTO-005")
        ),
        pytest.param("hazards", marks=pytest.mark.proves("K-VER-010", "K-VER-011", "K-VER-012")),
        pytest.param("time", marks=pytest.mark.proves("K-TIME-002", "K-TIME-003", "K-SCHED-003")),
    ],
)
def test_the_plan_holds_through_its_cuts(name: str, seed: int) -> None:
    plan = scenario.load(name, MISSION)
    assert faults_of(plan, run(plan, MISSION, seed)) == []


class Witness:
    """What the ground shows of each command, and what ran."""

    def __init__(self) -> None:
        self.shown: dict[int, StageChange] = {}
        self.commands: dict[int, CommandRecord] = {}
        self.ran: set[bytes] = set()
        self.scratch: set[float | None] = set()

    def record(self, record: Record, now: Micros) -> None:
        if isinstance(record, StageChange):
            self.shown[record.ticket] = record
        elif isinstance(record, CommandRecord):
            self.commands[record.ticket] = record
        elif isinstance(record, ParameterRecord) and record.name == "system.scratch":
            self.scratch.add(record.raw)

    def executed(self, request_id: bytes, now: Micros) -> None:
        self.ran.add(request_id)

    def finish(self, now: Micros) -> list[Finding]:
        return []


@pytest.mark.proves("K-FATE-001", "K-FATE-002")
@pytest.mark.parametrize("seed", [0, 1])
def test_no_command_stays_unknown(seed: int) -> None:
    witness = Witness()
    plan = scenario.load("fates", MISSION)
    virtual = Virtual(plan, MISSION, seed, observers=lambda *of: [*invariants.all_of(*of), witness])
    try:
        virtual.advance(Micros(plan.until_us), lambda: virtual.done)
        assert faults_of(plan, virtual.result()) == []
    finally:
        virtual.close()
    assert [change for change in witness.shown.values() if change.state in UNDECIDED] == []
    for ticket, change in witness.shown.items():
        value = witness.commands[ticket].arguments.get("system.scratch")
        match change.state:
            case State.COMPLETED:
                assert change.request_id in witness.ran
                assert value is None or int(value) in witness.scratch
            case State.REJECTED:
                assert change.text.startswith("EXPIRED")
                assert value == "18"
                assert 18 not in witness.scratch
            case State.NEVER | State.NOT_SENT:  # a life's last milliseconds may have run it: it has left nothing behind
                assert value is not None
                assert int(value) not in witness.scratch
            case state:
                assert state is State.CUT
                assert change.request_id in witness.ran
    states = {witness.commands[ticket].arguments.get("system.scratch"): c.state for ticket, c in witness.shown.items()}
    assert (states["11"], states["12"], states["17"]) == (State.COMPLETED, State.NEVER, State.COMPLETED)
    assert (states["18"], states["19"], states["20"]) == (State.REJECTED, State.COMPLETED, State.NEVER)
