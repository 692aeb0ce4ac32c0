"""ST[03] housekeeping, complete: structures of parameters, sent periodically, on change or once.

Subtypes 1, 3, 5, 6, 9, 10, 25, 27, 29, 31, 33, 35 of the Book; 128 to 130, ours, choose what of a structure's
collections is sent. Declared structures are the mission's; those made in flight outlive resets. All reports are off
at boot.
Off nominal: one bad id refuses the request whole; a declared structure is neither deleted nor appended to, an enabled
one neither; what is made or changed in flight counts when the store has kept it (fsw/services/keeper.py), and a store
that gives nothing back leaves the declared structures to work with.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb.database import Database
from fsw.mdb.model import Parameter, Structure
from fsw.mdb.standard_services import (
    PARAMETERS_MAX,
    AppendParameters,
    CreateStructure,
    DeleteStructures,
    DescribePeriods,
    DescribeRates,
    DescribeStructures,
    DisableStructures,
    EnableStructures,
    ModifyIntervals,
    PeriodicProperties,
    PeriodicReport,
    RateMode,
    RatesReport,
    ReportOnce,
    SetRates,
    SidRate,
    StructureReport,
)
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.collection import INTERVAL_UNIT_US, Collection, made, row_of, structure_of
from fsw.services.keeper import Keeper, Turns
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification
from fsw.store.keep import Table, forget, put

STRUCTURES_MAX: Final = 160


class Housekeeping:
    """The housekeeping service of the whole board."""

    def __init__(
        self,
        database: Database,
        telemetry: TelemetryService,
        verification: Verification,
        parameters: Parameters,
        keeper: Keeper,
    ) -> None:
        self._database = database
        self._telemetry = telemetry
        self._verification = verification
        self._parameters = parameters
        self._collections = {sid: Collection(s, declared=True) for sid, s in database.structures.items()}
        assert len(self._collections) <= STRUCTURES_MAX, "declared structures fit into the table"
        self._next = NEVER
        self._turns = Turns(keeper, verification, Table.STRUCTURES)
        keeper.restores(Table.STRUCTURES, self._restore)
        rowless: dict[type[object], Execution] = {
            EnableStructures: self._enable,
            DisableStructures: self._disable,
            DescribeStructures: self._describe,
            ReportOnce: self._once,
            ModifyIntervals: self._intervals,
            DescribePeriods: self._periods,
            SetRates: self._set_rates,
            DescribeRates: self._rates,
        }
        making: dict[type[object], Execution] = {
            CreateStructure: self._create,
            DeleteStructures: self._delete,
            AppendParameters: self._append,
        }
        self.executions: Mapping[type[object], Execution] = self._turns.guard(rowless | making, rowless)

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        """What was made in flight is there again, not sent; a row that fits this mission no more is left alone."""
        del now
        for sid, row in rows.items():
            structure = structure_of(sid, row, self._database.parameters)
            if structure is not None and sid not in self._collections and len(self._collections) < STRUCTURES_MAX:
                self._collections[sid] = Collection(structure, declared=False)

    def step(self, now: Micros) -> Micros:
        """Send what is due; returns when the next report is."""
        if now < self._next:
            return self._next
        for collection in self._collections.values():
            if collection.due <= now:
                self._collect(collection, now)
        self._next = min([collection.due for collection in self._collections.values()], default=NEVER)
        return self._next

    def _collect(self, collection: Collection, now: Micros) -> None:
        collection.advance(now)
        body = self._body(collection.structure)
        if collection.wanted(body):
            self._telemetry.emit(APID_SYSTEM, Service.HOUSEKEEPING, 25, body, now)

    def _body(self, structure: Structure) -> bytes:
        return self._database.encode_hk(structure, self._parameters.values)

    def report(self, structure: Structure, now: Micros, destination: int = 0) -> None:
        """Send one (3,25) of the values as they stand."""
        self._telemetry.emit(APID_SYSTEM, Service.HOUSEKEEPING, 25, self._body(structure), now, destination=destination)

    def knows(self, sid: int) -> bool:
        """Whether there is a structure of this id, declared or made in flight."""
        return sid in self._collections

    def _unknown(self, sids: tuple[int, ...]) -> FailureCode | None:
        return None if all(sid in self._collections for sid in sids) else FailureCode.UNKNOWN_ID

    def _create(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, CreateStructure)
        found = self._create_problem(body)
        if self._verification.settle(request, found if isinstance(found, FailureCode) else None, now):
            assert isinstance(found, Structure)
            self._put(request, found, body.interval, now)

    def _create_problem(self, body: CreateStructure) -> Structure | FailureCode:
        if body.sid in self._collections:
            return FailureCode.ALREADY_EXISTS
        if len(self._collections) >= STRUCTURES_MAX:
            return FailureCode.CAPACITY
        return self._with(body.sid, (), body.parameters, body.interval)

    def _with(
        self, sid: int, before: Sequence[Parameter], pids: tuple[int, ...], interval: int
    ) -> Structure | FailureCode:
        """A structure of the parameters `before` and `pids`, or what is wrong with it."""
        known = self._database.parameters
        if not all(pid in known for pid in pids):
            return FailureCode.UNKNOWN_ID
        parameters = (*before, *(known[pid] for pid in pids))
        if len({parameter.pid for parameter in parameters}) != len(parameters):
            return FailureCode.ALREADY_EXISTS
        if len(parameters) > PARAMETERS_MAX:
            return FailureCode.CAPACITY
        return made(sid, parameters, interval) or FailureCode.CAPACITY

    def _put(self, request: Request, structure: Structure, interval: int, now: Micros) -> None:
        """Keep a structure made in flight; from then on it is the one in force."""

        def apply(_: Micros) -> None:
            self._collections[structure.sid] = Collection(structure._replace(interval=interval), declared=False)

        row = put(Table.STRUCTURES, structure.sid, row_of(structure, interval))
        self._turns.commit(request, [row], now, apply)

    def _append(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, AppendParameters)
        problem = self._delete_problem((body.sid,))
        if problem is None:
            collection = self._collections[body.sid]
            found = self._with(body.sid, collection.structure.parameters, body.parameters, collection.interval)
            if isinstance(found, Structure):
                self._verification.started(request, now)
                self._put(request, found, collection.interval, now)
                return
            problem = found
        self._verification.refused(request, problem, now)

    def _delete(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DeleteStructures)

        def apply(_: Micros) -> None:
            for sid in body.sids:
                self._collections.pop(sid, None)

        if self._verification.settle(request, self._delete_problem(body.sids), now):
            self._turns.commit(request, [forget(Table.STRUCTURES, sid) for sid in body.sids], now, apply)

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
                self._collections[sid].enable(now)
            self._next = now
            self._verification.completed(request, now)

    def _disable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DisableStructures)
        if self._verification.settle(request, self._unknown(body.sids), now):
            for sid in body.sids:
                self._collections[sid].disable()
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

        def apply(at: Micros) -> None:
            for change in body.changes:
                collection = self._collections[change.sid]
                collection.interval = change.interval
                if collection.enabled:
                    collection.due = min(collection.due, Micros(at + change.interval * INTERVAL_UNIT_US))
            self._next = at

        if not self._verification.settle(request, self._unknown(tuple(change.sid for change in body.changes)), now):
            return
        intervals = {change.sid: change.interval for change in body.changes}
        kept = [
            put(Table.STRUCTURES, sid, row_of(self._collections[sid].structure, interval))
            for sid, interval in intervals.items()
            if not self._collections[sid].declared
        ]
        if kept:
            self._turns.commit(request, kept, now, apply)
        else:
            apply(now)
            self._verification.completed(request, now)

    # --- periodic properties and rates -----------------------------------------------------------------------------

    def _periods(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DescribePeriods)
        if self._verification.settle(request, self._unknown(body.sids), now):
            found = ((sid, self._collections[sid]) for sid in body.sids)
            properties = tuple(PeriodicProperties(sid=sid, enabled=c.enabled, interval=c.interval) for sid, c in found)
            self._answer(request, 35, PeriodicReport(properties=properties), now)

    def _set_rates(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, SetRates)
        code = self._unknown(tuple(rate.sid for rate in body.rates))
        if any((rate.longest != 0) is not (rate.mode is RateMode.ON_CHANGE_OR_EVERY) for rate in body.rates):
            code = code or FailureCode.OUT_OF_RANGE
        if self._verification.settle(request, code, now):
            for rate in body.rates:
                self._set_rate(self._collections[rate.sid], rate, now)
            self._next = now
            self._verification.completed(request, now)

    def _set_rate(self, collection: Collection, rate: SidRate, now: Micros) -> None:
        if rate.mode is RateMode.OFF:
            collection.disable()
        else:
            collection.mode, collection.longest = rate.mode, rate.longest
            collection.enable(now)

    def _rates(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DescribeRates)
        if self._verification.settle(request, self._unknown(body.sids), now):
            found = ((sid, self._collections[sid]) for sid in body.sids)
            rates = tuple(
                SidRate(sid=sid, mode=c.mode if c.enabled else RateMode.OFF, longest=c.longest if c.enabled else 0)
                for sid, c in found
            )
            self._answer(request, 130, RatesReport(rates=rates), now)

    def _answer(self, request: Request, subtype: int, report: object, now: Micros) -> None:
        octets = codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.HOUSEKEEPING, subtype, octets, now, destination=request.source_id)
        self._verification.completed(request, now)
