"""The world as flight sees it while it is recorded: taps that ask the real thing, note the answer, hand it on.

A tap notes its channel in `calls`; a value only where the answer is not the one that the channel gives by itself
(`format.py`). What flight sees is what the tap holds, so that a replay which holds the same is the same.
"""

import zlib
from collections.abc import Callable
from typing import Final

from fsw.capture.encoding import put_octets, put_svarint, put_text, put_uvarint, put_value
from fsw.capture.format import CRC_OCTETS, EXPLICIT, PATHS_MAX, Channel, WireChannel, wire_channel
from fsw.hal.ports import BoardReadings, BoardSensors, LinePort, LineState, Opener
from fsw.kernel.bus import Wire
from fsw.kernel.clock import Clock, Micros

_NOW: Final = int(Channel.NOW)
_NOW_VALUE: Final = _NOW | EXPLICIT
_STOPWATCH: Final = int(Channel.STOPWATCH)
_STOPWATCH_VALUE: Final = _STOPWATCH | EXPLICIT
_LEN: Final = int(Channel.LEN)
_POLL: Final = int(Channel.POLL)
_READ: Final = int(Channel.READ)
_WRITE_VALUE: Final = Channel.WRITE | EXPLICIT
NO_READINGS: Final = BoardReadings(None, None, None, None, None, None)


class ClockTap:
    """The clock; `last_us` and `last_ns` are its last readings, or what is expected of the next."""

    __slots__ = ("_calls", "_now", "_stopwatch_ns", "_values", "last_ns", "last_us")

    def __init__(self, calls: bytearray, values: bytearray, clock: Clock) -> None:
        self._calls = calls
        self._values = values
        self._now = clock.now
        self._stopwatch_ns = clock.stopwatch_ns
        self.last_us = Micros(0)
        self.last_ns = 0

    def now(self) -> Micros:
        """Microseconds since boot."""
        us = self._now()
        gone = us - self.last_us
        if gone:
            self.last_us = us
            self._calls.append(_NOW_VALUE)
            put_svarint(self._values, gone)
        else:
            self._calls.append(_NOW)
        return us

    def stopwatch_ns(self) -> int:
        """Free-running nanoseconds."""
        ns = self._stopwatch_ns()
        gone = ns - self.last_ns
        if gone:
            self.last_ns = ns
            self._calls.append(_STOPWATCH_VALUE)
            put_svarint(self._values, gone)
        else:
            self._calls.append(_STOPWATCH)
        return ns


class LineTap:
    """The line; `took` hears of the octets that it takes."""

    __slots__ = ("_calls", "_len", "_line", "_took", "_values", "fault", "faults", "opens", "state")

    def __init__(self, calls: bytearray, values: bytearray, line: LinePort, took: Callable[[bytes], None]) -> None:
        self._calls = calls
        self._values = values
        self._line = line
        self._took = took
        self._len = 1
        self.state = LineState.CLOSED
        self.opens = 0
        self.faults = 0
        self.fault = ""

    def __len__(self) -> int:
        length = len(self._line)
        if length == self._len:
            self._calls.append(_LEN)
        else:
            self._len = length
            self._calls.append(_LEN | EXPLICIT)
            put_uvarint(self._values, length)
        return length

    def read(self) -> bytes:
        """The octets that have arrived."""
        octets = self._line.read()
        if octets:
            self._calls.append(_READ | EXPLICIT)
            put_octets(self._values, octets)
        else:
            self._calls.append(_READ)
        self._look()
        return octets

    def write(self, octets: bytes) -> int:
        """Hand octets to the line."""
        taken = self._line.write(octets)
        self._calls.append(_WRITE_VALUE)
        self._values += zlib.crc32(octets).to_bytes(CRC_OCTETS, "big")
        put_uvarint(self._values, 0 if taken == len(octets) else taken + 1)
        self._took(octets[:taken])
        self._look()
        return taken

    def poll(self, now: Micros) -> LineState:
        """Let the line look after itself."""
        self._line.poll(now)
        self._calls.append(_POLL)
        self._look()
        return self.state

    def _look(self) -> None:
        """Take over what the line says of itself."""
        line = self._line
        if line.state is self.state and line.faults == self.faults and line.opens == self.opens:
            return
        self.state, self.opens, self.faults, self.fault = line.state, line.opens, line.faults, line.fault
        self._calls.append(Channel.STATUS | EXPLICIT)
        for number in (self.state.value, self.opens, self.faults):
            put_uvarint(self._values, number)
        put_text(self._values, self.fault)


class WireTap:
    """The wire to one device server; what it carries to flight is recorded as it is."""

    __slots__ = ("_alive", "_calls", "_first", "_values", "_wire")

    def __init__(self, calls: bytearray, values: bytearray, wire: Wire, number: int) -> None:
        self._calls = calls
        self._values = values
        self._wire = wire
        self._first = wire_channel(number, WireChannel.SEND)
        self._alive = True

    def send(self, message: bytes) -> bool:
        """Hand over a message."""
        taken = self._wire.send(message)
        self._calls.append(self._first + WireChannel.SEND | EXPLICIT)
        self._values += zlib.crc32(message).to_bytes(CRC_OCTETS, "big")
        self._values.append(taken)
        return taken

    def receive(self) -> bytes | None:
        """The next message."""
        message = self._wire.receive()
        if message is None:
            self._calls.append(self._first + WireChannel.RECEIVE)
        else:
            self._calls.append(self._first + WireChannel.RECEIVE | EXPLICIT)
            put_octets(self._values, message)
        return message

    def restart(self) -> None:
        """Start the server anew."""
        self._wire.restart()
        self._calls.append(self._first + WireChannel.RESTART)

    def alive(self) -> bool:
        """Whether the server still runs."""
        alive = self._wire.alive()
        if alive == self._alive:
            self._calls.append(self._first + WireChannel.ALIVE)
        else:
            self._alive = alive
            self._calls.append(self._first + WireChannel.ALIVE | EXPLICIT)
            self._values.append(alive)
        return alive


class SensorsTap:
    """The readings of the computer."""

    __slots__ = ("_calls", "_readings", "_sensors", "_values")

    def __init__(self, calls: bytearray, values: bytearray, sensors: BoardSensors) -> None:
        self._calls = calls
        self._values = values
        self._sensors = sensors
        self._readings = NO_READINGS

    def read(self) -> BoardReadings:
        """All readings."""
        readings = self._sensors.read()
        if readings == self._readings:
            self._calls.append(Channel.SENSORS)
        else:
            self._readings = readings
            self._calls.append(Channel.SENSORS | EXPLICIT)
            put_value(self._values, tuple(readings))
        return readings


class OpenerTap:
    """The port through which instruments' devices read the board: all that a device knows comes from here."""

    __slots__ = ("_calls", "_opener", "_paths", "_values")

    def __init__(self, calls: bytearray, values: bytearray, opener: Opener) -> None:
        self._calls = calls
        self._values = values
        self._opener = opener
        self._paths: dict[str, int] = {}

    def sysfs(self, path: str) -> str | None:
        """Text of one small file."""
        text = self._opener.sysfs(path)
        self._calls.append(Channel.SYSFS | EXPLICIT)
        number = self._paths.get(path, 0)
        put_uvarint(self._values, number)
        if not number:
            put_text(self._values, path)
            if len(self._paths) < PATHS_MAX:
                self._paths[path] = len(self._paths) + 1
        put_value(self._values, text)
        return text
