"""ST[19] against a plain model: telecommands, events, time and resets in any order."""

import struct
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fsw.kernel.clock import Micros
from fsw.mdb.monitoring import ALARMS, CheckStatus
from tests.services.watching import ask, code, desktop, events, turn
from tests.system.by_hand import telecommand

OFF, ACTIVE, PASSIVE = 0, 1, 2
ACTED, WOULD, STOPPED, HELD = 36, 37, 38, 39
FIRST = 0xC0
KINDS = st.integers(0, 3)
LISTS = st.lists(KINDS, min_size=1, max_size=3)
FAILING = st.sampled_from((False, False, False, False, True))
SECOND = 1_000_000


def action(kind: int) -> bytes:
    return telecommand(0x020, 17, 1, count=kind)


def chosen(kinds: list[int]) -> bytes:
    return bytes((len(kinds),)) + b"".join(struct.pack(">HH", 0x020, FIRST + kind) for kind in kinds)


class Done(NamedTuple):
    """What a response did, and when."""

    at_us: int
    what: int  # ACTED or WOULD


class Plain:
    """A response that remembers all that it did since it was last set."""

    def __init__(self) -> None:
        self.state, self.budget, self.window_s = OFF, 10, 3_600
        self.renew()

    def renew(self) -> None:
        self.done: list[Done] = []
        self.heard: list[tuple[int, bool]] = []  # each occurrence, and whether it came right behind an action
        self.held_told = False

    def occurs(self, now: int) -> int:
        """What is to be heard of it: one of the four events, or 0."""
        acted = [each.at_us for each in self.done if each.what == ACTED]
        self.heard.append((now, bool(acted) and now - acted[-1] <= 5 * SECOND))
        if [soon for _, soon in self.heard[-3:]] == [True] * 3:
            self.state = PASSIVE
            self.renew()
            return STOPPED
        if sum(now - each.at_us < self.window_s * SECOND for each in self.done) >= self.budget:
            told, self.held_told = self.held_told, True
            return 0 if told else HELD
        self.held_told = False
        self.done.append(Done(now, ACTED if self.state == ACTIVE else WOULD))
        return self.done[-1].what


class Responses(RuleBasedStateMachine):
    """The desk and the model, side by side."""

    @initialize(first=st.lists(KINDS, min_size=1, max_size=3, unique=True))
    def begin(self, first: list[int]) -> None:
        self.desk, self.accepted = desktop()
        self.on = False
        self.model: dict[int, Plain] = {}
        self.add(first, failing=False)
        self.enable(first, active=True, failing=False)
        self.switch(on=True)

    def told(self, service: int, subtype: int, data: bytes, model: int, *, failing: bool = False) -> bool:
        self.desk.disk.failing = failing
        found = code(ask(self.desk, service, subtype, data))
        self.desk.disk.failing = False
        assert found == (0x1B if failing and model == 0 else model)
        return found == 0

    @rule(
        what=st.sampled_from(("add", "delete", "enable", "enable", "disable", "on", "on", "on", "off", "delete_all")),
        kinds=LISTS,
        failing=FAILING,
    )
    def command(self, what: str, kinds: list[int], failing: bool) -> None:
        match what:
            case "add":
                self.add(kinds, failing)
            case "delete":
                self.delete(kinds, failing)
            case "enable" | "disable":
                self.enable(kinds, what == "enable", failing)
            case "on" | "off":
                self.switch(what == "on")
            case _:
                self.delete_all()

    def add(self, kinds: list[int], failing: bool) -> None:
        entries = b"".join(struct.pack(">HH", 0x020, FIRST + kind) + action(kind) for kind in kinds)
        new = len(set(kinds)) == len(kinds) and not set(kinds) & self.model.keys()
        if self.told(19, 1, bytes((len(kinds),)) + entries, 0 if new else 0x11, failing=failing):
            self.model |= {kind: Plain() for kind in kinds}

    def delete(self, kinds: list[int], failing: bool) -> None:
        known = all(kind in self.model for kind in kinds)
        off = known and all(self.model[kind].state == OFF for kind in kinds)
        if self.told(19, 2, chosen(kinds), 0 if off else 0x14 if known else 0x10, failing=failing):
            for kind in kinds:
                self.model.pop(kind, None)

    def enable(self, kinds: list[int], active: bool, failing: bool) -> None:
        known = all(kind in self.model for kind in kinds)
        if self.told(19, 4 if active else 5, chosen(kinds), 0 if known else 0x10, failing=failing):
            for kind in kinds:
                self.model[kind].state = ACTIVE if active else OFF
                self.model[kind].renew()

    @rule(
        kind=KINDS,
        state=st.sampled_from((OFF, ACTIVE, PASSIVE)),
        budget=st.integers(1, 4),
        window_s=st.integers(1, 30),
        failing=FAILING,
    )
    def set(self, kind: int, state: int, budget: int, window_s: int, failing: bool) -> None:
        data = struct.pack(">HHHBBH", 26, 0x020, FIRST + kind, state, budget, window_s)
        if self.told(8, 1, data, 0 if kind in self.model else 0x10, failing=failing):
            plain = self.model[kind]
            plain.state, plain.budget, plain.window_s = state, budget, window_s
            plain.renew()

    def switch(self, on: bool) -> None:
        if self.told(19, 8 if on else 9, b"", 0):
            self.on = on

    def delete_all(self) -> None:
        if self.told(19, 3, b"", 0x14 if self.on else 0):
            self.model = {}

    @rule(kinds=st.lists(KINDS, min_size=1, max_size=12), gap_us=st.sampled_from((0, 10_000, SECOND, 6 * SECOND)))
    def occur(self, kinds: list[int], gap_us: int) -> None:
        for kind in kinds:
            self.desk.now = Micros(self.desk.now + gap_us)
            self.desk.events.report(ALARMS[kind](1, 1, CheckStatus.BELOW, 0.0), self.desk.now)
            turn(self.desk)
            heard = [each for each in events(self.desk.take()) if each[0] < FIRST]
            plain = self.model.get(kind)
            wanted = plain.occurs(self.desk.now) if plain is not None and self.on and plain.state != OFF else 0
            assert [number for number, _ in heard] == ([wanted] if wanted else [])
            assert all(data[:4] == struct.pack(">HH", 0x020, FIRST + kind) for _, data in heard)
            request = self.accepted.take()
            assert (request.request_id if request is not None else None) == (
                action(kind)[:4] if wanted == ACTED else None
            )

    @rule(seconds=st.integers(1, 40))
    def let_time_pass(self, seconds: int) -> None:
        self.desk.now = Micros(self.desk.now + seconds * SECOND)
        turn(self.desk)
        assert events(self.desk.take()) == []

    @rule()
    def reset(self) -> None:
        self.desk, self.accepted = desktop(self.desk.disk)
        for plain in self.model.values():
            plain.renew()

    @invariant()
    def states_are_the_model_s(self) -> None:
        (report,) = [each.data for each in ask(self.desk, 19, 6) if each.service == 19]
        found = [struct.unpack_from(">HHB", report, 1 + 5 * n) for n in range(report[0])]
        assert found == [(0x020, FIRST + kind, plain.state) for kind, plain in sorted(self.model.items())]


TestResponses = pytest.mark.proves("K-MON-008", "K-MON-009", "K-MON-010")(Responses.TestCase)
TestResponses.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
