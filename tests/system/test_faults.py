"""What breaks inside: tasks that fail, a store that stalls or dies, a lander that falls silent, a cable pulled."""

import struct
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from tests.system.bench import Bench, events
from tests.system.by_hand import function, telecommand, verifications
from tests.system.test_housekeeping import enable, housekeeping, interval
from tests.system.test_instruments import DOSIMETER, ENVIRONMENT, NOMINAL, measure, readings

MODE_CHANGED, STORE_FAULT, STORE_RECOVERED, RESTARTED, STRUCK_OUT = 2, 5, 6, 7, 8
NOT_STORED, STORED_AGAIN = 22, 23
LANDER_LOST, LANDER_BACK, REOPENED = 0x101, 0x102, 0x103
HEALTH_STORE, HEALTH_STRUCK_OUT = 1, 2
SET_SCRATCH = telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, 99), count=5)
PING = telecommand(0x020, 17, 1, count=11)
HOUR_US = 3_600_000_000


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(1.5)
    return bench


def served(bench: Bench, ping: bytes = PING) -> bool:
    bench.send(ping)
    return verifications(bench.run(0.5), ping) == [(1, None), (7, None)]


def health(bench: Bench) -> int:
    bench.run(2.1)
    return [r.data[1] for r in bench.said if r.apid == 0x110][-1]


def broken(*_: object) -> None:
    raise AssertionError("as planned by the test")


# --- tasks


@pytest.mark.proves("K-KERN-002")
def test_an_instrument_that_fails_once_is_started_anew(bench: Bench) -> None:
    device = bench.board.devices["environment"]
    bench.send(measure(ENVIRONMENT))
    bench.run(2)
    kept = getattr(device, "read")  # noqa: B009
    setattr(device, "read", broken)  # noqa: B010 - a twin is whatever its file says
    while not events(bench.run(0.1)):
        pass
    setattr(device, "read", kept)  # noqa: B010
    bench.run(1)
    assert events(bench.reports).count(RESTARTED) == 1
    assert STRUCK_OUT not in events(bench.reports)
    bench.send(measure(ENVIRONMENT))
    assert len(readings(bench.run(3.5), ENVIRONMENT)) == 4


@pytest.mark.proves("K-VER-002")
def test_a_command_whose_handler_dies_still_gets_its_last_word(bench: Bench) -> None:
    setattr(bench.board.devices["environment"], "read", broken)  # noqa: B010
    read = function(ENVIRONMENT, 4, count=31)
    bench.send(read)
    assert verifications(bench.run(1), read) == [(1, None), (4, 0x1B)]
    assert served(bench, telecommand(ENVIRONMENT, 17, 1, count=32))


@pytest.mark.proves("K-KERN-002", "K-KERN-003")
def test_an_instrument_struck_out_brings_safe_and_leaves_the_others_alive(bench: Bench) -> None:
    setattr(bench.board.devices["environment"], "read", broken)  # noqa: B010
    reads = [function(ENVIRONMENT, 4, count=n) for n in range(8)]
    bench.send(*reads)
    heard = bench.run(5)
    assert events(heard) == [RESTARTED] * 5 + [STRUCK_OUT, MODE_CHANGED]
    assert [r.data for r in heard if r.service == 5][-1] == bytes((0, 2, 2, 1, 2))  # NOMINAL, SAFE, strike-out
    # Those that died during execution and those that waited: each accepted request ends once.
    assert [verifications(heard, read) for read in reads] == [[(1, None), (4, 0x1B)]] * len(reads)
    late = telecommand(ENVIRONMENT, 17, 1, count=40)
    bench.send(late)
    assert verifications(bench.run(0.5), late) == [(1, None), (4, 0x1B)]
    reach = telecommand(0x020, 17, 3, struct.pack(">H", ENVIRONMENT), count=41)
    bench.send(reach)
    assert verifications(bench.run(0.5), reach) == [(1, None), (4, 0x10)]
    for apid in (0x020, 0x021, 0x022, DOSIMETER):
        assert served(bench, telecommand(apid, 17, 1, count=50 + apid))
    assert health(bench) == HEALTH_STRUCK_OUT
    strokes = bench.board.watchdog.strokes
    bench.run(1)
    assert bench.board.watchdog.strokes > strokes
    bench.send(NOMINAL, measure(DOSIMETER))
    assert len(readings(bench.run(3.5), DOSIMETER)) == 4


@pytest.mark.proves("K-KERN-002", "K-KERN-003")
def test_an_essential_task_struck_out_ends_the_strokes(bench: Bench) -> None:
    setattr(bench.board.sensors, "read", broken)  # noqa: B010
    heard = bench.run(8)
    assert events(heard) == [RESTARTED] * 5 + [STRUCK_OUT]
    strokes = bench.board.watchdog.strokes
    bench.run(5)
    assert bench.board.watchdog.strokes == strokes
    assert served(bench, telecommand(0x021, 17, 1, count=3))  # what still lives still answers
    bench.send(PING)
    assert verifications(bench.run(0.5), PING) == [(1, None), (4, 0x1B)]


@pytest.mark.proves("K-KERN-003")
def test_a_well_board_strokes_the_watchdog_all_the_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path, skips_idle=False)
    bench.run(1.5)
    strokes = bench.board.watchdog.strokes
    bench.run(10)
    assert bench.board.watchdog.strokes == strokes + 1000


# --- the store


@pytest.mark.proves("K-KERN-004")
def test_a_stalled_store_costs_only_what_needs_it(bench: Bench) -> None:
    wire = bench.board.store_wire
    assert wire is not None
    wire.latency_us = HOUR_US
    bench.send(interval(1, 10) + enable(1), SET_SCRATCH)
    heard = bench.run(9.4)
    assert verifications(heard, SET_SCRATCH) == [(1, None)]
    assert len(housekeeping(heard, 1)) == 10
    assert served(bench)
    heard = bench.run(1)
    assert verifications(heard, SET_SCRATCH) == [(8, 0x1A)]
    assert events(heard) == [STORE_FAULT, NOT_STORED]
    assert health(bench) == HEALTH_STORE
    wire.latency_us = 1_000
    bench.send(SET_SCRATCH)
    heard = bench.run(1)
    assert verifications(heard, SET_SCRATCH) == [(1, None), (7, None)]
    assert [event for event in events(heard) if event != STORED_AGAIN] == [STORE_RECOVERED]
    assert health(bench) == 0


def test_a_stall_of_five_seconds_loses_nothing(bench: Bench) -> None:
    wire = bench.board.store_wire
    assert wire is not None
    wire.latency_us = 5_000_000
    bench.send(SET_SCRATCH)
    assert verifications(bench.run(6), SET_SCRATCH) == [(1, None), (7, None)]
    assert STORE_FAULT not in events(bench.reports)


@pytest.mark.proves("K-KERN-004")
def test_a_store_that_dies_is_started_anew_and_its_request_is_unknown(bench: Bench) -> None:
    wire = bench.board.store_wire
    assert wire is not None
    wire.latency_us = 2_000_000
    bench.send(SET_SCRATCH)
    bench.run(0.5)
    wire.kill()
    assert verifications(bench.run(1), SET_SCRATCH) == [(8, 0x1A)]
    wire.latency_us = 1_000
    bench.send(SET_SCRATCH)
    assert verifications(bench.run(1), SET_SCRATCH) == [(1, None), (7, None)]


def test_a_store_flooded_is_busy_and_every_request_ends(bench: Bench) -> None:
    wire = bench.board.store_wire
    assert wire is not None
    wire.latency_us = HOUR_US
    requests = [telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, n), count=n) for n in range(80)]
    for request in requests:
        bench.send(request)
        bench.run(0.05)
    heard = bench.run(20)
    ends = [verifications(bench.reports, request)[1:] for request in requests]
    # The port holds 64 requests; what becomes of commands, and the packets, are kept through it too.
    assert all(end in ([(8, 0x1A)], [(8, 8)]) for end in ends)
    assert ends[:32] == [[(8, 0x1A)]] * 32
    assert ends[64:] == [[(8, 8)]] * 16
    assert heard


# --- the lander and the line


@pytest.mark.proves("K-LND-002")
def test_a_silent_lander_holds_housekeeping_back_and_nothing_else(bench: Bench) -> None:
    bench.send(interval(1, 10) + enable(1))
    bench.beats = True
    bench.run(5)
    bench.beats = False
    heard = bench.run(11)
    assert LANDER_LOST in events(heard)
    idle = bench.cadus.idle
    silent = bench.run(20)
    assert housekeeping(silent, 1) == []
    assert bench.cadus.idle > idle + 15
    assert served(bench)
    bench.beats = True
    heard = bench.run(3)
    assert events(heard)[0] == LANDER_BACK
    held = housekeeping(heard, 1)
    assert len(held) >= 20
    assert [r.message for r in held] == list(range(held[0].message, held[0].message + len(held)))


def test_a_lander_never_heard_is_not_missed(bench: Bench) -> None:
    bench.send(interval(1, 10) + enable(1))
    heard = bench.run(60)
    assert len(housekeeping(heard, 1)) == 60
    assert LANDER_LOST not in events(heard)


@pytest.mark.proves("K-LINE-008")
def test_a_cable_pulled_is_counted_and_the_line_comes_back(bench: Bench) -> None:
    line = bench.board.line
    line.plugged = False
    bench.run(5)
    assert line.faults == 1
    line.plugged = True
    # What was under way is lost: the receiver begins anew, with the counters as they come.
    bench.board.run_until(Micros(bench.clock.now() + 1_000_000), bench.clock)
    octets = line.down.take(bench.clock.now())
    assert octets[:4] == bytes.fromhex("1acffc1d")
    assert octets[5] >> 1 & 7 in (2, 7)
    assert line.opens == 2
    assert struct.pack(">HH", REOPENED, 2) in octets
