"""TAI by the tone: within the reading jitter on a drifting clock, flywheel without tones, steps told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from fsw.pus.ids import TimeStatus
from fsw.services.timebase import AGREE, SLEW_PPM, Paired, Timebase

TAI_US = 2_145_916_837_000_000
SECOND_US = 1_000_000
TICK_US = 10_000


def locked(at_us: int = 0, tai_us: int = TAI_US) -> Timebase:
    time = Timebase(SECOND_US)
    time.announce(tai_us, 2, Micros(at_us))
    assert time.tone(Micros(at_us)) is Paired.FIRST
    return time


def test_before_any_tone_the_stamp_is_the_time_since_boot() -> None:
    time = Timebase(SECOND_US)
    assert time.status is TimeStatus.NEVER_SET
    assert time.tai_us(Micros(5)) is None
    assert time.stamp(Micros(3_500_000)) == bytes.fromhex("1e 00000003 8000")


def test_the_tone_sets_the_time() -> None:
    time = locked(2_000_000)
    assert time.status is TimeStatus.LOCKED
    assert time.tai_us(Micros(2_250_000)) == TAI_US + 250_000
    assert time.stamp(Micros(2_500_000)) == b"\x1e" + (TAI_US // SECOND_US).to_bytes(4, "big") + b"\x80\0"


def test_at_either_end_of_the_code_the_stamp_stands_still() -> None:
    end_us = 2**32 * SECOND_US - 20
    assert locked(0, end_us).stamp(Micros(1_000)) == bytes.fromhex("1e ffffffff ffff")
    assert locked(5_000_000, 0).stamp(Micros(1_000)) == bytes.fromhex("1e 00000000 0000")


@given(st.lists(st.integers(0, TICK_US), min_size=2, max_size=60), st.integers(-40, 40))
def test_samples_late_by_a_tick_and_a_drifting_crystal_keep_within_a_tick(lateness: list[int], drift_ppm: int) -> None:
    time = Timebase(SECOND_US)
    for n, late_us in enumerate(lateness):
        true_us = n * SECOND_US
        ours_us = true_us + true_us * drift_ppm // SECOND_US + late_us
        time.announce(TAI_US + true_us, 2, Micros(max(0, ours_us - 300_000)))
        assert time.tone(Micros(ours_us)) in (Paired.FIRST, Paired.USED)
        error_us = (time.tai_us(Micros(ours_us - late_us)) or 0) - (TAI_US + true_us)
        # Late readings make our time late, never by more than a tick; the drift of one interval may add to it.
        assert -TICK_US - 200 <= error_us <= 200
    assert time.steps == 0


def settled() -> Timebase:
    """A time base that has followed the lander for three seconds, to second 0."""
    time = locked(-2 * SECOND_US, TAI_US - 2 * SECOND_US)
    for n in (-1, 0):
        assert sample(time, n * SECOND_US, TAI_US + n * SECOND_US) is Paired.USED
    return time


def sample(time: Timebase, at_us: int, tai_us: int) -> Paired:
    time.announce(tai_us, 2, Micros(at_us - 200_000))
    return time.tone(Micros(at_us))


def test_a_late_sample_does_not_replace_an_early_one() -> None:
    time = locked(0)
    time.announce(TAI_US + SECOND_US, 2, Micros(900_000))
    time.tone(Micros(SECOND_US + 9_000))
    # 50 ppm of one second is all that the old sample loses.
    assert time.tai_us(Micros(2 * SECOND_US)) == TAI_US + 2 * SECOND_US - 50


@pytest.mark.proves("K-TIME-001")
@given(st.lists(st.integers(-50_000, 50_000), min_size=2, max_size=40))
def test_time_follows_without_a_jump_and_never_goes_back(offsets: list[int]) -> None:
    time = locked(0)
    seen_at_us, seen_us = 0, TAI_US
    target_us = 0
    for n, off_us in enumerate(offsets, 1):
        target_us = max(-20_000, min(20_000, off_us))
        sample(time, n * SECOND_US, TAI_US + n * SECOND_US + target_us)
        for at_us in range(n * SECOND_US, (n + 1) * SECOND_US, 100_000):
            tai_us = time.tai_us(Micros(at_us))
            assert tai_us is not None
            passed_us = at_us - seen_at_us
            assert abs(tai_us - seen_us - passed_us) <= passed_us * SLEW_PPM // 1_000_000 + 2
            seen_at_us, seen_us = at_us, tai_us
    assert time.steps == 0


@pytest.mark.proves("K-TIME-002")
@pytest.mark.parametrize(("moved_us", "steps"), [(50_000, 0), (50_001, 1), (-50_001, 1), (-50_000, 0)])
def test_a_jump_needs_samples_that_agree(moved_us: int, steps: int) -> None:
    time = settled()
    for n in range(1, AGREE + 1):
        assert time.steps == 0
        before = time.tai_us(Micros(n * SECOND_US - 1))
        came = sample(time, n * SECOND_US, TAI_US + n * SECOND_US + moved_us)
        if not steps:
            assert came is Paired.USED
        elif n < AGREE:
            assert came is Paired.DISAGREES
            assert time.tai_us(Micros(n * SECOND_US)) == (before or 0) + 1
            assert time.ahead_us == moved_us
    assert time.steps == steps
    if steps:
        assert time.tai_us(Micros(AGREE * SECOND_US)) == TAI_US + AGREE * SECOND_US + moved_us


@pytest.mark.proves("K-TIME-002")
def test_samples_that_do_not_agree_with_one_another_move_nothing_and_end_in_flywheel() -> None:
    time = settled()
    for n in range(1, 9):
        jump_us = (1 + n % 2) * 1_000_000
        assert sample(time, n * SECOND_US, TAI_US + n * SECOND_US + jump_us) is Paired.DISAGREES
        assert not time.age(Micros(n * SECOND_US))
    assert time.age(Micros(10 * SECOND_US + 1))
    assert (time.steps, time.disagreed, time.status) == (0, 8, TimeStatus.FLYWHEEL)
    assert time.tai_us(Micros(12 * SECOND_US)) == TAI_US + 12 * SECOND_US
    assert time.error_us(Micros(12 * SECOND_US)) == 10_000 + 12 * 50


@pytest.mark.proves("K-TIME-002")
@pytest.mark.parametrize("used", [1, 2, 3, 8])
def test_as_many_as_speak_for_a_time_are_enough_against_it(used: int) -> None:
    time = locked(0)
    for n in range(1, used):
        assert sample(time, n * SECOND_US, TAI_US + n * SECOND_US) is Paired.USED
    came = [sample(time, n * SECOND_US, TAI_US + (n + 60) * SECOND_US) for n in range(used, used + 3)]
    needed = min(used, AGREE)
    assert came == [Paired.DISAGREES] * (needed - 1) + [Paired.STEPPED] + [Paired.USED] * (3 - needed)


def test_what_spoke_for_a_time_long_ago_does_not_any_more() -> None:
    time = settled()
    assert sample(time, 30 * SECOND_US, TAI_US + 90 * SECOND_US) is Paired.STEPPED


def test_one_good_sample_among_two_bad_ones_ends_the_doubt() -> None:
    time = settled()
    for n, jump_us in enumerate((900_000, 900_000, 0, 900_000, 900_000), 1):
        came = sample(time, n * SECOND_US, TAI_US + n * SECOND_US + jump_us)
        assert came is (Paired.DISAGREES if jump_us else Paired.USED)
    assert time.steps == 0


@pytest.mark.proves("K-TIME-003")
@pytest.mark.parametrize("ppm", [-1000, -50, 0, 50, 1000])
def test_the_drift_of_a_crystal_is_followed_and_told(ppm: int) -> None:
    time = locked(0)
    for n in range(1, 400):
        at_us = n * SECOND_US + n * ppm
        assert sample(time, at_us, TAI_US + n * SECOND_US) is Paired.USED
        error_us = (time.tai_us(Micros(at_us)) or 0) - TAI_US - n * SECOND_US
        assert abs(error_us) <= 8_000
    told = time.drift_ppb()
    assert told is not None
    assert abs(told + ppm * 1000) < 30_000 + abs(ppm)


def test_nothing_is_told_of_a_drift_that_was_not_watched_for_long() -> None:
    time = locked(0)
    for n in range(1, 60):
        sample(time, n * SECOND_US, TAI_US + n * SECOND_US)
        assert time.drift_ppb() is None
    sample(time, 60 * SECOND_US, TAI_US + 60 * SECOND_US)
    assert time.drift_ppb() == 0


@pytest.mark.proves("K-TIME-004")
@pytest.mark.parametrize("bit", [0, 7, 31, 60])
def test_a_flipped_bit_of_the_offset_is_mended(bit: int) -> None:
    time = locked(2_000_000)
    good = time.tai_us(Micros(5_000_000))
    assert not time.mend()
    time.offset_us ^= 1 << bit
    assert time.mend()
    assert time.tai_us(Micros(5_000_000)) == good
    assert not time.mend()


@pytest.mark.proves("K-LND-001")
def test_a_message_whose_tone_does_not_come_is_discarded() -> None:
    time = Timebase(SECOND_US)
    time.announce(TAI_US, 2, Micros(0))
    assert time.tone(Micros(SECOND_US + 1)) is Paired.NOTHING
    assert (time.discarded, time.status) == (1, TimeStatus.NEVER_SET)
    time.announce(TAI_US, 2, Micros(2 * SECOND_US))
    assert not time.age(Micros(3 * SECOND_US))
    assert not time.age(Micros(3 * SECOND_US + 1))
    assert time.discarded == 2
    assert time.tone(Micros(3 * SECOND_US + 2)) is Paired.NOTHING
    assert time.discarded == 2


def test_a_second_message_discards_the_first_and_an_invalid_one_counts() -> None:
    time = Timebase(SECOND_US)
    time.announce(TAI_US, 2, Micros(0))
    time.announce(TAI_US + 7 * SECOND_US, 1, Micros(1))
    assert time.discarded == 1
    assert time.tone(Micros(10)) is Paired.FIRST
    assert time.tai_us(Micros(10)) == TAI_US + 7 * SECOND_US
    time.announce(0, 0, Micros(20))
    assert time.discarded == 2
    assert time.tone(Micros(30)) is Paired.NOTHING


def test_ten_intervals_without_a_tone_are_flywheel_and_told_once() -> None:
    time = locked(0)
    assert not time.age(Micros(10 * SECOND_US))
    assert time.age(Micros(10 * SECOND_US + 1))
    assert not time.age(Micros(11 * SECOND_US))
    assert time.status is TimeStatus.FLYWHEEL
    assert time.tai_us(Micros(20 * SECOND_US)) == TAI_US + 20 * SECOND_US
    time.announce(TAI_US + 20 * SECOND_US, 2, Micros(19 * SECOND_US + 500_000))
    assert time.tone(Micros(20 * SECOND_US)) is Paired.USED
    assert TimeStatus(time.status) is TimeStatus.LOCKED
