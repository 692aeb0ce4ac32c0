"""Composition root: every object of the program meets here, and so does the slot table.

`App(config, mission, world)` is the same object on a board, over a pty and in virtual time; a `World` is what lies
outside the program. `tick` runs one base tick; `run` is the real thing, with the one sleep.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from fsw.capture.header import Header
from fsw.ccsds.carrier import by_name
from fsw.ccsds.crc import BACKEND
from fsw.ccsds.flight_link import FlightLink, LinkProfile
from fsw.ccsds.sdls import mask, on_board
from fsw.comms.downlink import VC_LIVE, Downlink
from fsw.comms.pacer import Pacer
from fsw.comms.task import CommsTask
from fsw.config import FARM_WINDOW, SCID, Config
from fsw.hal.ports import Outside, World
from fsw.kernel.bell import Bell
from fsw.kernel.bus import Port
from fsw.kernel.clock import NEVER, TICK_US, Micros
from fsw.kernel.key import NO_KEYRING, KeyRing, by_table
from fsw.kernel.mailbox import Mailbox
from fsw.kernel.scheduler import Scheduler, Slot
from fsw.kernel.supervisor import RestartPolicy, Supervisor, TaskState
from fsw.mdb.autonomy import MemoryItem
from fsw.mdb.lander import LanderLink, LanderMode, LanderTime, PowerNotice, PowerStatus, SafeNow
from fsw.mdb.mission import InstrumentEntry, Mission
from fsw.mdb.system import ModeReason, StopReason, TaskRestarted, TaskStruckOut
from fsw.payload.task import InstrumentHost
from fsw.power import loads
from fsw.power.task import PowerTask
from fsw.pus.ids import APID_COMMS, APID_POWER, APID_SYSTEM
from fsw.services.archive.allocation import Framing
from fsw.services.archive.archive import Archive, Around
from fsw.services.archive.store_health import StoreHealth
from fsw.services.board import Board, Health
from fsw.services.events import Events
from fsw.services.fates import Fates
from fsw.services.files import Files
from fsw.services.housekeeping import Housekeeping
from fsw.services.instrument import Instrument, Services
from fsw.services.keeper import Keeper
from fsw.services.lander_outbox import LanderOutbox
from fsw.services.memory.board_memory import BoardMemory
from fsw.services.monitoring.event_action import EventAction
from fsw.services.monitoring.monitoring import Monitoring
from fsw.services.outbox import Outbox
from fsw.services.parameters import Parameters
from fsw.services.permissions import serves
from fsw.services.process import Execution, Process
from fsw.services.schedule.schedule import Schedule
from fsw.services.security.board_security import BoardSecurity
from fsw.services.security.nonces import SeededNonces
from fsw.services.sequences.sequences import Sequences
from fsw.services.staging import Staging
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Verification
from fsw.store.client import Store
from fsw.system.boot import VERSION, configuration_digest
from fsw.system.health import watched
from fsw.system.memory_guard import counting
from fsw.system.task import SystemTask

if TYPE_CHECKING:
    from fsw.capture.recorder import Recorder

STORE_CAPACITY: Final = 64
STORE_DEADLINE_US: Final = 10_000_000
STOP_US: Final = 1_200_000
"""How long an orderly stop may take (contract, section 7: 2 s with all that is around it)."""
RESTART: Final = RestartPolicy(backoff_us=200_000, strikes=5, window_us=60_000_000)


def compose(config: Config, mission: Mission, outside: Outside, recorder: "Recorder | None" = None) -> "App":
    """The program in its world; with a recorder it sees that world through the recorder's taps."""
    clock, line, wires, sensors, opener, watchdog, keyring = outside
    if recorder is not None:
        clock, line, sensors = recorder.clock, recorder.line(line), recorder.sensors(sensors)
        opener = recorder.opener(opener)
        wires = {name: recorder.wire(name, wire) for name, wire in wires.items()}
    devices = {entry.name: entry.module.INSTRUMENT.device(opener) for entry in mission.instruments}
    app = App(config, mission, World(clock, line, wires, sensors, devices, watchdog, keyring), recorder)
    if recorder is not None:
        recorder.booted()
    return app


def header_of(
    config: Config, mission: Mission, rung: str, life: int = 0, began_us: int = 0, *, keyring: KeyRing = NO_KEYRING
) -> Header:
    """Who flies, for a recording."""
    digest, python = mission.database.digest(), sys.version.partition(" ")[0]
    who = Header(mission.name, config.line, config.carrier, digest, VERSION, python, BACKEND)
    return who._replace(rung=rung, life=life, began_us=began_us, protected=int(bool(keyring.keys)))._replace(
        keys=mask(keyring.keys), used=mask(keyring.used), unusable=mask(keyring.unusable)
    )


class App:
    """The flight software of one board."""

    def __init__(self, config: Config, mission: Mission, world: World, recorder: "Recorder | None" = None) -> None:
        self.config = config
        self.mission = mission
        self.world = world
        self.recorder = recorder
        self._stop_asked: StopReason | None = None
        line = config.line
        profile = LinkProfile(SCID, line.tm_frame_octets, FARM_WINDOW)
        database = mission.database
        self.board = Board()
        self.time = Timebase(line.heartbeat_us)
        keys = world.keyring.keys
        protection = on_board(by_table(keys, mission.signing)) if keys else None
        self.link = FlightLink(profile, by_name(config.carrier, SCID, line.tm_frame_octets), protection)
        self.outbox = Outbox(self.link.data_octets(VC_LIVE))
        self.lander_outbox = LanderOutbox()
        self.telemetry = TelemetryService(self.outbox, self.time)
        self.verification = Verification(database, self.telemetry, self.time)
        self.store = Store(Port("store", world.wires["store"], capacity=STORE_CAPACITY, deadline_us=STORE_DEADLINE_US))
        self.keeper = Keeper(self.store)
        self.events = Events(database, self.telemetry, self.verification)
        self.parameters = Parameters(
            database, self.telemetry, self.verification, self.events, self.store.commit_parameters
        )
        self.staging = Staging(database, self.telemetry, self.verification, self.parameters)
        self.housekeeping = Housekeeping(database, self.telemetry, self.verification, self.parameters, self.keeper)
        self.attention = Bell()
        self.services = Services(
            self.verification, self.events, self.parameters, self.housekeeping, self.keeper, self.attention
        )
        self._common()
        self._tasks()
        self._names: dict[int, str] = {}
        self._served: dict[str, Process] = {}
        self._processes()
        self._schedule()

    def _common(self) -> None:
        """The board's common services beyond those that every task has."""
        config, mission, world, line = self.config, self.mission, self.world, self.config.line
        database = mission.database
        self.fates = Fates(self.board, self.telemetry, self.time, self.services)
        self.store_health = StoreHealth(self.services, self.store)
        self.sequences = Sequences(database, self.telemetry, self.services, self.board)
        self.files = Files(self.telemetry, self.services, self.store)
        framing = Framing(line.baud, self.link.data_octets(VC_LIVE), line.tm_frame_octets)
        self.archive = Archive(
            Around(mission, self.board, self.store, self.time, self.telemetry, self.services, framing)
        )
        self.memory = BoardMemory(
            (config, mission, VERSION),
            self.board,
            self.telemetry,
            self.services,
            self.outbox,
            self.time,
            store=self.store,
            mailboxes=self._mailboxes,
            files=world.wires.get("code"),
        )
        self.monitoring = Monitoring(database, self.telemetry, self.time, self.services, self.board)
        self.event_action = EventAction(database, self.telemetry, self.services, self.board)
        self.schedule = Schedule(self.services, self.telemetry, self.outbox, self.time, self.board)
        nonces = SeededNonces(lambda: world.sensors.read().nonce_seed, lambda: self.board.boot_count)
        self.guards = BoardSecurity(
            mission, self.board, self.services, self.telemetry, self.time, self.store, self.link, world.keyring, nonces
        )
        self.security = self.guards.link
        self.serving = (
            self.guards,
            self.events,
            self.parameters,
            self.staging,
            self.housekeeping,
            self.fates,
            self.archive,
            self.memory,
            self.sequences,
            self.files,
            self.monitoring,
            self.event_action,
            self.schedule,
        )

    def _tasks(self) -> None:
        """The tasks, and what goes between them."""
        config, mission, world, line = self.config, self.mission, self.world, self.config.line
        self.system = SystemTask(
            self.board,
            self.services,
            self.telemetry,
            self.time,
            self.store,
            world.sensors,
            mission.database,
            configuration_digest(config, mission),
            self._restarts,
        )
        self.system.turns = (
            self.guards.step,
            self.store_health.step,
            self.housekeeping.step,
            self.fates.step,
            self.sequences.step,
            self.memory.step,
            self.monitoring.step,
            self.event_action.step,
            self.schedule.step,
            self.archive.step,
        )
        self.system.ending.closing = (self.archive.close, self.fates.close)
        self.system.takers = (
            self.store_health.answered,
            self.files.answered,
            self.guards.answered,
            self.memory.answered,
            self.archive.answered,
        )
        self.power = PowerTask(
            self.board,
            self.services,
            self.lander_outbox,
            [loads.of_instrument(e) for e in mission.instruments],
            mission.base_mw,
        )
        pacer = Pacer(line.baud)
        outboxes = (self.outbox, self.lander_outbox, self.archive.replay)
        timing = (line.release_us, line.idle_us)
        self.downlink = Downlink(self.board, world.line, self.link, pacer, self.telemetry, outboxes, timing)
        routes = dict.fromkeys((LanderTime, LanderLink, LanderMode), self.system.inbox) | dict.fromkeys(
            (PowerNotice, PowerStatus, SafeNow), self.power.inbox
        )
        self.comms = CommsTask(
            self.board, self.services, world.line, self.link, pacer, self.downlink, outboxes, routes, mission.database,
            line.heartbeat_us, self.security,
        )  # fmt: skip
        self.hosts = {entry.name: self._host(entry) for entry in mission.instruments}

    def _schedule(self) -> None:
        """Make of the slot table a scheduler with its supervisor, and have health watch the processes."""
        slots = self._slots()
        self._rows = {slot.name.partition(".")[0]: row for row, slot in enumerate(slots)}
        restart = {name: host.restart for name, host in self.hosts.items()}
        self.supervisor = Supervisor(self.world.clock, RESTART, restart, self._struck_out, self._failed)
        self.scheduler = Scheduler(self.world.clock, slots, self.supervisor.guard)
        self.system.scheduler = self.scheduler
        self.system.health.watch(watched(slots, self._rows, self._served, self._reachable))
        self.system.guard.watched = (
            (MemoryItem.PARAMETER, self.parameters.mend),
            (MemoryItem.SEQUENCE_COUNT, self.telemetry.mend),
            (MemoryItem.OUTBOX_OCTETS, counting(self.outbox)),
            (MemoryItem.FARM_VR, counting(self.link.farm)),
        )
        self.system.commanding.processes = {process.apid: process for process in self._served.values()}

    def _slots(self) -> tuple[Slot, ...]:
        """The slot table: order, period, phase, budget, and what wakes a slot before its time."""
        system, power, comms = self.system, self.power, self.comms
        assert power.process is not None
        assert comms.process is not None
        return (
            Slot(
                "comms.receive",
                comms.receive,
                budget_us=4_000,
                wakes=(self.world.line, comms.process.mailbox.waiting, self.board.lander_requests),
            ),
            Slot("system", system.step, budget_us=6_000, wakes=(*system.waiting, *self.store.port.waiting)),
            Slot("power", power.step, wakes=(power.process.mailbox.waiting, power.inbox.waiting, power.bell.waiting)),
            *(self._instrument_slot(entry) for entry in self.mission.instruments),
            Slot("comms.transmit", self.downlink.step, budget_us=6_000, wakes=(self.downlink.bell.waiting,)),
        )

    def _instrument_slot(self, entry: InstrumentEntry) -> Slot:
        host = self.hosts[entry.name]
        assert host.process
        return Slot(
            entry.name,
            host.step,
            period_ticks=entry.period_ticks,
            budget_us=entry.budget_us,
            wakes=(host.process.mailbox.waiting, host.bell.waiting),
            essential=False,
        )

    def _host(self, entry: InstrumentEntry) -> InstrumentHost:
        instrument = entry.module.INSTRUMENT
        assert isinstance(instrument, Instrument)
        device = self.world.devices[entry.name]
        build = partial(instrument.task, self.services, device)
        return InstrumentHost(self.board, self.verification, entry.row, build)

    def _processes(self) -> None:
        """Give every process of the mission its queue; each declared command must have its execution."""
        owners: list[
            tuple[int, str, SystemTask | PowerTask | CommsTask | InstrumentHost, Mapping[type[object], Execution]]
        ]
        standard = {body: served for service in self.serving for body, served in service.executions.items()}
        owners = [
            (APID_SYSTEM, "system", self.system, {**standard, **self.system.executions}),
            (APID_POWER, "power", self.power, self.power.executions),
            (APID_COMMS, "comms", self.comms, self.comms.executions),
        ]
        for entry in self.mission.instruments:
            host = self.hosts[entry.name]
            owners.append((entry.module.INSTRUMENT.process.apid, entry.name, host, host.executions))
        for apid, name, owner, executions in owners:
            self._names[apid] = name
            owner.process = Process(
                apid,
                self.verification,
                self.telemetry,
                executions,
                reset=partial(self.verification.reset_counters, apid),
                reachable=self._reachable,
                permits=lambda body: serves(self.board.mode, body),
            )
            self._served[name] = owner.process
        for (apid, _, _, _), command in self.mission.database.tables.commands.items():
            process = next(owner.process for a, _, owner, _ in owners if a == apid)
            assert process is not None
            assert command.body in process.executions, f"nobody serves {command.name}"

    def _mailboxes(self) -> list[Mailbox[object]]:
        """Every queue of requests and of what the lander says."""
        boxes = [process.mailbox for process in self._served.values()]
        return [*cast("list[Mailbox[object]]", boxes), self.system.inbox, self.power.inbox]

    # --- what the supervisor tells ---------------------------------------------------------------------------------

    def _restarts(self) -> int:
        return sum(task.faults for task in self.supervisor.tasks.values())

    def _reachable(self, apid: int) -> bool:
        name = self._names.get(apid)
        return name is not None and self.supervisor.tasks[name].state is TaskState.RUNNING

    def _failed(self, name: str, text: str) -> None:
        del text  # the bench reads it from the supervisor; the ground gets the row of the slot table
        strikes = min(self.supervisor.tasks[name].faults, 255)
        self.events.report(TaskRestarted(task=self._rows[name], strikes=strikes), self.world.clock.now())

    def _struck_out(self, name: str) -> None:
        self.board.health |= Health.STRUCK_OUT
        self.board.safe_wanted = ModeReason.STRIKE_OUT
        now = self.world.clock.now()
        self.events.report(TaskStruckOut(task=self._rows[name]), now)
        self._served[name].close(now)
        self.scheduler.unwake(name)

    # --- running ---------------------------------------------------------------------------------------------------

    def tick(self, planned: Micros) -> Micros:
        """Run one base tick; returns the next one that has work (NEVER: only input brings it)."""
        recorder = self.recorder
        if self._stop_asked is not None:
            self.board.stop_wanted, self._stop_asked = self._stop_asked, None
            if recorder is not None:
                recorder.stop(self.board.stop_wanted)
        if recorder is None:
            due = self.scheduler.tick(planned)
        else:
            recorder.begin(planned)
            try:
                due = self.scheduler.tick(planned)
            finally:
                recorder.end(planned)
        if self.supervisor.fresh(planned) and not self.system.health.lost:
            self.world.watchdog.stroke()
        return due

    @property
    def done(self) -> bool:
        """Whether an orderly stop has kept what must be kept and said what was left to say."""
        return self.board.stopped and self.downlink.silent

    def run(self, sleep_until: Callable[[Micros], None]) -> None:
        """Fly until an orderly stop is done, or was not within `STOP_US` of being asked for."""
        clock = self.world.clock
        planned = Micros(-(-clock.now() // TICK_US) * TICK_US)
        give_up = NEVER
        while not self.done and planned < give_up:
            sleep_until(planned)
            self.tick(planned)
            planned = self.scheduler.next_tick_us
            if self.board.stop_wanted is not None and give_up == NEVER:
                give_up = Micros(planned + STOP_US)

    def stop(self, reason: StopReason) -> None:
        """Ask for an orderly stop from the next tick on: what must be kept is kept, then `run` returns.

        May come at any moment, as a signal does; a tick sees it from its beginning or not at all.
        """
        self._stop_asked = reason
