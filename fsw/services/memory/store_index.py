"""The index of the store as an object of ST[06]: what each kept table and each packet store holds.

46 octets a row: 0 table or 1 packet store u8, its number u8, rows u32, octets u64, first and last key (row id) u64,
oldest and newest TAI in us u64 (packet stores only, else 0). Tables without rows, and packet stores that the disk does
not know yet, are left out. Read from the disk, a page or a store a turn; one reading at a time.
Off nominal: what the store does not answer makes the index absent (0x14); a full queue is busy (8).
"""

import struct
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.pus.ids import FailureCode
from fsw.services.keeper import Keeper
from fsw.services.memory.memory_objects import Then
from fsw.store.client import Failed, PacketsSummarised, RowsLoaded, Store, StoreAnswer, StoreStatus
from fsw.store.keep import Table

_ROW: Final = struct.Struct(">BBIQQQQQ")
_COUNT_MAX: Final = 0xFFFF_FFFF


class _Held(NamedTuple):
    """What was counted of one table."""

    rows: int
    octets: int
    first: int
    last: int


class StoreIndex:
    """Reads the index; `answered` is to be offered the store's answers about packets."""

    def __init__(self, keeper: Keeper, store: Store, packet_stores: tuple[int, ...]) -> None:
        self._keeper = keeper
        self._store = store
        self._packet_stores = packet_stores
        self._asked: int | None = None
        self._left: list[int] = []
        self._parts: list[bytes] = []
        self._then: Then | None = None

    def read(self, now: Micros, then: Then) -> None:
        """Read it; a source of `memory_objects`."""
        if self._then is not None:
            then(FailureCode.BUSY, now)
            return
        self._then = then
        self._parts = []
        self._left = list(self._packet_stores)
        self._tables(list(Table), now)

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take the answer of a packet store; False when it is not this reading's."""
        if self._asked is None or answer.request_id != self._asked:
            return False
        self._asked = None
        if isinstance(answer, PacketsSummarised):
            one = answer.summary
            numbers = (min(one.packets, _COUNT_MAX), one.octets, one.row_first, one.row_last)
            self._parts.append(_ROW.pack(1, self._left.pop(0), *numbers, one.tai_oldest, one.tai_newest))
            self._stores(now)
        elif isinstance(answer, Failed) and answer.store_status is StoreStatus.UNKNOWN_STORE:
            self._left.pop(0)
            self._stores(now)
        else:
            self._end(FailureCode.WRONG_STATE, now)
        return True

    def _tables(self, left: list[Table], now: Micros) -> None:
        if left:
            self._table(left, _Held(0, 0, 0, 0), now)
        else:
            self._stores(now)

    def _table(self, left: list[Table], held: _Held, now: Micros) -> None:
        """Ask for the next page of the first table that is left."""
        first_key = held.last + 1 if held.rows else 0
        if not self._keeper.read(left[0], first_key, now, lambda found, at: self._page(left, held, found, at)):
            self._end(FailureCode.BUSY, now)

    def _page(self, left: list[Table], held: _Held, found: RowsLoaded | None, now: Micros) -> None:
        if found is None:
            self._end(FailureCode.WRONG_STATE, now)
            return
        if found.rows:
            octets = held.octets + sum(map(len, found.rows.values()))
            first = held.first if held.rows else min(found.rows)
            held = _Held(held.rows + len(found.rows), octets, first, max(found.rows))
        if found.more:
            self._table(left, held, now)
            return
        if held.rows:
            self._parts.append(_ROW.pack(0, left[0], *held, 0, 0))
        self._tables(left[1:], now)

    def _stores(self, now: Micros) -> None:
        """Ask for the next packet store, or have done."""
        if not self._left:
            self._end(b"".join(self._parts), now)
            return
        self._asked = self._store.summarise_packets(self._left[0], 0, now)
        if self._asked is None:
            self._end(FailureCode.BUSY, now)

    def _end(self, result: bytes | FailureCode, now: Micros) -> None:
        then, self._then = self._then, None
        assert then is not None, "a reading ends once"
        then(result, now)
