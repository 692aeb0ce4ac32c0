"""The payload's end on the rung `pty`: `python -m fsw` as a process on a pseudo-terminal, switched like its supply.

The flight software is the program that flies, on this computer's own clock; SIMULATED are the instruments' sensors (the
mission's twins, as files) and the supply (power on starts the process, a power cut kills it).
"""

import shlex
import sys
from pathlib import Path
from typing import Final

from fsw.config import LINES
from fsw.kernel.clock import Clock, Micros
from fsw.kernel.key import NO_KEYS, Keys
from fsw.mdb.mission import Mission
from hil.bench import Bench
from hil.board.twins import Twins
from hil.faults.heat import Heat
from hil.faults.twin_faults import SENSOR_KINDS, TwinFaults
from hil.lander.profiles import LanderProfile
from hil.observer import Finding, Observers
from hil.rungs.board_process import BoardError, BoardProcess
from hil.rungs.pty_line import PtyLine
from hil.rungs.real_line import RealLine
from hil.rungs.sensor_files import REFRESH_US, SensorFiles
from hil.written.fault import Fault
from hil.written.fault_kinds import Ability

NOTE: Final = "rung"
USUAL_CDEGC: Final = 3_500
"""What the board's package goes back to after a fault of its temperature. SIMULATED."""


class _SincePower:
    """Time since power-on on the bench's clock."""

    __slots__ = ("_bench", "_zero_us")

    def __init__(self, bench: Clock) -> None:
        self._bench = bench
        self._zero_us = bench.now()

    def now(self) -> Micros:
        return Micros(self._bench.now() - self._zero_us)

    def stopwatch_ns(self) -> int:
        return self._bench.stopwatch_ns()


class PtyEnd:
    """A `real_time.LiveEnd`. What the process keeps and says lies in `folder`; `record` is for `fly --record`.

    With `keys` (SIMULATED, as long as the run) the program flies protected.
    """

    name: Final = "pty"
    abilities: Final = frozenset((Ability.LINE, Ability.POWER, Ability.SENSORS))

    def __init__(
        self,
        profile: LanderProfile,
        mission: Mission,
        clock: Clock,
        folder: Path,
        record: Path | None = None,
        keys: Keys = NO_KEYS,
    ) -> None:
        if profile.tm_frame_octets != LINES[profile.line].tm_frame_octets:
            raise BoardError(
                f"lander profile {profile.name}: the flight software as a program has frames of "
                f"{LINES[profile.line].tm_frame_octets} octets on line {profile.line}, not {profile.tm_frame_octets}"
            )
        self._clock = clock
        self._twins = Twins(mission, clock)
        self._faults = TwinFaults(self._twins, mission)
        self._heat = Heat()
        self._active: list[Fault] = []
        self._files = SensorFiles(self._twins, folder / "sensors")
        words = [sys.executable, "-P", "-m", "fsw", "--port", "{port}", "--mission", str(mission.folder)]
        words += ["--line", profile.line, "--baud", str(profile.baud), "--carrier", profile.carrier]
        words += [] if keys else ["--clear"]
        words += ["--state", str(folder / "flight"), "--sensors", str(folder / "sensors")]
        words += [] if record is None else ["--record", str(record)]
        folder.mkdir(parents=True, exist_ok=True)
        _install(keys, folder / "flight" / "keys")
        self._board = BoardProcess(shlex.join(words), folder / "flight.log")
        self._device = PtyLine()
        self.line = RealLine(self._device, profile.baud, profile.baud)
        self.up = self.line.up
        self.notes: list[Finding] = []
        self._observers: Observers | None = None
        self._warm = False  # whether the board's own temperature is a fault's to show
        self._lives = 0
        self._refresh_us = Micros(0)

    def attach(self, bench: Bench) -> None:
        """Stand at the end of the bench's line."""
        self._observers = bench.observers
        self.line.attach(bench)

    def fileno(self) -> int:
        """What is readable when the payload has spoken; -1 while only time can tell."""
        return -1 if self.line.behind else self._device.fileno()

    def look(self, now: Micros) -> bool:
        """Move octets, look after files and process; whether something has come for the bench."""
        if now >= self._refresh_us:
            self._refresh_us = Micros(now + REFRESH_US)
            self._refresh(now)
            status = self._board.exited()
            if status is not None:
                self._note(now, f"the flight software ended by itself, with exit status {status}", breach=status != 0)
        return self.line.look(now)

    def next_due(self, now: Micros) -> Micros:
        """When to look again if the payload says nothing."""
        return min(self.line.next_due(now), self._refresh_us)

    def receive(self, now: Micros) -> bytes:
        """Octets that have crossed the line."""
        return self.line.receive(now)

    def power(self, on: bool, now: Micros) -> None:
        """Start the process, or kill it."""
        if not on:
            self._board.power_off()
        self.line.cut()
        if not on:
            return
        self._lives += 1
        self._twins.power_on(_SincePower(self._clock))
        self._files.write()
        try:
            self._board.power_on(self._device.path)
        except BoardError as error:
            self._note(now, str(error), breach=True)

    def surround(self, name: str, value: int) -> str:
        """Set a twin's surroundings."""
        self._twins.set(name, value)
        self._files.write()
        return ""

    def begin(self, fault: Fault, now: Micros) -> str:
        """A fault of the sensors; why not, or empty."""
        if fault.kind in SENSOR_KINDS:
            why = self._faults.why_not(fault)
        elif fault.kind == "cold_start":
            why = "" if self._board.pid else "the payload has no power anyway"
        else:
            why = "" if fault.kind == "over_temperature" else f"{fault.kind} cannot be done to a process"
        if not why and fault.for_us:
            self._active.append(fault)
            self._apply(now)
            if fault.kind == "cold_start":
                self._restart(now)
        return why

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""
        if fault.for_us:
            self._active.remove(fault)
            self._apply(now)

    def _apply(self, now: Micros) -> None:
        """Make the sensors what all active faults want."""
        self._faults.apply(self._active)
        self._warm = self._heat.apply(self._active, USUAL_CDEGC, now)
        self._refresh(now)

    def _refresh(self, now: Micros) -> None:
        self._files.write()
        if self._warm:
            self._files.warm(self._heat.shown(now))

    def _restart(self, now: Micros) -> None:
        """A power cut, and power: seen by who watches, not by the lander."""
        assert self._observers is not None, "attached before"
        for on in (False, True):
            self.power(on, now)
            self._observers.tell("power", on, now)

    def counters(self) -> dict[str, int]:
        """What line and supply have counted."""
        return self.line.counters() | {"board.lives": self._lives}

    def close(self) -> None:
        """End the process in order, and give the terminal back."""
        self._board.stop()
        self._device.close()

    def _note(self, now: Micros, text: str, *, breach: bool) -> None:
        self.notes.append(Finding(NOTE, now, text, breach))


def _install(keys: Keys, folder: Path) -> None:
    """Give the program its keys as a board is given them: a file a SPI, for the owner only."""
    if keys:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for spi, key in keys.items():
        path = folder / f"{spi:04X}.key"
        path.touch(mode=0o600)
        path.write_bytes(key.octets)
