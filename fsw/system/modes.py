"""Modes of the board: rows are what happens, columns the mode it happens in; None refuses.

SAFE stops the instruments and keeps commanding, telemetry and the store alive.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final

from fsw.mdb.system import Mode


@unique
class ModeEvent(Enum):
    """What can change the mode."""

    BOOT_DONE = "the store answered, or did not in time"
    COMMAND_SAFE = "a command"
    COMMAND_NOMINAL = "another command"
    STRIKE_OUT = "a task is dead"
    LANDER_SAFE = "the lander asked for safe"
    COMMAND_LOSS = "no telecommand for too long"
    LANDER_SILENT = "the lander has been silent for too long"


BOOT, SAFE, NOMINAL = Mode.BOOT, Mode.SAFE, Mode.NOMINAL
# fmt: off
TABLE: Final[Mapping[ModeEvent, Mapping[Mode, Mode | None]]] = {
    #                           BOOT           SAFE            NOMINAL
    ModeEvent.BOOT_DONE:       {BOOT: NOMINAL, SAFE: SAFE,     NOMINAL: NOMINAL},
    ModeEvent.COMMAND_SAFE:    {BOOT: SAFE,    SAFE: SAFE,     NOMINAL: SAFE},
    ModeEvent.COMMAND_NOMINAL: {BOOT: None,    SAFE: NOMINAL,  NOMINAL: NOMINAL},
    ModeEvent.STRIKE_OUT:      {BOOT: SAFE,    SAFE: SAFE,     NOMINAL: SAFE},
    ModeEvent.LANDER_SAFE:     {BOOT: SAFE,    SAFE: SAFE,     NOMINAL: SAFE},
    ModeEvent.COMMAND_LOSS:    {BOOT: SAFE,    SAFE: SAFE,     NOMINAL: SAFE},
    ModeEvent.LANDER_SILENT:   {BOOT: SAFE,    SAFE: SAFE,     NOMINAL: SAFE},
}
# fmt: on
assert set(TABLE) == set(ModeEvent)
assert all(set(row) == set(Mode) for row in TABLE.values())
