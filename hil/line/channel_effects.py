"""What each fault of the line does to a stream of octets: one small object a fault, fed octets cut anywhere."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from fsw.kernel.clock import NEVER, Micros
from hil.seed import Dice
from hil.written.fault import Fault

ZEROS_MAX: Final = 65_536
"""Zeros of a stuck wire that one look may find; those beyond are lost."""
_SECOND: Final = 1_000_000
_BITS: Final = 8


class Effect(Protocol):
    """One fault at work; `hits` counts the octets (bit errors: bits) that it touched since they were last booked."""

    hits: int = 0

    @abstractmethod
    def carry(self, octets: bytes, now: Micros) -> bytes:
        """What becomes of the next octets."""

    def finish(self) -> bytes:
        """Octets that come because it ends."""
        return b""

    def clear(self) -> None:
        """The reader is gone, with what it had kept."""
        return

    def next_due(self) -> Micros:
        """When octets come that nobody sent; NEVER if none do."""
        return NEVER


class BitErrors(Effect):
    """Each bit flips with the same chance."""

    def __init__(self, fault: Fault, dice: Dice, now: Micros) -> None:
        self._dice = dice
        self._p_e9 = fault.values["ber_e9"]
        self._left = dice.gap(self._p_e9)

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """Flip; bits count from the most significant one, as frames do."""
        bits = _BITS * len(octets)
        if self._left >= bits:
            self._left -= bits
            return octets
        changed = bytearray(octets)
        while self._left < bits:
            changed[self._left // _BITS] ^= 0x80 >> self._left % _BITS
            self._left += 1 + self._dice.gap(self._p_e9)
            self.hits += 1
        self._left -= bits
        return bytes(changed)


class Burst(Effect):
    """Now and then something befalls the next few octets: they are dropped, come twice, or strangers come before them.

    `per_octets_e6` is the chance of each octet outside a burst to begin one, 1 to `burst` octets long.
    """

    def __init__(self, fault: Fault, dice: Dice, now: Micros) -> None:
        self._dice = dice
        self._kind = fault.kind
        self._p_e9 = 1_000 * fault.values["per_octets_e6"]
        self._longest = fault.values["burst"]
        self._left = dice.gap(self._p_e9)
        self._amid = 0  # octets of the burst that are still to come
        self._copy = b""

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """Go from burst to burst."""
        if not self._amid and self._left >= len(octets):
            self._left -= len(octets)
            return octets
        out = bytearray()
        at = 0
        while at < len(octets):
            if self._amid:
                piece = octets[at : at + self._amid]
                at += len(piece)
                self._amid -= len(piece)
                out += self._amidst(piece)
                continue
            piece = octets[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            out += piece
            if at < len(octets):
                out += self._burst()
        return bytes(out)

    def _burst(self) -> bytes:
        """The next octet begins a burst; what comes before it."""
        count = self._dice.whole(1, self._longest)
        self._left = self._dice.gap(self._p_e9)
        self.hits += count
        if self._kind == "insert":
            self._left += 1  # this octet has had its throw
            return bytes(self._dice.whole(0, 255) for _ in range(count))
        self._amid = count
        return b""

    def _amidst(self, piece: bytes) -> bytes:
        """Octets of the burst."""
        if self._kind == "drop":
            return b""
        self._copy += piece
        if self._amid:
            return piece
        copy, self._copy = self._copy, b""
        return piece + copy


class Swallowed(Effect):
    """Nothing comes through: silence, or a wire held high."""

    def __init__(self, fault: Fault, dice: Dice, now: Micros) -> None:
        """Nothing to set."""

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """Swallow."""
        self.hits += len(octets)
        return b""


BURST_US: Final = 10_000
"""How often at most a break's zeros are looked for."""


class HeldLow(Effect):
    """Nothing comes through; the receiver reads the break as zeros, `octets_s` of them a second, the first at once."""

    def __init__(self, fault: Fault, dice: Dice, now: Micros) -> None:
        self._rate = fault.values["octets_s"]
        self._begun_us = now
        self._zeros = 0

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """The zeros that have come up since last looked."""
        come = self._come(now)
        fresh, self._zeros = min(come - self._zeros, ZEROS_MAX), come
        self.hits += len(octets) + fresh
        return bytes(fresh)

    def next_due(self) -> Micros:
        """When the next zeros come: a driver hands them on in bursts."""
        if not self._rate:
            return NEVER if self._zeros else self._begun_us
        next_us = -(-self._zeros * _SECOND // self._rate)
        return Micros(self._begun_us + -(-next_us // BURST_US) * BURST_US)

    def _come(self, now: Micros) -> int:
        return 1 + (now - self._begun_us) * self._rate // _SECOND


class Frozen(Effect):
    """The receiver keeps `buffer` octets until it thaws; those beyond are lost."""

    def __init__(self, fault: Fault, dice: Dice, now: Micros) -> None:
        self._room = fault.values["buffer"]
        self._kept = bytearray()

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """Keep."""
        self._kept += octets[: self._room - len(self._kept)]
        self.hits += len(octets)
        return b""

    def finish(self) -> bytes:
        """Thaw."""
        return bytes(self._kept)

    def clear(self) -> None:
        """Its power is gone."""
        self._kept.clear()


class BaudDrift(Effect):
    """A UART samples each bit in what it takes for its middle, `permille` of a bit time too late (negative: too early).

    A sample that has slipped into the next bit, or the last one, reads that; a stop bit read as zero is a framing
    error, and the octet is read as zero, as by a port that marks no errors. Every start bit sets it right.
    """

    def __init__(self, fault: Fault, dice: Dice, now: Micros) -> None:
        self._read = bytes(_sampled(octet, fault.values["permille"]) for octet in range(256))
        self._right = bytes(octet for octet in range(256) if self._read[octet] == octet)

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """Read each octet by the wrong clock."""
        self.hits += len(octets.translate(None, self._right))
        return octets.translate(self._read)


def _sampled(octet: int, permille: int) -> int:
    """What a receiver whose bit time is off by so much reads of one octet 8N1, least significant bit first."""
    wire = [0, *(octet >> bit & 1 for bit in range(_BITS)), 1]
    places = [min((2 * bit + 1) * (1_000 + permille) // 2_000, len(wire) - 1) for bit in range(len(wire))]
    read = [wire[place] for place in places]
    return sum(one << bit for bit, one in enumerate(read[1:-1])) if read[-1] else 0


MAKERS: Final[Mapping[str, Callable[[Fault, Dice, Micros], Effect]]] = {
    "bit_errors": BitErrors,
    "drop": Burst,
    "duplicate": Burst,
    "insert": Burst,
    "silence": Swallowed,
    "stuck_high": Swallowed,
    "stuck_low": HeldLow,
    "rx_frozen": Frozen,
    "baud_drift": BaudDrift,
}
"""Kinds of faults that a channel does, and what makes the effect of one."""
