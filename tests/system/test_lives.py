"""How lives end and begin: causes told at the next boot, the guard against a loop of resets, health, counters."""

import struct
from pathlib import Path

import pytest

from fsw.mdb.mission import load
from fsw.pus.ids import APID_DOSIMETER
from fsw.system.boot import configuration_digest
from fsw.system.lives import LOOP
from hil.faults.injection import inject
from tests.system.bench import Bench, events
from tests.system.by_hand import Cadus, Report, function, telecommand, verifications
from tests.system.test_modes import BOOT, KEPT, NOMINAL, SAFE, changes, command

UNKNOWN, ORDERLY, CUT, READY, WATCHDOG, COMMANDED, FAULT, BROWN_OUT = range(8)
STOPPING, REPORT, REPAIRED, LOOPING, LATE, LOST, ANSWERS, SWITCHED = 11, 60, 61, 63, 64, 65, 66, 0x202
RESET_LOOP = 13
ALLOCATION, LOAD_TABLE = 1, 2


def boot_report(bench: Bench) -> tuple[int, int, int]:
    """Boot count, how the life before ended, short lives; the digests are as they must be."""
    (data,) = [r.data for r in bench.reports if r.service == 5 and r.data[:2] == struct.pack(">H", REPORT)]
    count, ended, short = struct.unpack_from(">IBB", data, 2)
    assert data[8:24].rstrip(b"\0 ").startswith(b"kratai")
    assert data[24:32] == load().database.digest()[:8]
    assert data[32:40] == configuration_digest(bench.app.config, bench.app.mission)
    return count, ended, short


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(2)
    return bench


def run_through(bench: Bench, seconds: float) -> list[Report]:
    """Run over a reset that the board does by itself: another life counts its frames anew."""

    def told(on: bool) -> None:
        bench.cadus = Cadus(446)

    bench.board.told_power = told
    return bench.run(seconds)


# --- how the last life ended


@pytest.mark.proves("K-AUTO-004")
def test_the_first_life_knows_of_none(bench: Bench) -> None:
    assert boot_report(bench) == (1, UNKNOWN, 0)


@pytest.mark.proves("K-AUTO-004")
def test_the_configuration_s_digest_knows_how_is_recorded(bench: Bench) -> None:
    config, mission = bench.app.config, bench.app.mission
    grouped = mission._replace(storage=mission.storage._replace(group_packets=32))
    digests = {configuration_digest(config, one) for one in (mission, grouped, mission._replace(base_mw=1))}
    assert len(digests) == 3


@pytest.mark.proves("K-AUTO-004")
def test_a_board_that_hangs_is_reset_and_told_so_once(bench: Bench) -> None:
    assert inject(bench.board, "hang", "system") == ""
    assert boot_report_of(run_through(bench, 17))[:2] == (2, WATCHDOG)
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[:2] == (3, CUT)


@pytest.mark.proves("K-AUTO-004")
def test_a_commanded_restart_is_told(bench: Bench) -> None:
    restart = function(0x020, 30, count=4)
    bench.send(function(0x020, 60, restart, count=5))
    (armed,) = [r for r in bench.run(1) if (r.service, r.subtype) == (8, 190)]
    bench.send(function(0x020, 61, armed.data[:4], count=6))
    heard = run_through(bench, 3)
    assert verifications(heard, restart) == [(1, None), (7, None)]
    assert STOPPING in events(heard)
    assert boot_report_of(heard)[:2] == (2, COMMANDED)


def boot_report_of(heard: list[Report]) -> tuple[int, int, int]:
    (data,) = [r.data for r in heard if r.service == 5 and r.data[:2] == struct.pack(">H", REPORT)]
    count, ended, short = struct.unpack_from(">IBB", data, 2)
    return count, ended, short


@pytest.mark.proves("K-AUTO-004")
def test_a_cut_while_the_supply_is_seen_too_low_is_a_brown_out(bench: Bench) -> None:
    sensors = bench.board.sensors
    sensors.readings = sensors.readings._replace(throttled_flags=0x50005)
    bench.run(3)
    sensors.readings = sensors.readings._replace(throttled_flags=0x50000)
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[:2] == (2, BROWN_OUT)
    sensors.readings = sensors.readings._replace(throttled_flags=1)
    bench.run(3)
    sensors.readings = sensors.readings._replace(throttled_flags=0)
    bench.run(65)  # it has been well for long
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[:2] == (3, CUT)


@pytest.mark.proves("K-AUTO-004")
def test_a_reset_of_the_computer_by_its_watchdog_is_told_once_for_each_boot_of_the_computer(bench: Bench) -> None:
    told = []
    for computer in (5, 5, 6, 7):
        sensors = bench.board.sensors
        sensors.readings = sensors.readings._replace(watchdog_reset=int(computer < 7), computer_boot=computer)
        bench.cut()
        bench.run(2)
        told.append(boot_report(bench)[1])
    assert told == [WATCHDOG, CUT, WATCHDOG, CUT]
    bench.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, 155), count=5))
    (values,) = [r.data for r in bench.run(1) if (r.service, r.subtype) == (20, 2)]
    assert values[3:] == b"\0\2", "bites of the watchdog, in all lives"


# --- a loop of resets


@pytest.mark.proves("K-AUTO-005")
def test_short_lives_in_a_row_end_in_the_minimal_configuration_until_the_ground_commands(bench: Bench) -> None:
    for n in range(1, LOOP):
        bench.cut()
        bench.run(2)
        assert boot_report(bench)[2] == n
        assert changes(bench.reports) == [(BOOT, NOMINAL, 0)]
    bench.cut()
    bench.run(2)
    assert boot_report(bench) == (LOOP + 1, CUT, LOOP)
    assert events(bench.reports).count(LOOPING) == 1
    assert changes(bench.reports) == [(BOOT, SAFE, RESET_LOOP)]
    assert SWITCHED not in events(bench.reports)
    assert events(bench.run(200)).count(LOOPING) == 0
    bench.send(command(NOMINAL))
    bench.run(2)
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[2] == 0
    assert changes(bench.reports) == [(BOOT, NOMINAL, 0)]
    assert events(bench.reports).count(SWITCHED) == 2


@pytest.mark.proves("K-AUTO-005")
def test_a_life_of_a_minute_ends_the_count_and_one_ended_in_order_is_not_short(bench: Bench) -> None:
    for _ in range(3):
        bench.cut()
        bench.run(2)
    assert boot_report(bench)[2] == 3
    bench.run(62)
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[2] == 0
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[2] == 1
    bench.board.stop()
    bench.run(2)
    bench.boot()
    bench.run(2)
    assert boot_report(bench)[1:] == (ORDERLY, 0)


@pytest.mark.proves("K-AUTO-005")
def test_in_the_minimal_configuration_safe_outlives_the_reset(bench: Bench) -> None:
    for _ in range(LOOP):
        bench.cut()
        bench.run(2)
    bench.run(70)
    bench.cut()
    bench.run(2)
    assert boot_report(bench)[2] == 0
    assert changes(bench.reports) == [(BOOT, SAFE, KEPT)]


# --- health


@pytest.mark.proves("K-AUTO-006")
def test_a_task_that_does_not_echo_is_told_then_lost_and_the_watchdog_bites(bench: Bench) -> None:
    inject(bench.board, "hang", "power")
    heard = run_through(bench, 18)
    assert [event for event in events(heard) if event in (LATE, LOST)] == [LATE, LOST]
    assert boot_report_of(heard)[1] == WATCHDOG


@pytest.mark.proves("K-AUTO-006")
def test_a_task_that_echoes_again_is_well(bench: Bench) -> None:
    inject(bench.board, "hang", "power")
    heard = bench.run(9.5)
    inject(bench.board, "resume", "power")
    heard += bench.run(6)
    assert [event for event in events(heard) if event in (LATE, LOST, ANSWERS)] == [LATE, ANSWERS]
    bench.run(20)
    assert bench.board.lives == 1


@pytest.mark.proves("K-AUTO-006")
def test_nobody_is_late_on_a_board_that_is_well(bench: Bench) -> None:
    heard = bench.run(120)
    assert not {LATE, LOST, ANSWERS} & set(events(heard))


@pytest.mark.proves("K-AUTO-007")
def test_each_process_counts_its_own_and_says_so(bench: Bench) -> None:
    bench.send(telecommand(0x021, 17, 1, count=1), telecommand(0x021, 17, 1, count=2), telecommand(0x021, 17, 1)[:-1])
    bench.send(telecommand(APID_DOSIMETER, 8, 1, b"\0\0", count=3))
    bench.run(10)
    bench.send(function(0x020, 32, count=4))
    (data,) = [r.data for r in bench.run(1) if (r.service, r.subtype) == (8, 160)]
    rows = {row[0]: row[1:] for row in struct.iter_unpack(">HIII", data[1:])}
    assert data[0] == len(rows) == 5
    assert {apid: counted[:2] for apid, counted in rows.items()} == {
        0x020: (1, 0), 0x021: (2, 1), 0x022: (0, 0), 0x031: (1, 0), 0x032: (0, 0),
    }  # fmt: skip
    assert all(echoes >= 2 for _, _, echoes in rows.values())


# --- memory


@pytest.mark.proves("K-TIME-004")
@pytest.mark.parametrize(("target", "item"), [("allocation", ALLOCATION), ("load_table", LOAD_TABLE)])
def test_a_flipped_bit_of_what_power_knows_is_mended_and_told(bench: Bench, target: str, item: int) -> None:
    bench.lander(0x013, struct.pack(">BBHBI", 0, 2, 0, 0, 20_000))
    bench.run(1)
    power = bench.app.power
    before = (power._allocation_mw, power._loads)
    assert inject(bench.board, "bit_flip", target, 1, 5) == ""
    assert (power._allocation_mw, power._loads) != before
    heard = bench.run(2)
    told = [r.data[2:] for r in heard if r.service == 5 and r.data[:2] == struct.pack(">H", REPAIRED)]
    assert told == [bytes((item, 0, 1 if target == "load_table" else 0))]
    assert (power._allocation_mw, power._loads) == before
