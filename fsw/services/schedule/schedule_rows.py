"""What the schedule keeps over a reset, as rows of octets (fsw.store.keep).

Table SCHEDULE: under an activity's key (even) base i64, sub-schedule u8, late policy u8, packet; under the next key
(odd) the base i64 that a shift gave it since. Table SUBSCHEDULES: under 0 to 255 whether that sub-schedule is enabled,
u8; under FUNCTION_KEY enabled u8 and the shift of all i64; under MARKS_KEY the names (source id, APID, count: u16 each)
of what is being released.
Off nominal: a row that breaks its layout, or whose packet is none, reads as None.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple

from fsw.mdb.scheduling import BATCH_MAX, REQUEST_OCTETS_MAX, LatePolicy
from fsw.pus import tc
from fsw.pus.ids import Refusal
from fsw.services.schedule.timetable import TIME_MAX, Activity, Name
from fsw.store.keep import KEY_MAX, ROW_OCTETS_MAX, Change, Table, clear, forget, put

FUNCTION_KEY: Final = 0x100
MARKS_KEY: Final = 0x101
ACTIVITY_KEY_MAX: Final = KEY_MAX - 1
_ACTIVITY: Final = Struct(">qBB")
_BASE: Final = Struct(">q")
_FUNCTION: Final = Struct(">Bq")
_NAME: Final = Struct(">HHH")
_LATE: Final = {int(policy): policy for policy in LatePolicy}
assert _ACTIVITY.size + REQUEST_OCTETS_MAX <= ROW_OCTETS_MAX
assert ACTIVITY_KEY_MAX % 2 == 0


class Function(NamedTuple):
    """Whether activities are released, and the shift that all have in common."""

    enabled: bool
    offset: int


def inserted(activity: Activity) -> Change:
    """A new activity."""
    head = _ACTIVITY.pack(activity.base, activity.subschedule, activity.late)
    return put(Table.SCHEDULE, activity.key, head + activity.packet)


def moved(activity: Activity, base: int) -> Change:
    """Another time for an activity."""
    return put(Table.SCHEDULE, activity.key + 1, _BASE.pack(base))


def dropped(activities: Iterable[Activity]) -> list[Change]:
    """Activities that are there no more."""
    return [forget(Table.SCHEDULE, activity.key + row) for activity in activities for row in (0, 1)]


def emptied() -> list[Change]:
    """No activities, no sub-schedules, disabled."""
    return [clear(Table.SCHEDULE), clear(Table.SUBSCHEDULES)]


def subschedule(number: int, enabled: bool) -> Change:
    """A sub-schedule."""
    return put(Table.SUBSCHEDULES, number, bytes((enabled,)))


def function(enabled: bool, offset: int) -> Change:
    """The state of the whole."""
    return put(Table.SUBSCHEDULES, FUNCTION_KEY, _FUNCTION.pack(enabled, offset))


def marks(names: Iterable[Name]) -> Change:
    """What is being released; it runs when this is on the disk."""
    return put(Table.SUBSCHEDULES, MARKS_KEY, b"".join(_NAME.pack(*name) for name in names))


def unmarked() -> Change:
    """All that was being released has been handed over."""
    return forget(Table.SUBSCHEDULES, MARKS_KEY)


def read_activity(key: int, row: bytes, shifted: bytes | None) -> Activity | None:
    """An activity of its row and of the row behind it, where there is one."""
    if key % 2 or len(row) < _ACTIVITY.size:
        return None
    base, number, late = _ACTIVITY.unpack_from(row)
    if shifted is not None:
        if len(shifted) != _BASE.size:
            return None
        (base,) = _BASE.unpack(shifted)
    packet = row[_ACTIVITY.size :]
    policy = _LATE.get(late)
    if policy is None or abs(base) > 2 * TIME_MAX or len(packet) > REQUEST_OCTETS_MAX or not whole(packet):
        return None
    return Activity(key, number, policy, base, packet)


def whole(packet: bytes) -> bool:
    """Whether these octets are one telecommand packet with a header that can be read and its length."""
    header = tc.inspect(packet)
    return not isinstance(header, Refusal) and header.length_ok


def read_function(row: bytes) -> Function | None:
    """The state of the whole."""
    if len(row) != _FUNCTION.size or row[0] > 1:
        return None
    enabled, offset = _FUNCTION.unpack(row)
    return Function(enabled == 1, offset) if abs(offset) <= TIME_MAX else None


def read_marks(row: bytes) -> tuple[Name, ...] | None:
    """What was being released."""
    if not row or len(row) % _NAME.size or len(row) > _NAME.size * BATCH_MAX:
        return None
    return tuple(Name(*fields) for fields in _NAME.iter_unpack(row))
