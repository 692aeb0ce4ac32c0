"""Load states: rows are what happens to a load, columns the state it is in; None refuses."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.mdb.mission import InstrumentEntry


class Load(NamedTuple):
    """A row of the mission's load table; higher `priority` is shed later. `row` is its number on the wire."""

    row: int
    name: str
    power_mw: int
    priority: int
    on_at_boot: bool


def of_instrument(entry: InstrumentEntry) -> Load:
    """The row of the load table that an instrument is."""
    instrument = entry.module.INSTRUMENT
    return Load(entry.row, entry.name, instrument.power_mw, entry.priority, instrument.on_at_boot)


@unique
class LoadState(Enum):
    """Where a load stands."""

    OFF = 0
    ON = 1
    SHED = 2  # off until the allocation allows it again or the ground switches it


@unique
class LoadEvent(Enum):
    """What can happen to a load."""

    SWITCH_ON = "a command, or boot"
    SWITCH_OFF = "a command"
    SHED = "the allocation shrank, or power goes off"
    NO_ROOM = "a command to switch on what the allocation does not allow"


# fmt: off
TABLE: Final[Mapping[LoadEvent, Mapping[LoadState, LoadState | None]]] = {
    #                       OFF                            ON                             SHED
    LoadEvent.SWITCH_ON:  {LoadState.OFF: LoadState.ON,  LoadState.ON: LoadState.ON,   LoadState.SHED: LoadState.ON},
    LoadEvent.SWITCH_OFF: {LoadState.OFF: LoadState.OFF, LoadState.ON: LoadState.OFF,  LoadState.SHED: LoadState.OFF},
    LoadEvent.SHED:       {LoadState.OFF: LoadState.OFF, LoadState.ON: LoadState.SHED, LoadState.SHED: LoadState.SHED},
    LoadEvent.NO_ROOM:    {LoadState.OFF: None,          LoadState.ON: LoadState.ON,   LoadState.SHED: None},
}
# fmt: on
assert set(TABLE) == set(LoadEvent)
assert all(set(row) == set(LoadState) for row in TABLE.values())
