"""The state tables against a second transcription, cell by cell; a table with any cell changed does not pass."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import pytest

from fsw.payload import modes as payload_modes
from fsw.power import loads
from fsw.services import permissions, verification
from fsw.services.security import arming, key_states
from fsw.services.sequences import sequence_states
from fsw.system import modes as system_modes

Cells = dict[tuple[str, str], str]
FILE = Path(__file__).with_name("tables.txt")


def transcription(section: str) -> Cells:
    cells: Cells = {}
    inside = False
    for line in FILE.read_text().splitlines():
        if line.startswith("["):
            inside = line == f"[{section}]"
        elif inside and line:
            row, column, after = line.split()
            assert (row, column) not in cells
            cells[row, column] = after
    return cells


def cells_of(table: Mapping[Enum, Mapping[Enum, Enum | None]]) -> Cells:
    return {
        (row.name.lower(), column.name.lower()): "-" if after is None else after.name.lower()
        for row, columns in table.items()
        for column, after in columns.items()
    }


def refusing_cells_of(table: Mapping[Enum, Mapping[Enum, tuple[Enum, int | None]]]) -> Cells:
    return {
        (event.name.lower(), state.name.lower()): f"{after.name.lower()}:{'' if code is None else f'{code:02x}'}"
        for event, row in table.items()
        for state, (after, code) in row.items()
    }


TABLES: dict[str, Cells] = {
    "verification": cells_of(verification.NEXT),  # type: ignore[arg-type]
    "modes": cells_of(system_modes.TABLE),  # type: ignore[arg-type]
    "loads": cells_of(loads.TABLE),  # type: ignore[arg-type]
    "sequences": cells_of(sequence_states.TABLE),  # type: ignore[arg-type]
    "permissions": {
        (row.name.lower(), mode.name.lower()): "yes" if allowed else "-"
        for row, modes in permissions.TABLE.items()
        for mode, allowed in modes.items()
    },
    "running": cells_of(payload_modes.TABLE),  # type: ignore[arg-type]
    "arming": refusing_cells_of(arming.TABLE),  # type: ignore[arg-type]
    "keys": refusing_cells_of(key_states.TABLE),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_a_second_hand_typed(name: str) -> None:
    assert TABLES[name] == transcription(name)


@pytest.mark.parametrize("name", TABLES)
def test_any_cell_changed_is_caught(name: str) -> None:
    expected = transcription(name)
    values = {*expected.values(), "-"}
    for cell, after in TABLES[name].items():
        for other in values - {after}:
            assert {**TABLES[name], cell: other} != expected
