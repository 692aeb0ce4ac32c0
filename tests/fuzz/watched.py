"""A target whose process may not grow: resident memory is looked at every so many inputs."""

import gc
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

GROWTH_MIB: Final = 64
"""From a warm process on. What atheris and libFuzzer keep for themselves is a few MiB of it."""
GROWTH_OBJECTS: Final = 50_000
"""Objects that the collector knows of, from then on."""
WARM: Final = 5_000
LOOK: Final = 1_000
TELL: Final = 50


def rss_mib() -> int:
    """Resident memory now; where the system does not say, its highest."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


class Watched:
    """Called as the target is; raises too when memory, or the number of objects, has grown since `warm` inputs."""

    def __init__(
        self, judge: Callable[[bytes], None], *, growth_mib: int = GROWTH_MIB, warm: int = WARM, look: int = LOOK
    ) -> None:
        self._judge = judge
        self._growth_mib = growth_mib
        self._warm = warm
        self._look = look
        self._first_mib: int | None = None
        self._first_objects = 0
        self.inputs = 0

    def __call__(self, octets: bytes) -> None:
        """One input."""
        self._judge(octets)
        self.inputs += 1
        if self.inputs % self._look:
            return
        gc.collect()
        now, objects = rss_mib(), len(gc.get_objects())
        if self._first_mib is None and self.inputs >= self._warm:
            self._first_mib, self._first_objects = now, objects
        if self.inputs % (TELL * self._look) == 0 or self._first_mib is None:
            sys.stderr.write(f"inputs {self.inputs}: {now} MiB, {objects} objects\n")
        if self._first_mib is not None:
            assert now <= self._first_mib + self._growth_mib, f"grown from {self._first_mib} to {now} MiB"
            grown = objects - self._first_objects
            assert grown <= GROWTH_OBJECTS, f"{grown} objects more than when it was warm"
