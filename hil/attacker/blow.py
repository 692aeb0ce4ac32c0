"""What an attacker does: octets at a place after a while; and what it has to do it with."""

from enum import Enum, unique
from typing import NamedTuple

from hil.attacker.wiretap import Tc, Tm, Wiretap
from hil.seed import Dice


@unique
class Place(Enum):
    """Where octets come in."""

    GROUND = "the way from the ground to the lander"  # a datagram: one CLTU or one bare frame
    LINE = "the line to the payload"  # octets behind what is on it
    AMID = "the middle of what is on the line to the payload"
    DOWN = "the ground's receiver"  # a datagram: one TM frame


class Blow(NamedTuple):
    """One thing done, `after_us` from when the attack is made."""

    after_us: int
    place: Place
    octets: bytes


class Loot(NamedTuple):
    """Keys that were stolen: 32 octets each. None of them is the one in use on VC 0."""

    old: bytes
    """Of a generation before."""
    others: tuple[tuple[int, bytes], ...]
    """Of other associations of this link, by SPI."""


class Means(NamedTuple):
    """What a maker of attacks has: what was heard, dice of this attack, stolen keys."""

    tap: Wiretap
    dice: Dice
    loot: Loot

    @property
    def command(self) -> Tc:
        """The newest command of the ground's."""
        return self.tap.commands[-1]

    @property
    def any_command(self) -> Tc:
        """Any that was heard."""
        return self.dice.pick(tuple(self.tap.commands))

    @property
    def report(self) -> Tm:
        """The newest protected frame of the payload's."""
        return self.tap.telemetry[-1]

    def octets(self, low: int, high: int) -> bytes:
        """As many octets of chance."""
        return bytes(self.dice.whole(0, 255) for _ in range(self.dice.whole(low, high)))

    def bits(self, low: int, high: int, most: int = 3) -> tuple[int, ...]:
        """One to `most` different bits from `low` on, below `high`."""
        return tuple(sorted({self.dice.whole(low, max(low, high - 1)) for _ in range(self.dice.whole(1, most))}))

    def iv(self, tc: Tc) -> int:
        """A counter that is above all that was heard."""
        return int.from_bytes(tc.data[2:14], "big") + self.dice.magnitude(1, 1 << 62)
