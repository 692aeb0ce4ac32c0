"""One housekeeping structure in force: what it holds, when it is collected, what of that is sent.

Off nominal: what was missed is not made up for; a kept row that this database cannot read is none (`structure_of`).
"""

from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.model import Parameter, Structure
from fsw.mdb.standard_services import PARAMETERS_MAX, RateMode

INTERVAL_UNIT_US: Final = 100_000
BODY_OCTETS_MAX: Final = 900
_ROW: Final = 2
"""Octets of each number of a kept row: the interval, then the parameter ids."""


class Collection:
    """One structure and its periodic report."""

    __slots__ = ("declared", "due", "interval", "last", "longest", "mode", "structure", "unsent")

    def __init__(self, structure: Structure, *, declared: bool) -> None:
        self.structure = structure
        self.declared = declared
        self.interval = structure.interval
        self.mode = RateMode.EVERY
        self.longest = 0
        self.due = NEVER
        self.last = b""
        """The body that was sent last since it was enabled."""
        self.unsent = 0
        """Collections since then."""

    @property
    def enabled(self) -> bool:
        """Whether it is collected at all."""
        return self.due < NEVER

    def enable(self, now: Micros) -> None:
        """Collect from now on; one that is collected already goes on."""
        if not self.enabled:
            self.due, self.last, self.unsent = now, b"", 0

    def disable(self) -> None:
        """Collect no more."""
        self.due = NEVER

    def advance(self, now: Micros) -> None:
        """The next collection, in the rhythm of those before; what was missed is not made up for."""
        period_us = self.interval * INTERVAL_UNIT_US
        self.due = Micros(self.due + ((now - self.due) // period_us + 1) * period_us)

    def wanted(self, body: bytes) -> bool:
        """Whether what has been collected is to be sent."""
        self.unsent += 1
        match self.mode:
            case RateMode.ON_CHANGE:
                wanted = body != self.last
            case RateMode.ON_CHANGE_OR_EVERY:
                wanted = body != self.last or self.unsent >= self.longest
            case _:
                wanted = True
        if wanted:
            self.last, self.unsent = body, 0
        return wanted


def row_of(structure: Structure, interval: int) -> bytes:
    """What is kept of a structure made in flight."""
    numbers = (interval, *(parameter.pid for parameter in structure.parameters))
    return b"".join(number.to_bytes(_ROW, "big") for number in numbers)


def structure_of(sid: int, row: bytes, known: dict[int, Parameter]) -> Structure | None:
    """The structure that a kept row says; None when it says none that this mission's parameters can make."""
    numbers = [int.from_bytes(row[at : at + _ROW], "big") for at in range(0, len(row), _ROW)]
    interval, pids = (numbers[0], numbers[1:]) if numbers else (0, [])
    if len(row) % _ROW or not interval or not 0 < len(pids) <= PARAMETERS_MAX or len(set(pids)) != len(pids):
        return None
    if not all(pid in known for pid in pids):
        return None
    return made(sid, tuple(known[pid] for pid in pids), interval)


def made(sid: int, parameters: tuple[Parameter, ...], interval: int) -> Structure | None:
    """A structure made in flight; None when its report would be too long."""
    octets = sum(parameter.value_type.octets for parameter in parameters)
    return None if octets > BODY_OCTETS_MAX else Structure(sid, f"structure.{sid}", parameters, interval)
