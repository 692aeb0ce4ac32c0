"""ST[12] against a plain model: telecommands, values, time and resets in any order; what flies must be what it says."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fsw.kernel.clock import Micros
from tests.services.watching import (
    ALARM_1,
    ALARM_17,
    SCRATCH,
    SUPPLY,
    TURN_US,
    ask,
    code,
    desktop,
    events,
    numbers,
    parameter,
    statuses,
    transitions,
    turn,
    watch,
)

WITHIN, UNCHECKED, INVALID, BELOW, ABOVE, STALE = range(6)
EXPECTED, LIMIT, DELTA = range(3)
IDS = st.integers(1, 5)
LISTS = st.lists(IDS, min_size=1, max_size=3)
VALUES = st.one_of(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.none())
FAILING = st.sampled_from((False, False, False, False, True))
DEFINITIONS = st.fixed_dictionaries(
    {
        "check": st.sampled_from((EXPECTED, LIMIT, LIMIT, DELTA)),
        "pid": st.sampled_from((SUPPLY, SCRATCH)),
        "interval": st.integers(1, 4),
        "repetition": st.integers(1, 3),
        "low": st.integers(-2, 4),
        "high": st.integers(0, 6),
        "validity": st.sampled_from(((0, 0, 0), (0, 0, 0), (SCRATCH, 1, 1), (SUPPLY, 2, 0))),
        "stale": st.sampled_from(((0, 0), (0, 0), (2, ALARM_17), (5, 0))),
    }
)


class Plain:
    """A monitor that remembers everything and looks at all of it again each time."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said
        self.enabled = False
        self.forget()

    def forget(self) -> None:
        self.status = UNCHECKED
        self.judged: list[int] = []
        self.values: list[int] = []

    def check(self, now: int, values: dict[int, int | None], written: dict[int, int]) -> bool:
        judgement = self.judge(now, values, written)
        self.judged.append(self.status if judgement is None else judgement)
        if judgement is None:
            return False
        need = 1 if judgement in (INVALID, STALE) else self.said["repetition"]
        if judgement in (INVALID, STALE):
            self.values = []
        if judgement == self.status or self.judged[-need:] != [judgement] * need:
            return False
        self.status, self.judged = judgement, []
        return True

    def judge(self, now: int, values: dict[int, int | None], written: dict[int, int]) -> int | None:
        said, value = self.said, values[self.said["pid"]]
        of, mask, wanted = said["validity"]
        if of and (values[of] is None or (values[of] or 0) & mask != wanted):
            return INVALID
        period = said["interval"] * TURN_US
        if said["stale"][0] and now - written.get(said["pid"], 0) > said["stale"][0] * period:
            return STALE
        if value is None:
            return INVALID
        if said["check"] == EXPECTED:
            return WITHIN if value & said["mask"] == said["expects"] else BELOW
        if said["check"] == LIMIT:
            return BELOW if value < said["low"] else ABOVE if value > said["high"] else WITHIN
        self.values.append(value)
        last = self.values[-said["values"] - 1 :]
        if len(last) <= said["values"]:
            return None
        mean = sum(b - a for a, b in pairwise(last)) / said["values"]
        return BELOW if mean < said["low"] else ABOVE if mean > said["high"] else WITHIN


class Monitors(RuleBasedStateMachine):
    """The desk and the model, side by side."""

    @initialize(first=st.lists(DEFINITIONS, min_size=1, max_size=4))
    def begin(self, first: list[dict[str, Any]]) -> None:
        self.desk = desktop().desk
        assert code(ask(self.desk, 12, 3, "0000")) == 0
        self.on = False
        self.model: dict[int, Plain] = {}
        self.boot()
        for number, drawn in enumerate(first, 1):
            self.add(number, drawn, failing=False)
        self.enable(sorted(self.model) or [1], enabled=True, failing=False)
        self.switch(on=True)

    def boot(self) -> None:
        self.now = 0
        self.values: dict[int, int | None] = {SUPPLY: None, SCRATCH: 0}
        self.written: dict[int, int] = {}

    def told(self, service: int, subtype: int, data: bytes, model: int, *, failing: bool = False) -> bool:
        """Ask, and compare the verdict with the model's; whether the model is to change."""
        self.desk.disk.failing = failing
        found = code(ask(self.desk, service, subtype, data))
        self.desk.disk.failing = False
        assert found == (0x1B if failing and model == 0 else model)
        return found == 0

    @rule(
        what=st.sampled_from(("add", "enable", "enable", "disable", "delete", "on", "on", "off", "delete_all")),
        number=IDS,
        listed=LISTS,
        drawn=DEFINITIONS,
        failing=FAILING,
    )
    def command(self, what: str, number: int, listed: list[int], drawn: dict[str, Any], failing: bool) -> None:
        match what:
            case "add":
                self.add(number, drawn, failing)
            case "enable" | "disable":
                self.enable(listed, what == "enable", failing)
            case "delete":
                self.delete(listed)
            case "on" | "off":
                self.switch(what == "on")
            case _:
                self.delete_all()

    def add(self, number: int, drawn: dict[str, Any], failing: bool) -> None:
        said = {**drawn, "values": drawn["repetition"], "mask": 3, "expects": drawn["high"] & 3}
        said |= {"low_event": ALARM_1, "high_event": 0}
        exists, inverted = number in self.model, said["low"] > said["high"]
        wanted = 0x11 if exists else 0x13 if inverted else 0
        if self.told(8, 1, watch(number, **said), wanted, failing=failing):
            self.model[number] = Plain(said)

    def enable(self, listed: list[int], enabled: bool, failing: bool) -> None:
        known = all(number in self.model for number in listed)
        if self.told(12, 1 if enabled else 2, numbers(*listed), 0 if known else 0x10, failing=failing):
            for number in listed:
                if self.model[number].enabled != enabled:
                    self.model[number].enabled = enabled
                    self.model[number].forget()

    def delete(self, listed: list[int]) -> None:
        known = all(number in self.model for number in listed)
        busy = known and any(self.model[number].enabled for number in listed)
        if self.told(12, 6, numbers(*listed), 0 if known and not busy else 0x14 if busy else 0x10):
            for number in listed:
                self.model.pop(number, None)

    def switch(self, on: bool) -> None:
        if self.told(12, 15 if on else 16, b"", 0) and self.on != on:
            self.on = on
            for plain in self.model.values():
                plain.forget()

    def delete_all(self) -> None:
        if self.told(12, 4, b"", 0x14 if self.on else 0):
            self.model = {}

    def write(self, pid: int, value: int | None) -> None:
        self.desk.parameters.set(parameter(pid), value, self.desk.now)
        self.values[pid], self.written[pid] = value, self.now

    @rule(
        course=st.lists(
            st.tuples(st.sampled_from((SUPPLY, SCRATCH)), VALUES, st.integers(1, 8)), min_size=1, max_size=8
        )
    )
    def let_time_pass(self, course: list[tuple[int, int | None, int]]) -> None:
        for pid, value, ticks in course:
            self.write(pid, 0 if value is None and pid == SCRATCH else value)
            self.tick(ticks)

    def tick(self, ticks: int) -> None:
        for _ in range(ticks):
            self.now += TURN_US
            self.desk.now = Micros(self.now)
            turn(self.desk)
            reports = self.desk.take()
            wanted, alarms = self.expected()
            found = {t.monitor: (t.previous, t.current) for t in transitions(reports)}
            assert found == wanted
            assert sorted(number for number, _ in events(reports) if number >= ALARM_1) == sorted(alarms)

    def expected(self) -> tuple[dict[int, tuple[int, int]], list[int]]:
        told, alarms = {}, []
        for number, plain in self.model.items():
            before = plain.status
            due = self.now % (plain.said["interval"] * TURN_US) == 0
            if not (self.on and plain.enabled and due and plain.check(self.now, self.values, self.written)):
                continue
            if (before, plain.status) != (UNCHECKED, WITHIN):
                told[number] = before, plain.status
            alarm = {BELOW: ALARM_1, STALE: plain.said["stale"][1]}.get(plain.status, 0)
            alarms += [alarm] if alarm else []
        return told, alarms

    @rule()
    def reset(self) -> None:
        self.desk = desktop(self.desk.disk).desk
        self.boot()
        for plain in self.model.values():
            plain.forget()

    @invariant()
    def findings_are_the_model_s(self) -> None:
        assert statuses(self.desk) == {number: plain.status for number, plain in sorted(self.model.items())}


TestMonitors = pytest.mark.proves("K-MON-003", "K-MON-004", "K-MON-005", "K-MON-006")(Monitors.TestCase)
TestMonitors.settings = settings(max_examples=50, stateful_step_count=15, deadline=None)
