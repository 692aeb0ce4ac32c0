"""SIMULATED draw and its meter: figures worked out by hand from the ratings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, Micros
from hil.lander.electrical import Activity, ElectricalModel, Meter, Ratings

BOARD = Ratings(
    boot_mw=1000,
    boot_us=10_000_000,
    idle_mw=800,
    send_mw=50,
    efficiency_permille=850,
    inrush_ma=2000,
    inrush_us=5_000,
    heater_mw=9_800,
    heater_mv=28_000,
    loads_mw=(250,),
)
MODEL = ElectricalModel(BOARD)


@pytest.mark.proves("K-LANDER-003")
@pytest.mark.parametrize(
    ("activity", "power_mw", "at_28_v_ma"),
    [
        (Activity(6_000, 0, 0), 1176, 42),  # 1000 mW / 0.85 = 1176.5; an even half goes down to the nearest below
        (Activity(10_000_000, 0, 0), 941, 34),  # 800 / 0.85
        (Activity(10_000_000, 250, 0), 1191, 43),
        (Activity(10_000_000, 0, 1000), 1000, 36),  # 850 / 0.85
        (Activity(10_000_000, 0, 500), 971, 35),  # 825 / 0.85
    ],
)
def test_what_a_board_draws(activity: Activity, power_mw: int, at_28_v_ma: int) -> None:
    assert abs(MODEL.power_mw(activity) - power_mw) <= 1
    assert abs(MODEL.current_ma(activity, 28_000) - at_28_v_ma) <= 1


@pytest.mark.proves("K-LANDER-003")
def test_a_lower_bus_takes_more_current_from_a_converter_and_less_from_a_resistance() -> None:
    idle = Activity(10_000_000, 0, 0)
    assert MODEL.current_ma(idle, 20_000) == 47  # 941 mW / 20 V
    assert MODEL.current_ma(idle, 0) == 0
    assert MODEL.heater_ma(28_000) == 350
    assert MODEL.heater_ma(14_000) == 175
    assert MODEL.heater_ma(0) == 0


def test_what_changes_by_itself() -> None:
    assert MODEL.current_ma(Activity(4_999, 0, 0), 28_000) == 2000
    assert [MODEL.next_change_us(on_us) for on_us in (0, 4_999, 5_000, 9_999_999, 10_000_000)] == [
        5_000,
        5_000,
        10_000_000,
        10_000_000,
        NEVER,
    ]


@pytest.mark.proves("K-LANDER-003")
def test_the_meter_says_average_and_greatest_of_the_last_window() -> None:
    meter = Meter(1_000_000, Micros(0))
    assert meter.read(Micros(0)) == (0, 0)
    meter.flow(2000, Micros(0))
    assert meter.read(Micros(0)) == (2000, 2000), "nothing to average over yet"
    meter.flow(100, Micros(5_000))
    assert meter.read(Micros(10_000)) == (1_050, 2000), "the first window goes on"
    # 5 ms of 2000 mA and 995 ms of 100 mA: 109.5 mA, half goes up.
    assert meter.read(Micros(1_000_000)) == (110, 2000)
    meter.flow(300, Micros(1_500_000))
    assert meter.read(Micros(1_999_999)) == (110, 2000), "the last whole window"
    assert meter.read(Micros(2_000_000)) == (200, 300)
    assert meter.now_ma == 300
    meter.begin(Micros(2_000_000))
    assert meter.read(Micros(2_500_000)) == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 400_000), st.integers(0, 3000)), min_size=1, max_size=20))
def test_no_charge_is_lost_between_windows(steps: list[tuple[int, int]]) -> None:
    meter = Meter(10**9, Micros(0))
    now, charge, ma = 0, 0, 0
    for us, next_ma in steps:
        charge += ma * us
        now += us
        meter.flow(next_ma, Micros(now))
        ma = next_ma
    average, greatest = meter.read(Micros(now))
    assert abs(average - charge / now) <= 0.5
    assert greatest == max(step[1] for step in steps)
