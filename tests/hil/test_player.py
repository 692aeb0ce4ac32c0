"""The player against plans written here: what it does when, what it takes for fulfilled, what it says of the rest."""

from pathlib import Path

import pytest

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.mission import load as load_mission
from hil.lander.lander import Happening
from hil.lander.lander_orders import Order
from hil.plan import scenario
from hil.plan.player import Outcome, Player
from hil.written.fault import Fault
from hil.written.key_order import KeyOrder
from tools.ground.records import EventRecord, ParameterRecord, Record
from tools.ground.request import Refusal, Why
from tools.ground.ticket import Ticket
from tools.ground.tracking import StageChange, State, Word

MISSION = load_mission()
S = 1_000_000


class Hands:
    """Notes what is asked for; `cannot` is what it answers to orders."""

    def __init__(self) -> None:
        self.did: list[tuple[int, str]] = []
        self.cannot = ""
        self.refuses = False

    def order(self, order: Order, now: Micros) -> str:
        self.did.append((now, f"order {order.verb}"))
        return self.cannot

    def surround(self, name: str, value: int, now: Micros) -> str:
        self.did.append((now, f"{name} {value}"))
        return ""

    def fault(self, fault: Fault, now: Micros) -> str:
        self.did.append((now, f"fault {fault.kind}"))
        return ""

    def change_keys(self, order: KeyOrder, now: Micros) -> str:
        self.did.append((now, f"keys {order.do} {','.join(f'{spi:04x}' for spi in order.wish.spis)}"))
        return self.cannot

    def send(self, name: str, arguments: dict[str, str], now: Micros, not_after: str) -> Ticket | Refusal:
        self.did.append((now, f"send {name}" if not_after == "none" else f"send {name} not after {not_after}"))
        return Refusal(Why.FULL, "no room") if self.refuses else Ticket(7, name, 0x20, 17, 3, b"abcd")


def playing(folder: Path, steps: str, head: str = "") -> tuple[Player, Hands]:
    file = folder / "plan.toml"
    file.write_text(f'title = "x"\n{head}[[leg]]\n{steps}')
    hands = Hands()
    return Player(scenario.load(str(file), MISSION), hands), hands


def booted(count: int, at: int = 0) -> Record:
    return EventRecord(Micros(at), None, 0x20, "system.booted", "info", {"boot_count": count}, False)


def stage(state: State, code: int | None = None) -> StageChange:
    return StageChange(Micros(0), 7, "ping", b"abcd", Word.COMPLETED, state, code=code)


def outcomes(player: Player) -> list[tuple[str, Outcome]]:
    return [(result.step, result.outcome) for result in player.results]


def test_steps_follow_one_another_and_wait_for_what_must_come(tmp_path: Path) -> None:
    player, hands = playing(
        tmp_path,
        """at = "10 s"
[[leg.step]]
name = "on"
order = { do = "on" }
expect = "event system.booted boot_count = 4"
within = "20 s"
[[leg.step]]
name = "heat"
wait = "5 s"
surroundings = { "environment.offset_cdegc" = 7 }
fault = { kind = "silence", for = "1 s" }
""",
    )
    assert player.step(Micros(0)) == 10 * S
    assert hands.did == []
    assert player.step(Micros(10 * S)) == 30 * S
    player.hear(booted(3), Micros(11 * S))
    assert player.step(Micros(11 * S)) == 30 * S
    player.hear(booted(4), Micros(12 * S))
    assert player.step(Micros(12 * S)) == 17 * S
    assert player.step(Micros(17 * S)) == NEVER
    assert hands.did == [(10 * S, "order on"), (17 * S, "environment.offset_cdegc 7"), (17 * S, "fault silence")]
    assert outcomes(player) == [("on", Outcome.HELD), ("heat", Outcome.HELD)]
    assert player.done


def test_what_does_not_come_fails_the_step_and_ends_the_leg(tmp_path: Path) -> None:
    player, _ = playing(
        tmp_path,
        """every = "100 s"
times = 2
[[leg.step]]
name = "a"
expect = "event system.booted"
within = "20 s"
[[leg.step]]
name = "b"
""",
    )
    player.step(Micros(0))
    player.step(Micros(20 * S))
    assert outcomes(player) == [("a", Outcome.FAILED), ("b", Outcome.NOT_EXERCISED)]
    assert "event system.booted did not come within 20 s" in player.results[0].text
    assert player.step(Micros(20 * S)) == 100 * S
    player.step(Micros(100 * S))
    player.hear(booted(1), Micros(101 * S))
    player.step(Micros(101 * S))
    assert outcomes(player)[2:] == [("a", Outcome.HELD), ("b", Outcome.HELD)]
    assert [result.turn for result in player.results] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("verdict", "state", "code", "outcome"),
    [
        ("", State.COMPLETED, None, Outcome.HELD),
        ("", State.FAILED, 0x14, Outcome.FAILED),
        ("", State.NO_WORD, None, Outcome.FAILED),
        ('verdict = "refused"\ncode = 0x14', State.FAILED, 0x14, Outcome.HELD),
        ('verdict = "refused"\ncode = 0x14', State.REJECTED, 0x13, Outcome.FAILED),
        ('verdict = "refused"', State.COMPLETED, None, Outcome.FAILED),
        ('verdict = "any"', State.NOT_SENT, None, Outcome.HELD),
    ],
)
def test_a_command_must_end_as_the_plan_says(
    tmp_path: Path, verdict: str, state: State, code: int | None, outcome: Outcome
) -> None:
    player, _ = playing(tmp_path, f'[[leg.step]]\nsend = "ping"\n{verdict}\n')
    player.step(Micros(0))
    assert not player.results
    player.hear(stage(state, code), Micros(S))
    player.step(Micros(S))
    assert outcomes(player) == [("step 1", outcome)]


def test_what_must_not_come_is_waited_for(tmp_path: Path) -> None:
    text = '[[leg.step]]\nnever = "lander trip circuit = ops"\nwithin = "9 s"\n'
    player, _ = playing(tmp_path, text)
    assert player.step(Micros(0)) == 9 * S
    player.happen(Happening(Micros(1), "trip", {"circuit": "heater"}), Micros(1))
    assert player.step(Micros(9 * S)) == NEVER
    assert outcomes(player) == [("step 1", Outcome.HELD)]
    player, _ = playing(tmp_path, text)
    player.step(Micros(0))
    player.happen(Happening(Micros(1), "trip", {"circuit": "ops"}), Micros(1))
    assert outcomes(player) == [("step 1", Outcome.FAILED)]
    assert player.step(Micros(1)) == NEVER


def test_rises_is_more_than_the_last_time(tmp_path: Path) -> None:
    steps = '[[leg.step]]\nname = "{}"\nexpect = "event system.booted{}"\n'
    player, _ = playing(tmp_path, steps.format("one", "") + steps.format("two", " boot_count rises"))
    player.step(Micros(0))
    player.hear(booted(5), Micros(1))
    player.step(Micros(1))
    player.hear(booted(5), Micros(2))
    player.step(Micros(2))
    assert len(player.results) == 1
    player.hear(booted(6), Micros(3))
    player.step(Micros(3))
    assert outcomes(player) == [("one", Outcome.HELD), ("two", Outcome.HELD)]


def test_a_word_before_the_step_counts_only_where_the_plan_says_so(tmp_path: Path) -> None:
    first = '[[leg.step]]\nexpect = "parameter power.load_mw > 5"\n'
    later = '[[leg.step]]\nexpect = "event system.booted"\n'
    for since, held in (("", 1), ("since_leg = true\n", 2)):
        player, _ = playing(tmp_path, first + later + since)
        player.step(Micros(0))
        player.hear(booted(1), Micros(1))
        player.hear(ParameterRecord(Micros(2), None, "power.load_mw", 6, 6.0, "", "mW", "", False), Micros(2))
        player.step(Micros(2))
        assert len(player.results) == held


def test_what_a_rung_cannot_do_is_not_exercised(tmp_path: Path) -> None:
    player, hands = playing(tmp_path, '[[leg.step]]\norder = { do = "on" }\n[[leg.step]]\n')
    hands.cannot = "no power switch here"
    player.step(Micros(0))
    assert [result.outcome for result in player.results] == [Outcome.NOT_EXERCISED] * 2
    assert player.results[0].text == "no power switch here"


def test_a_command_has_the_expiry_of_its_plan_and_none_else(tmp_path: Path) -> None:
    player, hands = playing(tmp_path, '[[leg.step]]\nsend = "ping"\nnot_after = "+5s"\nverdict = "any"\n')
    player.step(Micros(0))
    assert hands.did == [(0, "send ping not after +5s")]
    player, hands = playing(tmp_path, '[[leg.step]]\nsend = "ping"\n')
    player.step(Micros(0))
    assert hands.did == [(0, "send ping")]


def test_a_command_that_the_ground_refuses_fails_the_step(tmp_path: Path) -> None:
    player, hands = playing(tmp_path, '[[leg.step]]\nsend = "ping"\n')
    hands.refuses = True
    player.step(Micros(0))
    assert player.results[0].text == "the ground refused ping: no room"


def test_the_end_of_the_run_fails_what_is_open(tmp_path: Path) -> None:
    player, _ = playing(
        tmp_path, 'every = "60 s"\ntimes = 2\n[[leg.step]]\nexpect = "event system.booted"\n[[leg.step]]\n'
    )
    player.step(Micros(0))
    player.finish(Micros(S))
    assert [result.outcome.value for result in player.results] == ["failed", *["not exercised"] * 3]
    assert player.done
