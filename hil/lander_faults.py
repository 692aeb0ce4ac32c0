"""Faults of the lander as orders to it: what it can be told to do wrong, and how that is taken back.

Off nominal: a kind whose order this lander does not know is not exercised.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.kernel.clock import Micros
from hil import lander_orders
from hil.fault import Fault
from hil.lander import OPS, Lander
from hil.lander_orders import VERBS, Order
from hil.profiles import PHASES

_CUTS: Final = ("power_cut", "power_off", "over_current", "night")
_PHASES: Final = ("descent", "phase_skip")


def _order(verb: str, **values: int | str) -> Order:
    return Order(verb, values)


def _ops(verb: str, **values: int | str) -> Order:
    return _order(verb, circuit="ops", **values)


def _off(fault: Fault) -> Order:
    return _ops("notice", action="off", seconds=fault.values["seconds"], reason="planned")


BEGINS: Final[Mapping[str, Callable[[Fault], Order]]] = {
    "power_cut": lambda fault: _ops("cut"),
    "night": lambda fault: _ops("cut"),
    "power_off": _off,
    "descent": lambda fault: _order("mode", phase="descent", quiet=fault.values["quiet"]),
    "phase_skip": lambda fault: _order("mode", phase=PHASES[fault.values["phase"]]),
}
LANDER_KINDS: Final = frozenset(BEGINS)
"""Kinds that are the lander's to do."""


class LanderFaults:
    """The lander's faults at work; what two of them hold comes back when the last one ends."""

    def __init__(self, lander: Lander) -> None:
        self._lander = lander
        self._active: list[Fault] = []
        self._was_on = False
        self._phase = (lander.phase, lander.quiet)

    def begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault; why not, or empty."""
        order = BEGINS[fault.kind](fault)
        if order.verb not in VERBS:
            return f"this lander knows no order {order.verb!r}"
        if fault.kind in _CUTS:
            powered = self._lander.switches[OPS].powered
            if not powered and not self._others(_CUTS):
                return "the payload has no power anyway"
            self._was_on = self._was_on or powered
        if fault.kind in _PHASES and not self._others(_PHASES):
            self._phase = (self._lander.phase, self._lander.quiet)
        self._active.append(fault)
        lander_orders.obey(self._lander, order, now)
        return ""

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""
        self._active.remove(fault)
        if fault.kind in _CUTS and not self._others(_CUTS) and self._was_on:
            self._was_on = False
            self._obey(_ops("on"), now)
        if fault.kind in _PHASES and not self._others(_PHASES):
            phase, quiet = self._phase
            self._obey(_order("mode", phase=PHASES[phase], quiet=quiet), now)

    def _others(self, kinds: tuple[str, ...]) -> bool:
        return any(fault.kind in kinds for fault in self._active)

    def _obey(self, order: Order, now: Micros) -> None:
        lander_orders.obey(self._lander, order, now)
