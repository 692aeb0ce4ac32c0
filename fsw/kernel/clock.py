"""The one time scale of flight: integer microseconds since boot, handed down, never fetched (architecture, rule 2)."""

from typing import Final, NewType, Protocol

Micros = NewType("Micros", int)
"""A time in microseconds since boot. Differences of two times are plain ints."""

TICK_US: Final = 10_000
"""Length of the base tick: 100 Hz."""

NEVER: Final = Micros(2**62)
"""Later than any time a mission reaches: the due time of what only waits for input."""


class Clock(Protocol):
    """Whatever tells the time since boot; it never goes back."""

    def now(self) -> Micros:
        """Microseconds since boot."""
        ...

    def stopwatch_ns(self) -> int:
        """Free-running nanoseconds: differences say how long a run took, the value itself says nothing.

        Read after every run of every slot, hence apart from `now`, which costs twice as much on a real clock.
        """
        ...


class ManualClock:
    """A clock that moves when told to: the clock of every simulation and test."""

    def __init__(self, start: int = 0) -> None:
        assert start >= 0, "time since boot is not negative"
        self._now = Micros(start)

    def now(self) -> Micros:
        """Microseconds since boot."""
        return self._now

    def stopwatch_ns(self) -> int:
        """Free-running nanoseconds, of this clock too: what runs in no time took none."""
        return self._now * 1000

    def advance(self, us: int) -> None:
        """Move on by `us` microseconds, zero or more."""
        assert us >= 0, "a clock does not go back"
        self._now = Micros(self._now + us)

    def advance_to(self, t: Micros) -> None:
        """Move on to `t`, which is not in the past."""
        assert t >= self._now, "a clock does not go back"
        self._now = t
