"""What each mode of the board allows: rows are permissions, columns modes. Whoever does such a thing asks first.

SAFE stops the instruments. OBSERVE gives them the board: bulk work waits. In QUIET nothing is written on request and
nothing moves (a lander in descent); what happens is recorded all the same. POWER_DOWN finishes what it has and begins
nothing.
Off nominal: what a mode does not permit is refused with 0x14 (`serves`), or waits for the next mode.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from fsw.mdb.model import Hazard, declaration_of
from fsw.mdb.system import Mode
from fsw.pus.ids import Service


@unique
class Permission(Enum):
    """Kinds of work that a mode may forbid."""

    INSTRUMENTS = "instruments run and take their commands"
    MONITORING = "parameters are checked, events are told"
    RESPONSES = "what monitoring and events ask for is commanded"
    SCHEDULE = "scheduled commands and sequences are released"
    WRITING = "what outlives a reset is changed on request"
    FILES = "files are listed, changed, sent"
    REPLAY = "what was recorded is sent down"
    SCRUBBING = "memory and files are checked in the background"


P = Permission
BOOT, SAFE, NOMINAL, OBSERVE, QUIET, POWER_DOWN = Mode
# fmt: off
TABLE: Final[Mapping[Permission, Mapping[Mode, bool]]] = {
    #               BOOT         SAFE         NOMINAL        OBSERVE        QUIET         POWER_DOWN
    P.INSTRUMENTS: {BOOT: False, SAFE: False, NOMINAL: True, OBSERVE: True,  QUIET: False, POWER_DOWN: False},
    P.MONITORING:  {BOOT: False, SAFE: True,  NOMINAL: True, OBSERVE: True,  QUIET: True,  POWER_DOWN: True},
    P.RESPONSES:   {BOOT: False, SAFE: True,  NOMINAL: True, OBSERVE: True,  QUIET: False, POWER_DOWN: False},
    P.SCHEDULE:    {BOOT: False, SAFE: True,  NOMINAL: True, OBSERVE: True,  QUIET: False, POWER_DOWN: False},
    P.WRITING:     {BOOT: True,  SAFE: True,  NOMINAL: True, OBSERVE: True,  QUIET: False, POWER_DOWN: True},
    P.FILES:       {BOOT: False, SAFE: True,  NOMINAL: True, OBSERVE: False, QUIET: False, POWER_DOWN: False},
    P.REPLAY:      {BOOT: False, SAFE: True,  NOMINAL: True, OBSERVE: False, QUIET: False, POWER_DOWN: False},
    P.SCRUBBING:   {BOOT: False, SAFE: True,  NOMINAL: True, OBSERVE: False, QUIET: False, POWER_DOWN: False},
}
# fmt: on
assert set(TABLE) == set(Permission)
assert all(set(row) == set(Mode) for row in TABLE.values())
_ALLOWED: Final = tuple(tuple(p for p in Permission if TABLE[p][mode]) for mode in Mode)
"""By the mode's number: a look that asks no member for its hash."""
assert tuple(map(int, Mode)) == tuple(range(len(Mode)))


_DELETE_CONTENT, _COPY = 11, 24
_NEEDS: Final[Mapping[int, tuple[Permission, frozenset[int]]]] = {
    Service.PARAMETERS: (Permission.WRITING, frozenset((1, 6))),
    Service.FILES: (Permission.FILES, frozenset()),
    Service.MEMORY: (Permission.WRITING, frozenset((3, 7, 12, 13, 14, 17, 128, 129))),
    Service.STORAGE: (Permission.WRITING, frozenset(range(256)) - {_DELETE_CONTENT, _COPY}),
    Service.SEQUENCING: (Permission.SCHEDULE, frozenset((1, 3, 5, 6, 9, 11, 13, 128))),
}
"""What a service's requests need, but for the subtypes that only ask, stop or take away."""


def needs(service: int, subtype: int) -> Permission | None:
    """What the mode must permit for such a request to be executed; None: every mode serves it.

    What changes tables of the store is held back where it is written (fsw/services/keeper.py): of packet stores only
    what changes their packets stands here.
    """
    permission, free = _NEEDS.get(service, (None, frozenset()))
    return None if subtype in free else permission


def permits(mode: Mode, permission: Permission) -> bool:
    """Whether the board may do that in this mode."""
    return permission in _ALLOWED[mode]


def serves(mode: Mode, body: type[object]) -> bool:
    """Whether the board executes a command, given by its body class, in this mode.

    A hazardous one is written down before it runs (fsw/services/process.py), so it needs that writing is permitted.
    """
    declared = declaration_of(body)
    if declared.hazard is Hazard.HAZARDOUS and not permits(mode, Permission.WRITING):
        return False
    permission = needs(declared.service, declared.subtype)
    return permission is None or permits(mode, permission)
