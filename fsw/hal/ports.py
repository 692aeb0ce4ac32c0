"""What tasks see of the outside world: protocols only. Who implements one is decided where the program is composed."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import NamedTuple, Protocol

from fsw.kernel.bus import Wire
from fsw.kernel.clock import Clock, Micros
from fsw.kernel.key import NO_KEYRING, KeyRing


@unique
class LineState(Enum):
    """Whether octets can flow."""

    CLOSED = 0
    OPEN = 1


class LinePort(Protocol):
    """A serial line that may be missing, vanish and come back. No call blocks.

    `len` is not 0 when octets may have arrived: it wakes the slot that reads. Where asking costs as much as reading it
    is always 1.
    """

    def __len__(self) -> int: ...

    @property
    def state(self) -> LineState:
        """Whether the port is open, as last seen."""
        ...

    @property
    def opens(self) -> int:
        """How often the port has been opened."""
        ...

    @property
    def faults(self) -> int:
        """How often the port vanished, or refused to open for a new reason."""
        ...

    @property
    def fault(self) -> str:
        """The last fault as text; empty when there was none."""
        ...

    def read(self) -> bytes:
        """The octets that have arrived; empty when there are none now."""
        ...

    def write(self, octets: bytes) -> int:
        """Hand octets to the line; returns how many it took, which may be fewer than given, or 0."""
        ...

    def poll(self, now: Micros) -> LineState:
        """Notice a vanished port, try to open a missing one at most every 250 ms; returns the state."""
        ...


class Watchdog(Protocol):
    """A timer that resets the board unless it is stroked in time."""

    def stroke(self) -> None:
        """Hold the reset off for one more period."""
        ...

    def disarm(self) -> None:
        """Stop it at an orderly end, where it can be stopped."""
        ...


class Sensor(Protocol):
    """One raw reading."""

    def read(self) -> int | None:
        """The raw value; None when the sensor is absent."""
        ...


class BoardReadings(NamedTuple):
    """What the computer knows of itself; None is absent, never invented.

    CPU load, memory and disk in use in 1/1000; package temperature in 1/100 degree Celsius; throttled flags as the
    Raspberry Pi firmware defines them (bit 0 under-voltage now, 1 frequency capped, 2 throttled, 16-18 since boot);
    supply in mV. `watchdog_reset`: 1 when the computer's last reset was its watchdog's, 0 when not; `computer_boot`:
    a number of this boot of the computer's own, so that its reset is not told twice; `nonce_seed`: 64 bits of
    its random source, drawn when the program starts.
    """

    cpu_load_permille: int | None
    package_temperature_cdegc: int | None
    memory_used_permille: int | None
    disk_used_permille: int | None
    throttled_flags: int | None
    supply_mv: int | None
    watchdog_reset: int | None = None
    computer_boot: int | None = None
    nonce_seed: int | None = None


class BoardSensors(Protocol):
    """The readings of the computer flight runs on."""

    def read(self) -> BoardReadings:
        """All readings, now."""
        ...


class Opener(Protocol):
    """The port through which an instrument's device reads the board; instruments open nothing themselves."""

    def sysfs(self, path: str) -> str | None:
        """Text of one small file of sysfs or procfs, at most 4 KiB; None when it is absent or unreadable."""
        ...


class World(NamedTuple):
    """What lies outside the program."""

    clock: Clock
    line: LinePort
    wires: Mapping[str, Wire]  # by the name of the device server: "store"
    sensors: BoardSensors
    devices: Mapping[str, object]  # by the name of the instrument
    watchdog: Watchdog
    keyring: KeyRing = NO_KEYRING  # of the link; without keys it is clear


class Outside(NamedTuple):
    """A world before the instruments' devices are made of what `opener` shows them."""

    clock: Clock
    line: LinePort
    wires: Mapping[str, Wire]
    sensors: BoardSensors
    opener: Opener
    watchdog: Watchdog
    keyring: KeyRing = NO_KEYRING
