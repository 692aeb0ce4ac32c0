"""SIMULATED dosimeter for the bench: pulses at a given rate of the injected clock. No detector is behind it."""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.clock import Clock

COUNTER: Final = "sys/bus/counter/devices/counter0/count0/count"


class Twin:
    """Counts as a quiet Moon would make it count (13 200 nGy/h at 25 nGy a pulse), times `storm`."""

    files: Final = (COUNTER,)
    surroundings: Final[Mapping[str, tuple[int, int]]] = {"storm": (1, 10_000)}

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.storm = 1
        self._pulses_e6 = 0
        self._then = clock.now()

    def sysfs(self, path: str) -> str | None:
        """Pulses since power-on."""
        assert path == COUNTER, "asked for a file of files"
        now = self._clock.now()
        self._pulses_e6 += (now - self._then) * self.storm * 528 // 3600
        self._then = now
        return str(self._pulses_e6 // 1_000_000)
