"""ST[14] real-time forwarding control: what goes down live (subtypes 1 to 8 and 13 to 16).

At the first boot everything does. A choice is kept over resets. A structure that has a rate of its own goes down by
it, whatever is said of (3,25); an event goes down unless it is blocked or its type is not chosen.
Off nominal: verification (service 1) cannot be held back, 0x19 where it is named; one bad instruction refuses the
request whole (fsw/services/archive/selection.py), and a choice that was not kept is not in force.
"""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.forwarding import (
    AddForwarded,
    AddForwardedStructures,
    BlockForwardedEvents,
    DeleteForwarded,
    DeleteForwardedStructures,
    DescribeForwarded,
    DescribeForwardedEvents,
    DescribeForwardedStructures,
    ForwardedEvents,
    ForwardedStructures,
    ForwardedTypes,
    UnblockForwardedEvents,
)
from fsw.mdb.model import declaration_of
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.archive.selection import (
    Action,
    Selection,
    Terms,
    decode_rows,
    encode_rows,
    event_list,
    plan,
    sample_list,
    type_list,
)
from fsw.services.archive.switch import Switch
from fsw.services.housekeeping import Housekeeping
from fsw.services.keeper import Keeper, Turns
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification
from fsw.store.keep import Table, put

PROTECTED: Final = frozenset((int(Service.VERIFICATION),))
_KEYS: Final = (1, 2, 3)
"""Rows: types, structures, events."""
_ACTIONS: Final[Mapping[type[object], Action]] = {
    AddForwarded: Action.ADD_TYPES,
    DeleteForwarded: Action.DELETE_TYPES,
    AddForwardedStructures: Action.ADD_STRUCTURES,
    DeleteForwardedStructures: Action.DELETE_STRUCTURES,
    UnblockForwardedEvents: Action.UNBLOCK_EVENTS,
    BlockForwardedEvents: Action.BLOCK_EVENTS,
}


class Forwarding:
    """The forwarding control of the whole board."""

    def __init__(
        self,
        switch: Switch,
        telemetry: TelemetryService,
        verification: Verification,
        housekeeping: Housekeeping,
        keeper: Keeper,
    ) -> None:
        self._switch = switch
        self._telemetry = telemetry
        self._verification = verification
        self._terms = Terms(switch.known, housekeeping.knows, PROTECTED)
        self.selection = Selection(types=switch.known.types)
        self._turns = Turns(keeper, verification, Table.FORWARDING)
        keeper.restores(Table.FORWARDING, self._restore)
        self.executions: Mapping[type[object], Execution] = {
            **self._turns.guard(dict.fromkeys(_ACTIONS, self._change)),
            DescribeForwarded: self._describe,
            DescribeForwardedStructures: self._describe,
            DescribeForwardedEvents: self._describe,
        }

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        del now
        kept = (rows.get(1), rows.get(2), rows.get(3))
        self._choose(decode_rows(kept, self.selection, self._switch.known))

    def _choose(self, selection: Selection) -> None:
        self.selection = selection
        self._switch.choose(live=selection)

    def _change(self, request: Request, now: Micros) -> None:
        processes = vars(request.body)["processes"]
        new = plan(_ACTIONS[type(request.body)], self.selection, processes, self._terms)
        if isinstance(new, FailureCode):
            self._verification.refused(request, new, now)
            return
        self._verification.started(request, now)
        pairs = zip(
            _KEYS, encode_rows(self.selection, self._terms.known), encode_rows(new, self._terms.known), strict=True
        )
        changed = [put(Table.FORWARDING, key, row) for key, before, row in pairs if row != before]
        self._turns.commit(request, changed, now, lambda _: self._choose(new))

    def _describe(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        chosen, known = self.selection, self._switch.known
        report: object
        match request.body:
            case DescribeForwarded():
                report = ForwardedTypes(processes=type_list(chosen, known))
            case DescribeForwardedStructures():
                report = ForwardedStructures(processes=sample_list(chosen))
            case _:
                report = ForwardedEvents(processes=event_list(chosen))
        subtype, octets = declaration_of(report).subtype, codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.FORWARDING, subtype, octets, now, destination=request.source_id)
        self._verification.completed(request, now)
