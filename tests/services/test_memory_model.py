"""ST[06] and ST[13] beside a plain model: two byte strings and a dictionary of what may be written, over resets."""

import struct
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fsw.kernel.mailbox import Mailbox
from fsw.services.verification import Request
from fsw.store.keep import Table, clear, put
from tests.services import memory_asks as by
from tests.services.desk import MISSION, Desk, Disk, words
from tests.services.memory_asks import SYSTEM, asked, dumps, turns
from tests.system.by_hand import Report, crc, telecommand

SECOND: Final = 1_000_000
OK = [(3, 0), (7, 0)]
RANGES = {
    pid: (
        ">" + one.value_type.code,
        one.value_type.low if one.low is None else one.low,
        one.value_type.high if one.high is None else one.high,
    )
    for pid, one in MISSION.database.parameters.items()
    if one.writable
}
"""What may be written, as declared: type, lowest, highest."""
PLACES = by.places()
LENGTH = sum(octets for _, octets in PLACES.values())
NEAR = st.sampled_from(sorted(RANGES)).flatmap(lambda pid: st.integers(max(0, PLACES[pid][0] - 2), PLACES[pid][0] + 5))
OFFSETS = st.one_of(NEAR, st.integers(0, LENGTH + 4))
AREAS = st.lists(st.tuples(OFFSETS, st.integers(1, 30)), min_size=1, max_size=4)
WRITTEN = st.lists(st.tuples(OFFSETS, st.binary(max_size=5)), min_size=1, max_size=3)


def outcome(code: int) -> list[tuple[int, int]]:
    return [(4, code)] if code else OK


class MemoryBesideBytes(RuleBasedStateMachine):
    """`schedule` is the rows of that table; `written` the parameters that were loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk()
        self.schedule: dict[int, bytes] = {}
        self.written: dict[int, bytes] = {}
        self.transaction = 0

    @initialize()
    def boot(self) -> None:
        self.desk = Desk(self.disk)
        self.desk.restore()
        self.desk.parameters.restore(self.written, self.desk.now)
        self.mailbox: Mailbox[Request] = Mailbox("requests-020", 32)
        self.desk.verification.serve(SYSTEM, self.mailbox)
        self.commits = 0
        self.desk.take()

    @rule()
    def reset(self) -> None:
        self.boot()

    def pool(self) -> bytes:
        """The parameters object, from the live values, each packed by its type."""
        parts = []
        for pid in sorted(MISSION.database.parameters):
            parameter, raw = MISSION.database.parameters[pid], self.desk.parameters.values[pid]
            value = parameter.absent if raw is None else raw
            assert value is not None
            parts.append(struct.pack(">" + parameter.value_type.code, value))
        return b"".join(parts)

    def rows(self) -> bytes:
        return b"".join(struct.pack(">IH", key, len(row)) + row for key, row in sorted(self.schedule.items()))

    def object_octets(self, object_id: int) -> bytes:
        return self.pool() if object_id == by.PARAMETERS else self.rows()

    # --- what others do to the objects -----------------------------------------------------------------------------

    @rule(key=st.integers(0, 20), octets=st.integers(0, 1_200))
    def schedule_row(self, key: int, octets: int) -> None:
        self.schedule[key] = bytes((key,)) * octets
        self.desk.keeper.keep([put(Table.SCHEDULE, key, self.schedule[key])], self.desk.now, lambda *_: None)
        self.desk.answer()

    @rule()
    def schedule_clear(self) -> None:
        self.schedule.clear()
        self.desk.keeper.keep([clear(Table.SCHEDULE)], self.desk.now, lambda *_: None)
        self.desk.answer()

    # --- requests --------------------------------------------------------------------------------------------------

    @rule(object_id=st.sampled_from((by.PARAMETERS, by.SCHEDULE, 0, 99)), wanted=AREAS, whole=st.booleans())
    def dump(self, object_id: int, wanted: list[tuple[int, int]], whole: bool) -> None:
        there = self.object_octets(object_id)
        if whole and there and object_id == by.SCHEDULE:
            wanted = [(0, len(there)), *wanted]
        code = 0x10 if object_id not in (by.PARAMETERS, by.SCHEDULE) else 0
        if not code and any(at + length > len(there) for at, length in wanted):
            code = 0x16
        reports = asked(self.desk, 3, by.areas(object_id, *wanted), us=6 * SECOND)
        assert words(reports) == outcome(code)
        expected = tuple((at, there[at : at + length]) for at, length in wanted)
        if not code and object_id == by.PARAMETERS:  # a dump counts itself in what it dumps: compared after the count
            (dump,) = dumps(reports)
            counters = range(PLACES[105][0], sum(PLACES[105]))
            for (at, octets), (_, other) in zip(dump.areas, expected, strict=True):
                assert all(a == b for n, (a, b) in enumerate(zip(octets, other, strict=True), at) if n not in counters)
        else:
            assert dumps(reports) == ([] if code else [by.Dump(object_id, expected)])

    @rule(wanted=AREAS)
    def check(self, wanted: list[tuple[int, int]]) -> None:
        there = self.rows()
        reports = asked(self.desk, 7, by.areas(by.SCHEDULE, *wanted))
        outside = any(at + length > len(there) for at, length in wanted)
        assert words(reports) == outcome(0x16 if outside else 0)
        if not outside:
            sums = (struct.pack(">IHH", at, length, crc(there[at : at + length])) for at, length in wanted)
            (report,) = [r.data for r in reports if r.service == 6]
            assert report == bytes((by.SCHEDULE, len(wanted))) + b"".join(sums)

    @rule()
    def measure(self) -> None:
        reports = asked(self.desk, 17, bytes((by.SCHEDULE,)))
        assert words(reports) == OK
        there = self.rows()
        assert [r.data for r in reports if r.service == 6] == [
            struct.pack(">BIH", by.SCHEDULE, len(there), crc(there) if there else 0xFFFF)
        ]

    def load_outcome(self, written: list[tuple[int, bytes]]) -> tuple[int, bytes]:
        """The failure code of a load, or 0 and the pool that it makes."""
        octets = bytearray(self.pool())
        if any(not one for _, one in written):
            return 0x13, b""
        if any(at + len(one) > LENGTH for at, one in written):
            return 0x16, b""
        free = {n for pid in RANGES for n in range(PLACES[pid][0], sum(PLACES[pid]))}
        if any(n not in free for at, one in written for n in range(at, at + len(one))):
            return 0x19, b""
        for at, one in written:
            octets[at : at + len(one)] = one
        for pid, (code, low, high) in RANGES.items():
            (value,) = struct.unpack_from(code, octets, PLACES[pid][0])
            if not low <= value <= high:
                return 0x13, b""
        return 0, bytes(octets)

    def settle(self, reports: list[Report], code: int, after: bytes, kept: bool) -> None:
        """The store's word on a load, and what it did."""
        if code:
            assert words(reports) == [(4, code)]
            return
        assert words(reports) == [(3, 0)]
        self.commits += 1
        if not kept:
            self.desk.parameters.uncommitted(self.commits, self.desk.now, refused=True)
            assert words(turns(self.desk)) == [(8, 0x1B)]
            return
        self.desk.parameters.committed(self.commits, self.desk.now)
        assert words(turns(self.desk)) == [(7, 0)]
        for pid in RANGES:
            low, high = PLACES[pid][0], sum(PLACES[pid])
            assert self.pool()[low:high] == after[low:high]
        self.written |= self.desk.commits[-1]

    @rule(written=WRITTEN, kept=st.booleans(), damaged=st.booleans())
    def load(self, written: list[tuple[int, bytes]], kept: bool, damaged: bool) -> None:
        code, after = self.load_outcome(written)
        data = by.load(by.PARAMETERS, *written)
        if damaged:
            code, data = 0x15, data[:-1] + bytes((data[-1] ^ 1,))
        self.settle(asked(self.desk, 1, data), code, after, kept)

    @rule(written=WRITTEN, size=st.integers(1, 30), lost=st.integers(0, 40), kept=st.booleans())
    def load_in_parts(self, written: list[tuple[int, bytes]], size: int, lost: int, kept: bool) -> None:
        """A load that comes by ST[13]; part `lost` does not, if there is one of that number."""
        code, after = self.load_outcome(written)
        packet = telecommand(SYSTEM, 6, 1, by.load(by.PARAMETERS, *written), ack=0b1111, count=3)
        parts = [packet[at : at + size] for at in range(0, len(packet), size)]
        if len(parts) < 2:
            return
        self.transaction += 1
        before = self.pool()
        for n, octets in enumerate(parts):
            subtype = 9 if n == 0 else 11 if n == len(parts) - 1 else 10
            if n != lost:
                self.desk.ask(SYSTEM, 13, subtype, struct.pack(">HH", self.transaction, n + 1) + octets)
        request = self.mailbox.take()
        if lost < len(parts):
            assert request is None
            self.desk.now = type(self.desk.now)(self.desk.now + 61 * SECOND)
            turns(self.desk)
            counted = range(PLACES[110][0], sum(PLACES[110]))
            counted = range(min(counted.start, PLACES[100][0]), counted.stop)
            assert [o for n, o in enumerate(self.pool()) if n not in counted] == [
                o for n, o in enumerate(before) if n not in counted
            ]
            return
        assert request is not None
        self.desk.take()
        self.desk.executions[type(request.body)](request, self.desk.now)
        self.settle(turns(self.desk), code, after, kept)

    @precondition(lambda self: self.schedule)
    @rule()
    def end_dumps(self) -> None:
        there = self.rows()
        reports = asked(self.desk, 3, by.areas(by.SCHEDULE, (0, len(there))))
        running = words(reports) == [(3, 0)]
        assert running or words(reports) == OK
        assert words(asked(self.desk, 12, b"")) == ([(3, 0), (8, 0x14), (7, 0)] if running else OK)
        assert [r for r in turns(self.desk, SECOND) if r.service == 13] == []


MemoryBesideBytes.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestMemory = MemoryBesideBytes.TestCase
