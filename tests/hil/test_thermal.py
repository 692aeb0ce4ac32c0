"""SIMULATED board temperature against the equation that it integrates, solved by hand."""

import math

import pytest

from fsw.kernel.clock import Micros
from hil.lander.thermal import Node, ThermalNode

NODE = Node(capacity_mj_k=450_000, conductance_uw_k=100_000)
"""450 J/K and 0.1 W/K: a time constant of 4500 s."""
SECOND = 1_000_000


def after(seconds: int, heat_mw: int, deck: int, start: int, step_s: int = 1) -> int:
    node = ThermalNode(NODE, start, Micros(0))
    for second in range(step_s, seconds + 1, step_s):
        node.update(heat_mw, deck, Micros(second * SECOND))
    return node.cdegc


@pytest.mark.proves("K-LANDER-003")
def test_a_watt_warms_a_board_by_ten_degrees_above_its_deck() -> None:
    assert abs(after(50_000, 1_000, 2_000, 2_000, 10) - 3_000) <= 1


@pytest.mark.proves("K-LANDER-003")
def test_the_way_there_is_an_exponential() -> None:
    expected = 2_000 + 1_000 * (1 - math.exp(-1))
    assert abs(after(4_500, 1_000, 2_000, 2_000) - expected) <= 2


def test_a_cold_deck_cools_a_board_without_power() -> None:
    expected = -10_000 + 12_000 * math.exp(-1_800 / 4_500)
    assert abs(after(1_800, 0, -10_000, 2_000) - expected) <= 3


def test_a_long_silence_is_integrated_in_steps_that_hold() -> None:
    node = ThermalNode(NODE, 2_000, Micros(0))
    node.update(0, -15_000, Micros(14 * 86_400 * SECOND))
    assert abs(node.cdegc + 15_000) <= 1


def test_nothing_passes_while_no_time_does() -> None:
    node = ThermalNode(NODE, 2_000, Micros(5))
    node.update(10**6, 0, Micros(5))
    assert node.cdegc == 2_000
