"""Numbers that nobody who has not heard them can give back: for arming.

One 64-bit number of the board's own random source, drawn when the program starts, is behind all of a life's; a
simulation hands in a fixed one. A number proves that its sender has heard the arm report: it is no key, and a recording
of the flight may hold what it is made of.
Off nominal: a board without a source of random numbers has none (None), and then nothing can be armed.
"""

import hashlib
from collections.abc import Callable
from typing import Final

NONCE_MAX: Final = 0xFFFF_FFFF
Nonces = Callable[[], int | None]
"""The next number, 0 to `NONCE_MAX`."""


class SeededNonces:
    """Numbers of this life. `seed` is asked once, `boot_count` keeps lives apart where the seed stays the same."""

    def __init__(self, seed: Callable[[], int | None], boot_count: Callable[[], int]) -> None:
        self._ask = seed
        self._boot_count = boot_count
        self._seed: int | None = None
        self._drawn = 0

    def __call__(self) -> int | None:
        """The next one."""
        if self._seed is None:
            self._seed = self._ask()
        if self._seed is None:
            return None
        self._drawn += 1
        parts = (self._seed & 0xFFFF_FFFF_FFFF_FFFF, self._boot_count(), self._drawn)
        drawn = hashlib.sha256(b"".join(part.to_bytes(8, "big") for part in parts)).digest()
        return int.from_bytes(drawn[:4], "big")
