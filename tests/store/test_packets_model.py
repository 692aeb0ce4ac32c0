"""The packet store beside a plain model: lists in memory, held against it through the wire, over restarts and cuts."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fsw.kernel.bus import InlineWire, Port
from fsw.kernel.clock import ManualClock, Micros
from fsw.store import packet_file, packet_search
from fsw.store.client import (
    Failed,
    PacketLimitsKept,
    PacketsBegun,
    PacketsChecked,
    PacketsDeleted,
    PacketsKept,
    PacketsRead,
    PacketsSummarised,
    PacketsTimed,
    Store,
    StoreAnswer,
    StoreStatus,
)
from fsw.store.packets import (
    PAGE_OCTETS_MIN,
    ROW_MAX,
    TAI_MAX,
    Limits,
    PacketRow,
    Put,
    PutDone,
    ReadRange,
    StoredPacket,
    StoreKind,
)
from fsw.store.server import StoreServer

NOW = Micros(0)
STORES = st.integers(0, 2)
TAIS = st.sampled_from((1_020, 0, 1_005, 1_050, 1_010))
ROWS = st.lists(st.tuples(STORES, st.integers(0, 60), TAIS, st.integers(20, 60)), min_size=3, max_size=12)
KINDS = st.sampled_from((StoreKind.CIRCULAR, StoreKind.CIRCULAR, StoreKind.BOUNDED, StoreKind.CLOSED))
QUOTAS = st.sampled_from((900, 400, 90, 30, 0))


class Row:
    """A row of the model."""

    def __init__(self, row: int, life: int, given: PacketRow) -> None:
        self.row, self.life, self.boot_us, self.tai, self.packet = row, life, given.boot_us, given.tai, given.packet


class Queue:
    """A store of the model."""

    def __init__(self) -> None:
        self.kind, self.priority, self.quota = StoreKind.CIRCULAR, 0, 0
        self.rows: list[Row] = []
        self.last = self.overwritten = self.refused = 0

    @property
    def octets(self) -> int:
        return sum(len(row.packet) for row in self.rows)

    def put(self, life: int, given: PacketRow) -> bool:
        octets = len(given.packet)
        full = octets > self.quota if self.kind is StoreKind.CIRCULAR else self.octets + octets > self.quota
        if full or self.kind is StoreKind.CLOSED:
            self.refused += 1
            return False
        self.last += 1
        self.rows.append(Row(self.last, life, given))
        return True

    def make_room(self) -> int:
        gone = 0
        while self.kind is StoreKind.CIRCULAR and self.octets > self.quota:
            self.rows.pop(0)
            gone += 1
        self.overwritten += gone
        return gone


class PacketsMachine(RuleBasedStateMachine):
    """Segments of four rows, so that many are begun, cut and passed over."""

    @initialize()
    def start(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(packet_file, "SEGMENT_ROWS", 4)
        self.patch.setattr(packet_file, "SLICE_SEGMENTS", 60)
        self.patch.setattr(packet_file, "CHECKED_SEGMENTS", 2)
        self.patch.setattr(packet_search, "PAGE_SEGMENTS", 3)
        self.folder = tempfile.TemporaryDirectory()
        self.queues: dict[int, Queue] = {}
        self.life = self.group = self.number = 0
        self.last_put: Put | None = None
        self.stored_last = False
        self.server = self.open()
        self.begin()
        for store, kind in ((0, StoreKind.CIRCULAR), (1, StoreKind.BOUNDED)):
            self.keep_limits(Limits(store, kind, store, 900))

    def open(self) -> StoreServer:
        self.server = StoreServer(str(Path(self.folder.name) / "store.sqlite"), synced=False)
        wire = InlineWire(lambda: self.server, ManualClock(), 0)
        self.store = Store(Port("store", wire, capacity=4, deadline_us=1_000_000))
        return self.server

    def teardown(self) -> None:
        if hasattr(self, "server"):
            self.server.close()
            self.folder.cleanup()
            self.patch.undo()

    def answer(self) -> StoreAnswer:
        (answer,) = self.store.poll(NOW)
        return answer

    def begin(self) -> None:
        self.store.begin_packets(NOW)
        answer = self.answer()
        assert isinstance(answer, PacketsBegun)
        self.life, self.group = self.life + 1, 0
        limits = tuple(Limits(n, queue.kind, queue.priority, queue.quota) for n, queue in sorted(self.queues.items()))
        assert answer.begun == (self.life, False, limits)

    @rule(cut=st.booleans())
    def boot_again(self, cut: bool) -> None:
        if not cut:
            self.server.close()
        self.open()
        self.begin()

    @rule()
    def lose_the_server(self) -> None:
        """The server dies and comes back within a life."""
        self.server.close()

    @rule(store=STORES, kind=KINDS, quota=QUOTAS, priority=st.integers(0, 255))
    def limit(self, store: int, kind: StoreKind, quota: int, priority: int) -> None:
        self.keep_limits(Limits(store, kind, priority, quota))

    def keep_limits(self, limits: Limits) -> None:
        self.store.limit_packets([limits], NOW)
        assert isinstance(self.answer(), PacketLimitsKept)
        queue = self.queues.setdefault(limits.store, Queue())
        _, queue.kind, queue.priority, queue.quota = limits

    @rule(rows=ROWS)
    def put_more(self, rows: list[tuple[int, int, int, int]]) -> None:
        """As `put`: it is drawn twice as often as the others."""
        self.put(rows)

    @rule(rows=ROWS)
    def put(self, rows: list[tuple[int, int, int, int]]) -> None:
        given = []
        for store, boot_us, tai, length in rows:
            self.number += 1
            given.append(PacketRow(store, 0, boot_us, tai, self.number.to_bytes(4, "big") + bytes(length - 4)))
        self.group += 1
        self.last_put = Put(self.life, self.group, given)
        stored = [row for row in given if row.store in self.queues and self.queues[row.store].put(self.life, row)]
        overwritten = sum(self.queues[n].make_room() for n in {row.store for row in given} & self.queues.keys())
        self.store.put_packets(self.last_put, NOW)
        self.stored_last = bool(stored)
        done = PutDone(False, False, len(stored), len(given) - len(stored), overwritten)
        answer = self.answer()
        assert isinstance(answer, PacketsKept)
        assert answer.done == done

    @rule()
    def put_again(self) -> None:
        """A group whose outcome nobody heard: kept once, and of a life that is over not at all."""
        if self.last_put is None or not self.stored_last:
            return
        self.store.put_packets(self.last_put, NOW)
        answer = self.answer()
        if self.last_put.life == self.life:
            assert isinstance(answer, PacketsKept)
            assert answer.done == PutDone(True, False, 0, 0, 0)
        else:
            assert isinstance(answer, Failed)
            assert answer.store_status is StoreStatus.STALE

    @rule(tai_at_boot=st.integers(1_000, 1_040))
    def time(self, tai_at_boot: int) -> None:
        changed = 0
        for queue in self.queues.values():
            for row in queue.rows:
                if row.life == self.life and row.tai == 0:
                    row.tai, changed = row.boot_us + tai_at_boot, changed + 1
        self.store.time_packets(self.life, tai_at_boot, NOW)
        answer = self.answer()
        assert isinstance(answer, PacketsTimed)
        assert (answer.more, answer.number) == (False, changed)

    @rule(
        store=STORES,
        up_to_row=st.one_of(st.just(ROW_MAX), st.integers(0, 60)),
        up_to_tai=st.one_of(st.just(TAI_MAX), TAIS),
    )
    def delete(self, store: int, up_to_row: int, up_to_tai: int) -> None:
        self.store.delete_packets(store, NOW, up_to_row=up_to_row, up_to_tai=up_to_tai)
        answer = self.answer()
        queue = self.queues.get(store)
        if queue is None:
            assert isinstance(answer, Failed)
            assert answer.store_status is StoreStatus.UNKNOWN_STORE
            return
        end = len(queue.rows)
        if up_to_tai != TAI_MAX:
            end = next((n for n, row in enumerate(queue.rows) if row.tai > up_to_tai), end)
            while end and queue.rows[end - 1].tai == 0:
                end -= 1
        gone = [row for row in queue.rows[:end] if row.row <= up_to_row]
        queue.rows = queue.rows[len(gone) :]
        assert isinstance(answer, PacketsDeleted)
        assert (answer.more, answer.number) == (False, len(gone))
        if queue.kind is StoreKind.CLOSED and not queue.rows:
            del self.queues[store]

    @rule(
        store=STORES, mark=st.integers(0, 80), span=st.tuples(TAIS, TAIS), backward=st.booleans(), timed=st.booleans()
    )
    def read(self, store: int, mark: int, span: tuple[int, int], backward: bool, timed: bool) -> None:
        if store not in self.queues:
            return
        first, last = sorted(span) if timed else (0, TAI_MAX)
        wanted = [
            StoredPacket(row.row, row.tai, row.packet)
            for row in self.queues[store].rows
            if (row.row < mark if backward else row.row > mark)
            and (not timed or (row.tai and first <= row.tai <= last))
        ]
        assert self.pages(ReadRange(store, mark, backward, first, last)) == (wanted[::-1] if backward else wanted)

    def pages(self, wanted: ReadRange) -> list[StoredPacket]:
        found: list[StoredPacket] = []
        for _ in range(200):
            self.store.read_packets(wanted._replace(octets_max=PAGE_OCTETS_MIN), NOW)
            answer = self.answer()
            assert isinstance(answer, PacketsRead)
            found += answer.page.packets
            if not answer.page.more:
                return found
            wanted = wanted._replace(row=answer.page.cursor)
        raise AssertionError("reading has no end")

    @rule(store=STORES, mark=st.integers(0, 80))
    def summarise(self, store: int, mark: int) -> None:
        queue = self.queues.get(store)
        self.store.summarise_packets(store, mark, NOW)
        answer = self.answer()
        if queue is None:
            assert isinstance(answer, Failed)
            return
        assert isinstance(answer, PacketsSummarised)
        rows = queue.rows
        behind = [row for row in rows if row.row > mark]
        ends = (rows[0].tai, rows[-1].tai, rows[0].row, rows[-1].row) if rows else (0, 0, 0, 0)
        sums = (len(behind), sum(len(row.packet) for row in behind), queue.overwritten, queue.refused)
        limits = (queue.kind, queue.priority, queue.quota)
        assert answer.summary == (*limits, len(rows), queue.octets, *ends, *sums)

    @rule()
    def check(self) -> None:
        more, found = True, 0
        while more:
            self.store.check(NOW)
            answer = self.answer()
            assert isinstance(answer, PacketsChecked)
            more, found = answer.more, found + answer.number
        assert found == sum(len(queue.rows) for queue in self.queues.values())

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for store, queue in getattr(self, "queues", {}).items():
            wanted = [StoredPacket(row.row, row.tai, row.packet) for row in queue.rows]
            assert self.pages(ReadRange(store)) == wanted


TestPackets = pytest.mark.proves("K-STORE-001", "K-STORE-007")(PacketsMachine.TestCase)
TestPackets.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
