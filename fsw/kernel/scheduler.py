"""The slot table run by base ticks: fixed order, run to completion, every overrun and slip counted (rule 3)."""

from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, TICK_US, Clock, Micros

Step = Callable[[Micros], Micros]
"""A task's turn: gets the tick's time, runs to completion, returns when it next has work without new input."""

LATENESS_BUCKETS: Final = 24
"""Bucket n of the lateness histogram counts ticks begun 2^(n-1) to 2^n - 1 us late; the last one takes the rest."""


class Slot(NamedTuple):
    """One line of the slot table.

    The slot is looked at in every `period_ticks`-th base tick, beginning with tick `phase_ticks`, and runs there when
    its due time has come or anything in `wakes` is not empty. `name` is "task" or "task.part": the parts of a task live
    and die together. A run longer than `budget_us` is an overrun. A dead `essential` task stops the watchdog's strokes.
    """

    name: str
    step: Step
    period_ticks: int = 1
    phase_ticks: int = 0
    budget_us: int = 2_000
    wakes: tuple[Sized, ...] = ()
    essential: bool = True


class SlotStats:
    """What is known of one slot's runs: `runs`, `overruns`, `elapsed_us_max`, and the time `due` of its next one.

    `runs` is for the bench: nothing downlinked counts steps (rule 3).
    """

    __slots__ = (
        "alarm_ns",
        "budget_ns",
        "due",
        "elapsed_ns_max",
        "overruns",
        "period_ticks",
        "phase_ticks",
        "runs",
        "slot",
        "step",
        "wakes",
    )

    def __init__(self, slot: Slot, step: Step) -> None:
        assert slot.period_ticks > 0, "a slot has a period"
        assert 0 <= slot.phase_ticks < slot.period_ticks, "a phase lies within its period"
        assert slot.budget_us > 0, "a slot has a budget"
        self.slot = slot
        self.step = step
        self.period_ticks = slot.period_ticks
        self.phase_ticks = slot.phase_ticks
        self.budget_ns = slot.budget_us * 1000
        self.wakes = slot.wakes
        self.due = Micros(0)
        self.runs = 0
        self.overruns = 0
        self.elapsed_ns_max = 0
        self.alarm_ns = 0
        """A run longer than this changes `elapsed_ns_max` or `overruns`: one comparison a run instead of two."""

    @property
    def elapsed_us_max(self) -> int:
        """The longest run, microseconds."""
        return self.elapsed_ns_max // 1000

    def book_long_run(self, elapsed_ns: int) -> None:
        """Book a run longer than any before it or than the budget."""
        self.elapsed_ns_max = max(self.elapsed_ns_max, elapsed_ns)
        if elapsed_ns > self.budget_ns:
            self.overruns += 1
        self.alarm_ns = min(self.elapsed_ns_max, self.budget_ns)

    def next_tick(self, tick: int) -> int:
        """Number of the first base tick after `tick` that has work for this slot, which is due or woken."""
        first = tick + 1
        if not any(self.wakes):
            assert self.due < NEVER, "only input can bring it"
            first = max(first, -(-self.due // TICK_US))
        return first + (self.phase_ticks - first) % self.period_ticks


class Scheduler:
    """Runs the slot table one base tick at a time.

    `guard` (the supervisor's) makes of each slot, once, the step that is run for it: one that never raises.
    `slips` counts base ticks that passed before they could be run; `lateness` is the histogram of how late ticks began.
    """

    def __init__(self, clock: Clock, slots: Sequence[Slot], guard: Callable[[Slot], Step]) -> None:
        self._clock = clock
        self._table = tuple(SlotStats(slot, guard(slot)) for slot in slots)
        self._wakes = self._often_looked_at()
        self._seldom = tuple(record for record in self._table if record.period_ticks != 1)
        self.stats: Mapping[str, SlotStats] = {record.slot.name: record for record in self._table}
        assert len(self.stats) == len(self._table), "two slots have one name"
        self.ticks = 0
        self.slips = 0
        self.lateness = [0] * LATENESS_BUCKETS
        self._last_tick = -1
        self._promised = NEVER

    @property
    def next_tick_us(self) -> Micros:
        """Time of the base tick behind the last one that was run or folded into it."""
        return Micros((self._last_tick + 1) * TICK_US)

    @property
    def overruns(self) -> int:
        """Runs of all slots that took longer than their budget."""
        return sum([record.overruns for record in self._table])

    @property
    def lateness_us_max(self) -> int:
        """Upper edge of the last bucket of the lateness histogram that is not empty."""
        highest = LATENESS_BUCKETS - 1
        while highest and not self.lateness[highest]:
            highest -= 1
        return (1 << highest) - 1

    def unwake(self, task: str) -> None:
        """Nothing wakes the slots of a task that will not run again: what waits for it would make every tick busy."""
        for record in self._table:
            if record.slot.name.partition(".")[0] == task:
                record.wakes = ()
        self._wakes = self._often_looked_at()

    def _often_looked_at(self) -> tuple[Sized, ...]:
        """What wakes slots that are looked at in every tick, all of it in one row."""
        return tuple(wake for record in self._table if record.period_ticks == 1 for wake in record.wakes)

    def tick(self, planned: Micros) -> Micros:
        """Run the base tick planned for `planned` and return the time of the next tick that has work, or NEVER.

        The caller may tick at any base tick up to the returned one: the slots do the same either way. Steps are handed
        the time of the tick, not of the clock, so that a late wake-up shifts no period. When the clock is already one
        or more ticks further, those are counted as slips and folded into this one: each slot runs at most once.
        """
        late = self._clock.now() - planned
        first = planned // TICK_US
        assert planned % TICK_US == 0, "ticks lie on the base grid"
        assert first > self._last_tick, "a tick is run once"
        assert planned <= self._promised, "a tick with work was skipped"
        assert late >= 0, "a tick is not run before its time"
        self.ticks += 1
        self.lateness[min(late.bit_length(), LATENESS_BUCKETS - 1)] += 1
        missed = late // TICK_US
        self.slips += missed
        self._last_tick = first + missed
        earliest = self._run_due(first, missed)
        self._promised = self._next_work(earliest, self._last_tick)
        return self._promised

    def _run_due(self, first: int, missed: int) -> Micros:
        """Run every slot that has work in ticks `first` to `first + missed`, in table order, and book its time.

        One clock reading a run: a slot's time runs from the end of the one before it. Returns the earliest due time of
        the slots that are looked at in every tick.
        """
        now = Micros((first + missed) * TICK_US)
        earliest = NEVER
        read_ns = self._clock.stopwatch_ns
        started = read_ns()
        for record in self._table:
            due = record.due
            if due > now and not any(record.wakes):
                if due < earliest and record.period_ticks == 1:
                    earliest = due
                continue
            period = record.period_ticks
            if period != 1 and (record.phase_ticks - first) % period > missed:
                continue
            record.due = due = record.step(now)
            ended = read_ns()
            elapsed = ended - started
            started = ended
            record.runs += 1
            if elapsed > record.alarm_ns:
                record.book_long_run(elapsed)
            if due < earliest and period == 1:
                earliest = due
        return earliest

    def _next_work(self, earliest: Micros, tick: int) -> Micros:
        """Time of the first tick after `tick` at which any slot has work; NEVER when there is none."""
        following = Micros((tick + 1) * TICK_US)
        if earliest <= following or any(self._wakes):
            return following
        for record in self._seldom:
            if record.due >= earliest and not any(record.wakes):
                continue
            earliest = min(earliest, Micros(record.next_tick(tick) * TICK_US))
        return earliest if earliest >= NEVER else Micros(-(-earliest // TICK_US) * TICK_US)
