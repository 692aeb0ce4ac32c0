"""A siege: one mission on a protected link in virtual time, with an attacker that strikes again and again.

One seed is one siege; attack number n of it is (seed, n). Each attack comes at its moment: in the calm, as the ground's
command is on its way, around a retransmission, at AOS, behind a reboot of the payload. Behind each the ground commands,
which must be done within `WITHIN_US` of the attack's end, and everything that was refused must have been counted.
"""

from collections import Counter
from collections.abc import Callable
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.kernel.key import KEY_OCTETS
from fsw.mdb.mission import Mission
from fsw.mdb.mission import load as load_mission
from fsw.mdb.security import FrameRefusal
from hil.attacker.attack_kinds import KINDS, has_heard
from hil.attacker.attacker import Attacker
from hil.attacker.blow import Loot
from hil.attacker.forging import SPI_TC
from hil.attacker.wiretap import Wiretap
from hil.bench import Bench
from hil.board import probe
from hil.board.board import Board
from hil.lander import lander_orders
from hil.lander.profiles import load as load_profile
from hil.observer import Finding, Observer
from hil.plan.scenario import Scenario
from hil.rules import invariants
from hil.rules.invariants_gaps import GapsAnnounced
from hil.rungs.virtual import Virtual
from hil.seed import Dice
from hil.siege.witness import Witness
from hil.testing.bench_stage import plan_of
from hil.written.fault import make
from tools.ground.records import ParameterRecord
from tools.ground.ticket import Ticket
from tools.ground.tracking import State

S: Final = 1_000_000
WITHIN_US: Final = 10 * S
"""How soon behind an attack a command is done."""
PATIENCE_US: Final = 4 * S
"""Behind which an operator who sees nothing, or that a command was interrupted, sends it again."""
TURNS: Final = 25
"""By how many kinds one seed's turns are ahead of the seed's before."""
NOT_HERE: Final = (GapsAnnounced.RULE,)
"""Rules of every run that hold the ground to frame counts, which no MAC covers."""
READY_US: Final = 60 * S
SETTLES_US: Final = 3 * S
STEP_US: Final = 100_000
BOOT_US: Final = 5 * S
"""Behind its power a payload has said that it is there, and the ground has initialised COP-1."""
LIGHT_US: Final = (0, 0, 0, 250_000)
"""Light times, by seed."""
SCRATCH: Final = 10
"""The parameter that the ground's commands set."""
SET: Final = "parameter.set"
_WAITED_FOR: Final = (State.QUEUED, State.SENT, State.RECEIVED, State.ACCEPTED, State.STARTED)
_U32: Final = 0xFFFF_FFFF


@unique
class Moment(Enum):
    """When an attack comes."""

    CALM = "in the calm"
    AMID = "with a command under way"
    RETRANSMISSION = "around a retransmission"
    AOS = "at AOS"
    REBOOT = "behind a reboot"


_MOMENTS: Final = (*(Moment.CALM,) * 8, *(Moment.AMID,) * 8, *(Moment.RETRANSMISSION,) * 2, Moment.AOS, Moment.REBOOT)


class Attacked(NamedTuple):
    """One attack and what came of it."""

    number: int
    kinds: tuple[str, ...]
    moment: Moment
    at_us: int
    took_us: int
    """From the attack's end to the command's."""
    costs: Counter[str]
    """What was refused meanwhile, as the Books have it."""
    breaches: tuple[str, ...]


class Besieged(NamedTuple):
    """What came of a siege."""

    seed: int
    attacks: tuple[Attacked, ...]
    breaches: tuple[str, ...]
    """Each begins with seed, number and kinds of its attack."""
    simulated_us: int
    injected: Counter[str]
    """Datagrams and pieces of octets that were brought in, by place."""


class Siege:
    """One mission; `strike` once for each attack, then `finish`."""

    def __init__(
        self,
        seed: int,
        mission: Mission | None = None,
        *,
        protected: bool = True,
        weaken: Callable[[Board], None] = lambda _: None,
    ) -> None:
        self.seed = seed
        self._weaken = weaken
        self._dice = Dice(seed, "siege")
        self.mission = mission or load_mission()
        profile = load_profile("generic")._replace(one_way_us=LIGHT_US[seed % len(LIGHT_US)])
        plan = plan_of("siege", profile, ())._replace(protected=protected)
        self.witness = Witness(self.mission.database, profile.scid, profile.tm_frame_octets)
        self.run = Virtual(plan, self.mission, seed, observers=self._watching)
        keys = self.run.plan.keys
        old = self._dice.child("old key")
        loot = Loot(
            bytes(old.whole(0, 255) for _ in range(KEY_OCTETS)),
            tuple((spi, keys[spi].octets) for spi in (SPI_TC + 1, 0x20, 0x23) if spi in keys),
        )
        self.attacker = Attacker(Wiretap(profile.scid, profile.tm_frame_octets), self, loot)
        self._lives = self._ordered_lives = 0
        self._value = 0
        self._line_free_us = self._planned_us = Micros(0)
        self._samples: dict[str, float | None] = {}
        self.order("on")
        self.let_pass(READY_US, lambda: self.bench.session.ready(self.now))
        self.command()

    def _watching(self, plan: Scenario, mission: Mission) -> list[Observer]:
        return [*invariants.all_of(plan, mission, (self.witness,)), self]

    @property
    def bench(self) -> Bench:
        """The bench."""
        return self.run.bench

    @property
    def board(self) -> Board:
        """The payload."""
        return self.run.board

    @property
    def now(self) -> Micros:
        """Its time."""
        return self.run.clock.now()

    # --- hands of the attacker --------------------------------------------------------------------------------------

    def uplink(self, datagram: bytes, now: Micros) -> None:
        """A datagram for the lander."""
        self.bench.receive_tc(datagram, now)

    def line(self, octets: bytes, amid: bool, now: Micros) -> None:
        """Octets on the line to the payload."""
        if amid:
            self.bench.up.put(octets, now)
        else:
            self.bench.end.up.put(octets, now)
            self._line_free_us = self.bench.end.up.free_us()

    def downlink(self, frame: bytes, now: Micros) -> None:
        """A datagram for the ground."""
        self.witness.delivered(frame, now)
        self.bench.receive_tm(frame, now)

    # --- ears of the attacker, and the tap ----------------------------------------------------------------------------

    def uplinked(self, datagram: bytes, now: Micros) -> None:
        """A datagram has left the ground."""
        self.attacker.heard_up(datagram, now)

    def reached(self, octets: bytes, now: Micros) -> None:
        """Octets have come to the payload."""
        self.attacker.heard_line(octets, now)

    def downlinked(self, octets: bytes, now: Micros) -> None:
        """Octets have come to the lander."""
        self.attacker.heard_down(octets, now)

    def power(self, on: bool, now: Micros) -> None:
        """A life of the payload begins."""
        if on and self.board.app is not None and self.board.lives != self._lives:
            self._lives = self.board.lives
            probe.tap_requests(self.board, self.witness.executing)
            self._weaken(self.board)

    def record(self, record: object, now: Micros) -> None:
        """A sample of telemetry."""
        if isinstance(record, ParameterRecord):
            self._samples[record.name] = record.raw

    def finish(self, now: Micros) -> list[Finding]:
        """Nothing of its own."""
        return []

    # --- an attack ----------------------------------------------------------------------------------------------------

    def strike(self, number: int, kinds: tuple[str, ...] = (), moment: Moment | None = None) -> Attacked:
        """One attack, of these kinds or drawn; and what the ground and its judges have to say of it."""
        dice = self._dice.child(str(number))
        moment = dice.pick(_MOMENTS) if moment is None else moment
        before, told = self.witness.expected(), len(self.witness.breaches)
        born_us = self._await(moment, dice)
        kinds = kinds or self._drawn(number, dice.child("kinds"))
        at_us = self.now
        refused = self.attacker.strike(dice.child("attack"), kinds, at_us)
        assert not refused, refused
        self.let_pass(dice.uniform_us(0, S // 2))
        done_us = self.command()
        while not self.attacker.over or done_us < self.attacker.last_us:
            self.let_pass(S, lambda: self.attacker.over)
            done_us = self.command()
        took_us = max(0, done_us - max(at_us, self.attacker.last_us, self._line_free_us, born_us + BOOT_US))
        wrong = self._settled()
        breaches = [*self.witness.breaches[told:], *wrong]
        if took_us > WITHIN_US:
            breaches.append(f"a command was done {took_us / S:.1f} s behind it")
        cost = self.witness.expected()
        cost.subtract(before)
        return Attacked(number, kinds, moment, at_us, took_us, +cost, tuple(breaches))

    def _drawn(self, number: int, dice: Dice) -> tuple[str, ...]:
        """Kinds for an attack: by turns one that is due, so that none is left out, and what the dice say."""
        due = tuple(KINDS.values())[(self.seed * TURNS + number // 2) % len(KINDS)]
        if number % 2 and has_heard(self.attacker.tap, due.needs):
            return (due.name,)
        return self.attacker.draw(dice)

    def _await(self, moment: Moment, dice: Dice) -> int:
        """Let the moment come; returns when the payload's life began if it began just now, else 0."""
        born_us = -BOOT_US
        match moment:
            case Moment.CALM:
                self.let_pass(dice.uniform_us(0, S))
            case Moment.AMID:
                self.send()
                self.let_pass(dice.uniform_us(0, 200_000 + 2 * self.bench.lander.profile.one_way_us))
            case Moment.RETRANSMISSION:
                self._fault("silence", S, direction="up")
                self.send()
                self.let_pass(dice.uniform_us(0, 4 * S))
            case Moment.AOS:
                self._fault("silence", 7 * S, direction="down")
                self.let_pass(7 * S + dice.uniform_us(0, 3 * S // 2))
            case Moment.REBOOT:
                self.order("cut")
                self.let_pass(S)
                self.order("on")
                born_us = self.now
                self.let_pass(dice.uniform_us(0, 6 * S))
        return born_us

    def _settled(self) -> list[str]:
        """What is wrong when all that came has been looked at."""
        wrong: list[str] = []
        for _ in range(SETTLES_US // STEP_US):
            wrong = self._judged()
            if not wrong:
                break
            self.let_pass(STEP_US)
        return wrong

    def _judged(self) -> list[str]:
        board, link = self.board, self.bench.session.link(self.now)
        if board.app is None:
            return ["the payload has no power"]
        found = probe.counted(board)
        wrong = [self.witness.differs(found, self.now), self.witness.ground_differs(link.frames_good, link.frames_bad)]
        if self._lives != self._ordered_lives:
            wrong.append(f"{self._lives - self._ordered_lives} lives more than the lander has begun")
            self._ordered_lives = self._lives
        wrong += [f"task {name} has died: {why}" for name, why in found.faults.items()]
        if found.scratch != self._value and found.scratch is not None:
            wrong.append(f"parameter 10 is {found.scratch}, commanded was {self._value}")
        return [one for one in wrong if one]

    # --- the ground's own commanding ----------------------------------------------------------------------------------

    def send(self) -> int:
        """Command a fresh value of parameter 10; returns the ticket."""
        self._value = (self._value + 0x9E37_79B1) & _U32
        ticket = self.bench.send(SET, {"system.scratch": str(self._value)}, self.now)
        assert isinstance(ticket, Ticket), ticket
        return ticket.number

    def command(self) -> int:
        """Command until it is done, as an operator would; returns when it was, or where patience ended."""
        limit_us = self.now + 6 * WITHIN_US
        while self.now < limit_us:
            if self.ends(self.send()) is State.COMPLETED:
                break
        return self.now

    def ends(self, ticket: int) -> State:
        """How a command stands when it has ended, or when patience has."""
        stages = self.witness.stages
        self.let_pass(PATIENCE_US, lambda: stages.get(ticket, State.QUEUED) not in _WAITED_FOR)
        return stages.get(ticket, State.QUEUED)

    def _fault(self, kind: str, for_us: int, **values: str) -> None:
        why = self.bench.fault(make(kind, self.now, for_us, **values), self.now)
        assert not why, why

    def order(self, verb: str) -> None:
        """Have the lander switch the payload's power: on, cut."""
        self._ordered_lives += verb == "on"
        order = lander_orders.parse({"do": verb, "circuit": "ops"})
        assert not self.bench.order(order, self.now)

    def let_pass(self, for_us: int, stop: Callable[[], bool] = lambda: False) -> None:
        """Let so much time pass, or until; the attacker acts when it has to."""
        end_us = self.now + for_us
        while self.now < end_us and not stop():
            self._planned_us = self.attacker.step(self.now)
            until_us = Micros(min(end_us, self._planned_us))
            self.run.advance(until_us, lambda: stop() or self.attacker.due < self._planned_us)

    # --- the end ------------------------------------------------------------------------------------------------------

    def end(self) -> list[str]:
        """What the always-on rules and the payload's own telemetry have to say of the whole siege."""
        self.let_pass(3 * S // 2)
        names = [f"security.{refusal.name.lower()}" for refusal in FrameRefusal]
        asked = self.bench.send("parameter.report", {"parameters": ",".join(names)}, self.now)
        assert isinstance(asked, Ticket), asked
        self.ends(asked.number)
        self.let_pass(S)
        told = sum(int(self._samples.get(name) or 0) for name in names)
        counted = sum(count for name, count in probe.counted(self.board).refused.items() if name.startswith("sdls"))
        wrong = [] if told == counted else [f"telemetry tells of {told} frames refused, {counted} were"]
        findings = [one for one in self.run.result().findings if one.breach and one.rule not in NOT_HERE]
        return wrong + [f"{one.rule}: {one.text}" for one in findings]


def besiege(
    seed: int,
    attacks: int,
    mission: Mission | None = None,
    *,
    protected: bool = True,
    weaken: Callable[[Board], None] = lambda _: None,
    only: tuple[str, ...] = (),
    told: Callable[[Attacked], None] = lambda _: None,
) -> Besieged:
    """A siege of so many attacks; `only`: their kinds, one after the other over and over; `told` of each when over."""
    siege = Siege(seed, mission, protected=protected, weaken=weaken)
    try:
        struck, said = [], []
        for number in range(attacks):
            kinds = (only[number % len(only)],) if only else ()
            attacked = siege.strike(number, kinds)
            struck.append(attacked)
            told(attacked)
            name = f"seed {seed}, attack {number} ({' and '.join(attacked.kinds)} {attacked.moment.value})"
            said += [f"{name}: {breach}" for breach in attacked.breaches]
        said += [f"seed {seed}: {breach}" for breach in siege.end()]
        injected = Counter({place.name: count for place, count in siege.attacker.done.items()})
        return Besieged(seed, tuple(struck), tuple(said), siege.now, injected)
    finally:
        siege.run.close()
