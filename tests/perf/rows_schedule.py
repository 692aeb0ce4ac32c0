"""What a scheduled telecommand costs, in a full schedule beside one that is almost empty: inserted, and released."""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Final

from fsw.kernel.clock import Micros
from tests.services.schedule_desk import EPOCH_S, SECOND, ScheduleDesk, insert, ping

Row = dict[str, str | float | bool | None]
FULL: Final = 9_900
FEW: Final = 100
BOUND: Final = 1.5
"""Flat: what is there costs at most half as much again."""
_IN_ONE: Final = 40


def filled(activities: int) -> ScheduleDesk:
    """A schedule that holds so many activities, one a second from the tenth hour on."""
    desk = ScheduleDesk()
    desk.say(1)
    for first in range(0, activities, _IN_ONE):
        late = ((EPOCH_S + 36_000 + n) * SECOND for n in range(first, first + _IN_ONE))
        desk.say(4, insert(1, *((due, ping(n + 1_000)) for n, due in enumerate(late, first))))
    return desk


def insert_us(desk: ScheduleDesk, repetitions: int) -> float:
    """Microseconds from an accepted request of one activity to its completion, commit included; it is deleted again."""
    figures = []
    for n in range(repetitions):
        data = insert(1, (desk.tai_us() + (40_000 + n) * SECOND, ping(n)))
        began = time.perf_counter_ns()
        said = desk.say(4, data)
        figures.append((time.perf_counter_ns() - began) / 1_000)
        assert said == [(3, 0), (7, 0)]
        desk.schedule.timetable.drop(next(reversed(desk.schedule.timetable.activities.values())))
    return median(figures)


def release_us(desk: ScheduleDesk, repetitions: int) -> float:
    """Microseconds of the turns that release one due activity: mark, commit, acceptance, the mark's end."""
    figures = []
    for n in range(repetitions):
        desk.say(4, insert(2, (desk.tai_us() + 2 * SECOND, ping(n))))
        desk.now = Micros(desk.now + 2 * SECOND)
        began = time.perf_counter_ns()
        desk.turn()
        figures.append((time.perf_counter_ns() - began) / 1_000)
        assert desk.ran() == [n]
    return median(figures)


def _flat(name: str, measure: Callable[[ScheduleDesk, int], float], quick: bool) -> list[Row]:
    full, few = filled(FULL), filled(FEW)
    repetitions, rounds = (40, 3) if quick else (200, 5)
    gc.collect()
    gc.freeze()  # as flight does after its start
    pairs = [(measure(full, repetitions), measure(few, repetitions)) for _ in range(rounds)]
    gc.unfreeze()
    ours, peer = (median(figures) for figures in zip(*pairs, strict=True))
    ratio = ours / peer
    return [
        {
            "name": name,
            "value": round(ours, 1),
            "unit": "us",
            "peer": round(peer, 1),
            "ratio": round(ratio, 3),
            "bound": BOUND,
            "holds": ratio <= BOUND,
        }
    ]


def schedule_insert(quick: bool) -> list[Row]:
    """Inserting among 9 900 activities beside inserting among 100."""
    return _flat("schedule_insert", insert_us, quick)


def schedule_release(quick: bool) -> list[Row]:
    """Releasing among 9 900 activities beside releasing among 100."""
    return _flat("schedule_release", release_us, quick)


ROWS: Final = {"schedule_insert": schedule_insert, "schedule_release": schedule_release}
"""By name, for `tools/kratai perf`."""
