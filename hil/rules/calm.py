"""How long nothing has been wrong: the time in which a payload owes what it promises."""

from typing import Final

from fsw.kernel.clock import Micros
from hil.written.fault import Fault

MUTE_US: Final = 15_000_000
"""A payload that emits nothing for longer than the slowest line's idle interval is mute."""


class Calm:
    """Follows faults and the payload's voice; both interrupt the calm."""

    __slots__ = ("_active", "_ended_us", "_spoke_us")

    def __init__(self) -> None:
        self._active = 0
        self._ended_us = Micros(0)
        self._spoke_us: Micros | None = None

    @property
    def faults(self) -> int:
        """How many faults last."""
        return self._active

    def fault(self, fault: Fault, began: bool, now: Micros) -> None:
        """A fault began or ended; one that happens at once does not last."""
        if fault.for_us:
            self._active = self._active + 1 if began else max(0, self._active - 1)
        self._ended_us = now

    def speaks(self, now: Micros) -> None:
        """The payload has emitted something."""
        if self._spoke_us is None or now - self._spoke_us > MUTE_US:
            self._ended_us = max(self._ended_us, now)
        self._spoke_us = now

    def since(self, at_us: Micros, now: Micros) -> int:
        """Microseconds of calm since then; 0 while a fault lasts or the payload is mute."""
        if self._active or (self._spoke_us is not None and now - self._spoke_us > MUTE_US):
            return 0
        return now - max(at_us, self._ended_us)
