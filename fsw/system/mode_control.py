"""Which mode the board is in: by command, by what protects it, by the lander's notices; one table runs it.

QUIET and POWER_DOWN pass: behind them the board is NOMINAL, or SAFE when it was before or has been asked for meanwhile.
The lander has it quiet in descent and while its quiet flags name vibration, dust or a manoeuvre (a radio, bit 0, we do
not have). A command leads out of QUIET; only the lander's next demand leads back. SAFE that a command, a response, the
command-loss timer or the reset-loop guard asked for outlives a reset (`KEPT`).

Off nominal: the mode is held three times; a flipped bit is outvoted and told. A lander that falls silent for long ends
QUIET, in SAFE.
"""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.copies import agree, outvote
from fsw.mdb import autonomy
from fsw.mdb import system as mdb
from fsw.mdb.autonomy import MemoryItem, Protect
from fsw.mdb.lander import LanderMode, Phase
from fsw.mdb.system import CommandedMode, Mode, ModeReason, SetMode
from fsw.pus.ids import FailureCode
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.verification import Request
from fsw.store.keep import Table
from fsw.system.kept_row import KeptRow
from fsw.system.memory_guard import MemoryGuard
from fsw.system.modes import KEPT, PASSING, TABLE, ModeEvent, protects

QUIET_BITS: Final = 0b1110
_SAFE_EVENTS: Final = {
    ModeReason.STRIKE_OUT: ModeEvent.STRIKE_OUT,
    ModeReason.LANDER: ModeEvent.LANDER_SAFE,
    ModeReason.LANDER_SILENT: ModeEvent.LANDER_SILENT,
}
_COMMANDS: Final = {
    CommandedMode.SAFE: ModeEvent.COMMAND_SAFE,
    CommandedMode.NOMINAL: ModeEvent.COMMAND_NOMINAL,
    CommandedMode.OBSERVE: ModeEvent.COMMAND_OBSERVE,
    CommandedMode.QUIET: ModeEvent.COMMAND_QUIET,
}
assert set(_COMMANDS) == set(CommandedMode)


class ModeControl:
    """Writes `board.mode`."""

    def __init__(self, board: Board, services: Services, guard: MemoryGuard) -> None:
        self._board = board
        self._services = services
        self._guard = guard
        self._row = KeptRow(services.keeper, Table.MODES)
        self._mode = board.mode
        self._inverse = ~board.mode
        self.resumes = Mode.NOMINAL
        """What stands behind QUIET and POWER_DOWN: NOMINAL or SAFE."""
        self._wants_quiet = False
        self._quiet_served = False
        self.executions: Mapping[type[object], Execution] = {SetMode: self._command, Protect: self._protect}

    @property
    def restored(self) -> bool:
        """Whether it is known what the life before kept."""
        return self._row.back

    @property
    def was_safe(self) -> bool:
        """Whether the life before kept SAFE."""
        return self._row.octets == bytes((Mode.SAFE,))

    def step(self, now: Micros) -> None:
        """What has been asked for since the last turn, by whomever."""
        self._mend(now)
        reason, self._board.safe_wanted = self._board.safe_wanted, None
        if reason is not None:
            self.enter(_SAFE_EVENTS[reason], reason, now)
            if reason is ModeReason.LANDER_SILENT:
                self._wants_quiet = self._quiet_served = False
        if (self._board.off_at_us != NEVER) != (self._mode is Mode.POWER_DOWN):
            self._power(now)
        if self._wants_quiet != self._quiet_served and self._mode not in (Mode.BOOT, Mode.POWER_DOWN):
            self._quiet(now)
        if permits(self._mode, Permission.WRITING):
            self._row.step(now)

    def hear(self, heard: LanderMode, now: Micros) -> None:
        """What the lander says of its phase, and how quiet it must be (0x012)."""
        self._wants_quiet = heard.phase is Phase.DESCENT or bool(heard.quiet & QUIET_BITS)
        parameters = self._services.parameters
        parameters.set(autonomy.PHASE, heard.phase, now)
        parameters.set(autonomy.QUIET, heard.quiet, now)
        parameters.set(autonomy.PHASE_LEFT, min(heard.seconds_to_next, 0xFFFF_FFFE), now)

    def enter(self, event: ModeEvent, reason: ModeReason, now: Micros) -> None:
        """Let an event happen that the table does not refuse."""
        before = self._mode
        after = TABLE[event][before]
        assert after is not None, "refused before it is entered"
        if protects(event):
            self.resumes = Mode.SAFE
        elif before not in PASSING:
            self.resumes = Mode.SAFE if before is Mode.SAFE else Mode.NOMINAL
        self._note(before, after, reason)
        if after is not before:
            self._hold(after)
            self._services.events.report(mdb.ModeChanged(mode_from=before, mode_to=after, reason=reason), now)
        self._services.parameters.set(mdb.MODE, after, now)
        self._services.parameters.set(autonomy.RESUMES, self.resumes, now)

    def _note(self, before: Mode, after: Mode, reason: ModeReason) -> None:
        """What a reset must find: SAFE for good reasons, or nothing of it."""
        if reason in KEPT and (after is Mode.SAFE or (after in PASSING and self.resumes is Mode.SAFE)):
            self._row.want(bytes((Mode.SAFE,)))
        elif after in (Mode.NOMINAL, Mode.OBSERVE) and before is not Mode.BOOT:
            self._row.want(bytes((Mode.NOMINAL,)))

    def _power(self, now: Micros) -> None:
        if self._board.off_at_us != NEVER:
            self.enter(ModeEvent.POWER_NOTICE, ModeReason.POWER_NOTICE, now)
            self._quiet_served = False
            return
        safe = self.resumes is Mode.SAFE
        self.enter(ModeEvent.POWER_STAYS_SAFE if safe else ModeEvent.POWER_STAYS, ModeReason.POWER_STAYS, now)

    def _quiet(self, now: Micros) -> None:
        self._quiet_served = self._wants_quiet
        if self._wants_quiet:
            self.enter(ModeEvent.LANDER_QUIET, ModeReason.QUIET, now)
            return
        safe = self.resumes is Mode.SAFE
        self.enter(ModeEvent.QUIET_OVER_SAFE if safe else ModeEvent.QUIET_OVER, ModeReason.QUIET_OVER, now)

    # --- requests --------------------------------------------------------------------------------------------------

    def _command(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, SetMode)
        event = _COMMANDS[body.mode]
        refused = TABLE[event][self._mode] is None
        verification = self._services.verification
        if verification.settle(request, FailureCode.WRONG_STATE if refused else None, now):
            self.enter(event, ModeReason.COMMAND, now)
            self._board.minimal = self._board.minimal and body.mode is CommandedMode.SAFE
            verification.completed(request, now)

    def _protect(self, request: Request, now: Micros) -> None:
        self._services.verification.started(request, now)
        self.enter(ModeEvent.MONITOR_SAFE, ModeReason.MONITOR, now)
        self._services.verification.completed(request, now)

    # --- damage ----------------------------------------------------------------------------------------------------

    def _hold(self, mode: Mode) -> None:
        self._mode = self._board.mode = mode
        self._inverse = ~mode

    def _mend(self, now: Micros) -> None:
        if not agree(self._board.mode, self._mode, self._inverse):
            self._hold(Mode(outvote(self._board.mode, self._mode, self._inverse)))
            self._guard.tell(MemoryItem.MODE, 0, now)
