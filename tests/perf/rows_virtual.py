"""Figures of virtual time: beside asyncio and simpy with the same bodies, a day at the surface, the paced line.

`asyncio` has no virtual time of its own: its loop gets a clock that jumps to the next timer, as its users do. What only
computes is measured in processor time, which a busy machine stretches least.
"""

import asyncio
import gc
import os
import select
import time
import tty
from collections.abc import Callable
from statistics import median
from typing import Final

import simpy

from fsw.kernel.clock import TICK_US, ManualClock, Micros
from fsw.kernel.scheduler import Scheduler, Slot, Step
from fsw.kernel.supervisor import RestartPolicy, Supervisor
from fsw.mdb.mission import load
from hil.line.line import Paced
from hil.plan import scenario
from hil.rungs.pty_line import PtyLine
from hil.rungs.virtual import Virtual

Row = dict[str, str | float | bool | None]
TASKS: Final = 50
ASYNCIO_BOUND: Final = 0.1
SIMPY_BOUND: Final = 0.5
DAYS_BOUND_MS: Final = 20 * 60 * 1000 / (14 * 86_400)
"""Fourteen days in twenty minutes, as milliseconds a simulated second."""
LANDED_S: Final = 2 * 3600 + 300
"""When the surface plan has its housekeeping running."""
PPM_BOUND: Final = 100.0
BAUDS: Final = (9_600, 115_200, 921_600)
LOOK_US: Final = 1_000
AHEAD_US: Final = 500_000
PTY_OCTETS: Final = 2_048
SPARSE_MS: Final = (10, 10, 50, 50, 100, 100, 100, 100, 1_000, 1_000)


class Counter:
    """The body of every task in all three worlds: it counts."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def body(self) -> None:
        """What a task does."""
        self.count += 1


def our_ns(periods_ms: tuple[int, ...], seconds: int) -> float:
    """Nanoseconds a body in our scheduler, guarded and accounted as in flight, on the manual clock."""
    clock, counter = ManualClock(), Counter()

    def step_of(period_us: int) -> Step:
        def step(now: Micros) -> Micros:
            counter.body()
            return Micros(now + period_us)

        return step

    supervisor = Supervisor(
        clock, RestartPolicy(1_000_000, 3, 60_000_000), {}, lambda _task: None, lambda _task, _text: None
    )
    slots = [Slot(f"task{n}", step_of(period * 1_000)) for n, period in enumerate(periods_ms)]
    scheduler = Scheduler(clock, slots, supervisor.guard)
    due, end = Micros(0), seconds * 1_000_000
    began = time.process_time_ns()
    while due < end:
        clock.advance_to(due)
        due = scheduler.tick(due)
    return _each(began, counter, periods_ms, seconds)


def simpy_ns(periods_ms: tuple[int, ...], seconds: int) -> float:
    """Nanoseconds a body as simpy's processes."""
    environment, counter = simpy.Environment(), Counter()

    def process(period_us: int) -> "simpy.events.ProcessGenerator":
        while True:
            counter.body()
            yield environment.timeout(period_us)

    for period in periods_ms:
        environment.process(process(period * 1_000))
    began = time.process_time_ns()
    environment.run(until=seconds * 1_000_000)
    return _each(began, counter, periods_ms, seconds)


class JumpingLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on a clock that jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._jumped_s = 0.0
        self._selector.select = self._jump  # type: ignore[attr-defined]

    def _jump(self, timeout_s: float | None) -> list[object]:
        self._jumped_s += timeout_s or 0.0
        return []

    def time(self) -> float:
        """The virtual time, seconds."""
        return self._jumped_s


def asyncio_ns(periods_ms: tuple[int, ...], seconds: int) -> float:
    """Nanoseconds a body as asyncio's tasks."""
    loop, counter = JumpingLoop(), Counter()

    async def task(period_s: float) -> None:
        turns = round(seconds / period_s)
        for turn in range(turns):
            counter.body()
            await asyncio.sleep((turn + 1) * period_s - loop.time())

    async def run() -> None:
        await asyncio.gather(*(task(period / 1_000) for period in periods_ms))

    began = time.process_time_ns()
    loop.run_until_complete(run())
    each = _each(began, counter, periods_ms, seconds)
    loop.close()
    return each


def _each(began_ns: int, counter: Counter, periods_ms: tuple[int, ...], seconds: int) -> float:
    elapsed_ns = time.process_time_ns() - began_ns
    assert counter.count == sum(seconds * 1_000 // period for period in periods_ms), "every body ran as often"
    return elapsed_ns / counter.count


def beside(name: str, peer_ns: Callable[[tuple[int, ...], int], float], bound: float, quick: bool) -> list[Row]:
    """A body in virtual time beside a peer's: every task 100 times a second, and, unbounded, ten of mixed periods."""
    rows: list[Row] = []
    for suffix, periods, bounded in (("", (TICK_US // 1_000,) * TASKS, True), ("_sparse", SPARSE_MS, False)):
        seconds = 2 if bounded else 40
        ours, peer = [], []
        for _ in range(5 if quick else 15):
            ours.append(our_ns(periods, seconds))
            peer.append(peer_ns(periods, seconds))
        ratio = median(ours) / median(peer)
        row: Row = {"name": name + suffix, "value": round(median(ours), 1), "unit": "ns/body"}
        row |= {"peer": round(median(peer), 1), "ratio": round(ratio, 4)}
        rows.append(row | {"bound": bound if bounded else None, "holds": ratio <= bound if bounded else None})
    return rows


def virtual_time_asyncio(quick: bool) -> list[Row]:
    """Beside asyncio on a clock that jumps."""
    return beside("virtual_time_asyncio", asyncio_ns, ASYNCIO_BOUND, quick)


def virtual_time_simpy(quick: bool) -> list[Row]:
    """Beside simpy."""
    return beside("virtual_time_simpy", simpy_ns, SIMPY_BOUND, quick)


def virtual_surface_day(quick: bool) -> list[Row]:
    """Processor time of a simulated second of the surface plan, all of it: flight, lander, line, ground, observers."""
    mission = load()
    virtual = Virtual(scenario.load("surface", mission), mission, 1)
    try:
        virtual.advance(Micros(LANDED_S * 1_000_000))
        seconds = 1_800 if quick else 86_400
        octets = virtual.end.octets_down
        gc.collect()
        began_ns = time.process_time_ns()
        virtual.advance(Micros((LANDED_S + seconds) * 1_000_000))
        each_ms = (time.process_time_ns() - began_ns) / 1e6 / seconds
        assert virtual.end.octets_down - octets > 50 * seconds, "housekeeping came once a second"
    finally:
        virtual.close()
    return [_bounded("virtual_surface_day", each_ms, "ms/s", DAYS_BOUND_MS)]


def paced_line(quick: bool) -> list[Row]:
    """How far the rate of a full paced line is off its baud, over seconds, as its reader at a pty sees it."""
    rows = []
    for baud in BAUDS:
        ppm = max(abs(_rate_error_ppm(baud, 4.0 if quick else 10.0)) for _ in range(1 if quick else 3))
        rows.append(_bounded(f"paced_line_{baud}", ppm, "ppm", PPM_BOUND))
    return rows


def _rate_error_ppm(baud: int, seconds: float) -> float:
    """Least-squares rate of octets by the times at which their reader had them, against the baud.

    The line is driven as the lander's program does: a look every millisecond while it is busy. A look that comes late
    finds more octets: it moves one point of many, not the rate. `AHEAD_US` of octets wait at any time, so that a
    machine that stands still does not leave the line without work, which would be its own idleness and not its pace.
    """
    device, line = PtyLine(), Paced(baud, octets_max=baud)
    reader = os.open(device.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(reader)
    unit = bytes(64)
    times: list[int] = []
    counts: list[int] = []
    written = read = 0
    zero_ns = time.monotonic_ns()
    try:
        while (now := (time.monotonic_ns() - zero_ns) // 1_000) < seconds * 1e6:
            while line.free_us() <= now + AHEAD_US:
                line.put(unit, Micros(now))
            octets = line.take(Micros(now))
            if octets:
                for at in range(0, len(octets), PTY_OCTETS):  # after a pause there is more than a pty holds at once
                    written += device.write(octets[at : at + PTY_OCTETS])
                    read += len(_read(reader))
                times.append((time.monotonic_ns() - zero_ns) // 1_000)
                counts.append(read)
            select.select([], [], [], max(0, (now // LOOK_US + 1) * LOOK_US - now) / 1e6)
        read += len(_read(reader))
    finally:
        os.close(reader)
        device.close()
    assert read == written == line.octets_out, "every octet came out at the other end"
    return (_slope(times, counts) * 10e6 / baud - 1) * 1e6


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except BlockingIOError:
        return b""


def _slope(xs: list[int], ys: list[int]) -> float:
    """Least squares through the points."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - mean_x) ** 2 for x in xs)


def _bounded(name: str, value: float, unit: str, bound: float) -> Row:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "peer": None,
        "ratio": None,
        "bound": round(bound, 3),
        "holds": value <= bound,
    }


ROWS: Final[dict[str, Callable[[bool], list[Row]]]] = {
    "virtual_time_asyncio": virtual_time_asyncio,
    "virtual_time_simpy": virtual_time_simpy,
    "virtual_surface_day": virtual_surface_day,
    "paced_line": paced_line,
}
