"""Who has been commanded, and how long nobody has: counters of the processes, the command-loss timer's alarms.

Off nominal: the limit is guarded; a flipped bit of it is told and mended (fsw/services/parameters.py).
"""

from collections.abc import Mapping

from fsw.kernel.clock import Micros
from fsw.mdb import autonomy, codec
from fsw.mdb import system as mdb
from fsw.mdb.autonomy import COUNTERS_SUBTYPE, AskCounters, ProcessCounters, ProcessCountersReport, Restart
from fsw.mdb.lander import LanderLink
from fsw.mdb.system import ModeReason, StopReason
from fsw.pus.ids import APID_SYSTEM, Service
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.process import Execution, Process
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.system.command_loss import MINUTE_US, Alarm, CommandLoss
from fsw.system.mode_control import ModeControl
from fsw.system.modes import ModeEvent


class Commanding:
    """Watches telecommands. `processes`: every process of the board, by APID."""

    def __init__(
        self, board: Board, services: Services, telemetry: TelemetryService, time: Timebase, modes: ModeControl
    ) -> None:
        self._board = board
        self._services = services
        self._telemetry = telemetry
        self._time = time
        self._modes = modes
        self._loss = CommandLoss()
        self.processes: Mapping[int, Process] = {}
        self.executions: Mapping[type[object], Execution] = {AskCounters: self._counters, Restart: self._restart}

    def hear(self, heard: LanderLink) -> None:
        """What the lander says of its link to the ground."""
        self._loss.announce(heard)

    def step(self, now: Micros) -> None:
        """Once a second: the time that is left for a telecommand to come."""
        parameters, events, loss = self._services.parameters, self._services.events, self._loss
        limit_us = loss.limit(parameters.guarded(mdb.COMMAND_LOSS, now) * MINUTE_US)
        alarm = loss.step(now, self._services.verification.accepted_us, limit_us, self._time.tai_us(now))
        left_s = None if loss.left_us is None else -(-loss.left_us // 1_000_000)
        parameters.set(mdb.COMMAND_LEFT, left_s, now)
        parameters.set(autonomy.COMMAND_LIMIT, limit_us // 1_000_000, now)
        if alarm is Alarm.NEAR:
            events.report(mdb.CommandLossNear(left_s=left_s or 0), now)
        elif alarm is Alarm.OVER:
            events.report(mdb.CommandLost(after_s=limit_us // 1_000_000), now)
            self._modes.enter(ModeEvent.COMMAND_LOSS, ModeReason.COMMAND_LOSS, now)

    def _counters(self, request: Request, now: Micros) -> None:
        self._services.verification.started(request, now)
        rows = []
        for apid, process in sorted(self.processes.items()):
            valid, rejected = self._services.verification.counted(apid)
            rows.append(ProcessCounters(apid=apid, valid=valid, rejected=rejected, echoes=process.echoes))
        report = codec.encode(ProcessCountersReport(processes=tuple(rows)))
        self._telemetry.emit(
            APID_SYSTEM, Service.FUNCTIONS, COUNTERS_SUBTYPE, report, now, destination=request.source_id
        )
        self._services.verification.completed(request, now)

    def _restart(self, request: Request, now: Micros) -> None:
        """An orderly stop; whoever started the flight software starts it anew."""
        self._services.verification.started(request, now)
        self._services.verification.completed(request, now)
        self._board.stop_wanted = StopReason.COMMAND
