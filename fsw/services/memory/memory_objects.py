"""The octets of the named objects of ST[06]: where each comes from, and which may be loaded.

An object is read as a whole when a request asks for it, so that areas of one report belong together. Layouts (all
big-endian): parameters: raw values in order of their ids. Queues: name 12 ASCII, depth u16, capacity u16, lost u32.
Event log: time status u8, time CUC 7, APID u16, severity u8, id u16, length u8 of the auxiliary data, and its first 34
octets. Schedule: rows as they are kept, (key u32, length u16, octets) each. The index of the store: `store_index.py`.
Off nominal: an object that the store does not give is not there (0x14); a longer one than is ever read (0x12).
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.database import Database
from fsw.mdb.model import declaration_of
from fsw.mdb.values import encode_value
from fsw.pus.ids import FailureCode
from fsw.services.keeper import Keeper
from fsw.services.parameters import Parameters
from fsw.services.timebase import Timebase
from fsw.store.client import RowsLoaded
from fsw.store.keep import Table

OBJECT_OCTETS_MAX: Final = 1 << 20
"""Longest object that is read."""
EVENTS_MAX: Final = 256
EVENT_OCTETS: Final = 48
_AUXILIARY_OCTETS: Final = 34
QUEUE_OCTETS: Final = 20
_NAME_OCTETS: Final = 12

Then = Callable[[bytes | FailureCode, Micros], None]
"""Told once: an object's octets, or why there are none."""
Source = Callable[[Micros, Then], None]
"""Reads an object; `Then` may be told at once or in a later turn."""


class QueueState(NamedTuple):
    """How full a queue is."""

    name: str
    depth: int
    capacity: int
    lost: int


def at_once(octets: Callable[[], bytes]) -> Source:
    """The source of an object that is in memory."""

    def read(now: Micros, then: Then) -> None:
        then(octets(), now)

    return read


def queue_octets(queues: Iterable[QueueState]) -> bytes:
    """The queues object."""
    parts = []
    for name, depth, capacity, lost in queues:
        parts.append(name.encode("ascii", "replace")[:_NAME_OCTETS].ljust(_NAME_OCTETS, b"\0"))
        parts += (min(n, high).to_bytes(octets, "big") for n, high, octets in (
            (depth, 0xFFFF, 2), (capacity, 0xFFFF, 2), (lost, 0xFFFF_FFFF, 4)
        ))  # fmt: skip
    return b"".join(parts)


class EventLog:
    """The last `EVENTS_MAX` events of this life, whether they were reported or not."""

    def __init__(self, time: Timebase) -> None:
        self._time = time
        self._records: deque[bytes] = deque(maxlen=EVENTS_MAX)

    def heard(self, event: object, now: Micros) -> None:
        """An event occurred (a listener of `Events`)."""
        declared = declaration_of(event)
        auxiliary = codec.encode(event)
        head = bytes((int(self._time.status),)) + self._time.stamp(now) + declared.apid.to_bytes(2, "big")
        head += bytes((declared.subtype,)) + declared.number.to_bytes(2, "big")
        record = head + bytes((min(len(auxiliary), 0xFF),)) + auxiliary[:_AUXILIARY_OCTETS]
        self._records.append(record.ljust(EVENT_OCTETS, b"\0"))

    def octets(self) -> bytes:
        """The event log object."""
        return b"".join(self._records)


class ParameterMemory:
    """The pool of parameters as octets at fixed places, and what a load of some of them sets."""

    def __init__(self, database: Database, parameters: Parameters) -> None:
        self._parameters = parameters
        self._known = database.parameters
        self._places: dict[int, tuple[int, int]] = {}
        at = 0
        for pid, parameter in self._known.items():
            self._places[pid] = at, at + parameter.value_type.octets
            at += parameter.value_type.octets

    def octets(self) -> bytes:
        """The parameters object."""
        values = self._parameters.values
        return b"".join(encode_value(parameter, values[pid]) for pid, parameter in self._known.items())

    def load(self, areas: Iterable[tuple[int, bytes]]) -> bytes | FailureCode:
        """The body of the (20,3) that writes these areas, in their order; PROTECTED when one touches what is read only.

        The areas lie within the object. Ranges are for ST[20] to check.
        """
        octets = bytearray(self.octets())
        touched: set[int] = set()
        for offset, written in areas:
            end = offset + len(written)
            octets[offset:end] = written
            touched.update(pid for pid, (low, high) in self._places.items() if low < end and offset < high)
        if not all(self._known[pid].writable for pid in touched):
            return FailureCode.PROTECTED
        if len(touched) > 0xFF:
            return FailureCode.CAPACITY
        parts = [bytes((len(touched),))]
        for pid in sorted(touched):
            low, high = self._places[pid]
            parts += (pid.to_bytes(2, "big"), bytes(octets[low:high]))
        return b"".join(parts)


def kept_rows(keeper: Keeper, table: Table) -> Source:
    """The source of an object that is a table of what is kept: read from the disk, a page a turn."""

    def read(now: Micros, then: Then) -> None:
        parts: list[bytes] = []
        octets_read = 0

        def page(found: RowsLoaded | None, at: Micros) -> None:
            if found is None:
                then(FailureCode.WRONG_STATE, at)
                return
            nonlocal octets_read
            for key, octets in found.rows.items():
                parts.append(key.to_bytes(4, "big") + len(octets).to_bytes(2, "big") + octets)
                octets_read += len(parts[-1])
            if octets_read > OBJECT_OCTETS_MAX:
                then(FailureCode.CAPACITY, at)
            elif not found.more:
                then(b"".join(parts), at)
            elif not keeper.read(table, max(found.rows) + 1, at, page):
                then(FailureCode.BUSY, at)

        if not keeper.read(table, 0, now, page):
            then(FailureCode.BUSY, now)

    return read
