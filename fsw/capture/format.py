"""What a capture is made of: the file, its chunks, their records, and the channels by which flight asks its world.

    file    one life of a board after another
    life    MAGIC (its last octet is the version of this format), then chunks
    chunk   length u24 of the payload, check = 0x5A xor its three octets, payload, CRC-32 (u32) of the payload begun
            with the CRC of the chunk before: a chunk that is missing is noticed as one that is spoiled
    payload records, whole; a record is a kind (`Kind`) and what stands beside it there
    calls   uvarint n: shape n of this life (1 is the first); 0: a new one, octets, which becomes the next number
            while there are fewer than SHAPES_MAX; then octets: the values of all explicit calls, one after the other

A shape is the order in which flight asked: one octet a call, its channel, plus EXPLICIT when a value stands among the
values. Without one the call was answered as its channel says by itself:

    NOW, STOPWATCH   as at the call before; a tick begins at its planned time, the stopwatch so much on. Value: svarint,
                     what it was more
    LEN              as before. Value: uvarint
    POLL             the state as before. No value; a STATUS behind it says what has changed
    STATUS           no call: what state, opens, faults, fault are from here on. Value: uvarint, uvarint, uvarint, text
    READ             nothing had come. Value: octets
    WRITE            Value, always: CRC-32 (u32) of what was offered; uvarint 0: all was taken, n: n - 1 octets were
    SENSORS          as before. Value: tagged tuple
    SYSFS            Value, always: uvarint number of the path, 0 for a new one with its text, which becomes the next;
                     then a tagged value, what stood there
    SEND             Value, always: CRC-32 (u32) of the message, then octet 1: it was taken, 0: it was not
    RECEIVE          nothing had come. Value: octets
    ALIVE            as before. Value: octet 1 or 0
    RESTART          no value

Before the first: LEN 1, state CLOSED with nothing counted, sensors all None, ALIVE 1. A wire's channels begin at
WIRES + 4 times its number in the header. CRC-32 is zlib's, everywhere; not the CRC-16 of frames, which is one and the
same for every octet string that ends in its own.
"""

from enum import IntEnum, unique
from typing import Final

FORMAT: Final = 1
MAGIC: Final = b"\x89KRATAI" + bytes((FORMAT,))
CHUNK_CHECK: Final = 0x5A
LENGTH_OCTETS: Final = 3
HEAD_OCTETS: Final = LENGTH_OCTETS + 1
CRC_OCTETS: Final = 4
CHUNK_OCTETS_MAX: Final = 1 << 21
"""Longest payload."""
SHAPES_MAX: Final = 4096
SHAPE_OCTETS_MAX: Final = 65_535
"""Most calls of one tick."""
SHAPES_OCTETS_MAX: Final = 1 << 22
"""All shapes that are kept, together."""
PATHS_MAX: Final = 1024
WIRES_MAX: Final = 24
EXPLICIT: Final = 0x80
DIGEST_OCTETS: Final = 8
"""Of the downlink's SHA-256 in a checkpoint; the end of a life has all 32."""
CHECKPOINT_US: Final = 1_000_000


@unique
class Kind(IntEnum):
    """First octet of a record, and what stands behind it."""

    LIFE = 1  # tagged tuple of (name, value) pairs: who flies (`header.py`)
    BOOT = 2  # calls: what was asked while the program was composed
    TICK = 3  # uvarint ticks since the tick before (the first: since -1), calls
    STOP = 4  # uvarint reason: an orderly stop is asked for, before the next tick
    INJECTED = 5  # text name, tagged tuple: a bench has changed flight's memory, before the next tick
    CHECKPOINT = 6  # uvarint octets that the line took so far, first 8 octets of their SHA-256
    END = 7  # text how, uvarint octets, SHA-256: this life is over
    GAP = 8  # text why: this life went on, its recording did not


@unique
class Channel(IntEnum):
    """One way of flight to ask the world."""

    STATUS = 0
    NOW = 1
    STOPWATCH = 2
    LEN = 3
    POLL = 4
    READ = 5
    WRITE = 6
    SENSORS = 7
    SYSFS = 8


@unique
class WireChannel(IntEnum):
    """One way to use a wire, counted from the wire's first channel."""

    SEND = 0
    RECEIVE = 1
    ALIVE = 2
    RESTART = 3


WIRES: Final = 16
WIRE_CHANNELS: Final = len(WireChannel)
assert WIRES + WIRE_CHANNELS * WIRES_MAX <= EXPLICIT, "a channel and its mark share an octet"
assert max(Channel) < WIRES, "wires come behind the others"
CLOCK_CHANNELS: Final = bytes((Channel.NOW, Channel.STOPWATCH, Channel.NOW | EXPLICIT, Channel.STOPWATCH | EXPLICIT))


def wire_channel(number: int, channel: WireChannel) -> int:
    """The channel of wire `number`."""
    assert 0 <= number < WIRES_MAX, "a mission has few device servers"
    return WIRES + WIRE_CHANNELS * number + channel


def channel_name(channel: int, wires: tuple[str, ...]) -> str:
    """A channel as people name it: "line.read", "store.receive"."""
    channel &= ~EXPLICIT
    if channel < WIRES:
        return _NAMES.get(channel, f"channel {channel}")
    number, way = divmod(channel - WIRES, WIRE_CHANNELS)
    return f"{wires[number] if number < len(wires) else f'wire {number}'}.{WireChannel(way).name.lower()}"


_NAMES: Final[dict[int, str]] = {
    Channel.STATUS: "line.status",
    Channel.NOW: "clock.now",
    Channel.STOPWATCH: "clock.stopwatch_ns",
    Channel.LEN: "len(line)",
    Channel.POLL: "line.poll",
    Channel.READ: "line.read",
    Channel.WRITE: "line.write",
    Channel.SENSORS: "sensors.read",
    Channel.SYSFS: "sysfs",
}
assert set(_NAMES) == set(Channel)
