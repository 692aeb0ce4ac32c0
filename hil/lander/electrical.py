"""SIMULATED: what the payload board draws from the lander's circuits, and what the lander's meter makes of it.

The numbers are ratings, not measurements: a small computer behind a converter, loads that the mission's table names,
resistive heaters. What drives them is what the payload really does: power, octets on the line, loads it says it has
switched. Integers throughout: mW, mA, mV, microseconds.
"""

from typing import NamedTuple

from fsw.kernel.clock import NEVER, Micros


class Ratings(NamedTuple):
    """One board. `*_mw` at its own rails but for `heater_mw`, which is at the lander's terminals at `heater_mv`."""

    boot_mw: int
    boot_us: int
    idle_mw: int
    send_mw: int
    """More than idle while it sends without a pause."""
    efficiency_permille: int
    """Of its converter."""
    inrush_ma: int
    inrush_us: int
    heater_mw: int
    heater_mv: int
    loads_mw: tuple[int, ...]
    """By row of the mission's load table, at the lander's terminals as that table has them."""


class Activity(NamedTuple):
    """What the board does now: time since power came, its loads, how busy it keeps the line to the lander."""

    on_us: int
    loads_mw: int
    send_permille: int


def nearest(part: int, whole: int) -> int:
    """The quotient, rounded to the nearest."""
    return (2 * part + whole) // (2 * whole)


class ElectricalModel:
    """SIMULATED board between the lander's terminals and its own rails."""

    __slots__ = ("ratings",)

    def __init__(self, ratings: Ratings) -> None:
        assert 0 < ratings.efficiency_permille <= 1000, "a converter gives at most what it takes"
        assert ratings.heater_mv > 0, "a heater is rated at a voltage"
        self.ratings = ratings

    def power_mw(self, activity: Activity) -> int:
        """At the lander's terminals, without the inrush."""
        ratings = self.ratings
        if activity.on_us < ratings.boot_us:
            rails_mw = ratings.boot_mw
        else:
            rails_mw = ratings.idle_mw + nearest(ratings.send_mw * activity.send_permille, 1000)
        return nearest(rails_mw * 1000, ratings.efficiency_permille) + activity.loads_mw

    def current_ma(self, activity: Activity, bus_mv: int) -> int:
        """Of the circuit that feeds the board; a converter takes more current from a lower bus."""
        if activity.on_us < self.ratings.inrush_us:
            return self.ratings.inrush_ma
        return nearest(self.power_mw(activity) * 1000, bus_mv) if bus_mv else 0

    def heater_ma(self, bus_mv: int) -> int:
        """Of the heater circuit: a resistance."""
        rated_mv = self.ratings.heater_mv
        return nearest(self.ratings.heater_mw * 1000 * bus_mv, rated_mv * rated_mv)

    def next_change_us(self, on_us: int) -> Micros:
        """Time since power came at which the draw changes by itself; NEVER when it does not."""
        ratings = self.ratings
        return next((Micros(at) for at in sorted((ratings.inrush_us, ratings.boot_us)) if on_us < at), NEVER)


class Meter:
    """Average and greatest current of the last window; of the time since it began while the first goes on."""

    __slots__ = ("_at_us", "_average_ma", "_charge", "_ma", "_max_ma", "_peak_ma", "_since_us", "_window_us")

    def __init__(self, window_us: int, now: Micros) -> None:
        self._window_us = window_us
        self.begin(now)

    def begin(self, now: Micros) -> None:
        """The circuit has been switched: what was before is no part of what it draws now."""
        self._since_us = self._at_us = now
        self._charge = 0  # mA * us
        self._ma = self._peak_ma = 0
        self._average_ma = self._max_ma = -1  # no window yet

    @property
    def now_ma(self) -> int:
        """The current that flows."""
        return self._ma

    def flow(self, ma: int, now: Micros) -> None:
        """From now on so much flows."""
        self._charge += self._ma * (now - self._at_us)
        self._at_us = now
        self._ma = ma
        self._peak_ma = max(self._peak_ma, ma)

    def read(self, now: Micros) -> tuple[int, int]:
        """Average and greatest current, mA."""
        self.flow(self._ma, now)
        age_us = now - self._since_us
        if age_us >= self._window_us:
            self._average_ma, self._max_ma = nearest(self._charge, age_us), self._peak_ma
            self._since_us, self._charge, self._peak_ma = now, 0, self._ma
        elif self._max_ma < 0:
            return (nearest(self._charge, age_us) if age_us else self._ma), self._peak_ma
        return self._average_ma, self._max_ma
