"""The system task: APID 0x020. Its turn, in order; each part of it is a file of this room.

Boot, modes, time, the store, health, commanding, the end of a life; then what the computer knows of itself, and the
turns of the board's common services.

Off nominal: a store that does not answer sets the health bit and is reported once; nothing here waits for it.
"""

from collections.abc import Callable, Mapping, Sized
from typing import Final

from fsw.hal.ports import BoardReadings, BoardSensors
from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.kernel.scheduler import Scheduler
from fsw.mdb import autonomy
from fsw.mdb import system as mdb
from fsw.mdb.database import Database
from fsw.mdb.lander import LanderLink, LanderMode
from fsw.mdb.system import SetMode
from fsw.mdb.values import Raw
from fsw.services.board import Announced, Board, Health, Tone
from fsw.services.instrument import Services
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution, Process
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.store.client import Store, StoreAnswer
from fsw.system import health
from fsw.system.boot import Boot
from fsw.system.commanding import Commanding
from fsw.system.ending import Ending
from fsw.system.lives import Lives
from fsw.system.memory_guard import MemoryGuard
from fsw.system.mode_control import ModeControl
from fsw.system.store_watch import StoreWatch
from fsw.system.timekeeping import Timekeeper

SAMPLE_US: Final = 1_050_000
"""Samples go with the lander's heartbeat, which comes a little sooner; without it they come at this interval."""


class SystemTask:
    """Built once by `app`; `step` is its slot. `configuration` is the digest's first octets that the boot tells."""

    def __init__(
        self,
        board: Board,
        services: Services,
        telemetry: TelemetryService,
        time: Timebase,
        store: Store,
        sensors: BoardSensors,
        database: Database,
        configuration: bytes,
        faults: Callable[[], int],
    ) -> None:
        self._board = board
        self._services = services
        self._time = time
        self._sensors = sensors
        self._database = database
        self._cold = database.bodies
        self._faults = faults
        self.bell = board.bell()
        self.inbox: Mailbox[object] = Mailbox("system", 16)
        """What comms hears of the lander's time, link and phase: `Announced`, `Tone`, `LanderLink`, `LanderMode`."""
        self.process: Process | None = None
        self.scheduler: Scheduler | None = None
        self.turns: tuple[Callable[[Micros], Micros], ...] = ()
        """The turns of the board's common services: each does what is due and says when the next is."""
        self.guard = MemoryGuard(services.events)
        self.modes = ModeControl(board, services, self.guard)
        self._lives = Lives(services.keeper)
        self._boot = Boot(board, services, database, configuration, self.modes, self._lives)
        self.ending = Ending(board, services, store)
        self.store_watch = StoreWatch(board, services, store, self._boot, self.ending)
        self._timekeeper = Timekeeper(board, services, time, self.guard)
        self.health = health.Health(services)
        self.commanding = Commanding(board, services, telemetry, time, self.modes)
        self._sample_us = Micros(0)
        self.executions: Mapping[type[object], Execution] = {
            **self.modes.executions,
            **self._timekeeper.executions,
            **self.commanding.executions,
            SetMode: self._set_mode,
        }

    @property
    def takers(self) -> tuple[Callable[[StoreAnswer, Micros], bool], ...]:
        """Who is offered each answer about packets, in order, until one says it is its own."""
        return self.store_watch.takers

    @takers.setter
    def takers(self, takers: tuple[Callable[[StoreAnswer, Micros], bool], ...]) -> None:
        self.store_watch.takers = takers

    @property
    def waiting(self) -> tuple[Sized, ...]:
        """What wakes its slot, besides the store."""
        assert self.process is not None, "every process has its queue"
        bells = (self.bell.waiting, self._services.attention.waiting)
        return (self.process.mailbox.waiting, self.inbox.waiting, *bells, self._services.keeper.waiting)

    def step(self, now: Micros) -> Micros:
        """One turn: answers of the store, the lander's words, requests, housekeeping, samples."""
        assert self.process is not None
        self.bell.silence()
        self._services.attention.silence()
        # Without answers to come, once a second: a server may have died.
        self.store_watch.step(now, look=now >= self._sample_us)
        if self._boot.due(now):
            self._boot.begin(self._sensors.read(), now)
            self.store_watch.tell(now)
        self._hear(now)
        self._timekeeper.step(now)
        self.modes.step(now)
        self._services.keeper.held = not permits(self._board.mode, Permission.WRITING)
        self.process.run(now)
        if now >= self._sample_us:
            self._sample(now)
            self._sample_us = Micros(now + SAMPLE_US)
        self.ending.step(now)
        following = min([turn(now) for turn in self.turns], default=NEVER)
        self._services.keeper.flush(now)
        if not self._boot.done:
            return now
        if self._cold:
            # As many turns in every life, whatever is compiled already: when a task runs follows from input alone.
            self._cold -= 1
            self._database.warm()
            return now
        asked, aged = self.store_watch.next_due(), self._time.next_age()
        return min(following, self._sample_us, asked, aged, self.ending.retry_us)

    def _hear(self, now: Micros) -> None:
        while (heard := self.inbox.take()) is not None:
            match heard:
                case LanderLink():
                    self.commanding.hear(heard)
                case Announced():
                    self._timekeeper.announce(heard.message, heard.at_us)
                case LanderMode():
                    self.modes.hear(heard, now)
                case Tone():
                    self._timekeeper.tone(heard, now)
                    if now >= self._sample_us - SAMPLE_US // 2:
                        self._sample_us = now  # with a turn that comes anyway
                case _:
                    raise AssertionError(f"not for system: {heard!r}")

    def _set_mode(self, request: Request, now: Micros) -> None:
        """The ground commands: a loop of resets is over with whatever it asks for but SAFE."""
        minimal = self._board.minimal
        self.modes.executions[SetMode](request, now)
        if minimal and not self._board.minimal:
            self._lives.forgive()

    # --- samples ---------------------------------------------------------------------------------------------------

    def _sample(self, now: Micros) -> None:
        """Once a second: readings of the computer, what the kernel counts, who is late, how long nobody commanded."""
        parameters, board = self._services.parameters, self._board
        self.commanding.step(now)
        self._timekeeper.mend(now)
        if permits(board.mode, Permission.WRITING):
            self._lives.step(now)
        readings = self._sensors.read()
        self.ending.sample(readings, now)
        self.guard.step(now)
        values = self._counted(readings, now) | self._timekeeper.sample(now)
        values[autonomy.LATE_TASKS.pid] = self.health.step(now)
        values[autonomy.REPAIRS.pid] = min(self.guard.repairs, 0xFFFF)
        parameters.set_all(values, now)
        if parameters.crossed:
            board.health |= Health.LIMIT
        else:
            board.health &= ~Health.LIMIT

    def _counted(self, readings: BoardReadings, now: Micros) -> dict[int, Raw]:
        scheduler = self.scheduler
        assert scheduler is not None
        return {
            mdb.UPTIME.pid: now // 1_000_000,
            mdb.CPU_LOAD.pid: readings.cpu_load_permille,
            mdb.PACKAGE_TEMPERATURE.pid: readings.package_temperature_cdegc,
            mdb.MEMORY_USED.pid: readings.memory_used_permille,
            mdb.DISK_USED.pid: readings.disk_used_permille,
            mdb.THROTTLED.pid: readings.throttled_flags,
            mdb.SUPPLY.pid: readings.supply_mv,
            mdb.OVERRUNS.pid: scheduler.overruns,
            mdb.SLIPS.pid: scheduler.slips,
            mdb.LATENESS_MAX.pid: scheduler.lateness_us_max,
            mdb.TASK_RESTARTS.pid: self._faults(),
        }
