"""The paced line: never faster than its baud, exact over time, in order, whole units or none."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, Micros
from hil.line.line import Drained, Paced, line_us

bauds = st.sampled_from([300, 9_600, 115_200, 921_600, 3_000_000])
looks = st.lists(st.integers(1, 20_000), min_size=1, max_size=60)


def carried(us: int, baud: int) -> Fraction:
    """Octets in so many microseconds of 8N1, by the definition of a baud."""
    return Fraction(us * baud, 10_000_000)


@pytest.mark.proves("K-LND-005")
@given(bauds, st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=10), looks)
def test_octets_come_in_order_and_never_early(baud: int, units: list[bytes], gaps: list[int]) -> None:
    line = Paced(baud)
    for unit in units:
        assert line.put(unit, Micros(0))
    out, now = b"", 0
    for gap in gaps:
        now += gap
        out += line.take(Micros(now))
        assert len(out) == min(int(carried(now, baud)), sum(map(len, units)))
    assert b"".join(units).startswith(out)
    assert len(line) == sum(map(len, units)) - len(out)


@given(bauds, st.lists(st.tuples(st.integers(0, 50_000), st.integers(1, 200)), min_size=1, max_size=8), looks)
def test_a_unit_starts_at_its_time_or_when_the_line_is_free(
    baud: int, planned: list[tuple[int, int]], gaps: list[int]
) -> None:
    line = Paced(baud)
    start, free, ends = 0, Fraction(0), []
    for gap, octets in planned:
        start += gap
        line.put(bytes(octets), Micros(start))
        begin = max(Fraction(start), free)
        free = begin + Fraction(octets * 10_000_000, baud)
        ends.append((begin, octets))
    assert abs(line.free_us() - free) <= len(planned), "rounded up once a pause at most"
    now, got = 0, 0
    for gap in gaps:
        now += gap
        got += len(line.take(Micros(now)))
        sent = sum(min(octets, max(0, int(carried(int(now - begin), baud)))) for begin, octets in ends if now > begin)
        assert abs(got - sent) <= len(planned)
    assert line.take(Micros(now + 10**9)) is not None
    assert len(line) == 0
    assert line.next_due() == NEVER


@pytest.mark.proves("K-LND-005")
def test_saturated_for_an_hour_there_is_no_drift() -> None:
    line = Paced(115_200, 1 << 30)
    now, out = 0, 0
    for _ in range(3600):
        while len(line) < 20_000:
            line.put(bytes(997), Micros(now))
        now += 1_000_003
        out += len(line.take(Micros(now)))
    assert out == int(carried(now, 115_200))


@pytest.mark.proves("K-LND-005")
def test_a_unit_without_room_is_lost_whole_and_counted() -> None:
    line = Paced(9_600, 100)
    assert line.put(bytes(60), Micros(0))
    assert not line.put(bytes(41), Micros(0))
    assert line.overruns == 41
    assert len(line.take(Micros(10**9))) == 60


def test_next_due_is_the_first_octet() -> None:
    line = Paced(9_600)
    line.put(b"ab", Micros(5_000))
    due = line.next_due()
    assert line.take(Micros(due - 1)) == b""
    assert line.take(due) == b"a"


def test_line_us_rounds_up() -> None:
    assert line_us(1, 9_600) == 1042
    assert line_us(96, 9_600) == 100_000


@pytest.mark.proves("K-LND-005")
@given(bauds, st.lists(st.tuples(st.integers(1, 5_000), st.integers(0, 5_000)), min_size=1, max_size=80))
def test_a_sender_is_never_taken_faster_than_the_line(baud: int, turns: list[tuple[int, int]]) -> None:
    line = Drained(baud)
    now, waiting, taken = 0, 0, 0
    history = [(0, 0)]
    for gap, sent in turns:
        now += gap
        waiting += sent
        granted = line.grant(Micros(now))
        octets = min(granted, waiting)
        line.used(octets, granted)
        waiting -= octets
        taken += octets
        history.append((now, taken))
        for then, before in history[-6:]:
            # One look of credit over the pause before, or one octet where a look is shorter than that, or the stall.
            slack = max(carried(Drained.STALL_US, baud), Fraction(1))
            assert taken - before <= carried(now - then, baud) + slack
    assert line.octets_in == taken


def test_silence_saves_up_one_look_only() -> None:
    line = Drained(115_200)
    assert line.grant(Micros(60_000_000)) == int(carried(1000, 115_200))


def test_a_busy_sender_is_taken_exactly_at_the_baud() -> None:
    line = Drained(921_600)
    start = line.grant(Micros(1_000))
    line.used(start, start)
    taken, now = 0, 1_000
    for gap in [1_000, 3_000, 700, 20_000, 1] * 1000:
        now += gap
        granted = line.grant(Micros(now))
        line.used(granted, granted)
        taken += granted
    assert abs(taken - carried(now - 1_000, 921_600)) <= 1, "late looks cost nothing"
