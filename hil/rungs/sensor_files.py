"""SIMULATED sensors for a flight process: the twins' files in a folder that looks like the kernel's sysfs.

`kratai fly --sensors DIR` looks there instead of at the real `/sys`, so that the instruments' own device code runs on a
machine without their hardware. Nothing here is measured.
"""

import os
from pathlib import Path
from typing import Final

from hil.board.twins import Twins

REFRESH_US: Final = 250_000
"""How often the files should follow the twins."""
PACKAGE_MONITOR: Final = "sys/class/hwmon/hwmon0"
"""Where a Raspberry Pi's kernel shows the temperature of its processor."""


class SensorFiles:
    """The folder; every write replaces a file whole, so that a reader never sees half a number."""

    def __init__(self, twins: Twins, folder: Path) -> None:
        self._twins = twins
        self._folder = folder
        self._shown: dict[str, str | None] = {}

    def warm(self, package_cdegc: int | None) -> None:
        """Make the board's own temperature so much, in 1/100 degC; None takes the simulated monitor away."""
        folder = self._folder / PACKAGE_MONITOR
        self._write(folder / "name", None if package_cdegc is None else "cpu_thermal")
        self._write(folder / "temp1_input", None if package_cdegc is None else str(package_cdegc * 10))

    def write(self) -> None:
        """Make the files what the twins show now; one that is absent is taken away."""
        for path in self._twins.files:
            text = self._twins.sysfs(path)
            if path not in self._shown or self._shown[path] != text:
                self._write(self._folder / path, text)
                self._shown[path] = text

    def _write(self, target: Path, text: str | None) -> None:
        if text is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(target.name + ".new")
        fresh.write_text(text + "\n")
        os.replace(fresh, target)
