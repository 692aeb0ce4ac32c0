"""The fate of every command: the last 256 requests with their last words, kept over resets and reported.

A word is written down as it is said, whether or not its report was asked for: at once for ten commits, then with five
a second. So the ground may have lost every report of a pass and still knows. That a request came is on its way to the
disk before the request is served, and the store keeps its order: what has left anything on the disk is on the list. A
hazardous request waits until it is there (`assure`).
Off nominal: while nothing may be written the words wait in memory; without a store the list is that of this life, and
says so (`whole`); what the store refuses is offered again every 5 s; a request that was under way when a life ended is
CUT at the next boot. One that a life's last milliseconds brought may be missing: it has left nothing behind.
"""

from collections import deque
from collections.abc import Callable, Mapping
from itertools import islice
from struct import Struct
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb.fates import FATES_MAX, REPORT_SUBTYPE, REPORTED_MAX, Fate, FateList, LastWord, ReportFates
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service, TimeStatus
from fsw.pus.st01 import Stage
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.store.keep import Change, Table, put
from fsw.store.protocol import LIST_OCTETS_MAX

COMMIT_US: Final = 200_000
BURST: Final = 10
"""Commits that may follow one another at once; then one in `COMMIT_US`."""
RETRY_US: Final = 5_000_000
LIST_MAX: Final = 64
"""Rows of one commit; the rest follow with the next."""
_ROW: Final = Struct(">I4sHB7sBH")  # number, request id, source id, time status, CUC, word, code
_ROW_MAX: Final = _ROW.size + 8
assert LIST_MAX * _ROW_MAX < LIST_OCTETS_MAX, "one commit is one message"

_WORDS: Final = {
    Stage.STARTED: LastWord.STARTED,
    Stage.PROGRESS: LastWord.STARTED,
    Stage.START_FAILED: LastWord.REFUSED,
    Stage.PROGRESS_FAILED: LastWord.FAILED,
    Stage.COMPLETION_FAILED: LastWord.FAILED,
    Stage.COMPLETED: LastWord.COMPLETED,
    Stage.ACCEPTANCE_FAILED: LastWord.REJECTED,
    Stage.ROUTING_FAILED: LastWord.NOT_ROUTED,
}
_OPEN: Final = frozenset((LastWord.ACCEPTED, LastWord.STARTED))


class _Fate:
    """One request."""

    __slots__ = ("code", "number", "promised", "request_id", "source_id", "status", "time", "word")

    def __init__(
        self, number: int, request_id: bytes, source_id: int, status: int, time: bytes, word: int, code: int
    ) -> None:
        self.number = number
        self.request_id = request_id
        self.source_id = source_id
        self.status = status
        self.time = time
        self.word = LastWord(word)
        self.code = code
        self.promised = False  # its completion is kept with what it changes

    def row(self) -> Change:
        """The row that keeps it; each row is written again 256 requests later."""
        return self._row(self.word, self.code)

    def completed(self) -> Change:
        """The row as it will be when it has completed."""
        return self._row(LastWord.COMPLETED, 0)

    def _row(self, word: LastWord, code: int) -> Change:
        octets = _ROW.pack(self.number, self.request_id, self.source_id, self.status, self.time, word, code)
        return put(Table.FATES, self.number % FATES_MAX, octets)

    def told(self) -> Fate:
        """As it is reported."""
        return Fate(
            self.number, self.request_id, self.source_id, TimeStatus(self.status), self.time, self.word, self.code
        )  # fmt: skip


class Fates:
    """The witness of ST[01]; `step` is its turn in the slot of `system`."""

    def __init__(self, board: Board, telemetry: TelemetryService, time: Timebase, services: Services) -> None:
        self._board = board
        self._telemetry = telemetry
        self._time = time
        self._verification = services.verification
        self._keeper = services.keeper
        self._attention = services.attention
        self._ring: deque[_Fate] = deque(maxlen=FATES_MAX)
        self._following = 0
        self._unwritten: dict[int, _Fate] = {}  # by number, oldest first; in the ring all of them
        self._whole = False
        self._spent_us = Micros(0)
        """Until when the commits so far are paid for, at `COMMIT_US` each."""
        self._retry_us = Micros(0)
        self._answering: tuple[Request, int] | None = None
        self.executions: dict[type[object], Execution] = {ReportFates: self._report}
        self._keeper.restores(Table.FATES, self._restore)
        self._verification.witness = self

    # --- the witness -----------------------------------------------------------------------------------------------

    def accepted(self, request: Request, now: Micros) -> object:
        """A request that passed every check."""
        return self._remember(request.request_id, request.source_id, LastWord.ACCEPTED, 0, now)

    def rejected(self, request_id: bytes, source_id: int, stage: Stage, code: FailureCode, now: Micros) -> None:
        """A request that did not."""
        self._remember(request_id, source_id, _WORDS[stage], code, now)

    def said(self, request: Request, stage: Stage, code: FailureCode | None) -> None:
        """A word on a request; none is lost to a flag that did not ask for it."""
        fate = request.fate
        if isinstance(fate, _Fate):
            fate.word, fate.code = _WORDS[stage], code or 0
            if fate.number >= self._oldest and not (fate.promised and stage is Stage.COMPLETED):
                self._write(fate)

    def completing(self, request: Request) -> Change | None:
        """The row of a request that completes when what it changes is on the disk: one list, one fate."""
        fate = request.fate
        if not self._whole or not isinstance(fate, _Fate) or fate.number < self._oldest:
            return None
        fate.promised = True
        self._unwritten.pop(fate.number, None)
        return fate.completed()

    def _remember(self, request_id: bytes, source_id: int, word: LastWord, code: int, now: Micros) -> _Fate:
        fate = _Fate(self._following, request_id, source_id, self._time.status, self._time.stamp(now), word, code)
        if len(self._ring) == FATES_MAX:
            self._unwritten.pop(self._ring[0].number, None)
        self._ring.append(fate)
        self._following += 1
        self._write(fate)
        return fate

    @property
    def _oldest(self) -> int:
        return self._ring[0].number if self._ring else self._following

    def _write(self, fate: _Fate) -> None:
        if not self._unwritten:
            self._attention.ring()
        self._unwritten[fate.number] = fate

    # --- the turn --------------------------------------------------------------------------------------------------

    def step(self, now: Micros) -> Micros:
        """Write what was said since the last turn, at most five times a second; one report of an answer."""
        following = NEVER
        if self._answering is not None:
            following = self._answer(*self._answering, now)
        if not self._unwritten or not self._whole or self._keeper.held:
            return following
        due = max(self._retry_us, self._spent_us - BURST * COMMIT_US)
        if now < due:
            return Micros(min(following, due))
        self._commit(now)
        return min(following, Micros(now + COMMIT_US)) if self._unwritten else following

    def ahead(self, now: Micros) -> None:
        """Requests are about to be served: that they came goes to the disk before anything that they do."""
        writes = self._unwritten and self._whole and not self._keeper.held
        if writes and now >= max(self._retry_us, self._spent_us - BURST * COMMIT_US):
            self._commit(now)
            self._keeper.flush(now)

    def close(self, now: Micros) -> bool:
        """Hand over every word, since this life is about to end; whether none is left that could be written."""
        if not self._unwritten or not self._whole or self._keeper.held:
            return True
        self._commit(now)
        return not self._unwritten

    def assure(self, request: Request, now: Micros, then: Callable[[bool], None]) -> bool:
        """Keep at once that a hazardous request came; `then` is told whether it is kept. False: it cannot be now."""
        fate = request.fate
        if not isinstance(fate, _Fate) or not self._whole or self._keeper.held or fate.number < self._oldest:
            return False
        written = self._written([fate])

        def answered(outcome: Outcome, at: Micros) -> None:
            written(outcome, at)
            then(outcome is Outcome.KEPT)

        if not self._keeper.keep([fate.row()], now, answered):
            return False
        self._unwritten.pop(fate.number, None)
        self._keeper.flush(now)
        return True

    def _commit(self, now: Micros) -> None:
        fates = list(islice(self._unwritten.values(), LIST_MAX))
        self._spent_us = Micros(max(self._spent_us, now) + COMMIT_US)
        if self._keeper.keep([fate.row() for fate in fates], now, self._written(fates)):
            for fate in fates:
                del self._unwritten[fate.number]

    def _written(self, fates: list[_Fate]) -> Callable[[Outcome, Micros], None]:
        def then(outcome: Outcome, now: Micros) -> None:
            if outcome is not Outcome.KEPT:
                again = {fate.number: fate for fate in fates if fate.number >= self._oldest}
                self._unwritten = again | self._unwritten
                self._retry_us = Micros(now + RETRY_US)
                self._attention.ring()

        return then

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        """The lives before come first; what was under way in them is cut short."""
        del now
        kept = [_Fate(*_ROW.unpack(octets)) for octets in rows.values() if _is_row(octets)]
        begin = max((fate.number + 1 for fate in kept), default=0)
        kept = sorted((f for f in kept if f.number >= begin - FATES_MAX), key=lambda fate: fate.number)
        early = list(self._ring)
        for fate in early:
            fate.number += begin
        self._ring.clear()
        self._ring.extend((*kept, *early))
        self._following += begin
        self._whole = True
        changed = [fate for fate in kept if fate.word in _OPEN]
        for fate in changed:
            fate.word = LastWord.CUT
        self._unwritten = {fate.number: fate for fate in (*changed, *early) if fate.number >= self._oldest}
        self._attention.ring()

    # --- the report ------------------------------------------------------------------------------------------------

    def _report(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ReportFates)
        busy = self._answering is not None
        if self._verification.settle(request, FailureCode.BUSY if busy else None, now):
            self._answering = request, body.first
            self._attention.ring()

    def _answer(self, request: Request, number: int, now: Micros) -> Micros:
        """One report; the request completes with the last of them."""
        body = request.body
        assert isinstance(body, ReportFates)
        fates = tuple(islice((fate.told() for fate in self._ring if fate.number >= number), REPORTED_MAX))
        told = FateList(
            boot_count=self._board.boot_count,
            whole=self._whole,
            oldest=self._oldest,
            following=self._following,
            first=body.first,
            fates=fates,
        )
        octets = codec.encode(told)
        self._telemetry.emit(
            APID_SYSTEM, Service.FUNCTIONS, REPORT_SUBTYPE, octets, now, destination=request.source_id
        )  # fmt: skip
        if fates and fates[-1].number < self._ring[-1].number:
            self._answering = request, fates[-1].number + 1
            return now
        self._answering = None
        self._verification.completed(request, now)
        return NEVER


def _is_row(octets: bytes) -> bool:
    return len(octets) == _ROW.size and octets[-3] in LastWord._value2member_map_
