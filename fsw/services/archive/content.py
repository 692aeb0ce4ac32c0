"""ST[15] content of packet stores: what they hold, deleting and copying it, what the ground still misses.

Each of these asks the packet store several things, one after the other; such requests are served one at a time, in
their order (subtypes 11, 12, 21 and 24, function 10). What is judged is the state when a request's turn comes.
Off nominal: a request that finds too many before it, or a packet store that is not open yet, is refused with 8; a
store that must be empty and is not with 0x18, one copied into itself with 0x13. A disk that fails ends the request
with 0x1B, one that does not answer with 0x1A; what was deleted or copied until then stays so.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from fsw.ccsds.time_code import TAI_US_MAX, cuc_encode
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import storage as mdb
from fsw.mdb.fields import Bounds
from fsw.pus.ids import FailureCode
from fsw.services.archive.allocation import Allocation, summary
from fsw.services.archive.packet_queue import PacketQueue
from fsw.services.archive.packet_store import PacketStore
from fsw.services.archive.packet_stores import PacketStores
from fsw.services.archive.retrieval import Retrieval
from fsw.services.archive.retrieval_control import tai_us
from fsw.services.process import Execution
from fsw.services.verification import Progress, Request, Verification
from fsw.store.client import Failed, PacketsDeleted, PacketsRead, PacketsSummarised, Store, StoreAnswer
from fsw.store.packets import TAI_MAX, ReadRange, Summary

WAITING_MAX: Final = 8
COPY_OCTETS: Final = 16_384
COPY_AHEAD: Final = 1_024
"""Packets in the queue above which copying waits for the disk."""
LOOK_US: Final = 50_000
EVERYTHING_US: Final = TAI_US_MAX - 1_000_000
"""A time from here on means all packets, those without a time too."""
_CUC: Final = 7


class _Work:
    """A request whose turn it is: the stores that are still to be asked about, and what was answered."""

    __slots__ = ("answer", "cursor", "done", "found", "request", "span", "stores")

    def __init__(self, request: Request, stores: list[PacketStore]) -> None:
        self.request = request
        self.stores = deque(stores)
        self.found: list[tuple[PacketStore, Summary]] = []
        self.cursor = 0
        self.span = (1, TAI_MAX)
        self.done = False
        self.answer: int | None = None


class Content:
    """Serves the requests that look into packet stores."""

    def __init__(
        self,
        stores: PacketStores,
        queue: PacketQueue,
        retrieval: Retrieval,
        store: Store,
        verification: Verification,
        allocation: Allocation,
    ) -> None:
        self._stores = stores
        self._queue = queue
        self._retrieval = retrieval
        self._store = store
        self._verification = verification
        self._allocation = allocation
        self._waiting: deque[Request] = deque()
        self._work: _Work | None = None
        self._delete = stores.turns.guard({mdb.DeleteStores: stores.delete})[mdb.DeleteStores]
        served = (mdb.DescribeContent, mdb.DeleteContent, mdb.DeleteStores, mdb.CopyPackets, mdb.Summarise)
        self.executions: Mapping[type[object], Execution] = dict.fromkeys(served, self._take)

    def _take(self, request: Request, now: Micros) -> None:
        if not self._queue.ready or len(self._waiting) >= WAITING_MAX:
            self._verification.refused(request, FailureCode.BUSY, now)
        else:
            self._waiting.append(request)

    def step(self, now: Micros) -> Micros:
        """Go on with what is under way; returns when there is more to do without an answer."""
        if self._work is None and not self._waiting:
            return NEVER
        while self._work is None and self._waiting:
            self._work = self._begin(self._waiting.popleft(), now)
        work = self._work
        if work is None or work.answer is not None:
            return NEVER
        if isinstance(work.request.body, mdb.CopyPackets) and work.request.progress is Progress.STARTED:
            return self._copy(work, now)
        store = work.stores[0]
        if isinstance(work.request.body, mdb.DeleteContent):
            tai = tai_us(work.request.body.tai_to)
            limit = TAI_MAX if tai >= EVERYTHING_US else tai
            work.answer = self._store.delete_packets(store.store, now, up_to_tai=limit)
        else:
            work.answer = self._store.summarise_packets(store.store, store.tag_row, now)
        return NEVER if work.answer is not None else Micros(now + LOOK_US)

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is not for this service."""
        work = self._work
        if work is None or answer.request_id != work.answer:
            return False
        work.answer = None
        match answer:
            case Failed(_, _, status):
                self._fail(work, FailureCode.TIMEOUT if status is None else FailureCode.INTERNAL, now)
            case PacketsSummarised(_, held):
                store = work.stores.popleft()
                work.found.append((store, held))
                self._retrieval.seen(store, held.row_last, now)
                if not work.stores:
                    self._judge(work, now)
            case PacketsDeleted(_, more, _):
                if not more:
                    work.stores.popleft()
                if not work.stores:
                    self._end(work, now)
            case PacketsRead(_, page):
                work.cursor, work.done = page.cursor, not page.more
                body = work.request.body
                assert isinstance(body, mdb.CopyPackets)
                taken = [self._queue.put((body.store_to,), found.packet, now, found.tai) for found in page.packets]
                if not all(taken):
                    self._fail(work, FailureCode.CAPACITY, now)
            case _:
                raise AssertionError("asked for nothing else")
        return True

    # --- the turn of a request -------------------------------------------------------------------------------------

    def _begin(self, request: Request, now: Micros) -> _Work | None:
        """Judge a request; None when that was its end."""
        body = request.body
        if isinstance(body, mdb.CopyPackets):
            return self._begin_copy(request, body, now)
        numbers = body.stores if isinstance(body, mdb.DescribeContent | mdb.DeleteContent | mdb.DeleteStores) else ()
        stores = self._stores.named(request, numbers, now)
        if stores is None:
            return None
        work = _Work(request, stores)
        if isinstance(body, mdb.DeleteContent):
            self._verification.started(request, now)
        if not stores:
            self._judge(work, now)
            return None
        return work

    def _judge(self, work: _Work, now: Micros) -> None:
        """All stores have been looked at: say what was asked for, or go on."""
        request, body = work.request, work.request.body
        match body:
            case mdb.DescribeContent():
                self._verification.started(request, now)
                contents = tuple(_content(store, held) for store, held in work.found)
                self._stores.report(mdb.Contents(stores=contents), request, now)
                self._end(work, now)
            case mdb.Summarise():
                self._verification.started(request, now)
                report = summary(work.found, self._queue.octets_of, now // 1_000_000, self._allocation)
                self._stores.report(report, request, now)
                self._end(work, now)
            case mdb.DeleteStores() | mdb.CopyPackets() if any(held.packets for _, held in work.found):
                self._verification.refused(request, FailureCode.NOT_EMPTY, now)
                self._work = None
            case mdb.DeleteStores():
                self._work = None
                self._delete(request, now)
            case mdb.CopyPackets():
                self._verification.started(request, now)
            case _:
                self._end(work, now)

    def _end(self, work: _Work, now: Micros) -> None:
        self._work = None
        self._verification.completed(work.request, now)

    def _fail(self, work: _Work, code: FailureCode, now: Micros) -> None:
        self._work = None
        if work.request.progress is Progress.STARTED:
            self._verification.failed(work.request, code, now)
        else:
            self._verification.refused(work.request, code, now)

    # --- copying ---------------------------------------------------------------------------------------------------

    def _begin_copy(self, request: Request, body: mdb.CopyPackets, now: Micros) -> _Work | None:
        stores = self._stores.named(request, (body.store_to,), now)
        if stores is None:
            return None
        code: FailureCode | None = None
        if body.store_from not in self._stores.stores:
            code = FailureCode.UNKNOWN_ID
        elif body.store_from == body.store_to:
            code = FailureCode.OUT_OF_RANGE
        if code is not None:
            self._verification.refused(request, code, now)
            return None
        work = _Work(request, stores)
        work.span = _span(body.window)
        return work

    def _copy(self, work: _Work, now: Micros) -> Micros:
        """Read on while the queue has room; done when all of it is on the disk."""
        body = work.request.body
        assert isinstance(body, mdb.CopyPackets)
        if work.done and self._queue.settled:
            self._end(work, now)
            return NEVER
        if not work.done and len(self._queue) < COPY_AHEAD:
            wanted = ReadRange(body.store_from, work.cursor, False, *work.span, COPY_OCTETS)
            work.answer = self._store.read_packets(wanted, now)
        return Micros(now + LOOK_US)


def _span(window: bytes) -> tuple[int, int]:
    """First and last TAI of a window; packets without a time are in none."""
    times = [tai_us(window[at : at + _CUC]) for at in range(1, len(window), _CUC)]
    match Bounds(window[0]):
        case Bounds.BETWEEN:
            return max(1, times[0]), times[1]
        case Bounds.FROM:
            return max(1, times[0]), TAI_MAX
        case Bounds.UNTIL:
            return 1, times[0]
        case Bounds.ALL:
            return 1, TAI_MAX


def _content(store: PacketStore, held: Summary) -> mdb.StoreContent:
    return mdb.StoreContent(
        store=store.store,
        oldest=_cuc(held.tai_oldest),
        newest=_cuc(held.tai_newest),
        open_tag=_cuc(store.tag_from or store.tag_tai),
        filled=min(100, held.octets * 100 // store.quota),
        missing=min(100, held.octets_behind * 100 // store.quota),
    )


def _cuc(tai: int) -> bytes:
    return cuc_encode(min(tai, TAI_US_MAX))
