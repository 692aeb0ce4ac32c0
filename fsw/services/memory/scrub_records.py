"""What scrubbing keeps: the baseline, a row a file; which files are checked; what was counted, a row a day.

Rows of table SCRUBBING by key: 0 which baseline it is (files u16, version); 1 switches (u8: bit 0 code, bit 1
configuration); 0x100 + n file n of the baseline (kind u8, size u32, CRC-32 u32, name); 0x10000 + day its counters.
Off nominal: a baseline of which a row is missing or unreadable is none, and is told damaged.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fsw.mdb.memory import DAYS_MAX, NAME_OCTETS_MAX, ScrubbedDay
from fsw.store.checked_files import FILES_MAX, CheckedFile
from fsw.store.keep import CHANGE_OCTETS, Change, Table, forget, put
from fsw.store.protocol import LIST_OCTETS_MAX

KEY_HEAD: Final = 0
KEY_SWITCHES: Final = 1
KEY_FILES: Final = 0x100
KEY_DAYS: Final = 0x1_0000
VERSION_OCTETS_MAX: Final = 16
_HEAD: Final = struct.Struct(">H")
_FILE: Final = struct.Struct(">BII")
_DAY: Final = struct.Struct(">IIHH")
_ROW_MAX: Final = CHANGE_OCTETS + _FILE.size + NAME_OCTETS_MAX
assert KEY_FILES + FILES_MAX <= KEY_DAYS
assert FILES_MAX * _ROW_MAX + CHANGE_OCTETS + _HEAD.size + VERSION_OCTETS_MAX <= LIST_OCTETS_MAX, "one transaction"

T: Final = Table.SCRUBBING


class Sum(NamedTuple):
    """What is held to be right of a file."""

    size: int
    crc: int


class Baseline(NamedTuple):
    """The right sums, and the software that they belong to; no files: there is none."""

    version: str
    files: Mapping[CheckedFile, Sum]


NONE: Final = Baseline("", {})


def baseline_changes(baseline: Baseline, rows_before: int) -> list[Change]:
    """The changes that keep a baseline in the place of one of `rows_before` files, all or none."""
    changes = [put(T, KEY_HEAD, _HEAD.pack(len(baseline.files)) + baseline.version.encode("ascii"))]
    for n, (file, one) in enumerate(baseline.files.items()):
        changes.append(put(T, KEY_FILES + n, _FILE.pack(file.kind, *one) + file.name.encode("ascii")))
    stale = range(KEY_FILES + len(baseline.files), KEY_FILES + rows_before)
    return changes + [forget(T, key) for key in stale]


def switches_change(enabled: int) -> Change:
    """The change that keeps which files are checked."""
    return put(T, KEY_SWITCHES, bytes((enabled,)))


def days_changes(days: Sequence[ScrubbedDay], dropped: Sequence[int]) -> list[Change]:
    """The changes that keep these days' counters and drop those days'."""
    kept = [put(T, KEY_DAYS + one.day, _DAY.pack(one.files, one.octets, one.wrong, one.passes)) for one in days]
    return kept + [forget(T, KEY_DAYS + day) for day in dropped]


class Records(NamedTuple):
    """All that was kept. `damaged`: there was a baseline and it cannot be read."""

    baseline: Baseline
    damaged: bool
    switches: int | None
    days: dict[int, ScrubbedDay]


def read(rows: Mapping[int, bytes]) -> Records:
    """What the rows of the table say."""
    baseline = _baseline(rows)
    switches = rows.get(KEY_SWITCHES, b"")
    days: dict[int, ScrubbedDay] = {}
    for key in sorted(rows, reverse=True):
        day = key - KEY_DAYS
        if 0 <= day <= 0xFFFF and len(rows[key]) == _DAY.size and len(days) < DAYS_MAX:
            days[day] = ScrubbedDay(day, *_DAY.unpack(rows[key]))
    return Records(baseline or NONE, baseline is None, switches[0] if len(switches) == 1 else None, days)


def _baseline(rows: Mapping[int, bytes]) -> Baseline | None:
    """The kept baseline, `NONE` when none was kept; None when it is damaged."""
    head = rows.get(KEY_HEAD)
    if head is None:
        return NONE
    if not _HEAD.size <= len(head) <= _HEAD.size + VERSION_OCTETS_MAX:
        return None
    files: dict[CheckedFile, Sum] = {}
    for n in range(_HEAD.unpack_from(head)[0]):
        row = rows.get(KEY_FILES + n, b"")
        if not _FILE.size < len(row) <= _FILE.size + NAME_OCTETS_MAX:
            return None
        kind, size, crc = _FILE.unpack_from(row)
        files[CheckedFile(kind, row[_FILE.size :].decode("ascii", "replace"))] = Sum(size, crc)
    return Baseline(head[_HEAD.size :].decode("ascii", "replace"), files) if files else NONE
