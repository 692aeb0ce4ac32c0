"""The desk from which faults are begun and ended: by schedule, by a scenario's step, or drawn as a storm.

Faults of the line act in the channels, faults of the lander are orders to it, all others are the payload end's to do. A
fault that the end lacks the ability for, or that finds nothing to act on, is not exercised: that is said and is never a
pass. What a fault has taken away comes back when it ends, unless another one still holds it.
"""

from collections.abc import Callable, Iterable
from enum import Enum, unique
from heapq import heappop, heappush
from typing import Final, NamedTuple, Protocol

from fsw.kernel.clock import NEVER, Micros
from hil.faults.forgery import Forger
from hil.faults.lander_faults import LANDER_KINDS, LanderFaults
from hil.faults.stray_octets import boot_text, broken_frames
from hil.lander.lander import Lander
from hil.line.channel import Channel
from hil.line.channel_effects import MAKERS
from hil.seed import Dice
from hil.written.fault import FAULTS_MAX, Fault, make
from hil.written.fault_kinds import KINDS, Ability

HOUR_US: Final = 3_600_000_000
STORM_MOST: Final = {"over_current": 2}
"""How often a storm draws a kind at most: the third trip would lock the circuit out for good."""
Told = Callable[[Fault, bool, Micros], None]


class FaultyEnd(Protocol):
    """What the desk needs of a payload's end."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What may be done to it."""

    def begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault on the payload's side; why not, or empty."""

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""


@unique
class Stage(Enum):
    """How far a fault has come."""

    WAITING = "waiting"
    ACTIVE = "active"
    OVER = "over"
    NOT_EXERCISED = "not exercised"


class FaultOutcome(NamedTuple):
    """What became of a fault."""

    fault: Fault
    exercised: bool
    why: str
    """Why it was not exercised; else empty."""


class _Entry:
    __slots__ = ("fault", "stage", "why")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.stage = Stage.WAITING
        self.why = ""


class FaultDesk:
    """Begins and ends faults when they fall due; `told` hears of each beginning and end."""

    def __init__(
        self,
        faults: Iterable[Fault],
        up: Channel,
        down: Channel,
        lander: Lander,
        end: FaultyEnd,
        told: Told | None = None,
    ) -> None:
        self._channels = {"up": (up,), "down": (down,), "both": (up, down)}
        self._up, self._down = up, down
        self._lander = LanderFaults(lander)
        self._carrier = lander.profile.carrier
        self._forger = Forger(lander)
        self._end = end
        self._told = told
        self._entries: list[_Entry] = []
        self._due: list[tuple[int, int, bool]] = []
        """Time, number of the entry, whether it begins: a heap."""
        self.last_us = 0
        """When the last fault of all will be over."""
        for fault in faults:
            self._schedule(fault)

    # --- schedule -------------------------------------------------------------------------------------------------

    def _schedule(self, fault: Fault) -> _Entry:
        assert len(self._entries) < FAULTS_MAX, "a schedule has an end"
        entry = _Entry(fault)
        heappush(self._due, (fault.at_us, len(self._entries), True))
        self._entries.append(entry)
        self.last_us = max(self.last_us, fault.until_us)
        return entry

    def add(self, fault: Fault, now: Micros) -> str:
        """One more fault, whose time may be now; why it cannot be exercised, or empty."""
        if len(self._entries) >= FAULTS_MAX:
            return f"more than {FAULTS_MAX} faults"
        entry = self._schedule(fault)
        self.step(now)
        return entry.why

    def step(self, now: Micros) -> Micros:
        """Begin and end what has fallen due; returns when to call again."""
        while self._due and self._due[0][0] <= now:
            _, number, begins = heappop(self._due)
            entry = self._entries[number]
            if not begins:
                self._end_one(entry, now)
                continue
            entry.why = self._begin(entry.fault, now)
            entry.stage = Stage.NOT_EXERCISED if entry.why else Stage.ACTIVE
            if entry.why:
                continue
            if self._told is not None:
                self._told(entry.fault, True, now)
            if entry.fault.for_us:
                heappush(self._due, (entry.fault.until_us, number, False))
            else:
                self._end_one(entry, now)
        return Micros(self._due[0][0]) if self._due else NEVER

    def results(self) -> list[FaultOutcome]:
        """Every fault of the run and whether it was exercised; one whose time never came was not."""
        return [
            FaultOutcome(
                entry.fault,
                entry.stage in (Stage.ACTIVE, Stage.OVER),
                entry.why or ("its time did not come" if entry.stage is Stage.WAITING else ""),
            )
            for entry in self._entries
        ]

    def uplinked(self, datagram: bytes, now: Micros) -> None:
        """A datagram has left the ground: what somebody may record."""
        self._forger.overhear(datagram, now)

    # --- doing ----------------------------------------------------------------------------------------------------

    def _begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault; why not, or empty."""
        known = KINDS[fault.kind]
        if known.ability not in self._end.abilities:
            return f"this end has no {known.ability.value} to do it with"
        if fault.kind in MAKERS:
            for channel in self._channels[fault.name("direction")]:
                channel.begin(fault, now)
            return ""
        if fault.kind in _STRAYS:
            self._stray(fault, now)
            return ""
        if fault.kind in ("replay", "spoof"):
            return self._forger.act(fault, now)
        if fault.kind in LANDER_KINDS:
            return self._lander.begin(fault, now)
        return self._end.begin(fault, now)

    def _end_one(self, entry: _Entry, now: Micros) -> None:
        fault = entry.fault
        entry.stage = Stage.OVER
        if fault.kind in MAKERS:
            for channel in self._channels[fault.name("direction")]:
                channel.end(fault, now)
        elif fault.kind in LANDER_KINDS:
            self._lander.end(fault, now)
        elif fault.for_us:
            self._end.end(fault, now)
        if self._told is not None:
            self._told(fault, False, now)

    def _stray(self, fault: Fault, now: Micros) -> None:
        for channel in self._channels[fault.name("direction")]:
            octets = fault.values["octets"]
            if fault.kind == "boot_text":
                channel.put(boot_text(octets), now)
                continue
            dice = channel.dice.child(fault.kind, str(fault.at_us))
            shape = fault.values["shape"]
            channel.put(broken_frames(shape, octets, self._carrier, channel is self._up, dice), now)


_STRAYS: Final = ("boot_text", "broken_frames")


def storm(dice: Dice, duration_us: int, an_hour: int, kinds: Iterable[str] = ()) -> tuple[Fault, ...]:
    """A schedule drawn by `dice`: about `an_hour` faults an hour, of `kinds` or of all that a storm may draw.

    All are over at `duration_us`. Durations are those that each kind gives for storms, so that a system can recover
    between; parameters are drawn over their whole range, evenly in magnitude where that spans more than a decade.
    """
    drawable = [kind for kind in KINDS.values() if kind.storm is not None and (not kinds or kind.kind in kinds)]
    if not drawable or duration_us <= 0 or an_hour <= 0:
        return ()
    count = min(max(1, duration_us * an_hour // HOUR_US), FAULTS_MAX)
    drawn: list[Fault] = []
    for number in range(count):
        own = dice.child(str(number))
        spent = {name for name, most in STORM_MOST.items() if sum(one.kind == name for one in drawn) >= most}
        left = [one for one in drawable if one.kind not in spent]
        if not left:
            break
        kind = own.pick(left)
        assert kind.storm is not None
        for_us = min(own.uniform_us(kind.storm.low_us, kind.storm.high_us), duration_us) // 1_000 * 1_000
        for_us = max(for_us, kind.lasts.low_us)
        at_us = own.uniform_us(0, max(duration_us - for_us, 0)) // 1_000 * 1_000
        values = {key: own.magnitude(one.low, one.high) for key, one in kind.parameters.items()}
        named = {key: kind.parameters[key].names[v] if kind.parameters[key].names else v for key, v in values.items()}
        drawn.append(make(kind.kind, at_us, for_us, **named))
    return tuple(sorted(drawn, key=lambda fault: (fault.at_us, fault.kind)))
