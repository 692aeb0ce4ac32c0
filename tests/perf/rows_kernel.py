"""Figures of kernel, hal and store: each beside its peer, medians of interleaved repetitions."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Final

from fsw.kernel.clock import TICK_US, ManualClock, Micros
from fsw.kernel.scheduler import Scheduler, Slot
from fsw.kernel.supervisor import RestartPolicy, Supervisor

Row = dict[str, str | float | bool | None]
ROOT: Final = Path(__file__).parents[2]
SLOTS: Final = 50
SLOTS_BOUND: Final = 0.25
LATENESS_BOUND: Final = 0.2
STALL_BOUND_US: Final = 1_000
RESIDENT_BOUND_MIB: Final = 20
GROWTH_BOUND_KIB: Final = 512
START_S: Final = 1.0
"""Time for two interpreters to start before their common window."""


def against(name: str, unit: str, ours: float, peer: float, bound: float) -> Row:
    """A row that holds when our figure is at most `bound` times the peer's."""
    ratio = ours / peer
    return {
        "name": name,
        "value": round(ours, 3),
        "unit": unit,
        "peer": round(peer, 3),
        "ratio": round(ratio, 4),
        "bound": bound,
        "holds": ratio <= bound,
    }


def within(name: str, unit: str, value: float, bound: float) -> Row:
    """A row that holds when the figure itself is at most `bound`."""
    return {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "peer": None,
        "ratio": None,
        "bound": bound,
        "holds": value <= bound,
    }


class TickingClock(ManualClock):
    """A clock that is always at the tick, with the real stopwatch: the loop runs flat out, its accounting is real."""

    stopwatch_ns = staticmethod(time.monotonic_ns)


def busy(now: Micros) -> Micros:
    """A step that has work in every tick."""
    return now


def our_switch_ns(ticks: int) -> float:
    """Nanoseconds a slot of a whole tick: guard, accounting, lateness, next tick."""
    clock = TickingClock()
    policy = RestartPolicy(1_000_000, 3, 60_000_000)
    supervisor = Supervisor(clock, policy, {}, lambda _task: None, lambda _task, _text: None)
    scheduler = Scheduler(clock, [Slot(f"task{n}", busy) for n in range(SLOTS)], supervisor.guard)
    planned = Micros(0)
    began = time.perf_counter_ns()
    for _ in range(ticks):
        clock.advance(TICK_US)
        planned = Micros(planned + TICK_US)
        scheduler.tick(planned)
    elapsed = time.perf_counter_ns() - began
    assert scheduler.stats["task49"].runs == ticks, "every slot ran in every tick"
    return elapsed / ticks / SLOTS


def asyncio_switch_ns(rounds: int) -> float:
    """Nanoseconds an `asyncio.sleep(0)` switch among as many tasks."""

    async def task() -> None:
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def run() -> int:
        began = time.perf_counter_ns()
        await asyncio.gather(*(task() for _ in range(SLOTS)))
        return time.perf_counter_ns() - began

    return asyncio.run(run()) / rounds / SLOTS


def kernel_tick(quick: bool) -> list[Row]:
    """A tick of 50 slots, per slot, beside asyncio's switch."""
    repetitions, rounds = (5, 400) if quick else (11, 2_000)
    ours, peer = [], []
    for _ in range(repetitions):
        ours.append(our_switch_ns(rounds))
        peer.append(asyncio_switch_ns(rounds))
    return [against("kernel_tick", "ns/switch", median(ours), median(peer), SLOTS_BOUND)]


def start(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """A measuring process: a program beside this file."""
    command = [sys.executable, str(Path(__file__).with_name(program)), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT)


def told(process: "subprocess.Popen[bytes]") -> object:
    """What the process measured."""
    with process:
        said, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args!r} failed")
    return json.loads(said)


def wake_lateness(quick: bool) -> list[Row]:
    """Median lateness of 100 Hz wake-ups beside asyncio's, both in the same window, half a period apart."""
    windows, seconds = (3, 1.5) if quick else (5, 5.0)
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(windows):
        begin = time.monotonic_ns() + int(START_S * 1e9)
        processes = (
            start("wake_window.py", "ours", str(begin), str(seconds)),
            start("wake_window.py", "asyncio", str(begin + TICK_US * 500), str(seconds)),
        )
        for process, figures in zip(processes, (ours, peer), strict=True):
            lateness = told(process)
            assert isinstance(lateness, list), "a list of microseconds"
            figures.append(median(lateness))
    return [against("wake_lateness_p50", "us", median(ours), median(peer), LATENESS_BOUND)]


def store_stall(quick: bool) -> list[Row]:
    """How far a stall of the store moves the worst slot's lateness p99: medians over windows, taken by turns."""
    seconds, pairs = (2.0, 5) if quick else (5.0, 7)
    with tempfile.TemporaryDirectory() as folder:
        windows = told(start("store_window.py", "stall", f"{folder}/store.sqlite", str(seconds), str(pairs)))
    assert isinstance(windows, list), "a list of windows"
    calm, stalled = windows[::2], windows[1::2]
    moves = [median(w[name] for w in stalled) - median(w[name] for w in calm) for name in calm[0]]
    return [within("store_stall_lateness_p99", "us", max(moves), STALL_BOUND_US)]


def device_server(quick: bool) -> list[Row]:
    """Resident memory of the store's device server, and how much 10 000 commits add to it."""
    with tempfile.TemporaryDirectory() as folder:
        resident = told(start("store_window.py", "resident", f"{folder}/store.sqlite", "1000" if quick else "10000"))
    assert isinstance(resident, list), "two sizes"
    early, late = resident
    return [
        within("device_server_resident", "MiB", late / 1024, RESIDENT_BOUND_MIB),
        within("device_server_growth", "KiB", late - early, GROWTH_BOUND_KIB),
    ]


ROWS: Final[dict[str, Callable[[bool], list[Row]]]] = {
    "kernel_tick": kernel_tick,
    "wake_lateness": wake_lateness,
    "store_stall": store_stall,
    "device_server": device_server,
}
