"""What lies inside telecommands and is kept on board: it may run later, and what a schedule holds only once."""

import pytest

from fsw.kernel.clock import Micros
from fsw.pus.st01 import Stage, Verification
from hil.rules.invariants_commands import AdOnce, NothingUnaccepted
from hil.rules.oracle import Acceptance, Carried, brought_by
from tests.hil.test_oracle import frame, ping
from tests.system.by_hand import telecommand

SCHEDULE, SEQUENCE, EXPIRY = (11, 4), (21, 1), (130, 1)
CUC = b"\x1e" + bytes(6)
S = 1_000_000


def carrying(kind: tuple[int, int], *inner: bytes, count: int = 50) -> bytes:
    return telecommand(0x020, *kind, b"\x01\x02" + b"".join(CUC + each for each in inner), count=count)


def started(count: int) -> Verification:
    return Verification(Stage.STARTED, ping(count)[:4], None, None, b"")


def test_telecommands_are_found_wherever_they_lie() -> None:
    nested = carrying(SCHEDULE, ping(3), ping(4))
    assert brought_by(nested)[0].carried == (Carried(ping(3)[:4], once=True), Carried(ping(4)[:4], once=True))
    deep = carrying(SEQUENCE, ping(7), carrying(SCHEDULE, ping(8), count=9))
    assert [(each.request_id[3], each.once) for each in brought_by(deep)[0].carried] == [
        (7, False),
        (9, False),
        (8, True),
    ]
    wrapped = telecommand(0x020, *EXPIRY, CUC + nested, count=51)
    outer, inner = brought_by(wrapped)
    assert (outer.carried, len(inner.carried)) == ((), 2)
    damaged = ping(3)[:-1] + b"\x00"
    assert brought_by(carrying(SCHEDULE, damaged))[0].carried == ()
    assert brought_by(nested[:-1] + b"\x00")[0].carried == ()


@pytest.mark.proves("K-BENCH-013")
def test_what_an_accepted_frame_keeps_on_board_runs_in_later_lives_and_nothing_else_does() -> None:
    acceptance = Acceptance(20)
    rule = NothingUnaccepted(acceptance)
    rule.born(Micros(0))
    for brought in acceptance.take(frame(carrying(SCHEDULE, ping(3)), 0), certain=True):
        rule.acceptable(brought, Micros(0))
    acceptance.begin()
    rule.born(Micros(S))
    for stage in (Stage.ACCEPTED, Stage.STARTED, Stage.COMPLETED):
        rule.verified(Verification(stage, ping(3)[:4], None, None, b""), Micros(2 * S))
    rule.executed(ping(3)[:4], Micros(2 * S))
    assert rule.finish(Micros(3 * S)) == []
    rule.executed(ping(4)[:4], Micros(3 * S))
    rule.verified(started(5), Micros(3 * S))
    assert len(rule.finish(Micros(3 * S))) == 2


@pytest.mark.proves("K-BENCH-012")
def test_a_schedule_lets_a_command_go_once_a_sequence_as_often_as_it_is_started() -> None:
    rule = AdOnce()
    rule.submitted(frame(carrying(SCHEDULE, ping(3)), 0), Micros(0))
    rule.submitted(frame(carrying(SEQUENCE, ping(4)), 1), Micros(0))
    for count in (3, 4, 4):
        rule.verified(started(count), Micros(S))
    assert rule.finish(Micros(S)) == []
    rule.verified(started(3), Micros(2 * S))
    assert [one.text for one in rule.finish(Micros(2 * S))] == ["0x020/3, sent AD, was run 0, started 2, ended 0 times"]
