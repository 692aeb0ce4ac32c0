"""Modes of the board: rows are what happens, columns the mode it happens in; None refuses.

SAFE stops the instruments and keeps commanding, telemetry and the store alive. What protects leads to SAFE, from
QUIET and POWER_DOWN when they are over. What each mode allows stands in fsw/services/permissions.py.

Off nominal: a command that the table refuses is answered with 0x14; nothing else that happens is refused.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from fsw.mdb.system import Mode, ModeReason


@unique
class ModeEvent(Enum):
    """What can change the mode."""

    BOOT_DONE = "the store answered, or did not in time"
    BOOT_SAFE = "and it must be SAFE: it was, or too many lives were short"
    COMMAND_SAFE = "a command"
    COMMAND_NOMINAL = "another command"
    COMMAND_OBSERVE = "a third"
    COMMAND_QUIET = "a fourth"
    STRIKE_OUT = "a task is dead"
    LANDER_SAFE = "the lander asked for safe"
    COMMAND_LOSS = "no telecommand for too long"
    LANDER_SILENT = "the lander has been silent for too long"
    MONITOR_SAFE = "a response on board"
    LANDER_QUIET = "the lander must have it quiet"
    QUIET_OVER = "it need not any more"
    QUIET_OVER_SAFE = "nor then, and SAFE stands behind it"
    POWER_NOTICE = "the lander announced that our power goes"
    POWER_STAYS = "it does not go"
    POWER_STAYS_SAFE = "it does not, and SAFE stands behind it"


BOOT, SAFE, NOMINAL, OBSERVE, QUIET, POWER_DOWN = Mode
DOWN: Final = POWER_DOWN
_Row = Mapping[Mode, Mode | None]
_E: Final = ModeEvent


def _row(*after: Mode | None) -> _Row:
    return dict(zip(Mode, after, strict=True))


# fmt: off
TABLE: Final[Mapping[ModeEvent, _Row]] = {
    #                         BOOT     SAFE     NOMINAL  OBSERVE  QUIET    POWER_DOWN
    _E.BOOT_DONE:        _row(NOMINAL, SAFE,    NOMINAL, OBSERVE, QUIET,   DOWN),
    _E.BOOT_SAFE:        _row(SAFE,    SAFE,    SAFE,    SAFE,    QUIET,   DOWN),
    _E.COMMAND_SAFE:     _row(SAFE,    SAFE,    SAFE,    SAFE,    SAFE,    DOWN),
    _E.COMMAND_NOMINAL:  _row(None,    NOMINAL, NOMINAL, NOMINAL, NOMINAL, None),
    _E.COMMAND_OBSERVE:  _row(None,    None,    OBSERVE, OBSERVE, None,    None),
    _E.COMMAND_QUIET:    _row(None,    QUIET,   QUIET,   QUIET,   QUIET,   None),
    _E.STRIKE_OUT:       _row(SAFE,    SAFE,    SAFE,    SAFE,    QUIET,   DOWN),
    _E.LANDER_SAFE:      _row(SAFE,    SAFE,    SAFE,    SAFE,    QUIET,   DOWN),
    _E.COMMAND_LOSS:     _row(SAFE,    SAFE,    SAFE,    SAFE,    QUIET,   DOWN),
    _E.LANDER_SILENT:    _row(SAFE,    SAFE,    SAFE,    SAFE,    SAFE,    DOWN),
    _E.MONITOR_SAFE:     _row(SAFE,    SAFE,    SAFE,    SAFE,    QUIET,   DOWN),
    _E.LANDER_QUIET:     _row(BOOT,    QUIET,   QUIET,   QUIET,   QUIET,   DOWN),
    _E.QUIET_OVER:       _row(BOOT,    SAFE,    NOMINAL, OBSERVE, NOMINAL, DOWN),
    _E.QUIET_OVER_SAFE:  _row(BOOT,    SAFE,    NOMINAL, OBSERVE, SAFE,    DOWN),
    _E.POWER_NOTICE:     _row(DOWN,    DOWN,    DOWN,    DOWN,    DOWN,    DOWN),
    _E.POWER_STAYS:      _row(BOOT,    SAFE,    NOMINAL, OBSERVE, QUIET,   NOMINAL),
    _E.POWER_STAYS_SAFE: _row(BOOT,    SAFE,    NOMINAL, OBSERVE, QUIET,   SAFE),
}
# fmt: on
assert set(TABLE) == set(ModeEvent)
assert all(set(row) == set(Mode) for row in TABLE.values())

PASSING: Final = frozenset((QUIET, POWER_DOWN))
"""Modes that are over by themselves; then another one stands behind them."""
KEPT: Final = frozenset(
    (ModeReason.COMMAND, ModeReason.MONITOR, ModeReason.COMMAND_LOSS, ModeReason.RESET_LOOP, ModeReason.KEPT)
)
"""Why a board is SAFE that stays so over a reset; what the lander or a dead task asked for ends with the life."""


def protects(event: ModeEvent) -> bool:
    """Whether an event asks for SAFE."""
    return TABLE[event][NOMINAL] is SAFE
