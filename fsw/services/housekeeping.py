"""ST[03] housekeeping: structures of parameters, sent periodically or once (subtypes 1, 3, 5, 6, 9, 10, 25, 27, 31).

Declared structures are the mission's; structures made in flight live until the next reset. All are off at boot.
Off nominal: one bad id refuses the request whole; a declared structure cannot be deleted, an enabled one neither.
"""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb.database import Database
from fsw.mdb.model import Structure
from fsw.mdb.standard_services import (
    CreateStructure,
    DeleteStructures,
    DescribeStructures,
    DisableStructures,
    EnableStructures,
    ModifyIntervals,
    ReportOnce,
    StructureReport,
)
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification

INTERVAL_UNIT_US: Final = 100_000
STRUCTURES_MAX: Final = 160
BODY_OCTETS_MAX: Final = 900


class Collection:
    """One structure and its periodic report."""

    __slots__ = ("declared", "due", "enabled", "interval", "structure")

    def __init__(self, structure: Structure, *, declared: bool) -> None:
        self.structure = structure
        self.declared = declared
        self.interval = structure.interval
        self.enabled = False
        self.due = NEVER


class Housekeeping:
    """The housekeeping service of the whole board."""

    def __init__(
        self, database: Database, telemetry: TelemetryService, verification: Verification, parameters: Parameters
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._verification = verification
        self._parameters = parameters
        self._collections = {sid: Collection(s, declared=True) for sid, s in database.structures.items()}
        assert len(self._collections) <= STRUCTURES_MAX, "declared structures fit into the table"
        self._next = NEVER
        self.executions: Mapping[type[object], Execution] = {
            CreateStructure: self._create,
            DeleteStructures: self._delete,
            EnableStructures: self._enable,
            DisableStructures: self._disable,
            DescribeStructures: self._describe,
            ReportOnce: self._once,
            ModifyIntervals: self._intervals,
        }

    def step(self, now: Micros) -> Micros:
        """Send what is due; returns when the next report is."""
        if now < self._next:
            return self._next
        following = NEVER
        for collection in self._collections.values():
            if collection.due <= now:
                self.report(collection.structure, now)
                period_us = collection.interval * INTERVAL_UNIT_US
                collection.due = Micros(collection.due + ((now - collection.due) // period_us + 1) * period_us)
            following = min(following, collection.due)
        self._next = following
        return following

    def report(self, structure: Structure, now: Micros, destination: int = 0) -> None:
        """Send one (3,25) of the values as they stand."""
        body = self._database.encode_hk(structure, self._parameters.values)
        self._telemetry.emit(APID_SYSTEM, Service.HOUSEKEEPING, 25, body, now, destination=destination)

    def knows(self, sid: int) -> bool:
        """Whether there is a structure of this id, declared or made in flight."""
        return sid in self._collections

    def _unknown(self, sids: tuple[int, ...]) -> FailureCode | None:
        return None if all(sid in self._collections for sid in sids) else FailureCode.UNKNOWN_ID

    def _create(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, CreateStructure)
        if self._verification.settle(request, self._create_problem(body), now):
            known = self._database.parameters
            structure = Structure(
                body.sid, f"structure.{body.sid}", tuple(known[pid] for pid in body.parameters), body.interval
            )
            self._collections[body.sid] = Collection(structure, declared=False)
            self._verification.completed(request, now)

    def _create_problem(self, body: CreateStructure) -> FailureCode | None:
        if body.sid in self._collections:
            return FailureCode.ALREADY_EXISTS
        if len(self._collections) >= STRUCTURES_MAX:
            return FailureCode.CAPACITY
        known = self._database.parameters
        if not all(pid in known for pid in body.parameters):
            return FailureCode.UNKNOWN_ID
        if len(set(body.parameters)) != len(body.parameters):
            return FailureCode.ALREADY_EXISTS
        octets = sum(known[pid].value_type.octets for pid in body.parameters)
        return FailureCode.CAPACITY if octets > BODY_OCTETS_MAX else None

    def _delete(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DeleteStructures)
        if self._verification.settle(request, self._delete_problem(body.sids), now):
            for sid in body.sids:
                self._collections.pop(sid, None)
            self._verification.completed(request, now)

    def _delete_problem(self, sids: tuple[int, ...]) -> FailureCode | None:
        found = [self._collections.get(sid) for sid in sids]
        if None in found:
            return FailureCode.UNKNOWN_ID
        if any(collection is not None and collection.enabled for collection in found):
            return FailureCode.WRONG_STATE
        return FailureCode.PROTECTED if any(c is not None and c.declared for c in found) else None

    def _enable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, EnableStructures)
        if self._verification.settle(request, self._unknown(body.sids), now):
            for sid in body.sids:
                collection = self._collections[sid]
                if not collection.enabled:
                    collection.enabled, collection.due = True, now
            self._next = now
            self._verification.completed(request, now)

    def _disable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DisableStructures)
        if self._verification.settle(request, self._unknown(body.sids), now):
            for sid in body.sids:
                collection = self._collections[sid]
                collection.enabled, collection.due = False, NEVER
            self._verification.completed(request, now)

    def _describe(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DescribeStructures)
        if not self._verification.settle(request, self._unknown(body.sids), now):
            return
        for sid in body.sids:
            collection = self._collections[sid]
            report = StructureReport(
                sid=sid,
                enabled=collection.enabled,
                interval=collection.interval,
                parameters=tuple(parameter.pid for parameter in collection.structure.parameters),
            )
            octets = codec.encode(report)
            self._telemetry.emit(APID_SYSTEM, Service.HOUSEKEEPING, 10, octets, now, destination=request.source_id)
        self._verification.completed(request, now)

    def _once(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ReportOnce)
        if self._verification.settle(request, self._unknown(body.sids), now):
            for sid in body.sids:
                self.report(self._collections[sid].structure, now, request.source_id)
            self._verification.completed(request, now)

    def _intervals(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ModifyIntervals)
        if self._verification.settle(request, self._unknown(tuple(change.sid for change in body.changes)), now):
            for change in body.changes:
                collection = self._collections[change.sid]
                collection.interval = change.interval
                if collection.enabled:
                    collection.due = min(collection.due, Micros(now + change.interval * INTERVAL_UNIT_US))
            self._next = now
            self._verification.completed(request, now)
