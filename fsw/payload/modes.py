"""When an instrument may run: rows are what changes around it, columns its state.

An instrument runs while its load is on and the board's mode lets instruments run (fsw/services/permissions.py);
everything else halts it.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final


@unique
class Running(Enum):
    """States of an instrument's host."""

    OFF = "load off"
    HALTED = "load on, but the mode lets no instrument run"
    READY = "commands and steps are served"


@unique
class Change(Enum):
    """What the host sees change: (load on, the mode lets instruments run)."""

    UNPOWERED = (False, False)
    UNPOWERED_NOMINAL = (False, True)
    POWERED_SAFE = (True, False)
    POWERED_NOMINAL = (True, True)


_OFF, _HALTED, _READY = Running
# fmt: off
TABLE: Final[Mapping[Change, Mapping[Running, Running]]] = {
    #                         OFF            HALTED            READY
    Change.UNPOWERED:         {_OFF: _OFF,    _HALTED: _OFF,    _READY: _OFF},
    Change.UNPOWERED_NOMINAL: {_OFF: _OFF,    _HALTED: _OFF,    _READY: _OFF},
    Change.POWERED_SAFE:      {_OFF: _HALTED, _HALTED: _HALTED, _READY: _HALTED},
    Change.POWERED_NOMINAL:   {_OFF: _READY,  _HALTED: _READY,  _READY: _READY},
}
# fmt: on
assert set(TABLE) == set(Change)
assert all(set(row) == set(Running) for row in TABLE.values())
