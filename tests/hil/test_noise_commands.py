"""Bit errors on a protected line: each AD command runs once, in order, or the ground says that it did not.

The commands set a parameter to 1, 2, 3 …; the witness is the pool of parameters on board, which notes each write.
"""

from pathlib import Path

import pytest

from fsw.mdb.system import SCRATCH
from fsw.mdb.values import Raw
from hil.board.board import flying
from hil.written.fault import make
from tests.hil.noise import MINUTE, SECOND, Noise, noise
from tools.ground.tracking import FINAL, State

COMMANDS = 200  # fewer than the fates that the payload remembers
PAUSE = 200_000
QUEUED_MAX = 32
NOISE = 4 * MINUTE
ABSENT = frozenset((State.NEVER, State.NOT_SENT, State.REJECTED, State.FAILED))


class Pool(dict[int, Raw]):
    """The values on board; what is written of one parameter is noted."""

    def __init__(self, values: dict[int, Raw]) -> None:
        super().__init__(values)
        self.written: list[Raw] = []

    def __setitem__(self, pid: int, raw: Raw) -> None:
        if pid == SCRATCH.pid:
            self.written.append(raw)
        super().__setitem__(pid, raw)


def stream(run: Noise, number: int) -> dict[int, int]:
    """Send so many, a few a second, never more than the queue bears; value by ticket."""
    session, values = run.run.bench.session, {}
    for value in range(1, number + 1):
        while session.uplink.queued >= QUEUED_MAX:
            run.turn(PAUSE)
        ticket = run.send("parameter.set", **{SCRATCH.name: str(value)})
        values[ticket.number] = value
        run.turn(PAUSE)
    return values


def streamed(run: Noise) -> tuple[list[Raw], dict[State, set[int]]]:
    """What was written on board, and what the ground says two minutes after the noise."""
    run.turn(20 * SECOND)
    parameters = flying(run.run.board).parameters
    pool = parameters.values = Pool(parameters.values)
    values = stream(run, COMMANDS)
    run.turn(max(0, NOISE - run.now) + 2 * MINUTE)
    return pool.written, fates(run, values)


def fates(run: Noise, values: dict[int, int]) -> dict[State, set[int]]:
    """Values by what the ground says of the command that set them."""
    said: dict[State, set[int]] = {}
    for ticket, value in values.items():
        said.setdefault(run.kept.stages[ticket][-1].state, set()).add(value)
    return said


def judge(run: Noise, written: list[Raw], said: dict[State, set[int]]) -> None:
    """What the witness saw is what the ground says."""
    ran = [int(raw or 0) for raw in written]
    assert ran == sorted(set(ran)), "once, and in order"
    assert said.get(State.COMPLETED, set()) <= set(ran), "what is said to have completed has"
    for state in ABSENT:
        assert said.get(state, set()).isdisjoint(ran), state
    assert set(said) <= FINAL | ABSENT, "in the end every fate is known"
    result = run.run.result()
    assert result.counters["lander.tm_frames_bad"] > 0
    assert [one.text for one in result.findings if one.breach] == []


@pytest.mark.proves("K-SEC-032")
@pytest.mark.parametrize(("up_e9", "down_e9"), [(100_000, 100_000), (1_000_000, 10_000)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_command_runs_once_and_in_order(tmp_path: Path, up_e9: int, down_e9: int, seed: int) -> None:
    with noise(tmp_path, seed, up_e9, down_e9, NOISE) as run:
        written, said = streamed(run)
        judge(run, written, said)
        assert said == {State.COMPLETED: set(range(1, COMMANDS + 1))}, "COP-1 repeats until it is there"


@pytest.mark.proves("K-SEC-032")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_cop_1_gives_up_it_is_said_what_did_not_run(tmp_path: Path, seed: int) -> None:
    dead = tuple(make("silence", at * SECOND, 15 * SECOND, direction="up") for at in (35, 60))
    next_contact = make("silence", SECOND + NOISE, 10 * SECOND, direction="down")
    with noise(tmp_path, seed, 100_000, 100_000, NOISE, (*dead, next_contact)) as run:
        written, said = streamed(run)
        judge(run, written, said)
        assert run.run.bench.session.uplink.alerts > 0
        assert said.get(State.NEVER, set()), "some never arrived, and it is known"
