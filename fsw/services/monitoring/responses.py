"""One response of ST[19]: its action, its state, its budget, and how one sees that it answers itself.

Off nominal: a kept row that this software does not know is none (`from_row`); a spent budget, or an action that raises
what it answers, is a verdict (`Verdict`), not a failure.
"""

from collections import deque
from enum import Enum, unique
from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb.database import CallRefused, Database
from fsw.mdb.event_action import ACTION_OCTETS_MAX, BUDGET, WINDOW_S, ResponseRecord, ResponseState
from fsw.pus import expiry, tc
from fsw.pus.ids import FailureCode, Refusal, Service

LOOP_US: Final = 5_000_000
"""An event that comes this soon after its own action may be that action's doing."""
LOOPS_MAX: Final = 3
"""So many times in a row it is."""
_ROW_VERSION: Final = 1
_ROW_HEAD_OCTETS: Final = 5
_STATES: Final = frozenset(map(int, ResponseState))


@unique
class Verdict(Enum):
    """What is to be done about an occurrence of its event."""

    ACTS = "act, or say that one would"
    SPENT = "the budget is spent"
    LOOPS = "it answers itself"


class Response:
    """A response. `held`, `acted` and `passive` count since boot; `told` that it was said that it is held."""

    __slots__ = (
        "_loops", "_spent", "acted", "acted_us", "action", "apid", "budget", "event", "held", "passive", "state",
        "told", "window_s",
    )  # fmt: skip

    def __init__(self, apid: int, event: int, action: bytes) -> None:
        self.apid = apid
        self.event = event
        self.action = action
        self.state = ResponseState.OFF
        self.budget = BUDGET
        self.window_s = WINDOW_S
        self.acted = self.passive = self.held = 0
        self.renew()

    def renew(self) -> None:
        """Forget what was spent and what came after what."""
        self._spent: deque[Micros] = deque()
        self._loops = 0
        self.acted_us: Micros | None = None
        self.told = False

    def judge(self, now: Micros) -> Verdict:
        """Its event has occurred."""
        if self.acted_us is not None and now - self.acted_us <= LOOP_US:
            self._loops += 1
            if self._loops >= LOOPS_MAX:
                return Verdict.LOOPS
        else:
            self._loops = 0
        return Verdict.ACTS if self.left(now) else Verdict.SPENT

    def left(self, now: Micros) -> int:
        """Actions that the budget allows now: those of the last window are spent."""
        spent = self._spent
        while spent and now - spent[0] >= self.window_s * 1_000_000:
            spent.popleft()
        return max(0, self.budget - len(spent))

    def spend(self, now: Micros) -> None:
        """One action of the budget."""
        self._spent.append(now)
        self.told = False

    def record(self, now: Micros) -> ResponseRecord:
        """How it has done."""
        return ResponseRecord(
            self.apid, self.event, self.state, self.budget, self.window_s, self.left(now), self.acted, self.passive,
            self.held,
        )  # fmt: skip

    def row(self, state: ResponseState | None = None, budget: int | None = None, window_s: int | None = None) -> bytes:
        """What is kept, with what is to change: version u8, state u8, budget u8, window u16, then the action."""
        state = self.state if state is None else state
        budget, window_s = budget or self.budget, window_s or self.window_s
        return bytes((_ROW_VERSION, state, budget)) + window_s.to_bytes(2, "big") + self.action


def from_row(apid: int, event: int, row: bytes) -> Response | None:
    """The response that a kept row holds; None when it holds none that this software knows."""
    head = row[:_ROW_HEAD_OCTETS]
    if not _ROW_HEAD_OCTETS <= len(row) <= _ROW_HEAD_OCTETS + ACTION_OCTETS_MAX:
        return None
    if head[0] != _ROW_VERSION or head[1] not in _STATES:
        return None
    response = Response(apid, event, row[_ROW_HEAD_OCTETS:])
    response.state = ResponseState(head[1])
    response.budget, response.window_s = max(1, head[2]), max(1, int.from_bytes(head[3:5], "big"))
    return response


def action_problem(database: Database, action: bytes) -> FailureCode | None:
    """Why verification would refuse this telecommand whenever it is released; None when it would not.

    The code is the one that it would have: an expiry wrapper is looked into.
    """
    command = tc.decode(action)
    if command is Refusal.CHECKSUM:
        return FailureCode.PAYLOAD_CHECKSUM
    if isinstance(command, Refusal):
        return FailureCode.DATA
    if command.apid not in database.processes:
        return FailureCode.UNKNOWN_ID
    if command.service == Service.EXPIRY:
        wrapped = expiry.decode(command) if command.subtype == expiry.SUBTYPE_WRAP else None
        return FailureCode.DATA if wrapped is None else action_problem(database, wrapped.inner)
    call = database.decode_command(command.apid, command.service, command.subtype, command.data)
    return call.code if isinstance(call, CallRefused) else None
