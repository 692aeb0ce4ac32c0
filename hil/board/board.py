"""The simulated board: the real flight `App` in a world of memory and a handed-down clock, under a power switch.

What outlives the App is what outlives a real power cut: the store's file and the bench's clock. Everything else, its
clock, its queues, what is on the line and what the store had not yet begun, ends with it (architecture, rule 10).
SIMULATED: line, sensors of the computer, the instruments' hardware, watchdog. REAL: all of `fsw.app`, the instruments'
device code, the store's server.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from fsw.app import STOP_US, App, compose, header_of
from fsw.capture.recorder import Recorder, Sink
from fsw.config import Config
from fsw.hal.ports import BoardSensors, LinePort, Opener, Outside
from fsw.kernel.bus import InlineWire, Wire
from fsw.kernel.clock import NEVER, TICK_US, Clock, ManualClock, Micros
from fsw.kernel.key import NO_KEYRING, NO_KEYS, KeyRing, Keys
from fsw.mdb.mission import Mission
from fsw.mdb.system import StopReason
from fsw.store.server import StoreServer
from hil.board.flight_code import CodeFiles
from hil.board.flight_disk import Disk, FailingServer
from hil.board.flight_keys import KeyFolder
from hil.board.twins import Twins
from hil.board.world import BoardClock, CountingWatchdog, MemoryLine, SimulatedSensors

STORE_LATENCY_US: Final = 3_000
"""How long the simulated disk takes for one answer."""
RESTART_US: Final = 1_000_000
"""How long a program that was told to restart takes to be back. SIMULATED: no board was measured."""
WATCHDOG_US: Final = 15_000_000
"""How long the watchdog bears to be left alone; then it resets the board."""


class Powered(Protocol):
    """Whatever has flight software in it while it has power: the simulated board, or a replay."""

    app: App | None


def flying(board: Powered) -> App:
    """The flight software of something that has power."""
    assert board.app is not None, "what has no power has no memory"
    return board.app


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
        keyring: KeyRing = NO_KEYRING,
    ) -> None:
        outside = Outside(clock, line, wires, sensors, opener, CountingWatchdog(), keyring)
        self.app: App | None = compose(config, mission, outside)


class Board:
    """One simulated board on the bench's `clock`, its store in file `store`; off until `power_on`.

    Times of this class are the bench's. `told_power` hears of what the board's power does by itself. Whoever owns
    the clock moves it to `next_due()` at the latest and calls `step()`; `run_until` does so for a board that is
    alone. With `skips_idle` false every base tick is run: the octets are the same. With `keys`, as files of its disk,
    its link is protected.
    """

    def __init__(self, mission: Mission, config: Config, clock: Clock, store: Path, keys: Keys = NO_KEYS) -> None:
        self.mission = mission
        self._config = config
        self._clock = clock
        self.disk = Disk(store)
        self.key_files = KeyFolder(store.parent, keys)
        self.code = CodeFiles()
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
        self._looked_us = Micros(0)
        """The next base tick with work, in the board's time, as of the last look."""
        self._give_up_us = NEVER
        self._strokes = 0
        self._bites_us = NEVER
        self._bitten = False
        self._again_us = NEVER

    def power_on(self) -> App:
        """Boot: a new App with its clock at zero; one that runs goes on."""
        if self.app is not None:
            return self.app
        clock = self._board_clock = BoardClock(self._clock, self.clock_ppm)
        self.lives += 1
        self.stalled = False
        self.line.power_on()
        self.sensors.bitten, self._bitten = self._bitten, False
        self.watchdog = CountingWatchdog()
        self._strokes = 0
        self._bites_us = Micros(self._clock.now() + WATCHDOG_US)
        self.store_wire = InlineWire(self._open_store, clock, self.store_latency_us)
        self.twins.power_on(clock)
        wires = {"store": self.store_wire, "code": InlineWire(self.code.server, clock, self.store_latency_us)}
        keyring = self.key_files.fly()
        outside = Outside(clock, self.line, wires, self.sensors, self.twins, self.watchdog, keyring)
        recorder = None
        if self.record is not None:
            header = header_of(self._config, self.mission, "sim", self.lives, self._clock.now(), keyring=keyring)
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
        self._again_us = NEVER
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
        due = self._due
        if due <= following or not self.skips_idle:
            return following
        arrival_us = self.line.arrival()
        if arrival_us < NEVER:
            due = min(due, self._tick_at(arrival_us))
        return max(following, due)

    def next_due(self) -> Micros:
        """When the next base tick with work comes, or the watchdog bites; NEVER while the power is off."""
        if self.app is None:
            return self._again_us
        if self.stalled:
            return self._bites_us
        self._looked_us = self._planned()
        due = self._board_clock.when(self._looked_us)
        return due if due < self._bites_us else self._bites_us

    def step(self, *, looked: bool = False) -> None:
        """Run the base tick that has come due by now, if one has; let the watchdog bite if nobody strokes it.

        `looked`: nothing but time has moved since `next_due` was asked.
        """
        now = self._clock.now()
        if self.app is None:
            if now >= self._again_us:
                self.reset()
            return
        planned = NEVER if self.stalled else self._looked_us if looked else self._planned()
        shown = self._board_clock.of(now)
        if shown >= planned:
            self._due = self.app.tick(planned)
            self._last_us = Micros(shown // TICK_US * TICK_US)
            if self.app.done or now >= self._give_up_us:
                self.app.world.watchdog.disarm()
                again = self.app.board.stop_wanted is StopReason.COMMAND
                self._end("orderly")  # a driver sends what it was handed also when its port is closed
                self._again_us = Micros(now + RESTART_US) if again else NEVER
                return
        if self.watchdog.strokes != self._strokes:
            self._strokes = self.watchdog.strokes
            self._bites_us = Micros(now + WATCHDOG_US)
        elif now >= self._bites_us:
            self.reset(bitten=True)

    def reset(self, *, bitten: bool = False) -> None:
        """The hardware starts anew: a power cut, and power; `bitten`: its watchdog did it, and the hardware knows."""
        self._bitten = bitten
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
        self._server = StoreServer(str(self.disk.path), self.disk.connect, synced=False)
        return FailingServer(self._server, self.disk)

    def remount(self) -> None:
        """What the disk allows has changed: the store finds out at its next request."""
        if self._server is not None:
            self._server.close()
