"""The emulated lander: octets of the line and datagrams of the ground in, the same out; no device, no socket, no sleep.

One class for every bench: the simulation's manual clock, a pseudo-terminal, a real serial port. Who owns the line calls
`fill` to let the lander put units on it, `receive_line` with what came from the payload, `receive_tc` with the ground's
datagrams, `step` when it falls due, and takes what `take_tm`, `take_reports` and `take_happenings` give.

Off nominal: octets and datagrams that are no valid frame are counted by kind and dropped (contract, sections 1 and 5).
Only whole valid frames go up: what is forwarded with a wrong FECF could hide a lander service from this lander's look.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from fsw.ccsds import carrier, tc_frame
from fsw.ccsds.depacketizer import Depacketizer, PacketReceived
from fsw.ccsds.reception import TmFrameReceived
from fsw.ccsds.space_packet import SequenceCounter
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import NEVER, Clock, Micros
from fsw.mdb import lander as packets
from fsw.mdb.codec import DecodeError, decode, encode
from fsw.mdb.power import Circuit, NoticeAction
from fsw.pus.ids import LanderApid, Refusal
from fsw.pus.tm import decode_plain, encode_plain
from hil import lander_bodies
from hil.ground_side import GroundSide
from hil.line import Paced
from hil.periodic import Periodic
from hil.power_switch import PowerSwitch
from hil.profiles import CIRCUITS, PHASES, LanderProfile
from hil.uplink import LOOKAHEAD_US, SERVICES_VCID, Uplink

OPS: Final = Circuit.OPS
IDLE_VCID: Final = 7
TAI_AT_ZERO_US: Final = 2_145_916_837 * 1_000_000
"""2026-01-01T00:00:00Z: what the lander's clock shows at zero unless told."""
MODE_US: Final = 10_000_000
LINK_US: Final = 60_000_000
ANCILLARY_US: Final = 10_000_000
REPORT_US: Final = 1_000_000
BEACON_OCTETS_MAX: Final = 8
HAPPENINGS_MAX: Final = 256

_U32: Final = 0xFFFF_FFFF


class Happening(NamedTuple):
    """Something that the bench's user wants to see: when, what, and its values."""

    at_us: Micros
    what: str
    values: Mapping[str, int | str]


class Lander:
    """One lander with one payload on its line. Times are microseconds of `clock`, TAI is `tai_at_zero_us` + clock."""

    def __init__(self, profile: LanderProfile, clock: Clock, tai_at_zero_us: int = TAI_AT_ZERO_US) -> None:
        now = clock.now()
        self.profile = profile
        self.counters: Counter[str] = Counter()
        """What was received, dropped and refused, by kind."""
        self.alive = False
        self.phase, self.seconds_to_next, self.quiet = profile.phase, 0, profile.quiet
        self._phase_since = now
        self._tai_at_zero_us = tai_at_zero_us
        self._start_us = now
        self._counts = SequenceCounter()
        self._carrier = carrier.by_name(profile.carrier, profile.scid, profile.tm_frame_octets)
        self._services = Depacketizer(SERVICES_VCID)
        self._heard_us = now
        off = profile.notices
        self.switches = tuple(PowerSwitch(c.on, off.ready_settle_us, off.cycle_off_us) for c in profile.circuits)
        self._was_on = [switch.powered for switch in self.switches]
        self.uplink = Uplink(
            profile.baud,
            profile.scid,
            encode_up=self._carrier.encode_up,
            heartbeat_us=profile.heartbeat_us,
            time_packet=self._time_packet,
            heartbeat_packet=self._heartbeat,
            start_us=now,
        )
        self._clock = clock
        self._ground = GroundSide(profile, self.counters)
        self._tm_out: list[bytes] = []
        self._reports_out: list[bytes] = []
        self._happenings: list[Happening] = []
        self._next_pass_change_us = self._ground.passes.next_change(now)
        self._mode = Periodic(MODE_US, now, self._say_mode)
        self._link = Periodic(LINK_US, now, self._say_link)
        self._periodic = (
            self._mode,
            self._link,
            Periodic(profile.power_status_us, now, self._say_power),
            Periodic(ANCILLARY_US, now, self._say_ancillary),
        )
        self._report = Periodic(REPORT_US, now, self._say_reports)

    # What comes in

    def receive_line(self, octets: bytes, now: Micros) -> None:
        """Octets from the payload, cut anywhere."""
        for event in self._carrier.feed_down(octets):
            if not isinstance(event, TmFrameReceived):
                self.counters["tm_frames_bad"] += 1
                self.counters[event.reason.value] += 1
                continue
            self.counters["tm_frames_good"] += 1
            frame = event.frame
            if frame.vcid == SERVICES_VCID:
                for found in self._services.feed(frame.vcfc, frame.fhp, frame.data):
                    if isinstance(found, PacketReceived):
                        self._receive_service(found.packet, now)
                    else:
                        self.counters["service_packets_lost"] += 1
            elif frame.vcid == IDLE_VCID:
                self._ground.telemetry.put_idle(event.octets)
            else:
                self._ground.telemetry.put(event.octets)

    def receive_tc(self, datagram: bytes, now: Micros) -> None:
        """A datagram as the ground sends it: one CLTU or one raw TC frame; it arrives one light time later."""
        self._ground.receive(datagram, now)

    def _arrive(self, frame: TcFrame) -> None:
        """A frame of the ground's has reached the lander."""
        if frame.vcid == SERVICES_VCID:
            self.counters["tc_vc2_dropped"] += 1
        elif not self.switches[OPS].powered:
            self.counters["tc_without_power"] += 1
        elif self.uplink.forward(tc_frame.encode(frame)):
            self.counters["tc_forwarded"] += 1

    def _receive_service(self, octets: bytes, now: Micros) -> None:
        """A packet of the payload's for the lander itself."""
        packet = decode_plain(octets)
        if isinstance(packet, Refusal) or packet.packet_type != 0:
            self.counters["service_packets_bad"] += 1
            return
        match packet.apid:
            case LanderApid.BEACON if len(packet.body) <= BEACON_OCTETS_MAX:
                # Its layout is the mission's: the lander passes the octets on.
                self.counters["beacons"] += 1
                self._report_now(LanderApid.REPORT_BEACON, packets.BeaconReport(self._cuc(now), packet.body))
            case LanderApid.DEPLOYMENT_STATUS:
                self.counters["deployment_statuses"] += 1
            case apid if apid in lander_bodies.FROM_PAYLOAD:
                self._obey(decode(lander_bodies.FROM_PAYLOAD[apid], packet.body), now)
            case _:
                self.counters["service_packets_unknown"] += 1

    def _obey(self, message: object, now: Micros) -> None:
        match message:
            case packets.PayloadHeartbeat():
                self._hear(message, now)
            case packets.ReadyForPowerOff():
                shortens = self.switches[message.circuit].ready(now)
                clean = int(message.clean)
                self._happen(
                    "ready_for_off", now, circuit=CIRCUITS[message.circuit], clean=clean, shortens=int(shortens)
                )
            case packets.Request():
                self._happen("request", now, kind=message.kind.name.lower(), value=message.value)
            case _:
                assert isinstance(message, DecodeError), "every class of lander_bodies.FROM_PAYLOAD has its arm"
                self.counters["service_packets_bad"] += 1

    def _hear(self, heard: packets.PayloadHeartbeat, now: Micros) -> None:
        self.counters["heartbeats"] += 1
        self._heard_us = now
        if not self.alive:
            self.alive = True
            self._happen("heartbeat_heard", now, mode=heard.mode, boot_count=heard.boot_count)
            # What was said while the board booted is lost: say it again to the one who listens now.
            for periodic in self._periodic:
                periodic.due_us = now

    # What the bench's user does

    def switch_on(self, circuit: int, now: Micros) -> None:
        """Power on; when the payload had been warned, it is told that this is over."""
        warned = self.switches[circuit].powered and self.switches[circuit].announced is not None
        self.switches[circuit].switch_on()
        if warned:
            self._say_notice(circuit, NoticeAction.ON, 0, 0, 0)
        self._notice_power(now, "switched")

    def cut(self, circuit: int, now: Micros, why: str = "cut") -> None:
        """Power off without a word; `why` is only told to the bench's user."""
        self.switches[circuit].cut()
        self._notice_power(now, why)

    def notice(
        self, circuit: int, action: int, now: Micros, *, seconds_until: int = -1, reason: int = 0, limit_mw: int = 0
    ) -> None:
        """Tell the payload what will happen to a circuit in so many seconds, and do it then, whatever it says.

        Negative seconds: the profile's warning. The seconds count from now, the packet follows as the line allows.
        """
        seconds = seconds_until if seconds_until >= 0 else self.profile.notices.planned_s
        self._say_notice(circuit, action, seconds, reason, limit_mw)
        self.switches[circuit].notice(NoticeAction(action), Micros(now + seconds * 1_000_000), limit_mw)
        name = NoticeAction(action).name.lower()
        self._happen("notice", now, circuit=CIRCUITS[circuit], action=name, seconds=seconds, reason=reason)

    def safe_now(self, seconds_until: int, reason: int) -> None:
        """Demand that the payload goes safe (contract, 0x01A)."""
        self._say(LanderApid.SAFE_NOW, packets.SafeNow(seconds_until, reason))

    def set_phase(self, phase: int, now: Micros, seconds_to_next: int = 0, quiet: int = 0) -> None:
        """Enter a phase of the mission; told at once."""
        self.phase, self.seconds_to_next, self.quiet = phase, seconds_to_next, quiet
        self._phase_since = now
        self._mode.due_us = now
        self._happen("phase", now, phase=PHASES[phase])

    # What goes out

    def fill(self, line: Paced, now: Micros) -> Micros:
        """Put units on the line to the payload while it is about to be free; returns when to call again."""
        if not self.switches[OPS].powered:
            return NEVER
        while (free_us := line.free_us()) <= now + LOOKAHEAD_US:
            unit = self.uplink.next_unit(free_us, now)
            if unit is None:
                return self.uplink.next_due(now)
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
        taken, self._happenings = self._happenings, []
        return taken

    def step(self, now: Micros) -> Micros:
        """Do what has fallen due; returns when to call again without new input."""
        for frame in self._ground.arrivals(now):
            self._arrive(frame)
        for switch in self.switches:
            while switch.step(now):
                self._notice_power(now, "notice")
        self._watch_payload(now)
        if now >= self._next_pass_change_us:
            self._next_pass_change_us = self._ground.passes.next_change(now)
            self._link.due_us = now
            self._happen("aos" if self._ground.passes.open(now) else "los", now)
        if self.switches[OPS].powered:
            for periodic in self._periodic:
                periodic.run(now)
        self._report.run(now)
        frames, reports = self._ground.deliver(now)
        self._tm_out += frames
        self._reports_out += reports
        return self._next_due(now)

    def _next_due(self, now: Micros) -> Micros:
        due = [
            self._ground.next_due(now),
            self._next_pass_change_us,
            Micros(self._report.due_us),
            *(switch.next_due() for switch in self.switches),
        ]
        if self.switches[OPS].powered:
            due += [Micros(periodic.due_us) for periodic in self._periodic]
        if self.alive:
            due.append(self._lost_at())
        return min(due)

    def _lost_at(self) -> Micros:
        return Micros(self._heard_us + self.profile.lost_after * self.profile.heartbeat_us)

    def _watch_payload(self, now: Micros) -> None:
        """Ten heartbeats missed: the payload counts as lost until the next one."""
        if self.alive and now >= self._lost_at():
            self.alive = False
            self._happen("heartbeat_lost", now, last_heard_us=self._heard_us)

    def _notice_power(self, now: Micros, why: str) -> None:
        """See which circuits have changed, and act on it."""
        for circuit, switch in enumerate(self.switches):
            on = switch.powered
            if on == self._was_on[circuit]:
                continue
            self._was_on[circuit] = on
            self._happen("power_on" if on else "power_off", now, circuit=CIRCUITS[circuit], why=why)
            if circuit == OPS:
                self.alive = False
                self._services = Depacketizer(SERVICES_VCID)
                self._carrier = carrier.by_name(self.profile.carrier, self.profile.scid, self.profile.tm_frame_octets)
                if on:
                    self.uplink.begin(now)
                    for periodic in self._periodic:
                        periodic.due_us = now
                else:
                    self.uplink.clear()

    # What is said

    def _cuc(self, at_us: int) -> bytes:
        """CUC of a time of the clock; one that the code cannot hold is the nearest that it can."""
        return lander_bodies.cuc(self._tai_at_zero_us + at_us)

    def _packet(self, apid: LanderApid, body: object) -> bytes:
        return encode_plain(apid, 1, self._counts.take(apid), encode(body))

    def _say(self, apid: LanderApid, body: object) -> None:
        """Queue a service packet for the payload; without power there is nobody to hear it."""
        if self.switches[OPS].powered:
            self.uplink.service(self._packet(apid, body))

    def _heartbeat(self) -> bytes:
        uptime_s = (self._clock.now() - self._start_us) // 1_000_000
        good, bad = (self.counters[name] & _U32 for name in ("tm_frames_good", "tm_frames_bad"))
        return self._packet(
            LanderApid.HEARTBEAT, packets.LanderHeartbeat(uptime_s & _U32, self.profile.boot_count, good, bad)
        )

    def _time_packet(self, tone_us: Micros) -> bytes:
        quality = packets.TimeQuality(self.profile.time_quality)
        body = packets.LanderTime(self._cuc(tone_us), self.profile.tai_minus_utc_s, quality, 0)
        return self._packet(LanderApid.TIME, body)

    def _say_notice(self, circuit: int, action: int, seconds: int, reason: int, limit_mw: int) -> None:
        body = packets.PowerNotice(Circuit(circuit), NoticeAction(action), min(seconds, 0xFFFF), reason, limit_mw)
        self._say(LanderApid.POWER_NOTICE, body)

    def _say_mode(self, now: Micros) -> None:
        left_s = max(0, self.seconds_to_next - (now - self._phase_since) // 1_000_000)
        self._say(LanderApid.MODE, packets.LanderMode(packets.Phase(self.phase), left_s, self.quiet))

    def _pass_cuc(self, now: Micros) -> tuple[bytes, bytes]:
        """AOS and LOS of this pass or the next; zero times for none."""
        one = self._ground.passes.current_or_next(now)
        return (
            (lander_bodies.NO_TIME, lander_bodies.NO_TIME)
            if one is None
            else (self._cuc(one.aos_us), self._cuc(one.los_us))
        )

    def _say_link(self, now: Micros) -> None:
        telemetry = self._ground.telemetry
        free = telemetry.octets_max - telemetry.octets
        aos, los = self._pass_cuc(now)
        bps = self.profile.bps or self.profile.baud
        self._say(LanderApid.LINK, packets.LanderLink(aos, los, bps, free, self.profile.one_way_us // 1000))

    def _say_power(self, now: Micros) -> None:
        self._say(LanderApid.POWER_STATUS, packets.PowerStatus(self._circuits()))

    def _say_ancillary(self, now: Micros) -> None:
        self._say(LanderApid.ANCILLARY, lander_bodies.ancillary(self.profile.ancillary))

    def _circuits(self) -> tuple[packets.CircuitStatus, ...]:
        return lander_bodies.circuits(self.switches, self.profile.circuits)

    def _say_reports(self, now: Micros) -> None:
        planned = [switch.announced for switch in self.switches if switch.announced is not None]
        first = min(planned, key=lambda announced: announced.at_us, default=None)
        at, action = (lander_bodies.NO_TIME, 0) if first is None else (self._cuc(first.at_us), int(first.action))
        self._report_now(LanderApid.REPORT_LANDER, packets.LanderReport(self.phase, *self._pass_cuc(now), at, action))
        self._report_now(LanderApid.REPORT_POWER, packets.PowerReport(self._circuits()))
        telemetry = self._ground.telemetry
        queued = min(self.uplink.ground_frames, 0xFFFF)
        body = packets.PayloadReport(int(self.alive), len(telemetry) & _U32, telemetry.dropped & _U32, queued)
        self._report_now(LanderApid.REPORT_PAYLOAD, body)

    def _report_now(self, apid: LanderApid, body: object) -> None:
        self._ground.put_report(encode_plain(apid, 0, self._counts.take(apid), encode(body)))

    def _happen(self, what: str, now: Micros, **values: int | str) -> None:
        self._happenings = [*self._happenings[1 - HAPPENINGS_MAX :], Happening(now, what, values)]

    def status(self, now: Micros) -> dict[str, object]:
        """Everything a person may ask for, ready for JSON."""
        return {
            "uptime_s": (now - self._start_us) // 1_000_000,
            "phase": PHASES[self.phase],
            "in_pass": self._ground.passes.open(now),
            "payload_alive": self.alive,
            "circuits": {name: switch.state.value for name, switch in zip(CIRCUITS, self.switches, strict=True)},
            "tm_queue": len(self._ground.telemetry),
            "tm_dropped": self._ground.telemetry.dropped,
            "tc_queue": self.uplink.ground_frames,
            "tones": self.uplink.tones,
            "tones_late": self.uplink.tones_late,
            "line_octets_skipped": self._carrier.down_octets_skipped,
            "counters": dict(self.counters),
        }
