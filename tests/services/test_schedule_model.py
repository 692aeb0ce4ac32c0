"""ST[11] against a plain model: what is scheduled, what runs when, what a cut leaves; by encoded telecommands."""

import struct
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.services.schedule_desk import (
    ALL,
    APID,
    EPOCH_S,
    SECOND,
    Entry,
    Named,
    ScheduleDesk,
    between,
    event_words,
    ids,
    insert,
    insert_late,
    ping,
)
from tests.system.by_hand import SOURCE

OK = [(3, 0), (7, 0)]
NOT_KEPT = [(3, 0), (8, 0x1B)]
LATE_S = 10
SEQUENCES = st.integers(1, 6)
SUBS = st.integers(1, 3)
FAILING = st.sampled_from([False, False, False, True])
SHIFTS = st.integers(-40, 60)
AHEAD = st.integers(-1, 40).map(lambda halves: halves * SECOND // 2)


class Planned(NamedTuple):
    """One activity of the model; `order` is that of insertion."""

    due_us: int
    order: int
    sub: int
    late: bool
    sequence: int


class AgainstAModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = ScheduleDesk()
        self.time_known = True
        self.boot_s = EPOCH_S
        self.plan: dict[int, Planned] = {}
        self.subs: dict[int, bool] = {}
        self.enabled = True
        self.order = 0
        assert self.desk.say(1) == OK

    # --- the model's own words -------------------------------------------------------------------------------------

    def tai_us(self) -> int:
        return self.boot_s * SECOND + self.desk.now

    def soonest_us(self) -> int:
        return self.tai_us() + SECOND

    def chosen(self, low_us: int | None, subs: list[int]) -> list[Planned]:
        inside = (one for one in self.plan.values() if low_us is None or low_us <= one.due_us <= low_us + 10 * SECOND)
        return [one for one in inside if not subs or one.sub in subs]

    def expect(self, subtype: int, data: bytes, code: int | None, failing: bool) -> bool:
        """Ask, compare the last word; whether the model changes."""
        self.desk.disk.failing = failing
        said = self.desk.say(subtype, data)
        self.desk.disk.failing = False
        if code is not None:
            assert said == [(4, code)]
            return False
        assert said in (OK, NOT_KEPT)
        return said == OK

    def changes(self, subtype: int, data: bytes, code: int | None, failing: bool, needed: bool = True) -> bool:
        """The same for a request that must reach the disk, when there is anything to change."""
        done = self.expect(subtype, data, code, failing)
        if code is None:
            assert done == (not failing or not needed)
        return done

    def window(self, low_us: int | None, subs: list[int]) -> bytes:
        head = ALL if low_us is None else between(low_us, low_us + 10 * SECOND)
        return head + bytes((len(subs), *subs))

    # --- rules -----------------------------------------------------------------------------------------------------

    @rule(enabled=st.booleans(), failing=FAILING)
    def switch(self, enabled: bool, failing: bool) -> None:
        if self.changes(1 if enabled else 2, b"", None, failing):
            self.enabled = enabled

    @rule(sub=SUBS, items=st.lists(st.tuples(SEQUENCES, AHEAD, st.booleans()), min_size=1, max_size=3),
          failing=FAILING, policies=st.booleans())  # fmt: skip
    def insert(self, sub: int, items: list[tuple[int, int, bool]], failing: bool, policies: bool) -> None:
        timed = [(sequence, self.soonest_us() + ahead, late and policies) for sequence, ahead, late in items]
        if policies:
            data = insert_late(sub, *((int(late), due, ping(sequence)) for sequence, due, late in timed))
        else:
            data = insert(sub, *((due, ping(sequence)) for sequence, due, _ in timed))
        sequences = [sequence for sequence, _, _ in timed]
        code = None
        if not self.time_known:
            code = 0x14
        elif len(set(sequences)) < len(sequences) or self.plan.keys() & set(sequences):
            code = 0x11
        elif any(due <= self.soonest_us() for _, due, _ in timed):
            code = 0x17
        if self.changes(128 if policies else 4, data, code, failing):
            self.subs.setdefault(sub, True)
            for sequence, due, late in timed:
                self.order += 1
                self.plan[sequence] = Planned(due, self.order, sub, late, sequence)

    @rule(sequences=st.lists(SEQUENCES, min_size=1, max_size=3), failing=FAILING)
    def delete(self, sequences: list[int], failing: bool) -> None:
        code = None if self.plan.keys() >= set(sequences) else 0x10
        if self.changes(5, ids(*sequences), code, failing):
            for sequence in set(sequences):
                del self.plan[sequence]

    @rule(ahead=st.none() | AHEAD, subs=st.lists(SUBS, max_size=2), failing=FAILING)
    def delete_window(self, ahead: int | None, subs: list[int], failing: bool) -> None:
        low = None if ahead is None else self.tai_us() + ahead
        code = None if self.subs.keys() >= set(subs) else 0x10
        found = self.chosen(low, subs)
        if self.changes(6, self.window(low, subs), code, failing, bool(found)):
            for one in found:
                del self.plan[one.sequence]

    def shifted(self, found: list[Planned], shift_s: int, code: int | None) -> int | None:
        if code is None and not self.time_known:
            code = 0x14
        if code is None and any(one.due_us + shift_s * SECOND <= self.soonest_us() for one in found):
            code = 0x17
        return code

    def move(self, found: list[Planned], shift_s: int) -> None:
        for one in found:
            self.plan[one.sequence] = one._replace(due_us=one.due_us + shift_s * SECOND)

    @rule(sequences=st.lists(SEQUENCES, min_size=1, max_size=3), shift_s=SHIFTS, failing=FAILING)
    def shift(self, sequences: list[int], shift_s: int, failing: bool) -> None:
        known = self.plan.keys() >= set(sequences)
        found = [self.plan[sequence] for sequence in set(sequences)] if known else []
        code = self.shifted(found, shift_s, None if known else 0x10)
        if self.changes(7, struct.pack(">i", shift_s) + ids(*sequences), code, failing):
            self.move(found, shift_s)

    @rule(ahead=AHEAD, subs=st.lists(SUBS, max_size=2), shift_s=SHIFTS, failing=FAILING)
    def shift_window(self, ahead: int, subs: list[int], shift_s: int, failing: bool) -> None:
        low = self.tai_us() + ahead
        found = self.chosen(low, subs)
        code = self.shifted(found, shift_s, None if self.subs.keys() >= set(subs) else 0x10)
        data = struct.pack(">i", shift_s) + self.window(low, subs)
        if self.changes(8, data, code, failing, bool(found)):
            self.move(found, shift_s)

    @rule(shift_s=SHIFTS, failing=FAILING)
    def shift_all(self, shift_s: int, failing: bool) -> None:
        found = list(self.plan.values())
        code = self.shifted(found, shift_s, None)
        if self.changes(15, struct.pack(">i", shift_s), code, failing, bool(found)):
            self.move(found, shift_s)

    @rule(subs=st.lists(SUBS, max_size=2), enabled=st.booleans(), failing=FAILING)
    def switch_subschedules(self, subs: list[int], enabled: bool, failing: bool) -> None:
        code = None if self.subs.keys() >= set(subs) else 0x10
        data = bytes((len(subs), *subs))
        chosen = subs or list(self.subs)
        if self.changes(20 if enabled else 21, data, code, failing, bool(chosen)):
            self.subs.update(dict.fromkeys(chosen, enabled))

    @rule(failing=FAILING)
    def reset(self, failing: bool) -> None:
        if self.changes(3, b"", None, failing):
            self.plan, self.subs, self.enabled = {}, {}, False

    # --- time ------------------------------------------------------------------------------------------------------

    def fall_due(self, seconds: float) -> None:
        """What the model does when time has passed, and what the desk did."""
        self.desk.take()
        self.desk.later(seconds)
        ran, skipped, blocked = [], [], []
        due = sorted(one for one in self.plan.values() if self.time_known and one.due_us <= self.tai_us())
        for one in due:
            del self.plan[one.sequence]
            late = self.tai_us() - one.due_us > LATE_S * SECOND
            if not (self.enabled and self.subs[one.sub]):
                blocked.append(one.sequence)
            elif late and not one.late:
                skipped.append(one.sequence)
            else:
                ran.append(one.sequence)
        assert self.desk.ran() == ran
        told: dict[tuple[int, int], list[int]] = {}
        for number, data in map(event_words, self.desk.told()):
            if number in (30, 31):
                begin, width = (3, 10) if number == 30 else (2, 6)
                key = (number, data[1] if number == 30 else 0)
                told.setdefault(key, []).extend(data[at + 5] for at in range(begin, len(data), width))
        late_runs = told.pop((30, 1), [])
        assert set(late_runs) <= set(ran)
        assert told.pop((30, 0), []) == skipped
        assert sorted(told.pop((31, 0), [])) == sorted(blocked)
        assert not told

    @rule(halves=st.integers(1, 40))
    def wait(self, halves: int) -> None:
        self.fall_due(halves / 2)

    @rule(halves=st.integers(1, 40))
    def wait_without_a_disk(self, halves: int) -> None:
        """Nothing runs while no mark is kept; a second after the disk is well, all that is due does."""
        self.desk.disk.failing = True
        self.desk.later(halves / 2)
        self.desk.disk.failing = False
        assert (self.desk.ran(), self.desk.told()) == ([], [])
        self.fall_due(1)

    @rule(off_s=st.integers(0, 30), time_known=st.booleans())
    def cut(self, off_s: int, time_known: bool) -> None:
        seconds = -(-self.desk.now // SECOND)
        self.boot_s += seconds + off_s
        self.time_known = time_known
        self.desk = ScheduleDesk(self.desk.disk, tai_s=self.boot_s if time_known else None)
        assert self.desk.told() == []
        self.fall_due(0)

    @rule()
    def hear_the_time(self) -> None:
        if not self.time_known:
            self.time_known = True
            self.desk.set_time(self.boot_s * SECOND)
            self.fall_due(0)

    @invariant()
    def what_is_scheduled_is_reported(self) -> None:
        ordered = sorted(self.plan.values(), key=lambda one: (one.sub, one.due_us, one.order))
        expected = [Entry(one.sub, one.due_us, Named(SOURCE, APID, one.sequence)) for one in ordered]
        assert self.desk.summary() == expected
        (report,) = [one for one in self.desk.ask(APID, 11, 18) if one.service == 11]
        states = b"".join(bytes(state) for state in sorted(self.subs.items()))
        assert report.data == bytes((len(self.subs),)) + states


TestScheduleModel = pytest.mark.proves("K-SCHED-007")(AgainstAModel.TestCase)
TestScheduleModel.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
