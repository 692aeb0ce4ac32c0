"""ST[01] request verification: the checks in the contract's order, and the one last word of each request.

`Verification.receive` takes a packet from VC 0 and either hands a `Request` to its process or says why not. From then on
the process says `started`, `completed`, `refused` or `failed`; the table below allows each exactly once.
Off nominal: what cannot be answered (no readable header, not a telecommand) is dropped and counted by reason.
"""

from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Final

from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database
from fsw.pus import st01, tc
from fsw.pus.ids import ACK_ACCEPTANCE, ACK_COMPLETION, ACK_PROGRESS, ACK_START, SYSTEM_APID, FailureCode
from fsw.services.expiry import EXPIRY_SERVICE, Expired, Unwrapped, unwrap
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase


@unique
class Stage(Enum):
    """Where an accepted request stands."""

    ACCEPTED = "accepted"
    STARTED = "started"
    ENDED = "ended"


@unique
class Word(Enum):
    """What a process may say of a request; the value is the subtype of the report."""

    STARTED = 3
    REFUSED = 4
    STEPPED = 5
    COMPLETED = 7
    FAILED = 8


# fmt: off
NEXT: Final[Mapping[Word, Mapping[Stage, Stage | None]]] = {
    #                ACCEPTED                         STARTED                          ENDED: nothing more may be said
    Word.STARTED:   {Stage.ACCEPTED: Stage.STARTED, Stage.STARTED: None,            Stage.ENDED: None},
    Word.REFUSED:   {Stage.ACCEPTED: Stage.ENDED,   Stage.STARTED: None,            Stage.ENDED: None},
    Word.STEPPED:   {Stage.ACCEPTED: None,          Stage.STARTED: Stage.STARTED,   Stage.ENDED: None},
    Word.COMPLETED: {Stage.ACCEPTED: None,          Stage.STARTED: Stage.ENDED,     Stage.ENDED: None},
    Word.FAILED:    {Stage.ACCEPTED: None,          Stage.STARTED: Stage.ENDED,     Stage.ENDED: None},
}
# fmt: on
_FLAG: Final = {Word.STARTED: ACK_START, Word.STEPPED: ACK_PROGRESS, Word.COMPLETED: ACK_COMPLETION}


class Request:
    """An accepted telecommand on its way through a process."""

    __slots__ = ("ack", "apid", "body", "request_id", "service", "source_id", "stage", "subtype")

    def __init__(self, command: tc.Telecommand, body: object) -> None:
        self.request_id = command.request_id
        self.apid = command.apid
        self.service = command.service
        self.subtype = command.subtype
        self.source_id = command.source_id
        self.ack = command.ack
        self.body = body
        self.stage = Stage.ACCEPTED


class Verification:
    """The acceptance chain and the reports of ST[01] for every process of the board."""

    def __init__(self, database: Database, telemetry: TelemetryService, time: Timebase) -> None:
        self._database = database
        self._telemetry = telemetry
        self._time = time
        self._mailboxes: dict[int, Mailbox[Request]] = {}
        self.accepted = 0
        self.rejected = 0
        self.completed = 0
        self.failed = 0
        self.dropped = 0
        self.last_count = 0xFFFF
        """Sequence count of the last telecommand accepted, for the heartbeat (contract 0x110)."""

    def serve(self, apid: int, mailbox: Mailbox[Request]) -> None:
        """Route accepted requests of `apid` to `mailbox`."""
        assert apid not in self._mailboxes, f"two processes claim APID {apid:#x}"
        self._mailboxes[apid] = mailbox

    def reset_counters(self) -> None:
        """ST[08] function 1: all counters of this service to zero."""
        self.accepted = self.rejected = self.completed = self.failed = self.dropped = 0

    # --- acceptance ------------------------------------------------------------------------------------------------

    def too_long(self, head: bytes, now: Micros) -> None:
        """A packet longer than the rest of its frame: answered where ten octets are readable (contract, section 2)."""
        if len(head) < tc.READABLE_OCTETS:
            self.dropped += 1
            return
        self._reject(tc.header_of(head), FailureCode.LENGTH, now)

    def receive(self, packet: bytes, now: Micros) -> None:
        """Take one packet of VC 0 through the checks of the contract's section 3; the first failure wins."""
        header = tc.inspect(packet)
        if isinstance(header, tc.Drop):
            if header is tc.Drop.TOO_SHORT and len(packet) >= tc.READABLE_OCTETS:
                self._reject(tc.header_of(packet), FailureCode.LENGTH, now)
            else:
                self.dropped += 1
            return
        if header.apid not in self._mailboxes:
            self._report(header, 10, SYSTEM_APID, FailureCode.UNKNOWN_APID, now)
        elif not tc.checksum_ok(packet):
            self._reject(header, FailureCode.CHECKSUM, now)
        elif header.pus_version != tc.PUS_VERSION:
            self._reject(header, FailureCode.PUS_VERSION, now)
        elif header.service == EXPIRY_SERVICE:
            self._unwrap(header, packet, now)
        else:
            self._decode(header, packet, now)

    def _unwrap(self, header: tc.TcHeader, packet: bytes, now: Micros) -> None:
        """Service 130: a telecommand that may not be executed after a given time."""
        if header.subtype != 1:
            self._reject(header, FailureCode.SUBTYPE, now)
            return
        inner = unwrap(header.apid, tc.data_of(packet), self._time.tai_us(now))
        match inner:
            case Unwrapped(octets):
                self.receive(octets, now)
            case Expired(octets):
                self._reject(tc.header_of(octets), FailureCode.EXPIRED, now)
            case None:
                self._reject(header, FailureCode.DATA_FIELD, now)

    def _decode(self, header: tc.TcHeader, packet: bytes, now: Micros) -> None:
        command = tc.from_header(header, packet)
        found = self._database.decode_command(command)
        if isinstance(found, DecodeError):
            self._reject(header, found.code, now)
            return
        mailbox = self._mailboxes[header.apid]
        request = Request(command, found)
        if not mailbox.put(request):
            self._reject(header, FailureCode.BUSY, now)
            return
        self.accepted += 1
        self.last_count = command.sequence_count
        if command.ack & ACK_ACCEPTANCE:
            self._emit(header.apid, 1, command.request_id, b"", header.source_id, now)

    def _reject(self, header: tc.TcHeader, code: FailureCode, now: Micros) -> None:
        """(1,2) from the addressed process, or from `system` where there is none."""
        self._report(header, 2, header.apid if header.apid in self._mailboxes else SYSTEM_APID, code, now)

    def _report(self, header: tc.TcHeader, subtype: int, apid: int, code: FailureCode, now: Micros) -> None:
        self.rejected += 1
        self._emit(apid, subtype, header.request_id, st01.failure(code), header.source_id, now)

    def _emit(self, apid: int, subtype: int, request_id: bytes, notice: bytes, destination: int, now: Micros) -> None:
        self._telemetry.emit(apid, 1, subtype, request_id + notice, now, destination=destination)

    # --- execution -------------------------------------------------------------------------------------------------

    def _say(self, request: Request, word: Word, notice: bytes, now: Micros) -> None:
        after = NEXT[word][request.stage]
        assert after is not None, f"{word.name} after {request.stage.name} for request {request.request_id.hex()}"
        request.stage = after
        flag = _FLAG.get(word)
        if flag is None or request.ack & flag:
            self._emit(request.apid, word.value, request.request_id, notice, request.source_id, now)

    def started(self, request: Request, now: Micros) -> None:
        """(1,3), when its flag asks: all preconditions hold and execution begins."""
        self._say(request, Word.STARTED, b"", now)

    def stepped(self, request: Request, step: int, now: Micros) -> None:
        """(1,5), when its flag asks: step 0..255 is done."""
        self._say(request, Word.STEPPED, bytes((step,)), now)

    def completed_now(self, request: Request, now: Micros) -> None:
        """(1,7), when its flag asks: the last word of a request that did what it should."""
        self._say(request, Word.COMPLETED, b"", now)
        self.completed += 1

    def refused(self, request: Request, code: FailureCode, now: Micros) -> None:
        """(1,4), always: nothing was changed."""
        self._say(request, Word.REFUSED, st01.failure(code), now)
        self.failed += 1

    def failed_now(self, request: Request, code: FailureCode, now: Micros) -> None:
        """(1,8), always: execution began and did not succeed."""
        self._say(request, Word.FAILED, st01.failure(code), now)
        self.failed += 1

    def perform(self, request: Request, code: FailureCode | None, act: Callable[[], None], now: Micros) -> None:
        """The common course of a request that needs one step: refuse with `code`, or start, act and complete."""
        if code is not None:
            self.refused(request, code, now)
            return
        self.started(request, now)
        act()
        self.completed_now(request, now)
