"""What services keep over a reset: changes go to the store in one transaction a turn, and come back at the next boot.

A service applies a request when its changes are on the disk, never before: `Turns.commit` starts, keeps, applies and
completes. While it waits for its commit its later requests wait in `Turns`, in their order, so that every check sees
what has been applied.
Off nominal: a store that refuses fails the request with 0x1B, one that does not answer in time with 0x1A ("outcome
unknown, read it back"), a full queue with 8, a mode in which nothing is written with 0x14; nothing is applied. Until a
table has been loaded after a boot, requests that need it are refused with 8.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from enum import Enum, unique
from typing import Final

from fsw.kernel.clock import Micros
from fsw.pus.ids import FailureCode
from fsw.services.process import Execution
from fsw.services.verification import Progress, Request, Verification
from fsw.store.client import Failed, Kept, RowsLoaded, Store, StoreAnswer
from fsw.store.keep import Change, Table
from fsw.store.protocol import LIST_OCTETS_MAX

WAITING_MAX: Final = 32
"""Requests of one service that wait behind a commit; the next one is refused."""
BATCHES_MAX: Final = 64


@unique
class Outcome(Enum):
    """What became of a list of changes."""

    KEPT = "on the disk"
    REFUSED = "not made"
    UNKNOWN = "perhaps made"


CODES: Final = {Outcome.REFUSED: FailureCode.INTERNAL, Outcome.UNKNOWN: FailureCode.TIMEOUT}
Then = Callable[[Outcome, Micros], None]
Restore = Callable[[Mapping[int, bytes], Micros], None]
Page = Callable[[RowsLoaded | None, Micros], None]
"""Told of one page of rows; None when the store did not give it."""


class _Loading:
    """One table on its way back from the disk."""

    __slots__ = ("asked", "restore", "rows")

    def __init__(self, restore: Restore) -> None:
        self.restore = restore
        self.rows: dict[int, bytes] = {}
        self.asked: int | None = None


class Keeper:
    """The services' side of the store's kept tables. `system` hands it the store's answers and its turns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch: list[Change] = []
        self._batch_octets = 0
        self._batch_then: list[Then] = []
        self._sent: dict[int, list[Then]] = {}
        self._loading: dict[Table, _Loading] = {}
        self._reading: dict[int, Page] = {}
        self.held = False
        """Whether the board's mode lets no request change what outlives a reset; written by `system`."""
        self.commits = 0
        """Lists of changes that are on the disk, in this life."""

    def __len__(self) -> int:
        return len(self._batch_then)

    @property
    def waiting(self) -> Sized:
        """What `len` counts, for `Slot.wakes`: the same object for good."""
        return self._batch_then

    def restores(self, table: Table, restore: Restore) -> None:
        """Have `restore` called once, with every row of `table`, when the store has given them after this boot."""
        assert table not in self._loading, f"two services keep {table.name}"
        self._loading[table] = _Loading(restore)

    def ready(self, table: Table) -> bool:
        """Whether the rows of `table` are back."""
        return table not in self._loading

    def keep(self, changes: Sequence[Change], now: Micros, then: Then) -> bool:
        """Make these changes, all or none; `then` is called when the outcome is known.

        False, and `then` is never called, when too much waits for the store already.
        """
        octets = sum(change.size for change in changes)
        assert octets <= LIST_OCTETS_MAX, "one list of changes fits one message"
        if self._batch_octets + octets > LIST_OCTETS_MAX:
            self.flush(now)
        if self._batch_octets + octets > LIST_OCTETS_MAX or len(self._batch_then) >= BATCHES_MAX:
            return False
        self._batch += changes
        self._batch_octets += octets
        self._batch_then.append(then)
        return True

    def flush(self, now: Micros) -> None:
        """Hand what has been gathered to the store, as one transaction; it stays when the store's queue is full."""
        if not self._batch_then:
            return
        asked = self._store.keep(self._batch, now)
        if asked is not None:
            self._sent[asked] = self._batch_then.copy()
            self._batch, self._batch_octets = [], 0
            self._batch_then.clear()

    def load(self, now: Micros) -> bool:
        """Ask for what is not back yet; False when the store's queue is full."""
        for table, loading in self._loading.items():
            if loading.asked is None:
                first_key = max(loading.rows) + 1 if loading.rows else 0
                loading.asked = self._store.load_rows(table, first_key, now)
                if loading.asked is None:
                    return False
        return True

    def read(self, table: Table, first_key: int, now: Micros, then: Page) -> bool:
        """Read a page of what is on the disk; False, and `then` is never called, when the store's queue is full."""
        asked = self._store.load_rows(table, first_key, now)
        if asked is not None:
            self._reading[asked] = then
        return asked is not None

    @property
    def restored(self) -> bool:
        """Whether every table is back."""
        return not self._loading

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is not the keeper's."""
        match answer:
            case Kept(request_id):
                self.commits += 1
                return self._settle(request_id, Outcome.KEPT, now)
            case RowsLoaded(request_id):
                if request_id in self._reading:
                    self._reading.pop(request_id)(answer, now)
                else:
                    self._loaded(answer, now)
                return True
            case Failed(request_id, _, store_status):
                if request_id in self._reading:
                    self._reading.pop(request_id)(None, now)
                    return True
                for loading in self._loading.values():
                    if loading.asked == request_id:
                        loading.asked = None
                        return True
                return self._settle(request_id, Outcome.UNKNOWN if store_status is None else Outcome.REFUSED, now)
            case _:
                return False

    def _settle(self, request_id: int, outcome: Outcome, now: Micros) -> bool:
        thens = self._sent.pop(request_id, None)
        for then in thens or ():
            then(outcome, now)
        return thens is not None

    def _loaded(self, answer: RowsLoaded, now: Micros) -> None:
        for table, loading in self._loading.items():
            if loading.asked == answer.request_id:
                loading.asked = None
                loading.rows.update(answer.rows)
                if answer.more:
                    loading.asked = self._store.load_rows(table, max(loading.rows) + 1, now)
                else:
                    del self._loading[table]
                    loading.restore(loading.rows, now)
                return


class Turns:
    """The requests of one service, one after the other while a commit is awaited."""

    def __init__(self, keeper: Keeper, verification: Verification, table: Table) -> None:
        self._keeper = keeper
        self._verification = verification
        self._table = table
        self._waiting: deque[tuple[Execution, Request]] = deque()
        self._busy = False

    @property
    def busy(self) -> bool:
        """Whether a commit is awaited."""
        return self._busy

    def guard(
        self, executions: Mapping[type[object], Execution], rowless: Collection[type[object]] = ()
    ) -> dict[type[object], Execution]:
        """The same executions, each in its turn; those of `rowless` are served though the table is not back."""
        return {body: self._in_turn(execution, body in rowless) for body, execution in executions.items()}

    def _in_turn(self, execution: Execution, rowless: bool) -> Execution:
        def serve(request: Request, now: Micros) -> None:
            if not (rowless or self._keeper.ready(self._table)) or len(self._waiting) >= WAITING_MAX:
                self._verification.refused(request, FailureCode.BUSY, now)
            elif self._busy:
                self._waiting.append((execution, request))
            else:
                execution(request, now)

        return serve

    def commit(
        self,
        request: Request,
        changes: Sequence[Change],
        now: Micros,
        apply: Callable[[Micros], None],
        unknown: Callable[[Micros], None] | None = None,
    ) -> None:
        """The rest of a request that has started: keep `changes`, then `apply` and complete; or fail, unapplied.

        `unknown` is told, before the next request's turn, when nobody knows whether the changes are made.
        """
        assert request.progress is Progress.STARTED, "a request starts before it commits"
        if self._keeper.held:
            self._verification.failed(request, FailureCode.WRONG_STATE, now)
            return

        def then(outcome: Outcome, at: Micros) -> None:
            self._busy = False
            if outcome is Outcome.KEPT:
                apply(at)
                self._verification.completed(request, at)
            else:
                self._verification.failed(request, CODES[outcome], at)
                if outcome is Outcome.UNKNOWN and unknown is not None:
                    unknown(at)
            while self._waiting and not self._busy:
                execution, waiting = self._waiting.popleft()
                execution(waiting, at)

        done = self._verification.completing(request)
        fits = sum(change.size for change in (*changes, *done)) <= LIST_OCTETS_MAX
        self._busy = self._keeper.keep([*changes, *done] if fits else changes, now, then)
        if not self._busy:
            self._verification.failed(request, FailureCode.BUSY, now)
