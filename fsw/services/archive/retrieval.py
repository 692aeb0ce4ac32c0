"""ST[15] retrieval: what of the packet stores is sent again on VC 3, unmodified, in which order.

Open retrieval sends what lies behind a store's tag and then what the store takes; its tag moves when the frame that
ends a packet has gone out, and is kept every `KEEP_US` and before the board goes off: a cut repeats some packets and
loses none. A retrieval by time range ends with its last packet or with this life. A flush by value sends what lies
behind the tags, the store of highest priority first, the newest packet first; while it goes on nothing else is sent
again. Of several retrievals that of the highest priority is served first.
Off nominal: a store that cannot be read is told of once and read again after `RETRY_US`. Packets without a time are
sent behind a tag, never for a time range. What stands in the place of a file that was set aside is sent from its
beginning, and once more after the next boot.
"""

from enum import Enum, unique
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import storage as mdb
from fsw.services.archive.packet_queue import PacketQueue
from fsw.services.archive.packet_store import PacketStore
from fsw.services.archive.packet_stores import PacketStores
from fsw.services.archive.replay import LOW_OCTETS, Item, Replay
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome
from fsw.store.client import Failed, PacketsRead, PacketsSummarised, Store, StoreAnswer
from fsw.store.packets import PAGE_OCTETS_MIN, ROW_MAX, TAI_MAX, Page, ReadRange

RETRY_US: Final = 5_000_000
KEEP_US: Final = 10_000_000
PORT_FULL_US: Final = 50_000
assert LOW_OCTETS >= PAGE_OCTETS_MIN, "a page that is read ahead holds a packet"


@unique
class Purpose(Enum):
    """Why packets are sent again."""

    OPEN = "open"
    BY_TIME = "by time"
    FLUSH = "flush"


class Job:
    """One store's retrieval under way: how far it has read, how many packets of it are not sent yet."""

    __slots__ = ("cursor", "epoch", "high", "more", "pending", "purpose", "sent", "store", "tai_from", "tai_to")

    def __init__(self, store: PacketStore, purpose: Purpose, tai_from: int = 0, tai_to: int = TAI_MAX) -> None:
        self.store = store
        self.purpose = purpose
        self.cursor = {Purpose.OPEN: store.tag_row, Purpose.BY_TIME: 0, Purpose.FLUSH: ROW_MAX}[purpose]
        self.tai_from = tai_from
        self.tai_to = tai_to
        self.more = True
        self.pending = 0
        self.sent = 0
        self.high: Item | None = None
        """The newest packet of a flush."""
        self.epoch = store.epoch
        """What is sent of it moves the tag as long as the store's is the same."""


class Retrieval:
    """All retrievals of the board; `step` keeps the buffer of VC 3 filled."""

    def __init__(
        self, stores: PacketStores, queue: PacketQueue, replay: Replay, store: Store, services: Services
    ) -> None:
        self._stores = stores
        self._queue = queue
        self._replay = replay
        self._store = store
        self._services = services
        self._jobs: dict[int, Job] = {}
        """Open retrieval and retrieval by time, by store: the table of states allows one of them."""
        self._flush: list[Job] = []
        self._flushed = 0
        self._checked: set[int] = set()
        """Stores whose tags are known to lie within what they hold."""
        self._asked: tuple[int, Job] | None = None
        self._retry_us = Micros(0)
        self._failing = False
        self._keep_us = NEVER
        self._keeping = False
        replay.sent = self._sent
        replay.lost = self._rewind

    # --- retrievals ------------------------------------------------------------------------------------------------

    def begin_open(self, store: PacketStore) -> None:
        """Send what lies behind the tag of a store, and then what it takes."""
        self._jobs[store.store] = Job(store, Purpose.OPEN, store.tag_from)
        self._services.attention.ring()

    def begin_range(self, store: PacketStore, tai_from: int, tai_to: int) -> None:
        """Send the packets of a time range."""
        store.by_time = True
        self._jobs[store.store] = Job(store, Purpose.BY_TIME, tai_from, tai_to)
        self._services.attention.ring()

    def end(self, store: PacketStore) -> None:
        """Send no more of a store; what a frame has taken goes out."""
        job = self._jobs.pop(store.store, None)
        store.by_time = False
        if job is not None:
            job.pending -= self._replay.drop(job)

    @property
    def flushing(self) -> bool:
        """Whether a flush by value goes on."""
        return bool(self._flush)

    def begin_flush(self, now: Micros) -> None:
        """Send what the ground misses of all stores, best first; open retrieval waits meanwhile."""
        self._flushed = 0
        for store in self._stores.stores.values():
            self.end(store)
            store.flush = True
        order = sorted(self._stores.stores.values(), key=lambda store: (-store.value, store.store))
        self._flush = [Job(store, Purpose.FLUSH, store.tag_from) for store in order]
        if not self._flush:
            self.end_flush(now, empty=True)
        self._services.attention.ring()

    def end_flush(self, now: Micros, *, empty: bool) -> None:
        """The flush is done, or told to stop; open retrieval goes on behind the tags as they stand."""
        for job in self._flush:
            self._flushed += job.sent
            self._replay.drop(job)
        self._flush = []
        for store in self._stores.stores.values():
            store.flush = False
            if store.open:
                self.begin_open(store)
        self._services.events.report(mdb.FlushDone(empty=empty, packets=self._flushed), now)

    # --- reading ahead ---------------------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether every tag is on the disk as it stands."""
        return self._keep_us >= NEVER and not self._keeping

    def opened(self, fresh: bool, now: Micros) -> None:
        """The packet store can be read; after a damaged file was set aside its rows are new ones."""
        self._checked.clear()
        for store in self._stores.stores.values():
            if fresh and store.tag_row:
                self._reset(store, now)
            if store.open and not store.flush and store.store not in self._jobs:
                self.begin_open(store)

    def kept(self, stores: frozenset[int]) -> None:
        """These stores have new rows."""
        for number in stores:
            job = self._jobs.get(number)
            if job is not None and job.purpose is Purpose.OPEN:
                job.more = True

    def step(self, now: Micros) -> Micros:
        """Read the next page when there is room for it; returns when there is more to do without an answer."""
        if not self._jobs and not self._flush and self._keep_us >= NEVER:
            return NEVER
        if now >= self._keep_us or (self._queue.hurry and self._keep_us < NEVER):
            self._keep_tags(now)
        if self._asked is not None or not self._queue.ready or not self._replay.wants:
            return self._keep_us
        job = self._next()
        if job is None:
            return self._keep_us
        if now < self._retry_us:
            return min(self._retry_us, self._keep_us)
        if job.purpose is not Purpose.BY_TIME and job.store.store not in self._checked:
            asked = self._store.summarise_packets(job.store.store, job.store.tag_row, now)
        else:
            backward = job.purpose is Purpose.FLUSH
            wanted = ReadRange(job.store.store, job.cursor, backward, job.tai_from, job.tai_to, LOW_OCTETS)
            asked = self._store.read_packets(wanted, now)
        if asked is None:
            return min(Micros(now + PORT_FULL_US), self._keep_us)
        self._asked = (asked, job)
        return self._keep_us

    def _next(self) -> Job | None:
        """The retrieval that is served now."""
        if self._flush:
            return self._flush[0] if self._flush[0].more else None
        waiting = [job for job in self._jobs.values() if job.more]
        return min(waiting, key=lambda job: (-job.store.value, job.store.store), default=None)

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is not for retrieval."""
        if self._asked is None or answer.request_id != self._asked[0]:
            return False
        job, self._asked = self._asked[1], None
        if isinstance(answer, Failed):
            self._retry_us = Micros(now + RETRY_US)
            if not self._failing:
                self._failing = True
                self._services.events.report(mdb.RetrievalFailed(store=job.store.store), now)
            return True
        self._failing = False
        if isinstance(answer, PacketsSummarised):
            self.seen(job.store, answer.summary.row_last, now)
        elif isinstance(answer, PacketsRead) and self._current(job):
            self._fill(job, answer.page, now)
        return True

    def _current(self, job: Job) -> bool:
        return job in self._flush[:1] or self._jobs.get(job.store.store) is job

    def seen(self, store: PacketStore, row_last: int, now: Micros) -> None:
        """A store's last row is known: a tag behind it is of a file that is no more."""
        self._checked.add(store.store)
        if store.tag_row > row_last:
            self._reset(store, now)

    def _reset(self, store: PacketStore, now: Micros) -> None:
        store.tag_row = 0
        store.epoch += 1
        self._moved(store, now)
        job = self._jobs.get(store.store)
        if job is not None and job.purpose is Purpose.OPEN:
            self.end(store)
            self.begin_open(store)

    def _fill(self, job: Job, page: Page, now: Micros) -> None:
        """Put a page into the buffer."""
        job.cursor, job.more = page.cursor, page.more
        items = [Item(job, row, tai, packet) for row, tai, packet in page.packets]
        if job.purpose is Purpose.FLUSH:
            low = job.store.tag_row
            job.more = job.more and page.cursor > low + 1
            items = [item for item in items if item.row > low]
            job.high = job.high or (items[0] if items else None)
        elif items:
            job.tai_from = job.tai_from if job.purpose is Purpose.BY_TIME else 0
        job.pending += len(items)
        self._replay.put(items, now)
        if not job.more and not job.pending:
            self._finish(job, now)

    # --- what has been sent ----------------------------------------------------------------------------------------

    def _sent(self, item: Item, now: Micros) -> None:
        """A packet has gone out."""
        job = item.job
        assert isinstance(job, Job)
        job.pending -= 1
        job.sent += 1
        store = job.store
        if job.purpose is Purpose.OPEN and job.epoch == store.epoch and item.row > store.tag_row:
            store.tag_row, store.tag_tai, store.tag_from = item.row, item.tai or store.tag_tai, 0
            self._moved(store, now)
        if not job.pending and not job.more and self._current(job):
            self._finish(job, now)

    def _moved(self, store: PacketStore, now: Micros) -> None:
        store.moved = True
        if self._keep_us >= NEVER:
            self._keep_us = Micros(now + KEEP_US)

    def _finish(self, job: Job, now: Micros) -> None:
        """All of a retrieval has been sent."""
        events, store = self._services.events, job.store
        if job.purpose is Purpose.BY_TIME:
            store.by_time = False
            del self._jobs[store.store]
            events.report(mdb.RetrievalDone(store=store.store, packets=job.sent), now)
        elif job.purpose is Purpose.FLUSH:
            if job.high is not None:
                store.tag_row, store.tag_tai, store.tag_from = job.high.row, job.high.tai or store.tag_tai, 0
                self._moved(store, now)
            self._flushed += job.sent
            self._flush.remove(job)
            if not self._flush:
                self.end_flush(now, empty=True)
            self._services.attention.ring()

    def _rewind(self, now: Micros) -> None:
        """A frame was lost, and the buffer with it: everything begins again behind what has been sent."""
        del now
        for job in (*self._jobs.values(), *self._flush[:1]):
            after = Job(job.store, job.purpose, job.tai_from, job.tai_to)
            after.sent = job.sent
            if job.purpose is Purpose.FLUSH:
                self._flush[0] = after
            else:
                self._jobs[job.store.store] = after
        self._services.attention.ring()

    def _keep_tags(self, now: Micros) -> None:
        """Have the tags that moved written down."""
        if self._keeping:
            self._keep_us = Micros(now + PORT_FULL_US)
            return
        moved = [store for store in self._stores.stores.values() if store.moved]
        self._keep_us = NEVER
        if not moved:
            return
        marks = [(store, store.tag_row) for store in moved]

        def then(outcome: Outcome, at: Micros) -> None:
            self._keeping = False
            for store, row in marks:
                if outcome is Outcome.KEPT and store.tag_row == row:
                    store.moved = False
            if any(store.moved for store, _ in marks):
                self._keep_us = min(self._keep_us, Micros(at + KEEP_US))

        self._keeping = self._services.keeper.keep([store.tag() for store in moved], now, then)
        if not self._keeping:
            self._keep_us = Micros(now + RETRY_US)
