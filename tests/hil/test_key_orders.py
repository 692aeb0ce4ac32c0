"""What a plan does to keys: its words, and the ground's keys of a bench against a payload's end of the same link."""

from pathlib import Path

import pytest

from fsw.ccsds import sdls
from fsw.ccsds.sdls import IV_END, SdlsReject
from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.bench import keyed, slots_of
from hil.line.eye import simulated_keys
from hil.line.ground_keys import GroundKeys
from hil.plan import scenario
from hil.plan.player import Outcome
from hil.plan.scenario import Scenario
from hil.rungs import virtual
from hil.seed import Dice
from hil.written.expectation import ExpectationError
from hil.written.key_order import KeyOrder
from hil.written.toml_table import TomlError
from tests.hil.test_player import playing
from tools.ground.key_steps import Wish

MISSION = load_mission()
SPIS = (0x10, 0x11, 0x20, 0x21, 0x23)
ALL = Wish(SPIS)


def plan_of(folder: Path, step: str, head: str = "protected = true\n") -> Scenario:
    file = folder / "plan.toml"
    file.write_text(f'title = "x"\nuntil = "30 s"\n{head}[[leg]]\n[[leg.step]]\n{step}\n')
    return scenario.load(str(file), MISSION)


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ('{ do = "rotate" }', KeyOrder("rotate", ALL)),
        ('{ do = "rotate", spis = ["0020", "0010"] }', KeyOrder("rotate", Wish((0x10, 0x20)))),
        ('{ do = "rotate", keep_old = true }', KeyOrder("rotate", Wish(SPIS, keep_old=True))),
        ('{ do = "rotate", recovery = true }', KeyOrder("rotate", Wish(SPIS, True))),
        ('{ do = "lose", spis = "0011" }', KeyOrder("lose", Wish((0x11,)))),
        ('{ do = "recover" }', KeyOrder("recover", ALL)),
    ],
)  # fmt: skip
def test_an_order_is_read(tmp_path: Path, words: str, order: KeyOrder) -> None:
    (leg,) = plan_of(tmp_path, f"keys = {words}").legs
    assert leg.steps[0].keys == order


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ('{ do = "rotat" }', "rotate"),
        ('{ do = "rotate", spis = ["0012"] }', "spis"),
        ('{ do = "lose", recovery = true }', "goes with `rotate` only"),
        ('{ do = "rotate", slot = 2 }', "slot"),
        ('"rotate"', "keys"),
    ],
)
def test_a_wrong_order_is_a_sentence(tmp_path: Path, words: str, sentence: str) -> None:
    with pytest.raises((TomlError, ExpectationError), match=sentence):
        plan_of(tmp_path, f"keys = {words}")
    with pytest.raises(TomlError, match="keys doen"):
        plan_of(tmp_path, 'expect = "keys doen"')


def test_a_player_hands_it_on_and_a_rung_that_cannot_does_not_exercise_it(tmp_path: Path) -> None:
    player, hands = playing(tmp_path, '[[leg.step]]\nkeys = { do = "lose", spis = ["0010"] }\n')
    player.step(Micros(0))
    assert hands.did == [(0, "keys lose 0010")]
    run = virtual.run(plan_of(tmp_path, 'keys = { do = "rotate" }', head=""), MISSION, 1)
    (step,) = run.steps
    assert (step.outcome, step.text) == (Outcome.NOT_EXERCISED, "the link is clear: it has no keys")


@pytest.mark.proves("K-SEC-013")
def test_a_plan_that_orders_keys_has_them_in_all_slots_and_any_other_the_same_first_ones(tmp_path: Path) -> None:
    orders = plan_of(tmp_path, 'keys = { do = "rotate" }')
    plain = plan_of(tmp_path, 'send = "ping"')
    assert (slots_of(orders), slots_of(plain)) == (4, 1)
    many, few = keyed(orders, MISSION, 3).keys, keyed(plain, MISSION, 3).keys
    assert (len(many), len(few)) == (20, 5)
    assert {key: many[key].octets for key in few} == {key: found.octets for key, found in few.items()}
    assert len({found.octets for found in many.values()}) == 20
    assert not any(found.octets.hex() in repr(keyed(orders, MISSION, 3)) for found in many.values())


@pytest.mark.proves("K-SEC-017")
def test_what_is_lost_is_refused_by_the_payload_and_what_comes_from_the_safe_is_taken() -> None:
    keys = simulated_keys(Dice(1, "plan"), 4)
    board, ground = sdls.on_board(keys), GroundKeys(keys, Dice(1, "ground"))
    for sender in board.sending.values():
        sender.begin(0, IV_END)
    board.take(0, [0x10, 0x310])
    assert board.check(0, ground.protection.protect(0, b"command")) == b"command"
    assert ground.obey(KeyOrder("lose", Wish((0x10, 0x20))), 1) == ""
    assert ground.astray
    assert board.check(0, ground.protection.protect(0, b"command")) is SdlsReject.MAC
    assert ground.protection.check(0, board.protect(0, b"telemetry")) is SdlsReject.MAC
    assert board.check(1, ground.protection.protect(1, b"file")) == b"file", "the others are as they were"
    assert "recovery key 0310 is not at hand" in ground.obey(KeyOrder("rotate", Wish((0x10,), recovery=True)), 1)
    assert ground.obey(KeyOrder("recover", ALL), 1) == ground.obey(KeyOrder("recover", ALL), 1) == ""
    ground.protection.use(0x310)
    assert board.check(0, ground.protection.protect(0, b"command")) == b"command"
    board.use(0x320)
    assert ground.protection.check(0, board.protect(0, b"telemetry")) == b"telemetry"
    assert ground.obey(KeyOrder("rotate", Wish((0x10,), recovery=True)), 1) == ""
    assert ground.obey(KeyOrder("rotate", ALL), 1) == "bench is changing keys now"
