"""SIMULATED: the temperature of the payload board, one node that loses its heat to the lander's deck.

What the board draws and what its heater draws becomes heat; a conductance leads it to the deck. Integers: micro-kelvin
inside, 1/100 degree Celsius outside. Nothing here was measured.
"""

from typing import Final, NamedTuple

from fsw.kernel.clock import Micros

UDEGC: Final = 10_000
"""Micro-kelvin in 1/100 degree Celsius."""
STEP_US: Final = 60_000_000
"""Longest step of the integration: a small part of any time constant that a profile may have."""


class Node(NamedTuple):
    """Heat capacity and conductance to the deck: their quotient is the time constant, an hour or so."""

    capacity_mj_k: int
    conductance_uw_k: int


class ThermalNode:
    """SIMULATED board temperature; `update` brings it to `now` with what it has drawn since."""

    __slots__ = ("_at_us", "_node", "_temperature_uk")

    def __init__(self, node: Node, cdegc: int, now: Micros) -> None:
        assert node.capacity_mj_k > 0, "a body has a heat capacity"
        assert node.conductance_uw_k * STEP_US < node.capacity_mj_k * 1_000_000_000, "a step is short against the decay"
        self._node = node
        self._temperature_uk = cdegc * UDEGC
        self._at_us = now

    @property
    def cdegc(self) -> int:
        """The temperature, 1/100 degree Celsius."""
        return self._temperature_uk // UDEGC

    def update(self, heat_mw: int, deck_cdegc: int, now: Micros) -> None:
        """Go on to `now` with this heat and this deck since the last call."""
        capacity_mj_k, conductance_uw_k = self._node
        while (step_us := min(now - self._at_us, STEP_US)) > 0:
            lost_uw = conductance_uw_k * (self._temperature_uk - deck_cdegc * UDEGC) // 1_000_000
            # uW times us is pJ; over mJ/K that is 10^-9 K: a thousandth of the unit.
            self._temperature_uk += (heat_mw * 1000 - lost_uw) * step_us // (capacity_mj_k * 1000)
            self._at_us = Micros(self._at_us + step_us)
