"""Keys by telecommand on a whole board: what is refused and why, what rotates, what outlives a cut, what is erased."""

import sqlite3
import struct
from pathlib import Path

import pytest

from fsw.kernel.bus import Status
from fsw.kernel.clock import Micros
from fsw.store.answers import Failed, Kept, StoreAnswer
from hil.seed import Dice
from tests.system.key_bench import (
    ACTIVATE,
    ACTIVE,
    CHANGED,
    EMPTY,
    KEYS,
    SPENT,
    STANDBY,
    TRIAL,
    UNUSABLE,
    WRONG,
    KeyBench,
    events,
)
from tests.system.operator import Operator

FRESH = [ACTIVE, STANDBY, STANDBY, STANDBY]


@pytest.fixture
def keys(tmp_path: Path) -> KeyBench:
    return KeyBench(tmp_path)


def test_a_board_begins_with_its_lowest_keys_and_takes_no_other_but_the_recovery_key(keys: KeyBench) -> None:
    assert keys.ping()
    assert all(keys.states(spi) == FRESH for spi in (0x10, 0x11, 0x20, 0x21, 0x23))
    assert keys.bench.cadus.under[0] == 0x20
    for key in (0x110, 0x210):
        assert not keys.ping(key)
    assert keys.ping()


@pytest.mark.proves("K-SEC-007")
def test_each_refusal_has_its_code_and_changes_nothing(keys: KeyBench) -> None:
    alien = bytes(range(32))
    assert [keys.verify(key) for key in (0x10, 0x110, 0x310, 0x23)] == [ACTIVE, STANDBY, STANDBY, ACTIVE]
    for nobody in (0x410, 0x12, 0x22, 0, 0xFFFF):
        assert keys.verify(nobody) is None
        assert keys.activate(nobody, alien) == keys.deactivate(nobody, nobody, alien) == keys.erase(nobody) == 0x10
    assert keys.activate(0x10) == 0x11
    assert keys.deactivate(0x10, 0x10) == keys.deactivate(0x110, 0x10) == keys.deactivate(0x10, 0x111) == 0x13
    assert keys.deactivate(0x10, 0x410, alien) == 0x10
    assert keys.deactivate(0x10, 0x110) == keys.deactivate(0x20, 0x320) == 0x14
    assert [keys.erase(key) for key in (0x10, 0x110)] == [0x14, 0x14]
    for n in range(2):
        assert (keys.deactivate(0x10, 0x110, alien) if n else keys.activate(0x110, alien)) == 0x19
        assert events(keys.heard, WRONG) == [b"\x01\x10"]
        keys.bench.run(1.1)
        assert keys.bench.app.parameters.values[214] == n + 1
    assert keys.function(ACTIVATE, b"\x01\x10" + bytes(15)) == 5
    assert keys.states(0x10) == FRESH
    assert events(keys.bench.reports, CHANGED) == []


@pytest.mark.proves("K-SEC-004", "K-SEC-005")
def test_a_command_key_rotates_and_the_old_one_goes_when_the_new_one_has_proved_itself(keys: KeyBench) -> None:
    assert keys.activate(0x110) == 0
    assert events(keys.heard, CHANGED) == [b"\x01\x10\x02"]
    assert keys.activate(0x110) == 0x11
    assert keys.deactivate(0x10, 0x110) == 0x14
    assert keys.ping()
    assert keys.states(0x10) == [ACTIVE, TRIAL, STANDBY, STANDBY]
    keys.cut()
    assert keys.states(0x10) == [ACTIVE, TRIAL, STANDBY, STANDBY]
    keys.bench.under = 0x110
    assert keys.ping()
    assert events(keys.heard, CHANGED) == [b"\x01\x10\x03"]
    assert keys.ping(0x10)
    assert keys.deactivate(0x10, 0x110) == 0
    assert not keys.ping(0x10)
    assert keys.states(0x10) == [SPENT, ACTIVE, STANDBY, STANDBY]
    assert keys.activate(0x10) == keys.deactivate(0x10, 0x110) == 0x14
    keys.cut()
    assert not keys.ping(0x10)
    assert keys.ping()
    assert keys.deactivate(0x210, 0x310) == 0x14
    assert keys.ping(0x310)
    assert keys.states(0x10) == [SPENT, ACTIVE, STANDBY, ACTIVE]
    assert keys.deactivate(0x210, 0x310) == keys.deactivate(0x110, 0x310) == 0
    assert not keys.ping()
    keys.cut()
    assert keys.ping(0x310)
    assert keys.states(0x10) == [SPENT, SPENT, SPENT, ACTIVE]


@pytest.mark.proves("K-SEC-004", "K-SEC-009")
def test_a_telemetry_key_rotates_and_no_counter_comes_twice(keys: KeyBench) -> None:
    assert keys.activate(0x220) == 0
    assert keys.ping()
    assert keys.bench.cadus.under[0] == 0x220
    assert keys.activate(0x120) == 0
    assert keys.bench.cadus.under[0] == 0x220
    for _ in range(2):
        keys.cut()
        assert keys.ping()
        assert keys.bench.cadus.under[0] == 0x220
    assert keys.states(0x20) == [ACTIVE, TRIAL, TRIAL, STANDBY]
    assert keys.deactivate(0x20, 0x120) == 0
    assert keys.states(0x20) == [SPENT, ACTIVE, TRIAL, STANDBY]
    assert keys.deactivate(0x120, 0x220) == 0
    assert keys.states(0x20) == [SPENT, SPENT, ACTIVE, STANDBY]
    keys.cut()
    assert keys.ping()
    assert keys.bench.cadus.under[0] == 0x220
    assert keys.states(0x20) == [SPENT, SPENT, ACTIVE, STANDBY]


@pytest.mark.proves("K-SEC-008")
def test_a_retired_key_is_erased_by_arm_and_execute_and_stays_retired(keys: KeyBench) -> None:
    for spi, new in ((0x10, 0x110), (0x23, 0x323)):
        assert keys.activate(new) == 0
        keys.bench.under = 0x110
        assert keys.deactivate(spi, new) == 0
        assert keys.function(66, struct.pack(">H", spi)) == 0x19
        assert keys.file(spi).exists()
        assert keys.erase(spi) == 0
        assert events(keys.heard, CHANGED) == [struct.pack(">HB", spi, EMPTY)]
        assert list(keys.file(spi).parent.glob(f"{spi:04X}*")) == []
        assert keys.verify(spi) is None
        assert keys.erase(spi) == 0x10
    assert keys.states(0x10) == [EMPTY, ACTIVE, STANDBY, STANDBY]
    keys.cut()
    assert keys.ping()
    assert keys.states(0x23) == [EMPTY, STANDBY, STANDBY, ACTIVE]
    keys.file(0x10).write_bytes(KEYS[0x10])
    keys.cut()
    assert keys.states(0x10) == [SPENT, ACTIVE, STANDBY, STANDBY]
    keys.file(0x10).write_bytes(b"another" * 4 + b"one.")
    keys.cut()
    assert keys.states(0x10) == [STANDBY, ACTIVE, STANDBY, STANDBY]


@pytest.mark.proves("K-SEC-008")
def test_a_disk_that_does_not_erase_leaves_the_key_retired(keys: KeyBench) -> None:
    keys.activate(0x120)
    assert keys.deactivate(0x20, 0x120) == 0
    folder = keys.file(0x20).parent
    (folder / "0020.key.leaving").mkdir()
    assert keys.erase(0x20) == 0x1B
    assert keys.verify(0x20) == SPENT
    keys.cut()
    assert keys.verify(0x20) == SPENT
    (folder / "0020.key.leaving").rmdir()
    assert keys.erase(0x20) == 0


@pytest.mark.proves("K-SEC-004")
def test_a_store_that_keeps_nothing_changes_no_key_and_an_unknown_outcome_is_put_right(keys: KeyBench) -> None:
    keys.bench.board.disk.errors = [(1000, Dice("disk"))]
    assert keys.activate(0x110, seconds=3) == 0x1B
    assert keys.states(0x10) == FRESH
    keys.bench.board.disk.errors = []
    keys.bench.run(12)
    keys.bench.board.slow_store(11_000_000)
    assert keys.activate(0x120, seconds=35) == 0x1A
    keys.bench.board.slow_store(0)
    keys.bench.run(25)
    assert keys.verify(0x120) == STANDBY
    keys.cut()
    assert keys.verify(0x120) == STANDBY
    assert keys.activate(0x120) == 0


@pytest.mark.proves("K-SEC-004")
@pytest.mark.parametrize(
    ("key", "after"), [(0x110, [ACTIVE, TRIAL, STANDBY, STANDBY]), (0x320, [ACTIVE, STANDBY, STANDBY, TRIAL])]
)
def test_a_cut_between_the_disk_and_the_slots_leaves_what_the_disk_says(
    keys: KeyBench, key: int, after: list[int]
) -> None:
    app = keys.bench.app
    poll = app.store.poll

    def deaf(now: Micros) -> list[StoreAnswer]:
        """The disk has kept the change, and nobody learns of it."""
        return [answer for answer in poll(now) if not (isinstance(answer, Kept) and app.guards.keys._turns.busy)]

    app.store.poll = deaf  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="last word"):
        keys.activate(key)
    spi = key & 0xFF
    assert keys.states(spi) == FRESH
    keys.cut()
    assert keys.ping()
    assert keys.states(spi) == after


@pytest.mark.proves("K-SEC-004")
def test_a_change_of_which_nobody_knows_whether_it_is_kept_is_undone_on_the_disk(keys: KeyBench) -> None:
    app = keys.bench.app
    poll = app.store.poll

    def late(now: Micros) -> list[StoreAnswer]:
        """The disk has kept the change, and its answer is lost."""
        busy = app.guards.keys._turns.busy
        lost = [
            Failed(a.request_id, Status.TIMEOUT, None) if isinstance(a, Kept) and busy else a for a in poll(now)
        ]  # fmt: skip
        app.store.poll = poll if any(isinstance(a, Failed) for a in lost) else late  # type: ignore[method-assign]
        return lost

    app.store.poll = late  # type: ignore[method-assign]
    assert keys.activate(0x110) == 0x1A
    assert keys.states(0x10) == FRESH
    keys.cut()
    assert keys.states(0x10) == FRESH
    assert keys.activate(0x110) == 0


@pytest.mark.proves("K-SEC-005", "K-SEC-008")
def test_no_key_is_erased_above_one_at_work(keys: KeyBench) -> None:
    assert keys.ping(0x310)
    assert keys.deactivate(0x110, 0x310) == 0
    assert keys.erase(0x110) == 0x14
    assert keys.deactivate(0x10, 0x310) == 0
    keys.bench.under = 0x310
    assert keys.erase(0x110) == keys.erase(0x10) == 0
    assert keys.states(0x10) == [EMPTY, EMPTY, STANDBY, ACTIVE]


@pytest.mark.proves("K-SEC-009")
@pytest.mark.parametrize("whole", [True, False])
def test_over_a_lost_store_a_key_that_has_flown_waits_for_tai(keys: KeyBench, whole: bool) -> None:
    assert keys.activate(0x120) == 0
    assert keys.ping()
    keys.lose_store(whole=whole)
    assert keys.bench.reports == []
    keys.cut()
    assert keys.bench.reports == []
    keys.tell_time()
    assert keys.ping()
    assert keys.bench.cadus.under[0] == 0x20
    assert keys.bench.ivs[0x20] >> 20 > 2_145_916_837_000_000
    lost = {int.from_bytes(said, "big") for said in events(keys.bench.reports, 93)}
    assert lost == set(KEYS)
    assert keys.activate(0x120) == 0
    assert keys.ping()
    assert keys.bench.cadus.under[0] == 0x120
    keys.cut()
    assert events(keys.bench.reports, 93) == []
    assert keys.ping()


@pytest.mark.proves("K-SEC-009")
def test_a_key_whose_counter_waits_for_tai_is_not_activated(keys: KeyBench) -> None:
    keys.bench.board.cut()
    with sqlite3.connect(keys.bench.board.disk.path) as connection:
        connection.execute("DELETE FROM keep WHERE place = 9 AND key IN (?, ?)", (0x120, 0x1_0120))
    connection.close()
    keys.bench.boot()
    keys.bench.run(1)
    assert keys.activate(0x120) == 0x14
    keys.tell_time()
    assert keys.activate(0x120) == 0
    assert keys.ping()
    assert keys.bench.cadus.under[0] == 0x120


@pytest.mark.proves("K-SEC-010")
def test_a_file_that_is_no_key_leaves_its_slot_empty_and_is_told_at_each_boot(keys: KeyBench) -> None:
    keys.file(0x110).write_bytes(bytes(31))
    for _ in range(2):
        keys.cut()
        assert events(keys.bench.reports, UNUSABLE) == [b"\x01\x10"]
        assert keys.states(0x10) == [ACTIVE, EMPTY, STANDBY, STANDBY]
    keys.file(0x110).write_bytes(KEYS[0x110])
    keys.cut()
    assert keys.states(0x10) == FRESH


@pytest.mark.proves("K-SEC-006")
def test_without_its_working_key_the_recovery_key_and_the_next_ones_are_the_way_back(keys: KeyBench) -> None:
    keys.file(0x10).unlink()
    keys.file(0x20).unlink()
    keys.cut()
    assert not keys.ping()
    assert not keys.ping(0x110)
    assert keys.bench.cadus.under[0] == 0x320
    assert keys.ping(0x310)
    keys.bench.under = 0x310
    assert keys.activate(0x110) == keys.activate(0x120) == 0
    assert keys.ping(0x110)
    assert keys.bench.cadus.under[0] == 0x120
    for key in (0x310, 0x210):
        keys.file(key).unlink()
    keys.cut()
    assert keys.ping(0x110)


def test_where_nothing_else_is_left_the_lowest_in_standby_is_taken_and_sends(tmp_path: Path) -> None:
    keys = KeyBench(tmp_path, {key: KEYS[key] for key in (0x10, 0x110, 0x210, 0x20, 0x120, 0x220)})
    assert not keys.ping(0x110)
    keys.file(0x10).unlink()
    keys.file(0x20).unlink()
    keys.cut()
    assert keys.ping(0x110)
    assert not keys.ping(0x210)
    assert keys.states(0x10) == [EMPTY, ACTIVE, STANDBY, EMPTY]
    assert keys.bench.cadus.under[0] == 0x120


def test_a_board_with_no_slot_but_the_first_is_as_it_was(tmp_path: Path) -> None:
    keys = KeyBench(tmp_path, {0x10: KEYS[0x10], 0x20: KEYS[0x20]})
    assert keys.ping()
    assert keys.states(0x10) == [ACTIVE, EMPTY, EMPTY, EMPTY]
    assert keys.deactivate(0x10, 0x110, bytes(32)) == 0x10
    assert keys.states(0x21) == [EMPTY] * 4
    keys.cut()
    assert keys.ping()


def test_a_state_kept_in_one_copy_is_read_from_the_other_and_written_again(keys: KeyBench) -> None:
    assert keys.activate(0x110) == 0
    for place in (0x2_0110, 0x3_0110):
        keys.bench.board.cut()
        with sqlite3.connect(keys.bench.board.disk.path) as connection:
            connection.execute("UPDATE keep SET octets = zeroblob(18) WHERE place = 9 AND key = ?", (place,))
        connection.close()
        keys.bench.boot()
        keys.bench.run(1)
        assert keys.states(0x10) == [ACTIVE, TRIAL, STANDBY, STANDBY]


@pytest.mark.proves("K-SEC-007")
def test_on_a_clear_link_every_slot_is_empty(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    proof = bytes(16).hex()
    assert operator.say(f"system.verify_key key=0x0010 challenge={proof}") == 0x10
    assert operator.say(f"system.activate_key key=0x0110 proof={proof}") == 0x10
    assert operator.say(f"system.deactivate_key key=0x0010 by=0x0110 proof={proof}") == 0x10
    assert operator.say("system.arm packet=system.erase_key(key=0x0010)") is None
    assert operator.say("system.execute nonce=NONCE") is None
    assert operator.heard[-1].data[-2:] == b"\0\x10"
