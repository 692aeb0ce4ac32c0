"""The thermostat against the facts' numbers: on below -10 degrees, off above 0; and the day's energy."""

import pytest

from fsw.kernel.clock import Micros
from hil.lander.heater import DAY_US, HeaterControl
from hil.lander.lander_profile import Heater

HEATER = Heater(thermostat=True, on_below_cdegc=-1_000, off_above_cdegc=0, budget_j=0)


@pytest.mark.proves("K-LANDER-004")
@pytest.mark.parametrize(
    ("cdegc", "on", "wanted"),
    [(-1_001, False, True), (-1_000, False, None), (-1_001, True, None), (0, True, None), (1, True, False)],
)
def test_between_the_two_temperatures_it_stays_as_it_is(cdegc: int, on: bool, wanted: bool | None) -> None:
    assert HeaterControl(HEATER, Micros(0)).look(cdegc, on) is wanted


def test_by_order_the_thermostat_rests() -> None:
    control = HeaterControl(HEATER._replace(thermostat=False), Micros(0))
    assert control.mode == "order"
    assert control.look(-9_000, False) is None
    assert control.look(9_000, True) is None


@pytest.mark.parametrize(
    ("mode", "switched", "flows"),
    [
        ("order", True, True),
        ("order", False, False),
        ("stuck_on", False, True),
        ("stuck_on", True, True),
        ("stuck_off", True, False),
    ],
)
def test_a_stuck_switch_does_what_it_wants(mode: str, switched: bool, flows: bool) -> None:
    control = HeaterControl(HEATER, Micros(0))
    control.mode = mode
    assert control.flows(switched) is flows


@pytest.mark.proves("K-LANDER-004")
def test_the_days_energy_ends_and_comes_again() -> None:
    control = HeaterControl(HEATER._replace(budget_j=20), Micros(0))
    control.take(10_000, Micros(1_000_000))
    assert control.look(-5_000, True) is None
    control.take(10_000, Micros(2_000_000))
    assert (control.spent, control.spent_mj) == (True, 20_000)
    assert control.look(-5_000, True) is False
    control.take(0, Micros(3_000_000))
    assert control.look(-5_000, False) is None, "cold, and nothing left"
    control.take(0, Micros(DAY_US))
    assert control.look(-5_000, False) is True
    assert control.spent_mj == 0
