"""Measures the kernel beside a store in a child process, and prints JSON.

`store_window.py stall PATH SECONDS PAIRS`: p99 of each slot's lateness in us, window by window, calm and stalled.
`store_window.py resident PATH COMMITS`: the child's resident memory in KiB, after a hundred commits and after all.
"""

import json
import select
import sys
from collections.abc import Callable

from fsw.hal.child import ChildWire
from fsw.hal.clock import MonotonicClock
from fsw.hal.timer import TickTimer
from fsw.kernel.bus import Port
from fsw.kernel.clock import TICK_US, Micros
from fsw.kernel.scheduler import Scheduler, Slot, Step
from fsw.kernel.supervisor import RestartPolicy, Supervisor
from fsw.store.client import Store
from fsw.store.server import StoreServer

COMMIT_US = 100_000
LONG_US = 60_000_000
"""Longer than any window: here nobody gives the store up."""


class StallingStore:
    """The store's server; a request that begins with 'S' makes it stand still for as many milliseconds as it says."""

    def __init__(self, path: str) -> None:
        self.store = StoreServer(path)

    def serve(self, request: bytes) -> bytes:
        """Stand still, or serve."""
        if request[:1] == b"S":
            select.select([], [], [], int(request[1:]) / 1000)
            return b""
        return self.store.serve(request)


def guard(clock: MonotonicClock) -> Callable[[Slot], Step]:
    """The supervisor's guard; a fault ends this process."""

    def fault(task: str, text: str) -> None:
        raise SystemExit(f"{task}: {text}")

    return Supervisor(clock, RestartPolicy(1_000_000, 3, LONG_US), {}, lambda _task: None, fault).guard


def stall(wire: ChildWire, seconds: float, pairs: int) -> list[dict[str, int]]:
    """p99 of every slot's lateness in each window: calm, stalled, calm, stalled …"""
    clock = MonotonicClock()
    timer = TickTimer(clock)
    port = Port("store", wire, capacity=256, deadline_us=LONG_US)
    store = Store(port)
    lateness: dict[str, list[int]] = {}

    def probe(name: str, work: Callable[[Micros], Micros]) -> Slot:
        def step(now: Micros) -> Micros:
            lateness.setdefault(name, []).append(clock.now() - now)
            return work(now)

        return Slot(name, step)

    def idle(now: Micros) -> Micros:
        return now

    def keep(now: Micros) -> Micros:
        # In every tick, so that its percentile rests on as many turns as the others'.
        store.poll(now)
        if now % COMMIT_US == 0:
            store.commit_parameters({10: now.to_bytes(8, "big")}, now)
        return now

    slots = [*(probe(f"task{n}", idle) for n in range(8)), probe("keep", keep), probe("transmit", idle)]
    scheduler = Scheduler(clock, slots, guard(clock))
    planned = Micros((clock.now() // TICK_US + 1) * TICK_US)
    windows = []
    for window in range(2 * pairs):
        if window % 2:
            stalled = wire.send(b"\0\0\0\0S%d" % int(seconds * 1000))
            assert stalled, "the store takes the stall"
        until = planned + int(seconds * 1_000_000)
        lateness.clear()
        while planned < until:
            timer.sleep_until(planned)
            planned = scheduler.tick(planned)
        windows.append({name: sorted(values)[len(values) * 99 // 100] for name, values in lateness.items()})
    assert port.restarts == 0, "the store stalled, it did not die"
    return windows


def resident_kib(pid: int) -> int:
    """VmRSS of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def resident(wire: ChildWire, commits: int) -> list[int]:
    """The child's resident memory early and late."""
    clock = MonotonicClock()
    timer = TickTimer(clock)
    store = Store(Port("store", wire, capacity=64, deadline_us=LONG_US))
    store.boot(clock.now())
    sizes = []
    for n in range(commits):
        while store.commit_parameters({10: n.to_bytes(4, "big")}, clock.now()) is None:
            timer.sleep_until(Micros(clock.now() + 1_000))
            store.poll(clock.now())
        if n == 100:
            sizes.append(resident_kib(wire.pid))
    return [*sizes, resident_kib(wire.pid)]


def main(what: str, path: str, arguments: list[str]) -> None:
    """Start the store, measure, print."""
    wire = ChildWire("store", lambda: StallingStore(path))
    measured = (
        stall(wire, float(arguments[0]), int(arguments[1])) if what == "stall" else resident(wire, int(arguments[0]))
    )
    sys.stdout.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
