"""ST[19] event-action: the board answers its own events with telecommands that wait for them.

A response is off, active or passive (it says that it would have acted). Its action is released in the turn after the
event, as if it had come on VC 0, and reports as any request does; its own event names it. Each response has a budget:
so many actions in a window of time. Definitions, states and budgets are kept over resets; what was spent is not.
Off nominal: a bad request changes nothing; an action beyond the budget, or beyond the queue, is held back, told once;
an event that comes `LOOPS_MAX` times in a row within `LOOP_US` of its own action makes its response passive, for good
(an action that raises what it answers); in a mode that permits no responses, and in the minimal configuration that a
loop of resets ends in, active ones are as passive; a kept response that does not fit this database is left out and
told.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb import event_action as mdb
from fsw.mdb.database import Database
from fsw.mdb.event_action import HoldReason, ResponseState, StopReason, Trigger
from fsw.mdb.model import declaration_of
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome, Turns
from fsw.services.monitoring.responses import Response, Verdict, action_problem, from_row
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request
from fsw.store.keep import KEY_MAX, Change, Table, clear, forget, put

QUEUE_MAX: Final = 32
RELEASES_PER_STEP: Final = 4
STATE_KEY: Final = KEY_MAX
"""Row of the service itself: version u8, on u8. The others are apid << 16 | event."""
_STATE_VERSION: Final = 1
OWN_EVENTS: Final = frozenset(
    declaration_of(event).number
    for event in (mdb.ResponseActed, mdb.WouldHaveActed, mdb.ResponseStopped, mdb.ResponseHeld)
)
"""What responses say of themselves, which no response may answer."""
Key = tuple[int, int]


class EventAction:
    """The event-action service of the board."""

    def __init__(self, database: Database, telemetry: TelemetryService, services: Services, board: Board) -> None:
        self._board = board
        self._database = database
        self._telemetry = telemetry
        self._verification = services.verification
        self._events = services.events
        self._parameters = services.parameters
        self._keeper = services.keeper
        self._attention = services.attention
        self._responses: dict[Key, Response] = {}
        self._on = False
        self._queue: deque[Response] = deque()
        self._acted = self._passive = self._held = 0
        self._turns = Turns(services.keeper, services.verification, Table.EVENT_ACTIONS)
        services.keeper.restores(Table.EVENT_ACTIONS, self._restore)
        services.events.listeners += (self._occurred,)
        self.executions: Mapping[type[object], Execution] = self._turns.guard(
            {
                mdb.AddResponses: self._add,
                mdb.DeleteResponses: self._delete,
                mdb.DeleteAllResponses: self._delete_all,
                mdb.EnableResponses: self._enable,
                mdb.DisableResponses: self._disable,
                mdb.ReportResponseStatus: self._status,
                mdb.EnableResponding: self._switch_on,
                mdb.DisableResponding: self._switch_off,
                mdb.DescribeResponses: self._describe,
                mdb.SetResponse: self._set,
                mdb.ReportResponses: self._records,
            }
        )

    # --- responding ------------------------------------------------------------------------------------------------

    def _occurred(self, event: object, now: Micros) -> None:
        """An event has occurred, reported or not."""
        if not self._on:
            return
        declared = declaration_of(event)
        response = self._responses.get((declared.apid, declared.number))
        if response is None or response.state is ResponseState.OFF:
            return
        match response.judge(now):
            case Verdict.LOOPS:
                self._stop(response, now)
            case Verdict.SPENT:
                self._hold(response, HoldReason.BUDGET, now)
            case Verdict.ACTS if response.state is ResponseState.PASSIVE or not self._may_act():
                response.spend(now)
                response.passive += 1
                self._passive += 1
                self._parameters.set(mdb.PASSIVE, self._passive, now)
                self._events.report(mdb.WouldHaveActed(response.apid, response.event), now)
            case Verdict.ACTS if len(self._queue) >= QUEUE_MAX:
                self._hold(response, HoldReason.QUEUE, now)
            case Verdict.ACTS:
                response.spend(now)
                self._queue.append(response)
                self._attention.ring()

    def _may_act(self) -> bool:
        return not self._board.minimal and permits(self._board.mode, Permission.RESPONSES)

    def step(self, now: Micros) -> Micros:
        """Release what waits, a few at a time."""
        if not self._queue:
            return NEVER
        for _ in range(min(RELEASES_PER_STEP, len(self._queue))):
            self._act(self._queue.popleft(), now)
        return now if self._queue else NEVER

    def _act(self, response: Response, now: Micros) -> None:
        if not self._on or response.state is not ResponseState.ACTIVE or not self._may_act():
            return  # no more while it waited
        response.acted += 1
        response.acted_us = now
        self._acted += 1
        self._parameters.set(mdb.ACTED, self._acted, now)
        request_id = response.action[:4]
        self._events.report(mdb.ResponseActed(response.apid, response.event, request_id), now)
        self._verification.release(response.action, now)

    def _hold(self, response: Response, reason: HoldReason, now: Micros) -> None:
        response.held += 1
        self._held += 1
        self._parameters.set(mdb.HELD, self._held, now)
        if not response.told:
            response.told = True
            self._events.report(mdb.ResponseHeld(response.apid, response.event, reason), now)

    def _stop(self, response: Response, now: Micros) -> None:
        """Its event came again and again right behind its action; what is on the disk says so too, or the next time."""
        response.state = ResponseState.PASSIVE
        response.renew()
        self._keeper.keep([self._row(response)], now, _whatever)
        self._attention.ring()
        self._count(now)
        self._events.report(mdb.ResponseStopped(response.apid, response.event, StopReason.LOOP), now)

    # --- the table -------------------------------------------------------------------------------------------------

    def _count(self, now: Micros) -> None:
        active = sum(each.state is ResponseState.ACTIVE for each in self._responses.values()) if self._on else 0
        self._parameters.set(mdb.RESPONSES, len(self._responses), now)
        self._parameters.set(mdb.ACTIVE, active, now)

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        for key, row in sorted(rows.items()):
            if key == STATE_KEY:
                self._on = row == bytes((_STATE_VERSION, 1))
                continue
            trigger = key >> 16, key & 0xFFFF
            response = from_row(*trigger, row)
            if response is None or self._problem(*trigger, response.action) is not None:
                self._events.report(mdb.ResponseStopped(*trigger, StopReason.UNFIT), now)
            elif len(self._responses) < mdb.RESPONSES_MAX:
                self._responses[trigger] = response
        self._count(now)

    def _row(self, response: Response) -> Change:
        return put(Table.EVENT_ACTIONS, response.apid << 16 | response.event, response.row())

    def _problem(self, apid: int, event: int, action: bytes) -> FailureCode | None:
        """Why there can be no such response, None when there can."""
        if (apid, event) not in self._database.tables.events:
            return FailureCode.UNKNOWN_ID
        if event in OWN_EVENTS:
            return FailureCode.PROTECTED
        return action_problem(self._database, action)

    def _unknown(self, triggers: Iterable[Trigger]) -> FailureCode | None:
        known = all((trigger.apid, trigger.event) in self._responses for trigger in triggers)
        return None if known else FailureCode.UNKNOWN_ID

    def _chosen(self, triggers: Iterable[Trigger]) -> list[Response]:
        return [self._responses[trigger.apid, trigger.event] for trigger in triggers]

    # --- requests --------------------------------------------------------------------------------------------------

    def _commit(self, request: Request, changes: Sequence[Change], now: Micros, apply: Callable[[], None]) -> None:
        """Keep `changes`, then `apply` them; the request has started."""

        def applied(at: Micros) -> None:
            apply()
            self._count(at)

        self._turns.commit(request, changes, now, applied)

    def _add(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.AddResponses)
        keys = {(each.apid, each.event) for each in body.responses}
        codes = [self._problem(each.apid, each.event, each.action) for each in body.responses]
        code = next((found for found in codes if found is not None), None)
        if len(keys) != len(body.responses) or keys & self._responses.keys():
            code = FailureCode.ALREADY_EXISTS
        elif len(keys) + len(self._responses) > mdb.RESPONSES_MAX:
            code = FailureCode.CAPACITY
        if self._verification.settle(request, code, now):
            added = [Response(each.apid, each.event, each.action) for each in body.responses]
            more = {(each.apid, each.event): each for each in added}
            rows = [self._row(each) for each in added]
            self._commit(request, rows, now, lambda: self._responses.update(more))

    def _delete(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DeleteResponses)
        code = self._unknown(body.responses)
        if code is None and any(each.state is not ResponseState.OFF for each in self._chosen(body.responses)):
            code = FailureCode.WRONG_STATE

        def apply() -> None:
            for each in body.responses:
                self._responses.pop((each.apid, each.event), None)

        if self._verification.settle(request, code, now):
            changes = [forget(Table.EVENT_ACTIONS, each.apid << 16 | each.event) for each in body.responses]
            self._commit(request, changes, now, apply)

    def _delete_all(self, request: Request, now: Micros) -> None:
        if self._verification.settle(request, FailureCode.WRONG_STATE if self._on else None, now):
            self._commit(request, [clear(Table.EVENT_ACTIONS)], now, self._responses.clear)

    def _enable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.EnableResponses)
        self._change(request, body.responses, now, ResponseState.ACTIVE)

    def _disable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DisableResponses)
        self._change(request, body.responses, now, ResponseState.OFF)

    def _set(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.SetResponse)
        self._change(request, (Trigger(body.apid, body.event),), now, body.state, (body.budget, body.window))

    def _change(
        self,
        request: Request,
        triggers: tuple[Trigger, ...],
        now: Micros,
        state: ResponseState,
        budget: tuple[int, int] | None = None,
    ) -> None:
        """Give responses a state, and a budget where one is said; what they have spent is forgotten."""
        if not self._verification.settle(request, self._unknown(triggers), now):
            return
        chosen = self._chosen(triggers)
        wanted = [(response, *(budget or (response.budget, response.window_s))) for response in chosen]
        rows = [
            put(Table.EVENT_ACTIONS, each.apid << 16 | each.event, each.row(state, allowed, window_s))
            for each, allowed, window_s in wanted
        ]

        def apply() -> None:
            for response, allowed, window_s in wanted:
                response.state, response.budget, response.window_s = state, allowed, window_s
                response.renew()

        self._commit(request, rows, now, apply)

    def _switch_on(self, request: Request, now: Micros) -> None:
        self._switch(request, now, on=True)

    def _switch_off(self, request: Request, now: Micros) -> None:
        self._switch(request, now, on=False)

    def _switch(self, request: Request, now: Micros, *, on: bool) -> None:
        self._verification.started(request, now)

        def apply() -> None:
            self._on = on

        self._commit(request, [put(Table.EVENT_ACTIONS, STATE_KEY, bytes((_STATE_VERSION, on)))], now, apply)

    # --- reports ---------------------------------------------------------------------------------------------------

    def _status(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        found = [mdb.ResponseStatus(*key, response.state) for key, response in sorted(self._responses.items())]
        self._emit(mdb.ResponseStatuses(tuple(found)), request, now)
        self._verification.completed(request, now)

    def _describe(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DescribeResponses)
        if not self._verification.settle(request, self._unknown(body.responses), now):
            return
        gathered: list[mdb.ResponseDefinition] = []
        room = mdb.DEFINITIONS_OCTETS
        for each in self._chosen(body.responses):
            size = mdb.DEFINITION_HEAD_OCTETS + len(each.action)
            if size > room:
                self._emit(mdb.ResponseDefinitions(tuple(gathered)), request, now)
                gathered, room = [], mdb.DEFINITIONS_OCTETS
            gathered.append(mdb.ResponseDefinition(each.apid, each.event, each.state, each.action))
            room -= size
        self._emit(mdb.ResponseDefinitions(tuple(gathered)), request, now)
        self._verification.completed(request, now)

    def _records(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ReportResponses)
        if self._verification.settle(request, self._unknown(body.responses), now):
            for each in self._chosen(body.responses):
                self._emit(each.record(now), request, now)
            self._verification.completed(request, now)

    def _emit(self, report: object, request: Request, now: Micros) -> None:
        subtype, octets = declaration_of(report).subtype, codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.EVENT_ACTION, subtype, octets, now, destination=request.source_id)


def _whatever(outcome: Outcome, now: Micros) -> None:
    """A response that was stopped is stopped in this life, whatever the disk says."""
    del outcome, now
