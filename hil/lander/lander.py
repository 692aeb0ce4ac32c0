"""The emulated lander: octets of the line and datagrams of the ground in, the same out; no device, no socket, no sleep.

One class for every bench: the simulation's manual clock, a pseudo-terminal, a real serial port. Who owns the line calls
`fill` to let the lander put units on it, `receive_line` with what came from the payload, `receive_tc` with the ground's
datagrams, `step` when it falls due, and takes what `take_tm`, `take_reports` and `take_happenings` give. Its services
stand in files of their own: power, time, phases, watch, credits, ground.

Off nominal: octets and datagrams that are no valid frame are counted by kind and dropped (contract, sections 1 and 5).
Only whole valid frames go up: what is forwarded with a wrong FECF could hide a lander service from this lander's look.
"""

from collections import Counter
from typing import Final

from fsw.ccsds import tc_frame
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import NEVER, Clock, Micros
from fsw.mdb import lander as packets
from fsw.mdb.lander import AuthorisationStep, Phase
from fsw.mdb.power import Circuit, NoticeAction, NoticeReason
from fsw.pus.ids import LanderApid
from hil.lander import lander_status
from hil.lander.ground_side import GroundSide
from hil.lander.happening import Happening, Happenings
from hil.lander.lander_bodies import NO_TIME
from hil.lander.lander_credit import PERIOD_US, Credits
from hil.lander.lander_phases import Phases
from hil.lander.lander_power import LanderPower
from hil.lander.lander_profile import PHASES, LanderProfile, PhaseStep
from hil.lander.lander_requests import RequestDesk
from hil.lander.lander_time import LanderTime
from hil.lander.lander_voice import LanderVoice
from hil.lander.lander_watch import PayloadWatch, Reaction
from hil.lander.payload_line import Heard, PayloadLine
from hil.lander.power_switch import PowerSwitch
from hil.lander.uplink import LOOKAHEAD_US, SERVICES_VCID, Uplink
from hil.line.line import Paced
from hil.seed import Dice

__all__ = ["OPS", "TAI_AT_ZERO_US", "Happening", "Lander"]

OPS: Final = Circuit.OPS
TAI_AT_ZERO_US: Final = 2_145_916_837 * 1_000_000
"""2026-01-01T00:00:00Z: what the lander's clock shows at zero unless told."""
_SAFE: Final = packets.DeploymentAuthorisation(AuthorisationStep.SAFE, NO_TIME, NO_TIME, 0)


class Lander:
    """One lander with one payload on its line. Times are microseconds of `clock`, TAI is `tai_at_zero_us` + clock.

    `dice` throw what is left to chance, `loads_mw` is the mission's load table where the profile's is not meant.
    """

    def __init__(
        self,
        profile: LanderProfile,
        clock: Clock,
        tai_at_zero_us: int = TAI_AT_ZERO_US,
        *,
        dice: Dice | None = None,
        loads_mw: tuple[int, ...] | None = None,
    ) -> None:
        now = clock.now()
        dice = dice or Dice(0, "lander")
        down = profile.downlink
        self.profile = profile
        self.counters: Counter[str] = Counter()
        """What was received, dropped and refused, by kind."""
        self.boot_count = profile.boot_count
        self.around = profile.ancillary
        self.authorisation = _SAFE
        self._closes_us = self._boots_us = self._speaks_us = NEVER
        self._start_us = now
        self._clock = clock
        self._tm_out: list[bytes] = []
        self._reports_out: list[bytes] = []
        self._happenings = Happenings()
        self._happen = self._happenings.tell
        self.phases = Phases(profile.phase, profile.quiet, profile.phases, now)
        self.time = LanderTime(profile.time, profile.tai_minus_utc_s, tai_at_zero_us, now, dice.child("time"))
        self.watch = PayloadWatch(profile.watch, profile.heartbeat_us, now)
        self.ground = GroundSide(profile, self.counters, now)
        self.power = LanderPower(
            profile, now, say=self._say, happen=self._happen, changed=self._power_changed, loads_mw=loads_mw
        )
        self.requests = RequestDesk(profile, self.power, self._happen)
        self.line = PayloadLine(profile, self.counters, self.ground, self.power, self._hear)
        self.voice = LanderVoice(self, now, dice.child("heartbeat"))
        self.credits = Credits(down.credit_permille, down.priorities, PERIOD_US[profile.line], now, self._say_credit)
        self.ground.enter(self.phase)
        self._next_pass_change_us = self.ground.passes.next_change(now)
        self._ops = self.power.switches[OPS]

    def now(self) -> Micros:
        """The bench's time."""
        return self._clock.now()

    @property
    def switches(self) -> tuple[PowerSwitch, ...]:
        """The switched circuits, by number."""
        return self.power.switches

    @property
    def alive(self) -> bool:
        """Whether the payload's heartbeats come."""
        return self.watch.alive

    @property
    def phase(self) -> int:
        """The phase of the mission."""
        return self.phases.phase

    @property
    def quiet(self) -> int:
        """What the payload must be quiet in."""
        return self.phases.quiet

    @property
    def rebooting(self) -> bool:
        """Whether the lander hears and says nothing since it boots."""
        return self._boots_us < NEVER

    @property
    def silent(self) -> bool:
        """Whether the lander says nothing of its own to the payload."""
        return self._speaks_us < NEVER

    @property
    def line_octets_skipped(self) -> int:
        """Octets of the payload's that belonged to no frame, since its power came."""
        return self.line.octets_skipped

    @property
    def uplink(self) -> Uplink:
        """The queues towards the payload."""
        return self.voice.uplink

    def uptime_s(self, now: Micros) -> int:
        """Seconds since the lander's last boot."""
        return (now - self._start_us) // 1_000_000

    # What comes in

    def receive_line(self, octets: bytes, now: Micros) -> None:
        """Octets from the payload, cut anywhere."""
        self.power.received(len(octets))
        if not self.rebooting:
            self.line.receive(octets, now)

    def receive_tc(self, datagram: bytes, now: Micros) -> None:
        """A datagram as the ground sends it: one CLTU or one raw TC frame; it arrives one light time later."""
        self.ground.receive(datagram, now)

    def _arrive(self, frame: TcFrame) -> None:
        """A frame of the ground's has reached the lander."""
        if self.rebooting:
            self.counters["tc_while_booting"] += 1
        elif frame.vcid == SERVICES_VCID:
            self.counters["tc_vc2_dropped"] += 1
        elif not self.switches[OPS].powered:
            self.counters["tc_without_power"] += 1
        elif self.uplink.forward(tc_frame.encode(frame)):
            self.counters["tc_forwarded"] += 1

    def _hear(self, heard: Heard, now: Micros) -> None:
        """A message of the payload's for the lander itself."""
        match heard:
            case packets.PayloadHeartbeat():
                self.counters["heartbeats"] += 1
                if self.watch.hear(now):
                    self._happen("heartbeat_heard", now, mode=heard.mode, boot_count=heard.boot_count)
                    self.voice.say_all(now)  # what was said while the board booted is lost
            case packets.ReadyForPowerOff():
                self.power.ready(heard.circuit, heard.clean, now)
            case packets.Request():
                self.requests.answer(heard.kind, heard.value, now)
            case bytes():
                body = packets.BeaconReport(self.time.cuc(now), heard)
                self.ground.put_beacon(self.voice.report(LanderApid.REPORT_BEACON, body))

    # What the bench's user does; more of it is done to the services themselves (lander_orders)

    def switch_on(self, circuit: int, now: Micros) -> None:
        """Power on; when the payload had been warned, it is told that this is over."""
        self.power.switch_on(circuit, now)

    def cut(self, circuit: int, now: Micros, why: str = "cut") -> None:
        """Power off without a word; `why` is only told to the bench's user."""
        self.power.cut(circuit, now, why)

    def notice(
        self, circuit: int, action: int, now: Micros, *, seconds_until: int = -1, reason: int = 0, limit_mw: int = 0
    ) -> None:
        """Tell the payload what will happen to a circuit in so many seconds, and do it then, whatever it says.

        Negative seconds: the profile's warning. The seconds count from now, the packet follows as the line allows.
        """
        self.power.notice(circuit, action, now, seconds_until, reason, limit_mw)

    def safe_now(self, seconds_until: int, reason: int) -> None:
        """Demand that the payload goes safe (contract, 0x01A)."""
        self._say(LanderApid.SAFE_NOW, packets.SafeNow(seconds_until, reason))

    def set_phase(self, phase: int, now: Micros, seconds_to_next: int = 0, quiet: int = 0) -> None:
        """Enter a phase of the mission; told at once."""
        self.phases.enter(phase, quiet, seconds_to_next, now)
        self._phase_entered(now)

    def authorise(self, step: int, opens_us: Micros, closes_us: Micros, nonce: int, now: Micros) -> None:
        """How far a deployment may go and when (0x018); when the time is over, safe is said again."""
        opens, closes = self.time.cuc(opens_us), self.time.cuc(closes_us)
        self.authorisation = packets.DeploymentAuthorisation(AuthorisationStep(step), opens, closes, nonce)
        self._closes_us = closes_us if step else NEVER
        self._say(LanderApid.DEPLOYMENT_AUTHORISATION, self.authorisation)
        self._happen("authorisation", now, step=AuthorisationStep(step).name.lower(), nonce=nonce)

    def silence(self, for_us: int, now: Micros) -> None:
        """Say nothing of its own to the payload for so long; 0 ends that."""
        self._speaks_us = Micros(now + for_us) if for_us else NEVER
        self.uplink.mute(self.silent, now)
        if not self.silent:
            self.voice.say_all(now)

    def reboot(self, for_us: int, now: Micros) -> None:
        """Boot: nothing is heard or said for so long; then all counts from zero, and the phase is safe.

        The circuits stay as they are, what was announced for them is forgotten; telemetry in store is kept.
        """
        self._boots_us = Micros(now + for_us)
        self.uplink.clear()
        self.power.forget_announcements()
        self._happen("lander_boots", now, seconds=for_us // 1_000_000)

    def contacts_changed(self, now: Micros) -> None:
        """Passes, rate or light time are others than they were: the payload is told."""
        self._next_pass_change_us = self.ground.passes.next_change(now)
        self.voice.contacts_changed(now)

    # What goes out

    def fill(self, line: Paced, now: Micros) -> Micros:
        """Put units on the line to the payload while it is about to be free; returns when to call again."""
        if not self._ops.powered or self.rebooting:
            return NEVER
        uplink = self.uplink
        while (free_us := line.free_us()) <= now + LOOKAHEAD_US:
            unit = uplink.next_unit(free_us, now)
            if unit is None:
                return uplink.next_due(now)
            line.put(unit.octets, unit.start_us)
        return Micros(free_us - LOOKAHEAD_US)

    def take_tm(self) -> list[bytes]:
        """Telemetry frames that have reached the ground, one a datagram, no marker."""
        taken, self._tm_out = self._tm_out, []
        return taken

    def take_reports(self) -> list[bytes]:
        """The lander's own reports that have reached the ground, one packet a datagram."""
        taken, self._reports_out = self._reports_out, []
        return taken

    def take_happenings(self) -> list[Happening]:
        """What has happened since the last call, the newest 256."""
        return self._happenings.take()

    def step(self, now: Micros) -> Micros:
        """Do what has fallen due; returns when to call again without new input."""
        for frame in self.ground.arrivals(now):
            self._arrive(frame)
        self.power.step(now, self.around.deck_cdegc)
        self._end_what_ends(now)
        if not self.rebooting:
            self._serve(now)
        frames, reports = self.ground.deliver(now)
        self._tm_out += frames
        self._reports_out += reports
        return self._next_due(now)

    def _serve(self, now: Micros) -> None:
        """What a lander that is up does by itself."""
        entered = self.phases.step(now)
        if entered is not None:
            self._follow_plan(entered, now)
        reaction = self.watch.step(now, self._ops.powered)
        if reaction is not None:
            self._react(reaction, now)
        if now >= self._next_pass_change_us:
            self.contacts_changed(now)
            self._happen("aos" if self.ground.passes.open(now) else "los", now)
        heard = self._heard
        if heard and self.credits.active:
            drain = self.ground.bps(now) // 8 if self.ground.passes.open(now) else 0
            self.credits.look(self.ground.free_permille, drain, now)
        self.voice.run(now, heard)

    def _next_due(self, now: Micros) -> Micros:
        due = min(self.ground.next_due(now), self.power.next_due(), self._boots_us, self._speaks_us, self._closes_us)
        if self.rebooting:
            return due
        heard = self._heard
        return min(
            due,
            self.credits.next_due() if heard else NEVER,
            self.phases.next_due(),
            self.watch.next_due(self._ops.powered),
            self._next_pass_change_us,
            self.voice.next_due(heard),
        )

    def _end_what_ends(self, now: Micros) -> None:
        """A boot, a silence, an authorisation."""
        if now >= self._boots_us:
            self._booted(now)
        if now >= self._speaks_us:
            self.silence(0, now)
        if now >= self._closes_us:
            self._closes_us = NEVER
            self.authorisation = _SAFE
            self._say(LanderApid.DEPLOYMENT_AUTHORISATION, _SAFE)
            self._happen("authorisation", now, step="safe", nonce=0)

    def _booted(self, now: Micros) -> None:
        self._boots_us, self._closes_us = NEVER, NEVER
        self._start_us = now
        self.boot_count += 1
        self.counters.clear()
        self.authorisation = _SAFE
        self.watch.forget(now)
        self.credits.forget()
        self.time.forget()
        self.line.begin()
        self.voice.boot(now)
        self._happen("lander_booted", now, boot_count=self.boot_count)
        self.set_phase(Phase.SAFE, now)

    def _follow_plan(self, entered: PhaseStep, now: Micros) -> None:
        """The plan's next step: what it says of the surroundings holds from now on."""
        if entered.deck_cdegc is not None:
            self.around = self.around._replace(deck_cdegc=entered.deck_cdegc)
        if entered.altitude_m is not None:
            self.around = self.around._replace(altitude_m=entered.altitude_m)
        if entered.one_way_us is not None:
            self.ground.set_one_way(entered.one_way_us)
        if entered.bps is not None:
            self.ground.set_bps(entered.bps)
        self._phase_entered(now)

    def _phase_entered(self, now: Micros) -> None:
        self.ground.enter(self.phase)
        self.contacts_changed(now)
        self.voice.say_again((self.voice.mode,), now)
        self._happen("phase", now, phase=PHASES[self.phase])

    def _react(self, reaction: Reaction, now: Micros) -> None:
        """Ten heartbeats missed: the payload counts as lost; later it is cycled once, and later still given up."""
        match reaction:
            case Reaction.LOST:
                self._happen("heartbeat_lost", now, last_heard_us=self.watch.heard_us)
            case Reaction.CYCLE:
                self._happen("payload_cycled", now, last_heard_us=self.watch.heard_us)
                self.power.notice(OPS, NoticeAction.CYCLE, now, 0, NoticeReason.FAULT, 0)
                self.power.step(now, self.around.deck_cdegc)
            case Reaction.GIVE_UP:
                self.power.cut(OPS, now, "given up")
                self._happen("alert", now, why="the payload does not answer, power is off")

    def _power_changed(self, circuit: int, on: bool, now: Micros) -> None:
        """A circuit has been switched."""
        if circuit != OPS:
            return
        self.watch.power(on, now)
        self.time.forget()
        self.line.begin()
        if on:
            self.voice.begin(now)
        else:
            self.uplink.clear()

    # What is said

    @property
    def _heard(self) -> bool:
        """Whether there is anybody to be spoken to, and leave to speak."""
        return self._ops.powered and self._speaks_us >= NEVER and self._boots_us >= NEVER

    def _say(self, apid: LanderApid, body: object) -> None:
        """Queue a service packet for the payload, if it can hear."""
        if self._heard:
            self.voice.say(apid, body)

    def _say_credit(self, vc: int, octets: int) -> None:
        self._say(LanderApid.CREDIT, packets.Credit(vc, octets))

    def status(self, now: Micros) -> dict[str, object]:
        """Everything a person may ask for, ready for JSON."""
        return lander_status.status(self, now)
