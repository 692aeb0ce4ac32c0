"""ST[05] event reporting: what happened, by its declared id, unless the ground switched that id off.

Event ids are unique on the board, so that `system` can serve (5,5) to (5,8) for every process.
Off nominal: an unknown id in a request refuses the request whole; nothing is changed.
"""

from collections.abc import Callable, Mapping

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.database import Database
from fsw.mdb.model import declaration_of
from fsw.mdb.standard_services import DisabledEvents, DisableEvents, EnableEvents, ListDisabledEvents
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification

Listener = Callable[[object, Micros], None]


class Events:
    """The event service of the whole board."""

    def __init__(self, database: Database, telemetry: TelemetryService, verification: Verification) -> None:
        self._telemetry = telemetry
        self._verification = verification
        numbers = [number for _, number in database.tables.events]
        assert len(numbers) == len(set(numbers)), "event ids are unique on the board"
        self._known = frozenset(numbers)
        self._disabled: set[int] = set()
        self.listeners: tuple[Listener, ...] = ()
        """Told of every occurrence, also of events that are not reported; they queue work, they do none."""
        self.executions: Mapping[type[object], Execution] = {
            EnableEvents: self._enable,
            DisableEvents: self._disable,
            ListDisabledEvents: self._list,
        }

    def report(self, event: object, now: Micros, *, flush: bool = False) -> None:
        """Report one event; `flush` for what may not wait for the release time."""
        declared = declaration_of(event)
        if declared.number not in self._disabled:
            body = codec.encode_numbered(event)
            self._telemetry.emit(declared.apid, Service.EVENTS, declared.subtype, body, now, flush=flush)
        for listener in self.listeners:
            listener(event, now)

    def _enable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, EnableEvents)
        if self._verification.settle(request, self._problem(body.events), now):
            self._disabled.difference_update(body.events)
            self._verification.completed(request, now)

    def _disable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DisableEvents)
        if self._verification.settle(request, self._problem(body.events), now):
            self._disabled.update(body.events)
            self._verification.completed(request, now)

    def _list(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        report = codec.encode(DisabledEvents(events=tuple(sorted(self._disabled))))
        self._telemetry.emit(APID_SYSTEM, Service.EVENTS, 8, report, now, destination=request.source_id)
        self._verification.completed(request, now)

    def _problem(self, events: tuple[int, ...]) -> FailureCode | None:
        return None if self._known.issuperset(events) else FailureCode.UNKNOWN_ID
