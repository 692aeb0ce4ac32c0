"""When the ground sees the lander: the profile's contacts, once an orbit or one by one, more by order, fewer by order.

Outside a contact nothing passes but, in a transit phase, the beacon. A lander without a list of contacts is always in
sight; in a transit phase it is not: what is sold then is the beacon, and contacts are sessions.
"""

from collections.abc import Callable, Iterable
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander_profile import Orbit, Pass

EXTRA_MAX: Final = 64
"""Contacts and outages by order that are remembered."""
MERGES_MAX: Final = 1000
"""Contacts that touch each other and are looked at as one."""


class Passes:
    """Contacts, in microseconds of the bench's clock; the profile's count from `start_us`."""

    __slots__ = ("_always", "_current", "_dropped", "_extra", "_from_us", "_sources", "_start_us", "_transit")

    ALWAYS_US: Final = 365 * 86_400 * 1_000_000
    """How far away loss of signal is announced where contact never ends."""

    def __init__(self, passes: Iterable[Pass], orbits: Iterable[Orbit], start_us: Micros) -> None:
        listed = tuple(Pass(start_us + one.aos_us, start_us + one.los_us) for one in passes)
        self._sources: list[Callable[[int], Pass | None]] = []
        if listed:
            self._sources.append(lambda t: next((one for one in listed if t < one.los_us), None))
        for orbit in orbits:
            self._sources.append(_Recurring(orbit, start_us).after)
        self._always = not self._sources
        self._start_us = start_us
        self._transit = False
        self._extra: list[Pass] = []
        self._dropped: list[Pass] = []
        self._sources.append(lambda t: min((one for one in self._extra if t < one.los_us), default=None))
        self._forget()

    @property
    def transit(self) -> bool:
        """Whether contact comes by session only."""
        return self._transit

    @transit.setter
    def transit(self, transit: bool) -> None:
        if transit != self._transit:
            self._transit = transit
            self._forget()

    def add(self, aos_us: int, los_us: int) -> None:
        """One more contact; the oldest of too many is forgotten."""
        self._extra = [*self._extra[1 - EXTRA_MAX :], Pass(aos_us, los_us)]
        self._forget()

    def black_out(self, from_us: int, until_us: int) -> None:
        """No contact in this time, whatever was planned."""
        self._dropped = sorted([*self._dropped[1 - EXTRA_MAX :], Pass(from_us, until_us)])
        self._forget()

    def _forget(self) -> None:
        """What has been worked out holds no more."""
        self._current: Pass | None = Pass(0, 0)
        self._from_us = 0

    def _look(self, now: Micros) -> Pass | None:
        """The contact that goes on, or the next one; worked out anew once the one known is over."""
        current = self._current
        if current is not None and not self._from_us <= now < current.los_us:
            self._from_us, self._current = now, self._work_out(now)
        return self._current

    def _work_out(self, now: int) -> Pass | None:
        for _ in range(MERGES_MAX):
            found = self._merged(now)
            if found is None:
                return None
            aos_us, los_us = found
            for out in self._dropped:
                if out.aos_us <= max(aos_us, now) < out.los_us:
                    aos_us = out.los_us
                elif max(aos_us, now) < out.aos_us < los_us:
                    los_us = out.aos_us
            if aos_us < los_us:
                return Pass(aos_us, los_us)
            now = found.los_us
        return None

    def _merged(self, now: int) -> Pass | None:
        """The first contact that ends after this time, as long as contacts follow without a gap."""
        if self._always and not self._transit:
            return Pass(self._start_us, NEVER) if now < NEVER else None
        found = min((one for one in (source(now) for source in self._sources) if one is not None), default=None)
        if found is None:
            return None
        aos_us, los_us = found
        for _ in range(MERGES_MAX):
            further = [
                one.los_us for one in (source(los_us) for source in self._sources) if one and one.aos_us <= los_us
            ]
            if not further:
                break
            los_us = max(further)
        return Pass(aos_us, los_us)

    def current_or_next(self, now: Micros) -> Pass | None:
        """The pass that goes on, or the next one; None when there will be none. Its end is at most a year away."""
        found = self._look(now)
        return found if found is None else found._replace(los_us=min(found.los_us, self._start_us + self.ALWAYS_US))

    def open(self, now: Micros) -> bool:
        """Whether the ground is in sight."""
        found = self._look(now)
        return found is not None and found.aos_us <= now

    def beacon_only(self, now: Micros) -> bool:
        """Whether the beacon gets through and nothing else."""
        return self._transit and not self.open(now) and not any(out.aos_us <= now < out.los_us for out in self._dropped)

    def next_change(self, now: Micros) -> Micros:
        """When that changes; NEVER when it does not."""
        found = self._look(now)
        if found is None:
            return NEVER
        return Micros(found.aos_us if now < found.aos_us else found.los_us)


class _Recurring:
    """Contacts once an orbit."""

    __slots__ = ("_begin_us", "_end_us", "_orbit")

    def __init__(self, orbit: Orbit, start_us: int) -> None:
        self._orbit = orbit
        self._begin_us = start_us + orbit.from_us
        self._end_us = start_us + orbit.until_us

    def after(self, t: int) -> Pass | None:
        """The first contact that ends after `t`."""
        period_us, visible_us = self._orbit.period_us, self._orbit.visible_us
        number = max(0, (t - self._begin_us) // period_us)
        for aos_us in (self._begin_us + number * period_us, self._begin_us + (number + 1) * period_us):
            los_us = min(aos_us + visible_us, self._end_us)
            if t < los_us and aos_us < los_us:
                return Pass(aos_us, los_us)
        return None
