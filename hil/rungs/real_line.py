"""The line between lander and payload in real time: octets at the baud both ways, faults between wire and reader.

Sans-IO but for the `Device` that it is given: who owns the clock calls `look` when the device speaks and at `next_due`.
Up, an octet is handed to the device when its last bit would have left; down, no more is taken than the baud allows.

Off nominal: what a device does not take is lost as on a wire, and counted ("overruns").
"""

import hashlib
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from hil.bench import Bench
from hil.line.channel import Channel
from hil.line.line import Drained, Paced
from hil.rungs.pty_line import READ_OCTETS_MAX, Device

TICK_US: Final = 1000
"""How often a busy line is looked at."""


class RealLine:
    """One full-duplex line. `up` is filled by the bench; `receive` gives it what has come down."""

    def __init__(self, device: Device, baud: int, down_baud: int) -> None:
        self.up = Paced(baud)
        self.overruns = 0
        self.octets_down = 0
        self._device = device
        self._drained = Drained(down_baud, TICK_US)
        self._digest = hashlib.sha256()
        self._come = b""
        self._bench: Bench | None = None

    def attach(self, bench: Bench) -> None:
        """Stand at the end of the bench's line, and tell its observers."""
        self._bench = bench

    @property
    def behind(self) -> bool:
        """Whether the device has more than the line could carry: then its clock decides, not its descriptor."""
        return self._drained.behind

    def digest(self) -> str:
        """SHA-256 of every octet that came off the wire, in hex."""
        return self._digest.hexdigest()

    def counters(self) -> dict[str, int]:
        """What the line has counted."""
        return {
            "line.octets_up": self.up.octets_out,
            "line.octets_down": self.octets_down,
            "line.overruns": self.overruns + self.up.overruns,
        }

    def look(self, now: Micros) -> bool:
        """Hand on what has crossed the line, both ways; whether something has come for the bench."""
        assert self._bench is not None, "attached before"
        self._send(self._bench.up, now)
        self._take(self._bench.down, now)
        return bool(self._come)

    def receive(self, now: Micros) -> bytes:
        """Octets that have crossed the line, behind the channel."""
        come, self._come = self._come, b""
        return come

    def next_due(self, now: Micros) -> Micros:
        """When to look again if the device says nothing."""
        assert self._bench is not None, "attached before"
        tick = Micros((now // TICK_US + 1) * TICK_US)
        due = min(self._bench.up.next_due(), self._bench.down.next_due())
        if due != NEVER:
            due = max(due, tick)
        if len(self.up):
            due = min(due, max(tick, self.up.next_due()))
        return tick if self._drained.behind else due

    def cut(self) -> None:
        """The payload's power is gone, or comes: what is under way is lost."""
        assert self._bench is not None, "attached before"
        self._bench.up.clear()
        self._device.flush()
        self._come = b""

    def _send(self, channel: Channel, now: Micros) -> None:
        octets = self.up.take(now)
        if octets or channel.next_due() <= now:
            octets = channel.carry(octets, now)
        if not octets:
            return
        taken = self._device.write(octets)
        self.overruns += len(octets) - taken
        self._tell("reached", octets[:taken], now)

    def _take(self, channel: Channel, now: Micros) -> None:
        granted = self._drained.grant(now)
        octets = self._device.read(granted) if granted else b""
        if len(octets) == READ_OCTETS_MAX < granted:
            octets += self._device.read(granted - len(octets))
        self._drained.used(len(octets), granted)
        if octets:
            self.octets_down += len(octets)
            self._digest.update(octets)
            self._tell("emitted", octets, now)
        if octets or channel.next_due() <= now:
            self._come += channel.carry(octets, now)

    def _tell(self, hook: str, octets: bytes, now: Micros) -> None:
        assert self._bench is not None, "attached before"
        if octets:
            self._bench.observers.tell(hook, octets, now)
