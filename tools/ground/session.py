"""One ground session, sans-IO: datagrams and telecommands in; datagrams and records out; the time handed in.

It joins the way down (frames, packets, database), the way up (queue, FOP-1) and the verification of requests, and
guards against two things that an operator cannot see: a payload that has rebooted, and one that flies another
database. No octets make it raise; what it cannot read is a record that says why.
"""

from collections.abc import Container, Iterable, Mapping
from typing import Final

from fsw.ccsds.depacketizer import GapDetected, PacketReceived
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database
from fsw.mdb.fates import FateList
from fsw.pus import st01
from fsw.pus.ids import LanderApid, Refusal, Service
from fsw.pus.tm import Telemetry
from tools.ground import fates, request, structures, tracking
from tools.ground.attendant import Attendants
from tools.ground.board_time import BoardTime
from tools.ground.boot import VC_LIVE, BootEvent, boot_event
from tools.ground.building import Built, build
from tools.ground.decoding import decode_packet, plain
from tools.ground.downlink import ControlWord, Downlink, FrameRejected
from tools.ground.expiry import NONE, Contact
from tools.ground.flown import DatabaseState, flown
from tools.ground.large import LargeReports
from tools.ground.link_news import LinkNews
from tools.ground.profile import Profile
from tools.ground.records import CommandRecord, LanderRecord, LinkRecord, Record
from tools.ground.request import Why
from tools.ground.saying import Saying
from tools.ground.structures import FlightStructures
from tools.ground.ticket import ITSELF, Sender, Ticket
from tools.ground.tracking import UNDECIDED, Former, StageChange, State, Tracker, Word
from tools.ground.uplink import QUEUE_MAX, Uplink
from tools.ground.uplink_words import LinkState, UpWord

SOURCE_ID: Final = 1
REPORT_OCTETS_MAX: Final = 2_048
"""What is kept of a datagram that is no report."""
_REPORTS: Final = range(LanderApid.REPORT_LANDER, LanderApid.REPORT_BEACON + 1)


class Session:
    """The session. `counts` are the next packet sequence counts by APID, kept over sessions so that request ids are
    not used again; `databases` are others that may fly, by the digest in their boot event. `parameters` names those
    whose samples become records of their own, None for all: a long simulation reads a few of many. `former`: requests
    of sessions before this one whose fate is open."""

    def __init__(
        self,
        database: Database,
        profile: Profile,
        now: Micros,
        *,
        counts: Mapping[int, int] | None = None,
        databases: tuple[Database, ...] = (),
        parameters: Container[str] | None = None,
        former: Iterable[Former] = (),
    ) -> None:
        self.database = database
        self.profile = profile
        self.downlink = Downlink(profile.uplink.scid, profile.tm_frame_octets, profile.protection)
        self.uplink = Uplink(profile.uplink, profile.protection)
        self.tracker = Tracker(profile.word_us)
        self.fates = fates.Fates(2 * profile.word_us)
        self.contact = Contact()
        self.database_state = DatabaseState.UNKNOWN
        self.boot_count: int | None = None
        self.board_time = BoardTime(profile.one_way_us)
        self._structures = FlightStructures()
        self._large = LargeReports()
        self._parameters = parameters
        self._databases = (database, *databases)
        self._counts = dict(counts or {})
        self._ticket = 0
        self._boot_event_due = True  # that of the life at hand may still come; also when its CLCW came first
        self._unforced: set[int] = set()  # queued tickets that a mismatch takes back
        self.saying = Saying()
        self._say = self.saying.say
        self._carried: dict[int, tuple[int, ...]] = {}  # by the ticket of what carries them
        self._news = LinkNews(now)
        self.attendants = Attendants()
        for before in former:
            self._take_over(before, now)

    def _take_over(self, before: Former, now: Micros) -> None:
        """A request of a session that has ended: its fate is asked for as any other that is open."""
        self._ticket += 1
        self.tracker.open(self._ticket, before.name, before.request_id, NEVER)
        for word in before.words:
            self._hear(self._ticket, word, now, "of a ground session that has ended")

    # --- in -------------------------------------------------------------------------------------------------------

    def tm_datagram(self, octets: bytes, now: Micros) -> None:
        """Take one datagram of the lander's TM port: a TM frame, or anything at all."""
        self._news.unsettle()
        events = self.downlink.receive(octets)
        gap = sum(event.lost for event in events if isinstance(event, GapDetected))
        packets = [event for event in events if isinstance(event, PacketReceived)]
        if restarted := any(boot_event(event.packet, event.vcid) for event in packets):
            self.downlink.restart(gap)
        for event in events:
            match event:
                case ControlWord():
                    self.uplink.clcw(event.word, now)
                    self._hear_uplink(now)
                case PacketReceived():
                    self._packet(event.packet, event.vcid, now)
                case GapDetected() if restarted:
                    pass  # the counters of another life
                case GapDetected():
                    self._note(now, f"VC {event.vcid}: {event.lost} frames are missing")
                case FrameRejected():
                    self._note(now, f"frame rejected: {event.reason}")
                case _:
                    self._note(now, f"VC {event.vcid}: {event.reason.value}")
        self._say_link(now)

    def report_datagram(self, octets: bytes, now: Micros) -> None:
        """Take one datagram of the lander's own report on the payload (contract, section 5)."""
        apid = int.from_bytes(octets[:2], "big") & 0x7FF
        found = self.database.decode_tm(octets) if apid in _REPORTS else Refusal.APID
        if isinstance(found, Refusal | DecodeError):
            fault = found.name.lower() if isinstance(found, Refusal) else found.detail
            self._say(LanderRecord(now, apid, "", {}, fault, octets[:REPORT_OCTETS_MAX]))
        else:
            self.contact.hear(found.body)
            self._say(LanderRecord(now, apid, found.name, plain(found), "", octets))

    def tick(self, now: Micros) -> None:
        """Let timers expire; call it when `next_due` says, or more often."""
        if now >= self.uplink.next_due():
            self._news.unsettle()
        self.uplink.tick(now)
        self._hear_uplink(now)
        self._ask(now)
        self.attendants.step(self, now)
        for change in self.tracker.expire(now):
            if change.state is State.NOT_SENT:
                self.uplink.withdraw(change.ticket)
            self._stage(change)
        self._say_link(now)

    def send(
        self,
        name: str,
        arguments: Mapping[str, str],
        source_id: int,
        now: Micros,
        *,
        force: bool = False,
        not_after: str = NONE,
        by: Sender = ITSELF,
    ) -> Ticket | request.Refusal:
        """Check and queue one telecommand; nothing leaves for one that is refused.

        `force` commands although the payload says that it flies another database. `not_after`: see `expiry.Contact`.
        `by` goes into the records of what leaves.
        """
        self._news.unsettle()
        tai_us = self.board_time.tai_us(now)
        expiry = self.contact.expiry(not_after, self.database, tai_us)
        if isinstance(expiry, request.Refusal):
            return expiry
        built = build(
            self.database, name, arguments, octets_max=self.uplink.packet_octets_max,
            counts=self._counts, source_id=source_id, tai_us=tai_us, not_after=expiry.not_after,
        )  # fmt: skip
        if isinstance(built, request.Refusal):
            return built
        if self.database_state is DatabaseState.MISMATCH and not force:
            return request.Refusal(
                Why.DATABASE, "the payload flies another mission database than the one in hand; --force sends anyway"
            )
        if self.uplink.queued >= QUEUE_MAX:
            return request.Refusal(Why.FULL, f"{QUEUE_MAX} commands are waiting for the link already")
        number = self._ticket + len(built.inside) + 1
        due = Micros(now + self.profile.queue_us)
        if not (
            self._open_carried(built, source_id, by, now) and self.tracker.open(number, name, built.request_id, due)
        ):
            return request.Refusal(Why.FULL, "too many commands wait for their last word")
        self._ticket, self._counts = number, built.counts
        bare = expiry.not_after is not None and not built.wrapper_id
        sentence = "sent without an expiry: it is too long to be wrapped" if bare else expiry.sentence
        command, count, request_id = built.command, built.sequence_count, built.request_id
        ticket = Ticket(number, name, command.apid, command.service, count, request_id, sentence)
        if built.wrapper_id:
            self.tracker.alias(number, built.wrapper_id)
        if not force:
            self._unforced.add(number)
        self._structures.sent(self.database, number, command)
        self._say(
            CommandRecord(
                now, number, name, dict(arguments), command.apid, count, request_id, source_id, built.packet, *by
            )
        )
        self.uplink.submit(number, built.packet, now)
        self._hear_uplink(now)
        self._say_link(now)
        return ticket

    def _open_carried(self, built: Built, source_id: int, by: Sender, now: Micros) -> bool:
        """Telecommands inside another have tickets of their own, before that of what carries them."""
        tickets = []
        for ticket, (name, apid, count, request_id, packet) in enumerate(built.inside, self._ticket + 1):
            if not self.tracker.open(ticket, name, request_id, NEVER):
                return False
            tickets.append(ticket)
            self._say(CommandRecord(now, ticket, name, {}, apid, count, request_id, source_id, packet, *by))
        if tickets:
            self._carried[self._ticket + len(tickets) + 1] = tuple(tickets)
        return True

    def _ask(self, now: Micros) -> None:
        """Once a contact is there, have the payload say what structures hold, and what became of what is open."""
        ready = self.ready(now)
        if now >= self._structures.due and (sids := self._structures.ask(now, ready)):
            self.send(structures.COMMAND, {"sids": sids}, SOURCE_ID, now)
        self.fates.link(ready, now)
        if now < self.fates.due or self.database.by_name(fates.COMMAND) is None:
            return
        asked = self.send(fates.COMMAND, {}, SOURCE_ID, now)
        self.fates.asked(asked.number if isinstance(asked, Ticket) else None, now)

    def sync(self, now: Micros, reason: str) -> None:
        """Initiate FOP-1 anew from the next control word; what is outstanding is interrupted for this reason."""
        self._news.unsettle()
        self.uplink.sync(now, reason)
        self._hear_uplink(now)
        self._say_link(now)

    def withdraw(self, ticket: int, now: Micros) -> bool:
        """Take back a telecommand that has not left yet; False when it has, for then nothing can take it back."""
        self._news.unsettle()
        if not self.uplink.withdraw(ticket):
            return False
        self._hear(ticket, Word.INTERRUPTED, now, "withdrawn before it left")
        return True

    # --- out ------------------------------------------------------------------------------------------------------

    def take_datagrams(self) -> list[bytes]:
        """What to send to the lander's TC port, in order."""
        return self.uplink.take_datagrams()

    def take_records(self) -> list[Record]:
        """What was said since the last call, in order."""
        return self.saying.take()

    def next_due(self) -> Micros:
        """When `tick` has work: a timer, or the link's state to be said once a second."""
        link = self._news.due(self.uplink.silent_at)
        own = min(self.uplink.next_due(), self.tracker.next_due(), self.fates.due, self._structures.due)
        return min(own, link, self.attendants.due)

    def link(self, now: Micros) -> LinkRecord:
        """The link as it stands."""
        up, down = self.uplink, self.downlink
        return LinkRecord(
            now,
            *(up.state(now).value, *up.heard, up.queued, up.fop.outstanding),
            *(down.frames_good, down.frames_bad, down.frames_lost, up.alerts, up.retransmissions),
            *(self.database_state.value, self.boot_count),
        )

    @property
    def counts(self) -> dict[int, int]:
        """The next packet sequence counts by APID."""
        return dict(self._counts)

    def ready(self, now: Micros) -> bool:
        """Whether a command would leave at once."""
        return self.uplink.state(now) is LinkState.ACTIVE

    # --- telemetry ------------------------------------------------------------------------------------------------

    def _packet(self, packet: bytes, vcid: int, now: Micros) -> None:
        boot = boot_event(packet, vcid)
        if boot is not None:
            self._booted(boot, now)  # first: it may bring another database into force
        decoded = decode_packet(self.database, self._structures.known, packet, vcid, now, self._parameters)
        joined = self._large.take(decoded.packet)
        for said in (decoded.packet, *decoded.parameters, decoded.event, joined):
            if said is not None:
                self._say(said)
        header = decoded.header if vcid == VC_LIVE else None
        if header is not None:
            self.board_time.hear(decoded.packet.time, now)
        if isinstance(header, Telemetry) and header.service == Service.VERIFICATION:
            self._verification(header, now)
        self._structures.hear(self.database, decoded, now)
        if vcid == VC_LIVE and decoded.report is not None:
            self.attendants.hear(decoded.report.body)
            if isinstance(decoded.report.body, FateList):
                self.fates.told(decoded.report.body)
                self._hear_rulings(self.fates.rule_late(self._to_rule()), now)

    def _verification(self, header: Telemetry, now: Micros) -> None:
        verification = st01.decode(header.subtype, header.data)
        if verification is None:
            self._note(now, f"unreadable verification report (1,{header.subtype})")
            return
        change = self.tracker.report(verification, now)
        if change is not None:
            self.uplink.answered(change.ticket)
            self._stage(change)

    def _booted(self, boot: BootEvent, now: Micros) -> None:
        """A boot event: the life before it is over, unless the receiver has betrayed that already."""
        self.boot_count = boot.boot_count
        if not self._boot_event_due:
            self.uplink.reboot(now, "boot event")
            self._hear_uplink(now)
        self._boot_event_due = False
        if not boot.digest:
            self.database_state = DatabaseState.UNKNOWN
            return
        found = flown(self._databases, boot.digest)
        self.database = found or self.database
        self.database_state = DatabaseState.MATCH if found else DatabaseState.MISMATCH
        if self.database_state is DatabaseState.MISMATCH:
            self._note(now, f"the payload flies mission database {boot.digest.hex()}, which is not at hand")
            self._take_back(now)

    def _take_back(self, now: Micros) -> None:
        for ticket in sorted(self._unforced):
            if self.uplink.withdraw(ticket):
                self._hear(ticket, Word.INTERRUPTED, now, "the payload flies another mission database")
        self._unforced.clear()

    # --- commanding -----------------------------------------------------------------------------------------------

    def _hear_uplink(self, now: Micros) -> None:
        for word, ticket, text in self.uplink.take_events():
            if word is UpWord.REBOOT:
                self._rebooted(text, now)
            elif word is UpWord.SENT:
                self._unforced.discard(ticket)
                self._hear(ticket, Word.SENT, now)
            elif word is UpWord.RECEIVED:
                self._hear(ticket, Word.RECEIVED, now)
            else:
                self._hear(ticket, Word.INTERRUPTED, now, text)

    def _rebooted(self, reason: str, now: Micros) -> None:
        """Nothing that the life before was told will be heard of again; what has not left yet may still go."""
        self._boot_event_due = True
        self._structures.rebooted()
        self.board_time.restart()
        self._note(now, f"the payload has rebooted: {reason}")
        for open_request in self.tracker.undecided():
            if open_request.state is not State.QUEUED:
                self._hear(open_request.ticket, Word.INTERRUPTED, now, "the payload rebooted")

    def _hear(self, ticket: int, word: Word, now: Micros, text: str = "", code: int | None = None) -> None:
        change = self.tracker.hear(ticket, word, now, text, code)
        if change is not None:
            self._stage(change)

    def _stage(self, change: StageChange) -> None:
        self._say(change)
        self.attendants.stage(change)
        now, ticket = change.at, change.ticket
        self.fates.stage(change, self.board_time.tai_us(now))
        if not change.verdict:
            return
        completed = change.state is State.COMPLETED
        self._structures.ended(self.database, ticket, completed=completed)
        if change.state not in UNDECIDED:
            for carried in self._carried.pop(ticket, ()):
                self._hear(carried, Word.CARRIED if completed else Word.INTERRUPTED, now, f"carried by {change.name}")
        if completed:
            self._hear_rulings(self.fates.rule(ticket, self._to_rule()), now)

    def _to_rule(self) -> list[tracking.Request]:
        return self.tracker.standing(UNDECIDED | {State.CARRIED})

    def _hear_rulings(self, rulings: list[fates.Ruling], now: Micros) -> None:
        for ruled in rulings:
            self._hear(ruled.ticket, ruled.word, now, ruled.text, ruled.code)

    # --- saying ---------------------------------------------------------------------------------------------------

    def _say_link(self, now: Micros) -> None:
        state = self.uplink.state(now).value
        if not self._news.waits(state, self.database_state.value, self.boot_count, now):
            record = self.link(now)
            if self._news.says(record, now):
                self._say(record)

    def _note(self, now: Micros, text: str) -> None:
        self.saying.note(text, now)
