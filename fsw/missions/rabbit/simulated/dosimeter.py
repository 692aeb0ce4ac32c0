"""SIMULATED dosimeter for the bench: pulses at a given rate of the injected clock. No detector is behind it."""

from fsw.kernel.clock import Clock


class Device:
    """Counts as a quiet Moon would make it count (13 200 nGy/h at 25 nGy a pulse), times `storm`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.storm = 1
        self._pulses_e6 = 0
        self._then = clock.now()

    def pulses(self) -> int | None:
        """Pulses since power-on."""
        now = self._clock.now()
        self._pulses_e6 += (now - self._then) * self.storm * 528 // 3600
        self._then = now
        return self._pulses_e6 // 1_000_000
