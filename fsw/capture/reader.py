"""Reads a capture, record by record. Whatever the octets are, it raises nothing: it says where they end, and why.

A life that is cut off is read up to its last whole record, and the next life, which somebody has appended, is found by
its MAGIC. Off nominal: a chunk that fails its check is not believed at all; the last, cut one, which has no check, is.
"""

import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from fsw.capture.encoding import Cursor, Unreadable, Value
from fsw.capture.format import (
    CHUNK_CHECK,
    CHUNK_OCTETS_MAX,
    CRC_OCTETS,
    DIGEST_OCTETS,
    HEAD_OCTETS,
    LENGTH_OCTETS,
    MAGIC,
    SHAPE_OCTETS_MAX,
    SHAPES_MAX,
    SHAPES_OCTETS_MAX,
    Kind,
)
from fsw.capture.header import Header, decode
from fsw.kernel.clock import NEVER, TICK_US, Micros

READ_OCTETS: Final = 65_536
SHA256_OCTETS: Final = 32


class Life(NamedTuple):
    """A life begins at this octet of the file."""

    header: Header
    offset: int


class Calls(NamedTuple):
    """What was asked, in its order, and the explicit answers, still encoded."""

    shape: bytes
    values: bytes


class Boot(NamedTuple):
    """What was asked while the program was composed."""

    calls: Calls


class Tick(NamedTuple):
    """A base tick, planned for then."""

    planned: Micros
    calls: Calls


class Stop(NamedTuple):
    """An orderly stop was asked for."""

    reason: int


class Injected(NamedTuple):
    """A bench has changed flight's memory."""

    name: str
    values: tuple[Value, ...]


class Checkpoint(NamedTuple):
    """How many octets the line had taken, and the beginning of their SHA-256."""

    octets: int
    digest: bytes


class End(NamedTuple):
    """The life was over."""

    how: str
    octets: int
    digest: bytes


class Gap(NamedTuple):
    """The recording of this life was over."""

    why: str


class Damage(NamedTuple):
    """From this octet of the file on nothing of this life can be read. `cut`: the octets just end."""

    offset: int
    why: str
    cut: bool


Record = Life | Boot | Tick | Stop | Injected | Checkpoint | End | Gap | Damage


class _State:
    """What the records of one life refer to."""

    def __init__(self) -> None:
        self.shapes: list[bytes] = []
        self.shapes_octets = 0
        self.planned = -TICK_US


class Reader:
    """Reads from `read`, which gives at most so many octets, none at the end. `offset` is where it stands."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.offset = 0
        self._read = read
        self._buffer = bytearray()

    def __iter__(self) -> Iterator[Record]:
        """Every record of every life, and each place where one cannot be read."""
        while self._peek(1):
            begin = self._peek(len(MAGIC))
            if begin == MAGIC:
                self._skip(len(MAGIC))
                yield from self._life()
                continue
            known = begin[:-1] == MAGIC[:-1]
            why = (
                f"a capture of format {begin[-1]}, this reads {MAGIC[-1]}"
                if known
                else "no life of a capture begins here"
            )
            yield Damage(self.offset, why, MAGIC.startswith(begin))
            self._skip(1)
            self._find_magic()

    def _life(self) -> Iterator[Record]:
        """The chunks of one life."""
        crc, state = 0, _State()
        while (head := self._peek(len(MAGIC))) and head != MAGIC:
            at = self.offset
            length = int.from_bytes(head[:LENGTH_OCTETS], "big")
            if len(head) < HEAD_OCTETS or MAGIC.startswith(head):
                yield Damage(at, "cut off at the begin of a chunk or of a life", True)
                self._skip(len(head))
                return
            spoiled = head[3] != CHUNK_CHECK ^ head[0] ^ head[1] ^ head[2]
            if spoiled or not 0 < length <= CHUNK_OCTETS_MAX:
                yield Damage(at, "a chunk's head is spoiled", False)
                self._find_magic()
                return
            body = self._peek(HEAD_OCTETS + length + CRC_OCTETS)
            payload, checked = body[HEAD_OCTETS : HEAD_OCTETS + length], body[HEAD_OCTETS + length :]
            crc = zlib.crc32(payload, crc)
            if checked != crc.to_bytes(CRC_OCTETS, "big"):
                yield from self._broken(at, body, length, state)
                return
            try:
                yield from _records(payload, state, at)
            except Unreadable as error:
                yield Damage(at, f"a record that no recorder writes: {error}", False)
                self._find_magic()
                return
            self._skip(len(body))

    def _broken(self, at: int, body: bytes, length: int, state: _State) -> Iterator[Record]:
        """A chunk that fails its check: cut off, by the file's end or by another life; or spoiled."""
        another = body.find(MAGIC)
        if another < 0 and len(body) == HEAD_OCTETS + length + CRC_OCTETS:
            yield Damage(at, "a chunk's checksum is wrong", False)
            self._find_magic()
            return
        end = len(body) if another < 0 else another
        with suppress(Unreadable):
            yield from _records(body[HEAD_OCTETS : min(end, HEAD_OCTETS + length)], state, at)
        self._skip(end)
        yield Damage(self.offset, "cut off in a chunk", True)

    def _peek(self, count: int) -> bytes:
        """The next octets, fewer at the end of the file."""
        while len(self._buffer) < count:
            more = self._read(READ_OCTETS)
            if not more:
                break
            self._buffer += more
        return bytes(self._buffer[:count])

    def _skip(self, count: int) -> None:
        del self._buffer[:count]
        self.offset += count

    def _find_magic(self) -> None:
        """Go to the next life, or to the end of the file."""
        while True:
            behind = len(self._peek(READ_OCTETS))
            found = self._buffer.find(MAGIC)
            if found >= 0 or behind < READ_OCTETS:
                self._skip(found if found >= 0 else len(self._buffer))
                return
            self._skip(len(self._buffer) - len(MAGIC) + 1)


def _records(payload: bytes, state: _State, at: int) -> Iterator[Record]:
    """The records of a chunk; `Unreadable` where one is none."""
    cursor = Cursor(payload)
    while len(cursor):
        yield _record(cursor, state, at)


def _record(cursor: Cursor, state: _State, at: int) -> Record:
    match cursor.octet():
        case Kind.LIFE:
            header = decode(cursor.value())
            if header is None:
                raise Unreadable("a header without what a replay needs")
            return Life(header, at - len(MAGIC))
        case Kind.BOOT:
            return Boot(_calls(cursor, state))
        case Kind.TICK:
            moved = cursor.uvarint()
            if not 0 < moved < NEVER // TICK_US:
                raise Unreadable("a tick at no time")
            planned = state.planned + moved * TICK_US
            calls = _calls(cursor, state)
            state.planned = planned
            return Tick(Micros(planned), calls)
        case Kind.STOP:
            return Stop(cursor.uvarint())
        case Kind.INJECTED:
            name, values = cursor.text(), cursor.value()
            if not isinstance(values, tuple):
                raise Unreadable("an injection without values")
            return Injected(name, values)
        case Kind.CHECKPOINT:
            return Checkpoint(cursor.uvarint(), cursor.take(DIGEST_OCTETS))
        case Kind.END:
            return End(cursor.text(), cursor.uvarint(), cursor.take(SHA256_OCTETS))
        case Kind.GAP:
            return Gap(cursor.text())
        case kind:
            raise Unreadable(f"kind {kind}")


def _calls(cursor: Cursor, state: _State) -> Calls:
    number = cursor.uvarint()
    if number > len(state.shapes):
        raise Unreadable("a shape that nobody gave")
    if number:
        return Calls(state.shapes[number - 1], cursor.sized())
    shape = cursor.sized()
    if len(shape) > SHAPE_OCTETS_MAX:
        raise Unreadable("a shape that no recorder writes")
    values = cursor.sized()
    if len(state.shapes) < SHAPES_MAX and state.shapes_octets + len(shape) <= SHAPES_OCTETS_MAX:
        state.shapes.append(shape)
        state.shapes_octets += len(shape)
    return Calls(shape, values)
