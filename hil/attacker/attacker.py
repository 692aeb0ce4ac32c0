"""One attacker at the link: hears all traffic, and strikes when it is told to, by dice: one seed, one attack.

An attack is one kind or up to three at once. A kind whose moment has not come lies in wait for it, `AMBUSH_US` at
most. It acts through `Hands` alone: a ground's datagram, octets on the line, a datagram to the ground.

Off nominal: a kind that needs what was not heard is not drawn; one that is asked for by name is refused with a word.
"""

from typing import Final, NamedTuple, Protocol

from fsw.kernel.clock import NEVER, Micros
from hil.attacker.attack_kinds import FLOODS, KINDS, PLACES, AttackKind, Form, Moment, has_heard
from hil.attacker.blow import Blow, Loot, Means, Place
from hil.attacker.forging import unit
from hil.attacker.wiretap import Wiretap
from hil.seed import E9, Dice

AMBUSH_US: Final = 3_000_000
COMBINED_MAX: Final = 3
STAGGER_US: Final = 400_000
"""Kinds of one attack begin within this of one another."""
GAPS_US: Final = (20_000, 400_000, 1_500_000)
"""Between the frames of a kind that has few of them, where it does not bring them in without a gap."""
FEW: Final = 4
PROTECTED: Final = (0, 1, 3)
"""Channels of telemetry that a protected link protects."""


class Hands(Protocol):
    """What the attacker can do to the world."""

    def uplink(self, datagram: bytes, now: Micros) -> None:
        """A datagram for the lander, as if the ground had sent it."""

    def line(self, octets: bytes, amid: bool, now: Micros) -> None:
        """Octets on the line to the payload, behind what is on it or in the middle of it."""

    def downlink(self, frame: bytes, now: Micros) -> None:
        """A datagram for the ground, as if the lander had sent it."""


class _Ambush(NamedTuple):
    kind: AttackKind
    dice: Dice
    until_us: int


class Attacker:
    """`strike` makes an attack, `step` does what of it is due; `heard…` are its ears."""

    def __init__(self, tap: Wiretap, hands: Hands, loot: Loot) -> None:
        self.tap = tap
        self._hands = hands
        self._loot = loot
        self._blows: list[tuple[int, int, Place, bytes]] = []
        self._ambushes: list[_Ambush] = []
        self._number = 0
        self.last_us = Micros(0)
        """When it last did anything."""
        self.done: dict[Place, int] = dict.fromkeys(Place, 0)
        """How many datagrams or pieces of octets it has brought in."""

    # --- ears -------------------------------------------------------------------------------------------------------

    def heard_up(self, datagram: bytes, now: Micros) -> None:
        """A datagram has left the ground; what lies in wait for it comes before it."""
        heard = self.tap.uplinked(datagram, now)
        if heard is not None and not heard.flags & 1:
            self._spring(Moment.BEHIND_A_COMMAND, now)

    def heard_line(self, octets: bytes, now: Micros) -> None:
        """Octets have come to the payload."""
        self.tap.reached(octets, now)

    def heard_down(self, octets: bytes, now: Micros) -> None:
        """Octets of the payload's have come to the lander, whose radio they have not left."""
        if any(tm.vcid in PROTECTED for tm in self.tap.downlinked(octets, now)):
            self._spring(Moment.BEFORE_A_REPORT, now)

    # --- hands ------------------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done."""
        return not self._blows and not self._ambushes

    def draw(self, dice: Dice, *, combined: bool = True) -> tuple[str, ...]:
        """Kinds for one attack, of those that can be made now: mostly one; a flood comes alone."""
        possible = [kind.name for kind in KINDS.values() if has_heard(self.tap, kind.needs)]
        number = dice.whole(2, COMBINED_MAX) if combined and dice.chance(E9 // 8) else 1
        names = [dice.pick(possible) for _ in range(number)]
        floods = [name for name in names if name in FLOODS]
        return (floods[0],) if floods else tuple(names)

    def strike(self, dice: Dice, kinds: tuple[str, ...], now: Micros) -> str:
        """Make an attack of these kinds; why not, or empty."""
        for name in kinds:
            if not has_heard(self.tap, KINDS[name].needs):
                return f"{name} needs {KINDS[name].needs.value}, and none was heard"
        for place, name in enumerate(kinds):
            kind, own = KINDS[name], dice.child(str(place))
            if kind.moment is Moment.NOW:
                self._make(kind, own, now, own.uniform_us(0, STAGGER_US) if place else 0)
            else:
                self._ambushes.append(_Ambush(kind, own, now + AMBUSH_US))
        self.step(now)
        return ""

    def step(self, now: Micros) -> Micros:
        """Do what is due; returns when more is."""
        for ambush in [one for one in self._ambushes if now >= one.until_us]:
            self._ambushes.remove(ambush)
            self._make(ambush.kind, ambush.dice, now)
        while self._blows and self._blows[0][0] <= now:
            _, _, place, octets = self._blows.pop(0)
            self._do(place, octets, now)
        return self.due

    @property
    def due(self) -> Micros:
        """When `step` has something to do."""
        due = min((one.until_us for one in self._ambushes), default=NEVER)
        return Micros(min(due, self._blows[0][0])) if self._blows else Micros(due)

    def _spring(self, moment: Moment, now: Micros) -> None:
        sprung = [one for one in self._ambushes if one.kind.moment is moment]
        if not sprung:
            return
        self._ambushes = [one for one in self._ambushes if one.kind.moment is not moment]
        for ambush in sprung:
            self._make(ambush.kind, ambush.dice, now)
        self.step(now)

    def _make(self, kind: AttackKind, dice: Dice, now: Micros, after_us: int = 0) -> None:
        for blow in blows_of(kind, Means(self.tap, dice, self._loot), after_us):
            self._number += 1
            self._blows.append((now + blow.after_us, self._number, blow.place, blow.octets))
        self._blows.sort(key=lambda one: one[:2])

    def _do(self, place: Place, octets: bytes, now: Micros) -> None:
        self.last_us = now
        self.done[place] += 1
        if place is Place.GROUND:
            self._hands.uplink(octets, now)
        elif place is Place.DOWN:
            self._hands.downlink(octets, now)
        else:
            self._hands.line(octets, place is Place.AMID, now)


def blows_of(kind: AttackKind, means: Means, after_us: int = 0) -> list[Blow]:
    """What a kind does, made now: all at one place, one behind the other, at once or with gaps."""
    dice = means.dice
    place = Place.GROUND if kind.name == "lander-from-ground" else dice.pick(PLACES[kind.form])
    made = kind.make(means)
    gap_us = dice.pick((0, 0, 0, *GAPS_US)) if len(made) <= FEW else 0
    if kind.form is Form.OCTETS:
        return [Blow(after_us, place, b"".join(made))]
    bare = place is Place.DOWN or (place is Place.GROUND and dice.chance(E9 // 4))
    return [Blow(after_us + n * gap_us, place, one if bare else unit(one)) for n, one in enumerate(made)]
