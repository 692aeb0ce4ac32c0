"""The host of one instrument: its process, its power and mode gate, its turn.

Off nominal: while the load is off or the board's mode lets no instrument run every command of the instrument's own
fails its start with 0x14; ping, no-operation and counters answer all the same.
"""

from collections.abc import Callable
from functools import partial

from fsw.kernel.clock import NEVER, Micros
from fsw.payload.modes import TABLE, Change, Running
from fsw.pus.ids import FailureCode
from fsw.services.board import Board
from fsw.services.instrument import InstrumentTask
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution, Process
from fsw.services.verification import Request, Verification


class InstrumentHost:
    """Runs one instrument's task; `step` is its slot. `build` makes the task anew when the supervisor restarts it."""

    def __init__(
        self, board: Board, verification: Verification, load_row: int, build: Callable[[], InstrumentTask]
    ) -> None:
        self._board = board
        self.bell = board.bell()
        self._verification = verification
        self._load_bit = 1 << load_row
        self._build = build
        self._task = build()
        self._state = Running.OFF
        self.process: Process | None = None
        self.executions: dict[type[object], Execution] = {
            command: partial(self._gate, command) for command in self._task.executions
        }

    @property
    def state(self) -> Running:
        """Whether the instrument may run."""
        return self._state

    def restart(self) -> None:
        """Build the instrument's task anew after a fault."""
        self._task = self._build()

    def step(self, now: Micros) -> Micros:
        """One turn: the gate, requests, the instrument's own turn."""
        assert self.process is not None
        self.bell.silence()
        may_run = permits(self._board.mode, Permission.INSTRUMENTS)
        change = Change((bool(self._board.loads_on & self._load_bit), may_run))
        before, self._state = self._state, TABLE[change][self._state]
        if before is Running.READY and self._state is not Running.READY:
            self._task.halt(now)
        self.process.run(now)
        return self._task.step(now) if self._state is Running.READY else NEVER

    def _gate(self, command: type[object], request: Request, now: Micros) -> None:
        if self._state is not Running.READY:
            self._verification.refused(request, FailureCode.WRONG_STATE, now)
            return
        self._task.executions[command](request, now)
