"""The manual clock moves when told to, and never back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, ManualClock, Micros

STEPS = st.lists(st.integers(0, 10**12), max_size=20)


@given(st.integers(0, 10**15), STEPS)
def test_time_is_the_sum_of_the_steps(start: int, steps: list[int]) -> None:
    clock = ManualClock(start)
    for us in steps:
        clock.advance(us)
    assert clock.now() == start + sum(steps)
    assert clock.stopwatch_ns() == (start + sum(steps)) * 1000


def test_advance_to_reaches_the_time_given() -> None:
    clock = ManualClock()
    clock.advance_to(Micros(12_345))
    clock.advance_to(Micros(12_345))
    assert clock.now() == 12_345


@pytest.mark.parametrize("back", [-1, -(10**9)])
def test_a_clock_does_not_go_back(back: int) -> None:
    clock = ManualClock(10**10)
    with pytest.raises(AssertionError):
        clock.advance(back)
    with pytest.raises(AssertionError):
        clock.advance_to(Micros(10**10 + back))
    with pytest.raises(AssertionError):
        ManualClock(back)


def test_never_is_later_than_a_thousand_years() -> None:
    assert NEVER > 1000 * 366 * 86_400 * 10**6
