"""The supervisor's table against a second transcription, and what it does to tasks that fail on a manual clock."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fsw.kernel.clock import NEVER, TICK_US, ManualClock, Micros
from fsw.kernel.scheduler import Slot, Step
from fsw.kernel.supervisor import (
    FAULT_TEXT_MAX,
    TABLE,
    Cell,
    RestartPolicy,
    Supervisor,
    Task,
    TaskEvent,
    TaskState,
    describe,
)

POLICY = RestartPolicy(backoff_us=500_000, strikes=3, window_us=60_000_000)
NOW = Micros(7_000_000)
RESUME = {"after-backoff": 7_500_000, "never": NEVER, "now": 7_000_000, "unchanged": 123}
Rows = Mapping[TaskEvent, Mapping[TaskState, Cell]]


def transcription() -> list[list[str]]:
    text = Path(__file__).with_name("supervisor_table.txt").read_text(encoding="ascii")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def disagreements(table: Rows) -> list[str]:
    """Lines of the transcription that `table` does not follow."""
    wrong = []
    for state, event, then, resume in transcription():
        task = Task("t", POLICY.strikes)
        task.resume_us = Micros(123)
        action, following = table[TaskEvent[event]][TaskState[state]]
        action(task, NOW, POLICY)
        if following is not TaskState[then] or task.resume_us != RESUME[resume]:
            wrong.append(f"{state} {event}")
    return wrong


@pytest.mark.proves("K-KERN-002")
def test_the_table_agrees_with_the_second_transcription() -> None:
    assert disagreements(TABLE) == []
    cells = {(row[0], row[1]) for row in transcription()}
    assert cells == {(state.name, event.name) for state in TaskState for event in TaskEvent}


def test_every_swapped_cell_is_noticed() -> None:
    cells = {cell for row in TABLE.values() for cell in row.values()}
    swapped = 0
    for event, row in TABLE.items():
        for state, cell in row.items():
            for other in cells - {cell}:
                mutant = {e: dict(r) for e, r in TABLE.items()}
                mutant[event][state] = other
                assert disagreements(mutant) == [f"{state.name} {event.name}"]
                swapped += 1
    assert swapped > 20


class Patient:
    """A task that fails when told to, and notes what happens to it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.failing = False
        self.restart_fails = False
        self.log: list[str] = []
        self.faults: list[tuple[str, str]] = []
        self.struck_out: list[str] = []
        self.supervisor = Supervisor(
            self.clock,
            POLICY,
            {"payload": self.restart},
            self.struck_out.append,
            lambda *fault: self.faults.append(fault),
        )

    def restart(self) -> None:
        if self.restart_fails:
            raise RuntimeError("no sensor")
        self.log.append("restart")

    def step(self, name: str) -> Step:
        def run(now: Micros) -> Micros:
            self.log.append(name)
            if self.failing:
                raise AssertionError("out of beans")
            return Micros(now + 50_000)

        return run

    def state(self, name: str = "payload") -> TaskState:
        return self.supervisor.tasks[name].state

    def guard(self, name: str, *, period: int = 1, essential: bool = True) -> Callable[[], Micros]:
        step = self.supervisor.guard(Slot(name, self.step(name), period, essential=essential))
        return lambda: step(self.clock.now())


def test_a_healthy_step_is_passed_through() -> None:
    patient = Patient()
    turn = patient.guard("payload")
    assert turn() == 50_000
    assert patient.log == ["payload"]
    assert patient.faults == []


@pytest.mark.proves("K-KERN-002")
def test_a_failed_task_rests_is_rebuilt_and_runs_again() -> None:
    patient = Patient()
    turn = patient.guard("payload")
    patient.failing = True
    assert turn() == 500_000
    assert patient.state() is TaskState.BACKOFF
    patient.clock.advance_to(Micros(499_999))
    assert turn() == 500_000
    assert patient.log == ["payload"]
    patient.failing = False
    patient.clock.advance_to(Micros(500_000))
    assert turn() == 550_000
    assert patient.log == ["payload", "restart", "payload"]
    assert patient.state() is TaskState.RUNNING
    [(name, text)] = patient.faults
    assert name == "payload"
    assert text.startswith("AssertionError test_supervisor.py:")
    assert "out of beans" in text
    assert patient.supervisor.tasks["payload"].fault == text


def test_the_parts_of_a_task_rest_and_return_together() -> None:
    patient = Patient()
    first, second = patient.guard("payload.read"), patient.guard("payload.write")
    other = patient.guard("power")
    patient.failing = True
    first()
    patient.failing = False
    assert second() == 500_000
    assert other() == 50_000
    assert patient.log == ["payload.read", "power"]
    patient.clock.advance(500_000)
    second()
    first()
    assert patient.log[2:] == ["restart", "payload.write", "payload.read"]
    # No restart is declared for power: it just goes on.
    patient.failing = True
    other()
    patient.failing = False
    patient.clock.advance(500_000)
    assert other() == 1_050_000


def test_a_restart_that_fails_is_a_strike_too() -> None:
    patient = Patient()
    turn = patient.guard("payload")
    patient.failing = patient.restart_fails = True
    for _ in range(3):
        turn()
        patient.clock.advance(500_000)
    assert patient.log == ["payload"]
    assert [text.rpartition(": ")[2] for _, text in patient.faults] == ["out of beans", "no sensor", "no sensor"]
    assert patient.struck_out == ["payload"]
    assert turn() == NEVER


@pytest.mark.proves("K-KERN-002")
def test_the_third_strike_within_the_window_is_the_last() -> None:
    patient = Patient()
    turn = patient.guard("payload")
    patient.failing = True
    for at in (0, 30_000_000, 60_000_000):
        assert patient.struck_out == []
        patient.clock.advance_to(Micros(at))
        turn()
    assert patient.struck_out == ["payload"]
    assert patient.state() is TaskState.STRUCK_OUT
    patient.failing = False
    patient.clock.advance(10**12)
    assert turn() == NEVER
    assert patient.log.count("payload") == 3
    assert patient.supervisor.tasks["payload"].faults == 3


def test_strikes_further_apart_than_the_window_are_forgiven() -> None:
    patient = Patient()
    turn = patient.guard("payload")
    patient.failing = True
    for strike in range(10):
        patient.clock.advance_to(Micros(strike * 30_000_001))
        turn()
    assert patient.struck_out == []
    assert patient.supervisor.tasks["payload"].faults == 10


def test_the_rest_counts_from_the_end_of_a_long_failing_step() -> None:
    patient = Patient()

    def long_step(_now: Micros) -> Micros:
        patient.clock.advance(3_000_000)
        raise RuntimeError

    step = patient.supervisor.guard(Slot("payload", long_step))
    assert step(Micros(0)) == 3_500_000


@pytest.mark.parametrize("passing", [KeyboardInterrupt, SystemExit])
def test_what_is_no_task_s_business_passes(passing: type[BaseException]) -> None:
    patient = Patient()

    def step(_now: Micros) -> Micros:
        raise passing

    with pytest.raises(passing):
        patient.supervisor.guard(Slot("payload", step))(Micros(0))
    assert patient.faults == []


def test_a_fault_is_one_bounded_line() -> None:
    try:
        raise ValueError("two\nlines " + "x" * 500)  # noqa: TRY301 - the traceback is what is tested
    except ValueError as error:
        text = describe(error)
    assert text.startswith("ValueError test_supervisor.py:")
    assert "two lines xxx" in text
    assert len(text) == FAULT_TEXT_MAX
    assert describe(ValueError("never raised")) == "ValueError: never raised"


@pytest.mark.proves("K-KERN-003")
def test_fresh_while_every_task_keeps_its_word() -> None:
    patient = Patient()
    supervisor = patient.supervisor
    turn = patient.guard("payload", period=10)
    assert supervisor.fresh(Micros(11 * TICK_US))
    assert not supervisor.fresh(Micros(11 * TICK_US + 1))
    turn()
    # It asked for 50 ms; its slot comes round within ten ticks; one more is grace.
    assert supervisor.fresh(Micros(50_000 + 11 * TICK_US))
    assert not supervisor.fresh(Micros(50_000 + 11 * TICK_US + 1))


def test_a_step_that_asks_for_the_past_is_fresh_when_it_ran() -> None:
    patient = Patient()
    step = patient.supervisor.guard(Slot("payload", lambda _now: Micros(0)))
    step(Micros(5_000_000))
    assert patient.supervisor.fresh(Micros(5_010_000))
    assert not patient.supervisor.fresh(Micros(5_030_000))


@pytest.mark.proves("K-KERN-003")
def test_a_resting_task_is_fresh_a_dead_one_is_not_unless_it_is_not_needed() -> None:
    for essential in (True, False):
        patient = Patient()
        healthy = patient.guard("power")
        turn = patient.guard("payload", essential=essential)
        patient.failing = True
        turn()
        patient.failing = False
        patient.clock.advance(400_000)
        healthy()
        assert patient.supervisor.fresh(patient.clock.now())
        patient.failing = True
        for _ in range(2):
            patient.clock.advance(500_000)
            turn()
        patient.failing = False
        healthy()
        assert patient.struck_out == ["payload"]
        assert patient.supervisor.fresh(patient.clock.now()) is not essential


@pytest.mark.parametrize(
    "policy", [RestartPolicy(500, 0, 10**6), RestartPolicy(0, 3, 10**6), RestartPolicy(500_000, 3, 1_500_000)]
)
def test_a_policy_that_cannot_strike_out_is_an_assertion(policy: RestartPolicy) -> None:
    with pytest.raises(AssertionError):
        Supervisor(ManualClock(), policy, {}, lambda _name: None, lambda _name, _text: None)
