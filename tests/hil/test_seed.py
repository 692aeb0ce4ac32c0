"""Chance from a seed: the same everywhere, independent of its neighbours, distributed as asked."""

import math
import random
from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.seed import E9, Dice


@pytest.mark.proves("K-FAULT-001")
def test_throws_are_those_of_the_standard_generator_seeded_by_a_hash() -> None:
    plain = random.Random(int.from_bytes(sha256(b"7/line/up").digest(), "big"))
    expected = [10 + (plain.getrandbits(64) * 90 >> 64) for _ in range(20)]
    dice = Dice(7, "line", "up")
    assert [dice.whole(10, 99) for _ in range(20)] == expected


@pytest.mark.proves("K-FAULT-001")
def test_throws_are_pinned() -> None:
    # written down once: another machine, another Python, another hash seed must throw the same
    dice = Dice(42)
    assert [dice.whole(1, 6) for _ in range(12)] == [2, 2, 2, 5, 3, 4, 3, 1, 4, 3, 6, 6]
    assert [dice.gap(1_000_000) for _ in range(6)] == [636, 1890, 157, 311, 1449, 924]
    assert dice.pick(("a", "b", "c")) == "b"


def test_children_know_nothing_of_one_another() -> None:
    parent = Dice("seed")
    first = parent.child("a").whole(0, 2**60)
    parent.whole(0, 9)
    parent.child("b").whole(0, 9)
    assert parent.child("a").whole(0, 2**60) == first
    assert parent.child("b").whole(0, 2**60) != first
    assert parent.child("a", "b").path == ("a", "b")


def test_seed_as_number_and_as_text_are_one() -> None:
    assert Dice(5).whole(0, 2**60) == Dice("5").whole(0, 2**60)


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**12), st.integers())
def test_whole_stays_in_its_range(low: int, span: int, seed: int) -> None:
    dice = Dice(seed)
    assert all(low <= dice.whole(low, low + span) <= low + span for _ in range(5))
    assert all(low <= dice.uniform_us(low, low + span) <= low + span for _ in range(5))


def test_whole_reaches_both_ends_evenly() -> None:
    dice = Dice("even")
    counts = Counter(dice.whole(1, 6) for _ in range(60_000))
    assert set(counts) == {1, 2, 3, 4, 5, 6}
    # chi-square with 5 degrees of freedom: beyond 20.5 once in a thousand
    assert sum((count - 10_000) ** 2 / 10_000 for count in counts.values()) < 20.5


@pytest.mark.parametrize("p_e9", [E9 // 2, E9 // 10, 1_000_000])
def test_gaps_are_geometric(p_e9: int) -> None:
    dice = Dice("gaps", str(p_e9))
    gaps = [dice.gap(p_e9) for _ in range(20_000)]
    p = p_e9 / E9
    mean, sigma = (1 - p) / p, math.sqrt(1 - p) / p
    assert abs(sum(gaps) / len(gaps) - mean) < 4 * sigma / math.sqrt(len(gaps))
    # and not only their mean: the share below each decile of the law
    for tenth in range(1, 10):
        edge = math.ceil(math.log(1 - tenth / 10) / math.log(1 - p))
        share = 1 - (1 - p) ** edge
        found = sum(gap < edge for gap in gaps) / len(gaps)
        assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / len(gaps))


def test_always_has_no_gap_and_never_no_chance() -> None:
    dice = Dice(1)
    assert [dice.gap(E9) for _ in range(5)] == [0] * 5
    assert not any(dice.chance(0) for _ in range(100))
    assert all(dice.chance(E9) for _ in range(100))


def test_smallest_chance_has_the_longest_gaps() -> None:
    dice = Dice("rare")
    gaps = [dice.gap(1) for _ in range(2_000)]
    assert abs(sum(gaps) / len(gaps) / 1e9 - 1) < 4 / math.sqrt(2_000)
    assert max(gaps) < 2**40
