"""ST[15] requests of retrieval: subtypes 9 and 14 to 17, function 11 (what they set going: `retrieval.py`).

Whether open retrieval is on, and where its tag stands, is kept over resets; a retrieval by time ends with this life.
Off nominal: what the board is at already is 0x14 (`storage_states.py`), a range that ends before it begins
0x13, an unknown store 0x10, one named twice 0x11; one bad instruction refuses the request whole.
"""

from collections.abc import Mapping

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import Micros
from fsw.mdb import storage as mdb
from fsw.pus.ids import FailureCode
from fsw.services.archive.packet_stores import PacketStores
from fsw.services.archive.retrieval import Retrieval
from fsw.services.process import Execution
from fsw.services.verification import Request, Verification


class RetrievalControl:
    """Serves the requests that begin and end retrievals."""

    def __init__(self, stores: PacketStores, retrieval: Retrieval, verification: Verification) -> None:
        self._stores = stores
        self._retrieval = retrieval
        self._verification = verification
        guarded: dict[type[object], Execution] = {
            mdb.StartRetrieval: self._start,
            mdb.AbortRetrieval: self._abort,
            mdb.ChangeStartTag: self._change_tag,
            mdb.ResumeRetrieval: self._resume,
            mdb.SuspendRetrieval: self._suspend,
            mdb.FlushByValue: self._flush,
        }
        self.executions: Mapping[type[object], Execution] = stores.turns.guard(guarded)

    def _start(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.StartRetrieval)
        stores = self._stores.named(request, (wanted.store for wanted in body.retrievals), now)
        if stores is None:
            return
        spans = [(tai_us(wanted.tai_from), tai_us(wanted.tai_to)) for wanted in body.retrievals]
        backwards = any(first > last for first, last in spans)
        if self._verification.settle(request, FailureCode.OUT_OF_RANGE if backwards else None, now):
            for store, span in zip(stores, spans, strict=True):
                self._retrieval.begin_range(store, *span)
            self._verification.completed(request, now)

    def _abort(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.AbortRetrieval)
        stores = self._stores.named(request, body.stores, now)
        if stores is not None:
            self._verification.started(request, now)
            for store in stores:
                if store.by_time:
                    self._retrieval.end(store)
            self._verification.completed(request, now)

    def _change_tag(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ChangeStartTag)
        stores = self._stores.named(request, body.stores, now)
        if stores is not None:
            tag = {"tag_row": 0, "tag_tai": 0, "tag_from": tai_us(body.tai_from)}
            self._stores.edit(request, [(store, {**tag, "epoch": store.epoch + 1}) for store in stores], now)

    def _resume(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ResumeRetrieval)
        stores = self._stores.named(request, body.stores, now)
        if stores is None:
            return
        off = [store for store in stores if not store.open]

        def resume(at: Micros) -> None:
            del at
            for store in off:
                self._retrieval.begin_open(store)

        self._stores.edit(request, [(store, {"open": True}) for store in stores], now, resume)

    def _suspend(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.SuspendRetrieval)
        stores = self._stores.named(request, body.stores, now)
        if stores is None:
            return

        def suspend(at: Micros) -> None:
            del at
            for store in stores:
                if not store.by_time:
                    self._retrieval.end(store)

        self._stores.edit(request, [(store, {"open": False}) for store in stores], now, suspend)

    def _flush(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.FlushByValue)
        if body.on:
            if self._stores.named(request, (), now) is None:
                return
            self._verification.started(request, now)
            self._retrieval.begin_flush(now)
        else:
            if not self._verification.settle(
                request, None if self._retrieval.flushing else FailureCode.WRONG_STATE, now
            ):
                return
            self._retrieval.end_flush(now, empty=False)
        self._verification.completed(request, now)


def tai_us(cuc: bytes) -> int:
    """The time of a CUC field, in µs of TAI."""
    found = cuc_decode(cuc)
    assert found is not None, "the database checked the time code"
    return found
