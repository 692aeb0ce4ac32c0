"""Figures of ST[12]: a thousand monitors, each checked once a second."""

import time
from collections.abc import Callable
from statistics import median
from typing import Final

from fsw.kernel.clock import TICK_US, Micros
from tests.services.desk import MISSION, Desk
from tests.services.watching import add, ask, desktop, limits, numbers, watch

Row = dict[str, object]
MONITORS: Final = 1_000
SHARE_BOUND: Final = 0.01
A_REQUEST: Final = 40
OURS: Final = range(80, 90)


def begin() -> tuple[Desk, list[int]]:
    """A board with a monitor for each id, on parameters of every kind; half of them with condition and age."""
    desk, _ = desktop()
    known = MISSION.database.parameters.values()
    measured = [each.pid for each in known if not (each.guarded or each.writable) and each.value_type.name != "f32"]
    whole = [pid for pid in measured if pid not in OURS]
    for number in range(MONITORS):
        pid = whole[number % len(whole)]
        if number % 2:
            desk.ask(0x020, 8, 1, watch(number, pid, low=-1e9, validity=(2, 0, 0), stale=(60, 35)))
        else:
            assert add(desk, limits(number, pid, -1e9, 4.3e9)) == 0
    for first in range(0, MONITORS, A_REQUEST):
        ask(desk, 12, 1, numbers(*range(first, first + A_REQUEST)))
    ask(desk, 12, 15)
    return desk, whole


def second(desk: Desk, pids: list[int]) -> int:
    """CPU nanoseconds that the service's turns take in one second, called in each tick; values change before it."""
    begin_us = desk.now
    desk.parameters.set_all(dict.fromkeys(pids, begin_us // 1_000_000 % 100), desk.now)
    spent = 0
    step: Callable[[Micros], Micros] = desk.monitoring.step
    for tick in range(1, 1_000_000 // TICK_US + 1):
        now = Micros(begin_us + tick * TICK_US)
        began = time.thread_time_ns()
        step(now)
        spent += time.thread_time_ns() - began
        desk.now = now
    return spent


def monitors(quick: bool) -> list[Row]:
    """The share of a core that a thousand monitors at 1 Hz take."""
    desk, pids = begin()
    second(desk, pids)
    before = desk.parameters.values[83] or 0
    seconds = 10 if quick else 40
    spent = [second(desk, pids) / 1e9 for _ in range(seconds)]
    checks = (desk.parameters.values[83] or 0) - before
    assert checks == MONITORS * seconds, "each was checked once a second"
    share = median(spent)
    bound = {"bound": SHARE_BOUND, "holds": share <= SHARE_BOUND}
    return [{"name": "monitors_1000_at_1_hz", "value": share, "unit": "core", "peer": None, "ratio": None, **bound}]


ROWS: Final = {"monitors": monitors}
