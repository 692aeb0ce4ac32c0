"""What was seen of one fault, from its beginning to a while behind its end, and questions about it.

Every question returns complaints: sentences about what was not as it should be, none when all is well.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.pus.ids import TimeStatus
from hil.written.expectation import Expectation, Kind, Word, holds, read
from hil.written.fault import Fault

SECOND: Final = 1_000_000
EARLY_US: Final = 100_000
LATE_US: Final = 3 * SECOND
"""A stamp is right when it is at most so much ahead of, and so much behind, the lander's time of its arrival."""
SCRATCH: Final = "system.scratch"
"""The parameter by which a run shows that what was committed is kept."""


class Served(NamedTuple):
    """One command: when it was sent, when its completion was heard, which."""

    sent_us: Micros
    done_us: Micros
    name: str


class Stamp(NamedTuple):
    """The time on a packet: its status, and by how much it was ahead of the lander's time when it came."""

    at_us: Micros
    status: int
    ahead_us: int


class Sampled:
    """The samples of one parameter since a fault began: the last, the highest, whether one was absent."""

    __slots__ = ("absent", "highest", "last")

    def __init__(self) -> None:
        self.last: float | None = None
        self.highest = float("-inf")
        self.absent = False

    def take(self, raw: float | None) -> None:
        """One more sample."""
        self.last = raw
        if raw is None:
            self.absent = True
        else:
            self.highest = max(self.highest, raw)


class Seen:
    """What was heard, counted and sampled of one fault."""

    def __init__(
        self, fault: Fault, now: Micros, counters: Mapping[str, int], samples: Mapping[str, float | None]
    ) -> None:
        self.fault = fault
        self.began_us = now
        self.ended_us: Micros | None = None
        self.counters_before = dict(counters)
        self.counters_after = dict(counters)
        self.samples_before = dict(samples)
        self.samples: dict[str, Sampled] = {}
        self.words: list[Word] = []
        self.served: list[Served] = []
        self.executed_again: list[bytes] = []
        self.executed: list[bytes] = []
        self.stamp: Stamp | None = None
        self.worst_ahead_us = 0

    @property
    def end_us(self) -> int:
        """When it ended, or is to end."""
        return self.fault.for_us + self.began_us if self.ended_us is None else self.ended_us

    def lasted(self, us: int) -> bool:
        """Whether it lasted longer than that."""
        return self.end_us - self.began_us > us

    def counted(self, name: str) -> int:
        """By how much a counter has risen."""
        return self.counters_after.get(name, 0) - self.counters_before.get(name, 0)

    # --- words ------------------------------------------------------------------------------------------------------

    def times(self, sentence: str, since_us: int = 0, until_us: int = 2**62) -> int:
        """How often a word was heard that fulfils the sentence."""
        wanted = _read(sentence)
        return sum(since_us <= word.at <= until_us and holds(wanted, word, {}) for word in self.words)

    def hears(self, *sentences: str) -> list[str]:
        """What must be heard at all."""
        return [f"not heard: {sentence}" for sentence in sentences if not self.times(sentence)]

    def hears_after(self, *sentences: str) -> list[str]:
        """What must be heard when it is over."""
        return [f"not heard afterwards: {one}" for one in sentences if not self.times(one, self.end_us)]

    def never(self, *sentences: str) -> list[str]:
        """What must not be heard."""
        return [f"heard: {sentence}" for sentence in sentences if self.times(sentence)]

    def same_life(self) -> list[str]:
        """No boot, and no task that failed."""
        return self.never("event system.booted", "event system.task_restarted", "event system.task_struck_out")

    def rebooted(self, *causes: str) -> list[str]:
        """One boot, its cause known, the store well, what was committed kept, in service again with the right time."""
        boots = self.times("event system.booted")
        wrong = [] if boots == 1 else [f"{boots} boots instead of one"]
        wrong += self.hears(*(f"event system.booted reset_cause = {cause}" for cause in causes))
        return wrong + self.never("event system.store_fault") + self.kept() + self.answers() + self.on_time()

    def first(self, kind: Kind, name: str) -> int | None:
        """When a word was first heard."""
        return next((word.at for word in self.words if (word.kind, word.name) == (kind, name)), None)

    # --- service ----------------------------------------------------------------------------------------------------

    def answers(self) -> list[str]:
        """A command sent when it was over was served."""
        return [] if any(one.sent_us >= self.end_us for one in self.served) else ["no command was served afterwards"]

    def answers_meanwhile(self, name: str = "ping") -> list[str]:
        """A command was served while it lasted."""
        return [] if self.served_meanwhile(name) else [f"no {name} was served meanwhile"]

    def served_meanwhile(self, name: str) -> Sequence[Served]:
        """The commands of that name that were sent and served while it lasted."""
        return [
            one
            for one in self.served
            if one.name == name and one.sent_us >= self.began_us and one.done_us <= self.end_us
        ]

    def counts(self, *names: str) -> list[str]:
        """Counters that must have counted it."""
        return [f"not counted: {name}" for name in names if self.counted(name) <= 0]

    # --- values -----------------------------------------------------------------------------------------------------

    def kept(self) -> list[str]:
        """The committed parameter has its value still."""
        if SCRATCH not in self.samples_before:
            return []
        if SCRATCH not in self.samples:
            return [f"{SCRATCH} was not reported afterwards"]
        before, now = self.samples_before[SCRATCH], self.samples[SCRATCH].last
        return [] if now == before else [f"{SCRATCH} is {now}, was {before}"]

    def highest(self, name: str) -> float:
        """The highest sample of a parameter; minus infinity without one."""
        return self.samples[name].highest if name in self.samples else float("-inf")

    def absent(self) -> list[str]:
        """Parameters that were there before and for a while were not."""
        known = self.samples_before
        return sorted(name for name, one in self.samples.items() if one.absent and known.get(name) is not None)

    def on_time(self) -> list[str]:
        """The last stamp is locked to the lander's time, and right."""
        stamp = self.stamp
        if stamp is None or stamp.at_us < self.end_us:
            return ["no stamp was seen afterwards"]
        wrong = [] if stamp.status == TimeStatus.LOCKED else [f"the clock is not locked afterwards ({stamp.status})"]
        right = -LATE_US <= stamp.ahead_us <= EARLY_US
        return wrong + ([] if right else [f"a stamp is {stamp.ahead_us} us ahead of the lander's time afterwards"])


@lru_cache(maxsize=256)
def _read(sentence: str) -> Expectation:
    return read(sentence)
