"""ST[13] large packet transfer: a packet in parts, and parts joined to a packet again (ECSS-E-ST-70-41C 6.13).

A transaction is known by its number. Its parts count from 1; all but the last have one length, which the first sets.
`JOINING` is the receiver's table; the flight software joins telecommands by it, the ground reports.
"""

from collections.abc import Iterator, Mapping
from enum import Enum, IntEnum, unique
from typing import Final, NamedTuple

PART_MAX: Final = 0xFFFF


@unique
class Piece(IntEnum):
    """Which part of a transaction: subtypes 1 to 3 downwards, 9 to 11 upwards."""

    FIRST = 1
    NEXT = 2
    LAST = 3


UPLINK: Final = 8
"""An uplink part's subtype is its piece and this."""


class Part(NamedTuple):
    """One part."""

    piece: Piece
    number: int
    octets: bytes


@unique
class Seen(Enum):
    """What a part, or the lack of one, is to the receiver."""

    FIRST = "a first part"
    NEXT = "the next part"
    LAST = "the last part"
    STRANGE = "a part out of order, or of another length"
    TOO_LONG = "a part that does not fit any more"
    SILENCE = "no part for too long"


@unique
class Joining(Enum):
    """Where the receiver of a transaction stands."""

    UNKNOWN = "unknown"
    OPEN = "open"


@unique
class Act(Enum):
    """What the receiver does."""

    BEGIN = "begin"
    TAKE = "take"
    JOIN = "join"
    ABORT_UNKNOWN = "abort: unknown"
    ABORT_ORDER = "abort: order"
    ABORT_OVERFLOW = "abort: overflow"
    ABORT_TIMEOUT = "abort: timeout"
    NOTHING = "nothing"


# fmt: off
JOINING: Final[Mapping[Seen, Mapping[Joining, Act]]] = {
    Seen.FIRST:    {Joining.UNKNOWN: Act.BEGIN,          Joining.OPEN: Act.ABORT_ORDER},
    Seen.NEXT:     {Joining.UNKNOWN: Act.ABORT_UNKNOWN,  Joining.OPEN: Act.TAKE},
    Seen.LAST:     {Joining.UNKNOWN: Act.ABORT_UNKNOWN,  Joining.OPEN: Act.JOIN},
    Seen.STRANGE:  {Joining.UNKNOWN: Act.ABORT_UNKNOWN,  Joining.OPEN: Act.ABORT_ORDER},
    Seen.TOO_LONG: {Joining.UNKNOWN: Act.ABORT_OVERFLOW, Joining.OPEN: Act.ABORT_OVERFLOW},
    Seen.SILENCE:  {Joining.UNKNOWN: Act.NOTHING,        Joining.OPEN: Act.ABORT_TIMEOUT},
}
# fmt: on
ABORTS: Final = frozenset((Act.ABORT_UNKNOWN, Act.ABORT_ORDER, Act.ABORT_OVERFLOW, Act.ABORT_TIMEOUT))


def split(packet: bytes, part_octets: int) -> Iterator[Part]:
    """The parts of a packet, which is longer than one of them."""
    assert part_octets > 0, "a part has octets"
    count = -(-len(packet) // part_octets)
    assert 2 <= count <= PART_MAX, "a large packet has a first and a last part, and numbers for all between"
    for n in range(count):
        piece = Piece.FIRST if n == 0 else Piece.LAST if n == count - 1 else Piece.NEXT
        yield Part(piece, n + 1, packet[n * part_octets : (n + 1) * part_octets])


class Joiner:
    """One receiver: at most `transactions_max` at once, each of at most `octets_max`.

    `take` says what was done; after JOIN the packet is in `joined`. What is aborted is dropped, and unknown from
    then on.
    """

    def __init__(self, transactions_max: int, octets_max: int) -> None:
        assert transactions_max > 0, "something can be received"
        self._transactions_max = transactions_max
        self._octets_max = octets_max
        self._open: dict[int, list[bytes]] = {}
        self.joined = b""

    def __len__(self) -> int:
        return len(self._open)

    def take(self, transaction: int, part: Part) -> Act:
        """One part has come."""
        return self._act(transaction, self._see(transaction, part), part.octets)

    def silence(self, transaction: int) -> Act:
        """The next part did not come in time."""
        return self._act(transaction, Seen.SILENCE, b"")

    def _see(self, transaction: int, part: Part) -> Seen:
        piece, number, octets = part
        parts = self._open.get(transaction)
        held = parts or []
        if piece is Piece.FIRST and number == 1 and octets:
            crowded = parts is None and len(self._open) >= self._transactions_max
            return Seen.TOO_LONG if crowded or len(octets) > self._octets_max else Seen.FIRST
        wrong_size = bool(held) and (
            len(octets) > len(held[0]) or (piece is Piece.NEXT and len(octets) != len(held[0]))
        )
        if piece is Piece.FIRST or number != len(held) + 1 or not octets or wrong_size:
            return Seen.STRANGE
        if sum(map(len, held)) + len(octets) > self._octets_max:
            return Seen.TOO_LONG
        return Seen.NEXT if piece is Piece.NEXT else Seen.LAST

    def _act(self, transaction: int, seen: Seen, octets: bytes) -> Act:
        parts = self._open.get(transaction)
        act = JOINING[seen][Joining.UNKNOWN if parts is None else Joining.OPEN]
        if act is Act.BEGIN:
            self._open[transaction] = [octets]
        elif parts is not None and act is Act.TAKE:
            parts.append(octets)
        elif parts is not None and act is Act.JOIN:
            self.joined = b"".join((*parts, octets))
            del self._open[transaction]
        elif act in ABORTS:
            self._open.pop(transaction, None)
        return act
