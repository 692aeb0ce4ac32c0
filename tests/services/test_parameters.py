"""ST[20] and limits: committed before it is said, refused whole, told once when a limit is crossed."""

import struct

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb import power
from fsw.mdb.system import COMMAND_LOSS, DISK_USED, SCRATCH
from fsw.services.telemetry import MESSAGE_TYPES_MAX
from tests.services.desk import Desk, words
from tests.system.by_hand import Report

OK = [(3, 0), (7, 0)]
UPTIME_PID, SCRATCH_PID, DISK_PID, PACKAGE_PID = 2, 10, 7, 5


def scratch(value: int) -> bytes:
    return struct.pack(">BHI", 1, SCRATCH_PID, value)


def events(reports: list[Report]) -> list[tuple[int, ...]]:
    """Id and what follows of limit events: (9, pid, state, value) or (10, pid, value)."""
    layout = {9: ">HHBi", 10: ">HHi"}
    return [struct.unpack(layout[r.data[1]], r.data) for r in reports if r.service == 5]


def test_a_value_counts_when_the_store_has_it_and_not_before() -> None:
    desk = Desk()
    assert words(desk.ask(0x020, 20, 3, scratch(77))) == [(3, 0)]
    assert desk.commits == [{SCRATCH_PID: struct.pack(">I", 77)}]
    assert desk.parameters.values[SCRATCH_PID] == 0
    desk.parameters.committed(1, desk.now)
    assert words(desk.take()) == [(7, 0)]
    assert desk.parameters.values[SCRATCH_PID] == 77
    desk.parameters.committed(1, desk.now)
    assert desk.take() == []


@pytest.mark.parametrize(("refused", "code"), [(True, 0x1B), (False, 0x1A)])
def test_a_commit_that_fails_changes_nothing(refused: bool, code: int) -> None:
    desk = Desk()
    desk.ask(0x020, 20, 3, scratch(77))
    desk.parameters.uncommitted(1, desk.now, refused=refused)
    desk.parameters.uncommitted(1, desk.now, refused=refused)
    assert words(desk.take()) == [(8, code)]
    assert desk.parameters.values[SCRATCH_PID] == 0


def test_a_full_store_is_busy() -> None:
    desk = Desk()
    desk.store_is_full = True
    assert words(desk.ask(0x020, 20, 3, scratch(77))) == [(3, 0), (8, 8)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (struct.pack(">BH", 1, 999), 0x10),
        (struct.pack(">BHI", 1, UPTIME_PID, 5), 0x19),
        (struct.pack(">BHIHI", 2, SCRATCH_PID, 5, UPTIME_PID, 5), 0x19),
    ],
)
def test_one_wrong_value_refuses_the_request_whole(data: bytes, code: int) -> None:
    desk = Desk()
    assert words(desk.ask(0x020, 20, 3, data)) == [(4, code)]
    assert desk.commits == []


def test_values_are_reported_in_the_order_asked_absent_ones_as_declared() -> None:
    desk = Desk()
    desk.parameters.set(SCRATCH, 0xA1B2C3D4, desk.now)
    reports = desk.ask(0x020, 20, 1, struct.pack(">BHH", 2, DISK_PID, SCRATCH_PID))
    assert [(r.service, r.subtype) for r in reports] == [(1, 3), (20, 2), (1, 7)]
    assert reports[1].data == struct.pack(">BHHHI", 2, DISK_PID, 0xFFFF, SCRATCH_PID, 0xA1B2C3D4)
    assert words(desk.ask(0x020, 20, 1, struct.pack(">BHH", 2, DISK_PID, 999))) == [(4, 0x10)]


def test_what_the_store_kept_is_taken_back_where_it_still_fits() -> None:
    desk = Desk()
    kept = {SCRATCH_PID: struct.pack(">I", 5), UPTIME_PID: struct.pack(">I", 6), 999: b"\0", DISK_PID: b"\0\0\0"}
    desk.parameters.restore(kept, desk.now)
    assert desk.parameters.values[SCRATCH_PID] == 5
    assert desk.parameters.values[UPTIME_PID] == 0
    desk.parameters.restore({SCRATCH_PID: b"\1"}, desk.now)
    assert desk.parameters.values[SCRATCH_PID] == 5


def test_a_guarded_value_goes_to_the_store_with_its_complement_and_back() -> None:
    desk = Desk()
    assert words(desk.ask(0x020, 20, 3, struct.pack(">BHB", 1, COMMAND_LOSS.pid, 0x5A))) == [(3, 0)]
    assert desk.commits == [{COMMAND_LOSS.pid: b"\x5a\xa5"}]
    desk.parameters.committed(1, desk.now)
    desk.take()
    assert desk.parameters.guarded(COMMAND_LOSS, desk.now) == 0x5A
    for kept, value, told in ((b"\x32\xcd", 50, 0), (b"\x32\xcc", 50, 1), (b"\x04\xfb", 50, 0), (b"", 50, 0)):
        desk.parameters.restore({COMMAND_LOSS.pid: kept}, desk.now)
        assert desk.parameters.guarded(COMMAND_LOSS, desk.now) == value
        assert len(desk.take()) == told


@pytest.mark.parametrize("flipped", [None, -1, 41, 256, 40.5])
def test_a_guarded_value_that_is_not_its_own_any_more_is_told_once_and_mended(flipped: float | None) -> None:
    desk = Desk()
    desk.parameters.values[COMMAND_LOSS.pid] = flipped
    assert [desk.parameters.guarded(COMMAND_LOSS, desk.now) for _ in range(2)] == [40, 40]
    assert [r.data for r in desk.take()] == [struct.pack(">HH", 12, COMMAND_LOSS.pid)]


def test_many_values_at_once_are_checked_as_one_alone() -> None:
    desk = Desk()
    for value in (990, 990, 5):
        desk.parameters.set_all({DISK_PID: value, UPTIME_PID: value}, desk.now)
        assert desk.parameters.values[UPTIME_PID] == value
    assert events(desk.take()) == [(9, DISK_PID, 2, 990), (10, DISK_PID, 5)]


def test_a_limit_is_told_when_it_is_crossed_and_when_it_is_back() -> None:
    desk = Desk()
    # Disk used: no lower limit, upper 980; a limit itself is within.
    for value in (None, 979, 980, 981, 1000, 981, 980, None, 981, None, 0):
        desk.parameters.set(DISK_USED, value, desk.now)
        assert desk.parameters.crossed == (value is not None and value > 980)
    found = events(desk.take())
    assert found == [(9, DISK_PID, 2, 981), (10, DISK_PID, 980), (9, DISK_PID, 2, 981), (10, DISK_PID, 0)]


def test_two_parameters_outside_count_as_two() -> None:
    desk = Desk()
    desk.parameters.set(DISK_USED, 999, desk.now)
    desk.parameters.set(power.TRIP, 1, desk.now)
    assert desk.parameters.crossed == 2
    desk.parameters.set(power.TRIP, None, desk.now)
    assert desk.parameters.crossed == 1


def test_message_counters_count_by_type_and_destination_within_a_bound() -> None:
    desk = Desk()
    now = Micros(0)
    for destination in (0, 9, 0, 0, 9):
        desk.telemetry.emit(0x020, 3, 25, b"", now, destination=destination)
    assert [r.message for r in desk.take()] == [0, 0, 1, 2, 1]
    for destination in range(100, 100 + MESSAGE_TYPES_MAX + 50):
        desk.telemetry.emit(0x020, 3, 25, b"", now, destination=destination)
        desk.take()
    desk.telemetry.emit(0x020, 3, 25, b"", now)
    desk.telemetry.emit(0x020, 3, 25, b"", now, destination=9_999)
    assert [r.message for r in desk.take()] == [3, 0]
