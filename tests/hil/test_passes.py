"""When the ground is in sight: against a plain list of intervals, written out and merged by the test."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander_profile import Orbit, Pass
from hil.lander.passes import Passes

MIN = 60_000_000
ORBIT = Orbit(from_us=0, until_us=10**15, period_us=118 * MIN, visible_us=72 * MIN)


def at(minutes: float) -> Micros:
    return Micros(int(minutes * MIN))


@pytest.mark.proves("K-LANDER-006")
def test_a_hundred_kilometres_above_the_moon_46_of_118_minutes_are_hidden() -> None:
    passes = Passes((), (ORBIT,), Micros(0))
    assert [passes.open(at(t)) for t in (0, 71.9, 72, 117.9, 118, 189.9, 190)] == [
        True,
        True,
        False,
        False,
        True,
        True,
        False,
    ]
    assert passes.next_change(at(80)) == at(118)
    assert passes.current_or_next(at(80)) == Pass(at(118), at(190))
    far = 1_000 * 118
    assert passes.current_or_next(at(far + 10)) == Pass(at(far), at(far + 72))


def test_contacts_count_from_the_landers_start() -> None:
    passes = Passes((Pass(at(1), at(2)),), (), at(100))
    assert passes.current_or_next(at(100)) == Pass(at(101), at(102))
    assert passes.current_or_next(at(102)) is None
    assert passes.next_change(at(102)) == NEVER
    assert not passes.open(at(102))


def test_an_orbit_ends_with_its_stretch() -> None:
    passes = Passes((), (ORBIT._replace(until_us=at(150)),), Micros(0))
    assert passes.current_or_next(at(80)) == Pass(at(118), at(150))
    assert passes.current_or_next(at(150)) is None


def test_contacts_that_touch_are_one() -> None:
    passes = Passes((Pass(at(70), at(80)), Pass(at(100), at(120))), (ORBIT,), Micros(0))
    assert passes.current_or_next(at(0)) == Pass(0, at(80))
    assert passes.current_or_next(at(90)) == Pass(at(100), at(190))


def test_without_a_list_contact_never_ends_but_for_a_blackout() -> None:
    passes = Passes((), (), Micros(0))
    assert passes.open(at(10**6))
    assert passes.next_change(at(5)) == NEVER
    assert passes.current_or_next(at(5)) == Pass(0, Passes.ALWAYS_US)
    passes.black_out(at(10), at(20))
    passes.black_out(at(20), at(30))
    assert passes.next_change(at(5)) == at(10)
    assert [passes.open(at(t)) for t in (9, 10, 19, 25, 30)] == [True, False, False, False, True]
    passes.add(at(12), at(15))
    assert not passes.open(at(13)), "out is out"


@pytest.mark.proves("K-LANDER-007")
def test_in_transit_contact_comes_by_session_and_the_beacon_in_between() -> None:
    passes = Passes((), (), Micros(0))
    passes.transit = True
    assert not passes.open(at(1))
    assert passes.beacon_only(at(1))
    assert passes.current_or_next(at(1)) is None
    passes.add(at(10), at(20))
    assert passes.next_change(at(1)) == at(10)
    assert passes.open(at(10))
    assert not passes.beacon_only(at(10))
    passes.black_out(at(15), at(40))
    assert not passes.open(at(16))
    assert not passes.beacon_only(at(16)), "nothing gets through a blackout"
    assert passes.beacon_only(at(40))
    passes.transit = False
    assert passes.open(at(41))
    assert not passes.beacon_only(at(41))


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=5)


@given(extra=spans, out=spans, orbit=st.tuples(st.integers(1, 20), st.integers(1, 20)) | st.none())
@settings(deadline=None, max_examples=200)
def test_every_minute_is_what_the_intervals_say(
    extra: list[tuple[int, int]], out: list[tuple[int, int]], orbit: tuple[int, int] | None
) -> None:
    """A session is open in any contact and in no outage; the changes told are the changes seen."""
    orbits = () if orbit is None else (Orbit(0, at(80), at(orbit[0] + orbit[1]), at(orbit[0])),)
    passes = Passes((Pass(at(500), at(501)),), orbits, Micros(0))
    for begin, length in extra:
        passes.add(at(begin), at(begin + length))
    for begin, length in out:
        passes.black_out(at(begin), at(begin + length))

    def expected(minute: int) -> bool:
        if any(begin <= minute < begin + length for begin, length in out):
            return False
        if orbit is not None and minute < 80 and minute % (orbit[0] + orbit[1]) < orbit[0]:
            return True
        return any(begin <= minute < begin + length for begin, length in extra)

    seen = [passes.open(at(minute)) for minute in range(120)]
    assert seen == [expected(minute) for minute in range(120)]
    now, told = 0, []
    while (change := passes.next_change(Micros(now))) < at(119):
        assert change > now
        told.append(change // MIN)
        now = change
    flips = [m for m in range(1, 119) if seen[m] != seen[m - 1]]
    # Two contacts with an outage of no length between them may be told as a change that is none.
    assert set(flips) <= set(told)
