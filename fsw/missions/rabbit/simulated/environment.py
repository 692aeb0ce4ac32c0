"""SIMULATED environment sensor for the bench: a board that warms up by itself in a vacuum. No sensor is behind it."""

from typing import NamedTuple

from fsw.kernel.clock import Clock


class Reading(NamedTuple):
    """As the instrument's own reading."""

    temperature_cdegc: int | None
    pressure_pa: int | None
    humidity_permille: int | None


class Device:
    """Warms from 20 degC by 0.1 degC a second up to `warm_cdegc`; `offset_cdegc` is the bench's to move."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.warm_cdegc = 3_500
        self.offset_cdegc = 0

    def read(self) -> Reading:
        """One reading."""
        warmed_cdegc = min(2_000 + self._clock.now() // 100_000, self.warm_cdegc)
        return Reading(warmed_cdegc + self.offset_cdegc, 0, None)
