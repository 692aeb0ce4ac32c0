"""The recorder of one life: what the taps of `world.py` hear becomes records, chunks, and octets for a sink.

It changes nothing of what flight sees, never raises for what flight is told, and never waits: a sink that takes no
octets now is offered them again. Off nominal: what waits for the sink is bounded; beyond `BACKLOG_OCTETS_MAX` the
recording ends with a named gap behind the last whole tick, `ended` says why, `ticks_lost` counts on, flight flies on.
"""

import hashlib
import zlib
from collections.abc import Callable
from typing import Final

from fsw.capture.encoding import OCTETS_MAX, Value, put_octets, put_text, put_uvarint, put_value
from fsw.capture.format import (
    CHECKPOINT_US,
    CHUNK_CHECK,
    CLOCK_CHANNELS,
    CRC_OCTETS,
    DIGEST_OCTETS,
    LENGTH_OCTETS,
    MAGIC,
    SHAPE_OCTETS_MAX,
    SHAPES_MAX,
    SHAPES_OCTETS_MAX,
    Kind,
)
from fsw.capture.header import Header, encode
from fsw.capture.world import ClockTap, LineTap, OpenerTap, SensorsTap, WireTap
from fsw.hal.ports import BoardSensors, LinePort, Opener
from fsw.kernel.bus import Wire
from fsw.kernel.clock import TICK_US, Clock, Micros

Sink = Callable[[bytes], bool]
"""Takes all of some octets, or none (False) and is offered them again; never waits."""
PIECE_OCTETS: Final = 32_768
"""At most so many octets are offered to a sink at once."""
BACKLOG_OCTETS_MAX: Final = 1 << 20
CHUNK_OCTETS: Final = 16_384
"""A chunk that has grown to this is closed."""


class Recorder:
    """Records one life: wrap its world, `booted()`, then `begin` and `end` around each tick, `finish` when it is over.

    `chunk_us`: how old a chunk may get before the sink has it; what is younger dies with the process.
    """

    def __init__(self, sink: Sink, header: Header, clock: Clock, *, chunk_us: int) -> None:
        self.calls = bytearray()
        """The shape of what is being recorded, for the taps."""
        self.values = bytearray()
        """Its values, for the taps."""
        self.clock = ClockTap(self.calls, self.values, clock)
        self.octets = 0
        """What the line has taken."""
        self.ended = ""
        self.ticks_lost = 0
        self._sink = sink
        self._header = header
        self._chunk_us = chunk_us
        self._wires: list[str] = []
        self._digest = hashlib.sha256()
        self._shapes: dict[bytes, int] = {}
        self._shapes_octets = 0
        self._records = bytearray()
        self._out = bytearray()
        self._crc = 0
        self._planned = Micros(-TICK_US)
        self._kept_ns = 0
        self._checkpoint_us = CHECKPOINT_US
        self._chunk_due = 0

    # --- the world --------------------------------------------------------------------------------------------------

    def line(self, line: LinePort) -> LineTap:
        """The line as flight shall see it."""
        return LineTap(self.calls, self.values, line, self._took)

    def wire(self, name: str, wire: Wire) -> WireTap:
        """A wire as flight shall see it; not for one that carries secrets."""
        self._wires.append(name)
        return WireTap(self.calls, self.values, wire, len(self._wires) - 1)

    def sensors(self, sensors: BoardSensors) -> SensorsTap:
        """The computer's readings as flight shall see them."""
        return SensorsTap(self.calls, self.values, sensors)

    def opener(self, opener: Opener) -> OpenerTap:
        """What the instruments' devices read through."""
        return OpenerTap(self.calls, self.values, opener)

    def _took(self, octets: bytes) -> None:
        self.octets += len(octets)
        self._digest.update(octets)

    # --- the life ---------------------------------------------------------------------------------------------------

    def booted(self) -> None:
        """The program is composed: who it is, and what it asked for meanwhile."""
        self._out += MAGIC
        self._records.append(Kind.LIFE)
        put_value(self._records, encode(self._header._replace(wires=tuple(self._wires))))
        if self._fits():
            self._records.append(Kind.BOOT)
            self._put_calls()
        self._kept_ns = self.clock.last_ns
        self._close_chunk()
        self.push()

    def begin(self, planned: Micros) -> None:
        """A tick begins. The clock may have been looked at since the last one: flight did not see that."""
        assert not self.calls.translate(None, CLOCK_CHANNELS), "the world is asked in ticks"
        self._forget()
        self.clock.last_us = planned
        self.clock.last_ns = self._kept_ns + (planned - self._planned) * 1000

    def end(self, planned: Micros) -> None:
        """The tick is over: it is a record; the sink gets what is old enough."""
        self._kept_ns = self.clock.last_ns
        moved, self._planned = (planned - self._planned) // TICK_US, planned
        if self.ended or not self._fits():
            self.ticks_lost += 1
            self._forget()
        else:
            self._records.append(Kind.TICK)
            put_uvarint(self._records, moved)
            self._put_calls()
            if planned >= self._checkpoint_us:
                self._checkpoint_us = (planned // CHECKPOINT_US + 1) * CHECKPOINT_US
                self._records.append(Kind.CHECKPOINT)
                put_uvarint(self._records, self.octets)
                self._records += self._digest.digest()[:DIGEST_OCTETS]
            if planned >= self._chunk_due or len(self._records) >= CHUNK_OCTETS:
                self._chunk_due = planned + self._chunk_us
                self._close_chunk()
        if self._out:
            self.push()

    def stop(self, reason: int) -> None:
        """An orderly stop has been asked for, between two ticks."""
        if not self.ended:
            self._records.append(Kind.STOP)
            put_uvarint(self._records, reason)

    def injected(self, name: str, values: tuple[Value, ...]) -> None:
        """A bench has changed flight's memory, between two ticks."""
        if not self.ended:
            self._records.append(Kind.INJECTED)
            put_text(self._records, name)
            put_value(self._records, values)

    def finish(self, how: str) -> None:
        """This life is over; what the sink did not take is in `rest`."""
        if not self.ended:
            self._records.append(Kind.END)
            put_text(self._records, how)
            put_uvarint(self._records, self.octets)
            self._records += self._digest.digest()
            self.ended = how
        self._close_chunk()
        self.push()

    @property
    def digest(self) -> str:
        """SHA-256 of every octet that the line took, in hex."""
        return self._digest.hexdigest()

    @property
    def rest(self) -> bytes:
        """What waits for the sink."""
        return bytes(self._out)

    # --- the file ---------------------------------------------------------------------------------------------------

    def _fits(self) -> bool:
        """Whether what was asked fits a record; the recording ends where it does not."""
        fits = len(self.calls) <= SHAPE_OCTETS_MAX and len(self.values) <= OCTETS_MAX
        if not fits:
            self._forget()
            self._end("more was asked in one tick than a capture takes")
        return fits

    def _forget(self) -> None:
        """What was asked is recorded, or will never be."""
        self.calls.clear()
        self.values.clear()

    def _put_calls(self) -> None:
        """What was asked since the last record, behind the kind of this one."""
        shape = bytes(self.calls)
        number = self._shapes.get(shape)
        if number is not None:
            put_uvarint(self._records, number)
        else:
            self._records.append(0)
            put_octets(self._records, shape)
            if len(self._shapes) < SHAPES_MAX and self._shapes_octets + len(shape) <= SHAPES_OCTETS_MAX:
                self._shapes[shape] = len(self._shapes) + 1
                self._shapes_octets += len(shape)
        put_octets(self._records, self.values)
        self._forget()

    def _close_chunk(self) -> None:
        """Frame the records so far."""
        if not self._records:
            return
        length = len(self._records).to_bytes(LENGTH_OCTETS, "big")
        self._crc = zlib.crc32(self._records, self._crc)
        self._out += length
        self._out.append(CHUNK_CHECK ^ length[0] ^ length[1] ^ length[2])
        self._out += self._records
        self._out += self._crc.to_bytes(CRC_OCTETS, "big")
        self._records.clear()
        if len(self._out) > BACKLOG_OCTETS_MAX:
            self._end("the capture's file took no more octets")

    def _end(self, why: str) -> None:
        """The recording ends here; the flight does not."""
        if self.ended:
            return
        self.ended = why
        self._records.append(Kind.GAP)
        put_text(self._records, why)
        self._close_chunk()

    def push(self) -> None:
        """Offer the sink what waits for it."""
        while self._out:
            piece = bytes(self._out[:PIECE_OCTETS])
            if not self._sink(piece):
                return
            del self._out[: len(piece)]
