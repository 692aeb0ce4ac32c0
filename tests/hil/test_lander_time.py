"""The lander's clock as a payload sees it: announced time against the tone; jitter, step, drift, loss, lateness."""

from itertools import pairwise

import pytest

from fsw.kernel.clock import ManualClock, Micros
from hil.lander import lander_orders
from hil.lander.lander import TAI_AT_ZERO_US, Lander
from hil.lander.profiles import load
from hil.line.line import Paced
from hil.seed import Dice
from tests.hil.bench import Bench
from tests.hil.by_hand import Heard, Payload, cuc_us


def tell(bench: Bench, **order: object) -> None:
    table = {"do": "time", **order}
    lander_orders.obey(bench.lander, lander_orders.parse(table), bench.clock.now())


def errors(heard: list[Heard]) -> list[int]:
    """Announced time minus the tone's, for every announcement that its tone follows; microseconds."""
    found = []
    announced: Heard | None = None
    for one in heard:
        if one.apid == 0x011:
            announced = one
        elif one.apid == 0x010 and announced is not None:
            found.append(cuc_us(announced.body[:7]) - TAI_AT_ZERO_US - one.start_us)
            announced = None
    return found


def tones(seconds: int, **order: object) -> tuple[Bench, list[int]]:
    bench = Bench()
    tell(bench, **order)
    bench.run(seconds)
    return bench, errors(bench.payload.heard)


OCTET_AND_LOOK_US = 1_000 + 87
"""The test's line is looked at once a millisecond."""


@pytest.mark.proves("K-LANDER-005")
def test_a_step_is_seen_at_the_next_tone() -> None:
    bench, before = tones(3)
    assert all(abs(error) <= OCTET_AND_LOOK_US for error in before)
    tell(bench, step_ms=-3_600_000)
    bench.payload.heard.clear()
    bench.run(3)
    assert all(abs(error + 3_600_000_000) <= OCTET_AND_LOOK_US for error in errors(bench.payload.heard)[1:])


def test_a_time_beyond_the_code_is_the_nearest_that_it_has() -> None:
    bench, _ = tones(2, step_ms=-(10**13))
    assert bench.payload.of(0x011)[-1].body[:7] == bytes.fromhex("1e 00000000 0000")
    tell(bench, step_ms=2 * 10**13 // 2)
    tell(bench, step_ms=10**13)
    bench.run(1.5)
    assert bench.payload.of(0x011)[-1].body[:7] == bytes.fromhex("1e ffffffff ffff")


@pytest.mark.proves("K-LANDER-005")
def test_a_drift_adds_up_and_stays_when_it_ends() -> None:
    bench, grown = tones(20, drift_ppb=1_000_000)
    assert abs(grown[-1] - 19_250) <= OCTET_AND_LOOK_US + 1_000, "a thousandth of the time since"
    tell(bench, drift_ppb=0)
    bench.payload.heard.clear()
    bench.run(5)
    kept = errors(bench.payload.heard)
    assert all(abs(error - 20_000) <= OCTET_AND_LOOK_US for error in kept[1:])


def tones_of(seed: int, jitter_us: int, seconds: int) -> list[int]:
    """The same on exact due times: no look of a millisecond in it."""
    clock = ManualClock()
    profile = load("generic")
    profile = profile._replace(time=profile.time._replace(jitter_us=jitter_us))
    lander = Lander(profile, clock, dice=Dice(seed, "lander"))
    line, payload = Paced(profile.baud), Payload(profile.baud)
    while clock.now() < seconds * 1_000_000:
        due = min(lander.step(clock.now()), lander.fill(line, clock.now()), line.next_due())
        payload.take(line.take(clock.now()), clock.now())
        clock.advance_to(max(due, Micros(clock.now() + 1)))
    return errors(payload.heard)


@pytest.mark.proves("K-LANDER-005")
def test_jitter_has_the_root_mean_square_that_was_asked_for_and_comes_from_the_seed() -> None:
    found = tones_of(1, 1_000, 250)
    assert len(found) >= 248
    square = sum(error * error for error in found) / len(found)
    assert 850 <= square**0.5 <= 1_150
    assert abs(sum(found) / len(found)) <= 200
    assert tones_of(1, 1_000, 20) == found[:20] != tones_of(2, 1_000, 20)
    assert max(abs(error) for error in tones_of(1, 0, 20)) <= 100, "without it the tone is true to an octet"


@pytest.mark.proves("K-LANDER-005")
def test_lost_messages_leave_their_tones() -> None:
    bench, _ = tones(10, loss_permille=1000)
    assert bench.payload.of(0x011) == []
    assert len(bench.payload.of(0x010)) == 10
    assert bench.lander.time.lost in (10, 11), "one more is planned ahead of its tone"
    tell(bench, loss_permille=500)
    bench.payload.heard.clear()
    bench.run(60)
    assert 15 <= len(bench.payload.of(0x011)) <= 45


@pytest.mark.proves("K-LANDER-005")
def test_a_late_message_comes_behind_its_tone() -> None:
    bench, _ = tones(10, late_ms=900)
    assert len(bench.payload.of(0x010)) == 10
    late = bench.payload.of(0x011)
    assert 9 <= len(late) <= 10
    for one in late:
        # It was due 250 ms ahead of its tone and left 900 ms later.
        tone_us = cuc_us(one.body[:7]) - TAI_AT_ZERO_US
        assert 640_000 <= one.start_us - tone_us <= 670_000
    tell(bench, late_ms=60_000)
    bench.run(20)
    bench.lander.cut(0, bench.clock.now())
    bench.run(0.1)
    assert bench.lander.time.take_late(Micros(10**12)) == [], "nobody waits for them any more"


def test_more_late_messages_than_are_kept_are_lost() -> None:
    bench, _ = tones(20, late_ms=60_000)
    assert bench.lander.time.lost == 21 - 16


@pytest.mark.proves("K-LANDER-005")
def test_quality_leap_and_utc_are_what_was_ordered() -> None:
    bench, _ = tones(2, quality="flywheel", leap=1, tai_minus_utc_s=38)
    assert bench.payload.of(0x011)[-1].body[7:] == bytes((38, 1, 1))


@pytest.mark.proves("K-LANDER-005")
@pytest.mark.parametrize("permille", [250, 900])
def test_heartbeats_may_come_early_and_late_and_keep_their_rate(permille: int) -> None:
    bench = Bench()
    lander_orders.obey(
        bench.lander, lander_orders.parse({"do": "heartbeat", "jitter_permille": permille}), bench.clock.now()
    )
    bench.run(100)
    starts = [one.start_us for one in bench.payload.of(0x010)]
    assert 97 <= len(starts) <= 101, "neither early nor late adds up"
    gaps = [(b - a) / 1e6 for a, b in pairwise(starts)]
    assert min(gaps) >= 0.49
    assert max(gaps) <= 1 + 2 * permille / 1000
    assert max(gaps) - min(gaps) > permille / 1000
    pairs = [one for one in bench.payload.heard if one.apid in (0x010, 0x011)]
    assert [one.apid for one in pairs] == ([0x011, 0x010] * 101)[: len(pairs)]
    assert all(abs(error) <= OCTET_AND_LOOK_US for error in errors(bench.payload.heard))
