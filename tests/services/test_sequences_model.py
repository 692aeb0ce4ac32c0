"""ST[21] against a plain model: any requests in any order, time passing, power cut at any moment between them."""

import struct
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.services.sequence_desk import SequenceDesk, code, crc, events, pings

LOADED, VALID, RUNNING, STEPPING, INTERRUPTED = 1, 2, 3, 4, 5
UNKNOWN, EXISTS, CAPACITY, WRONG, PAYLOAD, INTERNAL = 0x10, 0x11, 0x12, 0x14, 0x15, 0x1B
IDS = st.integers(0, 5)
DELAYS = st.lists(st.sampled_from([0, 1, 10, 250, 1_000, 60_000]), min_size=1, max_size=5)
Ended = tuple[int, bytes]


class Loaded(NamedTuple):
    """What the ground knows of a sequence: its pings are numbered from `first` on."""

    first: int
    delays: tuple[int, ...]
    state: int = LOADED
    released: int = 0
    due_ms: int = 0

    @property
    def octets(self) -> bytes:
        return pings(self.first, *self.delays)


class SequencesMachine(RuleBasedStateMachine):
    """The desk, and a dictionary that knows what should be so."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = SequenceDesk()
        self.now_ms = 0
        self.model: dict[int, Loaded] = {}
        self.released: list[tuple[int, int]] = []
        self.ended: list[Ended] = []
        self.heard: list[Ended] = []
        self.number = 0

    def ask(self, subtype: int, ident: int, wanted: int, rest: bytes = b"") -> bool:
        reports = self.desk.say(subtype, bytes((ident,)) + rest)
        code(reports, wanted)
        self.heard += events(reports)
        return wanted == 0

    def state(self, ident: int) -> int:
        return self.model[ident].state if ident in self.model else 0

    def change(self, ident: int, state: int | None = None, released: int | None = None, due_ms: int = 0) -> None:
        one = self.model[ident]
        state = one.state if state is None else state
        self.model[ident] = one._replace(
            state=state, released=one.released if released is None else released, due_ms=due_ms
        )

    def active(self) -> int:
        return sum(one.state in (RUNNING, STEPPING) for one in self.model.values())

    def release(self, ident: int, at_ms: int) -> None:
        """One request leaves."""
        one = self.model[ident]
        self.released.append((at_ms, one.first + one.released))
        count = one.released + 1
        if count == len(one.delays):
            self.change(ident, state=VALID, released=0)
            self.ended.append((50, bytes((ident, count, 0))))
        else:
            due_ms = one.due_ms + one.delays[count] if one.state == RUNNING else 0
            self.change(ident, released=count, due_ms=due_ms)

    def pass_until(self, until_ms: int) -> None:
        while due := [(one.due_ms, i) for i, one in self.model.items() if one.state == RUNNING]:
            at_ms, ident = min(due)
            if at_ms > until_ms:
                break
            self.release(ident, max(at_ms, self.now_ms))
        self.now_ms = until_ms
        self.heard += events(self.desk.run(until_ms))

    @rule(ident=IDS, delays=DELAYS)
    def load(self, ident: int, delays: list[int]) -> None:
        self.number += 10
        one = Loaded(self.number % 16_000, tuple(delays))
        if self.ask(1, ident, EXISTS if ident in self.model else 0, one.octets):
            self.model[ident] = one

    @rule(data=st.data(), delays=DELAYS, starts=st.sampled_from([4, 4, 129, 0]), ms=st.sampled_from([0, 5, 1_200]))
    def prepare(self, data: st.DataObject, delays: list[int], starts: int, ms: int) -> None:
        """What an operator does in one go; most ways lead here."""
        free = [ident for ident in range(6) if ident not in self.model]
        if free:
            ident = data.draw(st.sampled_from(free))
            self.load(ident, delays)
            self.validate(ident, right=True)
            if starts:
                (self.start if starts == 4 else self.step)(ident)
                self.pass_until(self.now_ms + ms)

    @precondition(lambda self: self.active())
    @rule(data=st.data(), what=st.sampled_from(["step", "start", "abort"]))
    def go_on(self, data: st.DataObject, what: str) -> None:
        """Something for one that runs or is being stepped."""
        active = [ident for ident in sorted(self.model) if self.state(ident) in (RUNNING, STEPPING)]
        getattr(self, what)(data.draw(st.sampled_from(active)))

    @rule(ident=IDS)
    def unload(self, ident: int) -> None:
        codes = {0: UNKNOWN, RUNNING: WRONG, STEPPING: WRONG}
        if self.ask(3, ident, codes.get(self.state(ident), 0)):
            del self.model[ident]

    @rule(ident=IDS, right=st.sampled_from([True, True, True, False]))
    def validate(self, ident: int, right: bool) -> None:
        checksum = crc(self.model[ident].octets) if ident in self.model else 0
        codes = {0: UNKNOWN, RUNNING: WRONG, STEPPING: WRONG}
        wanted = codes.get(self.state(ident), 0 if right else PAYLOAD)
        if self.ask(128, ident, wanted, struct.pack(">H", checksum ^ (not right))):
            self.change(ident, state=VALID, released=0)

    def begin_code(self, ident: int) -> int:
        state = self.state(ident)
        if state in (0, LOADED, RUNNING):
            return {0: UNKNOWN}.get(state, WRONG)
        return CAPACITY if state != STEPPING and self.active() >= 4 else 0

    @rule(ident=IDS)
    def start(self, ident: int) -> None:
        if self.ask(4, ident, self.begin_code(ident)):
            one = self.model[ident]
            released = one.released if one.state == STEPPING else 0
            self.change(ident, state=RUNNING, released=released, due_ms=self.now_ms + one.delays[released])
        self.pass_until(self.now_ms)

    @rule(ident=IDS)
    def step(self, ident: int) -> None:
        if self.ask(129, ident, self.begin_code(ident)):
            released = self.model[ident].released if self.state(ident) == STEPPING else 0
            self.change(ident, state=STEPPING, released=released)
            self.release(ident, self.now_ms)

    @rule(ident=IDS)
    def abort(self, ident: int) -> None:
        state = self.state(ident)
        if self.ask(5, ident, 0 if state in (RUNNING, STEPPING) else WRONG if state else UNKNOWN):
            self.ended.append((50, bytes((ident, self.model[ident].released, 1))))
            self.change(ident, state=VALID, released=0)

    @rule()
    def abort_all(self) -> None:
        stopped = [ident for ident in sorted(self.model) if self.state(ident) in (RUNNING, STEPPING)]
        reports = self.desk.say(13)
        code(reports, 0)
        self.heard += events(reports)
        assert [r.data for r in reports if r.service == 21] == [bytes((len(stopped), *stopped))]
        for ident in stopped:
            self.ended.append((50, bytes((ident, self.model[ident].released, 1))))
            self.change(ident, state=VALID, released=0)

    @precondition(lambda self: self.active())
    @rule(ms=st.sampled_from([1, 10, 249, 1_000, 30_000, 200_000]))
    def pass_time(self, ms: int) -> None:
        self.pass_until(self.now_ms + ms)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), subtype=st.sampled_from([3, 4, 129]))
    def ask_while_the_disk_fails(self, data: st.DataObject, subtype: int) -> None:
        ident = data.draw(st.sampled_from(sorted(self.model)))
        if self.state(ident) in (VALID, INTERRUPTED) and (subtype == 3 or not self.begin_code(ident)):
            self.desk.disk.failing = True
            self.ask(subtype, ident, INTERNAL)
            self.desk.disk.failing = False

    @precondition(lambda self: self.model)
    @rule()
    def cut(self) -> None:
        """Power off and on; the clock of the new life begins where the old one's was, for the model's ease."""
        released = self.desk.released
        now = self.desk.now
        self.desk = SequenceDesk(self.desk.disk)
        self.desk.now = now
        self.desk.released = released
        self.heard += events(self.desk.take())
        for ident, one in sorted(self.model.items()):
            if one.state in (RUNNING, STEPPING):
                self.ended.append((51, bytes((ident, one.released, len(one.delays)))))
                self.change(ident, state=INTERRUPTED)
        self.heard += events(self.desk.run(self.now_ms))

    @invariant()
    def is_what_the_model_says(self) -> None:
        assert self.desk.states() == {ident: one.state for ident, one in self.model.items()}
        assert self.desk.released == self.released
        assert sorted(self.heard) == sorted(self.ended)
        assert self.desk.parameters.values[121] == self.active()


TestSequences = pytest.mark.proves("K-SEQ-001", "K-SEQ-003", "K-SEQ-004", "K-SEQ-005")(SequencesMachine.TestCase)
TestSequences.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
