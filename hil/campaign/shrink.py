"""From a failing fault schedule to the shortest that still fails: drop faults, shorten them, soften them.

A search asks and is told: it is a generator that yields schedules (faults in compact form) and is sent True for each
that still fails in the same way. It runs nothing itself, so that a pool of processes, a cluster or a test's predicate
answers it, and the same answers lead to the same schedule.

Dropping is `ddmin` (Zeller and Hildebrandt, IEEE TSE 28(2), 2002): what is left fails, and no single fault of it can
go. Shortening and softening go by halves, which finds the least value where failing is monotone and a lesser one
elsewhere.

Off nominal: when the runs are used up, the best schedule so far is the answer, said as not `whole`. A failure that
needs no fault at all ends at the empty schedule after one run.
"""

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Final, NamedTuple

from hil.written.fault import Fault, compact, parse_compact
from hil.written.fault_kinds import KINDS

RUNS_MAX: Final = 120
"""Runs that one search may ask for."""
SHORTEST_US: Final = 1_000_000
"""Least duration tried of a kind that no storm draws."""
GRANULES_US: Final = (60_000_000, 1_000_000, 100_000, 1_000, 1)
"""Durations and times are tried at whole minutes, seconds, … : what is coarse enough for its size."""

Schedule = tuple[str, ...]
"""Faults in compact form, in their order."""


class Shrunk(NamedTuple):
    """What is left and what it cost."""

    schedule: Schedule
    runs: int
    whole: bool
    """Nothing more could go; False when the runs were used up."""
    again: bool
    """The schedule that the search began with failed again; False: something besides faults and seed decides."""


Search = Generator[Schedule, bool, Shrunk]
Steps = Generator[Schedule, bool, bool]
Rewrite = Callable[[int], str]


class Shrinking:
    """One search: the shortest failing schedule so far, and what has been asked already."""

    def __init__(self, schedule: Schedule, runs_max: int) -> None:
        assert runs_max > 0, "a search asks at least once"
        self.schedule = schedule
        self.runs = 0
        self.spent = False
        self._runs_max = runs_max
        self._known: dict[Schedule, bool] = {}

    def search(self) -> Search:
        """Go all three ways again until none finds anything."""
        if not (yield from self.fails(self.schedule)):
            return Shrunk(self.schedule, self.runs, whole=False, again=False)
        yield from self.fails(())
        before: Schedule | None = None
        for _ in range(self._runs_max + 1):  # a round that finds something has asked something new
            before = self.schedule
            yield from self.drop()
            yield from self.shorten()
            yield from self.soften()
            if self.schedule == before:
                break
        return Shrunk(self.schedule, self.runs, self.schedule == before and not self.spent, again=True)

    def fails(self, schedule: Schedule) -> Steps:
        """Ask whether a schedule fails; one that does is kept. What was asked before costs nothing."""
        known = self._known.get(schedule)
        if known is None:
            if self.runs >= self._runs_max:
                self.spent = True
                return False
            self.runs += 1
            known = self._known[schedule] = yield schedule
        if known:
            self.schedule = schedule
        return known

    # Fewer

    def drop(self) -> Generator[Schedule, bool, None]:
        """ddmin: halves, then quarters, …, each alone and each left out, down to single faults."""
        parts = 2
        while len(self.schedule) > 1:
            whole = self.schedule
            pieces = cut(whole, min(parts, len(whole)))
            if (yield from self._any(pieces)):
                parts = 2
            elif (yield from self._any([without(pieces, number) for number in range(len(pieces))])):
                parts = max(len(pieces) - 1, 2)
            elif len(pieces) == len(whole):
                return
            else:
                parts = 2 * len(pieces)

    def _any(self, schedules: list[Schedule]) -> Steps:
        for schedule in schedules:
            if (yield from self.fails(schedule)):
                return True
        return False

    # Shorter

    def shorten(self) -> Generator[Schedule, bool, None]:
        """Each fault for a shorter time, down to the least that a storm draws of its kind."""
        for place, text in enumerate(self.schedule):
            fault = parse_compact(text)
            shortest = min(_shortest_us(fault), fault.for_us)
            step = next(granule for granule in GRANULES_US if granule * 8 <= fault.for_us or granule == 1)
            yield from self._least(place, fault.for_us, shortest, step, _lasting(fault))

    # Milder

    def soften(self) -> Generator[Schedule, bool, None]:
        """Each fault at a rounder time, each value nearer to its kind's mildest; of names only the mildest is tried."""
        for place in range(len(self.schedule)):
            fault = parse_compact(self.schedule[place])
            for granule in GRANULES_US:
                rounded = fault._replace(at_us=fault.at_us - fault.at_us % granule)
                if rounded == fault or (yield from self._replace(place, compact(rounded))):
                    break
            for key, parameter in KINDS[fault.kind].parameters.items():
                fault = parse_compact(self.schedule[place])
                value = fault.values[key]
                step = abs(value - parameter.mildest) if parameter.names else 1
                yield from self._least(place, value, parameter.mildest, step, _valued(fault, key))

    def _replace(self, place: int, text: str) -> Steps:
        return (yield from self.fails((*self.schedule[:place], text, *self.schedule[place + 1 :])))

    def _least(self, place: int, value: int, mild: int, step: int, rewrite: Rewrite) -> Generator[Schedule, bool, None]:
        """The value nearest to `mild` that still fails, by halves, to an eighth of its distance or one `step`."""
        if value == mild or (yield from self._replace(place, rewrite(mild))):
            return
        passing, failing = mild, value
        while abs(failing - passing) > max(step, abs(failing - mild) // 8):
            middle = (passing + failing) // 2
            rounded = middle - middle % step
            if rounded <= min(passing, failing):
                rounded += step
            if (yield from self._replace(place, rewrite(rounded))):
                failing = rounded
            else:
                passing = rounded


def cut(schedule: Schedule, parts: int) -> list[Schedule]:
    """A schedule in so many pieces, as equal as whole numbers allow, none empty."""
    ends = [len(schedule) * number // parts for number in range(parts + 1)]
    return [schedule[first:last] for first, last in pairwise(ends)]


def without(pieces: list[Schedule], number: int) -> Schedule:
    """All pieces but one, joined again."""
    return tuple(text for place, piece in enumerate(pieces) if place != number for text in piece)


def _shortest_us(fault: Fault) -> int:
    """Shorter, a fault may be over before it has done anything, and the search would end at something else."""
    known = KINDS[fault.kind]
    return known.storm.low_us if known.storm is not None else max(known.lasts.low_us, SHORTEST_US)


def _lasting(fault: Fault) -> Rewrite:
    return lambda for_us: compact(fault._replace(for_us=for_us))


def _valued(fault: Fault, key: str) -> Rewrite:
    return lambda value: compact(fault._replace(values={**fault.values, key: value}))
