"""The packet store on the wire: what is asked of it and what it answers. Layouts are in the README; both ends use this.

A store (u8) is a queue of rows in the order they were put; a row id is never given twice within a store. Packets go in
and come out unchanged. `tai` is µs of TAI, 0 when unknown; `boot_us` is when the packet was made, since boot.
"""

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum, unique
from typing import Final, NamedTuple

from fsw.store.protocol import LIST_OCTETS_MAX

STORE_MAX: Final = 0xFF
PACKET_OCTETS_MAX: Final = 2_048
TAI_MAX: Final = 0x7FFF_FFFF_FFFF_FFFF
ROW_MAX: Final = 0x7FFF_FFFF_FFFF_FFFF
"""As a mark: behind every row."""
_BOOT_US_MAX: Final = (1 << 48) - 1

_PUT: Final = struct.Struct(">II")
_ROW: Final = struct.Struct(">BBHIQH")  # store, time status, boot µs (u48 in two), tai, length
_PUT_ANSWER: Final = struct.Struct(">BHHI")
_BEGUN: Final = struct.Struct(">IB")
_LIMITS: Final = struct.Struct(">BBBQ")
_TIME: Final = struct.Struct(">Iq")
_TIMED: Final = struct.Struct(">BI")
_READ: Final = struct.Struct(">BBQQQI")
_PAGE: Final = struct.Struct(">BQ")
_FOUND: Final = struct.Struct(">QQH")
_DELETE: Final = struct.Struct(">BQQ")
_SUMMARY: Final = struct.Struct(">BQ")
_SUMMARISED: Final = struct.Struct(">BBQ" + 10 * "Q")
_CHECKED: Final = struct.Struct(">BI")
_STATS: Final = struct.Struct(">QQQQIBBII")

PUT_OCTETS_MAX: Final = LIST_OCTETS_MAX
PUT_HEAD_OCTETS: Final = _PUT.size
PUT_ROW_OCTETS: Final = _ROW.size
"""A put of n packets is PUT_HEAD_OCTETS + n * PUT_ROW_OCTETS + the packets' octets, at most PUT_OCTETS_MAX."""
PAGE_OCTETS_MIN: Final = PACKET_OCTETS_MAX + _FOUND.size
PAGE_OCTETS_MAX: Final = LIST_OCTETS_MAX - _PAGE.size


@unique
class StoreKind(IntEnum):
    """What a store does when it is full."""

    CIRCULAR = 0  # the oldest go
    BOUNDED = 1  # the newest are refused
    CLOSED = 2  # takes nothing more; what is in it stays until it is deleted


class PacketRow(NamedTuple):
    """A packet for one store."""

    store: int
    time_status: int
    boot_us: int
    tai: int
    packet: bytes


class Limits(NamedTuple):
    """What a store may hold: octets of packets; a higher priority is worth more."""

    store: int
    kind: StoreKind
    priority: int
    quota: int


class Put(NamedTuple):
    """A group of packets: `group` counts from 1 within a `life`, so that a group sent twice is kept once."""

    life: int
    group: int
    rows: Sequence[PacketRow]


class ReadRange(NamedTuple):
    """Which rows are read: behind `row` forward, before it backward; with TAI from `tai_from` to `tai_to`, both in.

    A range of 0 to TAI_MAX takes rows without time too, any other only rows with one.
    """

    store: int
    row: int = 0
    backward: bool = False
    tai_from: int = 0
    tai_to: int = TAI_MAX
    octets_max: int = PAGE_OCTETS_MAX


class StoredPacket(NamedTuple):
    """A row as it was found."""

    row: int
    tai: int
    packet: bytes


class Page(NamedTuple):
    """Rows in their order (or against it); `more` may lie behind `cursor`, the `row` of the next read."""

    more: bool
    cursor: int
    packets: tuple[StoredPacket, ...]


class Summary(NamedTuple):
    """What a store holds, and what lies behind a mark. Rows and times are 0 where there is none."""

    kind: StoreKind
    priority: int
    quota: int
    packets: int
    octets: int
    tai_oldest: int
    tai_newest: int
    row_first: int
    row_last: int
    packets_behind: int
    octets_behind: int
    overwritten: int
    refused: int


class Begun(NamedTuple):
    """A new life of the packet store: its number, whether a damaged file was set aside, every store's limits."""

    life: int
    set_aside: bool
    limits: tuple[Limits, ...]


class PutDone(NamedTuple):
    """A group is on the disk. `set_aside` until the next begin: the limits of the stores must be told again."""

    repeated: bool
    set_aside: bool
    stored: int
    refused: int
    overwritten: int


class Stats(NamedTuple):
    """Of this server's process: commits and octets written (at most) of both files, the packets' file, the parameters.

    `mended` octets of the store's file had changed on the disk, the first of the last ones at `mended_at`.
    """

    commits: int
    octets_written: int
    packets_stored: int
    file_octets: int
    generation: int
    sound_copies: int
    set_aside: bool
    mended: int
    mended_at: int


def put_octets(packets: Iterable[bytes]) -> int:
    """Octets of a put that holds these packets."""
    return PUT_HEAD_OCTETS + sum(PUT_ROW_OCTETS + len(packet) for packet in packets)


def encode_put(put: Put) -> bytes:
    """A group, its rows in their order."""
    parts = [_PUT.pack(put.life, put.group)]
    for store, time_status, boot_us, tai, packet in put.rows:
        assert 0 <= boot_us <= _BOOT_US_MAX, "time since boot is a u48"
        assert 0 <= tai <= TAI_MAX, "TAI has 63 bits"
        assert 0 < len(packet) <= PACKET_OCTETS_MAX, "a packet is bounded"
        parts += (
            _ROW.pack(store, time_status, boot_us >> 32, boot_us & 0xFFFF_FFFF, tai, len(packet)),
            packet,
        )
    octets = b"".join(parts)
    assert len(octets) <= PUT_OCTETS_MAX, "a group fits into one message"
    return octets


def decode_put(octets: bytes) -> Put | None:
    """A group; None when it breaks a rule of its layout."""
    if len(octets) < _PUT.size:
        return None
    life, group = _PUT.unpack_from(octets)
    rows = []
    at = _PUT.size
    while at < len(octets):
        if len(octets) - at < _ROW.size:
            return None
        store, time_status, high, low, tai, length = _ROW.unpack_from(octets, at)
        at += _ROW.size
        packet = octets[at : at + length]
        if len(packet) != length or not 0 < length <= PACKET_OCTETS_MAX or tai > TAI_MAX:
            return None
        rows.append(PacketRow(store, time_status, high << 32 | low, tai, packet))
        at += length
    return Put(life, group, rows) if life and group and rows else None


def encode_put_done(done: PutDone) -> bytes:
    """What became of a group."""
    flags = done.repeated | done.set_aside << 1
    return _PUT_ANSWER.pack(flags, done.stored, done.refused, done.overwritten)


def decode_put_done(octets: bytes) -> PutDone | None:
    """What became of a group; None when it breaks a rule of its layout."""
    if len(octets) != _PUT_ANSWER.size or octets[0] > 3:
        return None
    flags, stored, refused, overwritten = _PUT_ANSWER.unpack(octets)
    return PutDone(bool(flags & 1), bool(flags & 2), stored, refused, overwritten)


def encode_limits(limits: Iterable[Limits]) -> bytes:
    """Limits of stores."""
    return b"".join(_LIMITS.pack(*entry) for entry in limits)


def decode_limits(octets: bytes) -> tuple[Limits, ...] | None:
    """Limits of stores; None when they break a rule of their layout or name a store twice."""
    if len(octets) % _LIMITS.size:
        return None
    found = []
    for store, kind, priority, quota in _LIMITS.iter_unpack(octets):
        if kind not in _KINDS or quota > ROW_MAX:
            return None
        found.append(Limits(store, StoreKind(kind), priority, quota))
    return tuple(found) if len({entry.store for entry in found}) == len(found) else None


def encode_begun(begun: Begun) -> bytes:
    """The answer that begins a life."""
    return _BEGUN.pack(begun.life, begun.set_aside) + encode_limits(begun.limits)


def decode_begun(octets: bytes) -> Begun | None:
    """The answer that begins a life; None when it breaks a rule of its layout."""
    limits = decode_limits(octets[_BEGUN.size :])
    if len(octets) < _BEGUN.size or limits is None:
        return None
    life, set_aside = _BEGUN.unpack_from(octets)
    return Begun(life, set_aside != 0, limits) if life else None


def encode_time(life: int, tai_at_boot: int) -> bytes:
    """What TAI it was when this life's clock stood at zero, in µs."""
    return _TIME.pack(life, tai_at_boot)


def decode_time(octets: bytes) -> tuple[int, int] | None:
    """Life and its TAI at boot; None when it breaks a rule of its layout."""
    return None if len(octets) != _TIME.size else _TIME.unpack(octets)


def encode_counted(more: bool, number: int) -> bytes:
    """Whether there is more of the same to do, and to how many rows it was done."""
    return _TIMED.pack(more, number)


def decode_counted(octets: bytes) -> tuple[bool, int] | None:
    """`more` and the number of rows; None when it breaks a rule of its layout."""
    if len(octets) != _TIMED.size or octets[0] > 1:
        return None
    more, number = _TIMED.unpack(octets)
    return more == 1, number


def encode_read(wanted: ReadRange) -> bytes:
    """A request for a page."""
    assert PAGE_OCTETS_MIN <= wanted.octets_max <= PAGE_OCTETS_MAX, "a page holds at least one packet"
    return _READ.pack(
        wanted.store, wanted.backward, wanted.row, wanted.tai_from, wanted.tai_to, wanted.octets_max
    )  # fmt: skip


def decode_read(octets: bytes) -> ReadRange | None:
    """A request for a page; None when it breaks a rule of its layout. Marks beyond the last are the last."""
    if len(octets) != _READ.size:
        return None
    store, backward, row, tai_from, tai_to, octets_max = _READ.unpack(octets)
    if backward > 1 or not PAGE_OCTETS_MIN <= octets_max <= PAGE_OCTETS_MAX:
        return None
    ends = (min(tai_from, TAI_MAX), min(tai_to, TAI_MAX))
    return ReadRange(store, min(row, ROW_MAX), backward == 1, *ends, octets_max)


def found_octets(packet: bytes) -> int:
    """Octets of a page that this packet takes."""
    return _FOUND.size + len(packet)


def encode_page(page: Page) -> bytes:
    """The rows that were read."""
    parts = [_PAGE.pack(page.more, page.cursor)]
    for row, tai, packet in page.packets:
        parts += (_FOUND.pack(row, tai, len(packet)), packet)
    return b"".join(parts)


def decode_page(octets: bytes) -> Page | None:
    """The rows that were read; None when they break a rule of their layout."""
    if len(octets) < _PAGE.size or octets[0] > 1:
        return None
    more, cursor = _PAGE.unpack_from(octets)
    found = []
    at = _PAGE.size
    while at < len(octets):
        if len(octets) - at < _FOUND.size:
            return None
        row, tai, length = _FOUND.unpack_from(octets, at)
        at += _FOUND.size
        if len(octets) - at < length:
            return None
        found.append(StoredPacket(row, tai, octets[at : at + length]))
        at += length
    return Page(more == 1, cursor, tuple(found))


def encode_delete(store: int, up_to_row: int, up_to_tai: int) -> bytes:
    """A request to delete the oldest rows."""
    return _DELETE.pack(store, up_to_row, up_to_tai)


def decode_delete(octets: bytes) -> tuple[int, int, int] | None:
    """Store, last row and last TAI; None when it breaks a rule of its layout."""
    if len(octets) != _DELETE.size:
        return None
    store, row, tai = _DELETE.unpack(octets)
    return store, min(row, ROW_MAX), min(tai, TAI_MAX)


def encode_summary_of(store: int, mark: int) -> bytes:
    """A request for a summary."""
    return _SUMMARY.pack(store, mark)


def decode_summary_of(octets: bytes) -> tuple[int, int] | None:
    """Store and mark; None when it breaks a rule of its layout."""
    if len(octets) != _SUMMARY.size:
        return None
    store, mark = _SUMMARY.unpack(octets)
    return store, min(mark, ROW_MAX)


def encode_summary(summary: Summary) -> bytes:
    """What a store holds."""
    return _SUMMARISED.pack(*summary)


def decode_summary(octets: bytes) -> Summary | None:
    """What a store holds; None when it breaks a rule of its layout."""
    if len(octets) != _SUMMARISED.size or octets[0] not in _KINDS:
        return None
    kind, *others = _SUMMARISED.unpack(octets)
    return Summary(StoreKind(kind), *others)


def encode_stats(stats: Stats) -> bytes:
    """The counters."""
    return _STATS.pack(*stats)


def decode_stats(octets: bytes) -> Stats | None:
    """The counters; None when they break a rule of their layout."""
    if len(octets) != _STATS.size:
        return None
    *numbers, set_aside, mended, mended_at = _STATS.unpack(octets)
    commits, octets_written, packets_stored, file_octets, generation, sound_copies = numbers
    told = (generation, sound_copies, set_aside != 0, mended, mended_at)
    return Stats(commits, octets_written, packets_stored, file_octets, *told)


_KINDS: Final = frozenset(map(int, StoreKind))
