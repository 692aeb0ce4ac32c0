"""What is missing, against a plain set; what is asked for, against stores that are done, busy or silent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import Micros
from tools.ground.gaps import COUNTS, GAPS_MAX, Gaps, Heard
from tools.ground.records import OnboardTime, PacketRecord
from tools.ground.recovery import QUIET_US, SPAN_US_MAX, TRIES_MAX, Recovery, heard, next_span
from tools.ground.tracking import StageChange, State, Word

LIVE, AGAIN = 0, 3
NOON_US = 2_145_916_837_000_000
APID = 0x20


def made(number: int, first: int = 0, vcid: int = LIVE, every_us: int = 1_000_000) -> Heard:
    """The packet of this number of a process whose counts began at `first`."""
    return Heard(vcid, APID, (first + number) % COUNTS, NOON_US + number * every_us)


def missing(gaps: Gaps) -> set[int]:
    return {number for gap in gaps for number in range(gap.first, gap.last + 1)}


@pytest.mark.proves("K-GND-030")
@given(
    lost=st.sets(st.integers(1, 398), max_size=120),
    again=st.lists(st.integers(0, 399), max_size=80),
    first=st.sampled_from([0, 7, COUNTS - 200, COUNTS - 1]),
    every_us=st.sampled_from([0, 3, 1_000_000]),
)
def test_gaps_are_what_a_set_says(lost: set[int], again: list[int], first: int, every_us: int) -> None:
    gaps = Gaps()
    for number in range(400):
        if number not in lost:
            gaps.hear(made(number, first, LIVE, every_us))
    assert missing(gaps) == {first + number for number in lost}
    for number in again:
        gaps.hear(made(number, first, AGAIN, every_us))
    left = lost - set(again)
    assert missing(gaps) == {first + number for number in left}
    for gap in gaps:
        assert gap.high_us is not None
        for number in range(gap.first, gap.last + 1):
            assert gap.low_us <= NOON_US + (number - first) * every_us <= gap.high_us


@given(order=st.permutations(range(12)))
def test_what_was_overtaken_is_not_missing(order: list[int]) -> None:
    gaps = Gaps()
    for number in (0, *(1 + one for one in order), 13):
        gaps.hear(made(number))
    assert missing(gaps) == set()


def test_a_count_that_comes_again_fills_no_gap_of_another_time() -> None:
    gaps = Gaps()
    for number in (*range(5), *range(7, 20_000), *range(20_001, 20_010)):
        gaps.hear(made(number))
    assert missing(gaps) == {5, 6, 20_000}
    gaps.hear(made(5 + COUNTS, vcid=AGAIN))  # the same count, hours later
    assert missing(gaps) == {5, 6, 20_000}
    gaps.hear(made(5, vcid=AGAIN))
    assert missing(gaps) == {6, 20_000}


def test_each_life_counts_from_zero() -> None:
    gaps = Gaps()
    for number in range(5):
        gaps.hear(made(number))
    gaps.hear(Heard(LIVE, APID, 0, None, boots=True))
    gaps.hear(Heard(LIVE, APID, 2, None))
    gaps.hear(Heard(LIVE, 0x31, 1, NOON_US + 60_000_000))  # its 0 was lost; it tells the time first
    found = [(gap.apid, len(gap), gap.low_us, gap.high_us) for gap in gaps]
    before_us, after_us = NOON_US + 4_000_000, NOON_US + 60_000_000
    assert found == [(APID, 1, before_us, after_us), (0x31, 1, before_us, after_us)]


def test_what_a_process_says_first_may_be_as_old_as_the_boot() -> None:
    gaps = Gaps()
    gaps.hear(made(0))
    gaps.hear(Heard(LIVE, APID, 0, None, boots=True))
    gaps.hear(Heard(LIVE, APID, 1, NOON_US + 60_000_000))
    gaps.hear(Heard(LIVE, 0x31, 2, NOON_US + 60_000_000))  # its 0 and 1 were lost, at any time since
    assert [(gap.apid, gap.low_us, len(gap)) for gap in gaps] == [(0x31, NOON_US, 2)]


def test_without_a_time_behind_it_nothing_is_asked_for() -> None:
    gaps = Gaps()
    gaps.hear(Heard(LIVE, APID, 0, None))
    gaps.hear(Heard(LIVE, APID, 3, None))
    assert next_span(list(gaps)) is None
    gaps.hear(Heard(AGAIN, APID, 1, None))
    gaps.hear(Heard(LIVE, APID, 4, NOON_US))
    span = next_span(list(gaps))
    assert span is not None
    assert (NOON_US - span.low_us, [(gap.first, gap.last) for gap in span.gaps]) == (30_001_000, [(2, 2)])


def test_of_a_gap_without_a_beginning_the_last_seconds_are_asked_for_first_and_everything_last() -> None:
    gaps = Gaps()
    gaps.hear(Heard(LIVE, APID, 0, None, boots=True))
    gaps.hear(Heard(LIVE, APID, 2, NOON_US))
    (gap,) = gaps
    back: list[int] = []
    for gap.tries in range(TRIES_MAX):
        span = next_span([gap])
        assert span is not None
        back.append((NOON_US - span.low_us) // 1_000_000)
    assert back == [30, 60, 120, 240, 480, 960, 1920, NOON_US // 1_000_000]


def test_a_clock_that_is_set_back_gives_a_range_all_the_same() -> None:
    gaps = Gaps()
    gaps.hear(Heard(LIVE, APID, 0, NOON_US))
    gaps.hear(Heard(LIVE, APID, 2, NOON_US - 5_000_000))
    assert [(gap.low_us, gap.high_us) for gap in gaps] == [(NOON_US - 5_000_000, NOON_US)]


def test_gaps_are_bounded() -> None:
    gaps = Gaps()
    for number in range(0, 2 * GAPS_MAX + 20, 2):
        gaps.hear(made(number))
    assert len(list(gaps)) == GAPS_MAX
    assert gaps.forgotten == 9


def record(one: Heard, at: int, name: str = "", **values: int) -> PacketRecord:
    time = None if one.tai_us is None else OnboardTime(one.tai_us, 2)
    return PacketRecord(
        Micros(at), one.vcid, one.apid, 3, 25, one.sequence_count, time, name, {**values}, "", b""
    )  # fmt: skip


def test_what_no_frame_brought_or_cannot_be_read_is_not_counted() -> None:
    good = record(made(1), 0)
    assert heard(good) == made(1)
    assert (
        heard(good._replace(vcid=-1)) is heard(good._replace(fault="x")) is heard(good._replace(service=None)) is None
    )


class Ground:
    """A recovery on a desk: one process, a packet a second; `fetch` gives the arguments of the next request."""

    def __init__(self, *lost: int, number: int = 100) -> None:
        self.recovery = Recovery((1, 2))
        self.now = 0
        self.ticket = 0
        for count in range(number):
            if count not in lost:
                self.recovery.hear(record(made(count), self.now))

    def fetch(self) -> tuple[int, int] | None:
        """The range that is asked for, in seconds since noon, rounded outwards."""
        arguments = self.recovery.ask(Micros(self.now))
        if arguments is None:
            return None
        first, second = arguments["retrievals"].split(",")
        (store, low, high), (other, *same) = first.split(":"), second.split(":")
        assert ((store, other), same) == (("1", "2"), [low, high])
        self.ticket += 1
        self.recovery.sent(self.ticket)
        low_us, high_us = (cuc_decode(bytes.fromhex(word)) or 0 for word in (low, high))
        return (low_us - NOON_US) // 1_000_000 + 1, (high_us - NOON_US) // 1_000_000

    def word(self, state: State) -> None:
        change = StageChange(Micros(self.now), self.ticket, "storage.retrieve", b"", Word.COMPLETED, state)
        self.recovery.stage(change)

    def over(self, *stores: int) -> None:
        for store in stores:
            self.recovery.hear(record(made(99), self.now, "system.retrieval_done", store=store))

    def again(self, *numbers: int) -> None:
        for number in numbers:
            self.recovery.hear(record(made(number, vcid=AGAIN), self.now))


def test_gaps_near_to_one_another_are_asked_for_at_once_and_one_range_at_a_time() -> None:
    ground = Ground(10, 13, 50)
    assert ground.fetch() == (9, 14)
    assert ground.fetch() is None
    ground.word(State.COMPLETED)
    assert ground.fetch() is None, "the stores are busy"
    ground.again(9, 10, 11, 12, 13, 14)
    ground.over(1)
    assert ground.fetch() is None
    ground.over(2)
    assert ground.fetch() == (49, 51)
    assert ground.recovery.missing == 1


@pytest.mark.proves("K-GND-030")
def test_what_dies_again_is_asked_for_again_until_it_is_given_up() -> None:
    ground = Ground(10)
    for _ in range(TRIES_MAX):
        assert ground.fetch() == (9, 11)
        ground.word(State.COMPLETED)
        assert ground.recovery.due == ground.now + QUIET_US, "a store that says nothing is waited for"
        ground.now += QUIET_US
    assert ground.fetch() is None
    assert (ground.recovery.missing, ground.recovery.given_up) == (0, 1)


def test_a_busy_store_is_asked_again_and_that_counts_for_nothing() -> None:
    ground = Ground(10)
    for _ in range(3 * TRIES_MAX):
        assert ground.fetch() == (9, 11)
        ground.word(State.FAILED)
        assert ground.fetch() is None
        ground.now += QUIET_US
    assert ground.recovery.missing == 1


def test_a_long_gap_is_one_range_and_many_short_ones_are_several() -> None:
    assert Ground(*range(10, 90)).fetch() == (9, 90)
    ground = Ground(*range(10, 90, 2))
    low, high = ground.fetch() or (0, 0)
    assert 1_000_000 * (high - low) <= SPAN_US_MAX
