"""The lander's power: notices obeyed, allocation, SAFE on request, what the payload says in return."""

import struct
from pathlib import Path

import pytest

from tests.system.bench import Bench, events
from tests.system.by_hand import function, telecommand, verifications
from tests.system.test_boot import CUT, READY_FOR_OFF, boot_event

OPS, HEATER = 0, 1
MODE_CHANGED = 2
OFF, ON, REDUCE, CYCLE = 0, 1, 2, 3
NOTICE, SWITCHED, SHED, READY, ALLOCATION = 0x201, 0x202, 0x203, 0x204, 0x205
DOSIMETER, ENVIRONMENT = 0, 1  # rows of the load table


def notice(bench: Bench, action: int, seconds: int = 10, *, circuit: int = OPS, limit_mw: int = 0) -> None:
    bench.lander(0x013, struct.pack(">BBHBI", circuit, action, seconds, 0, limit_mw))


def switch(load: int, on: int) -> bytes:
    return function(0x021, 2, bytes((load, on)), count=load * 2 + on)


def read_back(bench: Bench, pid: int, octets: int) -> int:
    bench.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, pid)))
    (values,) = [r for r in bench.run(1.5) if (r.service, r.subtype) == (20, 2)]
    return int.from_bytes(values.data[3 : 3 + octets], "big")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(2)
    return bench


def ready_words(bench: Bench) -> list[bytes]:
    return [r.data for r in bench.said if r.apid == 0x119]


@pytest.mark.proves("K-LND-003")
@pytest.mark.parametrize("action", [OFF, CYCLE])
def test_a_notice_sheds_all_loads_and_the_payload_says_ready_once_and_clean(bench: Bench, action: int) -> None:
    notice(bench, action)
    assert events(bench.run(1)) == [NOTICE, SHED, SHED, MODE_CHANGED, READY]
    assert ready_words(bench) == [b"\0\1"]
    bench.run(5)
    bench.cut()
    bench.run(1)
    assert boot_event(bench) == (2, READY_FOR_OFF)


def test_a_circuit_that_is_not_ours_is_reported_and_changes_nothing(bench: Bench) -> None:
    notice(bench, OFF, circuit=HEATER)
    assert events(bench.run(15)) == [NOTICE]
    assert ready_words(bench) == []


def test_a_notice_taken_back_leaves_a_cut_a_cut(bench: Bench) -> None:
    notice(bench, OFF, 60)
    bench.run(1)
    switch_on = switch(DOSIMETER, 1)
    bench.send(switch_on)
    assert verifications(bench.run(0.5), switch_on) == [(1, None), (4, 0x14)]
    notice(bench, ON)
    bench.run(1)
    bench.send(switch_on)
    assert verifications(bench.run(0.5), switch_on) == [(1, None), (7, None)]
    bench.cut()
    bench.run(1)
    assert boot_event(bench) == (2, CUT)


def test_a_notice_that_is_not_carried_out_is_forgotten(bench: Bench) -> None:
    notice(bench, OFF, 5)
    bench.run(19)
    switch_on = switch(DOSIMETER, 1)
    bench.send(switch_on)
    assert verifications(bench.run(0.5), switch_on) == [(1, None), (4, 0x14)]
    bench.run(1.5)
    bench.send(switch_on)
    assert verifications(bench.run(0.5), switch_on) == [(1, None), (7, None)]
    bench.cut()
    bench.run(1)
    assert boot_event(bench) == (2, CUT)


@pytest.mark.proves("K-LND-003")
def test_ready_without_a_store_comes_at_the_last_moment_and_is_not_clean(bench: Bench) -> None:
    assert bench.board.store_wire is not None
    bench.board.store_wire.latency_us = 3_600_000_000
    notice(bench, OFF, 5)
    bench.run(4)
    assert ready_words(bench) == []
    assert READY in events(bench.run(1.5))
    assert ready_words(bench) == [b"\0\0"]


def test_loads_are_shed_by_priority_until_the_allocation_holds(bench: Bench) -> None:
    # Base 1100 mW, dosimeter 400 (priority 2), environment 150 (priority 1, goes first).
    assert read_back(bench, 0x0206, 4) == 1_650
    notice(bench, REDUCE, limit_mw=1_500)
    heard = bench.run(1)
    assert events(heard) == [NOTICE, ALLOCATION, SHED]
    assert read_back(bench, 0x0207, 4) == 1 << DOSIMETER
    back = switch(ENVIRONMENT, 1)
    bench.send(back)
    assert verifications(bench.run(0.5), back) == [(1, None), (4, 0x14)]
    bench.send(switch(DOSIMETER, 0), back)
    assert verifications(bench.run(1.1), back) == [(1, None), (7, None)]
    assert read_back(bench, 0x0206, 4) == 1_250


def test_an_unknown_load_is_refused(bench: Bench) -> None:
    command = switch(2, 1)
    bench.send(command)
    assert verifications(bench.run(0.5), command) == [(1, None), (4, 0x10)]


def test_the_heater_is_asked_for_from_the_lander(bench: Bench) -> None:
    for on in (1, 0):
        bench.send(function(0x021, 3, bytes((on,))))
        bench.run(0.5)
    assert [r.data for r in bench.said if r.apid == 0x117] == [struct.pack(">BI", 1, on) for on in (1, 0)]


def test_power_status_of_the_lander_becomes_parameters(bench: Bench) -> None:
    circuits = struct.pack(">BBBHHHHB", 2, HEATER, 0, 1, 2, 3, 4, 5) + struct.pack(
        ">BBHHHHB", OPS, 1, 28_000, 70, 90, 500, 0
    )
    bench.lander(0x014, circuits)
    bench.run(0.2)
    assert [read_back(bench, pid, 2) for pid in (0x0200, 0x0201, 0x0202, 0x0203)] == [28_000, 70, 90, 500]


def test_safe_now_is_obeyed_and_halts_instruments(bench: Bench) -> None:
    bench.lander(0x01A, struct.pack(">HB", 0, 3))
    heard = bench.run(0.5)
    assert [r.data for r in heard if r.service == 5] == [bytes((0, 2, 2, 1, 3))]  # mode changed, NOMINAL, SAFE, lander
    for apid in (0x031, 0x032):
        measure = function(apid, 2, struct.pack(">H", 1000))
        bench.send(measure)
        assert verifications(bench.run(0.5), measure) == [(1, None), (4, 0x14)]
        ping = telecommand(apid, 17, 1)
        bench.send(ping)
        assert verifications(bench.run(0.5), ping) == [(1, None), (7, None)]


@pytest.mark.proves("K-FAULT-010")
def test_a_board_that_is_too_hot_sheds_its_loads_one_by_one(bench: Bench) -> None:
    sensors = bench.board.sensors
    sensors.readings = sensors.readings._replace(package_temperature_cdegc=8_499)
    assert SHED not in events(bench.run(3))
    sensors.readings = sensors.readings._replace(package_temperature_cdegc=8_500)
    heard = bench.run(1.05)
    assert [r.data for r in heard if r.service == 5] == [struct.pack(">HBB", SHED, ENVIRONMENT, 3)]  # the limit
    assert events(bench.run(1.05)) == [SHED]
    assert events(bench.run(5)) == []
    assert read_back(bench, 0x0206, 4) == 1_100
    sensors.readings = sensors.readings._replace(package_temperature_cdegc=3_500)
    back = switch(DOSIMETER, 1)
    bench.send(back)
    assert verifications(bench.run(1.5), back) == [(1, None), (7, None)]
