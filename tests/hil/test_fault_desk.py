"""The desk: what begins and ends when, what an end cannot do, what a storm draws."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, ManualClock, Micros
from hil.faults.fault_desk import FaultDesk, storm
from hil.lander.lander import OPS, Lander
from hil.lander.profiles import load
from hil.line.channel import Channel
from hil.seed import Dice
from hil.written.fault import Fault, compact, make
from hil.written.fault_kinds import KINDS, Ability
from tests.hil.by_hand import cltu, tc_frame

S, HOUR = 1_000_000, 3_600_000_000
EVERYTHING = frozenset(Ability)
PING = bytes.fromhex(
    "1820c000000629110100070000"
)  # by hand: APID 0x020, ST[17], source 7; the checksum is not looked at


class Hand:
    """A payload's end that writes down what is done to it."""

    def __init__(self, abilities: frozenset[Ability] = EVERYTHING, why: str = "") -> None:
        self.abilities = abilities
        self.why = why
        self.done: list[tuple[str, str, int]] = []

    def begin(self, fault: Fault, now: Micros) -> str:
        self.done.append(("begin", fault.kind, now))
        return self.why

    def end(self, fault: Fault, now: Micros) -> None:
        self.done.append(("end", fault.kind, now))


class Room:
    def __init__(self, *faults: Fault, end: Hand | None = None) -> None:
        self.clock = ManualClock()
        self.lander = Lander(load("generic"), self.clock)
        self.up, self.down = Channel(Dice(1, "up")), Channel(Dice(1, "down"))
        self.end = end or Hand()
        self.told: list[tuple[str, bool, int]] = []
        self.desk = FaultDesk(
            faults, self.up, self.down, self.lander, self.end, lambda f, on, t: self.told.append((f.kind, on, t))
        )

    def run(self, until_us: int) -> None:
        while (due := self.desk.step(self.clock.now())) <= until_us:
            self.clock.advance_to(max(due, self.clock.now()))
        self.clock.advance_to(Micros(until_us))


def test_faults_begin_and_end_when_they_should() -> None:
    room = Room(make("silence", 2 * S, 3 * S, direction="up"), make("disk_full", 1 * S, 10 * S))
    assert room.desk.last_us == 11 * S
    assert room.desk.step(Micros(0)) == 1 * S
    room.run(3 * S)
    assert room.up.carry(b"abc", room.clock.now()) == b""
    assert room.down.carry(b"abc", room.clock.now()) == b"abc"
    room.run(20 * S)
    assert room.up.carry(b"abc", room.clock.now()) == b"abc"
    assert room.told == [
        ("disk_full", True, 1 * S),
        ("silence", True, 2 * S),
        ("silence", False, 5 * S),
        ("disk_full", False, 11 * S),
    ]
    assert room.end.done == [("begin", "disk_full", 1 * S), ("end", "disk_full", 11 * S)]
    assert [one.exercised for one in room.desk.results()] == [True, True]
    assert room.desk.step(room.clock.now()) == NEVER


@pytest.mark.proves("K-FAULT-007")
@pytest.mark.parametrize("lacking", [ability for ability in Ability if ability is not Ability.LINE])
def test_what_an_end_cannot_do_is_not_exercised(lacking: Ability) -> None:
    kinds = [kind.kind for kind in KINDS.values() if kind.ability is lacking]
    room = Room(*(make(kind, 0) for kind in kinds), end=Hand(EVERYTHING - {lacking}))
    room.run(1 * S)
    assert kinds
    assert not any(one.exercised for one in room.desk.results())
    assert {one.why for one in room.desk.results()} == {f"this end has no {lacking.value} to do it with"}
    assert room.told == []
    assert room.end.done == []


def test_what_finds_nothing_to_act_on_is_not_exercised() -> None:
    room = Room(make("disk_full", 0), end=Hand(why="there is no disk"))
    assert room.desk.add(make("disk_slow", 0), Micros(0)) == "there is no disk"
    assert [one.why for one in room.desk.results()] == ["there is no disk"] * 2
    assert room.told == []


def test_what_never_came_is_not_exercised() -> None:
    room = Room(make("silence", 9 * S))
    room.run(1 * S)
    (result,) = room.desk.results()
    assert (result.exercised, result.why) == (False, "its time did not come")


def test_a_step_s_own_fault_begins_at_once() -> None:
    room = Room()
    assert room.desk.add(make("silence", 0, 2 * S), Micros(0)) == ""
    assert room.down.carry(b"abc", Micros(1)) == b""
    assert room.desk.step(Micros(0)) == 2 * S


def test_power_comes_back_when_the_last_cut_ends() -> None:
    room = Room(make("power_cut", 1 * S, 4 * S), make("power_cut", 2 * S, 9 * S), make("power_cut", 30 * S, 1 * S))
    powered = []
    for second in range(35):
        room.run(second * S)
        powered.append(room.lander.switches[OPS].powered)
    assert powered == [True] * 1 + [False] * 10 + [True] * 19 + [False] + [True] * 4


def test_power_that_was_not_there_is_not_given() -> None:
    room = Room(make("power_cut", 1 * S, 1 * S))
    room.lander.cut(OPS, room.clock.now())
    room.run(5 * S)
    assert not room.lander.switches[OPS].powered
    assert room.desk.results()[0].why == "the payload has no power anyway"


def test_a_phase_comes_back() -> None:
    room = Room(make("descent", 1 * S, 2 * S, quiet=6), make("phase_skip", 5 * S, 1 * S, phase=16))
    before = (room.lander.phase, room.lander.quiet)
    room.run(2 * S)
    assert (room.lander.phase, room.lander.quiet) == (9, 6)
    room.run(4 * S)
    assert (room.lander.phase, room.lander.quiet) == before
    room.run(5_500_000)
    assert room.lander.phase == 16


def test_strays_reach_the_reader_once() -> None:
    room = Room(make("boot_text", 0, octets=20), make("broken_frames", 1 * S, octets=100, direction="up"))
    room.run(0)
    assert room.down.carry(b"", Micros(0)) == b"hello, world!\r\n[    "
    room.run(1 * S)
    assert len(room.up.carry(b"", Micros(0))) == 100
    assert room.down.carry(b"", Micros(0)) == b""
    assert room.told[:2] == [("boot_text", True, 0), ("boot_text", False, 0)]


@pytest.mark.parametrize("shape", ["truncated", "oversize", "unterminated"])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_broken_frames_begin_as_frames(shape: str, direction: str) -> None:
    room = Room(make("broken_frames", 0, shape=shape, direction=direction, octets=2_000))
    room.run(0)
    octets = (room.up if direction == "up" else room.down).carry(b"", Micros(0))
    assert octets.startswith(b"\xeb\x90" if direction == "up" else b"\x1a\xcf\xfc\x1d")
    assert len(octets) < 50 if shape == "truncated" else len(octets) == 2_000
    ended = octets.endswith(bytes.fromhex("c5c5c5c5c5c5c579"))
    assert ended == (direction == "up" and shape != "unterminated")


def received(room: Room) -> list[str]:
    room.lander.step(room.clock.now())
    return [f"{name}={count}" for name, count in sorted(room.lander.counters.items()) if name.startswith("tc_")]


def test_a_frame_is_replayed_when_it_is_old_enough() -> None:
    room = Room(make("replay", 1 * S, age_ms=2_000), make("replay", 3 * S, age_ms=2_000))
    room.desk.uplinked(cltu(tc_frame(0, PING)), Micros(500_000))
    room.run(2 * S)
    assert received(room) == []
    room.run(4 * S)
    assert received(room) == ["tc_forwarded=1"]
    assert [one.exercised for one in room.desk.results()] == [False, True]
    assert room.desk.results()[0].why == "the ground has sent no BD frame that long ago"


@pytest.mark.parametrize(
    ("forgery", "counted"), [("command", "tc_forwarded=1"), ("apid", "tc_forwarded=1"), ("service", "tc_vc2_dropped=1")]
)
def test_a_stranger_s_frame_is_well_formed(forgery: str, counted: str) -> None:
    room = Room(make("spoof", 0, forgery=forgery))
    room.run(0)
    assert received(room) == [counted]


# --- storms


@pytest.mark.proves("K-FAULT-008")
@settings(max_examples=30)
@given(st.integers(), st.integers(1, 6 * HOUR), st.integers(1, 200))
def test_storms_keep_inside_their_time(seed: int, duration_us: int, an_hour: int) -> None:
    drawn = storm(Dice(seed), duration_us, an_hour)
    assert len(drawn) == max(1, duration_us * an_hour // HOUR)
    assert list(drawn) == sorted(drawn, key=lambda fault: (fault.at_us, fault.kind))
    for fault in drawn:
        known = KINDS[fault.kind]
        assert known.storm is not None
        assert fault.until_us <= max(duration_us, fault.at_us + 1)
        assert fault.for_us <= known.storm.high_us


@pytest.mark.proves("K-FAULT-008")
def test_a_storm_is_its_seed() -> None:
    drawn = storm(Dice(4, "surface"), HOUR, 20)
    assert drawn == storm(Dice(4, "surface"), HOUR, 20)
    assert drawn != storm(Dice(5, "surface"), HOUR, 20)
    assert [compact(fault) for fault in drawn[:2]] == [
        "time_missing@79137ms+23716ms",
        "solar_event@257222ms+194177ms:factor=613",
    ]


def test_storms_draw_every_kind_that_may_be_drawn_and_cut_the_power() -> None:
    counts = Counter(fault.kind for seed in range(60) for fault in storm(Dice(seed), HOUR, 30))
    assert set(counts) == {kind.kind for kind in KINDS.values() if kind.storm is not None}
    assert counts["power_cut"] > 0
    assert min(counts.values()) > max(counts.values()) / 4, "none is rare"


def test_a_storm_of_chosen_kinds() -> None:
    assert {fault.kind for fault in storm(Dice(0), HOUR, 50, ("drop", "silence"))} == {"drop", "silence"}
    assert storm(Dice(0), HOUR, 50, ("spoof",)) == ()
    assert storm(Dice(0), 0, 50) == ()
