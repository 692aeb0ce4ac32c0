"""ST[01] request verification: the checks in the contract's order, and the one last word of each request.

`Verification.receive` takes a packet from VC 0 and either hands a `Request` to its process or says why not. From then
on the process says `started`, `completed`, `refused` or `failed`; the table below allows each exactly once.
A hazardous telecommand that was not armed is refused with 0x19 (fsw/services/security/hazards.py), whoever sends it.
Off nominal: what cannot be answered (no readable header, not a telecommand) is dropped and counted by reason.
"""

from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Final, Protocol

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import Micros
from fsw.mdb.database import Call, CallRefused, Database
from fsw.mdb.model import Hazard
from fsw.pus import expiry, st01, tc
from fsw.pus.ids import APID_COMMS, APID_SYSTEM, FailureCode, Refusal, Service
from fsw.pus.st01 import Stage
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.store.keep import Change


@unique
class Progress(Enum):
    """Where an accepted request stands."""

    ACCEPTED = "accepted"
    STARTED = "started"
    ENDED = "ended"


_ACCEPTED, _STARTED, _ENDED = Progress
# fmt: off
NEXT: Final[Mapping[Stage, Mapping[Progress, Progress | None]]] = {
    # None: may not be said there
    Stage.STARTED:           {_ACCEPTED: _STARTED, _STARTED: None,     _ENDED: None},
    Stage.START_FAILED:      {_ACCEPTED: _ENDED,   _STARTED: None,     _ENDED: None},
    Stage.PROGRESS:          {_ACCEPTED: None,     _STARTED: _STARTED, _ENDED: None},
    Stage.PROGRESS_FAILED:   {_ACCEPTED: None,     _STARTED: _ENDED,   _ENDED: None},
    Stage.COMPLETED:         {_ACCEPTED: None,     _STARTED: _ENDED,   _ENDED: None},
    Stage.COMPLETION_FAILED: {_ACCEPTED: None,     _STARTED: _ENDED,   _ENDED: None},
}
# fmt: on
_FLAG: Final = {Stage.STARTED: tc.ACK_START, Stage.PROGRESS: tc.ACK_PROGRESS, Stage.COMPLETED: tc.ACK_COMPLETION}
PUS_VERSION: Final = 2


@unique
class Origin(Enum):
    """Where a telecommand comes from."""

    GROUND = "the ground, now"
    STORED = "what was stored on board"
    ARMED = "the ground, armed and then executed"


class Request:
    """An accepted telecommand on its way through a process."""

    __slots__ = ("ack", "apid", "body", "fate", "origin", "progress", "request_id", "service", "source_id", "subtype")

    def __init__(self, command: tc.Telecommand, body: object, origin: Origin = Origin.GROUND) -> None:
        self.request_id = command.request_id
        self.apid = command.apid
        self.service = command.service
        self.subtype = command.subtype
        self.source_id = command.source_id
        self.ack = command.ack
        self.body = body
        self.origin = origin
        self.progress = Progress.ACCEPTED
        self.fate: object = None
        """What the witness remembers it by."""


class Witness(Protocol):
    """Who writes down what becomes of every request, asked for or not."""

    def accepted(self, request: Request, now: Micros) -> object:
        """An accepted request; what is returned stands in its `fate`."""

    def rejected(self, request_id: bytes, source_id: int, stage: Stage, code: FailureCode, now: Micros) -> None:
        """A request that no process has seen."""

    def said(self, request: Request, stage: Stage, code: FailureCode | None) -> None:
        """A word on an accepted request."""

    def ahead(self, now: Micros) -> None:
        """Accepted requests are about to be served."""

    def assure(self, request: Request, now: Micros, then: Callable[[bool], None]) -> bool:
        """Keep at once that a request came; `then` is told whether it is kept. False: nothing can be kept now."""

    def completing(self, request: Request) -> Change | None:
        """A change that says that a request completed, to be kept with what it did."""


class Queue(Protocol):
    """Where a process takes its requests from."""

    def put(self, item: Request) -> bool:
        """Queue a request; False when there is no room."""


class Verification:
    """The acceptance chain and the reports of ST[01] for every process of the board."""

    def __init__(self, database: Database, telemetry: TelemetryService, time: Timebase) -> None:
        self._database = database
        self._telemetry = telemetry
        self._time = time
        self._mailboxes: dict[int, Queue] = {}
        self._counted: dict[int, list[int]] = {}
        self._closed: set[int] = set()
        self.witness: Witness | None = None
        self.accepted = 0
        self.rejected = 0
        self.done = 0
        self.failures = 0
        self.dropped = 0
        self.bare = 0
        """Hazardous telecommands that came without being armed."""
        self._origin = Origin.GROUND
        self.last_count = 0xFFFF
        """Sequence count of the last telecommand accepted, for the heartbeat (contract 0x110)."""
        self.accepted_us: Micros | None = None
        """When that was; None before the first of this life."""

    def serve(self, apid: int, mailbox: Queue) -> None:
        """Route accepted requests of `apid` to `mailbox`."""
        assert apid not in self._mailboxes, f"two processes claim APID {apid:#x}"
        self._counted[apid] = [0, 0]
        self._mailboxes[apid] = mailbox

    def close(self, apid: int) -> None:
        """The process of `apid` is dead: what comes for it is accepted and refused with 0x1B."""
        self._closed.add(apid)

    def counted(self, apid: int) -> tuple[int, int]:
        """Telecommands for one process, since its counters were reset: valid, rejected."""
        valid, rejected = self._counted[apid]
        return valid, rejected

    def reset_counters(self, apid: int) -> None:
        """ST[08] function 1 of one process: its counters to zero; those of the whole board with those of comms."""
        self._counted[apid] = [0, 0]
        if apid == APID_COMMS:
            self.accepted = self.rejected = self.done = self.failures = self.dropped = 0

    # --- acceptance ------------------------------------------------------------------------------------------------

    def release(self, packet: bytes, now: Micros, origin: Origin = Origin.STORED) -> None:
        """Take a telecommand that was stored on board: as one of VC 0, but nobody on the ground has just commanded."""
        heard = self.last_count, self.accepted_us
        self._origin = origin
        try:
            self.receive(packet, now)
        finally:  # should anything die in there, nothing that comes after it may pass for armed
            self._origin = Origin.GROUND
            self.last_count, self.accepted_us = heard

    def receive(self, packet: bytes, now: Micros) -> None:
        """Take one packet of VC 0, or the head of one longer than its frame, through the contract's checks (section 3).

        The first failure wins.
        """
        header = tc.inspect(packet)
        if isinstance(header, Refusal):
            self.dropped += 1
        elif not header.length_ok:
            self._reject(header, FailureCode.LENGTH, now)
        elif header.apid not in self._mailboxes:
            self.rejected += 1
            self._turned_away(APID_SYSTEM, Stage.ROUTING_FAILED, header, FailureCode.UNKNOWN_APID, now)
        elif not tc.checksum_ok(packet):
            self._reject(header, FailureCode.CHECKSUM, now)
        elif header.pus_version != PUS_VERSION:
            self._reject(header, FailureCode.PUS_VERSION, now)
        elif header.service == Service.EXPIRY:
            self._unwrap(header, tc.telecommand(packet, header), now)
        else:
            self._route(header, tc.telecommand(packet, header), now)

    def _unwrap(self, header: tc.TcHeader, wrapper: tc.Telecommand, now: Micros) -> None:
        """Service 130: a telecommand that may not be executed after a given time."""
        if wrapper.subtype != expiry.SUBTYPE_WRAP:
            self._reject(header, FailureCode.SUBTYPE, now)
            return
        wrapped = expiry.decode(wrapper)
        not_after_us = None if wrapped is None else cuc_decode(wrapped.not_after)
        if wrapped is None or not_after_us is None:
            self._reject(header, FailureCode.DATA, now)
            return
        tai_us = self._time.tai_us(now)
        inner = tc.inspect(wrapped.inner)
        if isinstance(inner, Refusal) or (tai_us is not None and tai_us <= not_after_us):
            self.receive(wrapped.inner, now)
        else:
            self._reject(inner, FailureCode.EXPIRED, now)

    def _route(self, header: tc.TcHeader, command: tc.Telecommand, now: Micros) -> None:
        """Service, subtype, data, queue: the checks that need the database and the process."""
        call = self._database.decode_command(command.apid, command.service, command.subtype, command.data)
        refusal: FailureCode | None = FailureCode.INTERNAL if command.apid in self._closed else None
        if isinstance(call, CallRefused):
            if call.code is not FailureCode.UNKNOWN_ID:
                self._reject(header, call.code, now)
                return
            refusal = call.code
        elif call.entry.hazard is Hazard.HAZARDOUS and self._origin is not Origin.ARMED:
            refusal = FailureCode.PROTECTED
            self.bare += 1
        request = Request(command, call.body if isinstance(call, Call) else None, self._origin)
        if refusal is None and not self._mailboxes[command.apid].put(request):
            self._reject(header, FailureCode.BUSY, now)
            return
        self.accepted += 1
        self._counted[command.apid][0] += 1
        self.last_count = command.sequence_count
        self.accepted_us = now
        if self.witness is not None:
            request.fate = self.witness.accepted(request, now)
        if command.ack & tc.ACK_ACCEPTANCE:
            self._emit(command.apid, Stage.ACCEPTED, command.request_id, command.source_id, now)
        if refusal is not None:
            self.refused(request, refusal, now)

    def _reject(self, header: tc.TcHeader, code: FailureCode, now: Micros) -> None:
        """(1,2) from the addressed process, or from `system` where there is none."""
        self.rejected += 1
        apid = header.apid if header.apid in self._mailboxes else APID_SYSTEM
        if apid in self._counted:
            self._counted[apid][1] += 1
        self._turned_away(apid, Stage.ACCEPTANCE_FAILED, header, code, now)

    def _turned_away(self, apid: int, stage: Stage, header: tc.TcHeader, code: FailureCode, now: Micros) -> None:
        self._emit(apid, stage, header.request_id, header.source_id, now, code)
        if self.witness is not None:
            self.witness.rejected(header.request_id, header.source_id, stage, code, now)

    def _emit(
        self,
        apid: int,
        stage: Stage,
        request_id: bytes,
        destination: int,
        now: Micros,
        code: FailureCode | None = None,
        step: int | None = None,
    ) -> None:
        body = st01.encode(stage, request_id, code=code, step=step)
        self._telemetry.emit(apid, Service.VERIFICATION, stage, body, now, destination=destination)

    def completing(self, request: Request) -> list[Change]:
        """What is to be kept in one list with all that a request changes, so that it is known to have been done."""
        change = None if self.witness is None else self.witness.completing(request)
        return [] if change is None else [change]

    def ahead(self, now: Micros) -> None:
        """A process is about to serve what waits: let the witness write first that it came."""
        if self.witness is not None:
            self.witness.ahead(now)

    def assure(self, request: Request, now: Micros, then: Callable[[bool], None]) -> bool:
        """Before a hazardous request runs it is on the disk that it came; as `Witness.assure`."""
        return self.witness is not None and self.witness.assure(request, now, then)

    # --- execution -------------------------------------------------------------------------------------------------

    def _say(
        self, request: Request, stage: Stage, now: Micros, code: FailureCode | None = None, step: int | None = None
    ) -> None:
        after = NEXT[stage][request.progress]
        assert after is not None, f"{stage.name} after {request.progress.name} for {request.request_id.hex()}"
        request.progress = after
        if self.witness is not None:
            self.witness.said(request, stage, code)
        flag = _FLAG.get(stage)
        if flag is None or request.ack & flag:
            self._emit(request.apid, stage, request.request_id, request.source_id, now, code, step)

    def started(self, request: Request, now: Micros) -> None:
        """(1,3), when its flag asks: all preconditions hold and execution begins."""
        self._say(request, Stage.STARTED, now)

    def stepped(self, request: Request, step: int, now: Micros) -> None:
        """(1,5), when its flag asks: step 0..255 is done."""
        self._say(request, Stage.PROGRESS, now, step=step)

    def completed(self, request: Request, now: Micros) -> None:
        """(1,7), when its flag asks: the last word of a request that did what it should."""
        self._say(request, Stage.COMPLETED, now)
        self.done += 1

    def refused(self, request: Request, code: FailureCode, now: Micros) -> None:
        """(1,4), always: nothing was changed."""
        self._say(request, Stage.START_FAILED, now, code)
        self.failures += 1

    def failed(self, request: Request, code: FailureCode, now: Micros) -> None:
        """(1,8), always: execution began and did not succeed."""
        self._say(request, Stage.COMPLETION_FAILED, now, code)
        self.failures += 1

    def abandoned(self, request: Request, now: Micros) -> None:
        """Whoever served this request died: 0x1B, unless its last word has been said."""
        match request.progress:
            case Progress.ACCEPTED:
                self.refused(request, FailureCode.INTERNAL, now)
            case Progress.STARTED:
                self.failed(request, FailureCode.INTERNAL, now)
            case Progress.ENDED:
                pass

    def settle(self, request: Request, code: FailureCode | None, now: Micros) -> bool:
        """The beginning of every request that needs one step: refuse with `code` (False), or start (True)."""
        if code is not None:
            self.refused(request, code, now)
            return False
        self.started(request, now)
        return True
