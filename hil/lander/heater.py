"""The lander's heater for the payload: its thermostat, the energy it may spend, and the ways it may be stuck."""

from typing import Final

from fsw.kernel.clock import Micros
from hil.lander.lander_profile import Heater

DAY_US: Final = 86_400_000_000
MODES: Final = ("order", "thermostat", "stuck_off", "stuck_on")


class HeaterControl:
    """Says when the circuit is to be switched, from the temperature it is shown; counts what the heater has taken.

    Off nominal: once the day's energy is spent the circuit goes off and stays so until the next day. Stuck on it takes
    power whatever the switch says, stuck off it takes none.
    """

    __slots__ = ("_at_us", "_day", "_heater", "_start_us", "mode", "spent_mj")

    def __init__(self, heater: Heater, now: Micros) -> None:
        self._heater = heater
        self._start_us = self._at_us = now
        self._day = 0
        self.mode = "thermostat" if heater.thermostat else "order"
        self.spent_mj = 0

    @property
    def spent(self) -> bool:
        """Whether nothing is left of the day's energy."""
        return 0 < self._heater.budget_j * 1000 <= self.spent_mj

    def flows(self, switched_on: bool) -> bool:
        """Whether the heater takes power."""
        return self.mode == "stuck_on" or (switched_on and self.mode != "stuck_off")

    def take(self, drawn_mw: int, now: Micros) -> None:
        """So much has been drawn since the last call."""
        day = (now - self._start_us) // DAY_US
        if day != self._day:
            self._day, self.spent_mj = day, 0
        self.spent_mj += drawn_mw * (now - self._at_us) // 1_000_000
        self._at_us = now

    def look(self, cdegc: int, switched_on: bool) -> bool | None:
        """True or False: the circuit is to be switched on or off; None: left alone."""
        if self.spent:
            return False if switched_on else None
        if self.mode != "thermostat":
            return None
        if switched_on:
            return False if cdegc > self._heater.off_above_cdegc else None
        return True if cdegc < self._heater.on_below_cdegc else None
