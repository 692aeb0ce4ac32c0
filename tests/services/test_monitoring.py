"""ST[12]: what monitors find, when they say it, which requests are refused, what a reset leaves."""

import struct
from itertools import pairwise

import pytest

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.system import Mode
from fsw.services.monitoring import monitoring
from fsw.store.keep import Table, put
from tests.services.desk import Desk
from tests.services.watching import (
    ALARM_1,
    ALARM_17,
    SCRATCH,
    SUPPLY,
    TEMPERATURE,
    Told,
    add,
    ask,
    code,
    deltas,
    desktop,
    events,
    expected,
    limits,
    numbers,
    parameter,
    statuses,
    transitions,
    turn,
    turns,
    watch,
    watching,
)
from tests.system.by_hand import Report

WITHIN, UNCHECKED, INVALID, BELOW, ABOVE, STALE = range(6)
UNKNOWN, EXISTS, CAPACITY, RANGE, STATE, DATA = 0x10, 0x11, 0x12, 0x13, 0x14, 0x05


def begin(*definitions: bytes) -> Desk:
    desk = desktop().desk
    assert code(ask(desk, 12, 3, "0000")) == 0
    watching(desk, *definitions)
    return desk


def reading(desk: Desk, pid: int, raw: float | None, seconds: float = 1) -> list[Told]:
    desk.parameters.set(parameter(pid), raw, desk.now)
    return transitions(turns(desk, seconds))


@pytest.mark.proves("K-AUTO-003")
def test_nothing_is_checked_before_the_board_has_booted() -> None:
    desk = begin(limits(3, SUPPLY, 100, 200))
    desk.board.mode = Mode.BOOT
    assert reading(desk, SUPPLY, 201, 3) == []
    desk.board.mode = Mode.QUIET
    assert [found[4] for found in transitions(turns(desk, 3))] == [200.0]


@pytest.mark.proves("K-MON-003")
def test_limits_belong_to_what_is_within() -> None:
    desk = begin(limits(3, SUPPLY, 100, 200))
    found = [[t[3:] for t in reading(desk, SUPPLY, raw)] for raw in (100, 200, 201, 99, 150)]
    above, below, back = (201.0, 200.0, 0, ABOVE), (99.0, 100.0, ABOVE, BELOW), (150.0, 100.0, BELOW, WITHIN)
    assert found == [[], [], [above], [below], [back]]


@pytest.mark.proves("K-MON-003")
def test_a_finding_needs_its_repetition_without_a_break() -> None:
    desk = begin(limits(3, SUPPLY, 100, 200, repetition=3))
    reading(desk, SUPPLY, 150, 3)
    raws = (300, 300, 150, 300, 300, 50, 300, 300, 300)
    assert [len(reading(desk, SUPPLY, raw)) for raw in raws] == [0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert statuses(desk) == {3: ABOVE}


@pytest.mark.proves("K-MON-003")
def test_expected_values_are_compared_in_their_mask() -> None:
    desk = begin(expected(7, SCRATCH, 0xF0, 0x50, event=ALARM_1))
    assert reading(desk, SCRATCH, 0x5A) == []
    assert reading(desk, SCRATCH, 0x6A) == [Told(7, SCRATCH, 0, 96.0, 80.0, WITHIN, BELOW)]
    assert reading(desk, SCRATCH, 0xFFFF_FF5F) == [Told(7, SCRATCH, 0, 80.0, 80.0, BELOW, WITHIN)]


@pytest.mark.proves("K-MON-003")
def test_deltas_are_judged_by_the_mean_of_the_last_changes() -> None:
    desk = begin(deltas(9, SUPPLY, -5, 10, 3))
    raws = (100, 109, 118, 127, 160, 160, 160, 160, 100)
    # means of the last three changes: 9, 17, 14, 11, 0, -20
    found = [statuses(desk)[9] if reading(desk, SUPPLY, raw) is not None else None for raw in raws]
    assert found == [UNCHECKED] * 3 + [WITHIN, ABOVE, ABOVE, ABOVE, WITHIN, BELOW]


@pytest.mark.proves("K-MON-003")
def test_no_reading_is_invalid_at_once_and_raises_no_event() -> None:
    desk = begin(limits(3, TEMPERATURE, -100, 100, repetition=5, events=(35, 35)))
    reading(desk, TEMPERATURE, 5, 6)
    desk.parameters.set(parameter(TEMPERATURE), None, desk.now)
    reports = turns(desk, 1)
    assert transitions(reports) == [Told(3, TEMPERATURE, 1, 0.0, 0.0, WITHIN, INVALID)]
    assert events(reports) == []


@pytest.mark.proves("K-MON-003")
def test_a_condition_that_does_not_hold_makes_invalid() -> None:
    desk = desktop().desk
    desk.parameters.set(parameter(SUPPLY), 50, desk.now)
    assert code(ask(desk, 8, 1, watch(4, SUPPLY, low=100, validity=(SCRATCH, 1, 1)))) == 0
    assert [code(ask(desk, 12, 1, numbers(4))), code(ask(desk, 12, 15))] == [0, 0]
    for scratch, status in ((2, INVALID), (3, BELOW), (4, INVALID), (5, BELOW)):
        desk.parameters.set(parameter(SCRATCH), scratch, desk.now)
        turns(desk, 1)
        assert statuses(desk) == {4: status}


@pytest.mark.proves("K-MON-004")
def test_what_nobody_writes_is_stale() -> None:
    desk = desktop().desk
    assert code(ask(desk, 8, 1, watch(4, SUPPLY, interval=5, stale=(4, ALARM_17)))) == 0
    assert [code(ask(desk, 12, 1, numbers(4))), code(ask(desk, 12, 15))] == [0, 0]
    for _ in range(3):
        assert transitions(reading_of(desk)) == []
    assert turns(desk, 1.5) == []  # 4 intervals of 0.5 s are not over
    reports = turns(desk, 0.5)
    assert [t[4:] for t in transitions(turns(desk, 2))] == [(0.0, WITHIN, STALE)]
    assert events(reports) == [(ALARM_17, struct.pack(">HHBf", 4, SUPPLY, STALE, 28.0))]
    assert transitions(reading_of(desk) + turns(desk, 2))[0].current == WITHIN


def reading_of(desk: Desk) -> list[Report]:
    desk.parameters.set(parameter(SUPPLY), 28, desk.now)
    return turns(desk, 0.5)


@pytest.mark.proves("K-MON-003")
def test_each_finding_raises_its_event() -> None:
    desk = begin(limits(3, SUPPLY, 100, 200, events=(ALARM_1, ALARM_17)))
    reading(desk, SUPPLY, 150)
    desk.parameters.set(parameter(SUPPLY), 300, desk.now)
    reports = turns(desk, 5)
    assert events(reports) == [(ALARM_17, struct.pack(">HHBf", 3, SUPPLY, ABOVE, 300.0))]
    assert [each.subtype for each in reports if each.service == 5] == [4]
    desk.parameters.set(parameter(SUPPLY), 3, desk.now)
    reports = turns(desk, 5)
    assert events(reports) == [(ALARM_1, struct.pack(">HHBf", 3, SUPPLY, BELOW, 3.0))]
    assert [each.subtype for each in reports if each.service == 5] == [3]
    assert events(turns(desk, 5)) == []


def test_transitions_wait_for_one_another_and_never_longer_than_the_delay() -> None:
    desk = begin(*(limits(n, SUPPLY, 100, 200) for n in range(40)))
    watching(desk, limits(50, SCRATCH, 0, 9, interval=20))
    reading(desk, SUPPLY, 150, 4)
    assert code(ask(desk, 12, 3, "0014")) == 0
    desk.parameters.set(parameter(SCRATCH), 10, desk.now)
    assert turns(desk, 3.9) == []  # found after 2 s, and 2 s it waits
    assert [t.monitor for t in transitions(turns(desk, 0.1))] == [50]
    desk.parameters.set(parameter(SUPPLY), 50, desk.now)
    assert len(transitions(turns(desk, 1))) == 40  # a report is full


def test_off_disabled_and_modified_monitors_begin_anew() -> None:
    desk = begin(limits(3, SUPPLY, 100, 200), limits(4, SUPPLY, 0, 500))
    reading(desk, SUPPLY, 300)
    assert statuses(desk) == {3: ABOVE, 4: WITHIN}
    assert code(ask(desk, 12, 2, numbers(3))) == 0
    assert statuses(desk) == {3: UNCHECKED, 4: WITHIN}
    assert turns(desk, 3) == []
    assert code(ask(desk, 12, 1, numbers(3, 3))) == 0
    assert [t.current for t in transitions(turns(desk, 1))] == [ABOVE]
    modified = limits(3, SUPPLY, 0, 400)
    assert code(ask(desk, 12, 7, b"\1" + modified[:4] + modified[6:])) == 0
    assert statuses(desk) == {3: UNCHECKED, 4: WITHIN}
    turns(desk, 1)
    assert statuses(desk) == {3: WITHIN, 4: WITHIN}
    assert code(ask(desk, 12, 16)) == 0
    assert statuses(desk) == {3: UNCHECKED, 4: UNCHECKED}
    assert turns(desk, 3) == []
    assert desk.monitoring.step(desk.now) == NEVER
    assert code(ask(desk, 12, 15)) == 0
    turns(desk, 1)
    assert statuses(desk) == {3: WITHIN, 4: WITHIN}


ONE = limits(3, SUPPLY, 100, 200)


@pytest.mark.proves("K-MON-005")
@pytest.mark.parametrize(
    ("subtype", "data", "refusal"),
    [
        (1, numbers(3, 9), UNKNOWN),
        (2, numbers(9), UNKNOWN),
        (4, b"", STATE),  # monitoring is on
        (5, b"\2" + limits(8, SUPPLY, 0, 1) + ONE, EXISTS),
        (5, b"\2" + limits(8, SUPPLY, 0, 1) * 2, EXISTS),
        (5, b"\1" + limits(8, 0x7777, 0, 1), UNKNOWN),
        (5, b"\1" + limits(8, SUPPLY, 0, 1, events=(36, 0)), UNKNOWN),  # not an event that monitors raise
        (5, b"\1" + limits(8, SUPPLY, 1, 0), RANGE),
        (5, b"\1" + limits(8, SUPPLY, 0, 1, interval=0), DATA),
        (5, b"\2" + limits(8, SUPPLY, 0, 1), DATA),
        (5, b"\1" + limits(8, SUPPLY, 0, 1) + b"\0", DATA),
        (6, numbers(3), STATE),
        (6, numbers(9), UNKNOWN),
        (7, b"\1" + limits(9, SUPPLY, 0, 1)[:4] + limits(9, SUPPLY, 0, 1)[6:], UNKNOWN),
        (7, b"\1" + limits(3, SCRATCH, 0, 1)[:4] + limits(3, SCRATCH, 0, 1)[6:], RANGE),
        (7, b"\1" + limits(3, SUPPLY, 2, 1)[:4] + limits(3, SUPPLY, 2, 1)[6:], RANGE),
        (7, b"\2" + (limits(3, SUPPLY, 0, 1)[:4] + limits(3, SUPPLY, 0, 1)[6:]) * 2, EXISTS),
        (7, b"\1" + ONE, DATA),
        (8, numbers(9), UNKNOWN),
    ],
)
def test_what_is_refused_changes_nothing(subtype: int, data: bytes, refusal: int) -> None:
    desk = begin(ONE)
    before = described(desk)
    reports = ask(desk, 12, subtype, data)
    assert code(reports) == refusal
    assert [each.subtype for each in reports] == [4]
    assert described(desk) == before
    assert described(desktop(desk.disk).desk) == before


def described(desk: Desk) -> list[bytes]:
    return [each.data for each in ask(desk, 12, 8, numbers(3)) if each.service == 12]


@pytest.mark.proves("K-MON-005")
@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (watch(3, SUPPLY), EXISTS),
        (watch(8, 0), UNKNOWN),
        (watch(8, SUPPLY, validity=(0x7777, 1, 1)), UNKNOWN),
        (watch(8, SUPPLY, stale=(1, 1)), UNKNOWN),
        (struct.pack(">HB2H", 27, 2, 3, 9), UNKNOWN),
    ],
)
def test_functions_that_are_refused(data: bytes, refusal: int) -> None:
    desk = begin(ONE)
    assert code(ask(desk, 8, 1, data)) == refusal


@pytest.mark.proves("K-MON-005")
def test_more_monitors_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "MONITORS_MAX", 4)
    desk = begin(ONE)
    assert add(desk, *(limits(n, SUPPLY, 0, 1) for n in range(10, 14))) == CAPACITY
    assert add(desk, *(limits(n, SUPPLY, 0, 1) for n in range(10, 13))) == 0


@pytest.mark.proves("K-MON-005")
def test_what_the_store_does_not_keep_is_not_there() -> None:
    desk = begin(ONE)
    desk.disk.failing = True
    assert add(desk, limits(8, SUPPLY, 0, 1)) == 0x1B
    assert code(ask(desk, 12, 2, numbers(3))) == 0x1B
    assert code(ask(desk, 12, 16)) == 0x1B
    turns(desk, 1)
    assert statuses(desk) == {3: INVALID}


@pytest.mark.proves("K-MON-006")
def test_a_reset_leaves_definitions_and_no_findings() -> None:
    desk = begin(ONE, limits(4, SUPPLY, 0, 50, events=(ALARM_1, ALARM_17)))
    assert code(ask(desk, 12, 2, numbers(4))) == 0
    assert code(ask(desk, 8, 1, watch(6, SCRATCH, check=0, mask=7, validity=(SUPPLY, 3, 1), stale=(9, 35)))) == 0
    reading(desk, SUPPLY, 300)
    assert statuses(desk) == {3: ABOVE, 4: UNCHECKED, 6: UNCHECKED}
    before = [each.data[1:] for each in ask(desk, 8, 1, struct.pack(">HB3H", 27, 3, 3, 4, 6)) if each.service == 12]
    again = desktop(desk.disk).desk
    assert statuses(again) == {3: UNCHECKED, 4: UNCHECKED, 6: UNCHECKED}
    told = [each.data for each in ask(again, 8, 1, struct.pack(">HB3H", 27, 3, 3, 4, 6)) if each.service == 12]
    assert [each[2:] for each in told] == [each[1:] for each in before]  # all but what it has found
    assert [each[0] for each in told] == [1, 0, 0]
    assert [t.monitor for t in reading(again, SUPPLY, 300)] == [3]


@pytest.mark.proves("K-MON-006")
def test_all_are_deleted_when_monitoring_is_off() -> None:
    desk = begin(ONE)
    assert [code(ask(desk, 12, 16)), code(ask(desk, 12, 4))] == [0, 0]
    assert statuses(desk) == statuses(desktop(desk.disk).desk) == {}
    assert code(ask(desk, 12, 15)) == 0
    assert turns(desk, 3) == []


@pytest.mark.proves("K-MON-006")
def test_a_kept_definition_that_fits_no_more_is_left_out_and_told() -> None:
    desk = begin(ONE)
    fit = watch(3, SUPPLY)[2:]
    for key, row in ((7, b"\1\1short"), (8, b"\x63\1" + bytes(60)), (9, b"\1\1" + fit), (10, b"")):
        assert desk.keeper.keep([put(Table.MONITORS, key, row)], desk.now, lambda *_: None)
    desk.answer()
    again = Desk(desk.disk)
    again.restore()
    assert events(again.take()) == [(35, struct.pack(">HHBf", key, 0, 6, 0.0)) for key in (7, 8, 9, 10)]
    assert statuses(again) == {3: UNCHECKED}


def test_what_is_wrong_now() -> None:
    desk = begin(ONE, limits(4, SUPPLY, 0, 50), limits(5, SUPPLY, 0, 500))
    assert [each.data for each in ask(desk, 12, 10) if each.service == 12] == [b"\0"]
    reading(desk, SUPPLY, 75)
    assert transitions(ask(desk, 12, 10), 11) == [
        Told(3, SUPPLY, 1, 75.0, 100.0, UNCHECKED, BELOW),
        Told(4, SUPPLY, 1, 75.0, 50.0, UNCHECKED, ABOVE),
    ]
    counted = [desk.parameters.values[pid] for pid in (80, 81, 82, 84)]
    assert counted == [3, 3, 2, 2]


@pytest.mark.proves("K-MON-007")
def test_a_step_checks_a_bounded_number_and_a_round_is_done_in_time() -> None:
    desk = desktop().desk
    for begin_at in range(0, 1_000, 40):
        assert add(desk, *(limits(n, SUPPLY, 100, 200) for n in range(begin_at, begin_at + 40))) == 0
        assert code(ask(desk, 12, 1, numbers(*range(begin_at, begin_at + 40)))) == 0
    assert code(ask(desk, 12, 15)) == 0
    desk.parameters.set(parameter(SUPPLY), 150, desk.now)
    turn(desk)
    desk.take()
    desk.now = Micros(1_000_000)
    checked, steps = [desk.parameters.values[83]], 0
    while desk.monitoring.step(desk.now) <= desk.now:
        steps += 1
        checked.append(desk.parameters.values[83])
    checked.append(desk.parameters.values[83])
    each = [after - before for before, after in pairwise(checked) if after and before is not None]
    assert (max(each), sum(each), steps) == (monitoring.CHECKS_PER_STEP, 1_000, 7)
    assert sorted(statuses(desk).values()) == [WITHIN] * 1_000


@pytest.mark.proves("K-MON-006")
@pytest.mark.parametrize("row", ["", "01", "0201000a", "0101000a00"])
def test_a_kept_state_that_nobody_can_read_is_off(row: str) -> None:
    desk = begin(ONE)
    assert desk.keeper.keep([put(Table.MONITORS, monitoring.STATE_KEY, bytes.fromhex(row))], desk.now, lambda *_: None)
    desk.answer()
    again = desktop(desk.disk).desk
    assert statuses(again) == {3: UNCHECKED}
    assert turns(again, 3) == []
