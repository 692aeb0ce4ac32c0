"""The payload's end on the rung `device`: a real board on a serial port, or on one behind a network.

What the bench cannot do to it is not among its abilities: its surroundings are real, and its power is switched only
where the user has given a command for that. A port that vanishes is looked for again, and both are told.
"""

from typing import Final

from fsw.config import BAUD_MAX
from fsw.kernel.clock import NEVER, Micros
from hil.bench import Bench
from hil.lander.profiles import LanderProfile
from hil.observer import Finding
from hil.rungs.power_command import PowerCommand, PowerError
from hil.rungs.real_line import RealLine
from hil.rungs.serial_port import Port
from hil.written.fault import Fault
from hil.written.fault_kinds import Ability

REOPEN_US: Final = 250_000
"""A lost port is looked for at most this often."""
POLL_US: Final = 5_000
"""How often a port without a descriptor is asked."""
FAST_PERCENT: Final = 105
"""The wire sets the pace of what comes down; a UART may be so fast, and its octets must not pile up."""
NOTE: Final = "rung"


class DeviceEnd:
    """A `hil.rungs.real_time.LiveEnd`. With `power` the board is switched off first, so that its first boot is seen."""

    name: Final = "device"

    def __init__(self, url: str, profile: LanderProfile, power: PowerCommand | None = None) -> None:
        self.abilities = frozenset((Ability.LINE,) if power is None else (Ability.LINE, Ability.POWER))
        self._power = power
        self._port = Port(url, profile.baud)
        self.line = RealLine(self._port, profile.baud, min(profile.baud * FAST_PERCENT // 100, BAUD_MAX))
        self.up = self.line.up
        self.notes: list[Finding] = []
        self._lost_us: Micros | None = None
        self._retry_us = NEVER
        self._losses = 0
        self._unheard = False  # whether octets may have passed that nobody has heard
        try:
            if power is not None:
                power.switch(False)
        except PowerError:
            self._port.close()
            raise

    def attach(self, bench: Bench) -> None:
        """Stand at the end of the bench's line."""
        self._observers = bench.observers
        self.line.attach(bench)

    def fileno(self) -> int:
        """What is readable when the board has spoken; -1 while only time can tell."""
        return -1 if self.line.behind else self._port.fileno()

    def look(self, now: Micros) -> bool:
        """Move octets, look for a lost port; whether something has come for the bench."""
        if now >= self._retry_us:
            self._retry_us = Micros(now + REOPEN_US)
            if self._port.reopen():
                assert self._lost_us is not None, "it was lost before"
                self._note(now, f"{self._port.path} is back after {(now - self._lost_us) / 1e6:.3f} s")
                self._retry_us = NEVER
        if self._unheard:
            self._unheard = False
            self._observers.tell("torn", now)
        come = self.line.look(now)
        if self._retry_us == NEVER and not self._port.is_open:
            self._losses += 1
            self._unheard = True
            self._lost_us, self._retry_us = now, Micros(now + REOPEN_US)
            self._note(now, f"{self._port.path} is gone: {self._port.fault}")
        return come

    def next_due(self, now: Micros) -> Micros:
        """When to look again if the board says nothing."""
        due = min(self.line.next_due(now), self._retry_us)
        blind = self._port.is_open and self._port.fileno() < 0
        return min(due, Micros(now + POLL_US)) if blind else due

    def receive(self, now: Micros) -> bytes:
        """Octets that have crossed the line."""
        return self.line.receive(now)

    def power(self, on: bool, now: Micros) -> None:
        """Switch the supply where that can be done."""
        self._unheard = self._power is None  # it may have been running all along
        try:
            if self._power is not None and not on:
                self._power.switch(False)
            self.line.cut()
            if self._power is not None and on:
                self._power.switch(True)
        except PowerError as error:
            self._note(now, str(error), breach=True)

    def surround(self, name: str, value: int) -> str:
        """What surrounds a real board is real."""
        return f"{name} of a real board cannot be set"

    def begin(self, fault: Fault, now: Micros) -> str:
        """A fault on the payload's side."""
        return f"{fault.kind} cannot be done to a real board"

    def end(self, fault: Fault, now: Micros) -> None:
        """None of them begins here."""

    def counters(self) -> dict[str, int]:
        """What line and port have counted."""
        return self.line.counters() | {"port.losses": self._losses}

    def close(self) -> None:
        """Give the port back; the board's power stays as it is."""
        self._port.close()

    def _note(self, now: Micros, text: str, *, breach: bool = False) -> None:
        self.notes.append(Finding(NOTE, now, text, breach))
