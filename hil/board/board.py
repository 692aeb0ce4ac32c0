"""The simulated board: the real flight `App` in a world of memory and a handed-down clock, under a power switch.

What outlives the App is what outlives a real power cut: the store's file and the bench's clock. Everything else, its
clock, its queues, what is on the line and what the store had not yet begun, ends with it (architecture, rule 10).
SIMULATED: line, sensors of the computer, the instruments' hardware, watchdog. REAL: all of `fsw.app`, the instruments'
device code, the store's server.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from fsw.app import STOP_US, App, Outside, compose, header_of
from fsw.capture.recorder import Recorder, Sink
from fsw.config import Config
from fsw.hal.ports import BoardReadings, BoardSensors, LinePort, LineState, Opener
from fsw.kernel.bus import InlineWire, Wire
from fsw.kernel.clock import NEVER, TICK_US, Clock, ManualClock, Micros
from fsw.mdb.mission import Mission
from fsw.mdb.system import StopReason
from fsw.store.server import StoreServer
from hil.board.flight_disk import Disk, FailingServer
from hil.board.twins import Twins
from hil.line.channel import Channel
from hil.line.line import Paced

STORE_LATENCY_US: Final = 3_000
"""How long the simulated disk takes for one answer."""
REOPEN_US: Final = 250_000
"""A missing port is tried at most this often, as the real one."""
WATCHDOG_US: Final = 15_000_000
"""How long the watchdog bears to be left alone; then it resets the board."""
_MILLION: Final = 1_000_000


class BoardClock:
    """Time since power-on, seen on the bench's clock; a crystal that is off runs `ppm` fast (negative: slow)."""

    __slots__ = ("_behind_us", "_bench", "_from_us", "_rate", "_since_us")

    def __init__(self, bench: Clock, ppm: int = 0) -> None:
        self._bench = bench
        self._since_us = bench.now()  # the bench's time when the rate was set
        self._from_us = 0  # this clock's time then
        self._rate = _MILLION + ppm
        self._behind_us: int = self._since_us  # how far it is behind the bench's, at the true rate

    def now(self) -> Micros:
        """Microseconds since power-on."""
        return self.of(self._bench.now())

    def stopwatch_ns(self) -> int:
        """Free-running nanoseconds of the bench's clock."""
        return self._bench.stopwatch_ns()

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
        return int(self.arrival() <= self._clock.now())

    def arrival(self) -> Micros:
        """When flight's end of the line has something to notice: a unit that has come whole, or that the cable is out.

        A driver that hands octets on in bursts: flight reads no earlier than it could make anything of them.
        """
        if not self.plugged and self.state is LineState.OPEN:
            return self._clock.now()
        due = self.up.unit_due()
        return due if self.up_channel is None else min(due, self.up_channel.next_due())

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
        self.readings = BoardReadings(
            cpu_load_permille=40,
            package_temperature_cdegc=3_500,
            memory_used_permille=250,
            disk_used_permille=400,
            throttled_flags=0,
            supply_mv=None,
        )

    def read(self) -> BoardReadings:
        """The readings as the bench has set them, and the temperature that a fault makes."""
        if self.package_cdegc is None:
            return self.readings
        return self.readings._replace(package_temperature_cdegc=self.package_cdegc())


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


class Powered(Protocol):
    """Whatever has flight software in it while it has power: the simulated board, or a replay."""

    app: App | None


class Flown:
    """The flight software alone, in a world that somebody else gives: that of a replay."""

    def __init__(
        self,
        mission: Mission,
        config: Config,
        clock: Clock,
        line: LinePort,
        wires: Mapping[str, Wire],
        sensors: BoardSensors,
        opener: Opener,
    ) -> None:
        outside = Outside(clock, line, wires, sensors, opener, CountingWatchdog())
        self.app: App | None = compose(config, mission, outside)


class Board:
    """One simulated board on the bench's `clock`, its store in file `store`; off until `power_on`.

    Times of this class are the bench's. `told_power` hears of what the board's power does by itself. Whoever owns
    the clock moves it to `next_due()` at the latest and calls `step()`; `run_until` does so for a board that is
    alone. With `skips_idle` false every base tick is run: the octets are the same.
    """

    def __init__(self, mission: Mission, config: Config, clock: Clock, store: Path) -> None:
        self.mission = mission
        self._config = config
        self._clock = clock
        self.disk = Disk(store)
        self.skips_idle = True
        self.clock_ppm = 0
        self.stalled = False
        """Whether the main loop hangs: no tick is run."""
        self.told_power: Callable[[bool], None] | None = None
        self.record: Sink | None = None
        """Where each life from here on is recorded."""
        self.line = MemoryLine(clock, config.line.baud)
        self.sensors = SimulatedSensors()
        self.watchdog = CountingWatchdog()
        self.store_latency_us = STORE_LATENCY_US
        self.store_wire: InlineWire | None = None
        self.twins = Twins(mission, clock)
        self.devices: Mapping[str, object] = {}
        self.app: App | None = None
        self.lives = 0
        self._server: StoreServer | None = None
        self._board_clock = BoardClock(clock)
        self._due = NEVER
        self._last_us = Micros(-TICK_US)
        self._give_up_us = NEVER
        self._strokes = 0
        self._bites_us = NEVER

    def power_on(self) -> App:
        """Boot: a new App with its clock at zero; one that runs goes on."""
        if self.app is not None:
            return self.app
        clock = self._board_clock = BoardClock(self._clock, self.clock_ppm)
        self.lives += 1
        self.stalled = False
        self.line.power_on()
        self.watchdog = CountingWatchdog()
        self._strokes = 0
        self._bites_us = Micros(self._clock.now() + WATCHDOG_US)
        self.store_wire = InlineWire(self._open_store, clock, self.store_latency_us)
        self.twins.power_on(clock)
        outside = Outside(clock, self.line, {"store": self.store_wire}, self.sensors, self.twins, self.watchdog)
        recorder = None
        if self.record is not None:
            header = header_of(self._config, self.mission, "sim", self.lives, self._clock.now())
            recorder = Recorder(self.record, header, clock, chunk_us=NEVER)
        self.app = compose(self._config, self.mission, outside, recorder)
        self.devices = self.app.world.devices
        self._due = Micros(0)
        self._last_us = Micros(-TICK_US)
        self._give_up_us = NEVER
        return self.app

    def cut(self) -> None:
        """Power off without a word: what the store had not begun, and what was on the line, is lost."""
        self.line.clear()
        self._end("cut")

    def close(self) -> None:
        """Power off, and the store's file given back."""
        self.cut()

    def _end(self, how: str) -> None:
        if self.app is not None and self.app.recorder is not None:
            self.app.recorder.finish(how)
        self.app = None
        self.store_wire = None
        if self._server is not None:
            self._server.close()
            self._server = None

    def stop(self, reason: StopReason = StopReason.SIGNAL) -> None:
        """Ask for an orderly stop; the board is off when it is done, or was not within `STOP_US`."""
        if self.app is not None:
            self.app.stop(reason)
            self._give_up_us = Micros(self._clock.now() + STOP_US)
            self._due = self._tick_at(self._clock.now())

    def injected(self, name: str, *values: int | str) -> None:
        """A bench has changed flight's memory (`hil.faults.injection`): a recording keeps it as input."""
        if self.app is not None and self.app.recorder is not None:
            self.app.recorder.injected(name, values)

    def now(self) -> Micros:
        """The bench's time."""
        return self._clock.now()

    def slow_store(self, latency_us: int) -> None:
        """Let every answer of the disk take so long, at least what it usually takes."""
        self.store_latency_us = max(latency_us, STORE_LATENCY_US)
        if self.store_wire is not None:
            self.store_wire.latency_us = self.store_latency_us

    def drift(self, ppm: int) -> None:
        """Let the crystal run so fast from now on, in this life and the next ones."""
        self.clock_ppm = ppm
        self._board_clock.drift(ppm)

    def _tick_at(self, t: Micros) -> Micros:
        """The first base tick, in the board's time, at or after `t` of the bench's."""
        return Micros(-(-self._board_clock.of(t) // TICK_US) * TICK_US)

    def _planned(self) -> Micros:
        """The next base tick with work, in the board's time."""
        following = Micros(self._last_us + TICK_US)
        if not self.skips_idle:
            return following
        if self._due <= following:
            return following
        arrival_us = self.line.arrival()
        if arrival_us >= NEVER:
            return self._due
        return max(following, min(self._due, self._tick_at(arrival_us)))

    def next_due(self) -> Micros:
        """When the next base tick with work comes, or the watchdog bites; NEVER while the power is off."""
        if self.app is None:
            return NEVER
        if self.stalled:
            return self._bites_us
        return min(self._board_clock.when(self._planned()), self._bites_us)

    def step(self) -> None:
        """Run the base tick that has come due by now, if one has; let the watchdog bite if nobody strokes it."""
        now = self._clock.now()
        if self.app is None:
            return
        planned = NEVER if self.stalled else self._planned()
        if self._board_clock.of(now) >= planned:
            self._due = self.app.tick(planned)
            self._last_us = Micros(self._board_clock.now() // TICK_US * TICK_US)
            if self.app.done or now >= self._give_up_us:
                self.app.world.watchdog.disarm()
                self._end("orderly")  # a driver sends what it was handed also when its port is closed
                return
        if self.watchdog.strokes != self._strokes:
            self._strokes = self.watchdog.strokes
            self._bites_us = Micros(now + WATCHDOG_US)
        elif now >= self._bites_us:
            self.reset()

    def reset(self) -> None:
        """The hardware starts anew, as it does when its watchdog bites: a power cut, and power."""
        for on in (False, True):
            if on:
                self.power_on()
            else:
                self.cut()
            if self.told_power is not None:
                self.told_power(on)

    def run_until(self, t: Micros, clock: ManualClock) -> None:
        """Run the board alone until the bench's time is `t`; `clock` is the one this board was given."""
        assert clock is self._clock, "a bench has one clock"
        while (due := self.next_due()) <= t:
            clock.advance_to(max(due, clock.now()))  # a loop that hung is late
            self.step()
        clock.advance_to(t)

    def _open_store(self) -> FailingServer:
        if self._server is not None:
            self._server.close()
        self._server = StoreServer(str(self.disk.path), self.disk.connect)
        return FailingServer(self._server, self.disk)

    def remount(self) -> None:
        """What the disk allows has changed: the store finds out at its next request."""
        if self._server is not None:
            self._server.close()
