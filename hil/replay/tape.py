"""The world of a replay: it answers flight with what was recorded, and knows the first question that nobody recorded.

The other end of `fsw.capture.world`: each object here holds what its tap held. Off nominal: behind a divergence every
answer is the one that stood last, and nothing more is compared; a replay ends with the tick in which that happened.
"""

import hashlib
import zlib
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from fsw.capture.encoding import Cursor, Unreadable
from fsw.capture.format import CRC_OCTETS, EXPLICIT, PATHS_MAX, Channel, WireChannel, channel_name, wire_channel
from fsw.capture.reader import Calls
from fsw.capture.world import NO_READINGS
from fsw.hal.ports import BoardReadings, LineState
from fsw.kernel.clock import TICK_US, Micros

T = TypeVar("T")


class Divergence(NamedTuple):
    """Where the replay left the recording, in the board's time: what was asked or found, what was recorded."""

    at_us: int
    asked: str
    recorded: str


class Tape:
    """The recorded calls of one tick, asked one after the other."""

    def __init__(self, wires: tuple[str, ...]) -> None:
        self.divergence: Divergence | None = None
        self.now = Micros(0)
        self._wires = wires
        self._running = False
        self._shape = b""
        self._at = 0
        self._values = Cursor(b"")

    def begin(self, calls: Calls, now: Micros) -> None:
        """The tick of this time begins."""
        self._shape, self._at, self._values = calls.shape, 0, Cursor(calls.values)
        self._running = self.divergence is None
        self.now = now

    def end(self) -> None:
        """The tick is over, and everything recorded should have been asked for."""
        if self._running and self._at < len(self._shape):
            self.diverge("nothing more in this tick", self._name(self._shape[self._at]))
        elif self._running and len(self._values):
            self.diverge("no more answers in this tick", f"{len(self._values)} octets of them")
        self._running = False

    def ask(self, channel: int, read: Callable[[Cursor], T], default: T) -> T:
        """What the channel answered: an explicit value, or `default` where it answered by itself."""
        if not self._running:
            return default
        if self._at >= len(self._shape):
            self.diverge(self._name(channel), "nothing more in this tick")
            return default
        code = self._shape[self._at]
        if code & ~EXPLICIT != channel:
            self.diverge(self._name(channel), self._name(code))
            return default
        self._at += 1
        if not code & EXPLICIT:
            return default
        try:
            return read(self._values)
        except Unreadable as error:
            self.diverge(self._name(channel), f"a value that cannot be read: {error}")
            return default

    def beside(self, channel: int) -> bool:
        """Whether the next thing recorded is not a call, but stands beside the last one, on this channel."""
        return self._running and self._at < len(self._shape) and self._shape[self._at] & ~EXPLICIT == channel

    def diverge(self, asked: str, recorded: str) -> None:
        """The replay leaves the recording here."""
        if self.divergence is None:
            self.divergence = Divergence(self.now, asked, recorded)
        self._running = False

    def _name(self, channel: int) -> str:
        return channel_name(channel, self._wires)


class TapeClock:
    """The clock."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._us = Micros(0)
        self._ns = 0
        self._planned = Micros(-TICK_US)

    def begin(self, planned: Micros) -> None:
        """A tick begins: its time is what the clock is expected to show."""
        self._ns += (planned - self._planned) * 1000
        self._us = self._planned = planned

    def now(self) -> Micros:
        """Microseconds since boot."""
        self._us = Micros(self._us + self._tape.ask(Channel.NOW, Cursor.svarint, 0))
        return self._us

    def stopwatch_ns(self) -> int:
        """Free-running nanoseconds."""
        self._ns += self._tape.ask(Channel.STOPWATCH, Cursor.svarint, 0)
        return self._ns


class TapeLine:
    """The line. What flight writes is compared with what it wrote; its SHA-256 is kept, and that of `all_lives`."""

    def __init__(self, tape: Tape, all_lives: "hashlib._Hash") -> None:
        self.state = LineState.CLOSED
        self.opens = 0
        self.faults = 0
        self.fault = ""
        self.octets = 0
        self._digest = hashlib.sha256()
        self._all_lives = all_lives
        self._tape = tape
        self._len = 1

    def __len__(self) -> int:
        self._len = self._tape.ask(Channel.LEN, _length, self._len)
        return self._len

    def read(self) -> bytes:
        """What had arrived."""
        octets = self._tape.ask(Channel.READ, Cursor.sized, b"")
        self._look()
        return octets

    def write(self, octets: bytes) -> int:
        """Take what the line took."""
        crc = zlib.crc32(octets)
        recorded, left = self._tape.ask(Channel.WRITE, _written, (crc, 0))
        if recorded != crc:
            offered = f"line.write of {len(octets)} octets with CRC {crc:08x}"
            self._tape.diverge(offered, f"line.write of octets with CRC {recorded:08x}")
        taken = len(octets) if not left else min(left - 1, len(octets))
        if self._tape.divergence is None:
            self._digest.update(octets[:taken])
            self._all_lives.update(octets[:taken])
            self.octets += taken
        self._look()
        return taken

    def poll(self, now: Micros) -> LineState:
        """The line's state as it was then."""
        self._tape.ask(Channel.POLL, Cursor.octet, 0)
        self._look()
        return self.state

    def digest(self) -> bytes:
        """SHA-256 of every octet that the line took."""
        return self._digest.digest()

    def _look(self) -> None:
        """A change of state that was noticed at the call before."""
        if self._tape.beside(Channel.STATUS):
            held = (self.state.value, self.opens, self.faults, self.fault)
            state, self.opens, self.faults, self.fault = self._tape.ask(Channel.STATUS, _status, held)
            self.state = LineState.OPEN if state else LineState.CLOSED


class TapeWire:
    """The wire to one device server."""

    def __init__(self, tape: Tape, name: str, number: int) -> None:
        self._tape = tape
        self._name = name
        self._first = wire_channel(number, WireChannel.SEND)
        self._alive = True

    def send(self, message: bytes) -> bool:
        """Whether the wire took a message, which is compared with the one that was sent."""
        crc = zlib.crc32(message)
        recorded, taken = self._tape.ask(self._first + WireChannel.SEND, _sent, (crc, True))
        if recorded != crc:
            asked = f"{self._name}.send of {len(message)} octets with CRC {crc:08x}"
            self._tape.diverge(asked, f"{self._name}.send of octets with CRC {recorded:08x}")
        return taken

    def receive(self) -> bytes | None:
        """The answer that came then."""
        return self._tape.ask(self._first + WireChannel.RECEIVE, _message, None)

    def restart(self) -> None:
        """The server was started anew."""
        self._tape.ask(self._first + WireChannel.RESTART, Cursor.octet, 0)

    def alive(self) -> bool:
        """Whether the server still ran."""
        self._alive = self._tape.ask(self._first + WireChannel.ALIVE, _flag, self._alive)
        return self._alive


class TapeSensors:
    """The readings of the computer."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._readings = NO_READINGS

    def read(self) -> BoardReadings:
        """The readings then."""
        self._readings = self._tape.ask(Channel.SENSORS, _readings, self._readings)
        return self._readings


class TapeOpener:
    """What instruments' devices read."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._paths: list[str] = []

    def sysfs(self, path: str) -> str | None:
        """What stood there then."""
        nothing: tuple[str, str | None] = (path, None)
        recorded, text = self._tape.ask(Channel.SYSFS, self._read, nothing)
        if recorded != path:
            self._tape.diverge(f"sysfs of {path}", f"sysfs of {recorded}")
        return text

    def _read(self, values: Cursor) -> tuple[str, str | None]:
        number = values.uvarint()
        if number > len(self._paths):
            raise Unreadable("a path that nobody gave")
        path = self._paths[number - 1] if number else values.text()
        if not number and len(self._paths) < PATHS_MAX:
            self._paths.append(path)
        text = values.value()
        if text is not None and not isinstance(text, str):
            raise Unreadable("a file without a text")
        return path, text


def _length(values: Cursor) -> int:
    return min(values.uvarint(), 1 << 31)


def _written(values: Cursor) -> tuple[int, int]:
    return int.from_bytes(values.take(CRC_OCTETS), "big"), values.uvarint()


def _sent(values: Cursor) -> tuple[int, bool]:
    return int.from_bytes(values.take(CRC_OCTETS), "big"), _flag(values)


def _flag(values: Cursor) -> bool:
    return values.octet() != 0


def _message(values: Cursor) -> bytes | None:
    return values.sized()


def _status(values: Cursor) -> tuple[int, int, int, str]:
    return values.uvarint(), values.uvarint(), values.uvarint(), values.text()


def _readings(values: Cursor) -> BoardReadings:
    value = values.value()
    fields = BoardReadings._fields
    if not isinstance(value, tuple) or not len(fields) - len(BoardReadings._field_defaults) <= len(value) <= len(
        fields
    ):
        raise Unreadable("no readings")
    whole = [number for number in value if number is None or isinstance(number, int)]
    if len(whole) != len(value):
        raise Unreadable("readings that are no whole numbers")
    return BoardReadings(*whole)
