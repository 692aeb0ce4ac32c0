"""Arming against a plain model: any requests of any operator, phases, time, cuts, in any order."""

from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fsw.mdb.lander import Phase
from fsw.mdb.mission_hazards import Rule
from fsw.mdb.system import Mode
from tests.services.hazard_desk import ARM, DISARM, EXECUTE, SECOND, HazardDesk, code, restart, told

SOURCE, UNKNOWN, EXISTS, CAPACITY, STATE, PROTECTED, EXPIRED = 0x07, 0x10, 0x11, 0x12, 0x14, 0x19, 0x1C
PHASES = [None, 9, 11, 14]
RIGHT = (11, 14)
OPERATORS = st.integers(1, 3)
PACKETS = st.integers(0, 10)
ROWS = st.integers(0, 11)


class Arm(NamedTuple):
    """What the model knows of an arm."""

    nonce: int
    packet: int
    source: int
    until: int
    end: str = ""


class HazardsMachine(RuleBasedStateMachine):
    """The desk, and a list that knows what should be so. `end` is how an arm ended: executed, disarmed, over."""

    def __init__(self) -> None:
        super().__init__()
        self.life = 0
        self.two = False
        self.desk = self.boot()

    def boot(self) -> HazardDesk:
        self.life += 1
        operators = 2 if self.two else 1
        rule = Rule(frozenset((Phase.SURFACE_DAY, Phase.NIGHT)), operators)
        self.arms: list[Arm] = []
        self.phase: int | None = 11
        self.quiet = False
        self.ran: list[bytes] = []
        self.counts = dict.fromkeys(("arms", "executed", "over", "bare", "nonce", "late", "phase", "alone", "other"), 0)
        disk = self.desk.desk.disk if self.life > 1 else None
        desk = HazardDesk(rule, disk, self.life)
        desk.phase(self.phase)
        return desk

    @property
    def now(self) -> int:
        return self.desk.desk.now

    @property
    def may(self) -> bool:
        return self.phase in RIGHT and not self.quiet

    def end(self, place: int, how: str) -> None:
        self.arms[place] = self.arms[place]._replace(end=how)

    def expire(self) -> None:
        for place, arm in enumerate(self.arms):
            if not arm.end and self.now > arm.until:
                self.end(place, "over")
                self.counts["over"] += 1

    # --- what happens ------------------------------------------------------------------------------------------------

    @rule(packet=PACKETS, source=OPERATORS)
    def arm(self, packet: int, source: int) -> None:
        reports = self.desk.say(ARM, restart(packet), source)
        live = [arm for arm in self.arms if not arm.end]
        if not self.may:
            assert code(reports) == STATE
            self.counts["phase"] += 1
        elif any(arm.packet == packet for arm in live):
            assert code(reports) == EXISTS
            self.counts["other"] += 1
        elif len(live) == 8:
            assert code(reports) == CAPACITY
            self.counts["other"] += 1
        else:
            assert code(reports) == 0
            nonce = int.from_bytes(told(reports).data[:4], "big")
            assert nonce not in [arm.nonce for arm in self.arms], "no number twice in a life"
            if len(self.arms) == 8:
                self.arms.remove(next(arm for arm in self.arms if arm.end))
            self.arms.append(Arm(nonce, packet, source, self.now + 60 * SECOND))
            self.counts["arms"] += 1

    @rule(place=ROWS, source=OPERATORS)
    def execute(self, place: int, source: int) -> None:
        if place >= len(self.arms):
            assert self.desk.execute(0xDEAD_0000 + place, source) == UNKNOWN
            self.counts["nonce"] += 1
            return
        arm = self.arms[place]
        got = self.desk.execute(arm.nonce, source)
        if self.over(arm, got):
            pass
        elif not self.may:
            assert got == STATE
            self.counts["phase"] += 1
        elif self.two and source == arm.source:
            assert got == SOURCE
            self.counts["alone"] += 1
        else:
            assert got == 0
            self.end(place, "executed")
            self.ran.append(restart(arm.packet)[:4])
            self.counts["executed"] += 1

    @rule(place=ROWS, source=OPERATORS)
    def disarm(self, place: int, source: int) -> None:
        if place >= len(self.arms):
            return
        arm = self.arms[place]
        got = code(self.desk.say(DISARM, arm.nonce.to_bytes(4, "big"), source))
        if not self.over(arm, got):
            assert got == 0
            self.end(place, "disarmed")

    def over(self, arm: Arm, got: int) -> bool:
        """Whether this arm has ended before, which the code must say."""
        if not arm.end:
            return False
        assert got == (EXPIRED if arm.end == "over" else STATE)
        self.counts["late" if arm.end == "over" else "other"] += 1
        return True

    @rule(packet=PACKETS, stored=st.booleans())
    def bare(self, packet: int, stored: bool) -> None:
        assert code(self.desk.take(restart(packet), stored=stored)) == PROTECTED
        self.counts["bare"] += 1

    @rule(function=st.sampled_from([EXECUTE, DISARM]), place=ROWS)
    def from_the_schedule(self, function: int, place: int) -> None:
        nonce = self.arms[place].nonce if place < len(self.arms) else 1
        assert code(self.desk.say(function, nonce.to_bytes(4, "big"), stored=True)) == PROTECTED
        self.counts["other"] += 1

    @rule(us=st.sampled_from([1, SECOND, 20 * SECOND, 40 * SECOND, 60 * SECOND]))
    def time_passes(self, us: int) -> None:
        self.desk.later(us)
        self.expire()

    @rule(phase=st.sampled_from(PHASES))
    def the_lander_says_its_phase(self, phase: int | None) -> None:
        self.desk.phase(phase)
        self.phase = phase

    @rule(quiet=st.booleans())
    def quiet_comes_and_goes(self, quiet: bool) -> None:
        self.desk.desk.board.mode = Mode.QUIET if quiet else Mode.NOMINAL
        self.quiet = quiet

    @rule(two=st.booleans())
    def cut(self, two: bool) -> None:
        """The power goes; the next life knows of no arm. Another mission file may want more operators."""
        before = [arm.nonce for arm in self.arms]
        self.two = two
        self.desk = self.boot()
        for nonce in before:
            assert self.desk.execute(nonce) == UNKNOWN
            self.counts["nonce"] += 1

    # --- what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def only_what_was_executed_ran(self) -> None:
        assert self.desk.restarts == self.ran

    @invariant()
    def everything_is_counted(self) -> None:
        live = sum(not arm.end for arm in self.arms)
        assert [self.desk.value(pid) for pid in range(220, 230)] == [live, *self.counts.values()]


TestHazards = pytest.mark.proves("K-VER-010", "K-VER-011", "K-VER-012")(HazardsMachine.TestCase)
TestHazards.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
