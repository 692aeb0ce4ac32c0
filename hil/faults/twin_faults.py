"""Faults of the instruments' sensors, done to a mission's twins: stuck, vanished, in the cold, in a solar event.

One for all rungs that have twins: the twins are made what all faults at work together want.
"""

from collections.abc import Iterable
from typing import Final

from fsw.mdb.mission import Mission
from hil.board.twins import Twins
from hil.written.fault import Fault

SENSOR_KINDS: Final = frozenset(("sensor_stuck", "sensor_vanished", "solar_event"))
"""Kinds that are done to sensors alone."""
_FACTOR: Final = ".storm"
"""How the surroundings that a solar event changes end."""


class TwinFaults:
    """Sensor faults of one mission."""

    def __init__(self, twins: Twins, mission: Mission) -> None:
        self._twins = twins
        self._mission = mission

    def why_not(self, fault: Fault) -> str:
        """Why a fault of `SENSOR_KINDS` finds nothing to act on; empty when it does."""
        if fault.kind == "solar_event":
            return "" if self._factors() else "no instrument's surroundings know a storm"
        named = self.instrument(fault) in self._twins.instruments
        return "" if named else f"row {fault.values['row']} has no simulated sensor"

    def apply(self, faults: Iterable[Fault]) -> None:
        """Make the twins what all these faults, and no others, want."""
        twins, faults = self._twins, tuple(faults)
        cold = any(fault.kind == "cold_start" for fault in faults)
        vanished = {self.instrument(fault) for fault in faults if fault.kind == "sensor_vanished"}
        stuck = {self.instrument(fault) for fault in faults if fault.kind == "sensor_stuck"}
        for name in twins.instruments:
            twins.vanish(name, cold or name in vanished)
            if (name in stuck) != (name in twins.stuck):
                twins.stick(name, name in stuck)
        factor = max((fault.values["factor"] for fault in faults if fault.kind == "solar_event"), default=1)
        for name in self._factors():
            low, high = twins.surroundings[name]
            twins.set(name, min(max(factor, low), high))

    def instrument(self, fault: Fault) -> str:
        """The instrument of a fault's row of the load table; empty where there is none."""
        entries = self._mission.instruments
        row = fault.values["row"]
        return entries[row].name if row < len(entries) else ""

    def _factors(self) -> list[str]:
        return [name for name in self._twins.surroundings if name.endswith(_FACTOR)]
