"""Faults done to the simulated board, seen from outside: by what it sends, counts and keeps."""

import struct
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from hil.board.board import WATCHDOG_US
from hil.board.world import BoardClock
from hil.faults.flight_faults import HOLD_UP_US, FlightFaults
from hil.faults.flight_memory import FLIPS
from hil.faults.heat import Temperature
from hil.written.fault import Fault, make
from hil.written.fault_kinds import TARGETS
from tests.system.bench import Bench, events
from tests.system.by_hand import telecommand, verifications
from tests.system.test_housekeeping import enable, interval

BOOTED, STORE_FAULT, STORE_RECOVERED = 1, 5, 6
PING = telecommand(0x020, 17, 1, count=11)
SET_SCRATCH = telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, 99), count=5)
READ_SCRATCH = telecommand(0x020, 20, 1, b"\x01" + struct.pack(">H", 10), count=6)
MS, S, MIN = 1_000, 1_000_000, 60_000_000


class Faulty:
    """A board that runs, and the faults that are done to it."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.board = self.bench.board
        self.powers: list[bool] = []
        self.board.told_power = self.powers.append
        self.faults = FlightFaults(self.board)
        self.faults.power(True)
        self.bench.run(1.5)

    def now(self) -> Micros:
        return self.bench.clock.now()

    def begin(self, kind: str, for_us: int | None = None, **values: int | str) -> Fault:
        fault = make(kind, self.now(), for_us, **values)
        assert self.faults.begin(fault, self.now()) == ""
        return fault

    def end(self, fault: Fault) -> None:
        self.faults.end(fault, self.now())

    def served(self) -> bool:
        self.bench.send(PING)
        return verifications(self.bench.run(0.5), PING) == [(1, None), (7, None)]

    def reset(self) -> None:
        """Somebody has reset the board: its frames begin anew."""
        self.bench.boot()


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    return Faulty(tmp_path)


# --- supply


def test_a_short_sag_is_bridged(faulty: Faulty) -> None:
    fault = faulty.begin("brown_out", HOLD_UP_US, mv=20_000)
    assert faulty.board.app is not None
    faulty.end(fault)
    assert (faulty.board.lives, faulty.powers) == (1, [])


def test_a_longer_sag_is_a_boot(faulty: Faulty) -> None:
    fault = faulty.begin("brown_out", 100 * MS, mv=20_000)
    assert faulty.board.app is None
    faulty.bench.clock.advance(100 * MS)
    faulty.end(fault)
    faulty.reset()
    assert (faulty.board.lives, faulty.powers) == (2, [False, True])
    assert events(faulty.bench.run(1))[0] == BOOTED
    assert faulty.served()


def test_a_sag_above_the_converter_s_least_voltage_is_nothing(faulty: Faulty) -> None:
    faulty.begin("brown_out", 1 * S, mv=22_000)
    assert faulty.board.app is not None


def test_the_lander_s_switch_stands_before_the_sag(faulty: Faulty) -> None:
    fault = faulty.begin("brown_out", 1 * S)
    faulty.faults.power(False)
    faulty.end(fault)
    assert faulty.board.app is None, "the lander has switched it off meanwhile"
    faulty.faults.power(True)
    assert faulty.board.app is not None


def test_two_sags_end_with_the_longer_one(faulty: Faulty) -> None:
    first, second = faulty.begin("brown_out", 1 * S), None
    second = make("brown_out", faulty.now(), 2 * S)
    assert faulty.faults.begin(second, faulty.now()) == "the payload has no power anyway"
    faulty.end(first)
    assert faulty.board.app is not None


# --- temperature and sensors


def test_heat_climbs_at_its_rate_and_leaves(faulty: Faulty) -> None:
    fault = faulty.begin("over_temperature", 5 * MIN, cdegc=8_500, ramp_cdegc_s=100)
    read = faulty.board.sensors.read
    assert read().package_temperature_cdegc == 3_500
    faulty.bench.run(10)
    assert read().package_temperature_cdegc == 4_500
    faulty.bench.run(60)
    assert read().package_temperature_cdegc == 8_500
    faulty.end(fault)
    faulty.bench.run(25)
    assert read().package_temperature_cdegc == 6_000
    faulty.bench.run(30)
    assert read().package_temperature_cdegc == 3_500


def test_temperatures_go_both_ways() -> None:
    one = Temperature(3_500, Micros(0))
    one.go(-2_000, 0, Micros(0))
    assert one.shown(Micros(0)) == -2_000
    one.go(3_500, 100, Micros(10 * S))
    assert [one.shown(Micros(t * S)) for t in (10, 20, 65, 99)] == [-2_000, -1_000, 3_500, 3_500]
    one.go(3_000, 100, Micros(100 * S))
    assert [one.shown(Micros(t * S)) for t in (101, 105, 106)] == [3_400, 3_000, 3_000]


def test_a_cold_start_is_a_boot_in_the_cold_without_sensors(faulty: Faulty) -> None:
    fault = faulty.begin("cold_start", 10 * S, cdegc=-2_000)
    faulty.reset()
    assert faulty.board.lives == 2
    assert faulty.board.sensors.read().package_temperature_cdegc == -2_000
    files = faulty.board.twins.files
    assert files
    assert all(faulty.board.twins.sysfs(path) is None for path in files)
    assert events(faulty.bench.run(2))[0] == BOOTED
    faulty.end(fault)
    assert all(faulty.board.twins.sysfs(path) is not None for path in files)
    assert faulty.served()


def test_a_sensor_sticks_and_goes_on(faulty: Faulty) -> None:
    counter = next(path for path in faulty.board.twins.files if "counter" in path)
    row = [entry.name for entry in faulty.board.mission.instruments].index("dosimeter")
    fault = faulty.begin("sensor_stuck", 60 * S, row=row)
    shown = faulty.board.twins.sysfs(counter)
    faulty.bench.run(60)
    assert faulty.board.twins.sysfs(counter) == shown
    faulty.end(fault)
    assert int(faulty.board.twins.sysfs(counter) or 0) > int(shown or 0)


def test_a_sensor_that_the_mission_lacks_cannot_vanish(faulty: Faulty) -> None:
    fault = make("sensor_vanished", 0, row=9)
    assert faulty.faults.begin(fault, faulty.now()) == "row 9 has no simulated sensor"


def test_a_solar_event_is_a_dose_times_its_factor(faulty: Faulty) -> None:
    counter = next(path for path in faulty.board.twins.files if "counter" in path)

    def pulses(seconds: int) -> int:
        before = int(faulty.board.twins.sysfs(counter) or 0)
        faulty.bench.run(seconds)
        return int(faulty.board.twins.sysfs(counter) or 0) - before

    quiet = pulses(60)
    fault = faulty.begin("solar_event", 60 * S, factor=100)
    assert abs(pulses(60) - 100 * 60 * 528 / 3600) <= 1
    faulty.end(fault)
    assert abs(pulses(60) - quiet) <= 1


# --- disk


@pytest.mark.parametrize("kind", ["disk_full", "disk_read_only", "disk_error"])
def test_a_bad_disk_is_told_and_commands_live_on(faulty: Faulty, kind: str) -> None:
    fault = faulty.begin(kind, 10 * S)
    faulty.bench.send(SET_SCRATCH)
    heard = faulty.bench.run(1)
    assert verifications(heard, SET_SCRATCH)[-1][0] == 8
    assert events(heard) == [STORE_FAULT]
    assert faulty.served()
    faulty.end(fault)
    faulty.bench.send(telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, 7), count=7))
    assert events(faulty.bench.run(1)) == [STORE_RECOVERED]


def test_a_slow_disk_answers_late(faulty: Faulty) -> None:
    fault = faulty.begin("disk_slow", 30 * S, ms=5_000)
    faulty.bench.send(SET_SCRATCH)
    assert verifications(faulty.bench.run(4.5), SET_SCRATCH) == [(1, None)]
    assert faulty.served()
    assert (7, None) in verifications(faulty.bench.run(1), SET_SCRATCH)
    faulty.end(fault)
    again = telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, 7), count=7)
    faulty.bench.send(again)
    assert verifications(faulty.bench.run(0.5), again) == [(1, None), (7, None)]


# --- memory, clock, tasks


def test_every_target_flips_one_bit_of_something(faulty: Faulty) -> None:
    faulty.bench.send(SET_SCRATCH)
    faulty.bench.run(1)
    app = faulty.board.app
    assert app is not None
    for target in TARGETS:
        if target == "allocation":
            assert FLIPS[target](faulty.board, 0, 3) == "there is no allocation yet"
            app.power._allocation_mw = 3_000
        assert FLIPS[target](faulty.board, 0, 3) == ""
    assert app.power._allocation_mw == 3_000 ^ 8


def test_a_flipped_parameter_is_what_is_read_back(faulty: Faulty) -> None:
    faulty.bench.send(SET_SCRATCH)
    faulty.bench.run(1)
    faulty.begin("bit_flip", target="parameter", bit=4)
    faulty.bench.send(READ_SCRATCH)
    values = [r.data[3:7] for r in faulty.bench.run(1) if (r.service, r.subtype) == (20, 2)]
    assert values == [struct.pack(">I", 99 ^ 16)]


@pytest.mark.parametrize("ppm", [-1_000, -50, 0, 50, 1_000])
def test_a_drifting_clock_is_off_by_its_rate(faulty: Faulty, ppm: int) -> None:
    app = faulty.board.app
    assert app is not None
    before = app.world.clock.now()
    faulty.begin("clock_drift", 1_000 * S, ppm=ppm or 1)
    faulty.bench.run(100)
    gained = app.world.clock.now() - before - 100 * S
    assert abs(gained - 100 * (ppm or 1)) <= 1
    assert faulty.served()


def test_a_drifting_clock_shows_every_time_and_never_goes_back(faulty: Faulty) -> None:
    clock = BoardClock(faulty.bench.clock, 73)
    for t in (*range(50), 999_983, 123_456_789):
        when = clock.when(Micros(t))
        assert clock.of(when) >= t
        assert clock.of(Micros(when - 1)) < t or when <= faulty.now()
    shown = clock.now()
    clock.drift(-900)
    assert clock.now() == shown


@pytest.mark.proves("K-FAULT-006")
@pytest.mark.parametrize("task", ["all", "system", "power", "comms"])
def test_a_starved_task_ends_in_a_reset_by_the_watchdog(faulty: Faulty, task: str) -> None:
    faulty.begin("starve", 60 * S, task=task)
    began = faulty.now()
    while faulty.board.lives == 1:
        faulty.bench.clock.advance(10 * MS)
        faulty.board.step()
        assert faulty.now() < began + 20 * S
    assert faulty.now() - began >= WATCHDOG_US - 1 * S
    assert faulty.powers == [False, True]
    faulty.reset()
    assert events(faulty.bench.run(1))[0] == BOOTED
    assert faulty.served(), "the new program's task runs"


def test_a_task_starved_for_a_while_goes_on(faulty: Faulty) -> None:
    fault = faulty.begin("starve", 5 * S, task="power")
    faulty.bench.send(ping := telecommand(0x021, 17, 1, count=12))
    faulty.bench.send(enable(1) + interval(1, 10))
    assert verifications(faulty.bench.run(5), ping) in ([], [(1, None)])
    faulty.end(fault)
    assert verifications(faulty.bench.run(1), ping)[-1] == (7, None)
    assert faulty.board.lives == 1


def test_an_instrument_without_work_is_not_missed(faulty: Faulty) -> None:
    faulty.begin("starve", 60 * S, task="instrument")
    faulty.bench.run(30)
    assert faulty.board.lives == 1


def test_a_hung_loop_goes_on_where_it_was(faulty: Faulty) -> None:
    fault = faulty.begin("starve", 5 * S, task="all")
    faulty.bench.send(PING)
    assert faulty.bench.run(5) == []
    faulty.end(fault)
    assert verifications(faulty.bench.run(1), PING) == [(1, None), (7, None)]


def test_what_has_no_task_or_no_power_cannot_starve(faulty: Faulty) -> None:
    assert faulty.faults.begin(make("starve", 0, task="instrument", row=9), faulty.now()) == "there is no such task"
    faulty.faults.power(False)
    for kind in ("starve", "bit_flip", "brown_out", "cold_start"):
        assert faulty.faults.begin(make(kind, 0), faulty.now()) == "the payload has no power anyway"
