"""The packet store in its file: groups are put, timed, deleted, checked; nothing here takes longer with a longer store.

A row is counted in its segment; what a store holds is the sum of its segments. A failure of the disk ends the request
and drops what is held in memory, which is then read anew: no change outlives the transaction it belonged to.
"""

import sqlite3
from typing import Final

from fsw.store.database_file import Connect, DatabaseFile
from fsw.store.packet_search import check, last_not_after
from fsw.store.packet_tables import (
    SCHEMA,
    SEGMENT_OCTETS,
    SEGMENT_ROWS,
    Dropped,
    Head,
    Segment,
    keep_heads,
    keep_segment,
    load_heads,
    make_table,
    segments_behind,
    segments_without_time,
)
from fsw.store.packets import TAI_MAX, Begun, Limits, PacketRow, Put, PutDone, StoreKind
from fsw.store.protocol import StoreStatus

SET_ASIDE_MAX: Final = 2
"""A packets' file may be large: so many damaged ones stay."""
SLICE_SEGMENTS: Final = 8
"""Work of one request: so many segments are deleted, timed or checked."""
CHECKED_SEGMENTS: Final = 16
LIFE_MAX: Final = 0xFFFF_FFFF
_LIFE: Final = "INSERT OR REPLACE INTO life VALUES (0, ?, ?)"
_PUT: Final = "INSERT INTO packet_{} VALUES (?,?,?,?,?)"
_DELETE: Final = "DELETE FROM packet_{} WHERE row <= ?"
_DROP: Final = "DROP TABLE packet_{}"
_LENGTHS: Final = "SELECT row, length(octets) FROM packet_{} WHERE row <= ? ORDER BY row"
_SUMS: Final = "SELECT count(*), ifnull(sum(length(octets)), 0), ifnull(sum(tai = 0), 0) FROM packet_{} WHERE row <= ?"
_SET_TIME: Final = "UPDATE packet_{} SET tai = max(1, boot_us + ?) WHERE row BETWEEN ? AND ? AND tai = 0"
_BOUNDS: Final = "SELECT min(tai), max(tai) FROM packet_{} WHERE row BETWEEN ? AND ?"


class PacketFile:
    """The packets' file; every method raises as SQLite does, after which `close` is to be called."""

    def __init__(self, path: str, connect: Connect, *, synced: bool) -> None:
        self.file = DatabaseFile(
            path, connect, SCHEMA, kept=SET_ASIDE_MAX, synced=synced, fresh=self._begin_file, opened=self._load
        )
        self.heads: dict[int, Head] = {}
        self.life = 0
        self.group = 0
        """The last group of this life that has been put."""
        self.set_aside = False
        self._checked = (0, 0)
        """The store that is being checked, and the last row of it that has been."""

    def close(self, why: Exception | None = None) -> None:
        """Close the file; the next request opens it and reads its heads anew."""
        self.file.close(why)

    def connection(self) -> sqlite3.Connection:
        """The open file, its heads in memory."""
        return self.file.connection()

    def _begin_file(self, connection: sqlite3.Connection) -> None:
        """A file that takes another's place has its stores, as far as this process knows them, and no rows."""
        connection.execute(_LIFE, (self.life, 1))
        for head in self.heads.values():
            head.open = Segment(self.life, head.open.last_row + 1, head.open.last_row)
        keep_heads(connection, list(self.heads.values()))

    def _load(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT number, set_aside FROM life").fetchone()
        life, set_aside = (0, 0) if row is None else row
        self.heads = load_heads(connection)
        self.life, self.set_aside = life, set_aside != 0
        self.group = max((head.group for head in self.heads.values() if head.open.life == life), default=0)

    # --- lives and stores ------------------------------------------------------------------------------------------

    def begin(self) -> Begun:
        """Begin a life: the groups of those before it are no longer taken."""
        self.connection()
        life, told = min(self.life + 1, LIFE_MAX), self.set_aside
        with self.file.transaction() as connection:
            connection.execute(_LIFE, (life, 0))
        self.life, self.group, self.set_aside = life, 0, False
        return Begun(life, told, tuple(head.limits() for head in self.heads.values()))

    def limit(self, limits: tuple[Limits, ...]) -> None:
        """Make stores or change their limits. A closed one is forgotten by the deletion that leaves it empty."""
        self.connection()
        with self.file.transaction() as connection:
            for entry in limits:
                head = self.heads.get(entry.store)
                if head is None:
                    make_table(connection, entry.store)
                    head = self.heads[entry.store] = Head(entry, Segment(self.life, 1, 0), group=self.group)
                    self.heads = dict(sorted(self.heads.items()))
                head.kind, head.priority, head.quota = entry[1:]
            keep_heads(connection, [self.heads[entry.store] for entry in limits])

    # --- groups ----------------------------------------------------------------------------------------------------

    def put(self, put: Put) -> PutDone | StoreStatus:
        """Keep a group, all or none, once."""
        self.connection()
        if put.life < self.life:
            return StoreStatus.STALE
        if put.life == self.life and put.group <= self.group:
            return PutDone(True, self.set_aside, 0, 0, 0)
        by_store: dict[int, list[PacketRow]] = {}
        for row in put.rows:
            by_store.setdefault(row.store, []).append(row)
        stored = overwritten = 0
        with self.file.transaction(sum(len(row.packet) for row in put.rows)) as connection:
            if put.life != self.life:  # a file that was set aside knows of no life
                connection.execute(_LIFE, (put.life, self.set_aside))
            touched = [self.heads[store] for store in by_store if store in self.heads]
            for head in touched:
                head.group = put.group
                stored += self._append(connection, head, put.life, by_store[head.store])
                if head.kind is StoreKind.CIRCULAR and head.octets > head.quota:
                    dropped = self._make_room(connection, head)
                    head.overwritten += dropped.packets
                    overwritten += dropped.packets
            keep_heads(connection, touched)
        self.life, self.group = put.life, put.group
        return PutDone(False, self.set_aside, stored, len(put.rows) - stored, overwritten)

    def _append(self, connection: sqlite3.Connection, head: Head, life: int, rows: list[PacketRow]) -> int:
        taken = []
        segment = head.open
        for _, time_status, boot_us, tai, packet in rows:
            octets = len(packet)
            room = head.quota if head.kind is StoreKind.CIRCULAR else head.quota - head.octets
            if octets > room or head.kind is StoreKind.CLOSED:
                head.refused += 1
                continue
            row = segment.last_row + 1
            if segment.packets >= SEGMENT_ROWS or segment.octets >= SEGMENT_OCTETS or segment.life != life:
                if segment.packets:
                    keep_segment(connection, head.store, segment)
                segment = head.open = Segment(life, row, row)
            segment.append(row, tai, octets)
            head.packets += 1
            head.octets += octets
            taken.append((row, tai, boot_us, time_status, packet))
        if taken:
            connection.executemany(_PUT.format(head.store), taken)
        return len(taken)

    def _make_room(self, connection: sqlite3.Connection, head: Head) -> Dropped:
        """Delete the oldest rows until the store is within its quota, a bounded number of segments at a time."""
        packets = octets = 0
        for segment in segments_behind(connection, head, 0, SLICE_SEGMENTS):
            too_much = head.octets - head.quota
            if too_much <= 0:
                break
            last_row = segment.last_row
            if segment.octets > too_much:
                for row, length in connection.execute(_LENGTHS.format(head.store), (last_row,)):
                    too_much -= length
                    if too_much <= 0:
                        last_row = row
                        break
            dropped = self._drop(connection, head, segment, last_row)
            packets, octets = packets + dropped.packets, octets + dropped.octets
        return Dropped(packets, octets)

    def _drop(self, connection: sqlite3.Connection, head: Head, segment: Segment, last_row: int) -> Dropped:
        """Delete the rows of a store's oldest segment up to `last_row`."""
        last_row = min(last_row, segment.last_row)
        if last_row == segment.last_row:
            gone, timeless = Dropped(segment.packets, segment.octets), segment.timeless
        else:
            packets, octets, timeless = connection.execute(_SUMS.format(head.store), (last_row,)).fetchone()
            gone = Dropped(packets, octets)
        connection.execute(_DELETE.format(head.store), (last_row,))
        segment.packets -= gone.packets
        segment.octets -= gone.octets
        segment.timeless -= timeless
        if segment is not head.open:
            if segment.packets:
                keep_segment(connection, head.store, segment)
            else:
                where = (head.store, segment.last_row)
                connection.execute("DELETE FROM segment WHERE store = ? AND last_row = ?", where)
        head.packets -= gone.packets
        head.octets -= gone.octets
        return gone

    # --- time, deletion --------------------------------------------------------------------------------------------

    def time(self, life: int, tai_at_boot: int) -> tuple[bool, int] | StoreStatus:
        """Give the rows of this life without TAI one, a slice at a time; whether more are without, and how many had."""
        self.connection()
        if life != self.life:
            return StoreStatus.STALE
        changed = 0
        with self.file.transaction() as connection:
            closed = segments_without_time(connection, life, SLICE_SEGMENTS)
            for store, segment in closed:
                changed += _set_time(connection, store, segment, tai_at_boot)
                keep_segment(connection, store, segment)
            if len(closed) == SLICE_SEGMENTS:
                return True, changed
            heads = [head for head in self.heads.values() if head.open.timeless and head.open.life == life]
            for head in heads:
                changed += _set_time(connection, head.store, head.open, tai_at_boot)
            keep_heads(connection, heads)
        return False, changed

    def delete(self, store: int, up_to_row: int, up_to_tai: int) -> tuple[bool, int] | StoreStatus:
        """Delete the oldest rows, a slice at a time; whether more are to go, and how many went."""
        self.connection()
        head = self.heads.get(store)
        if head is None:
            return StoreStatus.UNKNOWN_STORE
        gone = 0
        with self.file.transaction() as connection:
            last_row = up_to_row
            if up_to_tai < TAI_MAX:
                last_row = min(last_row, last_not_after(connection, head, up_to_tai))
            segments = segments_behind(connection, head, 0, SLICE_SEGMENTS)
            for segment in segments:
                if segment.first_row <= last_row:
                    gone += self._drop(connection, head, segment, last_row).packets
            keep_heads(connection, [head])
            if head.kind is StoreKind.CLOSED and not head.packets:
                connection.execute("DELETE FROM head WHERE store = ?", (store,))
                connection.execute(_DROP.format(store))
                del self.heads[store]
        return len(segments) == SLICE_SEGMENTS and segments[-1].last_row < last_row, gone

    # --- looking through -------------------------------------------------------------------------------------------

    def check(self) -> tuple[bool, int]:
        """Read a slice of the file; whether the round goes on, and how many rows were read and found sound."""
        connection = self.connection()
        store, row = self._checked
        head = next((head for head in self.heads.values() if head.store >= store), None)
        if head is None:
            self._checked = (0, 0)
            return False, 0
        row = row if head.store == store else 0
        segments = segments_behind(connection, head, row, CHECKED_SEGMENTS)
        for segment in segments:
            check(connection, head.store, segment, row)
            row = segment.last_row
        self._checked = (head.store, row) if len(segments) == CHECKED_SEGMENTS else (head.store + 1, 0)
        return True, sum(segment.packets for segment in segments)


def _set_time(connection: sqlite3.Connection, store: int, segment: Segment, tai_at_boot: int) -> int:
    """Give the rows of a segment that have no TAI theirs; how many had none."""
    span = (segment.first_row, segment.last_row)
    connection.execute(_SET_TIME.format(store), (tai_at_boot, *span))
    segment.tai_low, segment.tai_high = connection.execute(_BOUNDS.format(store), span).fetchone()
    changed, segment.timeless = segment.timeless, 0
    return changed
