"""Measures how late 100 Hz wake-ups are, in one process: `wake_window.py ours|asyncio START_NS SECONDS`.

Prints the lateness of each wake-up in microseconds as JSON. Both sides sleep until absolute times on CLOCK_MONOTONIC.
"""

import asyncio
import json
import sys
import time

from fsw.hal.clock import MonotonicClock
from fsw.hal.timer import TickTimer
from fsw.kernel.clock import TICK_US, Micros


def ours(start_ns: int, ticks: int) -> list[int]:
    """Lateness of the kernel's wake-ups from `start_ns` on, us."""
    clock = MonotonicClock()
    timer = TickTimer(clock)
    first = (start_ns - clock.zero_ns) // 1000
    lateness = []
    for tick in range(ticks):
        planned = Micros(first + tick * TICK_US)
        timer.sleep_until(planned)
        lateness.append(clock.now() - planned)
    return lateness


async def peer(start_ns: int, ticks: int) -> list[int]:
    """Lateness of asyncio's wake-ups from `start_ns` on, us."""
    lateness = []
    for tick in range(ticks):
        planned_ns = start_ns + tick * TICK_US * 1000
        await asyncio.sleep((planned_ns - time.monotonic_ns()) / 1e9)
        lateness.append((time.monotonic_ns() - planned_ns) // 1000)
    return lateness


def main(who: str, start_ns: int, seconds: float) -> None:
    """Measure one window and print it."""
    ticks = int(seconds * 1_000_000) // TICK_US
    lateness = ours(start_ns, ticks) if who == "ours" else asyncio.run(peer(start_ns, ticks))
    sys.stdout.write(json.dumps(lateness) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
