"""What happens at the lander, for whoever runs or watches the bench: the newest few, in their order."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros

HAPPENINGS_MAX: Final = 256


class Happening(NamedTuple):
    """Something that the bench's user wants to see: when, what, and its values."""

    at_us: Micros
    what: str
    values: Mapping[str, int | str]


class Happenings:
    """Kept until they are taken; of too many the oldest is forgotten."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[Happening] = []

    def tell(self, what: str, now: Micros, **values: int | str) -> None:
        """One more."""
        self._kept = [*self._kept[1 - HAPPENINGS_MAX :], Happening(now, what, values)]

    def take(self) -> list[Happening]:
        """Those since the last call."""
        taken, self._kept = self._kept, []
        return taken
