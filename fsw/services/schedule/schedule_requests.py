"""Requests that change the schedule (ST[11]): checked whole, kept, then applied.

Checks, first failure wins. Insert: time never set 0x14; a packet that is none 5, whose checksum fails 0x15; a name that
is taken, also twice in one request, 0x11; a time that is not `MARGIN_US` ahead 0x17; no room 0x12. By name: one that is
not there 0x10. By window: a sub-schedule that is not there 0x10, more than `CHANGED_MAX` activities 0x12 (narrow the
window; deleting or shifting all of them has no such limit). Shift: time never set 0x14; one that would be due in less
than `MARGIN_US` 0x17, or beyond the time code 0x13: then none is moved.
Off nominal: as in fsw/services/keeper.py; until the schedule is back after a boot requests are refused with 8. Changes
of which nobody knows whether they are made (0x1A) are made again until they are; meanwhile requests are refused with 8
and nothing is released. An activity that is being released is not there any more for a request.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.scheduling import (
    SUBSCHEDULES_MAX,
    DeleteActivities,
    DeleteWindow,
    DisableSchedule,
    DisableSubschedules,
    EnableSchedule,
    EnableSubschedules,
    InsertActivities,
    InsertLateActivities,
    LatePolicy,
    LateRequest,
    RequestId,
    ResetSchedule,
    ShiftActivities,
    ShiftAll,
    ShiftWindow,
    TimedRequest,
)
from fsw.pus import tc
from fsw.pus.ids import FailureCode
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome, Turns
from fsw.services.process import Execution
from fsw.services.schedule import schedule_rows as rows
from fsw.services.schedule.timetable import TICKS, TIME_MAX, Activity, Name, Timetable, micros, name_of, ticks
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.store.keep import CHANGE_OCTETS, Change, Table, clear
from fsw.store.protocol import LIST_OCTETS_MAX

MARGIN_US: Final = 1_000_000
"""How far ahead a release time must be when it is asked for."""
CHANGED_MAX: Final = 500
"""Activities that one window may delete or move: what one transaction, and one turn, can do."""
RETRY_US: Final = 1_000_000
_MOVED_OCTETS: Final = CHANGE_OCTETS + 8
assert CHANGED_MAX * max(_MOVED_OCTETS, 2 * CHANGE_OCTETS) <= LIST_OCTETS_MAX
_ALL: Final = b"\0"  # the window without bounds

Changed = Callable[[Micros], None]


class _Unsure(NamedTuple):
    """Changes that are made or not, what follows when they are, and when they are made again."""

    changes: list[Change]
    apply: Changed
    again_us: Micros


def names(requests: Sequence[RequestId]) -> list[Name]:
    """Names as the timetable knows them."""
    return [Name(one.source_id, one.apid, one.count) for one in requests]


class ScheduleRequests:
    """Executions of what changes the timetable; `changed` is called when it has changed."""

    def __init__(self, services: Services, time: Timebase, table: Timetable, changed: Changed) -> None:
        self._services = services
        self._verification = services.verification
        self._time = time
        self._table = table
        self._changed = changed
        self._turns = Turns(services.keeper, services.verification, Table.SCHEDULE)
        self.ready = False
        """Whether the timetable is back after this boot."""
        self.next_key = 0
        served: dict[type[object], Execution] = {
            EnableSchedule: partial(self._switch, True),
            DisableSchedule: partial(self._switch, False),
            ResetSchedule: self._reset,
            InsertActivities: self._insert,
            InsertLateActivities: self._insert,
            DeleteActivities: self._delete,
            DeleteWindow: self._delete_window,
            ShiftActivities: self._shift,
            ShiftWindow: self._shift_window,
            ShiftAll: self._shift_all,
            EnableSubschedules: partial(self._switch_subschedules, True),
            DisableSubschedules: partial(self._switch_subschedules, False),
        }
        ready = {body: partial(self._when_ready, execution) for body, execution in served.items()}
        self.executions: Mapping[type[object], Execution] = self._turns.guard(ready)
        self._unsure: _Unsure | None = None
        self._asked = False

    @property
    def busy(self) -> bool:
        """Whether a request waits for its commit, or nobody knows what became of the last one."""
        return self._turns.busy or self._unsure is not None

    def repeat(self, now: Micros) -> Micros:
        """Make changes again of which nobody knows whether they are made, until they are; returns when to look again.

        Their request has failed with 0x1A. Memory and disk must not differ: what is on the disk alone would come back
        at the next boot, and might run a second time.
        """
        unsure = self._unsure
        if unsure is None or self._asked:
            return NEVER
        if now < unsure.again_us:
            return unsure.again_us
        self._unsure = unsure._replace(again_us=Micros(now + RETRY_US))
        self._asked = self._services.keeper.keep(unsure.changes, now, self._repeated)
        return self._unsure.again_us

    def _repeated(self, outcome: Outcome, now: Micros) -> None:
        self._asked = False
        if outcome is Outcome.KEPT and self._unsure is not None:
            unsure, self._unsure = self._unsure, None
            unsure.apply(now)

    def _when_ready(self, execution: Execution, request: Request, now: Micros) -> None:
        if self.ready and self._unsure is None:
            execution(request, now)
        else:
            self._verification.refused(request, FailureCode.BUSY, now)

    def _settle(
        self,
        request: Request,
        code: FailureCode | None,
        changes: Callable[[], list[Change]],
        now: Micros,
        apply: Callable[[], None],
    ) -> None:
        """Refuse with `code`, or start, keep the changes and apply them."""
        if not self._verification.settle(request, code, now):
            return
        listed = changes()
        if not listed:
            self._verification.completed(request, now)
            return

        def kept(at: Micros) -> None:
            apply()
            self._changed(at)

        def unknown(at: Micros) -> None:
            self._unsure = _Unsure(listed, kept, at)

        self._turns.commit(request, listed, now, kept, unknown)

    # --- the whole -------------------------------------------------------------------------------------------------

    def _switch(self, enabled: bool, request: Request, now: Micros) -> None:
        def apply() -> None:
            self._table.enabled = enabled

        self._settle(request, None, lambda: [rows.function(enabled, self._table.offset)], now, apply)

    def _reset(self, request: Request, now: Micros) -> None:
        self._settle(request, None, rows.emptied, now, self._table.clear)

    def _switch_subschedules(self, enabled: bool, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, EnableSubschedules | DisableSubschedules)
        table = self._table
        chosen = body.subschedules or tuple(table.subschedules)
        code = None if table.known(chosen) else FailureCode.UNKNOWN_ID

        def apply() -> None:
            table.subschedules.update(dict.fromkeys(chosen, enabled))

        self._settle(request, code, lambda: [rows.subschedule(one, enabled) for one in chosen], now, apply)

    # --- insert ----------------------------------------------------------------------------------------------------

    def _insert(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, InsertActivities | InsertLateActivities)
        table, number = self._table, body.subschedule
        activities: list[Activity] = []
        for place, one in enumerate(body.activities):
            assert isinstance(one, TimedRequest | LateRequest)
            late = one.late if isinstance(one, LateRequest) else LatePolicy.SKIP
            base = ticks(one.release) - table.offset
            activities.append(Activity(self.next_key + 2 * place, number, late, base, one.request))
        code = self._insert_problem(activities, now)

        def changes() -> list[Change]:
            self.next_key += 2 * len(activities)
            begun = [] if number in table.subschedules else [rows.subschedule(number, True)]
            return begun + [rows.inserted(activity) for activity in activities]

        def apply() -> None:
            for activity in activities:
                table.add(activity)

        self._settle(request, code, changes, now, apply)

    def _insert_problem(self, activities: list[Activity], now: Micros) -> FailureCode | None:
        table = self._table
        tai_us = self._time.tai_us(now)
        if tai_us is None:
            return FailureCode.WRONG_STATE
        if not all(rows.whole(activity.packet) for activity in activities):
            return FailureCode.DATA
        if not all(tc.checksum_ok(activity.packet) for activity in activities):
            return FailureCode.PAYLOAD_CHECKSUM
        found = {name_of(activity.packet) for activity in activities}
        if len(found) < len(activities) or any(table.named(name) for name in found):
            return FailureCode.ALREADY_EXISTS
        if any(micros(table.due(activity)) <= tai_us + MARGIN_US for activity in activities):
            return FailureCode.TIME_PAST
        begins = activities[0].subschedule not in table.subschedules
        full = begins and len(table.subschedules) >= SUBSCHEDULES_MAX
        if full or len(activities) > table.room or activities[-1].key > rows.ACTIVITY_KEY_MAX:
            return FailureCode.CAPACITY
        return None

    # --- delete ----------------------------------------------------------------------------------------------------

    def _delete(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DeleteActivities)
        found = self._table.find(names(body.requests))
        code = FailureCode.UNKNOWN_ID if found is None else None
        self._drop(request, code, found or [], now)

    def _delete_window(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, DeleteWindow)
        table = self._table
        if body.window == _ALL and not body.subschedules:
            everything = list(table.activities.values())
            changes = [clear(Table.SCHEDULE)] if everything else []
            self._settle(request, None, lambda: changes, now, partial(self._forget, everything))
            return
        code = self._window_problem(body.window, body.subschedules)
        self._drop(request, code, table.select(body.window, body.subschedules) if code is None else [], now)

    def _drop(self, request: Request, code: FailureCode | None, found: list[Activity], now: Micros) -> None:
        self._settle(request, code, lambda: rows.dropped(found), now, partial(self._forget, found))

    def _forget(self, found: list[Activity]) -> None:
        for activity in found:
            self._table.drop(activity)

    def _window_problem(self, window: bytes, subschedules: tuple[int, ...]) -> FailureCode | None:
        if not self._table.known(subschedules):
            return FailureCode.UNKNOWN_ID
        return FailureCode.CAPACITY if self._table.selected(window, subschedules) > CHANGED_MAX else None

    # --- shift -----------------------------------------------------------------------------------------------------

    def _shift(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ShiftActivities)
        found = self._table.find(names(body.requests))
        code = FailureCode.UNKNOWN_ID if found is None else None
        self._move(request, code, found or [], body.shift_s, now)

    def _shift_window(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ShiftWindow)
        code = self._window_problem(body.window, body.subschedules)
        found = self._table.select(body.window, body.subschedules) if code is None else []
        self._move(request, code, found, body.shift_s, now)

    def _move(
        self, request: Request, code: FailureCode | None, found: list[Activity], shift_s: int, now: Micros
    ) -> None:
        table, shift = self._table, shift_s * TICKS
        dues = [table.due(activity) for activity in found]
        code = code or self._shift_problem(min(dues, default=None), max(dues, default=None), shift, now)

        def apply() -> None:
            for activity in found:
                table.move(activity, activity.base + shift)

        changes = [rows.moved(activity, activity.base + shift) for activity in found] if code is None else []
        self._settle(request, code, lambda: changes, now, apply)

    def _shift_all(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, ShiftAll)
        table, shift = self._table, body.shift_s * TICKS
        first, last = table.first(), table.last_due()
        code = self._shift_problem(None if first is None else table.due(first), last, shift, now)
        if code is None and abs(table.offset + shift) > TIME_MAX:
            code = FailureCode.OUT_OF_RANGE
        changes = [] if first is None else [rows.function(table.enabled, table.offset + shift)]

        def apply() -> None:
            table.offset += shift

        self._settle(request, code, lambda: changes, now, apply)

    def _shift_problem(self, first: int | None, last: int | None, shift: int, now: Micros) -> FailureCode | None:
        """Whether activities that are due from `first` to `last` may be shifted."""
        tai_us = self._time.tai_us(now)
        if tai_us is None:
            return FailureCode.WRONG_STATE
        if first is not None and micros(first + shift) <= tai_us + MARGIN_US:
            return FailureCode.TIME_PAST
        return FailureCode.OUT_OF_RANGE if last is not None and last + shift > TIME_MAX else None
