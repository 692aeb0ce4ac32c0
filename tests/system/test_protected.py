"""A protected board from outside: what it takes, what it refuses, and what outlives a cut."""

from pathlib import Path

import pytest

from fsw.hal.ports import LineState
from fsw.services.security.kept_numbers import sealed
from fsw.services.security.link_security import RENEWED_AT, RESERVED
from fsw.store.keep import Table, put
from hil.seed import Dice
from tests.system.bench import Bench, events
from tests.system.by_hand import cltu, cuc, protected, tc_frame, telecommand, verifications

KEYS = {spi: bytes([spi]) * 32 for spi in (0x10, 0x11, 0x20, 0x21, 0x23)}
PING = (0x020, 17, 1)
TAI_US = 2_145_916_837_000_000
DONE = [(1, None), (7, None)]
NOT_AUTHENTIC, IN_MEMORY, KEPT, LOST = 90, 91, 92, 93


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, keys=KEYS)
    bench.run(3)
    return bench


def ping(count: int) -> bytes:
    return telecommand(*PING, count=count)


def done(bench: Bench, count: int, seconds: float = 2) -> bool:
    """Whether a ping is executed."""
    bench.send(ping(count))
    bench.run(seconds)
    return answered(bench, count)


def answered(bench: Bench, count: int) -> bool:
    return verifications(bench.reports, ping(count)) == DONE


@pytest.mark.proves("K-SEC-001", "K-SEC-003")
def test_a_life_begins_and_commands_are_served(bench: Bench) -> None:
    assert events(bench.reports)[0] == 1
    assert done(bench, 1)
    assert done(bench, 2)
    assert bench.app.security.authentic == 2
    assert bench.ivs[0x20] > 0


@pytest.mark.proves("K-SEC-001")
def test_what_is_clear_forged_or_repeated_is_refused_counted_and_told_now_and_then(bench: Bench) -> None:
    first = bench.cltu(ping(1))
    bench.up(first)
    bench.run(1)
    assert answered(bench, 1)
    forged = protected(bytes(32), 0, 900, ping(2))
    other = protected(KEYS[0x11], 1, 900, ping(3))
    for octets in (cltu(tc_frame(0, ping(4))), first, cltu(tc_frame(0, forged)), cltu(tc_frame(0, other))):
        bench.up(octets)
        bench.run(1)
    assert [count for count in (2, 3, 4) if verifications(bench.reports, ping(count))] == []
    assert verifications(bench.reports, ping(1)) == DONE
    assert events(bench.reports).count(NOT_AUTHENTIC) == 1
    protection = bench.app.link.protection
    assert protection is not None
    assert {why.value: n for why, n in protection.refused.items() if n} == {
        "sdls_spi_unknown": 1, "sdls_spi_of_another_channel": 1, "sdls_not_authentic": 1, "sdls_replayed": 1,
    }  # fmt: skip
    bench.run(10)
    bench.up(first)
    bench.run(1)
    assert events(bench.reports).count(NOT_AUTHENTIC) == 2
    values = bench.app.parameters.values
    assert [values[pid] for pid in (190, 191, 192, 193, 194, 195)] == [1, 1, 0, 0, 1, 2]
    assert (values[200], values[201], values[208]) == (1, 1, 1)
    assert done(bench, 9)


@pytest.mark.proves("K-SEC-002")
def test_what_was_taken_before_a_cut_is_not_taken_behind_it(bench: Bench) -> None:
    heard = [bench.cltu(ping(count)) for count in range(5)]
    for octets in heard:
        bench.up(octets)
    bench.run(1)
    assert all(answered(bench, count) for count in range(5))
    bench.cut()
    bench.run(3)
    for octets in heard:
        bench.up(octets)
    bench.run(1)
    assert not any(verifications(bench.reports, ping(count)) for count in range(5))
    assert done(bench, 6)


@pytest.mark.proves("K-SEC-003")
def test_no_counter_of_telemetry_comes_twice_over_cuts_at_any_moment(bench: Bench) -> None:
    for ms in (1, 20, 30, 50, 80, 150, 400, 1_200):
        bench.run(ms / 1000)
        bench.cut(0.1)  # `Cadus` holds the counters of all lives against one another
    bench.run(2)
    assert bench.ivs[0x20] >= RESERVED
    assert bench.ivs[0x20] % RESERVED < 100


@pytest.mark.proves("K-SEC-002")
def test_a_command_waits_for_its_mark_and_others_are_told_to_wait(bench: Bench) -> None:
    bench.board.slow_store(3_000_000)
    bench.send(ping(1))
    bench.run(2.5)
    assert not verifications(bench.reports, ping(1))
    bench.run(2)
    assert answered(bench, 1)
    assert not bench.app.security.in_memory


@pytest.mark.proves("K-SEC-002")
def test_a_store_that_keeps_no_marks_lets_commands_act_and_says_so(bench: Bench) -> None:
    bench.board.disk.errors = [(1000, Dice("disk"))]
    assert done(bench, 1, 4)
    assert done(bench, 2, 4)
    assert events(bench.reports).count(IN_MEMORY) == 1
    assert bench.app.security.in_memory
    bench.board.disk.errors = []
    bench.run(12)
    assert done(bench, 3)
    assert events(bench.reports).count(KEPT) == 1
    assert not bench.app.security.in_memory


@pytest.mark.proves("K-SEC-003")
def test_without_a_reservation_only_the_clear_channels_flow(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keys=KEYS)
    bench.board.disk.errors = [(1000, Dice("disk"))]
    bench.run(10)
    assert bench.reports == bench.replayed == []
    assert bench.said
    assert bench.cadus.idle > 5
    assert bench.app.board.health & 1
    bench.board.disk.errors = []
    bench.run(12)
    assert 1 in events(bench.reports)
    assert done(bench, 1)


@pytest.mark.proves("K-SEC-003")
def test_counters_are_renewed_at_half(bench: Bench) -> None:
    protection = bench.app.link.protection
    assert protection is not None
    sender = protection.senders[0]
    sender.following = sender.reserved - RENEWED_AT + 1
    bench.ivs[0x20] = sender.following - 1
    bench.run(12)
    assert sender.left > RENEWED_AT
    assert sender.reserved % RESERVED != 0
    bench.cut()
    bench.run(3)
    assert bench.ivs[0x20] > RESERVED


@pytest.mark.parametrize("copies", [1, 2])
def test_a_damaged_mark_is_read_from_its_copy_and_when_both_are_gone_that_is_told(bench: Bench, copies: int) -> None:
    heard = bench.cltu(ping(1))
    bench.up(heard)
    bench.run(1)
    assert answered(bench, 1)
    spoilt = bytes([sealed(1)[0] ^ 1]) + sealed(1)[1:]
    changes = [put(Table.COUNTERS, key, spoilt) for key in (0x10, 0x1_0010)[:copies]]
    bench.app.keeper.keep(changes, bench.clock.now(), lambda *_: None)
    bench.app.attention.ring()
    bench.run(1)
    bench.cut()
    bench.run(3)
    lost = copies == 2
    assert events(bench.reports).count(LOST) == events(bench.reports).count(IN_MEMORY) == lost
    assert bench.app.security.in_memory is lost
    assert done(bench, 2)
    assert events(bench.reports).count(KEPT) == lost
    bench.up(heard)
    bench.run(1)
    assert not answered(bench, 1)


@pytest.mark.proves("K-SEC-003")
def test_a_lost_store_gives_no_counter_back_telemetry_waits_for_tai(bench: Bench) -> None:
    assert done(bench, 1)
    bench.board.cut()
    for file in bench.board.disk.path.parent.glob("*.sqlite*"):
        file.unlink()
    bench.board.disk.path.write_bytes(b"no database at all" * 100)
    for _ in range(2):  # also when the power goes before anybody knows the time
        bench.boot()
        bench.run(3)
        assert bench.reports == []
        assert bench.cadus.idle > 1
        bench.board.cut()
    bench.boot()
    bench.run(2)
    bench.beats = True
    for _ in range(3):
        bench.lander(0x011, cuc(TAI_US + bench.clock.now() + 300_000) + bytes((37, 2, 0)))
        bench.run(1)
    assert done(bench, 2)
    assert events(bench.reports).count(LOST) == 5
    assert bench.ivs[0x20] >> 20 in range(TAI_US, TAI_US + 100_000_000)
    bench.cut()
    bench.run(3)
    assert events(bench.reports)[0] == 1
    assert done(bench, 3)


def test_an_orderly_stop_does_not_wait_for_counters_that_nobody_reserves(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keys=KEYS)
    bench.board.disk.errors = [(1000, Dice("disk"))]
    bench.run(5)
    assert bench.board.line.state is LineState.OPEN
    bench.board.stop()
    bench.run(2)
    assert bench.board.app is None
