"""Commands whose answers are lost and whose lives are cut: no fate stays open, and each is what the tap has seen."""

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.observer import Finding
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rules import invariants
from hil.rungs.virtual import Virtual
from tools.ground.records import CommandRecord, ParameterRecord, Record
from tools.ground.tracking import UNDECIDED, StageChange, State

MISSION = load_mission()


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


@pytest.mark.proves("K-FATE-001")
@pytest.mark.proves("K-FATE-002")
@pytest.mark.parametrize("seed", [0, 1])
def test_no_command_stays_unknown(seed: int) -> None:
    witness = Witness()
    plan = scenario.load("fates", MISSION)
    virtual = Virtual(plan, MISSION, seed, observers=lambda *of: [*invariants.all_of(*of), witness])
    try:
        virtual.advance(Micros(plan.until_us), lambda: virtual.done)
        result = virtual.result()
    finally:
        virtual.close()
    failed = [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome is not Outcome.HELD]
    assert failed + [f"{f.rule}: {f.text}" for f in result.findings if f.breach] == []
    assert [change for change in witness.shown.values() if change.state in UNDECIDED] == []
    for ticket, change in witness.shown.items():
        value = witness.commands[ticket].arguments.get("system.scratch")
        match change.state:
            case State.COMPLETED:
                assert change.request_id in witness.ran
                assert value is None or int(value) in witness.scratch
            case State.NEVER | State.NOT_SENT:  # a life's last milliseconds may have run it: it has left nothing behind
                assert value is not None
                assert int(value) not in witness.scratch
            case state:
                assert state is State.CUT
                assert change.request_id in witness.ran
    states = {witness.commands[ticket].arguments.get("system.scratch"): c.state for ticket, c in witness.shown.items()}
    assert (states["11"], states["12"], states["17"]) == (State.COMPLETED, State.NEVER, State.COMPLETED)
