"""ST[15] packet stores: making, changing and deleting them, recording on and off, their status and what they take.

The mission's stores record from the first boot on; what the ground changes is kept over resets. The packet store
itself is told after the change is kept, and again at every boot, so that both agree (subtypes 1 to 6, 18 to 23, 25 to
30, 33 to 36, 39, 40, function 12; deletion is in fsw/services/archive/content.py).
Off nominal: unknown stores are 0x10, those named twice or there already 0x11, too many 0x12, a virtual channel other
than 3 is 0x13, a store that is at something else 0x14; one of them refuses the request whole.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb import codec, storage_control
from fsw.mdb import storage as mdb
from fsw.mdb.mission import Mission
from fsw.mdb.model import declaration_of
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.archive.packet_queue import PacketQueue
from fsw.services.archive.packet_store import (
    EVENTS,
    PART_BITS,
    STRUCTURES,
    TAG,
    TYPES,
    WHOLE,
    PacketStore,
    restored,
    stores_of,
)
from fsw.services.archive.selection import Action, Terms, event_list, plan, sample_list, type_list
from fsw.services.archive.storage_states import REFUSED, Activity
from fsw.services.archive.switch import Switch
from fsw.services.instrument import Services
from fsw.services.keeper import Turns
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request
from fsw.store.keep import Change, Table, forget, put

CHANNEL: Final = 3
_ACTIONS: Final[Mapping[type[object], Action]] = {
    storage_control.AddStoredTypes: Action.ADD_TYPES,
    storage_control.DeleteStoredTypes: Action.DELETE_TYPES,
    storage_control.AddStoredStructures: Action.ADD_STRUCTURES,
    storage_control.DeleteStoredStructures: Action.DELETE_STRUCTURES,
    storage_control.UnblockStoredEvents: Action.UNBLOCK_EVENTS,
    storage_control.BlockStoredEvents: Action.BLOCK_EVENTS,
}
Edit = tuple[PacketStore, Mapping[str, object]]
"""A store, and what of it changes."""


class PacketStores:
    """The stores of the board."""

    def __init__(
        self, mission: Mission, switch: Switch, queue: PacketQueue, telemetry: TelemetryService, services: Services
    ) -> None:
        self._switch = switch
        self._queue = queue
        self._telemetry = telemetry
        self._verification = services.verification
        self._terms = Terms(switch.known, services.housekeeping.knows)
        self._of_mission = frozenset(entry.store for entry in mission.storage.stores)
        self.stores = stores_of(mission, switch.known)
        """By id, in order."""
        self.turns = Turns(services.keeper, services.verification, Table.STORES)
        services.keeper.restores(Table.STORES, self._restore)
        self._choose()
        guarded: dict[type[object], Execution] = {
            mdb.EnableStorage: self._record,
            mdb.DisableStorage: self._record,
            mdb.CreateStores: self._create,
            mdb.ResizeStores: self._resize,
            mdb.ToCircular: self._turn,
            mdb.ToBounded: self._turn,
            mdb.SetPriority: self._value,
            **dict.fromkeys(_ACTIONS, self._take),
        }
        self.executions: Mapping[type[object], Execution] = {
            **self.turns.guard(guarded),
            mdb.ChangeChannel: self._channel,
            mdb.DescribeStatus: self._describe,
            mdb.DescribeStores: self._describe,
            storage_control.DescribeStoredTypes: self._describe_choice,
            storage_control.DescribeStoredStructures: self._describe_choice,
            storage_control.DescribeStoredEvents: self._describe_choice,
        }

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        del now
        self.stores = restored(rows, self.stores, self._switch.known)
        self._choose()
        self._tell()

    def _choose(self) -> None:
        """What each store that records takes, from now on."""
        self._switch.choose(stores={store.store: store.selection for store in self.stores.values() if store.storage})

    def _tell(self) -> None:
        self._queue.limit(tuple(store.limits() for store in self.stores.values()))

    # --- what requests have in common ------------------------------------------------------------------------------

    def named(self, request: Request, numbers: Iterable[int], now: Micros) -> list[PacketStore] | None:
        """The stores that a request names (none: all), when each may be asked for it; else it is refused (None)."""
        wanted = tuple(numbers) or tuple(self.stores)
        found = [self.stores[number] for number in wanted if number in self.stores]
        refused = REFUSED.get(type(request.body), Activity(0))
        code: FailureCode | None = None
        if len(found) < len(wanted):
            code = FailureCode.UNKNOWN_ID
        elif len(set(wanted)) < len(wanted):
            code = FailureCode.ALREADY_EXISTS
        elif any(store.activity & refused for store in found):
            code = FailureCode.WRONG_STATE
        if code is not None:
            self._verification.refused(request, code, now)
            return None
        return found

    def edit(
        self, request: Request, edits: Iterable[Edit], now: Micros, then: Callable[[Micros], None] | None = None
    ) -> None:
        """Start, keep and make these changes, tell who must know, call `then`, and complete."""
        made = list(edits)
        changes: list[Change] = []
        for store, values in made:
            after = store.copy()
            for name, value in values.items():
                setattr(after, name, value)
            changes += after.changes(values, self._switch.known)

        def apply(at: Micros) -> None:
            for store, values in made:
                for name, value in values.items():
                    setattr(store, name, value)
            self._choose()
            if any(not values.keys().isdisjoint(("quota", "kind", "value")) for _, values in made):
                self._tell()
            if then is not None:
                then(at)

        self._verification.started(request, now)
        self.turns.commit(request, changes, now, apply)

    # --- recording, definitions ------------------------------------------------------------------------------------

    def _record(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.EnableStorage | mdb.DisableStorage)
        stores = self.named(request, body.stores, now)
        if stores is not None:
            on = isinstance(body, mdb.EnableStorage)
            self.edit(request, ((store, {"storage": on}) for store in stores), now)

    def _create(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.CreateStores)
        numbers = [made.store for made in body.stores]
        code: FailureCode | None = None
        if len(set(numbers)) < len(numbers) or not self.stores.keys().isdisjoint(numbers):
            code = FailureCode.ALREADY_EXISTS
        elif len(self.stores) + len(numbers) > mdb.STORES_MAX:
            code = FailureCode.CAPACITY
        elif any(made.vc != CHANNEL for made in body.stores):
            code = FailureCode.OUT_OF_RANGE
        if not self._verification.settle(request, code, now):
            return
        stores = [PacketStore(made.store, made.quota, made.kind) for made in body.stores]
        known = self._switch.known
        changes = [change for store in stores for change in store.changes(WHOLE, known)]

        def apply(at: Micros) -> None:
            del at
            self.stores = dict(sorted({**self.stores, **{store.store: store for store in stores}}.items()))
            self._tell()

        self.turns.commit(request, changes, now, apply)

    def delete(self, request: Request, now: Micros) -> None:
        """The rest of a deletion, whose stores are known to be empty."""
        body = request.body
        assert isinstance(body, mdb.DeleteStores)
        stores = self.named(request, body.stores, now)
        if stores is None:
            return
        numbers = [store.store for store in stores]
        changes: list[Change] = []
        for number in numbers:
            first = number << PART_BITS
            changes.append(put(Table.STORES, first, b"") if number in self._of_mission else forget(Table.STORES, first))
            changes += [forget(Table.STORES, first | part) for part in (TYPES, STRUCTURES, EVENTS, TAG)]

        def apply(at: Micros) -> None:
            del at
            for number in numbers:
                del self.stores[number]
            self._choose()
            self._tell()

        self._verification.started(request, now)
        self.turns.commit(request, changes, now, apply)

    def _resize(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ResizeStores)
        stores = self.named(request, (wanted.store for wanted in body.stores), now)
        if stores is not None:
            pairs = zip(stores, body.stores, strict=True)
            self.edit(request, ((store, {"quota": wanted.quota}) for store, wanted in pairs), now)

    def _turn(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ToCircular | mdb.ToBounded)
        stores = self.named(request, body.stores, now)
        if stores is not None:
            kind = mdb.StoreKind.CIRCULAR if isinstance(body, mdb.ToCircular) else mdb.StoreKind.BOUNDED
            self.edit(request, ((store, {"kind": kind}) for store in stores), now)

    def _value(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.SetPriority)
        stores = self.named(request, (body.store,), now)
        if stores is not None:
            self.edit(request, ((store, {"value": body.priority}) for store in stores), now)

    def _channel(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ChangeChannel)
        if self.named(request, (body.store,), now) is None:
            return
        if self._verification.settle(request, FailureCode.OUT_OF_RANGE if body.vc != CHANNEL else None, now):
            self._verification.completed(request, now)

    # --- what a store takes ----------------------------------------------------------------------------------------

    def _take(self, request: Request, now: Micros) -> None:
        body = vars(request.body)
        stores = self.named(request, (body["store"],), now)
        if stores is None:
            return
        new = plan(_ACTIONS[type(request.body)], stores[0].selection, body["processes"], self._terms)
        if isinstance(new, FailureCode):
            self._verification.refused(request, new, now)
        else:
            self.edit(request, [(stores[0], {"selection": new})], now)

    def _describe_choice(self, request: Request, now: Micros) -> None:
        number = vars(request.body)["store"]
        stores = self.named(request, (number,), now)
        if stores is None:
            return
        self._verification.started(request, now)
        chosen = stores[0].selection
        match request.body:
            case storage_control.DescribeStoredTypes():
                types = type_list(chosen, self._switch.known)
                self.report(storage_control.StoredTypes(store=number, processes=types), request, now)
            case storage_control.DescribeStoredStructures():
                self.report(storage_control.StoredStructures(store=number, processes=sample_list(chosen)), request, now)
            case _:
                self.report(storage_control.StoredEvents(store=number, processes=event_list(chosen)), request, now)
        self._verification.completed(request, now)

    # --- reports ---------------------------------------------------------------------------------------------------

    def report(self, body: object, request: Request, now: Micros) -> None:
        """Send a report of service 15 to who asked."""
        subtype, octets = declaration_of(body).subtype, codec.encode(body)
        self._telemetry.emit(APID_SYSTEM, Service.STORAGE, subtype, octets, now, destination=request.source_id)

    def _describe(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        stores = self.stores.values()
        if isinstance(request.body, mdb.DescribeStatus):
            states = (
                mdb.StoreStatus(
                    store=store.store,
                    storage=store.storage,
                    open=mdb.Retrieving(store.open),
                    by_time=mdb.Retrieving(store.by_time),
                )
                for store in stores
            )
            self.report(mdb.States(stores=tuple(states)), request, now)
        else:
            made = (
                mdb.StoreConfiguration(store=store.store, quota=store.quota, kind=store.kind, vc=CHANNEL)
                for store in stores
            )
            self.report(mdb.Configurations(stores=tuple(made)), request, now)
        self._verification.completed(request, now)
