"""The temperature of the board while faults hold it, and on its way back. SIMULATED: no board was measured."""

from collections.abc import Iterable
from typing import Final

from fsw.kernel.clock import Micros
from hil.written.fault import Fault

RECOVERS_CDEGC_S: Final = 100
"""How fast it comes back when nothing holds it."""
_HOLD: Final = frozenset(("over_temperature", "cold_start", "night"))
_SECOND: Final = 1_000_000


class Temperature:
    """What the board's package shows: it goes to `target` at a rate, from what it was. 1/100 degC."""

    def __init__(self, cdegc: int, now: Micros) -> None:
        self.target = self._from = cdegc
        self._rate = 0
        self._since_us = now

    def shown(self, now: Micros) -> int:
        """The temperature now."""
        moved = (now - self._since_us) * self._rate // _SECOND
        if self.target >= self._from:
            return min(self.target, self._from + moved)
        return max(self.target, self._from - moved)

    def go(self, target: int, rate: int, now: Micros) -> None:
        """Go there at so many 1/100 degC a second; rate 0: be there."""
        self._from, self._since_us = (target if rate == 0 else self.shown(now)), now
        self.target, self._rate = target, rate


class Heat:
    """Follows the faults that hold the temperature; the newest of them wins."""

    def __init__(self) -> None:
        self._temperature: Temperature | None = None

    def apply(self, faults: Iterable[Fault], usual: int | None, now: Micros) -> bool:
        """Go where these faults, and no others, want it, else to what is usual; whether there is anything to show.

        There is nothing before the first fault, and never where a board shows no temperature (None).
        """
        held = [fault for fault in faults if fault.kind in _HOLD]
        if usual is None or (not held and self._temperature is None):
            return False
        if self._temperature is None:
            self._temperature = Temperature(usual, now)
        target = held[-1].values["cdegc"] if held else usual
        rate = held[-1].values.get("ramp_cdegc_s", 0) if held else RECOVERS_CDEGC_S
        if target != self._temperature.target:
            self._temperature.go(target, rate, now)
        return True

    def shown(self, now: Micros) -> int:
        """1/100 degC; asked when there is something to show."""
        assert self._temperature is not None, "apply has said so"
        return self._temperature.shown(now)
