"""ST[11] case by case: failure codes, late policy, blocked activities, what a reset leaves."""

import struct

import pytest

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.system import Mode
from fsw.services.schedule.schedule import RUN_MAX, WAITS_US
from fsw.services.schedule.schedule_requests import CHANGED_MAX, RETRY_US
from fsw.services.schedule.timetable import ACTIVITIES_MAX
from fsw.store.keep import Table, put
from tests.services.desk import Desk, words
from tests.services.schedule_desk import (
    ALL,
    APID,
    EPOCH_S,
    SECOND,
    ScheduleDesk,
    between,
    cuc,
    event_words,
    ids,
    insert,
    insert_late,
    names,
    ping,
)

OK = [(3, 0), (7, 0)]
NOW = EPOCH_S * SECOND
SKIP, RUN = 0, 1
OFF, UNKNOWN, JUMP, HELD = range(4)
LATE, BLOCKED, WAITS, INTERRUPTED, DAMAGED = range(30, 35)


def at(seconds: float) -> int:
    return NOW + round(seconds * SECOND)


def refused(code: int) -> list[tuple[int, int]]:
    return [(4, code)]


@pytest.fixture
def desk() -> ScheduleDesk:
    found = ScheduleDesk()
    assert found.say(1) == OK
    return found


@pytest.mark.proves("K-SCHED-001")
def test_released_at_its_time_in_order_of_time(desk: ScheduleDesk) -> None:
    assert desk.say(4, insert(1, (at(30), ping(1)), (at(20), ping(2)), (at(20), ping(3)))) == OK
    assert desk.turn() == Micros(20 * SECOND)
    desk.later(19.9)
    assert desk.ran() == []
    desk.later(0.1)
    assert desk.ran() == [2, 3]
    desk.later(10)
    assert (desk.ran(), desk.turn()) == ([1], NEVER)


@pytest.mark.proves("K-SCHED-001")
def test_acceptance_is_reported_for_the_scheduled_request(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(30), ping(77))))
    desk.later(30)
    (accepted,) = [one for one in desk.take() if one.service == 1]
    assert (accepted.subtype, accepted.data) == (1, ping(77)[:4])
    assert desk.verification.accepted_us is None, "nobody on the ground has commanded"


@pytest.mark.proves("K-SCHED-002")
@pytest.mark.parametrize(
    ("subtype", "data", "code"),
    [
        (4, insert(1, (at(1), ping(1))), 0x17),
        (4, insert(1, (at(10), ping(1)), (at(0.5), ping(2))), 0x17),
        (4, insert(1, (at(10), ping(9))), 0x11),
        (4, insert(1, (at(10), ping(1)), (at(11), ping(1))), 0x11),
        (4, insert(1, (at(10), ping(1)[:-1] + b"\xff")), 0x15),
        (4, insert(1, (at(10), b"\x08" + ping(1)[1:])), 5),
        (4, insert(1, (at(10), bytes.fromhex("1820 c001 0000 2f"))), 5),
        (5, ids(8), 0x10),
        (5, ids(9, 8), 0x10),
        (6, ALL + b"\x01\x02", 0x10),
        (7, struct.pack(">i", 5) + ids(8), 0x10),
        (7, struct.pack(">i", -60) + ids(9), 0x17),
        (8, struct.pack(">i", 5) + ALL + b"\x01\x02", 0x10),
        (8, struct.pack(">i", -60) + ALL + b"\x00", 0x17),
        (15, struct.pack(">i", -60), 0x17),
        (15, struct.pack(">i", 0x7FFF_FFFF) * 1, None),
        (9, ids(8), 0x10),
        (11, ALL + b"\x01\x02", 0x10),
        (12, ids(8), 0x10),
        (14, ALL + b"\x01\x02", 0x10),
        (129, ALL + b"\x01\x02", 0x10),
        (20, b"\x01\x02", 0x10),
        (21, b"\x02\x01\x02", 0x10),
    ],
)
def test_what_is_refused_changes_nothing(desk: ScheduleDesk, subtype: int, data: bytes, code: int | None) -> None:
    desk.say(4, insert(1, (at(60), ping(9))))
    before = desk.summary()
    assert desk.say(subtype, data) == (OK if code is None else refused(code))
    if code is not None:
        assert desk.summary() == before


@pytest.mark.proves("K-SCHED-002")
def test_a_shift_beyond_the_time_code_is_refused(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(60), ping(9))))
    assert desk.say(15, struct.pack(">i", 0x7FFF_FFFF)) == OK
    for subtype, tail in ((15, b""), (7, ids(9)), (8, ALL + b"\x00")):
        assert desk.say(subtype, struct.pack(">i", 0x7FFF_FFFF) + tail) == refused(0x13)


@pytest.mark.proves("K-SCHED-002")
def test_without_time_nothing_is_inserted_or_shifted() -> None:
    desk = ScheduleDesk(tai_s=None)
    assert desk.say(4, insert(1, (at(60), ping(9)))) == refused(0x14)
    assert desk.say(15, struct.pack(">i", 5)) == refused(0x14)
    assert desk.say(8, struct.pack(">i", 5) + ALL + b"\x00") == refused(0x14)


@pytest.mark.proves("K-SCHED-002")
def test_until_it_is_back_requests_are_refused() -> None:
    desk = Desk()
    for subtype in (1, 17, 18):
        assert [one.data[-1] for one in desk.ask(APID, 11, subtype)] == [8]


@pytest.mark.proves("K-SCHED-002")
def test_a_full_schedule_takes_no_more_and_says_so(desk: ScheduleDesk) -> None:
    sequence = 0
    while len(desk.schedule.timetable) < ACTIVITIES_MAX:
        room = min(40, ACTIVITIES_MAX - len(desk.schedule.timetable))
        packets = [(at(100 + sequence + n), ping(sequence + n)) for n in range(room)]
        assert desk.say(4, insert(1, *packets)) == OK
        sequence += room
    assert desk.say(4, insert(1, (at(50), ping(sequence)))) == refused(0x12)
    assert desk.say(6, ALL + b"\x01\x01") == refused(0x12), "a window that selects too many"
    assert desk.say(15, struct.pack(">i", 7)) == OK, "all of them are one number"
    found = desk.summary()
    assert [entry.due_us for entry in found] == [at(107 + n) for n in range(ACTIVITIES_MAX)]
    assert desk.say(6, between(at(0), at(107 + CHANGED_MAX)) + b"\x00") == refused(0x12)
    assert desk.say(6, between(at(0), at(107 + CHANGED_MAX - 1)) + b"\x00") == OK
    assert len(desk.summary()) == ACTIVITIES_MAX - CHANGED_MAX
    again = ScheduleDesk(desk.disk)
    again.turn()
    assert again.summary() == found[CHANGED_MAX:]
    assert again.say(6, ALL + b"\x00") == OK
    assert again.summary() == []


@pytest.mark.proves("K-SCHED-003")
@pytest.mark.parametrize("policy", [SKIP, RUN])
def test_late_because_the_board_was_off(desk: ScheduleDesk, policy: int) -> None:
    assert desk.say(128, insert_late(1, (policy, at(30), ping(5)))) == OK
    again = ScheduleDesk(desk.disk, tai_s=EPOCH_S + 100)
    again.turn()
    assert [event_words(one) for one in again.told()] == [
        (LATE, bytes((OFF, policy, 1)) + names(5) + struct.pack(">I", 70))
    ]
    assert again.ran() == [5] * (policy == RUN)
    third = ScheduleDesk(desk.disk, tai_s=EPOCH_S + 100)
    third.turn()
    assert (third.ran(), third.told(), third.summary()) == ([], [], [])


@pytest.mark.proves("K-SCHED-003")
@pytest.mark.parametrize("policy", [SKIP, RUN])
def test_late_because_time_was_not_known(desk: ScheduleDesk, policy: int) -> None:
    desk.say(128, insert_late(1, (policy, at(130), ping(5))))
    again = ScheduleDesk(desk.disk, tai_s=None)
    again.turn()
    assert again.turn() == WAITS_US
    again.later(100)
    assert [event_words(one) for one in again.told()] == [(WAITS, b"\x00\x01")]
    again.later(100)
    assert (again.told(), again.ran()) == ([], [])
    again.set_time((EPOCH_S + 100) * SECOND)
    again.turn()
    ((number, data),) = [event_words(one) for one in again.told()]
    assert (number, data[:3], data[-4:]) == (LATE, bytes((UNKNOWN, policy, 1)), struct.pack(">I", 170))
    assert again.ran() == [5] * (policy == RUN)


@pytest.mark.proves("K-SCHED-003")
def test_late_because_time_jumped_over_it_and_never_again_when_it_goes_back(desk: ScheduleDesk) -> None:
    desk.say(128, insert_late(1, (SKIP, at(100), ping(1)), (RUN, at(110), ping(2)), (SKIP, at(205), ping(3))))
    desk.later(1)
    desk.set_time((EPOCH_S + 200) * SECOND)
    desk.turn()
    said = [event_words(one) for one in desk.told()]
    assert [(number, data[:3]) for number, data in said] == [
        (LATE, bytes((JUMP, SKIP, 1))), (LATE, bytes((JUMP, RUN, 1))),
    ]  # fmt: skip
    assert desk.ran() == [2]
    desk.set_time(EPOCH_S * SECOND)
    desk.later(100)
    desk.later(10)
    assert (desk.ran(), desk.told()) == ([], [])
    desk.later(95)
    assert desk.ran() == [3]


@pytest.mark.proves("K-SCHED-003")
def test_a_little_late_is_not_late(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(100), ping(1)), (at(120), ping(2))))
    desk.later(110)
    assert (desk.ran(), desk.told()) == ([1], [])
    desk.later(20.5)
    assert desk.ran() == []


@pytest.mark.proves("K-SCHED-004")
def test_a_store_that_keeps_no_mark_holds_the_command(desk: ScheduleDesk) -> None:
    desk.say(128, insert_late(1, (SKIP, at(100), ping(1)), (RUN, at(101), ping(2)), (SKIP, at(112), ping(3))))
    desk.disk.failing = True
    desk.later(101)
    assert desk.schedule.step(desk.now) == desk.now + RETRY_US
    desk.later(0.5)
    assert desk.ran() == []
    desk.disk.failing = False
    desk.later(11)
    assert desk.ran() == [2, 3]
    said = [event_words(one) for one in desk.told()]
    assert [(number, data[:3]) for number, data in said] == [
        (LATE, bytes((HELD, SKIP, 1))), (LATE, bytes((HELD, RUN, 1))),
    ]  # fmt: skip


@pytest.mark.proves("K-SCHED-004")
def test_changes_that_are_perhaps_made_are_made_again_until_they_are(desk: ScheduleDesk) -> None:
    """What the disk alone knows would come back at the next boot, and run once more."""
    desk.wire.latency_us = 20 * SECOND
    assert desk.say(4, insert(1, (at(100), ping(7)))) == [(3, 0)]
    desk.now = Micros(10 * SECOND)
    desk.answer()
    assert words(desk.take()) == [(8, 0x1A)]
    assert desk.say(4, insert(1, (at(100), ping(7)))) == refused(8)
    desk.wire.latency_us = 0
    desk.later(1)
    desk.later(1)
    assert [entry.name.sequence for entry in desk.summary()] == [7]
    assert desk.say(4, insert(1, (at(100), ping(7)))) == refused(0x11)
    desk.later(88)
    assert desk.ran() == [7]
    again = ScheduleDesk(desk.disk, tai_s=EPOCH_S + 101)
    again.turn()
    assert (again.ran(), again.told(), again.summary()) == ([], [], [])


@pytest.mark.proves("K-SCHED-004")
def test_the_mark_is_kept_before_the_command_runs(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(100), ping(7))))
    desk.now = Micros(100 * SECOND)
    desk.schedule.step(desk.now)
    desk.keeper.flush(desk.now)
    assert desk.ran() == []
    for answer in desk.store.poll(desk.now):
        cut = ScheduleDesk(desk.disk, tai_s=EPOCH_S + 100)  # the power goes between commit and hand-over
        assert [event_words(one) for one in cut.told()] == [(INTERRUPTED, b"\x01" + names(7))]
        cut.turn()
        assert (cut.ran(), cut.summary()) == ([], [])
        desk.keeper.answered(answer, desk.now)
    assert desk.ran() == [7]
    desk.answer()
    assert ScheduleDesk(desk.disk).told() == []


@pytest.mark.proves("K-SCHED-005")
def test_what_is_due_while_disabled_is_removed(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(100), ping(1)), (at(300), ping(2))))
    desk.say(4, insert(2, (at(100), ping(3)), (at(300), ping(4))))
    assert desk.say(21, b"\x01\x02") == OK
    desk.later(100)
    assert desk.ran() == [1]
    assert [event_words(one) for one in desk.told()] == [(BLOCKED, b"\x01\x01" + names(3))]
    assert desk.say(20, b"\x00") == OK
    assert desk.say(2) == OK
    desk.later(200)
    assert desk.ran() == []
    assert [event_words(one) for one in desk.told()] == [(BLOCKED, b"\x00\x02" + names(2, 4))]
    assert desk.summary() == []


@pytest.mark.proves("K-SCHED-005", "K-AUTO-003")
@pytest.mark.parametrize("mode", [Mode.BOOT, Mode.QUIET, Mode.POWER_DOWN])
def test_nothing_is_released_in_a_mode_that_does_not_permit_it(desk: ScheduleDesk, mode: Mode) -> None:
    desk.say(4, insert(1, (at(100), ping(1))))
    desk.board.mode = mode
    desk.later(100)
    assert desk.ran() == []
    desk.board.mode = Mode.SAFE
    desk.later(5)
    assert desk.ran() == [1]


@pytest.mark.proves("K-SCHED-005")
def test_states_are_reported_and_kept(desk: ScheduleDesk) -> None:
    desk.say(4, insert(9, (at(500), ping(1))))
    desk.say(4, insert(2, (at(500), ping(2))))
    desk.say(21, b"\x01\x02")
    for now in (desk, ScheduleDesk(desk.disk)):
        (report,) = [one for one in now.ask(APID, 11, 18) if one.service == 11]
        assert (report.subtype, report.data) == (19, bytes((2, 2, 0, 9, 1)))
        assert now.schedule.timetable.enabled
    assert desk.say(3) == OK
    for now in (desk, ScheduleDesk(desk.disk)):
        assert now.summary() == []
        assert not now.schedule.timetable.enabled
        (report,) = [one for one in now.ask(APID, 11, 18) if one.service == 11]
        assert report.data == b"\x00"


@pytest.mark.proves("K-SCHED-001")
def test_details_and_lists(desk: ScheduleDesk) -> None:
    desk.say(128, insert_late(3, (RUN, at(100), ping(1)), (SKIP, at(200), ping(2))))
    whole = b"\x03" + cuc(at(100)) + ping(1), b"\x03" + cuc(at(200)) + ping(2)
    for subtype, data, found in (
        (16, b"", whole),
        (11, between(at(150), at(250)) + b"\x01\x03", whole[1:]),
        (9, ids(2, 1), whole[::-1]),
    ):
        desk.ask(APID, 11, subtype, data)
        desk.schedule.step(desk.now)
        (report,) = [one for one in desk.take() if one.service == 11]
        assert (report.subtype, report.data) == (10, struct.pack(">H", len(found)) + b"".join(found))
    desk.ask(APID, 11, 129, ALL + b"\x00")
    desk.schedule.step(desk.now)
    (report,) = [one for one in desk.take() if one.service == 11]
    first, second = (cuc(at(s)) + names(n) for s, n in ((100, 1), (200, 2)))
    assert (report.subtype, report.data) == (130, b"\x00\x02\x03\x01" + first + b"\x03\x00" + second)


@pytest.mark.proves("K-SCHED-001")
def test_shifts_are_kept_and_leave_nothing_behind(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(100), ping(1)), (at(200), ping(2)), (at(300), ping(3))))
    assert desk.say(7, struct.pack(">i", 50) + ids(1)) == OK
    assert desk.say(8, struct.pack(">i", -40) + between(at(200), at(200)) + b"\x00") == OK
    assert desk.say(15, struct.pack(">i", 7)) == OK
    again = ScheduleDesk(desk.disk)
    for now in (desk, again):
        assert [(entry.name.sequence, entry.due_us) for entry in now.summary()] == [
            (1, at(157)), (2, at(167)), (3, at(307)),
        ]  # fmt: skip
    assert again.say(5, ids(1)) == OK
    again.later(167)
    assert again.ran() == [2]
    last = ScheduleDesk(desk.disk)
    assert (last.told(), [entry.name.sequence for entry in last.summary()]) == ([], [3])


@pytest.mark.proves("K-SCHED-001")
@pytest.mark.parametrize(
    ("window", "found"),
    [
        (ALL, [1, 2, 3]),
        (between(at(100), at(200)), [1, 2]),
        (between(at(100.5), at(199.5)), []),
        (b"\x02" + cuc(at(200)), [2, 3]),
        (b"\x03" + cuc(at(200)), [1, 2]),
    ],
)
def test_both_bounds_of_a_window_belong_to_it(desk: ScheduleDesk, window: bytes, found: list[int]) -> None:
    desk.say(4, insert(1, (at(100), ping(1)), (at(200), ping(2)), (at(300), ping(3))))
    assert [entry.name.sequence for entry in desk.summary(14, window + b"\x00")] == found
    assert desk.say(6, window + b"\x01\x01") == OK
    assert {entry.name.sequence for entry in desk.summary()} == {1, 2, 3} - set(found)


@pytest.mark.proves("K-SCHED-006")
def test_rows_that_cannot_be_read_are_left_out_and_told(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, (at(100), ping(1)), (at(200), ping(2))))
    desk.keeper.keep(
        [put(Table.SCHEDULE, 0, b"nothing"), put(Table.SCHEDULE, 41, b""), put(Table.SUBSCHEDULES, 0x100, b"?")],
        desk.now, lambda *_: None,
    )  # fmt: skip
    desk.answer()
    again = ScheduleDesk(desk.disk)
    again.turn()
    assert [event_words(one) for one in again.told()] == [(DAMAGED, struct.pack(">HI", 3, 0))]
    assert [entry.name.sequence for entry in again.summary()] == [2]
    assert not again.schedule.timetable.enabled
    assert ScheduleDesk(desk.disk).told() == []


@pytest.mark.proves("K-SCHED-006")
def test_a_turn_releases_a_bounded_number(desk: ScheduleDesk) -> None:
    desk.say(4, insert(1, *((at(100), ping(n)) for n in range(2 * RUN_MAX + 1))))
    desk.now = Micros(100 * SECOND)
    found = []
    for _ in range(3):
        desk.schedule.step(desk.now)
        desk.answer()
        found.append(len(desk.ran()))
    assert found == [RUN_MAX, RUN_MAX, 1]
