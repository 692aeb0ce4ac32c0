"""What is asked of the packets' tables and changes nothing: pages, summaries, the place of a time, soundness.

Segments lead to rows: one that cannot hold a TAI is not looked into, one wholly behind a mark is not counted by rows.
"""

import sqlite3
from typing import Final

from fsw.store.database_file import UnsoundError
from fsw.store.packet_tables import Head, Segment, segments_behind, segments_with_time
from fsw.store.packets import ROW_MAX, TAI_MAX, Page, ReadRange, StoredPacket, Summary, found_octets

_FORWARD: Final = (
    "SELECT row, tai, octets FROM packet_{} WHERE row > ? AND row <= ? AND tai BETWEEN ? AND ? ORDER BY row"
)
_BACKWARD: Final = (
    "SELECT row, tai, octets FROM packet_{} WHERE row < ? AND row >= ? AND tai BETWEEN ? AND ? ORDER BY row DESC"
)
_FIRST: Final = "SELECT row, tai FROM packet_{} ORDER BY row LIMIT 1"
_LAST: Final = "SELECT row, tai FROM packet_{} ORDER BY row DESC LIMIT 1"
_SUMS: Final = "SELECT count(*), ifnull(sum(length(octets)), 0) FROM packet_{} WHERE row BETWEEN ? AND ?"
_SEGMENT_SUMS: Final = (
    "SELECT ifnull(sum(packets), 0), ifnull(sum(octets), 0) FROM segment WHERE store = ? AND last_row > ?"
)
_LATER: Final = "SELECT min(row) FROM packet_{} WHERE row BETWEEN ? AND ? AND tai > ?"
_TIMED: Final = "SELECT max(row) FROM packet_{} WHERE row BETWEEN ? AND ? AND tai > 0"
_READ_ALL: Final = (
    "SELECT count(*), ifnull(sum(length(octets)), 0), max(octets) FROM packet_{} WHERE row > ? AND row <= ?"
)
PAGE_SEGMENTS: Final = 16
"""So many segments are looked into for one page; the page says how far it came."""


def read(connection: sqlite3.Connection, head: Head, wanted: ReadRange) -> Page:
    """A page of rows in a direction, and where the next begins."""
    timed = (wanted.tai_from, wanted.tai_to) != (0, TAI_MAX)
    bounds = (max(1, wanted.tai_from), wanted.tai_to) if timed else (0, TAI_MAX)
    cursor = wanted.row
    room = wanted.octets_max
    found: list[StoredPacket] = []
    query = (_BACKWARD if wanted.backward else _FORWARD).format(head.store)
    looked_into = segments_with_time(connection, head, cursor, bounds, backward=wanted.backward)
    for number, segment in enumerate(looked_into):
        if number == PAGE_SEGMENTS:
            return Page(True, cursor, tuple(found))
        if wanted.backward:
            span = (min(cursor, segment.last_row + 1), segment.first_row)
        else:
            span = (max(cursor, segment.first_row - 1), segment.last_row)
        for row, tai, packet in connection.execute(query, (*span, *bounds)):
            room -= found_octets(packet)
            if room < 0:
                return Page(True, cursor, tuple(found))
            found.append(StoredPacket(row, tai, packet))
            cursor = row
        cursor = segment.first_row if wanted.backward else segment.last_row
    return Page(False, cursor, tuple(found))


def summarise(connection: sqlite3.Connection, head: Head, mark: int) -> Summary:
    """What a store holds, and what of it lies behind row `mark`."""
    first = connection.execute(_FIRST.format(head.store)).fetchone() or (0, 0)
    last = connection.execute(_LAST.format(head.store)).fetchone() or (0, 0)
    behind = (head.packets, head.octets) if mark < first[0] else _behind(connection, head, mark)
    return Summary(
        head.kind, head.priority, head.quota, head.packets, head.octets, first[1], last[1], first[0], last[0], *behind,
        head.overwritten, head.refused,
    )  # fmt: skip


def _behind(connection: sqlite3.Connection, head: Head, mark: int) -> tuple[int, int]:
    """Packets and octets behind a mark: whole segments by their sums, the one that the mark cuts by its rows."""
    packets, octets = connection.execute(_SEGMENT_SUMS, (head.store, mark)).fetchone()
    if head.open.last_row > mark:
        packets, octets = packets + head.open.packets, octets + head.open.octets
    for segment in segments_behind(connection, head, mark, 1):
        if segment.first_row <= mark:
            span = (segment.first_row, mark)
            before, octets_before = connection.execute(_SUMS.format(head.store), span).fetchone()
            packets, octets = packets - before, octets - octets_before
    return packets, octets


def last_not_after(connection: sqlite3.Connection, head: Head, tai: int) -> int:
    """The last row with a TAI before the first row that is later than `tai`; 0 when there is none."""
    end = ROW_MAX
    for segment in segments_with_time(connection, head, 0, (tai + 1, TAI_MAX), backward=False):
        (row,) = connection.execute(_LATER.format(head.store), (segment.first_row, segment.last_row, tai)).fetchone()
        if row is not None:
            end = row
            break
    for segment in segments_with_time(connection, head, end, (1, TAI_MAX), backward=True):
        span = (segment.first_row, min(segment.last_row, end - 1))
        (row,) = connection.execute(_TIMED.format(head.store), span).fetchone()
        if row is not None:
            return int(row)
    return 0


def check(connection: sqlite3.Connection, store: int, segment: Segment, after: int) -> None:
    """Read every octet of a segment's rows behind row `after`; `UnsoundError` if they are not what it says."""
    span = (max(after, segment.first_row - 1), segment.last_row)
    packets, octets, _ = connection.execute(_READ_ALL.format(store), span).fetchone()
    if after < segment.first_row and (packets, octets) != (segment.packets, segment.octets):
        raise UnsoundError(f"store {store} holds not what its segments say")
