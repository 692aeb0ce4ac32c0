"""The fuse against the facts' numbers: more than 1.5 times the limit for 50 ms, more than 3 times at once, 3 trips."""

import pytest

from fsw.kernel.clock import NEVER, Micros
from hil.lander.breaker import Breaker, Latch, Trips

TRIPS = Trips(over_permille=1500, over_us=50_000, short_permille=3000, inrush_ma=2000, inrush_us=10_000, lock_out=3)
LIMIT_MA = 200
LATER = Micros(1_000_000)


def breaker() -> Breaker:
    return Breaker(TRIPS, Micros(0))


@pytest.mark.proves("K-LANDER-002")
@pytest.mark.parametrize(("ma", "due"), [(200, NEVER), (300, NEVER), (301, LATER + 50_000), (600, LATER + 50_000)])
def test_up_to_the_factor_nothing_happens_and_above_it_time_runs(ma: int, due: int) -> None:
    one = breaker()
    assert not one.look(ma, LIMIT_MA, LATER)
    assert one.next_due() == due


@pytest.mark.proves("K-LANDER-002")
def test_too_much_for_50_ms_trips_and_less_long_does_not() -> None:
    one = breaker()
    assert not one.look(320, LIMIT_MA, LATER)
    assert not one.look(330, LIMIT_MA, Micros(LATER + 49_999))
    assert not one.look(100, LIMIT_MA, Micros(LATER + 49_999))
    assert one.next_due() == NEVER
    assert not one.look(320, LIMIT_MA, Micros(LATER + 60_000))
    assert one.look(320, LIMIT_MA, Micros(LATER + 110_000))
    assert (one.latch, one.trips) == (Latch.TRIPPED, 1)


@pytest.mark.proves("K-LANDER-002")
def test_a_short_trips_at_once() -> None:
    one = breaker()
    assert one.look(601, LIMIT_MA, LATER)
    assert one.latch is Latch.TRIPPED


@pytest.mark.proves("K-LANDER-002")
def test_the_inrush_is_let_pass_for_its_time_and_height() -> None:
    one = breaker()
    assert not one.look(2000, LIMIT_MA, Micros(0))
    assert one.next_due() == 10_000, "should it last, it is looked at again"
    assert not one.look(2000, LIMIT_MA, Micros(9_999))
    assert one.look(2000, LIMIT_MA, Micros(10_000))
    assert breaker().look(2001, LIMIT_MA, Micros(0)), "higher than what is let pass"
    quiet = breaker()
    assert not quiet.look(100, LIMIT_MA, Micros(0))
    assert quiet.next_due() == NEVER


@pytest.mark.proves("K-LANDER-002")
def test_three_trips_lock_out_for_good() -> None:
    one = breaker()
    for trips in (1, 2):
        assert one.look(1_000, LIMIT_MA, LATER)
        assert (one.latch, one.trips) == (Latch.TRIPPED, trips)
        assert one.reset()
        assert one.reset(), "a second reset changes nothing"
        one.power_on(Micros(0))
    assert one.look(3_000, LIMIT_MA, LATER)
    assert not one.reset()
    assert one.latch is Latch.LOCKED_OUT
    assert int(one.latch) == 2
