"""Modes on a whole board: every transition by command, response on board and lander notice, and what each allows."""

import struct
from pathlib import Path

import pytest

from fsw.mdb.system import COMMAND_LOSS
from fsw.pus.ids import APID_DOSIMETER
from tests.system.bench import Bench
from tests.system.by_hand import Report, function, telecommand, verifications
from tests.system.test_power import ON, OPS, notice

BOOT, SAFE, NOMINAL, OBSERVE, QUIET, DOWN = range(6)
BOOT_DONE, COMMAND, STRIKE, LANDER = 0, 1, 2, 3
COMMAND_LOST, SILENT, MONITOR, LANDER_QUIET, OVER, NOTICE, STAYS, KEPT = 5, 6, 7, 8, 9, 10, 11, 12
DESCENT, CRUISE = 9, 5
MODE_PID = 3


def changes(reports: list[Report]) -> list[tuple[int, int, int]]:
    """(from, to, why) of each change of mode."""
    return [tuple(r.data[2:5]) for r in reports if r.service == 5 and r.data[:2] == b"\0\2"]  # type: ignore[misc]


def command(mode: int, count: int = 1) -> bytes:
    return function(0x020, 2, bytes((mode,)), count=count)


def phase(bench: Bench, number: int, quiet: int = 0) -> None:
    bench.lander(0x012, struct.pack(">BIB", number, 60, quiet))


def off(bench: Bench) -> None:
    notice(bench, 0, 3_000)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(2)
    return bench


def bring(bench: Bench, mode: int) -> None:
    """Bring the board, which is NOMINAL, into a mode."""
    if mode == QUIET:
        phase(bench, DESCENT)
    elif mode == DOWN:
        off(bench)
    elif mode != NOMINAL:
        bench.send(command(mode))
    bench.run(1)
    assert bench.app.board.mode == mode


# Typed from the mode table's words, not from the table: mode before, what is commanded, mode after (None: refused).
BY_COMMAND = [
    (SAFE, SAFE, SAFE), (SAFE, NOMINAL, NOMINAL), (SAFE, OBSERVE, None), (SAFE, QUIET, QUIET),
    (NOMINAL, SAFE, SAFE), (NOMINAL, NOMINAL, NOMINAL), (NOMINAL, OBSERVE, OBSERVE), (NOMINAL, QUIET, QUIET),
    (OBSERVE, SAFE, SAFE), (OBSERVE, NOMINAL, NOMINAL), (OBSERVE, OBSERVE, OBSERVE), (OBSERVE, QUIET, QUIET),
    (QUIET, SAFE, SAFE), (QUIET, NOMINAL, NOMINAL), (QUIET, OBSERVE, None), (QUIET, QUIET, QUIET),
    (DOWN, SAFE, DOWN), (DOWN, NOMINAL, None), (DOWN, OBSERVE, None), (DOWN, QUIET, None),
]  # fmt: skip


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize(("before", "asked", "after"), BY_COMMAND)
def test_every_transition_by_command(bench: Bench, before: int, asked: int, after: int | None) -> None:
    bring(bench, before)
    asks = command(asked, count=9)
    bench.send(asks)
    heard = bench.run(1)
    assert verifications(heard, asks)[-1] == ((4, 0x14) if after is None else (7, None))
    moved = after is not None and after != before
    assert changes(heard) == ([(before, after, COMMAND)] if moved else [])
    assert bench.app.board.mode == (before if after is None else after)


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize("before", [SAFE, NOMINAL, OBSERVE, QUIET, DOWN])
def test_every_transition_by_a_response_on_board(bench: Bench, before: int) -> None:
    bring(bench, before)
    heard_us = bench.app.verification.accepted_us
    bench.app.verification.release(function(0x020, 31, count=3), bench.app.world.clock.now())
    heard = bench.run(1)
    to = SAFE if before in (NOMINAL, OBSERVE) else before
    assert changes(heard) == ([(before, SAFE, MONITOR)] if to != before else [])
    assert bench.app.board.mode == to
    assert bench.app.verification.accepted_us == heard_us
    # What passes ends in SAFE now.
    if before == QUIET:
        phase(bench, CRUISE)
        assert changes(bench.run(1)) == [(QUIET, SAFE, OVER)]
    if before == DOWN:
        notice(bench, ON)
        assert changes(bench.run(1)) == [(DOWN, SAFE, STAYS)]


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize("before", [SAFE, NOMINAL, OBSERVE, QUIET, DOWN])
def test_every_transition_by_a_demand_for_quiet_and_by_its_end(bench: Bench, before: int) -> None:
    bring(bench, before)
    phase(bench, DESCENT)
    went = changes(bench.run(1))
    assert went == ([(before, QUIET, LANDER_QUIET)] if before in (SAFE, NOMINAL, OBSERVE) else [])
    phase(bench, DESCENT)  # said again every ten seconds
    assert changes(bench.run(1)) == []
    phase(bench, CRUISE)
    behind = SAFE if before == SAFE else NOMINAL
    assert changes(bench.run(1)) == ([] if before == DOWN else [(QUIET, behind, OVER)])


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize(("quiet", "wanted"), [(0, False), (1, False), (2, True), (4, True), (8, True), (15, True)])
def test_vibration_dust_and_manoeuvres_must_have_it_quiet_a_radio_not(bench: Bench, quiet: int, wanted: bool) -> None:
    phase(bench, CRUISE, quiet)
    assert bool(changes(bench.run(1))) is wanted


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize("before", [SAFE, NOMINAL, OBSERVE, QUIET])
def test_every_transition_by_a_power_notice_and_by_its_withdrawal(bench: Bench, before: int) -> None:
    bring(bench, before)
    off(bench)
    assert changes(bench.run(1)) == [(before, DOWN, NOTICE)]
    notice(bench, ON)
    went = changes(bench.run(1))
    behind = SAFE if before == SAFE else NOMINAL
    again = [(NOMINAL, QUIET, LANDER_QUIET)] if before == QUIET else []
    assert went == [(DOWN, behind, STAYS), *again]


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize("before", [SAFE, NOMINAL, OBSERVE, QUIET, DOWN])
def test_every_transition_by_the_lander_s_safe_now(bench: Bench, before: int) -> None:
    bring(bench, before)
    bench.lander(0x01A, struct.pack(">HB", 0, 0))
    heard = changes(bench.run(1))
    assert heard == ([(before, SAFE, LANDER)] if before in (NOMINAL, OBSERVE) else [])


@pytest.mark.proves("K-AUTO-001")
@pytest.mark.parametrize("before", [SAFE, NOMINAL, OBSERVE, QUIET])
def test_every_transition_by_silence_of_ground_and_lander(bench: Bench, before: int) -> None:
    bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    bring(bench, before)
    bench.send(telecommand(0x020, 20, 3, struct.pack(">BHB", 1, COMMAND_LOSS.pid, 5)), telecommand(0x020, 17, 1))
    heard = changes(bench.run(320))
    lost = [(before, SAFE, COMMAND_LOST)] if before in (NOMINAL, OBSERVE) else []
    if before != QUIET:
        assert heard == lost
    heard += changes(bench.run(300))
    assert heard == ([(QUIET, SAFE, SILENT)] if before == QUIET else lost)


def test_the_ground_s_command_leads_out_of_quiet_until_the_lander_s_next_demand(bench: Bench) -> None:
    bring(bench, QUIET)
    bench.send(command(NOMINAL))
    assert changes(bench.run(1)) == [(QUIET, NOMINAL, COMMAND)]
    phase(bench, DESCENT)
    assert changes(bench.run(1)) == []
    phase(bench, CRUISE)
    assert changes(bench.run(1)) == []
    phase(bench, DESCENT)
    assert changes(bench.run(1)) == [(NOMINAL, QUIET, LANDER_QUIET)]


# --- what outlives a reset


@pytest.mark.proves("K-AUTO-002")
@pytest.mark.parametrize(
    ("ask", "kept"), [(command(SAFE), True), (function(0x020, 31), True), (None, False), (command(OBSERVE), False)]
)
def test_safe_that_was_asked_for_outlives_a_reset_and_what_the_lander_asked_for_does_not(
    bench: Bench, ask: bytes | None, kept: bool
) -> None:
    if ask is None:
        bench.lander(0x01A, struct.pack(">HB", 0, 0))
    else:
        bench.send(ask)
    bench.run(3)
    bench.cut()
    assert changes(bench.run(2)) == ([(BOOT, SAFE, KEPT)] if kept else [(BOOT, NOMINAL, BOOT_DONE)])
    bench.send(command(NOMINAL))
    bench.run(3)
    bench.cut()
    assert changes(bench.run(2)) == [(BOOT, NOMINAL, BOOT_DONE)]


# --- what a mode allows

MEASURE = function(APID_DOSIMETER, 2, struct.pack(">H", 1000), count=11)
SET = telecommand(0x020, 20, 3, struct.pack(">BHI", 1, 10, 7), count=12)
READ = telecommand(0x020, 20, 1, struct.pack(">BH", 1, 10), count=13)
INSERT_STRUCTURE = telecommand(0x020, 3, 1, struct.pack(">HHHHH", 700, 10, 1, 10, 0), count=14)


@pytest.mark.proves("K-AUTO-003")
@pytest.mark.parametrize(
    ("mode", "measures", "writes"),
    [(SAFE, False, True), (NOMINAL, True, True), (OBSERVE, True, True), (QUIET, False, False), (DOWN, False, True)],
)
def test_each_mode_allows_what_its_table_says(bench: Bench, mode: int, measures: bool, writes: bool) -> None:
    bring(bench, mode)
    bench.send(MEASURE, SET, READ, INSERT_STRUCTURE)
    heard = bench.run(2)
    assert verifications(heard, READ) == [(1, None), (7, None)]
    assert verifications(heard, SET) == [(1, None), (7, None) if writes else (4, 0x14)]
    assert verifications(heard, MEASURE) == [(1, None), (7, None) if measures else (4, 0x14)]
    kept = verifications(heard, INSERT_STRUCTURE)[-1]
    assert kept == ((7, None) if writes else (8, 0x14))
    (values,) = [r.data for r in heard if (r.service, r.subtype) == (20, 2)]
    assert values[-4:] == (b"\0\0\0\7" if writes else bytes(4))


@pytest.mark.proves("K-AUTO-003")
def test_in_quiet_packets_are_recorded_and_neither_copied_nor_deleted(bench: Bench) -> None:
    bring(bench, QUIET)
    delete = telecommand(0x020, 15, 11, bytes.fromhex("1effffffffffff 01 01"), count=21)
    copy = telecommand(0x020, 15, 24, bytes.fromhex("00 01 02"), count=22)
    look = telecommand(0x020, 15, 12, bytes.fromhex("01 01"), count=23)
    stored = bench.app.archive.queue.stored
    bench.send(delete, copy, look)
    heard = bench.run(3)
    assert verifications(heard, delete) == verifications(heard, copy) == [(1, None), (4, 0x14)]
    assert verifications(heard, look) == [(1, None), (7, None)]
    assert bench.app.archive.queue.stored > stored


def test_the_heartbeat_says_the_mode(bench: Bench) -> None:
    bring(bench, QUIET)
    bench.said.clear()
    bench.run(2)
    assert {r.data[0] for r in bench.said if r.apid == 0x110} == {QUIET}


assert OPS == 0
