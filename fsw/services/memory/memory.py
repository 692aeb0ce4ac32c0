"""ST[06] memory management of named objects: load, dump, check (subtypes 1, 3, 7, 12, 17).

An object's octets are read when a request's turn has come, one request after the other; offsets are checked against
what was read. A dump that no packet holds goes down by ST[13], and its request completes with the last part.
A load writes parameters only, and becomes a (20,3) of those it touches: the same ranges, the same commit.
Off nominal: an unknown object is 0x10, an area outside it 0x16, one that may not be written 0x19, wrong octets 0x15,
too much at once 0x12, too many requests or dumps 8, an object that is not there now 0x14. So does an ended dump.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fsw.ccsds.crc import crc16
from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb import memory as mdb
from fsw.mdb.assembly import BODY_OCTETS_MAX
from fsw.mdb.memory import AbortDumps, CheckObject, CheckWhole, DumpObject, LoadObject, MemoryObject
from fsw.mdb.standard_services import SetParameters
from fsw.pus import st06
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.memory.large_packets import LargePackets
from fsw.services.memory.memory_objects import Source
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Progress, Request, Verification

WAITING_MAX: Final = 16
DUMP_OCTETS_MAX: Final = 60_000
"""Octets of areas in one dump; the packet that it makes fits ST[13]."""
CHECK_OCTETS_MAX: Final = 65_536
"""Octets whose checksum is computed in one turn."""

Areas = tuple[mdb.Area, ...]
Served = Callable[[Request, bytes, Micros], None]
Load = Callable[[tuple[tuple[int, bytes], ...]], bytes | FailureCode]
Body = LoadObject | DumpObject | CheckObject | CheckWhole


class _Whole(NamedTuple):
    """A checksum of a whole object, as far as it is."""

    request: Request
    octets: bytes
    at: int
    crc: int


class Memory:
    """The memory service of the board. `step` is its turn in the slot of `system`."""

    def __init__(
        self,
        telemetry: TelemetryService,
        verification: Verification,
        parameters: Parameters,
        large: LargePackets,
        attention: Bell,
        sources: Mapping[MemoryObject, Source],
        load: Load,
    ) -> None:
        self._telemetry = telemetry
        self._verification = verification
        self._parameters = parameters
        self._large = large
        self._attention = attention
        self._sources: dict[int, Source] = {int(one): source for one, source in sources.items()}
        self._load_parameters = load
        self._waiting: deque[Request] = deque()
        self._serving: Request | None = None
        self._whole: _Whole | None = None
        self._counts = {mdb.DUMPS.pid: 0, mdb.LOADS.pid: 0, mdb.CHECKS.pid: 0}
        self._served: Mapping[type[object], Served] = {
            LoadObject: self._load,
            DumpObject: self._dump,
            CheckObject: self._check,
            CheckWhole: self._check_whole,
        }
        self.executions: Mapping[type[object], Execution] = {
            **dict.fromkeys(self._served, self._accept),
            AbortDumps: self._abort,
        }

    def step(self, now: Micros) -> Micros:
        """The next slice of a whole object's checksum, or the next request; NEVER when nothing waits."""
        if self._whole is not None:
            self._measure(self._whole, now)
        if self._serving is not None and self._serving.progress is Progress.ENDED:
            self._serving = None  # a load: it ended when its commit was answered
        while self._waiting and self._serving is None:
            self._begin(self._waiting.popleft(), now)
        return now if self._whole is not None else NEVER

    # --- requests in their turn ------------------------------------------------------------------------------------

    def _accept(self, request: Request, now: Micros) -> None:
        """Refuse what can be refused unread; the rest waits for its turn."""
        code = self._problem(request)
        if code is None and len(self._waiting) >= WAITING_MAX:
            code = FailureCode.BUSY
        if code is not None:
            self._verification.refused(request, code, now)
            return
        self._waiting.append(request)
        self._attention.ring()

    def _problem(self, request: Request) -> FailureCode | None:
        """What is wrong with a request whatever the object's octets are."""
        body = request.body
        assert isinstance(body, Body)
        if body.object_id not in self._sources:
            return FailureCode.UNKNOWN_ID
        if isinstance(body, LoadObject):
            if body.object_id != MemoryObject.PARAMETERS:
                return FailureCode.PROTECTED
            if any(crc16(area.octets) != area.checksum for area in body.areas):
                return FailureCode.PAYLOAD_CHECKSUM
            return None if all(area.octets for area in body.areas) else FailureCode.OUT_OF_RANGE
        if isinstance(body, CheckWhole):
            return None
        most = DUMP_OCTETS_MAX if isinstance(body, DumpObject) else CHECK_OCTETS_MAX
        return FailureCode.CAPACITY if sum(area.length for area in body.areas) > most else None

    def _begin(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, Body)
        self._serving = request

        def then(octets: bytes | FailureCode, at: Micros) -> None:
            self._serving = None
            if isinstance(octets, FailureCode):
                self._verification.refused(request, octets, at)
            elif _outside(body, len(octets)):
                self._verification.refused(request, FailureCode.ADDRESS, at)
            else:
                self._served[type(body)](request, octets, at)
            if self._waiting:
                self._attention.ring()

        self._sources[body.object_id](now, then)

    def _count(self, pid: int, now: Micros) -> None:
        self._counts[pid] += 1
        self._parameters.set_all({pid: self._counts[pid]}, now)

    def _report(self, request: Request, subtype: int, body: bytes, now: Micros) -> None:
        self._telemetry.emit(APID_SYSTEM, Service.MEMORY, subtype, body, now, destination=request.source_id)

    # --- what is done with an object's octets ----------------------------------------------------------------------

    def _dump(self, request: Request, octets: bytes, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DumpObject)
        areas = (st06.Dumped(area.offset, octets[area.offset : area.offset + area.length]) for area in body.areas)
        report = st06.encode_dump(body.object_id, areas)
        small = len(report) <= BODY_OCTETS_MAX
        if not self._verification.settle(request, None if small or self._large.room else FailureCode.BUSY, now):
            return
        self._count(mdb.DUMPS.pid, now)
        if small:
            self._report(request, 4, report, now)
            self._verification.completed(request, now)
            return

        def done(whole: bool, at: Micros) -> None:
            if whole:
                self._verification.completed(request, at)
            else:
                self._verification.failed(request, FailureCode.WRONG_STATE, at)

        self._large.send((Service.MEMORY, 4), report, request.source_id, now, done)

    def _check(self, request: Request, octets: bytes, now: Micros) -> None:
        body = request.body
        assert isinstance(body, CheckObject)
        self._verification.started(request, now)
        self._count(mdb.CHECKS.pid, now)
        areas = tuple(
            mdb.CheckedArea(area.offset, area.length, crc16(octets[area.offset : area.offset + area.length]))
            for area in body.areas
        )
        self._report(request, 8, codec.encode(mdb.MemoryChecked(object_id=body.object_id, areas=areas)), now)
        self._verification.completed(request, now)

    def _check_whole(self, request: Request, octets: bytes, now: Micros) -> None:
        self._verification.started(request, now)
        self._count(mdb.CHECKS.pid, now)
        self._serving = request
        self._measure(_Whole(request, octets, 0, 0xFFFF), now)

    def _measure(self, whole: _Whole, now: Micros) -> None:
        """Go on with a checksum by one slice; report it at the end."""
        request, octets, at, crc = whole
        end = at + CHECK_OCTETS_MAX
        crc = crc16(memoryview(octets)[at:end], crc)
        if end < len(octets):
            self._whole = _Whole(request, octets, end, crc)
            self._attention.ring()
            return
        self._whole = self._serving = None
        body = request.body
        assert isinstance(body, CheckWhole)
        report = mdb.WholeChecked(object_id=body.object_id, length=len(octets), checksum=crc)
        self._report(request, 18, codec.encode(report), now)
        self._verification.completed(request, now)

    def _load(self, request: Request, octets: bytes, now: Micros) -> None:
        """Hand a load over to ST[20], which checks ranges, commits, applies and says the last word."""
        del octets  # read again by the load: the pool is in memory
        body = request.body
        assert isinstance(body, LoadObject)
        values = self._load_parameters(tuple((area.offset, area.octets) for area in body.areas))
        if isinstance(values, FailureCode):
            self._verification.refused(request, values, now)
            return
        self._count(mdb.LOADS.pid, now)
        self._serving = request  # what is loaded next must see what this load writes
        request.body = SetParameters(count=values[0], values=values[1:])
        self._parameters.executions[SetParameters](request, now)

    def _abort(self, request: Request, now: Micros) -> None:
        """(6,12): end what goes down; dumps that still wait are refused, other requests are not."""
        self._verification.started(request, now)
        waiting = [one for one in self._waiting if isinstance(one.body, DumpObject)]
        for one in waiting:
            self._waiting.remove(one)
            self._verification.refused(one, FailureCode.WRONG_STATE, now)
        self._large.abort(now)
        self._verification.completed(request, now)


def _outside(body: Body, octets: int) -> bool:
    """Whether an area does not lie within an object of so many octets."""
    if isinstance(body, LoadObject):
        return any(area.offset + len(area.octets) > octets for area in body.areas)
    if isinstance(body, CheckWhole):
        return False
    return any(area.offset + area.length > octets for area in body.areas)
