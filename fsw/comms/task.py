"""The comms task: the line, what comes up it, the lander's heartbeat both ways, and who gets which packet.

VC 0 takes telecommands of ground APIDs, VC 1 file packets (counted and dropped: nothing receives them), VC 2 the
lander's services; anything else there is dropped and counted (contract, section 2).
Off nominal: ten heartbeat intervals without the lander are an event, and hold housekeeping back until it is heard
again; ten minutes without it take the board to SAFE, which only a telecommand ends. While the lander gives credit for
VC 0 (0x019), housekeeping leaves by it: each such packet says how many octets of it may leave from then on. Ten
heartbeat intervals without one, or a lost lander, end that limit. A line that is silent in the middle of a CLTU gives
way, after `SILENCE_US`, to a whole CLTU behind it. What came in a protected frame goes on when its replay mark is kept
(`services/security/link_security.py`).
"""

from collections.abc import Mapping
from typing import Final

from fsw.ccsds.flight_link import Authentic, FlightLink, LinkEvent, PacketReceived, Rejected, TooLong
from fsw.ccsds.sdls import SdlsReject
from fsw.comms.counters import Counters
from fsw.comms.downlink import VC_LIVE, VC_REPLAY, Downlink
from fsw.comms.pacer import Pacer
from fsw.hal.ports import LinePort, LineState
from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb import codec
from fsw.mdb import comms as mdb
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database
from fsw.mdb.lander import Beacon, Credit, LanderHeartbeat, LanderLink, LanderTime, PayloadHeartbeat, Request
from fsw.mdb.system import PACKAGE_TEMPERATURE, Mode, ModeReason
from fsw.pus.ids import APID_CFDP, LANDER_SERVICES, Refusal
from fsw.pus.tm import decode_plain
from fsw.services.archive.replay import Replay
from fsw.services.board import Announced, Board, Tone
from fsw.services.instrument import Services
from fsw.services.lander_outbox import LanderOutbox
from fsw.services.outbox import Outbox
from fsw.services.process import Execution, Process
from fsw.services.security.link_security import LinkSecurity

SILENCE_US: Final = 500_000
LOOK_US: Final = 50_000
"""How often a port that is not open is looked at."""
LOST_INTERVALS: Final = 10
SILENT_US: Final = 600_000_000
"""The lander silent for so long: on our own we are safer in SAFE (facts, 3.4)."""
CREDIT_INTERVALS: Final = 10
BEACON_US: Final = 25_000_000
SAMPLE_US: Final = 1_050_000
"""Samples go with the lander's heartbeat, which comes a little sooner; without it they come at this interval."""
_ABSENT_I16: Final = -0x8000
_NOT_GROUND: Final = frozenset((*LANDER_SERVICES, APID_CFDP))


class CommsTask:
    """APID 0x022. `receive` is first in the tick, `downlink.step` last."""

    def __init__(
        self,
        board: Board,
        services: Services,
        line: LinePort,
        link: FlightLink,
        pacer: Pacer,
        downlink: Downlink,
        outboxes: tuple[Outbox, LanderOutbox, Replay],
        routes: Mapping[type[object], Mailbox[object]],
        database: Database,
        heartbeat_us: int,
        security: LinkSecurity,
    ) -> None:
        self._board = board
        self._services = services
        self._line = line
        self._link = link
        self._pacer = pacer
        self._downlink = downlink
        self._outbox, self._lander_outbox, self._replay = outboxes
        self._routes = routes
        self._database = database
        self._heartbeat_us = heartbeat_us
        self._security = security
        security.release, security.bell = self._deliver, downlink.bell
        self.counters = Counters(line, link, downlink, outboxes[0], services.verification)
        self._heard_us: Micros | None = None
        self._missed_us = NEVER
        """When the silence of the lander next means something."""
        self._credit_us = {VC_LIVE: NEVER, VC_REPLAY: NEVER}
        """When the lander's credit for a virtual channel is forgotten."""
        self._octets_us = Micros(0)
        self._quiet = True
        self._announced: Announced | None = None
        """A time message whose tone has not come yet."""
        self._opens = 0
        self._heartbeat_due = Micros(0)
        self._beacon_due = Micros(BEACON_US)
        self._sample_us = Micros(0)
        self.process: Process | None = None
        self.executions: Mapping[type[object], Execution] = {}

    def receive(self, now: Micros) -> Micros:
        """Read the line and hand on what it brought; supervise the lander; say that we are alive."""
        assert self.process is not None
        if self._line.poll(now) is LineState.OPEN:
            self._take(self._line.read(), now)
        if self._line.opens != self._opens:
            if self._opens:
                self._services.events.report(mdb.LineReopened(opens=min(self._line.opens, 0xFFFF)), now)
            self._opens = self._line.opens
            self._downlink.bell.ring()
        if self._announced is not None and now > self._announced.at_us + self._heartbeat_us:
            self._hand_on_time()
        self._supervise(now)
        self.process.run(now)
        self._speak(now)
        if now >= self._sample_us:
            self._services.parameters.set_all(self.counters.sample() | self._security.sample(), now)
            self._sample_us = Micros(now + SAMPLE_US)
        return self._next_work(now)

    def _next_work(self, now: Micros) -> Micros:
        """When there is work although the line brings nothing."""
        due = min(self._heartbeat_due, self._beacon_due, self._sample_us, self._missed_us, *self._credit_us.values())
        if self._announced is not None:
            due = min(due, Micros(self._announced.at_us + self._heartbeat_us + 1))
        if self._line.state is not LineState.OPEN:
            due = min(due, Micros(now + LOOK_US))
        if not self._quiet:
            due = min(due, Micros(self._octets_us + SILENCE_US))
        return due

    # --- up --------------------------------------------------------------------------------------------------------

    def _take(self, octets: bytes, now: Micros) -> None:
        if octets:
            events = self._link.receive(octets)
            self._octets_us, self._quiet = now, not self._link.unfinished
        elif not self._quiet and now >= self._octets_us + SILENCE_US:
            self._quiet = True
            events = self._link.expire()
        else:
            return
        held: list[LinkEvent] = []
        for event in events:
            match event:
                case Authentic():
                    held = self._security.admit(event, now)
                case PacketReceived(vcid) | TooLong(vcid) if self._link.takes_protected(vcid):
                    held.append(event)
                case Rejected(SdlsReject() as reason):
                    self._security.refused(reason, now)
                case _:
                    self._deliver(event, now)
        self._security.settle(now)

    def _deliver(self, event: LinkEvent, now: Micros) -> None:
        """What the link has brought, and nothing keeps waiting any more."""
        match event:
            case PacketReceived():
                self._route(event, now)
            case TooLong(vcid, head) if vcid == 0:
                self._services.verification.receive(head, now)
            case _:
                pass  # counted by the link, by its reason

    def _route(self, received: PacketReceived, now: Micros) -> None:
        packet = received.packet
        apid = int.from_bytes(packet[:2], "big") & 0x7FF
        match received.vcid:
            case 0 if apid not in _NOT_GROUND:
                self._services.verification.receive(packet, now)
            case 1 if apid == APID_CFDP:
                self.counters.dropped_files += 1
            case 2 if apid in LANDER_SERVICES:
                self._hear(received, now)
            case _:
                self.counters.dropped_channel += 1

    def _hear(self, received: PacketReceived, now: Micros) -> None:
        """A packet of the lander's services."""
        plain = decode_plain(received.packet)
        entry = None if isinstance(plain, Refusal) or plain.packet_type != 1 else self._database.plain_by(plain.apid)
        if isinstance(plain, Refusal) or entry is None:
            self.counters.dropped_lander += 1
            return
        body = codec.decode(entry.body, plain.body)
        if isinstance(body, DecodeError):
            self.counters.dropped_lander += 1
        elif isinstance(body, LanderHeartbeat):
            self._heartbeat(received, now)
        elif isinstance(body, Credit):
            if body.vc in self._credit_us:
                self._give(body.vc, body.octets, Micros(now + CREDIT_INTERVALS * self._heartbeat_us))
        elif isinstance(body, LanderTime):
            self._hand_on_time()
            self._announced = Announced(body, now)
        else:
            if isinstance(body, LanderLink):
                self._board.link = body
            inbox = self._routes.get(type(body))
            if inbox is not None:
                inbox.put(body)

    def _heartbeat(self, received: PacketReceived, now: Micros) -> None:
        """The lander lives; its CLTU's first octet is the tone of the time message before it."""
        self.counters.heartbeats += 1
        self._heard_us = now
        self._missed_us = Micros(now + LOST_INTERVALS * self._heartbeat_us)
        behind_us = self._pacer.line_us(received.line_octets + received.trailing_octets)
        self._hand_on_time()
        self._routes[LanderTime].put(Tone(Micros(now - behind_us)))
        if now >= self._sample_us - SAMPLE_US // 2:
            self._sample_us = now  # with a turn that comes anyway
        if not self._board.lander_alive:
            self._board.lander_alive = True
            self._outbox.hold(False)
            self._replay.hold(False)
            self._services.events.report(mdb.LanderBack(), now)

    def _hand_on_time(self) -> None:
        """A time message goes with its tone, or with what says that none has come: by itself it is nobody's turn."""
        announced, self._announced = self._announced, None
        if announced is not None:
            self._routes[LanderTime].put(announced)

    def _give(self, vc: int, octets: int | None, until: Micros) -> None:
        """So many octets of a virtual channel may leave (None: no limit), until that is forgotten."""
        self._credit_us[vc] = until
        (self._outbox if vc == VC_LIVE else self._replay).credit = octets

    def _supervise(self, now: Micros) -> None:
        for vc, until in self._credit_us.items():
            if now >= until:
                self._give(vc, None, NEVER)
        if now < self._missed_us:
            return
        assert self._heard_us is not None, "supervision starts with the first heartbeat"
        if self._board.lander_alive:
            self._board.lander_alive = False
            self._outbox.hold(True)
            self._replay.hold(True)
            for vc in self._credit_us:
                self._give(vc, None, NEVER)
            self._services.events.report(mdb.LanderLost(), now)
            self._missed_us = Micros(self._heard_us + SILENT_US)
        else:
            self._services.events.report(mdb.LanderSilent(), now)
            self._board.safe_wanted = ModeReason.LANDER_SILENT
            self._missed_us = NEVER

    # --- down to the lander ----------------------------------------------------------------------------------------

    def _speak(self, now: Micros) -> None:
        """Heartbeat, beacon and requests of VC 2, when they are due."""
        board = self._board
        for kind, value in board.lander_requests:
            self._lander_outbox.post(Request(kind=kind, value=value), now)
        board.lander_requests.clear()
        if now < self._heartbeat_due and now < self._beacon_due:
            return
        uptime_s = now // 1_000_000
        raw = self._services.parameters.values[PACKAGE_TEMPERATURE.pid]
        board_cdegc = _ABSENT_I16 if raw is None else int(raw)
        boot_count = min(board.boot_count, 0xFFFF)
        if now >= self._heartbeat_due and board.mode is not Mode.BOOT:  # it waits for the boot count as the event does
            self._heartbeat_due = Micros(now + self._heartbeat_us)
            heartbeat = PayloadHeartbeat(
                mode=board.mode,
                health=int(board.health),
                board_cdegc=board_cdegc,
                boot_count=boot_count,
                last_tc_count=self._services.verification.last_count,
                uptime_s=uptime_s,
            )
            self._lander_outbox.post(heartbeat, now)
        if now >= self._beacon_due:
            self._beacon_due = Micros(now + BEACON_US)
            beacon = Beacon(
                mode=board.mode,
                health=int(board.health),
                board_degc=255 if raw is None else max(0, min(254, board_cdegc // 100 + 128)),
                boot_count=boot_count,
                uptime_min=min(uptime_s // 60, 0xFFFF),
                reset_cause=int(board.reset_cause),
            )
            self._lander_outbox.post(beacon, now)
