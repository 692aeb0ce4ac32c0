"""The bench: lander, ground session, player, faults and observers around one payload, on a clock that is handed in.

One class for every rung: virtual time, a process on a pty, a board on a wire. What differs is the payload's `End`. The
ground's datagrams go straight to the lander, which applies light time and passes itself.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, NamedTuple, Protocol

from fsw.ccsds.sdls import SdlsReject
from fsw.kernel.clock import Clock, Micros
from fsw.kernel.key import SLOTS, by_table
from fsw.mdb.mission import Mission
from hil.faults.fault_desk import FaultDesk, storm
from hil.lander import lander_orders
from hil.lander.lander import OPS, TAI_AT_ZERO_US, Lander
from hil.lander.lander_orders import Order
from hil.line.channel import Channel
from hil.line.eye import Eye, simulated_keys
from hil.line.ground_keys import GroundKeys
from hil.line.line import Paced
from hil.observer import Finding, Observer, Observers
from hil.plan.player import Outcome, Player, StepResult
from hil.plan.scenario import Scenario
from hil.seed import Dice
from hil.written.expectation import Kind, Word
from hil.written.fault import Fault, compact
from hil.written.fault_kinds import Ability
from hil.written.key_order import KeyOrder
from tools.ground.expiry import NONE
from tools.ground.profile import of_line
from tools.ground.records import LanderRecord, ParameterRecord
from tools.ground.request import Refusal
from tools.ground.session import Session
from tools.ground.ticket import Ticket

SOURCE_ID: Final = 1
TURNS_MAX: Final = 16
"""How often one moment may set off something else in the same moment."""


class End(Protocol):
    """The payload's end of a rung: the line to it, its power, what surrounds it."""

    @property
    def name(self) -> str:
        """That of the rung."""

    @property
    def abilities(self) -> frozenset[Ability]:
        """What may be done to it; all else is not exercised."""

    @property
    def up(self) -> Paced:
        """What the lander puts on the line."""

    def power(self, on: bool, now: Micros) -> None:
        """Make the board what the lander's switch says."""

    def receive(self, now: Micros) -> bytes:
        """Octets of the payload's that the line has carried by now."""

    def surround(self, name: str, value: int) -> str:
        """Change what surrounds the instruments; why not, or empty."""

    def begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault on the payload's side that `abilities` has; why not, or empty."""

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""


class FaultResult(NamedTuple):
    """One fault of the schedule in its compact form, and whether the rung could do it."""

    fault: str
    exercised: bool
    why: str
    """Why it was not; else empty."""


class Bench:
    """Everything but the payload. `step(now)` lets everybody act; `finish` says what came of the run."""

    def __init__(
        self,
        scenario: Scenario,
        mission: Mission,
        clock: Clock,
        end: End,
        *,
        dice: Dice,
        faults: tuple[Fault, ...] = (),
        observers: Iterable[Observer] = (),
        tai_at_zero_us: int | None = None,
    ) -> None:
        now = clock.now()
        profile = scenario.profile
        self.scenario = scenario
        self.clock = clock
        self.end = end
        self.observers = Observers(observers)
        self.lander = Lander(
            profile,
            clock,
            TAI_AT_ZERO_US if tai_at_zero_us is None else tai_at_zero_us,
            dice=dice.child("lander"),
            loads_mw=tuple(entry.module.INSTRUMENT.power_mw for entry in mission.instruments),
        )
        self.lander.line.eye = Eye(scenario.keys)
        self.player = Player(scenario, self)
        self.keys = GroundKeys(scenario.keys, dice.child("ground keys")) if scenario.keys else None
        protection = None if self.keys is None else self.keys.protection
        self.session = Session(
            mission.database,
            of_line(profile.line, one_way_us=profile.one_way_us)._replace(protection=protection),
            now,
            parameters=None if self.observers.wants(ParameterRecord) else self.player.parameters,
        )
        if self.keys is not None:
            self.session.attendants.join(self.keys.work)
        self.up, self.down = Channel(dice.child("up")), Channel(dice.child("down"))
        self.desk = FaultDesk(faults, self.up, self.down, self.lander, end, partial(self.observers.tell, "fault"))
        self._reads_reports = Kind.REPORT in self.player.kinds or self.observers.wants(LanderRecord)
        self._powered = False
        self._lander_told = self._ground_told = self._player_told = True
        self._lander_due = self._ground_due = self._player_due = self._desk_due = self._fill_due = now

    # --- time -----------------------------------------------------------------------------------------------------

    def step(self, now: Micros) -> Micros:
        """Let everybody act on what has fallen due and on what has come; returns when to call again.

        Who has nothing due and heard nothing new is not called: most of a mission is waiting.
        """
        octets = self.end.receive(now)
        if octets:
            self.observers.tell("downlinked", octets, now)
            if self._powered:
                self.lander.receive_line(octets, now)
                self._lander_told = True
        for _ in range(TURNS_MAX):
            if self._lander_told or now >= self._lander_due:
                self._lander(now)
            if self._ground_told or now >= self._ground_due:
                self._ground(now)
            if self._player_told or now >= self._player_due:
                self._player_told = False
                self._player_due = self.player.step(now)
            if now >= self._desk_due:
                self._desk_due = self.desk.step(now)
                self._lander_told = True
            if not (self._lander_told or self._ground_told or self._player_told):
                break
        if now >= self._fill_due:
            self._fill_due = self.lander.fill(self.end.up, now)
        if self._ground_told:  # in the last of the turns
            self._ground_due = self.session.next_due()
        return min(self._lander_due, self._ground_due, self._player_due, self._desk_due, self._fill_due)

    def _lander(self, now: Micros) -> None:
        lander, tell = self.lander, self.observers.tell
        self._lander_told = False
        self._lander_due = lander.step(now)
        self._fill_due = now
        for happening in lander.take_happenings():
            self._player_told = True
            self.player.happen(happening, now)
            tell("happening", happening, now)
        powered = lander.switches[OPS].powered
        if powered != self._powered:
            self._powered = powered
            self.end.up.clear()
            self.end.power(powered, now)
            tell("power", powered, now)
        for frame in lander.take_tm():
            self._ground_told = True
            refused = self._unread
            self.session.tm_datagram(frame, now)
            if self._unread == refused:
                tell("delivered", frame, now)
        reports = lander.take_reports()
        for packet in reports if self._reads_reports else ():
            self._ground_told = True
            self.session.report_datagram(packet, now)

    @property
    def _unread(self) -> int:
        """Frames that a ground whose keys went astray could not read: what it has not read it has not got."""
        astray = self.keys is not None and self.keys.astray
        return self.session.downlink.rejected[SdlsReject.MAC.value] if astray else 0

    def _ground(self, now: Micros) -> None:
        self._ground_told = False
        self.session.tick(now)
        records = self.session.take_records()
        for record in records:
            self._player_told = True
            self.player.hear(record, now)
        for _, _, ending in () if self.keys is None else self.keys.take_news():
            if ending is not None:
                self._player_told = True
                self.player.hear_word(Word(Kind.KEYS, ending.name.lower(), {}, now), now)
        self.observers.tell_records(records, now)
        for datagram in self.session.take_datagrams():
            self._lander_told = True
            self.desk.uplinked(datagram, now)
            self.observers.tell("uplinked", datagram, now)
            self.lander.receive_tc(datagram, now)
        self._ground_due = self.session.next_due()

    def receive_tm(self, datagram: bytes, now: Micros) -> None:
        """A datagram comes to the ground that the lander has not sent."""
        self._ground_told = True
        self.session.tm_datagram(datagram, now)

    def receive_tc(self, datagram: bytes, now: Micros) -> None:
        """A datagram goes to the lander that the ground has not sent."""
        self._lander_told = True
        self.lander.receive_tc(datagram, now)

    # --- hands of the player ----------------------------------------------------------------------------------------

    def order(self, order: Order, now: Micros) -> str:
        """Tell the lander."""
        if switches_power(order) and Ability.POWER not in self.end.abilities:
            return f"{self.end.name} cannot switch the payload's power"
        lander_orders.obey(self.lander, order, now)
        self._lander_told = True
        return ""

    def surround(self, name: str, value: int, now: Micros) -> str:
        """Change what surrounds the instruments."""
        return self.end.surround(name, value)

    def fault(self, fault: Fault, now: Micros) -> str:
        """Begin a fault now."""
        self._desk_due = now
        return self.desk.add(fault._replace(at_us=now), now)

    def change_keys(self, order: KeyOrder, now: Micros) -> str:
        """Do something to the ground's keys."""
        self._ground_told = True
        return "the link is clear: it has no keys" if self.keys is None else self.keys.obey(order, SOURCE_ID)

    def send(self, name: str, arguments: Mapping[str, str], now: Micros, not_after: str = NONE) -> Ticket | Refusal:
        """Send a telecommand."""
        self._ground_told = True
        return self.session.send(name, arguments, SOURCE_ID, now, not_after=not_after)

    @property
    def done(self) -> bool:
        """Whether the plan has nothing more to come: every step has its outcome, every fault is long over."""
        quiet_us = self.desk.last_us + self.scenario.nominal_within_us if self.desk.last_us else 0
        return self.scenario.storm is None and self.player.done and self.clock.now() >= quiet_us

    def counters(self) -> dict[str, int]:
        """What lander, line and ground have counted."""
        ground = self.session.link(self.clock.now())
        named = {
            "frames_good": ground.frames_good,
            "frames_bad": ground.frames_bad,
            "frames_lost": ground.frames_lost,
            "retransmissions": ground.retransmissions,
            "alerts": ground.alerts,
        }
        lander = {f"lander.{name}": count for name, count in sorted(self.lander.counters.items())}
        return {f"ground.{name}": count for name, count in named.items()} | lander

    # --- outcome ----------------------------------------------------------------------------------------------------

    def finish(self, now: Micros) -> tuple[list[StepResult], list[FaultResult], list[Finding]]:
        """The run is over."""
        self.player.finish(now)
        faults = [FaultResult(compact(fault), done, why) for fault, done, why in self.desk.results()]
        return self.player.results, faults, self.observers.finish(now)


def keyed(plan: Scenario, mission: Mission, seed: int) -> Scenario:
    """The plan with the keys of a run: none where its link is clear."""
    if not plan.protected:
        return plan
    return plan._replace(keys=by_table(simulated_keys(Dice(seed, plan.name), slots_of(plan)), mission.signing))


def slots_of(plan: Scenario) -> int:
    """How many slots of each association are provisioned: all where a plan does something to keys, else the first."""
    return SLOTS if any(step.keys is not None for leg in plan.legs for step in leg.steps) else 1


def switches_power(order: Order) -> bool:
    """Whether an order takes or gives power, now or in a while: no use where nobody can switch the board's."""
    if order.verb == "notice":
        return order.values.get("action", "off") != "reduce"
    return order.verb in ("on", "off", "cut", "reset_trip", "load")


def ok(steps: Iterable[StepResult], findings: Iterable[Finding]) -> bool:
    """Whether a run held: no step failed, no rule was broken. What was not exercised is said, and fails nothing."""
    return not any(step.outcome is Outcome.FAILED for step in steps) and not any(one.breach for one in findings)


def faults_of(plan: Scenario, dice: Dice) -> tuple[Fault, ...]:
    """The faults of a plan: its own, and those that its storm draws by the seed."""
    if plan.storm is None:
        return plan.faults
    spec = plan.storm
    return plan.faults + storm(dice.child("storm"), plan.until_us - spec.tail_us, spec.an_hour, spec.kinds)
