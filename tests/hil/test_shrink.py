"""The search for the shortest failing schedule, against plain predicates: sets of faults, thresholds, chance."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.campaign.shrink import Schedule, Shrinking, Shrunk
from hil.written.fault import make, parse_compact

pytestmark = pytest.mark.proves("K-CAMPAIGN-002")
S = 1_000_000


def played(
    schedule: Schedule, fails: Callable[[Schedule], bool], runs_max: int = 10_000
) -> tuple[Shrunk, list[Schedule]]:
    """The search, answered by a predicate; and everything that it asked."""
    search = Shrinking(schedule, runs_max).search()
    asked = [next(search)]
    try:
        while True:
            asked.append(search.send(fails(asked[-1])))
    except StopIteration as end:
        return end.value, asked


def kinds(schedule: Schedule) -> set[int]:
    """Which of the faults of `many` are there; the place is written in a value that softening cannot change."""
    return {parse_compact(text).values["octets"] for text in schedule}


def many(places: set[int]) -> Schedule:
    return tuple(f"boot_text@{place}s:octets={place + 1}" for place in sorted(places))


PLACES = st.sets(st.integers(1, 400), min_size=1, max_size=40)


@given(PLACES, st.data())
def test_of_faults_that_fail_together_those_and_no_other_are_left(places: set[int], data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.sampled_from(sorted(places))))
    want = {place + 1 for place in needed}
    shrunk, _ = played(many(places), lambda schedule: want <= kinds(schedule))
    assert kinds(shrunk.schedule) == want
    assert shrunk.whole
    assert shrunk.again


@given(PLACES, st.integers(0, 255), st.binary(max_size=4))
def test_whatever_fails_no_single_fault_of_the_answer_can_go(places: set[int], hard: int, salt: bytes) -> None:
    def fails(schedule: Schedule) -> bool:
        chance = sha256(salt + ";".join(schedule).encode()).digest()[0]
        return schedule == whole or chance > hard

    whole = many(places)
    shrunk, asked = played(whole, fails)
    assert fails(shrunk.schedule)
    assert shrunk.whole
    assert not any(fails(shrunk.schedule[:n] + shrunk.schedule[n + 1 :]) for n in range(len(shrunk.schedule)))
    assert len(asked) == len(set(asked)) == shrunk.runs
    assert played(whole, fails) == (shrunk, asked), "the same answers lead to the same schedule"


@given(PLACES, st.integers(1, 30), st.integers(0, 255))
def test_it_asks_no_more_than_it_may_and_its_answer_fails(places: set[int], runs_max: int, hard: int) -> None:
    whole = many(places)

    def fails(schedule: Schedule) -> bool:
        return schedule == whole or sha256(";".join(schedule).encode()).digest()[0] > hard

    shrunk, asked = played(whole, fails, runs_max)
    assert len(asked) == shrunk.runs <= runs_max
    assert fails(shrunk.schedule)


@given(st.integers(1_000, 3_600_000), st.integers(1, 3_600_000))
def test_durations_shrink_to_what_is_needed_and_an_eighth(needed_ms: int, more_ms: int) -> None:
    """To an eighth, or to the step in which such durations are tried."""
    begin = f"silence@7s+{needed_ms + more_ms}ms"

    def fails(schedule: Schedule) -> bool:
        return any(parse_compact(text).for_us >= needed_ms * 1000 for text in schedule)

    shrunk, asked = played((begin,), fails)
    left = parse_compact(shrunk.schedule[0]).for_us
    assert needed_ms * 1000 <= left <= needed_ms * 1000 * 1.15 + 1000
    assert len(asked) < 60


def test_no_fault_is_made_shorter_than_a_storm_would_draw_it() -> None:
    """Shorter, it may be over before it has done anything."""
    shrunk, _ = played(("power_cut@7s+20s", "disk_slow@9s+300ms"), lambda schedule: len(schedule) == 2)
    assert [parse_compact(text).for_us for text in shrunk.schedule] == [2 * S, 300_000]


@given(st.integers(1, 1_000_000), st.integers(1, 1_000_000))
def test_values_go_towards_the_mildest_of_their_kind(needed: int, given_: int) -> None:
    needed, given_ = sorted((needed, given_))

    def fails(schedule: Schedule) -> bool:
        return any(parse_compact(text).values["ber_e9"] >= needed for text in schedule)

    shrunk, _ = played((f"bit_errors@90500ms+1us:direction=down,ber_e9={given_}",), fails)
    left = parse_compact(shrunk.schedule[0])
    assert needed <= left.values["ber_e9"] <= needed * 1.15 + 1
    assert left.name("direction") == "both", "the mildest of names is the usual one"
    assert left.at_us == 60 * S, "a rounder time is easier to read"


def test_a_value_below_its_mildest_comes_up_to_it() -> None:
    begin = "cold_start@5s+10s:cdegc=-9000"
    shrunk, _ = played((begin,), lambda schedule: any(parse_compact(one).values["cdegc"] <= -4000 for one in schedule))
    assert -5000 <= parse_compact(shrunk.schedule[0]).values["cdegc"] <= -4000


def test_what_fails_without_a_fault_costs_two_runs() -> None:
    assert played(many({1, 2, 3}), lambda _: True) == (Shrunk((), 2, whole=True, again=True), [many({1, 2, 3}), ()])


def test_what_does_not_fail_again_is_said_and_not_searched() -> None:
    whole = many({1, 2})
    assert played(whole, lambda _: False) == (Shrunk(whole, 1, whole=False, again=False), [whole])


def test_every_schedule_asked_for_is_one_that_the_bench_takes() -> None:
    whole = tuple(
        f"{kind}@90500ms"
        for kind in ("brown_out", "over_current", "starve", "time_step", "night", "clock_drift", "spoof")
    )
    _, asked = played(whole, lambda schedule: len(schedule) >= 4)
    for schedule in asked:
        for text in schedule:
            one = parse_compact(text)
            assert make(one.kind, one.at_us, one.for_us).kind == one.kind
