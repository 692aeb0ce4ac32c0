"""SIMULATED: what surrounds the flight software of a simulated board: its clock, line, sensors and watchdog."""

from collections.abc import Callable
from typing import Final

from fsw.hal.ports import BoardReadings, LineState
from fsw.kernel.clock import Clock, Micros
from hil.line.channel import Channel
from hil.line.line import Paced

REOPEN_US: Final = 250_000
"""A missing port is tried at most this often, as the real one."""
_MILLION: Final = 1_000_000


class BoardClock:
    """Time since power-on, seen on the bench's clock; a crystal that is off runs `ppm` fast (negative: slow)."""

    __slots__ = ("_behind_us", "_bench", "_from_us", "_rate", "_since_us", "stopwatch_ns")

    def __init__(self, bench: Clock, ppm: int = 0) -> None:
        self._bench = bench
        self._since_us = bench.now()  # the bench's time when the rate was set
        self._from_us = 0  # this clock's time then
        self._rate = _MILLION + ppm
        self._behind_us: int = self._since_us  # how far it is behind the bench's, at the true rate
        self.stopwatch_ns = bench.stopwatch_ns
        """Free-running nanoseconds of the bench's clock."""

    def now(self) -> Micros:
        """Microseconds since power-on."""
        return self.of(self._bench.now())

    def of(self, t: Micros) -> Micros:
        """This clock's time at `t` of the bench's."""
        if self._rate == _MILLION:
            return Micros(t - self._behind_us)
        return Micros(self._from_us + (t - self._since_us) * self._rate // _MILLION)

    def when(self, t: Micros) -> Micros:
        """The first time of the bench's at which this clock shows `t`."""
        if self._rate == _MILLION:
            return Micros(t + self._behind_us)
        return Micros(self._since_us - ((self._from_us - t) * _MILLION // self._rate))

    def drift(self, ppm: int) -> None:
        """Run so fast from now on; the time goes on from where it is."""
        assert abs(ppm) < _MILLION, "a clock runs on"
        now = self._bench.now()
        self._from_us, self._since_us, self._rate = self.of(now), now, _MILLION + ppm
        self._behind_us = self._since_us - self._from_us


class MemoryLine:
    """A full-duplex serial line of 8N1 octets; flight's end is a `LinePort`, the lander's are `up` and `down`.

    `len` tells flight whether octets have arrived. `plugged` is the cable: without it nothing passes either way. In
    `up_channel` faults befall what has crossed the line to flight; whoever takes from `down` has a channel of its own.
    """

    def __init__(self, clock: Clock, baud: int) -> None:
        self._clock = clock
        self.up = Paced(baud)
        self.down = Paced(baud)
        self.up_channel: Channel | None = None
        self.plugged = True
        self.state = LineState.CLOSED
        self.opens = 0
        self.faults = 0
        self.fault = ""
        self.on_read: Callable[[bytes], None] | None = None
        """Told of every octet that flight reads: what has reached the payload."""
        self.on_write: Callable[[bytes], None] | None = None
        """Told of every octet that the line takes from flight."""
        self._retry_us = Micros(0)

    def __len__(self) -> int:
        return self.arrival() <= self._clock.now()

    def arrival(self) -> Micros:
        """When flight's end of the line has something to notice: a unit that has come whole, or that the cable is out.

        A driver that hands octets on in bursts: flight reads no earlier than it could make anything of them.
        """
        if not self.plugged and self.state is LineState.OPEN:
            return self._clock.now()
        due = self.up.unit_due()
        if self.up_channel is None:
            return due
        own = self.up_channel.next_due()
        return own if own < due else due

    def read(self) -> bytes:
        """What has arrived."""
        if self.state is not LineState.OPEN:
            return b""
        octets = self._take()
        if octets and self.on_read is not None:
            self.on_read(octets)
        return octets

    def _take(self) -> bytes:
        now = self._clock.now()
        octets = self.up.take(now)
        return octets if self.up_channel is None else self.up_channel.carry(octets, now)

    def write(self, octets: bytes) -> int:
        """Hand octets to the line; returns how many it took."""
        if self.state is not LineState.OPEN:
            return 0
        taken = octets[: self.down.octets_max - len(self.down)]
        self.down.put(taken, self._clock.now())
        if self.on_write is not None:
            self.on_write(taken)
        return len(taken)

    def poll(self, now: Micros) -> LineState:
        """Notice a missing cable; try it again at most every 250 ms."""
        if self.state is LineState.OPEN and not self.plugged:
            self.state = LineState.CLOSED
            self.faults += 1
            self.fault = "SIMULATED cable is out"
            self.clear()
        elif self.state is LineState.CLOSED and now >= self._retry_us:
            self._retry_us = Micros(now + REOPEN_US)
            if self.plugged:
                self._take()  # nobody listened
                self.state = LineState.OPEN
                self.opens += 1
        return self.state

    def clear(self) -> None:
        """Lose what is under way, and what the receiver had not handed on."""
        self.up.clear()
        self.down.clear()
        if self.up_channel is not None:
            self.up_channel.clear()

    def power_on(self) -> None:
        """Another process comes to the port: nothing is open, nothing is counted."""
        self.clear()
        self.state = LineState.CLOSED
        self.opens = self.faults = 0
        self.fault = ""
        self._retry_us = Micros(0)


class SimulatedSensors:
    """SIMULATED readings of a small computer; `readings` is the bench's to change, `package_cdegc` a fault's."""

    def __init__(self) -> None:
        self.package_cdegc: Callable[[], int] | None = None
        self.bitten = False
        """Whether the watchdog did the last reset."""
        self.readings = BoardReadings(
            cpu_load_permille=40,
            package_temperature_cdegc=3_500,
            memory_used_permille=250,
            disk_used_permille=400,
            throttled_flags=0,
            supply_mv=None,
            nonce_seed=0x4B52_4154_4149,
        )

    def read(self) -> BoardReadings:
        """The readings as the bench has set them, and the temperature that a fault makes."""
        readings = self.readings
        if self.bitten:
            readings = readings._replace(watchdog_reset=1)
        if self.package_cdegc is not None:
            readings = readings._replace(package_temperature_cdegc=self.package_cdegc())
        return readings


class CountingWatchdog:
    """SIMULATED watchdog: it counts strokes; the board looks at the count and resets itself."""

    def __init__(self) -> None:
        self.strokes = 0
        self.armed = True

    def stroke(self) -> None:
        """Count."""
        self.strokes += 1

    def disarm(self) -> None:
        """An orderly end."""
        self.armed = False
