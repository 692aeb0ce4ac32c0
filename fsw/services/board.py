"""What the tasks must know of one another: each field has one writer, named beside it, and any number of readers.

Nobody looks again and again: a change of any field rings the bell of every reader, and so wakes its slot.

Off nominal: a field without a writer keeps what it was made with; nothing here checks or refuses.
"""

from enum import IntFlag, unique
from typing import Final, NamedTuple

from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.lander import LanderLink, LanderTime, RequestKind
from fsw.mdb.system import Mode, ModeReason, ResetCause, StopReason


@unique
class Health(IntFlag):
    """Health octet of heartbeat and beacon; 0 is well."""

    STORE = 1
    STRUCK_OUT = 2
    LIMIT = 4


_UNSET: Final = object()


class Announced(NamedTuple):
    """A time message of the lander's that was heard at `at_us` of our clock (comms -> system)."""

    message: LanderTime
    at_us: Micros


class Tone(NamedTuple):
    """A lander heartbeat began at `at_us` of our clock (comms -> system)."""

    at_us: Micros


class Board:
    """The board's common state. `bell` gives a reader its own wake."""

    __slots__ = (
        "_bells",
        "boot_count",
        "health",
        "kept",
        "lander_alive",
        "lander_requests",
        "link",
        "loads_on",
        "minimal",
        "mode",
        "off_at_us",
        "reset_cause",
        "safe_wanted",
        "stop_wanted",
        "stopped",
        "time_exponent",
    )

    def __init__(self) -> None:
        self._bells: list[Bell] = []
        self.mode = Mode.BOOT  # system
        self.minimal = False  # system: after a loop of resets nothing is on that need not be
        self.boot_count = 0  # system; 0: not known
        self.reset_cause = ResetCause.UNKNOWN  # system
        self.health = Health(0)  # system
        self.time_exponent = 4  # system
        self.kept = False  # system: all that must outlive a power-off is kept
        self.stopped = False  # system: orderly stop is done
        self.lander_alive = True  # comms; true until supervision has begun and failed
        self.loads_on = 0  # power; bit n is row n of the mission's load table
        self.off_at_us = NEVER  # power: when OPS goes off, by the lander's notice
        self.safe_wanted: ModeReason | None = None  # supervisor, power and comms; taken back by system
        self.stop_wanted: StopReason | None = None  # __main__
        self.link: LanderLink | None = None  # comms: what the lander last said of its link to the ground
        self.lander_requests: list[tuple[RequestKind, int]] = []  # power -> comms; wakes by itself

    def bell(self) -> Bell:
        """A bell that rings at every change of a field."""
        bell = Bell()
        self._bells.append(bell)
        return bell

    def __setattr__(self, name: str, value: object) -> None:
        if getattr(self, name, _UNSET) != value:
            object.__setattr__(self, name, value)
            for bell in self._bells:
                bell.ring()
