"""ST[12] on-board monitoring: parameters held against limits, expected values and the rate at which they change.

Monitors of one interval make a round; rounds begin on multiples of their interval since boot, and a step checks at
most `CHECKS_PER_STEP` monitors, so that a thousand of them cost no tick its time. A finding that is not the first "all
is well" is a transition: it raises the monitor's event and is reported with others after the reporting delay.
Definitions, what is enabled, the delay and whether monitoring is on are kept over resets; findings are not.
Off nominal: a bad request changes nothing; a round that is not done when the next one is due is finished and the one
that is due is left out; a kept definition that does not fit this database is left out and told (status UNFIT).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb import monitoring as mdb
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database
from fsw.mdb.model import declaration_of
from fsw.mdb.monitor_definitions import read_definitions
from fsw.mdb.monitoring import CheckStatus, Transition, Watch
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import Turns
from fsw.services.monitoring import monitor_reports
from fsw.services.monitoring.monitors import INTERVAL_UNIT_US, WRONG, Monitor, from_row, problem
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.store.keep import KEY_MAX, Change, Table, clear, forget, put

MONITORS_MAX: Final = 1_024
CHECKS_PER_STEP: Final = 128
WAIT_US: Final = 100_000
"""How soon is looked again in a mode that checks nothing: BOOT, a second at most."""
DELAY: Final = 10
"""Reporting delay of a board that was told none, in 100 ms."""
STATE_KEY: Final = KEY_MAX
"""Row of the service itself: version u8, on u8, delay u16. The others have their monitor's id."""
_STATE_VERSION: Final = 1
_STATE_OCTETS: Final = 4


class Monitoring:
    """The monitoring service of the board."""

    def __init__(
        self, database: Database, telemetry: TelemetryService, time: Timebase, services: Services, board: Board
    ) -> None:
        self._board = board
        self._database = database
        self._telemetry = telemetry
        self._time = time
        self._verification = services.verification
        self._events = services.events
        self._parameters = services.parameters
        self._monitors: dict[int, Monitor] = {}
        self._on = False
        self._delay = DELAY
        self._rounds: dict[int, tuple[Monitor, ...]] = {}  # by interval
        self._heap: list[tuple[Micros, int]] = []  # when the round of which interval begins; one entry each
        self._round: tuple[Monitor, ...] = ()  # the one that is being checked, and how many of it are done
        self._done = 0
        self._transitions: list[Transition] = []
        self._report_us = NEVER
        self._next = NEVER
        self._checks = self._found = self._abnormal = 0
        self._turns = Turns(services.keeper, services.verification, Table.MONITORS)
        services.keeper.restores(Table.MONITORS, self._restore)
        self.executions: Mapping[type[object], Execution] = self._turns.guard(
            {
                mdb.EnableMonitors: self._enable,
                mdb.DisableMonitors: self._disable,
                mdb.ReportingDelay: self._set_delay,
                mdb.DeleteAllMonitors: self._delete_all,
                mdb.AddMonitors: self._add,
                mdb.DeleteMonitors: self._delete,
                mdb.ModifyMonitors: self._modify,
                mdb.DescribeMonitors: self._describe,
                mdb.ReportAbnormal: self._report_abnormal,
                mdb.ReportStatus: self._status,
                mdb.EnableMonitoring: self._switch_on,
                mdb.DisableMonitoring: self._switch_off,
                mdb.Watch: self._watch,
                mdb.ReportWatched: self._watched,
            }
        )

    # --- checking --------------------------------------------------------------------------------------------------

    def step(self, now: Micros) -> Micros:
        """Check what is due, a bounded number of monitors; returns when there is something to do again."""
        if now < self._next:
            return self._next
        if not permits(self._board.mode, Permission.MONITORING):
            return Micros(now + WAIT_US)
        left = CHECKS_PER_STEP
        while left:
            if self._done == len(self._round) and not self._begin_round(now):
                break
            part = self._round[self._done : self._done + left]
            self._done += len(part)
            left -= len(part)
            self._check(part, now)
        if now >= self._report_us:
            self._report_transitions(now)
        busy = self._done < len(self._round)
        due = now if busy else self._heap[0][0] if self._heap else NEVER
        self._next = min(max(due, now), self._report_us)
        return self._next

    def _begin_round(self, now: Micros) -> bool:
        """Take the next round that is due; its interval is due again on the first multiple that is yet to come."""
        while self._heap and self._heap[0][0] <= now:
            _, interval = heappop(self._heap)
            if interval in self._rounds:
                self._queue(interval, now)
                self._round, self._done = self._rounds[interval], 0
                return True
        return False

    def _queue(self, interval: int, now: Micros) -> None:
        period_us = interval * INTERVAL_UNIT_US
        heappush(self._heap, (Micros((now // period_us + 1) * period_us), interval))

    def _check(self, monitors: Sequence[Monitor], now: Micros) -> None:
        values, written = self._parameters.values, self._parameters.written
        for monitor in monitors:
            if monitor.enabled:  # it was when the round began
                before = monitor.status
                if monitor.check(values, written, now):
                    self._tell(monitor, before, now)
        self._checks += len(monitors)
        self._parameters.set(mdb.CHECKS, self._checks, now)

    def _tell(self, monitor: Monitor, before: CheckStatus, now: Micros) -> None:
        """A monitor has found something else than before."""
        status = monitor.status
        transition = monitor.transition(self._parameters.values[monitor.watch.parameter], before, self._time.stamp(now))
        self._count(now, (status in WRONG) - (before in WRONG))
        if before is CheckStatus.UNCHECKED and status is CheckStatus.WITHIN:
            return  # what everybody expects: after a boot a thousand of these would fill a pass
        self._found += 1
        self._parameters.set(mdb.TRANSITIONS, self._found, now)
        if not self._transitions:
            self._report_us = Micros(now + self._delay * INTERVAL_UNIT_US)
        self._transitions.append(transition)
        if len(self._transitions) == mdb.TRANSITIONS_MAX:
            self._report_transitions(now)
        alarm = monitor.alarm(transition.value)
        if alarm is not None:
            self._events.report(alarm, now)

    def _report_transitions(self, now: Micros) -> None:
        self._emit(mdb.Transitions(tuple(self._transitions)), now)
        self._transitions.clear()
        self._report_us = NEVER

    def _emit(self, report: object, now: Micros, destination: int = 0) -> None:
        subtype = declaration_of(report).subtype
        self._telemetry.emit(
            APID_SYSTEM, Service.MONITORING, subtype, codec.encode(report), now, destination=destination
        )

    # --- the table -------------------------------------------------------------------------------------------------

    def _arrange(self, now: Micros) -> None:
        """The rounds anew, after a change of what is there, enabled or on."""
        rounds: dict[int, list[Monitor]] = {}
        if self._on:
            for _, monitor in sorted(self._monitors.items()):
                if monitor.enabled:
                    rounds.setdefault(monitor.watch.interval, []).append(monitor)
        self._rounds = {interval: tuple(monitors) for interval, monitors in rounds.items()}
        queued = {interval for _, interval in self._heap}
        for interval in sorted(self._rounds.keys() - queued):
            self._queue(interval, now)
        left = self._round[self._done :] if self._on else ()
        self._round = tuple(monitor for monitor in left if self._monitors.get(monitor.watch.monitor) is monitor)
        self._done = 0
        self._next = now  # the next step works out when it is due
        self._parameters.set(mdb.MONITORS, len(self._monitors), now)
        self._parameters.set(mdb.ENABLED, sum(len(monitors) for monitors in self._rounds.values()), now)
        wrong = sum(monitor.status in WRONG for monitor in self._monitors.values())
        self._count(now, wrong - self._abnormal)

    def _count(self, now: Micros, more: int) -> None:
        """So many more monitors than before have found something wrong."""
        self._abnormal += more
        self._parameters.set(mdb.ABNORMAL, self._abnormal, now)

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        for key, row in sorted(rows.items()):
            if key == STATE_KEY:
                if row[:1] == bytes((_STATE_VERSION,)) and len(row) == _STATE_OCTETS:
                    self._on, self._delay = row[1] == 1, int.from_bytes(row[2:4], "big")
                continue
            monitor = from_row(row, self._database)
            if monitor is None or monitor.watch.monitor != key:
                self._events.report(mdb.MonitorAlarm(key & 0xFFFF, 0, CheckStatus.UNFIT, 0.0), now)
            elif len(self._monitors) < MONITORS_MAX:
                self._monitors[key] = monitor
        self._arrange(now)

    def _state(self, *, on: bool, delay: int) -> Change:
        return put(Table.MONITORS, STATE_KEY, bytes((_STATE_VERSION, on)) + delay.to_bytes(2, "big"))

    def _row(self, monitor: Monitor, *, enabled: bool) -> Change:
        return put(Table.MONITORS, monitor.watch.monitor, monitor.row(enabled=enabled))

    def _unknown(self, monitors: Iterable[int]) -> FailureCode | None:
        return None if all(monitor in self._monitors for monitor in monitors) else FailureCode.UNKNOWN_ID

    # --- requests --------------------------------------------------------------------------------------------------

    def _commit(
        self,
        request: Request,
        code: FailureCode | None,
        now: Micros,
        changes: Callable[[], Sequence[Change]],
        apply: Callable[[Micros], None],
    ) -> None:
        """Refuse with `code`, or keep `changes` and then `apply` them; a list of none is done at once."""
        if not self._verification.settle(request, code, now):
            return

        def arrange(at: Micros) -> None:
            apply(at)
            self._arrange(at)

        self._turns.commit(request, changes(), now, arrange)

    def _enable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.EnableMonitors)
        self._set_enabled(request, body.monitors, now, enabled=True)

    def _disable(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DisableMonitors)
        self._set_enabled(request, body.monitors, now, enabled=False)

    def _set_enabled(self, request: Request, numbers: tuple[int, ...], now: Micros, *, enabled: bool) -> None:
        def changes() -> list[Change]:
            return [self._row(self._monitors[number], enabled=enabled) for number in numbers]

        def apply(at: Micros) -> None:
            del at
            for number in numbers:
                monitor = self._monitors[number]
                if monitor.enabled is not enabled:
                    monitor.enabled = enabled
                    monitor.forget()

        self._commit(request, self._unknown(numbers), now, changes, apply)

    def _set_delay(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ReportingDelay)

        def apply(at: Micros) -> None:
            self._delay = body.delay
            if self._transitions:
                self._report_us = min(self._report_us, Micros(at + body.delay * INTERVAL_UNIT_US))

        self._commit(request, None, now, lambda: [self._state(on=self._on, delay=body.delay)], apply)

    def _switch_on(self, request: Request, now: Micros) -> None:
        self._switch(request, now, on=True)

    def _switch_off(self, request: Request, now: Micros) -> None:
        self._switch(request, now, on=False)

    def _switch(self, request: Request, now: Micros, *, on: bool) -> None:
        def apply(at: Micros) -> None:
            del at
            if self._on is not on:
                self._on = on
                for monitor in self._monitors.values():
                    monitor.forget()

        self._commit(request, None, now, lambda: [self._state(on=on, delay=self._delay)], apply)

    def _delete_all(self, request: Request, now: Micros) -> None:
        def apply(at: Micros) -> None:
            del at
            self._monitors.clear()

        changes = [clear(Table.MONITORS), self._state(on=False, delay=self._delay)]
        self._commit(request, FailureCode.WRONG_STATE if self._on else None, now, lambda: changes, apply)

    def _delete(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DeleteMonitors)
        code = self._unknown(body.monitors)
        if code is None and any(self._monitors[number].enabled for number in body.monitors):
            code = FailureCode.WRONG_STATE

        def apply(at: Micros) -> None:
            del at
            for number in body.monitors:
                self._monitors.pop(number, None)

        self._commit(request, code, now, lambda: [forget(Table.MONITORS, number) for number in body.monitors], apply)

    def _watch(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, Watch)
        self._define(request, (body,), now)

    def _add(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.AddMonitors)
        found = read_definitions(body)
        if isinstance(found, DecodeError):
            self._verification.refused(request, FailureCode.DATA, now)
        else:
            self._define(request, tuple(Watch(**each.fields) for each in found), now)

    def _define(self, request: Request, watches: tuple[Watch, ...], now: Micros) -> None:
        """Add monitors, all of them or none."""
        numbers = {watch.monitor for watch in watches}
        codes = [problem(watch, self._database) for watch in watches]
        code = next((found for found in codes if found is not None), None)
        if len(numbers) != len(watches) or numbers & self._monitors.keys():
            code = FailureCode.ALREADY_EXISTS
        elif len(numbers) + len(self._monitors) > MONITORS_MAX:
            code = FailureCode.CAPACITY
        self._put(request, code, [Monitor(watch, enabled=False) for watch in watches], now)

    def _modify(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ModifyMonitors)
        found = read_definitions(body)
        if isinstance(found, DecodeError):
            self._verification.refused(request, FailureCode.DATA, now)
            return
        code = self._unknown(each.monitor for each in found)
        monitors = []
        for each in found if code is None else ():
            old = self._monitors[each.monitor]
            watch = Watch(**{**vars(old.watch), **each.fields})
            other = old.watch.parameter != each.parameter
            code = code or (FailureCode.OUT_OF_RANGE if other else problem(watch, self._database))
            monitors.append(Monitor(watch, enabled=old.enabled))
        if code is None and len({each.monitor for each in found}) != len(found):
            code = FailureCode.ALREADY_EXISTS
        self._put(request, code, monitors, now)

    def _put(self, request: Request, code: FailureCode | None, monitors: list[Monitor], now: Micros) -> None:
        def apply(at: Micros) -> None:
            del at
            self._monitors.update((monitor.watch.monitor, monitor) for monitor in monitors)

        changes = lambda: [self._row(monitor, enabled=monitor.enabled) for monitor in monitors]  # noqa: E731
        self._commit(request, code, now, changes, apply)

    # --- reports ---------------------------------------------------------------------------------------------------

    def _describe(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.DescribeMonitors)
        self._answer(request, body.monitors, now, lambda chosen: monitor_reports.definitions(chosen, self._delay))

    def _watched(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ReportWatched)
        self._answer(request, body.monitors, now, monitor_reports.watched)

    def _status(self, request: Request, now: Micros) -> None:
        self._answer(request, sorted(self._monitors), now, monitor_reports.statuses)

    def _report_abnormal(self, request: Request, now: Micros) -> None:
        self._answer(request, sorted(self._monitors), now, monitor_reports.abnormal)

    def _answer(
        self,
        request: Request,
        numbers: Sequence[int],
        now: Micros,
        reports: Callable[[list[Monitor]], list[object]],
    ) -> None:
        if self._verification.settle(request, self._unknown(numbers), now):
            for report in reports([self._monitors[number] for number in numbers]):
                self._emit(report, now, request.source_id)
            self._verification.completed(request, now)
