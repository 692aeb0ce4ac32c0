"""Where the key of a slot stands, and what may become of it: the state table.

A key comes into use beside the one at work, proves itself, and only then may the one below it be retired; what is
retired stays so. A cell that names a failure code refuses with it and changes nothing.
Off nominal: a key that is used after it was retired, or that is gone, is not revived by having been used.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.mdb.keys import KeyState
from fsw.pus.ids import FailureCode


@unique
class KeyEvent(Enum):
    """What may come to a key."""

    ACTIVATE = "activated by who holds it"
    PROVED = "who holds it and the board have used it"
    DEACTIVATE = "retired by who holds a higher one"
    ERASE = "to be erased"


class Cell(NamedTuple):
    """The state after an event, and the code that refuses the request (None: it is served, or there is none)."""

    after: KeyState
    code: FailureCode | None = None


E = KeyEvent
EMPTY, STANDBY, TRIAL, ACTIVE, SPENT = KeyState
_NONE: Final = Cell(EMPTY, FailureCode.UNKNOWN_ID)
_GONE: Final = Cell(EMPTY)
_ON_TRIAL: Final = Cell(TRIAL)
_AT_WORK: Final = Cell(ACTIVE)
_RETIRED: Final = Cell(SPENT)
_TRIED: Final = Cell(TRIAL, FailureCode.ALREADY_EXISTS)
_WORKS: Final = Cell(ACTIVE, FailureCode.ALREADY_EXISTS)
_SPARE: Final = Cell(STANDBY, FailureCode.WRONG_STATE)
_IN_TRIAL: Final = Cell(TRIAL, FailureCode.WRONG_STATE)
_IN_USE: Final = Cell(ACTIVE, FailureCode.WRONG_STATE)
_OVER: Final = Cell(SPENT, FailureCode.WRONG_STATE)
# fmt: off
TABLE: Final[Mapping[KeyEvent, Mapping[KeyState, Cell]]] = {
    E.ACTIVATE:   {EMPTY: _NONE, STANDBY: _ON_TRIAL, TRIAL: _TRIED,    ACTIVE: _WORKS,   SPENT: _OVER},
    E.PROVED:     {EMPTY: _GONE, STANDBY: _AT_WORK,  TRIAL: _AT_WORK,  ACTIVE: _AT_WORK, SPENT: _RETIRED},
    E.DEACTIVATE: {EMPTY: _NONE, STANDBY: _RETIRED,  TRIAL: _RETIRED,  ACTIVE: _RETIRED, SPENT: _OVER},
    E.ERASE:      {EMPTY: _NONE, STANDBY: _SPARE,    TRIAL: _IN_TRIAL, ACTIVE: _IN_USE,  SPENT: _GONE},
}
# fmt: on
assert set(TABLE) == set(KeyEvent)
assert all(set(row) == set(KeyState) for row in TABLE.values())
AT_WORK: Final = frozenset((TRIAL, ACTIVE))
