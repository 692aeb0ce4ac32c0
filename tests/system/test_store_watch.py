"""What the system room does when the store's queue is full, with answers that are nobody's, and with a jump of time."""

from pathlib import Path

import pytest

from fsw.hal.ports import BoardReadings
from fsw.kernel.clock import Micros
from fsw.mdb.system import ResetCause
from fsw.services.keeper import Keeper
from fsw.store.answers import PacketsChecked
from fsw.store.client import Store
from fsw.store.protocol import LastLife
from fsw.system.lives import Lives
from tests.services.desk import Desk
from tests.system.bench import Bench, events

BOOTED, STOPPING = 1, 11
NOTHING = BoardReadings(None, None, None, None, None, None)


def full(times: int, monkeypatch: pytest.MonkeyPatch, owner: type[object], name: str, said: object) -> list[Micros]:
    """Let a method find the store's queue full so many times; when it was asked."""
    real = getattr(owner, name)
    asked: list[Micros] = []

    def ask(self: object, *arguments: object) -> object:
        now = arguments[-1]
        assert isinstance(now, int)
        asked.append(Micros(now))
        return said if len(asked) <= times else real(self, *arguments)

    monkeypatch.setattr(owner, name, ask)
    return asked


def test_tables_that_could_not_be_asked_for_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = full(1, monkeypatch, Keeper, "load", False)
    bench = Bench(tmp_path)
    bench.run(7)
    assert events(bench.reports)[0] == BOOTED
    assert asked[:2] == [0, 5_000_000]
    assert bench.app.keeper.restored


def test_the_end_of_a_life_is_written_down_when_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    asked = full(2, monkeypatch, Store, "mark", None)
    bench.board.stop()
    heard = bench.run(1.5)
    assert STOPPING in events(heard)
    assert len(asked) == 3
    assert bench.board.app is None


def test_an_answer_about_packets_is_somebodys(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    watch = bench.app.system.store_watch
    watch.takers = ()
    with pytest.raises(AssertionError, match="who asks about packets"):
        watch._take(PacketsChecked(1, False, 0), Micros(0))


def test_how_short_lives_are_is_not_known_before_the_row_is_back() -> None:
    lives = Lives(Desk().keeper)
    assert lives.begin(LastLife.CUT, NOTHING) is ResetCause.CUT
    lives.forgive()
    assert lives.short is None


def test_a_jump_of_the_landers_time_is_told_once_and_taken_when_it_agrees(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)

    def tones(times: int, ahead_s: int) -> list[int]:
        heard = []
        for _ in range(times):
            tai_s = 2_145_916_837 + ahead_s + bench.clock.now() // 1_000_000 + 1
            bench.run((1_000_000 - bench.clock.now() % 1_000_000) / 1e6 - 0.5)
            bench.lander(0x011, b"\x1e" + tai_s.to_bytes(4, "big") + bytes((0, 0, 37, 2, 0)))
            bench.run(0.5)
            bench.lander(0x010, bytes(14))
            heard += events(bench.run(0.3))
        return heard

    locked, repaired, disagrees = 3, 61, 67
    assert tones(5, 0).count(locked) == 1
    jumped = [event for event in tones(6, 100) if event in (locked, disagrees)]
    assert jumped == [disagrees, locked]
    bench.app.time.offset_us ^= 1 << 20
    assert tones(1, 100).count(repaired) == 1
