"""The tables of the packets' file, and the little of them that is held in memory.

A table of rows for each store, and segments: runs of rows of one life with their number, octets and bounds of TAI, by
which a range of time is found and a summary made without looking at rows. A store's head has its limits and the segment
that still grows, so that a group costs a page for the heads and one for each store.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from fsw.store.database_file import UnsoundError
from fsw.store.packets import Limits, StoreKind

SEGMENT_ROWS: Final = 256
SEGMENT_OCTETS: Final = 131_072
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS life (key INTEGER PRIMARY KEY CHECK (key = 0),
    number INTEGER NOT NULL, set_aside INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS head (store INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, priority INTEGER NOT NULL, quota INTEGER NOT NULL,
    overwritten INTEGER NOT NULL, refused INTEGER NOT NULL, last_group INTEGER NOT NULL,
    life INTEGER NOT NULL, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL, packets INTEGER NOT NULL,
    octets INTEGER NOT NULL, tai_low INTEGER NOT NULL, tai_high INTEGER NOT NULL, timeless INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS segment (store INTEGER, last_row INTEGER, first_row INTEGER NOT NULL,
    life INTEGER NOT NULL, packets INTEGER NOT NULL, octets INTEGER NOT NULL,
    tai_low INTEGER NOT NULL, tai_high INTEGER NOT NULL, timeless INTEGER NOT NULL,
    PRIMARY KEY (store, last_row)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timeless ON segment (life, store) WHERE timeless > 0;
"""
_TABLE: Final = """CREATE TABLE IF NOT EXISTS packet_{} (row INTEGER PRIMARY KEY, tai INTEGER NOT NULL,
    boot_us INTEGER NOT NULL, time_status INTEGER NOT NULL, octets BLOB NOT NULL)"""
_HEADS: Final = "SELECT * FROM head ORDER BY store"
_KEEP_HEAD: Final = "INSERT OR REPLACE INTO head VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_KEEP_SEGMENT: Final = "INSERT OR REPLACE INTO segment VALUES (?,?,?,?,?,?,?,?,?)"
_SEGMENT: Final = "SELECT life, first_row, last_row, packets, octets, tai_low, tai_high, timeless FROM segment"


class Segment:
    """A run of rows from `first_row` to `last_row` of one life; 0 as a bound of TAI while no row has one.

    Rows that were deleted from its front leave `first_row` and the bounds of TAI as they are: bounds, not ends.
    """

    __slots__ = ("first_row", "last_row", "life", "octets", "packets", "tai_high", "tai_low", "timeless")

    def __init__(
        self,
        life: int,
        first_row: int,
        last_row: int,
        packets: int = 0,
        octets: int = 0,
        tai_low: int = 0,
        tai_high: int = 0,
        timeless: int = 0,
    ) -> None:
        self.life = life
        self.first_row = first_row
        self.last_row = last_row
        self.packets = packets
        self.octets = octets
        self.tai_low = tai_low
        self.tai_high = tai_high
        self.timeless = timeless

    def fields(self) -> tuple[int, ...]:
        """In the order of the constructor."""
        return (
            self.life, self.first_row, self.last_row, self.packets, self.octets, self.tai_low, self.tai_high,
            self.timeless,
        )  # fmt: skip

    def append(self, row: int, tai: int, octets: int) -> None:
        """A row more."""
        self.last_row = row
        self.packets += 1
        self.octets += octets
        if tai:
            self.tai_low = min(self.tai_low or tai, tai)
            self.tai_high = max(self.tai_high, tai)
        else:
            self.timeless += 1


class Dropped(NamedTuple):
    """What has been deleted."""

    packets: int = 0
    octets: int = 0


class Head:
    """A store: its limits, the segment that grows, and the sums over all segments."""

    __slots__ = ("group", "kind", "octets", "open", "overwritten", "packets", "priority", "quota", "refused", "store")

    def __init__(
        self,
        limits: Limits,
        segment: Segment,
        *,
        overwritten: int = 0,
        refused: int = 0,
        group: int = 0,
    ) -> None:
        self.store, self.kind, self.priority, self.quota = limits
        self.overwritten = overwritten
        self.refused = refused
        self.group = group
        self.open = segment
        self.packets = self.octets = 0

    def limits(self) -> Limits:
        """What the store may hold."""
        return Limits(self.store, self.kind, self.priority, self.quota)


def load_heads(connection: sqlite3.Connection) -> dict[int, Head]:
    """Every store, in order, with its sums."""
    heads = {}
    for store, kind, priority, quota, overwritten, refused, group, *segment in connection.execute(_HEADS).fetchall():
        if kind not in tuple(StoreKind):
            raise UnsoundError("a store of no known kind")
        limits = Limits(store, StoreKind(kind), priority, quota)
        head = heads[store] = Head(limits, Segment(*segment), overwritten=overwritten, refused=refused, group=group)
        connection.execute(_TABLE.format(store))
        query = "SELECT ifnull(sum(packets), 0), ifnull(sum(octets), 0) FROM segment WHERE store = ?"
        packets, octets = connection.execute(query, (store,)).fetchone()
        head.packets, head.octets = packets + head.open.packets, octets + head.open.octets
    return heads


def make_table(connection: sqlite3.Connection, store: int) -> None:
    """The table of a store's rows, if it is not there."""
    connection.execute(_TABLE.format(store))


def keep_heads(connection: sqlite3.Connection, heads: list[Head]) -> None:
    """Write stores as they stand."""
    rows = []
    for head in heads:
        limits = (head.store, int(head.kind), head.priority, head.quota)
        rows.append((*limits, head.overwritten, head.refused, head.group, *head.open.fields()))
    connection.executemany(_KEEP_HEAD, rows)


def keep_segment(connection: sqlite3.Connection, store: int, segment: Segment) -> None:
    """Write a segment that grows no more."""
    life, first_row, last_row, *others = segment.fields()
    connection.execute(_KEEP_SEGMENT, (store, last_row, first_row, life, *others))


def segments_behind(connection: sqlite3.Connection, head: Head, row: int, number: int) -> list[Segment]:
    """The first `number` segments with rows behind `row`, in order; the one that grows is the last of all."""
    query = f"{_SEGMENT} WHERE store = ? AND last_row > ? ORDER BY last_row LIMIT ?"
    found = [Segment(*fields) for fields in connection.execute(query, (head.store, row, number))]
    if len(found) < number and head.open.packets and head.open.last_row > row:
        found.append(head.open)
    return found


def segments_with_time(
    connection: sqlite3.Connection, head: Head, row: int, bounds: tuple[int, int], *, backward: bool
) -> Iterator[Segment]:
    """Segments with rows behind (or before) `row` whose TAI may lie within `bounds`, in that direction."""
    span = (head.store, row, *bounds)
    if backward:
        if _may_hold(head.open, bounds) and head.open.first_row < row:
            yield head.open
        where = "first_row < ? AND tai_high >= ? AND tai_low <= ? ORDER BY last_row DESC"
    else:
        where = "last_row > ? AND tai_high >= ? AND tai_low <= ? ORDER BY last_row"
    for fields in connection.execute(f"{_SEGMENT} WHERE store = ? AND {where}", span):
        yield Segment(*fields)
    if not backward and _may_hold(head.open, bounds) and head.open.last_row > row:
        yield head.open


def _may_hold(segment: Segment, bounds: tuple[int, int]) -> bool:
    return segment.packets > 0 and segment.tai_high >= bounds[0] and segment.tai_low <= bounds[1]


def segments_without_time(connection: sqlite3.Connection, life: int, number: int) -> list[tuple[int, Segment]]:
    """Closed segments of a life with rows that have no TAI, each with its store."""
    query = f"{_SEGMENT.replace('SELECT', 'SELECT store,', 1)} WHERE life = ? AND timeless > 0 LIMIT ?"
    return [(store, Segment(*fields)) for store, *fields in connection.execute(query, (life, number))]
