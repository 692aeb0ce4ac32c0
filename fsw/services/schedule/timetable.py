"""The activities of the schedule in memory: by name, and in order of time in each sub-schedule.

Times are those of the CUC, exactly: TAI since 1958 in 1/65 536 s. An activity holds its time less the shift that all of
them have in common (`base`), so that shifting all of them is one number. Every sub-schedule is a sorted list: the first
activity, a window of time and their number are found by bisection, whatever the size.
Off nominal: more than `ACTIVITIES_MAX`, and a second one of the same name, are the caller's to refuse (asserted).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from fsw.ccsds.time_code import P_FIELD
from fsw.mdb.fields import Bounds
from fsw.mdb.scheduling import SUBSCHEDULES_MAX, LatePolicy

ACTIVITIES_MAX: Final = 10_000
TICKS: Final = 1 << 16
"""Units of a second."""
TIME_MAX: Final = (1 << 48) - 1
_KEY_MAX: Final = 1 << 32


class Name(NamedTuple):
    """How ST[11] names a scheduled telecommand."""

    source_id: int
    apid: int
    sequence: int


class Activity(NamedTuple):
    """A scheduled telecommand; `key` is its row's, even, and rises with every insertion."""

    key: int
    subschedule: int
    late: LatePolicy
    base: int
    packet: bytes

    @property
    def name(self) -> Name:
        """What the ground calls it."""
        return name_of(self.packet)


def name_of(packet: bytes) -> Name:
    """The name of a telecommand packet; its header is whole."""
    apid, count = int.from_bytes(packet[:2], "big") & 0x7FF, int.from_bytes(packet[2:4], "big") & 0x3FFF
    return Name(int.from_bytes(packet[9:11], "big"), apid, count)


def ticks(cuc: bytes, at: int = 0) -> int:
    """The time of a CUC of the mission's code."""
    return int.from_bytes(cuc[at + 1 : at + 7], "big")


def cuc(time: int) -> bytes:
    """A time as its CUC."""
    return bytes((P_FIELD,)) + time.to_bytes(6, "big")


def micros(time: int) -> int:
    """The first whole microsecond at or after a time."""
    return -(-time * 1_000_000 >> 16)


def span(window: bytes) -> tuple[int, int]:
    """First and last time of a window (fsw.mdb.fields.window)."""
    match window[0]:
        case Bounds.BETWEEN:
            return ticks(window, 1), ticks(window, 8)
        case Bounds.FROM:
            return ticks(window, 1), TIME_MAX
        case Bounds.UNTIL:
            return 0, ticks(window, 1)
        case _:
            return 0, TIME_MAX


class Timetable:
    """What is scheduled. `offset` is the shift of all, in units of time."""

    __slots__ = ("_by_name", "_count", "_lists", "activities", "enabled", "offset", "subschedules")

    def __init__(self) -> None:
        self._lists: dict[int, list[tuple[int, int]]] = {}
        self._by_name: dict[Name, int] = {}
        self.clear()

    def clear(self) -> None:
        """Nothing scheduled, no sub-schedules, disabled: as (11,3) leaves it."""
        self._lists.clear()
        self._by_name.clear()
        self.activities: dict[int, Activity] = {}
        self.subschedules: dict[int, bool] = {}
        """Whether each is enabled."""
        self.enabled = False
        self.offset = 0

    def __len__(self) -> int:
        return len(self.activities)

    @property
    def room(self) -> int:
        """How many more fit."""
        return ACTIVITIES_MAX - len(self._by_name)

    def due(self, activity: Activity) -> int:
        """When an activity is released."""
        return activity.base + self.offset

    def named(self, name: Name) -> bool:
        """Whether that name is taken, by an activity that is being released too."""
        return name in self._by_name

    def find(self, names: Iterable[Name]) -> list[Activity] | None:
        """These activities, each once; None when one of them is not there."""
        keys = [self._by_name.get(name) for name in names]
        found = [self.activities.get(key) for key in dict.fromkeys(keys) if key is not None]
        whole = [activity for activity in found if activity is not None]
        return None if None in keys or None in found else whole

    def add(self, activity: Activity) -> None:
        """Take an activity in; its sub-schedule begins, enabled, when there is none."""
        holder = self._by_name.setdefault(activity.name, activity.key)
        assert holder == activity.key, "a name stands for one activity"
        assert len(self._by_name) <= ACTIVITIES_MAX
        self.subschedules.setdefault(activity.subschedule, True)
        assert len(self.subschedules) <= SUBSCHEDULES_MAX
        self.activities[activity.key] = activity
        insort(self._lists.setdefault(activity.subschedule, []), (activity.base, activity.key))

    def take(self, activity: Activity) -> None:
        """Take an activity out; its name stays taken until `forget`."""
        listed = self._lists[activity.subschedule]
        at = bisect_left(listed, (activity.base, activity.key))
        assert listed[at] == (activity.base, activity.key)
        del listed[at]
        del self.activities[activity.key]

    def forget(self, activity: Activity) -> None:
        """Free the name of an activity that was taken out."""
        if self._by_name.get(activity.name) == activity.key and activity.key not in self.activities:
            del self._by_name[activity.name]

    def put_back(self, activity: Activity) -> None:
        """Take an activity in again that was taken out, unless its name was freed since."""
        if self._by_name.get(activity.name) == activity.key:
            self.add(activity)

    def drop(self, activity: Activity) -> None:
        """Delete an activity, if it is there."""
        if activity.key in self.activities:
            self.take(self.activities[activity.key])
            self.forget(activity)

    def move(self, activity: Activity, base: int) -> None:
        """Give an activity another time, if it is there."""
        found = self.activities.get(activity.key)
        if found is not None:
            self.take(found)
            self.activities[found.key] = found._replace(base=base)
            insort(self._lists[found.subschedule], (base, found.key))

    def first(self) -> Activity | None:
        """The activity that is due first; of several, the one that was inserted first."""
        heads = [listed[0] for listed in self._lists.values() if listed]
        return self.activities[min(heads)[1]] if heads else None

    def last_due(self) -> int | None:
        """The time of the last activity."""
        tails = [listed[-1][0] for listed in self._lists.values() if listed]
        return max(tails) + self.offset if tails else None

    def known(self, subschedules: Iterable[int]) -> bool:
        """Whether all these sub-schedules are there."""
        return self.subschedules.keys() >= set(subschedules)

    def selected(self, window: bytes, subschedules: tuple[int, ...]) -> int:
        """How many activities of these sub-schedules (none: of all) are due within a window."""
        return sum(end - begin for _, begin, end in self._parts(window, subschedules))

    def select(self, window: bytes, subschedules: tuple[int, ...]) -> list[Activity]:
        """Those activities, by sub-schedule and time."""
        parts = self._parts(window, subschedules)
        return [self.activities[key] for listed, begin, end in parts for _, key in listed[begin:end]]

    def following(
        self, window: bytes, subschedules: tuple[int, ...], behind: tuple[int, int, int], most: int
    ) -> list[Activity]:
        """At most `most` of them behind (sub-schedule, base, key), in that order."""
        found: list[Activity] = []
        for sub in self._chosen(subschedules):
            if sub < behind[0]:
                continue
            listed, begin, end = self._part(sub, window)
            if sub == behind[0]:
                begin = max(begin, bisect_right(listed, behind[1:]))
            found += [self.activities[key] for _, key in listed[begin : min(end, begin + most - len(found))]]
            if len(found) >= most:
                break
        return found

    def _chosen(self, subschedules: tuple[int, ...]) -> list[int]:
        return sorted(self._lists.keys() & set(subschedules) if subschedules else self._lists)

    def _part(self, sub: int, window: bytes) -> tuple[list[tuple[int, int]], int, int]:
        low, high = span(window)
        listed = self._lists[sub]
        begin = bisect_left(listed, (low - self.offset, 0))
        return listed, begin, bisect_right(listed, (high - self.offset, _KEY_MAX))

    def _parts(self, window: bytes, subschedules: tuple[int, ...]) -> Iterator[tuple[list[tuple[int, int]], int, int]]:
        return (self._part(sub, window) for sub in self._chosen(subschedules))
