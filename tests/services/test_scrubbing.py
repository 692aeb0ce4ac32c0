"""Scrubbing case by case: what was right is kept, what changes is told once, and counted under its date."""

import struct
import zlib

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.memory import DAYS_MAX, LoadObject
from fsw.mdb.system import Mode
from fsw.services.permissions import needs, serves
from fsw.store.checked_files import CODE, SETTINGS, CheckedFile
from fsw.store.keep import Table, forget, put
from hil.board.flight_code import SHIPPED
from tests.services.desk import Desk, Disk, words
from tests.services.memory_asks import SYSTEM, asked, turns
from tests.system.by_hand import Report

OK = [(3, 0), (7, 0)]
SECOND = 1_000_000
DAY = 86_400 * SECOND
PASS = 200 * SECOND
APP = CheckedFile(CODE, "fsw/app.py")
BIG = CheckedFile(CODE, "fsw/services/memory/scrubbing.py")
MISSION = CheckedFile(SETTINGS, "mission.toml")
FIRST, VERSION, COMMAND, DAMAGED = range(4)
CHANGED, UNREADABLE, MISSING, EXTRA = range(1, 5)
STUCK, BACK = 48, 49


def booted(disk: Disk | None = None) -> Desk:
    desk = Desk(disk)
    desk.board.mode = Mode.NOMINAL
    desk.restore()
    return desk


def events(reports: list[Report]) -> list[tuple[object, ...]]:
    """What was told: (45, problem, kind, expected, found, name), (46, kind, name), (47, reason, files, octets)."""
    found: list[tuple[object, ...]] = []
    for data in (r.data for r in reports if r.service == 5):
        number = int.from_bytes(data[:2], "big")
        if number == 45:
            found.append((*struct.unpack_from(">HBBII", data), data[13:].decode()))
            assert data[12] == len(data[13:])
        elif number == 46:
            found.append((number, data[2], data[4:].decode()))
        elif number == 47:
            found.append(struct.unpack(">HBHI", data))
        else:
            found.append((number,))
    return found


def taken(reason: int, files: int = len(SHIPPED), octets: int = sum(map(len, SHIPPED.values()))) -> tuple[object, ...]:
    return (47, reason, files, octets)


def wrong(problem: int, file: CheckedFile, expected: bytes | None, found: bytes | None) -> tuple[object, ...]:
    crcs = (0 if octets is None else zlib.crc32(octets) for octets in (expected, found))
    return (45, problem, file.kind, *crcs, file.name)


class Days:
    """(6,130): version, files, wrong, code, settings, and a row a day."""

    def __init__(self, desk: Desk) -> None:
        (data,) = [r.data for r in asked(desk, 129, b"") if (r.service, r.subtype) == (6, 130)]
        self.version = data[:16].rstrip(b"\0").decode()
        self.files, self.wrong, self.code, self.settings, count = struct.unpack_from(">HHBBB", data, 16)
        rows = [struct.unpack_from(">HIIHH", data, 23 + n * 14) for n in range(count)]
        assert len(data) == 23 + 14 * count
        self.order = [row[0] for row in rows]
        self.rows = {row[0]: row[1:] for row in rows}


@pytest.mark.proves("K-MEM-007")
def test_the_first_pass_is_the_baseline_and_outlives_resets() -> None:
    desk = booted()
    assert events(turns(desk, PASS)) == [taken(FIRST)]
    again = booted(desk.disk)
    assert events(turns(again, PASS)) == []
    assert Days(again).files == len(SHIPPED)
    assert Days(again).version == "kratai test"


@pytest.mark.proves("K-MEM-007")
def test_a_slice_a_cycle() -> None:
    desk = booted()
    for n in range(1, 8):
        desk.memory.step(desk.now)
        assert desk.parameters.values[104] == max(0, n - 2)  # first asked for which files there are, then a slice each
        desk.now = Micros(desk.now + 10 * SECOND)
        assert desk.memory.scrubbing.step(Micros(desk.now - 1)) == desk.now


@pytest.mark.proves("K-MEM-008")
def test_each_kind_of_wrong_is_told_once_until_it_is_right() -> None:
    desk = booted()
    turns(desk, PASS)
    before = dict(desk.code.octets)
    desk.code.flip(BIG, 70_000)
    desk.code.unreadable.add(APP)
    del desk.code.octets[MISSION]
    extra = CheckedFile(CODE, "fsw/extra.py")
    desk.code.octets[extra] = b"1"
    told = events(turns(desk, PASS))
    vanished = (45, UNREADABLE, SETTINGS, zlib.crc32(before[MISSION]), 0, MISSION.name)  # amid a pass, maybe
    assert set(told) - {vanished} == {
        wrong(CHANGED, BIG, before[BIG], desk.code.octets[BIG]),
        (45, UNREADABLE, CODE, zlib.crc32(before[APP]), 0, APP.name),
        wrong(MISSING, MISSION, before[MISSION], None),
        wrong(EXTRA, extra, None, b"1"),
    }
    assert len(told) == 4 + (vanished in told)
    assert Days(desk).wrong == desk.parameters.values[102] == 4
    assert Days(desk).rows[0][2] == len(told)
    assert events(turns(desk, 3 * PASS)) == []
    desk.code.octets = before
    desk.code.unreadable.clear()
    right = events(turns(desk, PASS))
    assert {(kind, number, name) for number, kind, name in right} == {
        (f.kind, 46, f.name) for f in (BIG, APP, MISSION, extra)
    }
    assert Days(desk).wrong == 0


@pytest.mark.proves("K-MEM-008")
def test_a_file_that_is_wrong_in_another_way_is_told_again() -> None:
    desk = booted()
    turns(desk, PASS)
    desk.code.flip(APP, 0)
    flipped = desk.code.octets[APP]
    assert events(turns(desk, PASS)) == [wrong(CHANGED, APP, SHIPPED[APP], flipped)]
    del desk.code.octets[APP]
    assert events(turns(desk, PASS)) == [wrong(MISSING, APP, SHIPPED[APP], None)]


def test_a_disk_full_of_wrong_files_does_not_fill_the_downlink() -> None:
    desk = booted()
    turns(desk, PASS)
    for n in range(20):
        desk.code.octets[CheckedFile(CODE, f"fsw/{n}.py")] = b"1"
    assert len(events(turns(desk, 2 * PASS))) == 8
    assert Days(desk).wrong == 20


@pytest.mark.proves("K-MEM-009")
def test_counters_are_kept_by_date() -> None:
    desk = booted()
    turns(desk, PASS)
    undated = Days(desk).rows
    assert set(undated) == {0}
    files, octets, bad, passes = undated[0]
    assert (files // len(SHIPPED), bad) == (passes, 0)
    assert octets >= passes * sum(map(len, SHIPPED.values()))
    tai = 24_000 * DAY
    desk.time.announce(tai, 2, desk.now)
    desk.time.tone(desk.now)
    turns(desk, PASS)
    rows = Days(desk).rows
    assert rows[0] == undated[0]
    assert rows[24_000][0] > 0
    desk.answer()
    again = booted(desk.disk)
    kept = Days(again).rows
    assert kept[24_000][3] >= 1
    assert set(kept) == {0, 24_000}


@pytest.mark.proves("K-MEM-009")
def test_the_oldest_day_gives_way() -> None:
    desk = booted()
    for day in range(DAYS_MAX + 3):
        desk.keeper.keep([put(Table.SCRUBBING, 0x10000 + 100 + day, struct.pack(">IIHH", day, 1, 0, 0))], desk.now, _no)
    desk.answer()
    again = booted(desk.disk)
    assert Days(again).order == list(range(100 + DAYS_MAX + 2, 102, -1)), "newest first"
    again.time.announce(200 * DAY, 2, again.now)
    again.time.tone(again.now)
    turns(again, PASS)
    assert Days(again).order[0] == 200
    assert len(Days(again).order) == DAYS_MAX


def _no(*_: object) -> None:
    pass


@pytest.mark.proves("K-MEM-007")
def test_other_software_takes_its_own_baseline() -> None:
    desk = booted()
    turns(desk, PASS)
    head = struct.pack(">H", len(SHIPPED)) + b"kratai older"
    desk.keeper.keep([put(Table.SCRUBBING, 0, head)], desk.now, _no)
    desk.answer()
    desk.code.flip(APP, 3)
    again = booted(desk.disk)
    assert events(turns(again, PASS)) == [taken(VERSION)]
    assert events(turns(again, PASS)) == []


@pytest.mark.proves("K-MEM-007")
def test_a_damaged_baseline_is_none() -> None:
    desk = booted()
    turns(desk, PASS)
    desk.keeper.keep([forget(Table.SCRUBBING, 0x102)], desk.now, _no)
    desk.answer()
    again = booted(desk.disk)
    assert events(turns(again, PASS)) == [taken(DAMAGED)]


@pytest.mark.proves("K-MEM-007")
def test_a_baseline_by_command() -> None:
    desk = booted()
    turns(desk, PASS)
    del desk.code.octets[MISSION]
    desk.code.flip(APP, 0)
    assert {one[-1] for one in events(turns(desk, PASS))} == {APP.name, MISSION.name}
    assert words(asked(desk, 128, b"")) == OK
    assert Days(desk).wrong == 0
    octets = sum(map(len, desk.code.octets.values()))
    assert events(turns(desk, PASS)) == [taken(COMMAND, len(SHIPPED) - 1, octets)]
    again = booted(desk.disk)
    assert events(turns(again, PASS)) == []


@pytest.mark.proves("K-MEM-007")
def test_a_cut_in_a_baseline_s_pass_or_before_its_commit_leaves_none() -> None:
    desk = booted()
    turns(desk, 40 * SECOND)
    again = booted(desk.disk)
    again.disk.failing = True
    assert events(turns(again, PASS)) == []
    again.disk.failing = False
    assert events(turns(again, PASS)) == [taken(FIRST)]


def test_what_is_checked_is_switched_and_kept() -> None:
    desk = booted()
    turns(desk, PASS)
    assert words(asked(desk, 14, bytes((CODE,)))) == OK
    assert words(asked(desk, 14, bytes((CODE,)))) == OK
    desk.code.flip(APP, 0)
    del desk.code.octets[BIG]
    desk.code.flip(MISSION, 0)
    told = events(turns(desk, PASS))
    assert told == [wrong(CHANGED, MISSION, SHIPPED[MISSION], desk.code.octets[MISSION])]
    again = booted(desk.disk)
    assert (Days(again).code, Days(again).settings) == (0, 1)
    assert words(asked(again, 14, bytes((SETTINGS,)))) == OK
    assert events(turns(again, PASS)) == []
    assert again.memory.scrubbing.step(again.now) >= 1 << 60
    assert words(asked(again, 13, bytes((CODE,)))) == OK
    assert len(events(turns(again, PASS))) == 2


def test_a_switch_that_the_store_refuses_is_not_made() -> None:
    desk = booted()
    desk.disk.failing = True
    assert words(asked(desk, 14, bytes((CODE,)))) == [(3, 0), (8, 0x1B)]
    assert words(asked(desk, 128, b"")) == [(3, 0), (8, 0x1B)]
    assert Days(desk).code == 1


def test_before_the_rows_are_back_nothing_is_checked() -> None:
    desk = Desk()
    for subtype, data in ((13, b"\x10"), (14, b"\x11"), (128, b""), (129, b"")):
        assert words(desk.ask(SYSTEM, 6, subtype, data)) == [(4, 8)]
    assert desk.memory.scrubbing.step(Micros(PASS)) >= 1 << 60


def test_a_server_that_dies_or_is_silent_is_told_once() -> None:
    desk = booted()
    turns(desk, PASS)
    desk.code_wire.latency_us = 10 * PASS
    assert events(turns(desk, PASS)) == [(STUCK,)]
    desk.code_wire.latency_us = 0
    assert events(turns(desk, PASS)) == [(BACK,)]
    desk.code_wire.kill()
    assert (STUCK,) not in events(turns(desk, 5 * SECOND))
    desk.code.flip(APP, 0)
    told = events(turns(desk, 2 * PASS))
    assert told[-1] == wrong(CHANGED, APP, SHIPPED[APP], desk.code.octets[APP])
    assert [one for one in told[:-1] if one not in ((STUCK,), (BACK,))] == []


def test_a_board_without_such_a_server_says_so() -> None:
    desk = booted()
    desk.memory.scrubbing._port = None
    assert words(asked(desk, 13, bytes((CODE,)))) == [(4, 0x14)]
    assert words(asked(desk, 128, b"")) == [(4, 0x14)]
    assert words(asked(desk, 129, b"")) == OK
    assert desk.memory.scrubbing.step(desk.now) >= 1 << 60


def test_the_period_is_a_parameter() -> None:
    desk = booted()
    turns(desk, PASS)
    desk.parameters.values[100] = 60
    turns(desk, 10 * SECOND)
    before = desk.parameters.values[104]
    turns(desk, 600 * SECOND)
    assert before is not None
    assert 8 <= (desk.parameters.values[104] or 0) - before <= 10


@pytest.mark.proves("K-MEM-007")
@pytest.mark.parametrize("mode", [Mode.BOOT, Mode.OBSERVE, Mode.QUIET, Mode.POWER_DOWN])
def test_it_rests_in_modes_that_do_not_permit_it(mode: Mode) -> None:
    desk = booted()
    turns(desk, PASS)
    desk.board.mode = mode
    turns(desk, 20 * SECOND)
    before = desk.parameters.values[104]
    desk.code.flip(APP, 0)
    assert events(turns(desk, PASS)) == []
    assert desk.parameters.values[104] == before
    desk.board.mode = Mode.SAFE
    assert len(events(turns(desk, PASS))) == 1


def test_a_load_is_writing() -> None:
    assert not serves(Mode.QUIET, LoadObject)
    assert serves(Mode.SAFE, LoadObject)
    assert [subtype for subtype in range(256) if needs(6, subtype) is None] == [3, 7, 12, 13, 14, 17, 128, 129]
