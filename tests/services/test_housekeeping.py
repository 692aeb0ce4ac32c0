"""ST[03] against a model: which structures there are, which are on, and when the next report of each is due."""

import struct

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.system import SCRATCH
from fsw.services.housekeeping import STRUCTURES_MAX
from tests.services.desk import MISSION, Desk, words

TENTH_US = 100_000
OK = [(3, 0), (7, 0)]
DECLARED = {1, 2, 3, 0x31, 0x32}
SIDS = st.sampled_from([1, 3, 0x31, 700, 701, 702])
PIDS = {1: 4, 2: 4, 3: 1, 10: 4}  # system parameters and their widths, octets
FAILED = 4


def sids(*numbers: int) -> bytes:
    return struct.pack(f">H{len(numbers)}H", len(numbers), *numbers)


class AgainstAModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.desk.restore()
        self.known: dict[int, tuple[int, ...] | None] = dict.fromkeys(DECLARED)
        self.interval = dict.fromkeys(DECLARED, 10)
        self.due: dict[int, int] = {}
        self.rate: dict[int, tuple[int, int]] = {}  # mode and longest, where it is not EVERY
        self.sent: dict[int, tuple[int, int | None]] = {}  # collections since it was sent, and the scratch value then
        self.scratch = 0

    def ask(self, subtype: int, data: bytes) -> list[tuple[int, int]]:
        return words(self.desk.ask(0x020, 3, subtype, data))

    @rule(sid=SIDS, pids=st.lists(st.sampled_from([*PIDS, 999]), min_size=1, max_size=4), tenths=st.integers(1, 30))
    def create(self, sid: int, pids: list[int], tenths: int) -> None:
        said = self.ask(1, struct.pack(f">HHH{len(pids)}HH", sid, tenths, len(pids), *pids, 0))
        if sid in self.known:
            assert said == [(FAILED, 0x11)]
        elif 999 in pids:
            assert said == [(FAILED, 0x10)]
        elif len(set(pids)) < len(pids):
            assert said == [(FAILED, 0x11)]
        else:
            assert said == OK
            self.known[sid] = tuple(pids)
            self.interval[sid] = tenths

    @rule(chosen=st.lists(SIDS, min_size=1, max_size=3))
    def delete(self, chosen: list[int]) -> None:
        said = self.ask(3, sids(*chosen))
        if not self.known.keys() >= set(chosen):
            assert said == [(FAILED, 0x10)]
        elif self.due.keys() & set(chosen):
            assert said == [(FAILED, 0x14)]
        elif DECLARED & set(chosen):
            assert said == [(FAILED, 0x19)]
        else:
            assert said == OK
            for sid in set(chosen):
                del self.known[sid], self.interval[sid]
                self.rate.pop(sid, None)

    @rule(sid=SIDS, pids=st.lists(st.sampled_from([*PIDS, 999]), min_size=1, max_size=3))
    def append(self, sid: int, pids: list[int]) -> None:
        said = self.ask(29, struct.pack(f">HH{len(pids)}HH", sid, len(pids), *pids, 0))
        if sid not in self.known:
            assert said == [(FAILED, 0x10)]
        elif sid in self.due:
            assert said == [(FAILED, 0x14)]
        elif self.known[sid] is None:
            assert said == [(FAILED, 0x19)]
        elif 999 in pids:
            assert said == [(FAILED, 0x10)]
        elif len({*pids, *(self.known[sid] or ())}) < len(pids) + len(self.known[sid] or ()):
            assert said == [(FAILED, 0x11)]
        else:
            assert said == OK
            self.known[sid] = (*(self.known[sid] or ()), *pids)
            self.rate.pop(sid, None)

    @rule(sid=SIDS, mode=st.integers(0, 3), longest=st.integers(0, 3))
    def choose_rate(self, sid: int, mode: int, longest: int) -> None:
        said = self.ask(128, struct.pack(">HHBH", 1, sid, mode, longest))
        if sid not in self.known:
            assert said == [(FAILED, 0x10)]
        elif (mode == 3) != (longest > 0):
            assert said == [(FAILED, 0x13)]
        else:
            assert said == OK
            if mode == 0:
                self.due.pop(sid, None)
            else:
                self.rate[sid] = (mode, longest)
                self.start(sid)

    def start(self, sid: int) -> None:
        if sid not in self.due:
            self.due[sid] = self.desk.now
            self.sent[sid] = (0, None)

    @rule(value=st.integers(0, 2))
    def write(self, value: int) -> None:
        self.scratch = value
        self.desk.parameters.set(SCRATCH, value, self.desk.now)

    @rule()
    def reboot(self) -> None:
        now = self.desk.now
        self.desk = Desk(self.desk.disk)
        self.desk.restore()
        self.desk.now = now
        self.due.clear()
        self.rate.clear()
        self.scratch = 0
        self.interval |= dict.fromkeys(DECLARED, 10)

    @rule(chosen=st.lists(SIDS, min_size=1, max_size=3), on=st.booleans())
    def switch(self, chosen: list[int], on: bool) -> None:
        said = self.ask(5 if on else 6, sids(*chosen))
        if not self.known.keys() >= set(chosen):
            assert said == [(FAILED, 0x10)]
            return
        assert said == OK
        for sid in chosen:
            if on:
                self.start(sid)
            else:
                self.due.pop(sid, None)

    @rule(sid=SIDS, tenths=st.integers(1, 30))
    def change(self, sid: int, tenths: int) -> None:
        said = self.ask(31, struct.pack(">HHH", 1, sid, tenths))
        if sid not in self.known:
            assert said == [(FAILED, 0x10)]
            return
        assert said == OK
        self.interval[sid] = tenths
        if sid in self.due:
            self.due[sid] = min(self.due[sid], self.desk.now + tenths * TENTH_US)

    @rule(sid=SIDS)
    def describe(self, sid: int) -> None:
        reports = self.desk.ask(0x020, 3, 9, sids(sid))
        if sid not in self.known:
            assert words(reports) == [(FAILED, 0x10)]
            return
        (described,) = [r for r in reports if r.service == 3]
        assert struct.unpack_from(">HBH", described.data) == (sid, sid in self.due, self.interval[sid])
        pids = self.known[sid]
        if pids is not None:
            assert described.data[5:] == struct.pack(f">H{len(pids)}HH", len(pids), *pids, 0)
        (period,) = [r for r in self.desk.ask(0x020, 3, 33, sids(sid)) if r.service == 3]
        assert (period.subtype, period.data) == (35, struct.pack(">HHBH", 1, sid, sid in self.due, self.interval[sid]))
        (rate,) = [r for r in self.desk.ask(0x020, 3, 129, sids(sid)) if r.service == 3]
        mode = self.rate.get(sid, (1, 0)) if sid in self.due else (0, 0)
        assert (rate.subtype, rate.data) == (130, struct.pack(">HHBH", 1, sid, *mode))

    @rule(sid=SIDS)
    def once(self, sid: int) -> None:
        reports = self.desk.ask(0x020, 3, 27, sids(sid))
        if sid not in self.known:
            assert words(reports) == [(FAILED, 0x10)]
            return
        (found,) = [r for r in reports if r.service == 3]
        assert (found.subtype, found.destination) == (25, 7)
        pids = self.known[sid]
        if pids is not None:
            assert len(found.data) == 2 + sum(PIDS[pid] for pid in pids)

    @rule(ticks=st.integers(1, 400))
    def pass_time(self, ticks: int) -> None:
        self.desk.now = Micros(self.desk.now + ticks * 10_000)

    def wanted(self, sid: int) -> bool:
        """Of what a report holds only the scratch parameter changes; declared structures do not hold it."""
        mode, longest = self.rate.get(sid, (1, 0))
        unsent, before = self.sent[sid]
        value = self.scratch if SCRATCH.pid in (self.known[sid] or ()) else 0
        wanted = mode == 1 or value != before or (mode == 3 and unsent + 1 >= longest)
        self.sent[sid] = (0, value) if wanted else (unsent + 1, before)
        return wanted

    @invariant()
    def what_is_due_is_sent_once_and_the_periods_stay_where_they_were(self) -> None:
        now = self.desk.now
        following = self.desk.housekeeping.step(now)
        found = [int.from_bytes(r.data[:2], "big") for r in self.desk.take()]
        collected = [sid for sid, due in self.due.items() if due <= now]
        assert sorted(found) == sorted(sid for sid in collected if self.wanted(sid))
        for sid in collected:
            while self.due[sid] <= now:
                self.due[sid] += self.interval[sid] * TENTH_US
        assert now < following <= min(self.due.values(), default=NEVER)


AgainstAModel.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None, derandomize=True)
TestHousekeeping = pytest.mark.proves("K-PARAM-001")(AgainstAModel.TestCase)


def test_the_table_of_structures_is_bounded_and_so_is_one_report() -> None:
    desk = Desk()
    desk.restore()
    for sid in range(1000, 1000 + STRUCTURES_MAX - len(MISSION.database.structures)):
        assert words(desk.ask(0x020, 3, 1, struct.pack(">HHHHH", sid, 1, 1, 10, 0))) == OK
    assert words(desk.ask(0x020, 3, 1, struct.pack(">HHHHH", 5000, 1, 1, 10, 0))) == [(FAILED, 0x12)]
