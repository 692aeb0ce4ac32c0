"""The states of a stored sequence (ST[21]): rows are what happens, columns the state; a failure code refuses.

Off nominal: a sequence that ran when the power went is interrupted, and nothing but a command takes it out of there.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from fsw.mdb.sequencing import SequenceState
from fsw.pus.ids import FailureCode


@unique
class SequenceEvent(Enum):
    """What can happen to a sequence."""

    LOAD = "(21,1)"
    UNLOAD = "(21,3)"
    VALIDATE = "(21,128)"
    START = "(21,4)"
    STEP = "(21,129)"
    ABORT = "(21,5)"
    LAST_RELEASED = "nothing is left to release"
    BOOT = "a new life"


EMPTY, LOADED, VALID, RUNNING, STEPPING, INTERRUPTED = SequenceState
_UNKNOWN, _EXISTS, _WRONG = FailureCode.UNKNOWN_ID, FailureCode.ALREADY_EXISTS, FailureCode.WRONG_STATE
_COLUMNS: Final = tuple(SequenceState)
# fmt: off
_ROWS: Final[Mapping[SequenceEvent, tuple[SequenceState | FailureCode, ...]]] = {
    #                            EMPTY     LOADED   VALID     RUNNING      STEPPING     INTERRUPTED
    SequenceEvent.LOAD:          (LOADED,   _EXISTS, _EXISTS,  _EXISTS,     _EXISTS,     _EXISTS),
    SequenceEvent.UNLOAD:        (_UNKNOWN, EMPTY,   EMPTY,    _WRONG,      _WRONG,      EMPTY),
    SequenceEvent.VALIDATE:      (_UNKNOWN, VALID,   VALID,    _WRONG,      _WRONG,      VALID),
    SequenceEvent.START:         (_UNKNOWN, _WRONG,  RUNNING,  _WRONG,      RUNNING,     RUNNING),
    SequenceEvent.STEP:          (_UNKNOWN, _WRONG,  STEPPING, _WRONG,      STEPPING,    STEPPING),
    SequenceEvent.ABORT:         (_UNKNOWN, _WRONG,  _WRONG,   VALID,       VALID,       _WRONG),
    SequenceEvent.LAST_RELEASED: (_UNKNOWN, _WRONG,  _WRONG,   VALID,       VALID,       _WRONG),
    SequenceEvent.BOOT:          (EMPTY,    LOADED,  VALID,    INTERRUPTED, INTERRUPTED, INTERRUPTED),
}
# fmt: on
TABLE: Final = {event: dict(zip(_COLUMNS, cells, strict=True)) for event, cells in _ROWS.items()}
ACTIVE: Final = frozenset((RUNNING, STEPPING))
assert set(TABLE) == set(SequenceEvent)


def after(event: SequenceEvent, state: SequenceState) -> SequenceState | FailureCode:
    """The state that follows, or the code that refuses."""
    return TABLE[event][state]
