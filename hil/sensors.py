"""SIMULATED sensors for a flight process: a folder that looks like the kernel's sysfs, written by the bench.

`kratai fly --sensors DIR` looks there instead of at the real `/sys`, so that the instruments' own device code runs on a
machine without their hardware. Nothing here is measured.
"""

import os
from pathlib import Path
from typing import Final

COUNTER: Final = "sys/bus/counter/devices/counter0/count0/count"
TEMPERATURE: Final = "sys/bus/iio/devices/iio:device0/in_temp_input"
PRESSURE: Final = "sys/bus/iio/devices/iio:device0/in_pressure_input"
HUMIDITY: Final = "sys/bus/iio/devices/iio:device0/in_humidityrelative_input"


class SimulatedSensors:
    """The folder; every write replaces a file whole, so that a reader never sees half a number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pulses(1_000)
        self.temperature(21_500)
        self._write(PRESSURE, "0.0")
        self._write(HUMIDITY, "0")

    def pulses(self, count: int) -> None:
        """What the dosimeter's counter shows."""
        self._write(COUNTER, str(count))

    def temperature(self, mdegc: int) -> None:
        """What the environment sensor shows, in the kernel's unit of 0.001 degC."""
        self._write(TEMPERATURE, str(mdegc))

    def vanish(self) -> None:
        """The environment sensor is gone."""
        for path in (TEMPERATURE, PRESSURE, HUMIDITY):
            (self.folder / path).unlink(missing_ok=True)

    def _write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(target.name + ".new")
        fresh.write_text(text + "\n")
        os.replace(fresh, target)
