"""Instruments on the whole board: measuring, limits, modes."""

import struct
from pathlib import Path

import pytest

from tests.system.bench import Bench, events
from tests.system.by_hand import Report, function, verifications

DOSIMETER, ENVIRONMENT = 0x031, 0x032
LIMIT_CROSSED, LIMIT_BACK = 9, 10
TEMPERATURE = 0x3201
SAFE, NOMINAL = function(0x020, 2, b"\1", count=1), function(0x020, 2, b"\2", count=2)


def measure(apid: int, period_ms: int = 1000) -> bytes:
    return function(apid, 2, struct.pack(">H", period_ms))


def readings(reports: list[Report], apid: int) -> list[Report]:
    sid = {DOSIMETER: 0x31, ENVIRONMENT: 0x32}[apid]
    return [r for r in reports if (r.service, r.subtype) == (3, 25) and r.data[:2] == struct.pack(">H", sid)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(1)
    return bench


@pytest.mark.parametrize("apid", [DOSIMETER, ENVIRONMENT])
def test_measuring_reports_once_a_period_until_it_is_stopped(bench: Bench, apid: int) -> None:
    bench.send(measure(apid, 2000))
    heard = bench.run(20.5)
    assert verifications(heard, measure(apid, 2000)) == [(1, None), (7, None)]
    assert len(readings(heard, apid)) == 11
    bench.send(function(apid, 3))
    bench.run(1)
    assert readings(bench.run(5), apid) == []


@pytest.mark.parametrize("period_ms", [0, 99, 60_001])
def test_a_period_out_of_range_is_refused(bench: Bench, period_ms: int) -> None:
    bench.send(measure(DOSIMETER, period_ms))
    assert verifications(bench.run(0.5), measure(DOSIMETER, period_ms)) == [(2, 5)]


def test_the_dose_follows_the_simulated_moon(bench: Bench) -> None:
    bench.send(measure(DOSIMETER))
    bench.run(601)
    last = readings(bench.reports, DOSIMETER)[-1]
    dose_ngy, _, pulses, count = struct.unpack_from(">IIII", last.data, 2)
    # 13 200 nGy an hour for ten minutes, counted in pulses of 25 nGy.
    assert dose_ngy == pytest.approx(2_200, abs=50)
    assert pulses * 25 == pytest.approx(2_200, abs=50)
    assert count == 601


def test_a_limit_crossed_is_reported_once_and_so_is_coming_back(bench: Bench) -> None:
    twins = bench.board.twins
    bench.send(measure(ENVIRONMENT))
    assert LIMIT_CROSSED not in events(bench.run(5))
    twins.set("environment.offset_cdegc", 4_000)
    heard = bench.run(5)
    assert events(heard) == [LIMIT_CROSSED]
    (crossed,) = [r for r in heard if r.service == 5]
    assert crossed.subtype == 3
    parameter, state, value = struct.unpack_from(">HBi", crossed.data, 2)
    assert (parameter, state) == (TEMPERATURE, 2)
    assert 6_000 < value < 6_200
    bench.run(2)
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 4  # health: limit
    twins.set("environment.offset_cdegc", 0)
    heard = bench.run(5)
    assert events(heard) == [LIMIT_BACK]
    bench.run(2)
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 0


def test_safe_halts_instruments_and_nominal_lets_them_be_commanded_again(bench: Bench) -> None:
    bench.send(measure(DOSIMETER), measure(ENVIRONMENT))
    bench.run(3)
    bench.send(SAFE)
    assert events(bench.run(1)) == [2]
    heard = bench.run(5)
    assert readings(heard, DOSIMETER) + readings(heard, ENVIRONMENT) == []
    for apid in (DOSIMETER, ENVIRONMENT):
        bench.send(measure(apid))
        assert verifications(bench.run(0.5), measure(apid)) == [(1, None), (4, 0x14)]
    bench.send(NOMINAL)
    assert events(bench.run(1)) == [2]
    for apid in (DOSIMETER, ENVIRONMENT):
        bench.send(measure(apid))
        heard = bench.run(5.5)
        assert verifications(heard, measure(apid)) == [(1, None), (7, None)]
        assert len(readings(heard, apid)) == 6


def test_an_instrument_without_power_is_refused(bench: Bench) -> None:
    bench.send(function(0x021, 2, b"\0\0"))
    bench.run(1)
    bench.send(measure(DOSIMETER))
    assert verifications(bench.run(0.5), measure(DOSIMETER)) == [(1, None), (4, 0x14)]
    bench.send(measure(ENVIRONMENT))
    assert verifications(bench.run(0.5), measure(ENVIRONMENT)) == [(1, None), (7, None)]


@pytest.mark.proves("K-FLY-005")
def test_a_device_that_is_gone_is_refused_and_its_values_are_absent(bench: Bench) -> None:
    bench.send(measure(DOSIMETER))
    bench.run(2)
    bench.board.twins.vanish("dosimeter", True)
    last = readings(bench.run(2), DOSIMETER)[-1]
    _, rate, pulses, _ = struct.unpack_from(">IIII", last.data, 2)
    assert (rate, pulses) == (0xFFFF_FFFF, 0xFFFF_FFFF)
    read = function(DOSIMETER, 4)
    bench.send(read)
    assert verifications(bench.run(0.5), read) == [(1, None), (4, 0x14)]
