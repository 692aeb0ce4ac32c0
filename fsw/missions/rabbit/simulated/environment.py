"""SIMULATED environment sensor for the bench: a board that warms up by itself in a vacuum. No sensor is behind it."""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.clock import Clock

IIO: Final = "sys/bus/iio/devices/iio:device0/"
TEMPERATURE: Final = IIO + "in_temp_input"
PRESSURE: Final = IIO + "in_pressure_input"


class Twin:
    """Warms from 20 degC by 0.1 degC a second up to `warm_cdegc`; `offset_cdegc` comes on top. There is no humidity."""

    files: Final = (TEMPERATURE, PRESSURE)
    surroundings: Final[Mapping[str, tuple[int, int]]] = {
        "warm_cdegc": (-10_000, 15_000),
        "offset_cdegc": (-20_000, 20_000),
    }

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.warm_cdegc = 3_500
        self.offset_cdegc = 0

    def sysfs(self, path: str) -> str | None:
        """Millidegrees, or the kilopascals of a vacuum."""
        if path == PRESSURE:
            return "0.0"
        warmed_cdegc = min(2_000 + self._clock.now() // 100_000, self.warm_cdegc)
        return str((warmed_cdegc + self.offset_cdegc) * 10)
