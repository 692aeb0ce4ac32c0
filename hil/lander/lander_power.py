"""The lander's power service for one payload: circuits, fuses, notices, the heater, the meter.

SIMULATED is what flows: the board's draw follows from what the payload really does (power, octets on the line, loads it
says it has switched), the heater's from its circuit, and both warm the board. The rest is what a lander does with it.

Off nominal: a circuit that has tripped stays off until `reset_trip`, and after its last trip for good; whoever asks for
it meanwhile is refused, told as "refused". A notice is carried out at its time whatever the payload says.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import lander as packets
from fsw.mdb.power import Circuit, NoticeAction, NoticeReason
from fsw.pus.ids import LanderApid
from hil.lander.breaker import Breaker, Latch
from hil.lander.electrical import Activity, ElectricalModel, Meter
from hil.lander.heater import HeaterControl
from hil.lander.lander_profile import CIRCUITS, LanderProfile
from hil.lander.power_switch import Announced, PowerSwitch
from hil.lander.thermal import ThermalNode
from hil.line.line import BITS_AN_OCTET

OPS: Final = Circuit.OPS
HEATER: Final = Circuit.HEATER
UPDATE_US: Final = 1_000_000
"""How often the model looks at how busy the line was, how warm the board is, what the thermostat wants."""
IDLE_US: Final = 60_000_000
"""The same while nothing draws current and nobody heats: a night is long."""
PULSES_MAX: Final = 16


class Say(Protocol):
    """Queues a packet for the payload."""

    def __call__(self, apid: LanderApid, body: object) -> None:
        """One packet."""


class Happen(Protocol):
    """Tells the bench's user."""

    def __call__(self, what: str, now: Micros, **values: int | str) -> None:
        """One happening."""


class Pulse(NamedTuple):
    """Current beyond what the model draws, until a time."""

    circuit: int
    ma: int
    until_us: Micros


class LanderPower:
    """Three circuits and the board behind them. `changed(circuit, on, now)` is called at every switching."""

    def __init__(
        self,
        profile: LanderProfile,
        now: Micros,
        *,
        say: Say,
        happen: Happen,
        changed: Callable[[int, bool, Micros], None],
        loads_mw: tuple[int, ...] | None = None,
    ) -> None:
        off = profile.notices
        self._profile = profile
        self._say, self._happen, self._changed = say, happen, changed
        self.switches = tuple(PowerSwitch(c.on, off.ready_settle_us, off.cycle_off_us) for c in profile.circuits)
        self.breakers = tuple(Breaker(profile.trips, now) for _ in profile.circuits)
        self.bus_mv = [c.bus_mv for c in profile.circuits]
        self.heater = HeaterControl(profile.heater, now)
        ratings = profile.board if loads_mw is None else profile.board._replace(loads_mw=loads_mw)
        self.model = ElectricalModel(ratings)
        self.board = ThermalNode(profile.thermal, profile.ancillary.interface_cdegc, now)
        self.loads_on: set[int] = set()
        """Rows of the load table, as the payload's events tell."""
        self._meters = tuple(Meter(profile.power_status_us, now) for _ in profile.circuits)
        self._was_on = [switch.powered for switch in self.switches]
        self._on_us = self._at_us = now
        self._pulses: list[Pulse] = []
        self._octets = 0
        self._send_permille = 0
        self._heat_mw = 0
        self._deck_cdegc = profile.ancillary.deck_cdegc
        self._update_us = self._due_us = now
        self._said: tuple[packets.CircuitStatus, ...] = ()
        self._said_us = NEVER
        self._bodies: dict[int, tuple[tuple[int, ...], packets.CircuitStatus]] = {}

    # --- what is ordered ------------------------------------------------------------------------------------------

    def switch_on(self, circuit: int, now: Micros, why: str = "switched") -> None:
        """Power on; when the payload had been warned, it is told that this is over."""
        switch = self.switches[circuit]
        warned = switch.powered and switch.announced is not None
        if circuit == HEATER and self.heater.spent:
            self._happen("refused", now, order="on", circuit=CIRCUITS[circuit], why="the heater's budget is spent")
            return
        switch.switch_on()
        if warned:
            self.say_notice(circuit, NoticeAction.ON, 0, 0, 0)
        self._settle(now, why)

    def cut(self, circuit: int, now: Micros, why: str = "cut") -> None:
        """Power off without a word; `why` is only told to the bench's user."""
        self.switches[circuit].cut()
        self._settle(now, why)

    def notice(self, circuit: int, action: int, now: Micros, seconds: int, reason: int, limit_mw: int) -> None:
        """Tell the payload what will happen to a circuit, and do it then. Negative seconds: what the reason gives."""
        if seconds < 0:
            seconds = self._warning_s(reason)
        self.say_notice(circuit, action, seconds, reason, limit_mw)
        self.switches[circuit].notice(NoticeAction(action), Micros(now + seconds * 1_000_000), limit_mw)
        name = NoticeAction(action).name.lower()
        self._happen("notice", now, circuit=CIRCUITS[circuit], action=name, seconds=seconds, reason=reason)
        self._plan()

    def _warning_s(self, reason: int) -> int:
        if reason == NoticeReason.EMERGENCY:
            return 0
        notices = self._profile.notices
        return notices.urgent_s if reason == NoticeReason.FAULT else notices.planned_s

    def say_notice(self, circuit: int, action: int, seconds: int, reason: int, limit_mw: int) -> None:
        """Only say what will happen."""
        body = packets.PowerNotice(Circuit(circuit), NoticeAction(action), min(seconds, 0xFFFF), reason, limit_mw)
        self._say(LanderApid.POWER_NOTICE, body)

    def allow(self, circuit: int, limit_mw: int, now: Micros) -> None:
        """A circuit may give so much from now on, told as power that is on with this limit."""
        self.switches[circuit].limit_mw = limit_mw
        self.say_notice(circuit, NoticeAction.ON, 0, NoticeReason.PLANNED, limit_mw)
        self._flow(now)

    def reset_trip(self, circuit: int, now: Micros) -> None:
        """A circuit that has tripped may be switched on again, unless it is locked out."""
        breaker = self.breakers[circuit]
        if breaker.reset():
            self._happen("trip_reset", now, circuit=CIRCUITS[circuit], trips=breaker.trips)
        else:
            self._happen("refused", now, order="reset_trip", circuit=CIRCUITS[circuit], why="it is locked out")

    def pulse(self, circuit: int, ma: int, for_us: int, now: Micros) -> None:
        """Let so much more flow for so long; the oldest of too many is forgotten."""
        self._pulses = [*self._pulses[1 - PULSES_MAX :], Pulse(circuit, ma, Micros(now + for_us))]
        self._flow(now)

    def set_bus(self, bus_mv: int, now: Micros) -> None:
        """The lander's bus has another voltage."""
        self.bus_mv = [bus_mv] * len(self.bus_mv)
        self._flow(now)

    def set_heater(self, mode: str, now: Micros) -> None:
        """The heater's circuit by thermostat or by order, or stuck."""
        self.heater.mode = mode
        self._update_us = min(self._update_us, Micros(now + UPDATE_US))
        self._flow(now)

    # --- what the payload says and does ---------------------------------------------------------------------------

    def ready(self, circuit: int, clean: bool, now: Micros) -> None:
        """The payload is ready to lose a circuit."""
        shortens = self.switches[circuit].ready(now)
        self._plan()
        name = CIRCUITS[circuit]
        self._happen("ready_for_off", now, circuit=name, clean=int(clean), shortens=int(shortens))

    def received(self, octets: int) -> None:
        """So many octets have come from the payload: sending takes power."""
        self._octets += octets

    def load_switched(self, row: int, on: bool, now: Micros) -> None:
        """The payload has told that a load was switched."""
        if on:
            self.loads_on.add(row)
        else:
            self.loads_on.discard(row)
        self._flow(now)

    # --- time -----------------------------------------------------------------------------------------------------

    def next_due(self) -> Micros:
        """When something falls due."""
        return min(self._due_us, self._update_us)

    def _plan(self) -> None:
        """Work out when something falls due by itself; the circuits, or what flows, are others than they were."""
        self._said_us = NEVER
        dues = [switch.next_due() for switch in self.switches]
        dues += [breaker.next_due() for breaker in self.breakers]
        dues += [pulse.until_us for pulse in self._pulses]
        self._due_us = min(*dues, self._model_due())

    def _model_due(self) -> Micros:
        if not self._was_on[OPS]:
            return NEVER
        change = self.model.next_change_us(self._at_us - self._on_us)
        return NEVER if change == NEVER else Micros(self._on_us + change)

    def step(self, now: Micros, deck_cdegc: int) -> None:
        """Do what has fallen due, each thing at its own time."""
        while self._due_us <= now or self._update_us <= now:
            self._act(self.next_due(), deck_cdegc)

    def _act(self, at: Micros, deck_cdegc: int) -> None:
        if self._pulses:
            self._pulses = [pulse for pulse in self._pulses if pulse.until_us > at]
        for switch in self.switches:
            while switch.step(at):
                self._settle(at, "notice")
        if at >= self._update_us:
            self._update(at, deck_cdegc)
            self._update_us = Micros(at + (UPDATE_US if self._watched() else IDLE_US))
        self._flow(at)

    def _watched(self) -> bool:
        """Whether anything draws current, or a thermostat looks at the temperature."""
        return any(self._was_on) or self.heater.mode != "order"

    def _update(self, at: Micros, deck_cdegc: int) -> None:
        """Once a second: the line's share, the board's temperature, the thermostat."""
        bits = self._octets * BITS_AN_OCTET * 1_000_000
        self._send_permille = min(1000, bits * 1000 // (self._profile.baud * UPDATE_US))
        self._octets = 0
        self._account(at)
        self._deck_cdegc = deck_cdegc
        wanted = self.heater.look(self.board.cdegc, self.switches[HEATER].powered)
        if wanted is True:
            self.switch_on(HEATER, at, "thermostat")
        elif wanted is False:
            if self.heater.spent:
                self._happen("heater_budget_spent", at, budget_j=self._profile.heater.budget_j)
            self.cut(HEATER, at, "budget" if self.heater.spent else "thermostat")

    def _account(self, now: Micros) -> None:
        """What has been drawn so far becomes heat, and comes off the heater's energy."""
        self.board.update(self._heat_mw, self._deck_cdegc, now)
        self.heater.take(self._heater_mw(), now)

    # --- what flows -----------------------------------------------------------------------------------------------

    def _settle(self, now: Micros, why: str) -> None:
        """See which circuits have changed, and act on it."""
        for circuit, switch in enumerate(self.switches):
            if switch.powered and (reason := self._hindrance(circuit)):
                switch.cut()
                self._happen("refused", now, order="on", circuit=CIRCUITS[circuit], why=reason)
            on = switch.powered
            if on == self._was_on[circuit]:
                continue
            self._was_on[circuit] = on
            self._update_us = min(self._update_us, Micros(now + UPDATE_US))
            self._meters[circuit].begin(now)
            if on:
                self.breakers[circuit].power_on(now)
            else:
                self.breakers[circuit].power_off()
            if circuit == OPS:
                self.loads_on.clear()
                self._on_us = now
                self._send_permille = self._octets = 0
            self._happen("power_on" if on else "power_off", now, circuit=CIRCUITS[circuit], why=why)
            self._changed(circuit, on, now)
        self._flow(now)

    def _hindrance(self, circuit: int) -> str:
        """Why a circuit cannot have power; empty when it can."""
        if not self._profile.circuits[circuit].fitted:
            return "this lander has no such circuit"
        latch = self.breakers[circuit].latch
        return "" if latch is Latch.CLOSED else latch.name.lower().replace("_", " ")

    def _activity(self, now: Micros) -> Activity:
        table = self.model.ratings.loads_mw
        loads_mw = sum([table[row] for row in self.loads_on if row < len(table)])
        return Activity(now - self._on_us, loads_mw, self._send_permille)

    def _wanted_ma(self, circuit: int, activity: Activity) -> int:
        """What the circuit gives now, by the model and by order."""
        ma = sum([pulse.ma for pulse in self._pulses if pulse.circuit == circuit])
        if circuit == HEATER:
            powered = self.heater.flows(self.switches[HEATER].powered)
            return ma + self.model.heater_ma(self.bus_mv[HEATER]) if powered else 0
        if not self.switches[circuit].powered:
            return 0
        return ma + self.model.current_ma(activity, self.bus_mv[OPS]) if circuit == OPS else ma

    def _flow(self, now: Micros) -> None:
        """What flows from now on; a fuse that this is too much for trips."""
        self._account(now)
        self._at_us = now
        tripped = []
        activity = self._activity(now)
        for circuit, breaker in enumerate(self.breakers):
            ma = self._wanted_ma(circuit, activity)
            if ma != self._meters[circuit].now_ma:
                self._meters[circuit].flow(ma, now)
            limit_ma = self.limit_ma(circuit)
            if ma and self.switches[circuit].powered and breaker.look(ma, limit_ma, now):
                tripped.append(circuit)
                self._happen("trip", now, circuit=CIRCUITS[circuit], ma=ma, limit_ma=limit_ma, trips=breaker.trips)
                if breaker.latch is Latch.LOCKED_OUT:
                    self._happen("locked_out", now, circuit=CIRCUITS[circuit], trips=breaker.trips)
                self.switches[circuit].cut()
        self._heat_mw = self._heater_mw() + (self.model.power_mw(activity) if self.switches[OPS].powered else 0)
        if tripped:
            self._settle(now, "trip")
        else:
            self._plan()

    def drawn_ma(self, circuit: int) -> int:
        """What a circuit gives now."""
        return self._meters[circuit].now_ma

    @property
    def board_mw(self) -> int:
        """What the board draws now, and its heater, at the lander's terminals."""
        return self._heat_mw

    def _heater_mw(self) -> int:
        return self._meters[HEATER].now_ma * self.bus_mv[HEATER] // 1000

    def limit_ma(self, circuit: int) -> int:
        """The limit in force: the circuit's, or what a notice has reduced it to."""
        limit_ma = self._profile.circuits[circuit].limit_ma
        limit_mw, bus_mv = self.switches[circuit].limit_mw, self.bus_mv[circuit]
        return min(limit_ma, limit_mw * 1000 // bus_mv) if limit_mw and bus_mv else limit_ma

    def statuses(self, now: Micros) -> tuple[packets.CircuitStatus, ...]:
        """What 0x014 and 0x211 say of each circuit; the same object again while nothing has changed."""
        if self._said_us != now:
            found = tuple([self._status(n, now) for n, one in enumerate(self._profile.circuits) if one.fitted])
            self._said = self._said if found == self._said else found
            self._said_us = now
        return self._said

    def _status(self, circuit: int, now: Micros) -> packets.CircuitStatus:
        average_ma, max_ma = self._meters[circuit].read(now)
        on, limit_ma = int(self.switches[circuit].powered), self.limit_ma(circuit)
        values = (on, self.bus_mv[circuit], average_ma, max_ma, limit_ma, int(self.breakers[circuit].latch))
        known = self._bodies.get(circuit)
        if known is None or known[0] != values:
            body = packets.CircuitStatus(circuit, *(min(value, 0xFFFF) for value in values))
            known = self._bodies[circuit] = (values, body)
        return known[1]

    def next_event(self) -> Announced | None:
        """The first thing announced of any circuit."""
        planned = [switch.announced for switch in self.switches if switch.announced is not None]
        return min(planned, key=lambda announced: announced.at_us, default=None)

    def forget_announcements(self) -> None:
        """The lander has booted: what it had announced it does not know any more; circuits stay as they are."""
        for switch in self.switches:
            if switch.announced is not None and switch.powered:
                switch.switch_on()
        self._plan()

    def status(self, now: Micros) -> dict[str, object]:
        """How every circuit stands, by name, ready for JSON."""
        found: dict[str, object] = {}
        for said in self.statuses(now):
            breaker = self.breakers[said.circuit]
            found[CIRCUITS[said.circuit]] = {
                "state": self.switches[said.circuit].state.value,
                "bus_mv": said.bus_mv,
                "average_ma": said.average_ma,
                "max_ma": said.max_ma,
                "limit_ma": said.limit_ma,
                "latch": breaker.latch.name.lower(),
                "trips": breaker.trips,
            }
        return found
