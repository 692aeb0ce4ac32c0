"""Declared objects of the flight software whose bits may flip: where each target of the fault `bit_flip` lies.

A flip changes the object as it stands, past everything that guards it, as radiation does; it never makes of it what no
memory could hold. Each function returns why there was nothing to flip, or empty.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.mdb.system import Mode
from hil.board.board import Powered, flying
from hil.written.fault_kinds import TARGETS

Flip = Callable[[Powered, int, int], str]


def _parameter(board: Powered, item: int, bit: int) -> str:
    """The pool's value of a writable parameter."""
    app = flying(board)
    values = app.parameters.values
    known = app.mission.database.parameters
    whole = [pid for pid, one in sorted(known.items()) if one.writable and isinstance(values[pid], int)]
    if not whole:
        return "no writable parameter holds a whole number"
    pid = whole[item % len(whole)]
    value = values[pid]
    assert isinstance(value, int)
    values[pid] = value ^ (1 << bit)
    return ""


def _allocation(board: Powered, item: int, bit: int) -> str:
    """What the lander has allocated."""
    app = flying(board)
    held = app.power._allocation_mw
    if held is None:
        return "there is no allocation yet"
    app.power._allocation_mw = held ^ (1 << bit)
    return ""


def _load_table(board: Powered, item: int, bit: int) -> str:
    """What a load draws, by the mission's table."""
    app = flying(board)
    loads = list(app.power._loads)
    row = item % len(loads)
    loads[row] = loads[row]._replace(power_mw=loads[row].power_mw ^ (1 << bit))
    app.power._loads = tuple(loads)
    return ""


def _outbox_octets(board: Powered, item: int, bit: int) -> str:
    """How many octets wait for a frame."""
    app = flying(board)
    app.outbox.octets ^= 1 << bit
    return ""


def _sequence_count(board: Powered, item: int, bit: int) -> str:
    """The next sequence count of an APID."""
    app = flying(board)
    counts = app.telemetry._counter._next
    if not counts:
        return "nothing has been counted yet"
    apid = sorted(counts)[item % len(counts)]
    counts[apid] ^= 1 << bit % 14
    return ""


def _farm_vr(board: Powered, item: int, bit: int) -> str:
    """V(R) of FARM-1."""
    app = flying(board)
    app.link.farm.v_r ^= 1 << bit % 8
    return ""


def _time_offset(board: Powered, item: int, bit: int) -> str:
    """What TAI differs from the board's clock, microseconds."""
    app = flying(board)
    app.time.offset_us ^= 1 << bit
    return ""


def _mode(board: Powered, item: int, bit: int) -> str:
    """The board's mode."""
    app = flying(board)
    modes = tuple(Mode)
    app.board.mode = modes[(modes.index(app.board.mode) ^ 1 << bit % 2) % len(modes)]
    return ""


FLIPS: Final[Mapping[str, Flip]] = {
    "parameter": _parameter,
    "allocation": _allocation,
    "load_table": _load_table,
    "outbox_octets": _outbox_octets,
    "sequence_count": _sequence_count,
    "farm_vr": _farm_vr,
    "time_offset": _time_offset,
    "mode": _mode,
}
assert tuple(FLIPS) == TARGETS, "every target lies somewhere"
