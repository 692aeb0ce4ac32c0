"""The payload's end in virtual time: the simulated board with the real flight software in it."""

import hashlib
from collections.abc import Callable
from typing import Final

from fsw.kernel.clock import Micros
from hil.bench import Bench
from hil.board.board import Board
from hil.board.probe import tap
from hil.faults.flight_faults import FlightFaults
from hil.written.fault import Fault
from hil.written.fault_kinds import Ability


class VirtualEnd:
    """A `hil.bench.End`. `next_due` is when the board has work: then `step`; `heard_us` when the line from it has."""

    name: Final = "sim"
    abilities: Final = frozenset(Ability)

    def __init__(self, board: Board) -> None:
        self.board = board
        self.up = board.line.up
        self.octets_down = 0
        self._digest = hashlib.sha256()
        self._faults = FlightFaults(board)
        self._executed: Callable[[bytes], None] | None = None

    def attach(self, bench: Bench) -> None:
        """Stand at the end of the bench's line, and tell its observers."""
        line, tell, clock = self.board.line, bench.observers.tell, bench.clock
        line.up_channel, self._down = bench.up, bench.down
        emitted = "emitted" in bench.observers.wanted

        def write(octets: bytes) -> None:
            self._digest.update(octets)
            self.octets_down += len(octets)
            if emitted:
                tell("emitted", octets, clock.now())

        line.on_write = write
        if "reached" in bench.observers.wanted:
            line.on_read = lambda octets: tell("reached", octets, clock.now())
        if "executed" in bench.observers.wanted:
            self._executed = lambda request_id: tell("executed", request_id, clock.now())

        def told(on: bool) -> None:
            self._tap()
            tell("power", on, clock.now())

        self.board.told_power = told

    def counters(self) -> dict[str, int]:
        """What the line has counted."""
        line = self.board.line
        return {
            "line.octets_up": line.up.octets_out,
            "line.octets_down": line.down.octets_out,
            "line.overruns": line.up.overruns + line.down.overruns,
            "board.lives": self.board.lives,
        }

    def digest(self) -> str:
        """SHA-256 of every octet that the line took from the payload, in hex."""
        return self._digest.hexdigest()

    def next_due(self) -> Micros:
        """When the board has work."""
        return self.board.next_due()

    def heard_us(self) -> Micros:
        """When a whole unit of the board's has crossed the line, or the channel has octets of its own: `receive`."""
        unit_us, own_us = self.board.line.down.unit_due(), self._down.next_due()
        return own_us if own_us < unit_us else unit_us

    def step(self) -> None:
        """Let the board run the tick that is due, behind `next_due`."""
        self.board.step(looked=True)

    def power(self, on: bool, now: Micros) -> None:
        """The lander's switch."""
        self._faults.power(on)
        self._tap()

    def _tap(self) -> None:
        """A new life's processes tell what they execute."""
        if self._executed is not None and self.board.app is not None:
            tap(self.board, self._executed)

    def receive(self, now: Micros) -> bytes:
        """Octets that have crossed the line, behind the channel."""
        return self._down.carry(self.board.line.down.take(now), now) if self.heard_us() <= now else b""

    def surround(self, name: str, value: int) -> str:
        """Set a twin's surroundings."""
        self.board.twins.set(name, value)
        return ""

    def begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault on the payload's side; why not, or empty."""
        return self._faults.begin(fault, now) or ""

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""
        self._faults.end(fault, now)
