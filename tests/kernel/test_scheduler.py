"""The slot table against a second, naive reading of the same rules, and its accounting on a clock that steps move."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import NEVER, TICK_US, ManualClock, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.kernel.scheduler import LATENESS_BUCKETS, Scheduler, Slot, Step


def plain(slot: Slot) -> Step:
    return slot.step


class Plan(NamedTuple):
    """One slot of a random table: what it asks for, turn by turn, and whom it writes to."""

    period: int
    phase: int
    delays_us: tuple[int | None, ...]
    writes_to: int | None


PLANS = st.lists(
    st.builds(
        lambda period, phase, delays, to: Plan(period, phase % period, tuple(delays), to),
        st.integers(1, 7),
        st.integers(0, 6),
        st.lists(st.one_of(st.none(), st.integers(-15_000, 120_000)), max_size=8),
        st.one_of(st.none(), st.integers(0, 4)),
    ),
    min_size=1,
    max_size=5,
)
TICKS = 60
Trace = list[tuple[int, int]]


class Table:
    """A table of scripted tasks: each takes one item from its mailbox, writes to another's, and notes its turn."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self.plans = plans
        self.trace: Trace = []
        self.turns = [0] * len(plans)
        self.boxes: list[Mailbox[int]] = [Mailbox(str(n), 3) for n in range(len(plans))]

    def step(self, n: int) -> Callable[[Micros], Micros]:
        def run(now: Micros) -> Micros:
            plan, turn = self.plans[n], self.turns[n]
            self.trace.append((n, now))
            self.turns[n] += 1
            self.boxes[n].take()
            if turn >= len(plan.delays_us):
                return NEVER
            if plan.writes_to is not None:
                self.boxes[plan.writes_to % len(self.plans)].put(turn)
            delay = plan.delays_us[turn]
            return NEVER if delay is None else Micros(now + delay)

        return run

    def slots(self) -> list[Slot]:
        return [
            Slot(f"t{n}", self.step(n), plan.period, plan.phase, wakes=(self.boxes[n],))
            for n, plan in enumerate(self.plans)
        ]


def by_hand(plans: Sequence[Plan]) -> Trace:
    """The rule as one sentence, every tick: on its grid, and due or with input."""
    table = Table(plans)
    steps = [table.step(n) for n in range(len(plans))]
    due = [0] * len(plans)
    for tick in range(TICKS):
        for n, plan in enumerate(plans):
            if (tick - plan.phase) % plan.period == 0 and (due[n] <= tick * TICK_US or len(table.boxes[n]) > 0):
                due[n] = steps[n](Micros(tick * TICK_US))
    return table.trace


def scheduled(plans: Sequence[Plan], *, skip: bool) -> tuple[Trace, Scheduler]:
    table = Table(plans)
    clock = ManualClock()
    scheduler = Scheduler(clock, table.slots(), plain)
    t = Micros(0)
    while t < TICKS * TICK_US:
        clock.advance_to(t)
        following = scheduler.tick(t)
        t = following if skip else Micros(t + TICK_US)
    return table.trace, scheduler


@given(PLANS)
def test_every_tick_does_what_the_rule_says(plans: list[Plan]) -> None:
    trace, scheduler = scheduled(plans, skip=False)
    assert trace == by_hand(plans)
    assert scheduler.ticks == TICKS
    assert scheduler.slips == 0


@pytest.mark.proves("K-KERN-001")
@given(PLANS)
def test_skipping_idle_ticks_changes_nothing(plans: list[Plan]) -> None:
    trace, scheduler = scheduled(plans, skip=True)
    assert trace == by_hand(plans)
    assert sum(record.runs for record in scheduler.stats.values()) == len(trace)


@given(PLANS)
def test_the_promised_tick_has_work_and_none_before_it(plans: list[Plan]) -> None:
    table = Table(plans)
    clock = ManualClock()
    scheduler = Scheduler(clock, table.slots(), plain)
    promised = scheduler.tick(Micros(0))
    for tick in range(1, TICKS):
        before = len(table.trace)
        clock.advance_to(Micros(tick * TICK_US))
        following = scheduler.tick(Micros(tick * TICK_US))
        assert (len(table.trace) > before) == (tick * TICK_US == promised)
        promised = following


def idle(_now: Micros) -> Micros:
    return NEVER


def every_tick(now: Micros) -> Micros:
    return now


def test_a_table_that_waits_for_input_only_promises_never() -> None:
    scheduler = Scheduler(ManualClock(), [Slot("a", idle), Slot("b", idle, 5, 0)], plain)
    assert scheduler.tick(Micros(0)) == NEVER


def test_a_wake_that_is_empty_does_not_hide_one_that_is_not() -> None:
    empty: Mailbox[int] = Mailbox("empty", 1)
    full: Mailbox[int] = Mailbox("full", 1)
    full.put(1)
    clock = ManualClock()
    scheduler = Scheduler(clock, [Slot("a", idle, wakes=(empty, full))], plain)
    assert scheduler.tick(Micros(0)) == TICK_US
    clock.advance(TICK_US)
    scheduler.tick(Micros(TICK_US))
    assert scheduler.stats["a"].runs == 2


@pytest.mark.proves("K-KERN-005")
def test_slipped_ticks_are_folded_into_one_run_each() -> None:
    seen: list[tuple[str, int]] = []

    def note(name: str) -> Step:
        def step(now: Micros) -> Micros:
            seen.append((name, now))
            return Micros(now + 1)

        return step

    clock = ManualClock()
    slots = [Slot("fast", note("fast")), Slot("slow", note("slow"), 10, 4), Slot("other", note("other"), 10, 9)]
    scheduler = Scheduler(clock, slots, plain)
    clock.advance_to(Micros(25_000))
    # Due at tick 0, awake at 25 ms: ticks 0 to 2 become one, at 20 ms; the next is tick 3.
    assert scheduler.tick(Micros(0)) == 30_000
    assert seen == [("fast", 20_000)]
    assert scheduler.slips == 2
    clock.advance_to(Micros(71_234))
    # Ticks 3 to 7: the slot of tick 4 has its turn, late; that of tick 9 is not yet on.
    assert scheduler.tick(Micros(30_000)) == 80_000
    assert seen[1:] == [("fast", 70_000), ("slow", 70_000)]
    assert scheduler.slips == 6
    assert scheduler.ticks == 2


@pytest.mark.proves("K-KERN-005")
@pytest.mark.parametrize(
    ("late_us", "bucket"), [(0, 0), (1, 1), (2, 2), (3, 2), (60, 6), (1023, 10), (1024, 11), (10**9, 23)]
)
def test_lateness_falls_into_powers_of_two(late_us: int, bucket: int) -> None:
    clock = ManualClock(late_us)
    scheduler = Scheduler(clock, [Slot("a", idle)], plain)
    scheduler.tick(Micros(0))
    assert [n for n, count in enumerate(scheduler.lateness) if count] == [bucket]
    assert len(scheduler.lateness) == LATENESS_BUCKETS
    assert scheduler.lateness_us_max == min(2**bucket, 2**23) - 1


@pytest.mark.proves("K-KERN-005")
def test_a_step_over_its_budget_is_an_overrun_and_its_own() -> None:
    clock = ManualClock()
    taken = {"a": iter([100, 2_001, 2_000, 9_000]), "b": iter([7, 0, 0, 0])}

    def busy(name: str) -> Step:
        def step(now: Micros) -> Micros:
            clock.advance(next(taken[name]))
            return now

        return step

    scheduler = Scheduler(clock, [Slot("a", busy("a"), budget_us=2_000), Slot("b", busy("b"))], plain)
    for tick in range(4):
        t = Micros(tick * TICK_US)
        clock.advance_to(t)
        scheduler.tick(t)
    a, b = scheduler.stats["a"], scheduler.stats["b"]
    assert (a.runs, a.overruns, a.elapsed_us_max) == (4, 2, 9_000)
    assert (b.runs, b.overruns, b.elapsed_us_max) == (4, 0, 7)
    assert scheduler.overruns == 2


def refuses(clock: ManualClock, scheduler: Scheduler, planned: int) -> bool:
    try:
        scheduler.tick(Micros(planned))
    except AssertionError:
        return True
    return False


def test_misuse_is_an_assertion() -> None:
    clock = ManualClock()
    scheduler = Scheduler(clock, [Slot("a", every_tick)], plain)
    assert refuses(clock, scheduler, TICK_US)  # before its time
    clock.advance(3 * TICK_US)
    assert refuses(clock, scheduler, TICK_US + 1)  # off the grid
    assert scheduler.tick(Micros(0)) == 4 * TICK_US
    assert refuses(clock, scheduler, 3 * TICK_US)  # again, since it was folded into the one before
    clock.advance(10 * TICK_US)
    assert refuses(clock, scheduler, 5 * TICK_US)  # past work that was promised
    assert not refuses(clock, scheduler, 4 * TICK_US)


@pytest.mark.parametrize(
    "slots",
    [
        [Slot("a", idle), Slot("a", idle)],
        [Slot("a", idle, 0)],
        [Slot("a", idle, 5, 5)],
        [Slot("a", idle, 5, -1)],
        [Slot("a", idle, budget_us=0)],
    ],
)
def test_a_table_that_makes_no_sense_is_an_assertion(slots: list[Slot]) -> None:
    with pytest.raises(AssertionError):
        Scheduler(ManualClock(), slots, plain)
