"""What is armed, one row each: the state table, and the few rows that are remembered.

A row whose end has come stays until its place is needed, so that the ground hears why its number works no more.
Off nominal: a cell of the table that names a failure code refuses with it and changes nothing; no arm outlives a reset.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.hazards import WITHIN_S
from fsw.mdb.mission_hazards import Rule
from fsw.pus.ids import FailureCode

ROWS_MAX: Final = 8
"""Arms that are remembered; so many can be armed at once."""
WITHIN_US: Final = WITHIN_S * 1_000_000


@unique
class Arming(Enum):
    """Where an arm stands."""

    ARMED = "armed"
    EXECUTED = "executed"
    DISARMED = "disarmed"
    OVER = "over"


@unique
class ArmingEvent(Enum):
    """What may come to an arm."""

    EXECUTE = "executed by who may, when it may be"
    EXECUTE_ALONE = "executed by who armed it, where two must"
    EXECUTE_WRONG_TIME = "executed in a phase or a mode that does not allow it"
    EXECUTE_UNMARKED = "executed while a reset would let the same execute in again"
    DISARM = "disarmed"
    TIME_OVER = "its time is over"


class Cell(NamedTuple):
    """The state after an event, and the code that refuses the request (None: it is served, or there is none)."""

    after: Arming
    code: FailureCode | None = None


E = ArmingEvent
ARMED, EXECUTED, DISARMED, OVER = Arming
_OK_EXECUTED: Final = Cell(EXECUTED)
_OK_DISARMED: Final = Cell(DISARMED)
_OK_OVER: Final = Cell(OVER)
_ALONE: Final = Cell(ARMED, FailureCode.SOURCE)
_NOT_NOW: Final = Cell(ARMED, FailureCode.WRONG_STATE)
_UNMARKED: Final = Cell(ARMED, FailureCode.TIMEOUT)
_SPENT: Final = Cell(EXECUTED, FailureCode.WRONG_STATE)
_GIVEN_UP: Final = Cell(DISARMED, FailureCode.WRONG_STATE)
_LATE: Final = Cell(OVER, FailureCode.EXPIRED)
# fmt: off
TABLE: Final[Mapping[ArmingEvent, Mapping[Arming, Cell]]] = {
    E.EXECUTE:            {ARMED: _OK_EXECUTED, EXECUTED: _SPENT, DISARMED: _GIVEN_UP,    OVER: _LATE},
    E.EXECUTE_ALONE:      {ARMED: _ALONE,       EXECUTED: _SPENT, DISARMED: _GIVEN_UP,    OVER: _LATE},
    E.EXECUTE_WRONG_TIME: {ARMED: _NOT_NOW,     EXECUTED: _SPENT, DISARMED: _GIVEN_UP,    OVER: _LATE},
    E.EXECUTE_UNMARKED:   {ARMED: _UNMARKED,    EXECUTED: _SPENT, DISARMED: _GIVEN_UP,    OVER: _LATE},
    E.DISARM:             {ARMED: _OK_DISARMED, EXECUTED: _SPENT, DISARMED: _GIVEN_UP,    OVER: _LATE},
    E.TIME_OVER:          {ARMED: _OK_OVER,     EXECUTED: Cell(EXECUTED), DISARMED: Cell(DISARMED), OVER: _OK_OVER},
}
# fmt: on
assert set(TABLE) == set(ArmingEvent)
assert all(set(row) == set(Arming) for row in TABLE.values())


class Row:
    """One arm."""

    __slots__ = ("body", "nonce", "packet", "request_id", "rule", "source_id", "state", "until_us")

    def __init__(
        self, nonce: int, packet: bytes, request_id: bytes, body: type[object], rule: Rule, source_id: int, now: Micros
    ) -> None:
        self.nonce = nonce
        self.packet = packet
        self.request_id = request_id
        self.body = body
        self.rule = rule
        self.source_id = source_id
        self.state = ARMED
        self.until_us = Micros(now + WITHIN_US)

    def happens(self, event: ArmingEvent) -> FailureCode | None:
        """Let an event happen; returns the code that refuses it."""
        self.state, code = TABLE[event][self.state]
        return code


class Rows:
    """The arms that are remembered, oldest first."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self.due_us = NEVER
        """When the time of the next one is over: from then on it works no more."""

    @property
    def armed(self) -> int:
        """How many are armed now."""
        return sum(row.state is ARMED for row in self._rows)

    def refusal(self, packet: bytes) -> FailureCode | None:
        """Why this packet cannot be armed beside the others."""
        if any(row.state is ARMED and row.packet == packet for row in self._rows):
            return FailureCode.ALREADY_EXISTS
        return FailureCode.CAPACITY if self.armed >= ROWS_MAX else None

    def add(self, row: Row) -> None:
        """Remember one more; an arm that is over makes room for it."""
        if len(self._rows) == ROWS_MAX:
            self._rows.remove(next(known for known in self._rows if known.state is not ARMED))
        self._rows.append(row)
        self._look()

    def find(self, nonce: int) -> Row | None:
        """The arm of this number."""
        return next((row for row in self._rows if row.nonce == nonce), None)

    def happens(self, row: Row, event: ArmingEvent) -> FailureCode | None:
        """Let an event happen to one of them; returns the code that refuses it."""
        code = row.happens(event)
        self._look()
        return code

    def expire(self, now: Micros) -> list[Row]:
        """Those whose time has just come to be over."""
        over = [row for row in self._rows if row.state is ARMED and now > row.until_us]
        for row in over:
            row.happens(ArmingEvent.TIME_OVER)
        self._look()
        return over

    def _look(self) -> None:
        self.due_us = min((row.until_us for row in self._rows if row.state is ARMED), default=NEVER)
