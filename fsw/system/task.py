"""The system task: boot, modes, time by the lander's tone, the store, housekeeping of the computer it runs on.

Boot: the store counts it; the boot event goes out as soon as the count is known, and after `BOOT_WAIT_US` without it.
Off nominal: a store that does not answer sets the health bit and is reported once; nothing here waits for it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.ccsds.crc import BACKEND
from fsw.ccsds.time_code import cuc_decode
from fsw.hal.ports import BoardSensors
from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.kernel.scheduler import Scheduler
from fsw.mdb import system as mdb
from fsw.mdb.database import DIGEST_OCTETS_FLOWN, Database
from fsw.mdb.lander import LanderLink, LanderTime
from fsw.mdb.standard_services import TimeRate
from fsw.mdb.system import CommandedMode, CrcBackend, ModeReason, ResetCause, SetMode, StopReason
from fsw.mdb.values import Raw
from fsw.pus.ids import FailureCode, TimeStatus
from fsw.services.board import Board, Health, Tone
from fsw.services.instrument import Services
from fsw.services.process import Execution, Process
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.store.client import (
    Booted,
    Failed,
    Kept,
    LastLife,
    Marked,
    ParametersCommitted,
    ParametersLoaded,
    RowsLoaded,
    Store,
    StoreAnswer,
)
from fsw.system.command_loss import MINUTE_US, Alarm, CommandLoss
from fsw.system.modes import TABLE, ModeEvent

BOOT_WAIT_US: Final = 1_000_000
SAMPLE_US: Final = 1_000_000
RETRY_US: Final = 50_000
"""How soon the store is asked again when its queue was full."""
STORE_ASK_US: Final = 5_000_000
"""How often a faulty store is asked whether it is well again."""
VERSION: Final = "kratai 0.1.0"
_SAFE_EVENTS: Final = {
    ModeReason.STRIKE_OUT: ModeEvent.STRIKE_OUT,
    ModeReason.LANDER: ModeEvent.LANDER_SAFE,
    ModeReason.LANDER_SILENT: ModeEvent.LANDER_SILENT,
}


class SystemTask:
    """APID 0x020. Built once by `app`; `step` is its slot."""

    def __init__(
        self,
        board: Board,
        services: Services,
        time: Timebase,
        store: Store,
        sensors: BoardSensors,
        database: Database,
        faults: Callable[[], int],
    ) -> None:
        self._board = board
        self._services = services
        self._time = time
        self._store = store
        self._sensors = sensors
        self._database = database
        self._cold = database.bodies
        self._faults = faults
        self.bell = board.bell()
        self.inbox: Mailbox[object] = Mailbox("system", 16)
        """What comms hears of the lander's time and of its link: `LanderTime`, `Tone`, `LanderLink`."""
        self.process: Process | None = None
        self.scheduler: Scheduler | None = None
        self.turns: tuple[Callable[[Micros], Micros], ...] = ()
        """The turns of the board's common services: each does what is due and says when the next is."""
        self.takers: tuple[Callable[[StoreAnswer, Micros], bool], ...] = ()
        """Who is offered each answer about packets, in order, until one says it is its own."""
        self._booted = False
        self._boot_counted = False
        """Whether the store has counted this boot."""
        self._boot_id: int | None = None
        self._restored = False
        self._store_ask_us = Micros(0)
        self._sample_us = Micros(0)
        self._retry_us = NEVER
        self._mark_id: int | None = None
        self._marked = LastLife.CUT
        self._command_loss = CommandLoss()
        self.executions: Mapping[type[object], Execution] = {SetMode: self._set_mode, TimeRate: self._set_rate}

    def step(self, now: Micros) -> Micros:
        """One turn: answers of the store, the lander's time, requests, housekeeping, samples."""
        assert self.process is not None
        self.bell.silence()
        self._services.attention.silence()
        if now >= self._store_ask_us:
            self._ask_store(now)
        if self._store or now >= min(self._sample_us, self._store.port.next_deadline()):
            self._poll_store(now)  # without answers to come, once a second: a server may have died
        if not self._booted and now >= BOOT_WAIT_US:
            self._boot(now, 0, ResetCause.UNKNOWN)
        self._keep_time(now)
        self._change_modes(now)
        self.process.run(now)
        if now >= self._sample_us:
            self._sample(now)
            self._sample_us = Micros(now + SAMPLE_US)
        self._prepare_for_off(now)
        following = min((turn(now) for turn in self.turns), default=NEVER)
        self._services.keeper.flush(now)
        if not self._booted:
            return now
        if self._cold:
            # As many turns in every life, whatever is compiled already: when a task runs follows from input alone.
            self._cold -= 1
            self._database.warm()
            return now
        return min(
            *(following, self._sample_us, self._store.port.next_deadline(), self._time.next_age()),
            *(self._retry_us, self._store_ask_us),
        )

    # --- boot and store --------------------------------------------------------------------------------------------

    def _boot(self, now: Micros, boot_count: int, cause: ResetCause) -> None:
        self._booted = True
        board, parameters = self._board, self._services.parameters
        board.boot_count, board.reset_cause = boot_count, cause
        parameters.set(mdb.BOOT_COUNT, boot_count, now)
        parameters.set(mdb.RESET_CAUSE, cause, now)
        parameters.set(mdb.CRC_BACKEND, CrcBackend.BINASCII if BACKEND == "binascii" else CrcBackend.CRCMOD, now)
        digest = self._database.digest()[:DIGEST_OCTETS_FLOWN]
        event = mdb.Booted(boot_count=boot_count, reset_cause=cause, database=digest, version=VERSION)
        self._services.events.report(event, now, flush=True)
        self._enter(ModeEvent.BOOT_DONE, ModeReason.BOOT_DONE, now)

    def _ask_store(self, now: Micros) -> None:
        """Ask for what this life has not had of the store yet; while it is faulty, again and again until it has."""
        asked = []
        if not self._boot_counted:
            self._boot_id = self._store.boot(now)
            asked.append(self._boot_id)
        if not self._restored:
            asked.append(self._store.load_parameters(now))
        if not self._services.keeper.load(now):
            asked.append(None)
        if self._boot_counted and self._restored and self._services.keeper.restored:
            asked.append(self._store.mark(self._marked, now))  # what is written already: only whether it can be
        self._store_ask_us = Micros(now + STORE_ASK_US) if None in asked else NEVER

    def _poll_store(self, now: Micros) -> None:
        parameters = self._services.parameters
        for answer in self._store.poll(now):
            kept = self._services.keeper.answered(answer, now)
            if not kept and self._about_packets(answer, now):
                continue
            match answer:
                case Booted():
                    self._boot_counted = True
                    if not self._booted:  # else it went out with count 0, and 0 it stays in this life
                        self._boot(now, answer.boot_count, ResetCause(answer.last_life))
                    if answer.set_aside:
                        self._store_fault(1, now)
                    self._caught_up(now)
                case ParametersLoaded():
                    self._restored = True
                    parameters.restore(answer.values, now)
                    self._caught_up(now)
                case ParametersCommitted():
                    parameters.committed(answer.request_id, now)
                    self._store_well(now)
                case Marked():
                    if answer.request_id == self._mark_id:
                        self._kept(now)
                    self._store_well(now)
                case Kept() | RowsLoaded():
                    assert kept, "only the keeper asks for rows"
                    self._caught_up(now)
                case Failed():
                    self._failed(answer, now)
                case _:
                    raise AssertionError("who asks about packets takes the answers")

    def _failed(self, answer: Failed, now: Micros) -> None:
        if answer.request_id == self._boot_id and answer.store_status is None:
            self._boot_counted = True  # or not: asked again, one boot might count twice
        self._services.parameters.uncommitted(answer.request_id, now, refused=answer.store_status is not None)
        self._store_fault(2 if answer.store_status is None else 0x10 + answer.store_status, now)

    def _about_packets(self, answer: StoreAnswer, now: Micros) -> bool:
        """Offer an answer to who asks about packets; whether that was all there is to do about it."""
        if not any(taker(answer, now) for taker in self.takers):
            return False
        if isinstance(answer, Failed):
            if answer.store_status is None:
                return False  # the server itself was silent
            # Perhaps only the packets' file: whether the store itself can be written is asked.
            self._store_ask_us = min(self._store_ask_us, Micros(now + STORE_ASK_US))
        return True

    def _store_fault(self, code: int, now: Micros) -> None:
        self._store_ask_us = Micros(now + STORE_ASK_US)
        if not self._board.health & Health.STORE:
            self._board.health |= Health.STORE
            self._services.events.report(mdb.StoreFault(code=code), now)
        self._services.parameters.set(mdb.STORE_FAULT, code, now)

    def _caught_up(self, now: Micros) -> None:
        """The store has answered; well again when this life has had all of it and nothing else is to be asked."""
        whole = self._restored and self._services.keeper.restored
        if self._boot_counted and whole and self._store_ask_us >= NEVER:
            self._store_well(now)

    def _store_well(self, now: Micros) -> None:
        if self._board.health & Health.STORE:
            self._board.health &= ~Health.STORE
            self._services.events.report(mdb.StoreRecovered(), now)
            self._services.parameters.set(mdb.STORE_FAULT, 0, now)

    # --- power-off and stop ----------------------------------------------------------------------------------------

    def _prepare_for_off(self, now: Micros) -> None:
        """Write down how this life is going to end, before it ends; take it back when it does not."""
        board = self._board
        self._retry_us = NEVER
        wanted = LastLife.CUT
        if board.stop_wanted is not None:
            wanted = LastLife.ORDERLY
        elif board.off_at_us != NEVER:
            wanted = LastLife.READY_FOR_OFF
        if wanted is self._marked:
            return
        asked = self._store.mark(wanted, now)
        if asked is None:
            self._retry_us = Micros(now + RETRY_US)  # the store's queue is full
            return
        if wanted is LastLife.ORDERLY:
            reason = board.stop_wanted or StopReason.SIGNAL
            self._services.events.report(mdb.Stopping(orderly=1, reason=reason), now, flush=True)
        self._marked = wanted
        board.kept = False
        self._mark_id = asked

    def _kept(self, now: Micros) -> None:
        self._mark_id = None
        self._board.kept = self._marked is LastLife.READY_FOR_OFF
        self._board.stopped = self._marked is LastLife.ORDERLY

    # --- modes and time --------------------------------------------------------------------------------------------

    def _enter(self, event: ModeEvent, reason: ModeReason, now: Micros) -> None:
        before = self._board.mode
        after = TABLE[event][before]
        assert after is not None, "refused before it is entered"
        if after is not before:
            self._board.mode = after
            self._services.events.report(mdb.ModeChanged(mode_from=before, mode_to=after, reason=reason), now)
        self._services.parameters.set(mdb.MODE, after, now)

    def _change_modes(self, now: Micros) -> None:
        reason, self._board.safe_wanted = self._board.safe_wanted, None
        if reason is not None:
            self._enter(_SAFE_EVENTS[reason], reason, now)

    def _set_mode(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, SetMode)
        safe = body.mode is CommandedMode.SAFE
        event = ModeEvent.COMMAND_SAFE if safe else ModeEvent.COMMAND_NOMINAL
        refused = TABLE[event][self._board.mode] is None
        verification = self._services.verification
        if verification.settle(request, FailureCode.WRONG_STATE if refused else None, now):
            self._enter(event, ModeReason.COMMAND, now)
            verification.completed(request, now)

    def _set_rate(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, TimeRate)
        self._services.verification.started(request, now)
        self._board.time_exponent = body.exponent
        self._services.verification.completed(request, now)

    def _keep_time(self, now: Micros) -> None:
        time = self._time
        while (heard := self.inbox.take()) is not None:
            if isinstance(heard, LanderLink):
                self._command_loss.announce(heard)
                continue
            if isinstance(heard, LanderTime):
                at_tone_us = cuc_decode(heard.tai_at_tone)
                assert at_tone_us is not None, "the database checked the time code"
                time.announce(at_tone_us, int(heard.quality), now)
                continue
            assert isinstance(heard, Tone)
            before, steps, offset_us = time.status, time.steps, time.offset_us
            if time.tone(heard.at_us) and (before is not TimeStatus.LOCKED or time.steps != steps):
                moved_ms = (time.offset_us - offset_us) // 1000 if before is not TimeStatus.NEVER_SET else 0
                step_ms = max(-0x8000_0000, min(0x7FFF_FFFF, moved_ms))
                self._services.events.report(mdb.TimeLocked(step_ms=step_ms), now)
        if time.age(now):
            self._services.events.report(mdb.TimeFlywheel(), now)

    def _watch_commanding(self, now: Micros) -> None:
        """Once a second: the time that is left for a telecommand to come."""
        parameters, events, watch = self._services.parameters, self._services.events, self._command_loss
        limit_us = parameters.guarded(mdb.COMMAND_LOSS, now) * MINUTE_US
        alarm = watch.step(now, self._services.verification.accepted_us, limit_us, self._time.tai_us(now))
        left_s = None if watch.left_us is None else -(-watch.left_us // 1_000_000)
        parameters.set(mdb.COMMAND_LEFT, left_s, now)
        if alarm is Alarm.NEAR:
            events.report(mdb.CommandLossNear(left_s=left_s or 0), now)
        elif alarm is Alarm.OVER:
            events.report(mdb.CommandLost(after_s=limit_us // 1_000_000), now)
            self._enter(ModeEvent.COMMAND_LOSS, ModeReason.COMMAND_LOSS, now)

    # --- samples ---------------------------------------------------------------------------------------------------

    def _sample(self, now: Micros) -> None:
        """Once a second: readings of the computer, what the kernel counts, and how long nobody has commanded."""
        self._watch_commanding(now)
        parameters, board, scheduler = self._services.parameters, self._board, self.scheduler
        assert scheduler is not None
        readings = self._sensors.read()
        values: dict[int, Raw] = {
            mdb.UPTIME.pid: now // 1_000_000,
            mdb.CPU_LOAD.pid: readings.cpu_load_permille,
            mdb.PACKAGE_TEMPERATURE.pid: readings.package_temperature_cdegc,
            mdb.MEMORY_USED.pid: readings.memory_used_permille,
            mdb.DISK_USED.pid: readings.disk_used_permille,
            mdb.THROTTLED.pid: readings.throttled_flags,
            mdb.SUPPLY.pid: readings.supply_mv,
            mdb.TIME_STATUS.pid: self._time.status,
            mdb.TIME_DISCARDED.pid: self._time.discarded,
            mdb.OVERRUNS.pid: scheduler.overruns,
            mdb.SLIPS.pid: scheduler.slips,
            mdb.LATENESS_MAX.pid: scheduler.lateness_us_max,
            mdb.TASK_RESTARTS.pid: self._faults(),
        }
        parameters.set_all(values, now)
        if parameters.crossed:
            board.health |= Health.LIMIT
        else:
            board.health &= ~Health.LIMIT
