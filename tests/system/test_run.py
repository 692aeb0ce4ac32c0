"""The real loop of the flight process on a clock that creeps with every look at it: ticks are met late and missed."""

from pathlib import Path

from fsw.app import App
from fsw.config import LINES, Config
from fsw.hal.ports import World
from fsw.kernel.bus import InlineWire
from fsw.kernel.clock import Micros
from fsw.mdb.mission import load
from fsw.mdb.system import StopReason
from fsw.store.server import StoreServer
from hil.board.twins import Twins
from hil.board.world import CountingWatchdog, MemoryLine, SimulatedSensors


class CreepingClock:
    """Every look costs 700 us, as on a board that is too slow."""

    def __init__(self) -> None:
        self.us = 0

    def now(self) -> Micros:
        self.us += 700
        return Micros(self.us)

    def stopwatch_ns(self) -> int:
        return self.us * 1000


def test_a_loop_that_is_always_late_flies_on_and_stops_in_order(tmp_path: Path) -> None:
    clock = CreepingClock()
    mission = load()
    stores: list[StoreServer] = []

    def server() -> StoreServer:
        stores.append(StoreServer(str(tmp_path / "store.sqlite")))
        return stores[-1]

    line = MemoryLine(clock, 115_200)
    line.power_on()
    devices = {entry.name: entry.module.INSTRUMENT.device(Twins(mission, clock)) for entry in mission.instruments}
    wires = {"store": InlineWire(server, clock, 100)}
    app = App(
        Config(LINES["default"]), mission, World(clock, line, wires, SimulatedSensors(), devices, CountingWatchdog())
    )
    wakes = 0

    def sleep_until(t: Micros) -> None:
        nonlocal wakes
        wakes += 1
        clock.us = max(clock.us, int(t) + 9_000 + wakes % 2 * 500)  # just before the next tick
        if wakes == 500:
            app.stop(StopReason.SIGNAL)

    app.run(sleep_until)
    assert app.scheduler.slips > 0
    assert app.board.stopped
    assert all(task.faults == 0 for task in app.supervisor.tasks.values())
    for store in stores:
        store.close()
