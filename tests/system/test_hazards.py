"""A hazardous command on a whole board: out of all that holds telecommands, and by the one way that executes it."""

from pathlib import Path

import pytest

from tests.system.bench import events
from tests.system.by_hand import Cadus
from tests.system.operator import Operator

STOPPING, EXECUTED = 11, 96
PROTECTED, UNKNOWN = 0x19, 0x10
ARM = "system.arm packet=system.restart()"


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def refusals(operator: Operator) -> list[int]:
    """Codes of all (1,4) heard."""
    said = [r for r in operator.heard if (r.service, r.subtype) == (1, 4)]
    return [int.from_bytes(r.data[4:6], "big") for r in said]


@pytest.mark.proves("K-VER-010")
@pytest.mark.parametrize(
    "sentences",
    [
        ["schedule.enable", "schedule.insert subschedule=0 activities=+2s:INNER"],
        [
            "sequence.load sequence=1 requests=INNER:100", "sequence.checksum sequence=1",
            "sequence.validate sequence=1 checksum=CHECKSUM", "sequence.start sequence=1",
        ],
        [
            "response.add responses=32:2:INNER", "system.response apid=32 event=2 state=ACTIVE",
            "response.enable responses=32:2", "response.on", "system.mode mode=SAFE",
        ],
    ],
    ids=["schedule", "sequence", "response"],
)  # fmt: skip
@pytest.mark.parametrize("inner", ["system.restart()", ARM.replace(" ", "(") + ")", "system.execute(nonce=NONCE)"])
def test_nothing_that_holds_telecommands_gets_one_past_the_rule(
    operator: Operator, sentences: list[str], inner: str
) -> None:
    assert operator.say(ARM) is None
    for sentence in sentences:
        told = [r.data for r in operator.heard if r.service == 21]
        checksum = str(int.from_bytes(told[-1][-2:], "big")) if told else ""
        assert operator.say(sentence.replace("INNER", inner).replace("CHECKSUM", checksum)) is None, sentence
    operator.heard += operator.bench.run(4)
    assert refusals(operator) == [PROTECTED]
    assert STOPPING not in events(operator.bench.reports)
    assert operator.parameter("hazards.refused_bare") == (1 if inner == "system.restart()" else 0)
    assert operator.parameter("hazards.refused_otherwise") == (0 if inner == "system.restart()" else 1)


@pytest.mark.proves("K-VER-010")
def test_armed_and_executed_the_board_restarts_once(operator: Operator) -> None:
    assert operator.say(ARM) is None
    assert operator.parameter("hazards.armed") == 1
    bench = operator.bench

    def another_life(on: bool) -> None:
        bench.cadus = Cadus(446)

    bench.board.told_power = another_life
    assert operator.say("system.execute nonce=NONCE", 4) is None
    assert [event for event in events(operator.heard) if event in (STOPPING, EXECUTED)] == [EXECUTED, STOPPING]
    assert operator.bench.board.lives == 2
    assert operator.say("system.execute nonce=NONCE") == UNKNOWN, "the next life knows nothing of it"


@pytest.mark.proves("K-VER-011")
def test_a_cut_between_arm_and_execute_ends_the_arm(operator: Operator) -> None:
    assert operator.say(ARM) is None
    before = operator.nonce
    operator.bench.cut()
    operator.bench.run(2)
    assert operator.parameter("hazards.armed") == 0
    assert operator.say("system.execute nonce=NONCE") == UNKNOWN
    assert operator.say(ARM) is None
    assert operator.nonce != before
    assert operator.bench.board.lives == 2
