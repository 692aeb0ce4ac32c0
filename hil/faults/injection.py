"""What a bench does to the memory of running flight software: done here, recorded as input, and done again by a replay.

`bit_flip` (target, item, bit): a declared object of `hil.faults.flight_memory`. `hang` (slot): its turns do nothing,
until `resume` (slot). Off nominal: what is not possible returns why, changes nothing, and is not recorded.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.capture.encoding import Value
from fsw.kernel.clock import Micros
from fsw.kernel.scheduler import Step
from hil.board.board import Board, Powered
from hil.faults.flight_memory import FLIPS

LOOK_US: Final = 100_000
"""How often a hung task's slot is still looked at."""
BITS: Final = 64


class Hung:
    """A turn that does nothing, in the place of `step`."""

    __slots__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step

    def __call__(self, now: Micros) -> Micros:
        """Come back later, for nothing."""
        return Micros(now + LOOK_US)


def inject(board: Board, name: str, *values: int | str) -> str:
    """Do it to a simulated board, and tell its recording; why it cannot be, or empty."""
    why = again(board, name, values)
    if not why:
        board.injected(name, *values)
    return why


def again(board: Powered, name: str, values: tuple[Value, ...]) -> str:
    """Do what was recorded; why it cannot be, or empty."""
    known = INJECTIONS.get(name)
    if known is None:
        return f"nobody here knows how to do {name!r}"
    return known(board, values) if board.app is not None else "what has no power has no memory"


def _flip(board: Powered, values: tuple[Value, ...]) -> str:
    match values:
        case (str(target), int(item), int(bit)) if target in FLIPS and item >= 0 and 0 <= bit < BITS:
            return FLIPS[target](board, item, bit)
    return f"bit_flip cannot be done with {values}"


def _hang(board: Powered, values: tuple[Value, ...]) -> str:
    assert board.app is not None, "asked for before"
    match values:
        case (str(slot),) if slot in board.app.scheduler.stats:
            record = board.app.scheduler.stats[slot]
            if not isinstance(record.step, Hung):
                record.step = Hung(record.step)
            return ""
    return f"hang cannot be done with {values}"


def _resume(board: Powered, values: tuple[Value, ...]) -> str:
    assert board.app is not None, "asked for before"
    match values:
        case (str(slot),) if slot in board.app.scheduler.stats:
            record = board.app.scheduler.stats[slot]
            if isinstance(record.step, Hung):
                record.step = record.step.step
            return ""
    return f"resume cannot be done with {values}"


INJECTIONS: Final[Mapping[str, Callable[[Powered, tuple[Value, ...]], str]]] = {
    "bit_flip": _flip,
    "hang": _hang,
    "resume": _resume,
}
