"""Keys changed in flight, with the real flight software: rotation through power cuts, recovery of what was lost, and no
octet of a key in anything that a run leaves behind."""

from pathlib import Path
from typing import NamedTuple

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.lander import lander_orders
from hil.observer import Finding
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.rules import invariants
from hil.run_result import RunResult
from hil.rungs.virtual import Virtual
from hil.seed import Dice
from hil.written.key_order import KeyOrder
from tests.tools.key_search import shown
from tools.ground.key_steps import Wish
from tools.ground.records import CommandRecord, as_json

MISSION = load_mission()
SPIS = (0x10, 0x11, 0x20, 0x21, 0x23)
S = 1_000_000


class Listener:
    """All that the ground says."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.commands: list[CommandRecord] = []

    def record(self, record: object, now: Micros) -> None:
        self.said.append(str(as_json(record, 0)))  # type: ignore[arg-type]
        if isinstance(record, CommandRecord):
            self.commands.append(record)

    def finish(self, now: Micros) -> list[Finding]:
        return []


class Played(NamedTuple):
    result: RunResult
    listener: Listener
    capture: bytes
    board: set[str]
    ground: set[int]
    keys: list[bytes]


def play(name: str, seed: int = 0) -> Played:
    """A whole scenario, with everything that is left of it."""
    listener, capture = Listener(), bytearray()
    plan = scenario.load(name, MISSION)
    run = Virtual(plan, MISSION, seed, observers=lambda *given: [*invariants.all_of(*given), listener])

    def sink(octets: bytes) -> bool:
        capture.extend(octets)
        return True

    run.board.record = sink
    try:
        while not run.done and run.clock.now() < run.plan.until_us:
            run.advance(Micros(run.clock.now() + 10 * S), lambda: run.done)
        assert run.bench.keys is not None
        board = {path.name for path in run.board.key_files.path.glob("*.key")}
        ground = set(run.bench.keys.at_hand)
        return Played(
            run.result(), listener, bytes(capture), board, ground, [key.octets for key in run.plan.keys.values()]
        )
    finally:
        run.close()


def files(*slots: int) -> set[str]:
    return {f"{spi + 0x100 * slot:04X}.key" for spi in SPIS for slot in slots}


@pytest.mark.proves("K-SEC-013", "K-SEC-016", "K-SEC-019")
def test_keys_are_rotated_through_power_cuts() -> None:
    played = play("key-rotation")
    assert played.result.ok, played.result
    assert [step.outcome for step in played.result.steps] == [Outcome.HELD] * 10
    assert played.board == files(2, 3)
    assert played.ground == {spi + 0x200 for spi in SPIS}
    about_keys = [one for one in played.listener.commands if "_key" in one.name]
    assert {one.operator for one in about_keys} == {"bench"}
    assert len(about_keys) > 40
    left = "\n".join((*played.listener.said, repr(played.result))).encode()
    assert shown(played.keys, left + played.capture, apart=13) == []


@pytest.mark.proves("K-SEC-013", "K-SEC-017")
def test_a_lost_key_is_recovered_with_the_one_of_the_safe() -> None:
    played = play("key-recovery")
    assert played.result.ok, played.result
    assert [step.outcome for step in played.result.steps] == [Outcome.HELD] * 9
    assert played.board == files(0, 1, 2, 3) - {f"0{slot}{spi}.key" for spi in ("10", "20") for slot in range(3)}
    left = "\n".join((*played.listener.said, repr(played.result))).encode()
    assert shown(played.keys, left + played.capture, apart=13) == []


PLAN = """
title = "keys"
until = "30 min"
protected = true
[[leg]]
[[leg.step]]
order = { do = "on", circuit = "ops" }
expect = "link ready"
[[leg]]
at = "29 min"
[[leg.step]]
keys = { do = "rotate" }
"""


def cut(run: Virtual, *, on: bool) -> None:
    order = lander_orders.parse({"do": "on" if on else "cut", "circuit": "ops"})
    assert run.bench.order(order, run.clock.now()) == ""


def rotate_through(folder: Path, cuts: list[int], seed: int) -> None:
    """A change of keys with power cuts so long after it began, us: it comes to its end, and to no other."""
    file = folder / "keys.toml"
    file.write_text(PLAN)
    run = Virtual(scenario.load(str(file), MISSION), MISSION, seed, observers=lambda *_: [])
    try:
        run.advance(Micros(30 * S))
        keys = run.bench.keys
        assert keys is not None
        assert run.bench.change_keys(KeyOrder("rotate", Wish(SPIS)), run.clock.now()) == ""
        began = run.clock.now()
        for at in cuts:
            run.advance(Micros(max(began + at, run.clock.now() + 1)))
            cut(run, on=False)
            run.advance(Micros(run.clock.now() + 2 * S))
            cut(run, on=True)
        board: set[str] = set()
        for _ in range(4):  # one that has given up goes on when it is asked again
            run.advance(Micros(run.clock.now() + 300 * S), lambda: not keys.work.running)
            board = {path.name for path in run.board.key_files.path.glob("*.key")}
            if board == files(1, 2, 3):
                break
            run.bench.change_keys(KeyOrder("rotate", Wish(SPIS)), run.clock.now())
        assert board == files(1, 2, 3), cuts
        assert set(keys.at_hand) == {spi + 0x100 * slot for spi in SPIS for slot in (1, 2)}
    finally:
        run.close()


@pytest.mark.proves("K-SEC-016")
@pytest.mark.parametrize("at", [0, 3_390_000, 3_600_000, 4_400_000, 6_100_000, 9_000_000])
def test_a_power_cut_at_any_time_of_a_change_locks_nobody_out(tmp_path: Path, at: int) -> None:
    rotate_through(tmp_path, [at], at)


@pytest.mark.soak
@pytest.mark.proves("K-SEC-016")
@pytest.mark.parametrize("seed", range(100))
def test_many_power_cuts_at_random_times_of_a_change_lock_nobody_out(tmp_path: Path, seed: int) -> None:
    dice = Dice(seed, "cuts of a change of keys")
    cuts = sorted(dice.uniform_us(0, 60 * S) for _ in range(dice.whole(1, 6)))
    rotate_through(tmp_path, cuts, seed)
