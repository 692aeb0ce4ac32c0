"""ST[11]: telecommands that wait on board for their time (ECSS-E-ST-70-41C 6.11), released by the lander's TAI.

An activity is released when the schedule and its sub-schedule are enabled at its time. The release mark, which is its
row's end, is on the disk before the command goes through acceptance as if it had come on VC 0: it never runs twice. An
activity that is released more than `schedule.late_s` behind its time is late, and its policy decides: skip, or run.
Off nominal: while time was never set nothing is released, and after a minute an event says so. What fell due meanwhile,
or while the board was off, or where time jumped over it, or while the store held the mark back, is late; an event says
why, and what was done. What falls due disabled is removed, with an event, and never late. A store that keeps no mark is
asked again each second; in a mode that releases nothing (QUIET, POWER_DOWN) what falls due waits. A power cut between
mark and hand-over costs the command; the next boot names it. Rows that cannot be read are left out and counted in an
event. When time goes back, nothing is released again.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import scheduling as mdb
from fsw.mdb.scheduling import BATCH_MAX, BlockedBy, LateCause, LatePolicy, ScheduleState
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome
from fsw.services.outbox import Outbox
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.schedule import schedule_rows as rows
from fsw.services.schedule.schedule_reports import ScheduleReports
from fsw.services.schedule.schedule_requests import RETRY_US, ScheduleRequests
from fsw.services.schedule.timetable import TIME_MAX, Activity, Timetable, micros
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.store.keep import Change, Table, forget

RUN_MAX: Final = 8
"""Telecommands released in one turn: as many as a process serves in one."""
ROWS_PER_STEP: Final = 128
DAMAGED_MAX: Final = 500
WAITS_US: Final = 60_000_000
LATE_MAX_S: Final = 0xFFFF_FFFF
assert RUN_MAX <= BATCH_MAX


class _Known(NamedTuple):
    """How time stood when it was last looked at."""

    steps: int
    offset_us: int  # TAI less the clock


class Schedule:
    """The schedule of the board: what it holds, its requests and reports, and the release of what is due."""

    def __init__(
        self, services: Services, telemetry: TelemetryService, outbox: Outbox, time: Timebase, board: Board
    ) -> None:
        self._services = services
        self._board = board
        self._time = time
        self.timetable = Timetable()
        self.requests = ScheduleRequests(services, time, self.timetable, self._changed)
        self.reports = ScheduleReports(services, telemetry, outbox, self.timetable)
        self._rows: dict[int, bytes] = {}
        self._unread: list[int] = []
        self._damaged: list[tuple[Table, int]] = []
        self._states_back = False
        self._activities_back = False
        self._releasing = False
        self._retry_us = Micros(0)
        self._first: Activity | None = None
        self._first_us = 0
        self._known: _Known | None = None
        self._since_us = 0
        self._boot_us = 0
        self._jump = (0, 0)
        self._waits_told = False
        self._dirty = True
        self.released = self.skipped = self.run_late = self.blocked = 0
        services.keeper.restores(Table.SUBSCHEDULES, self._restore_states)
        services.keeper.restores(Table.SCHEDULE, self._restore_activities)
        executions: dict[type[object], Execution] = {**self.requests.executions, **self.reports.executions}
        self.executions: Mapping[type[object], Execution] = executions

    # --- after a boot ----------------------------------------------------------------------------------------------

    def _restore_states(self, kept: Mapping[int, bytes], now: Micros) -> None:
        table = self.timetable
        for key, row in sorted(kept.items()):
            if key == rows.FUNCTION_KEY:
                state = rows.read_function(row)
                if state is not None:
                    table.enabled, table.offset = state
                    continue
            elif key == rows.MARKS_KEY:
                names = rows.read_marks(row)
                if names is not None:
                    lost = tuple(mdb.RequestId(*name) for name in names)
                    self._services.events.report(mdb.ScheduleInterrupted(activities=lost), now)
                    self._unmark(now)
                    continue
            elif key <= 0xFF and row in (b"\0", b"\1") and len(table.subschedules) < mdb.SUBSCHEDULES_MAX:
                table.subschedules[key] = row == b"\1"
                continue
            self._damaged.append((Table.SUBSCHEDULES, key))
        self._states_back = True

    def _restore_activities(self, kept: Mapping[int, bytes], now: Micros) -> None:
        del now
        self._rows = dict(kept)
        self.requests.next_key = max(kept, default=-2) // 2 * 2 + 2
        self._unread = sorted((key for key in kept if key % 2 == 0), reverse=True)
        self._damaged += [(Table.SCHEDULE, key) for key in kept if key % 2 and key - 1 not in kept]
        self._activities_back = True

    def _read_rows(self, now: Micros) -> None:
        """A bounded part of what the store gave back."""
        table = self.timetable
        for _ in range(min(ROWS_PER_STEP, len(self._unread))):
            key = self._unread.pop()
            activity = rows.read_activity(key, self._rows[key], self._rows.get(key + 1))
            known = activity is not None and activity.subschedule in table.subschedules
            if activity is None or not known or table.room == 0 or table.named(activity.name):
                self._damaged.append((Table.SCHEDULE, key))
            elif 0 <= table.due(activity) <= TIME_MAX:
                table.add(activity)
            else:
                self._damaged.append((Table.SCHEDULE, key))
        if self._unread:
            return
        self._rows = {}
        if self._damaged:
            self._leave_out(now)
        self.requests.ready = self.reports.ready = True
        self._changed(now)

    def _leave_out(self, now: Micros) -> None:
        """Tell of rows that could not be read, and take them off the disk, a bounded number in one life."""
        damaged, self._damaged = sorted(self._damaged), []
        count = min(len(damaged), 0xFFFF)
        self._services.events.report(mdb.ScheduleDamaged(rows=count, first_key=damaged[0][1]), now)
        gone = [forget(table, key) for table, key in damaged[:DAMAGED_MAX]]
        shifts = [forget(table, key + 1) for table, key in damaged[:DAMAGED_MAX] if table is Table.SCHEDULE]
        self._services.keeper.keep([*gone, *shifts], now, lambda _outcome, _at: None)

    # --- turns -----------------------------------------------------------------------------------------------------

    def _changed(self, now: Micros) -> None:
        """The timetable has changed."""
        tai_us = self._time.tai_us(now)
        if tai_us is not None:
            self._take_time(tai_us, now)
        self._first = first = self.timetable.first()
        self._first_us = 0 if first is None else micros(self.timetable.due(first))
        self._dirty = True

    def step(self, now: Micros) -> Micros:
        """Do what is due; returns when the next is."""
        if not self.requests.ready:
            if not (self._states_back and self._activities_back):
                return NEVER
            self._read_rows(now)
            if not self.requests.ready:
                return now
        following = self.reports.step(now) if self.reports.busy else NEVER
        if self.requests.busy:
            following = min(following, self.requests.repeat(now))
        if self._first is not None:
            following = min(following, self._look(now))
        if self._dirty:
            self._tell(now)
        return Micros(following)

    def _look(self, now: Micros) -> Micros:
        """Look at the time; release what is due."""
        tai_us = self._time.tai_us(now)
        if tai_us is None:
            return self._wait_for_time(now)
        self._take_time(tai_us, now)
        if tai_us < self._first_us:
            return Micros(now + self._first_us - tai_us)
        if self._releasing or self.requests.busy or not permits(self._board.mode, Permission.SCHEDULE):
            return NEVER  # a commit's answer brings the next turn, or the mode's end
        if now < self._retry_us:
            return self._retry_us
        self._release(tai_us, now)
        return self._retry_us if self._retry_us > now else NEVER

    def _wait_for_time(self, now: Micros) -> Micros:
        if self._waits_told or not self.timetable.enabled:
            return NEVER
        if now < WAITS_US:
            return Micros(WAITS_US)
        self._waits_told = self._dirty = True
        self._services.events.report(mdb.ScheduleWaits(activities=len(self.timetable)), now)
        return NEVER

    def _take_time(self, tai_us: int, now: Micros) -> None:
        """Remember since when time is known in this life, and where it jumped."""
        known = self._known
        steps, offset_us = self._time.steps, tai_us - now
        if known is None:
            self._since_us, self._boot_us = tai_us, offset_us
            self._dirty = True
        elif steps != known.steps:
            self._jump = (now + known.offset_us, tai_us)
        self._known = _Known(steps, offset_us)

    def _cause(self, due_us: int) -> LateCause:
        if due_us < self._boot_us:
            return LateCause.BOARD_OFF
        if due_us <= self._since_us:
            return LateCause.TIME_UNKNOWN
        return LateCause.TIME_JUMP if self._jump[0] < due_us <= self._jump[1] else LateCause.HELD

    # --- release ---------------------------------------------------------------------------------------------------

    def _release(self, tai_us: int, now: Micros) -> None:
        """Keep the marks of what is due, a bounded number; it runs, or is told, when they are kept."""
        table = self.timetable
        batch = _Batch()
        limit_us = int(self._services.parameters.values[mdb.LATE.pid] or mdb.LATE_S) * 1_000_000
        while (first := table.first()) is not None and batch.room:
            due_us = micros(table.due(first))
            if due_us > tai_us:
                break
            table.take(first)
            if not table.enabled or not table.subschedules[first.subschedule]:
                by = BlockedBy.SUBSCHEDULE if table.enabled else BlockedBy.FUNCTION
                batch.blocked.setdefault(by, []).append(first)
            elif tai_us - due_us > limit_us:
                late_s = min((tai_us - due_us) // 1_000_000, LATE_MAX_S)
                missed = mdb.Missed(*first.name, late_s=late_s)
                batch.late.setdefault((self._cause(due_us), first.late), []).append(missed)
                if first.late is LatePolicy.RUN:
                    batch.run.append(first)
            else:
                batch.run.append(first)
            batch.taken.append(first)
        changes: list[Change] = rows.dropped(batch.taken)
        if batch.run:
            changes.append(rows.marks(activity.name for activity in batch.run))
        self._releasing = self._services.keeper.keep(changes, now, lambda outcome, at: self._marked(batch, outcome, at))
        if not self._releasing:
            self._put_back(batch, now)
        self._changed(now)

    def _put_back(self, batch: "_Batch", now: Micros) -> None:
        """The marks are not kept, or nobody knows: nothing has run, and they are written again."""
        for activity in batch.taken:
            self.timetable.put_back(activity)
        self._retry_us = Micros(now + RETRY_US)

    def _marked(self, batch: "_Batch", outcome: Outcome, now: Micros) -> None:
        self._releasing = False
        if outcome is not Outcome.KEPT:
            self._put_back(batch, now)
            self._changed(now)
            return
        events, table = self._services.events, self.timetable
        for activity in batch.taken:
            table.forget(activity)
        for by, blocked in batch.blocked.items():
            names = tuple(mdb.RequestId(*activity.name) for activity in blocked)
            events.report(mdb.ScheduleBlocked(by=by, activities=names), now)
            self.blocked += len(blocked)
        for (cause, action), late in batch.late.items():
            events.report(mdb.ScheduleLate(cause=cause, action=action, activities=tuple(late)), now)
            if action is LatePolicy.RUN:
                self.run_late += len(late)
            else:
                self.skipped += len(late)
        for activity in batch.run:
            self._services.verification.release(activity.packet, now)
        self.released += len(batch.run)
        if batch.run:
            self._unmark(now)
        self._changed(now)

    def _unmark(self, now: Micros) -> None:
        """All marks are done with. Should this not be kept, the next boot names commands that have run."""
        self._services.keeper.keep([rows.unmarked()], now, lambda _outcome, _at: None)

    # --- housekeeping ----------------------------------------------------------------------------------------------

    @property
    def state(self) -> ScheduleState:
        """What the schedule is doing."""
        if not self.requests.ready:
            return ScheduleState.LOADING
        if not self.timetable.enabled:
            return ScheduleState.DISABLED
        waits = self._first is not None and self._known is None
        return ScheduleState.WAITING if waits else ScheduleState.RUNNING

    def _tell(self, now: Micros) -> None:
        self._dirty = False
        values = {
            mdb.STATE.pid: self.state,
            mdb.ACTIVITIES.pid: len(self.timetable),
            mdb.RELEASED.pid: self.released,
            mdb.SKIPPED.pid: self.skipped,
            mdb.RUN_LATE.pid: self.run_late,
            mdb.BLOCKED.pid: self.blocked,
            mdb.NEXT.pid: None if self._first is None else min(self._first_us // 1_000_000, 0xFFFF_FFFE),
        }
        self._services.parameters.set_all(values, now)


class _Batch:
    """What is released, or not, with one commit."""

    __slots__ = ("blocked", "late", "run", "taken")

    def __init__(self) -> None:
        self.taken: list[Activity] = []
        self.run: list[Activity] = []
        self.late: dict[tuple[LateCause, LatePolicy], list[mdb.Missed]] = {}
        self.blocked: dict[BlockedBy, list[Activity]] = {}

    @property
    def room(self) -> bool:
        """Whether one more fits."""
        return len(self.taken) < BATCH_MAX and len(self.run) < RUN_MAX
