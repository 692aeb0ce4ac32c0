"""One direction of the line between its wire and its reader, where faults befall octets.

Without a fault `carry` gives back what it is given. Each fault changes the stream of octets by an octet's place in it,
never by how the stream was cut into pieces: the same octets come out however often one looks.
Faults act in the order in which they began. Octets of the channel's own (a boot loader's text, a stuck wire read as
zeros) come before what is carried at the time.

Off nominal: own octets beyond `OWN_OCTETS_MAX` are lost and counted ("overrun").
"""

from collections import Counter
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from hil.line import channel_effects
from hil.line.channel_effects import Effect
from hil.seed import Dice
from hil.written.fault import Fault

OWN_OCTETS_MAX: Final = 65_536


class Channel:
    """Carries octets from the wire to the reader. `counters` says what befell how many octets, by kind of fault."""

    def __init__(self, dice: Dice) -> None:
        self.counters: Counter[str] = Counter()
        self.dice = dice
        self._effects: list[tuple[Fault, Effect]] = []
        self._sent = b""
        """Own octets that are to pass the faults as if the other end had sent them."""
        self._kept = b""
        """Own octets that have passed the faults."""
        self._since_us = Micros(0)

    def begin(self, fault: Fault, now: Micros) -> None:
        """Let a fault of the line act from now on; one that is not of the line is misuse."""
        again = sum(one == fault for one, _ in self._effects)
        dice = self.dice.child(fault.kind, str(fault.at_us), *("again",) * again)
        self._effects.append((fault, channel_effects.MAKERS[fault.kind](fault, dice, now)))

    def end(self, fault: Fault, now: Micros) -> None:
        """End it; what a receiver had kept back is then read."""
        place = next((n for n, (one, _) in enumerate(self._effects) if one == fault), None)
        assert place is not None, "only what began can end"
        _, effect = self._effects.pop(place)
        self._book(fault.kind, effect)
        octets = effect.finish()
        for later, following in self._effects[place:]:
            octets = following.carry(octets, now)
            self._book(later.kind, following)
        self._kept += self._room(octets, now)

    def put(self, octets: bytes, now: Micros) -> None:
        """Let octets come that nobody has sent."""
        self._sent += self._room(octets, now)

    def carry(self, octets: bytes, now: Micros) -> bytes:
        """What the reader gets of `octets`, which have come off the wire."""
        if not (self._effects or self._sent or self._kept):
            return octets
        octets = self._sent + octets
        for fault, effect in self._effects:
            octets = effect.carry(octets, now)
            if effect.hits:
                self._book(fault.kind, effect)
        octets = self._kept + octets
        self._sent = self._kept = b""
        return octets

    def next_due(self) -> Micros:
        """When the channel has octets of its own for the reader; NEVER while it has none."""
        if not (self._effects or self._sent or self._kept):
            return NEVER
        due = self._since_us if self._sent or self._kept else NEVER
        return min((effect.next_due() for _, effect in self._effects), default=NEVER) if due == NEVER else due

    def clear(self) -> None:
        """The reader's power is gone: what it had not read is lost. Faults of the line go on."""
        self._sent = self._kept = b""
        for _, effect in self._effects:
            effect.clear()

    def _room(self, octets: bytes, now: Micros) -> bytes:
        room = OWN_OCTETS_MAX - len(self._sent) - len(self._kept)
        if len(octets) > room:
            self.counters["overrun"] += len(octets) - room
        if not (self._sent or self._kept):
            self._since_us = now
        return octets[:room]

    def _book(self, kind: str, effect: Effect) -> None:
        self.counters[kind] += effect.hits
        effect.hits = 0
