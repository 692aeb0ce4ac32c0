"""Reports of the schedule (ST[11] 9 to 14, 16 to 19, and our own list): sent in parts that fit a packet.

A report is a snapshot of nothing: it walks through the timetable, a bounded part in each turn, and waits while much
telemetry waits already; what changes meanwhile is reported as it is when the walk comes by.
Off nominal: an activity or sub-schedule that is not there 0x10; more than `JOBS_MAX` reports at once, or a schedule
that is not back after the boot, 8; a walk that the downlink holds up for `WALK_US` fails with 0x1A.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, unique
from functools import partial
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb import scheduling as mdb
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.instrument import Services
from fsw.services.outbox import Outbox
from fsw.services.process import Execution
from fsw.services.schedule.schedule_requests import names
from fsw.services.schedule.timetable import Activity, Timetable, cuc
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request

JOBS_MAX: Final = 8
REPORTS_PER_STEP: Final = 2
BACKLOG_MAX: Final = 64
"""Packets that wait for the downlink before a walk waits too."""
POLL_US: Final = 100_000
WALK_US: Final = 600_000_000
ALL: Final = b"\0"
_HEAD_OCTETS: Final = 8  # sub-schedule and time before a packet
_BEFORE: Final = (-1, 0, 0)


@unique
class Form(Enum):
    """How much is said of an activity."""

    DETAIL = 10
    SUMMARY = 13
    LISTED = 130


_MOST: Final = {Form.DETAIL: 60, Form.SUMMARY: mdb.SUMMARIES_MAX, Form.LISTED: 66}


class _Walk:
    """A report under way: of these activities, or of a window."""

    __slots__ = ("begun", "behind", "form", "give_up_us", "keys", "request", "subschedules", "window")

    def __init__(self, request: Request, form: Form, now: Micros) -> None:
        self.request = request
        self.form = form
        self.give_up_us = Micros(now + WALK_US)
        self.begun = False
        self.keys: deque[int] | None = None
        self.window = ALL
        self.subschedules: tuple[int, ...] = ()
        self.behind = _BEFORE


class ScheduleReports:
    """Executions of what asks about the timetable."""

    def __init__(self, services: Services, telemetry: TelemetryService, outbox: Outbox, table: Timetable) -> None:
        self._verification = services.verification
        self._telemetry = telemetry
        self._outbox = outbox
        self._table = table
        self._walks: deque[_Walk] = deque()
        self.ready = False
        """Whether the timetable is back after this boot."""
        by_name, by_window = self._by_name, self._by_window
        self.executions: Mapping[type[object], Execution] = {
            mdb.ReportDetails: partial(by_name, Form.DETAIL),
            mdb.ReportDetailsWindow: partial(by_window, Form.DETAIL),
            mdb.ReportDetailsAll: partial(by_window, Form.DETAIL),
            mdb.ReportSummary: partial(by_name, Form.SUMMARY),
            mdb.ReportSummaryWindow: partial(by_window, Form.SUMMARY),
            mdb.ReportSummaryAll: partial(by_window, Form.SUMMARY),
            mdb.ListActivities: partial(by_window, Form.LISTED),
            mdb.ReportSubschedules: self._subschedules,
        }

    @property
    def busy(self) -> bool:
        """Whether a report is under way."""
        return bool(self._walks)

    def _by_name(self, form: Form, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.ReportDetails | mdb.ReportSummary)
        walk = _Walk(request, form, now)
        found = self._table.find(names(body.requests))
        if found is not None:
            walk.keys = deque(activity.key for activity in found)
        self._begin(walk, FailureCode.UNKNOWN_ID if found is None else None, now)

    def _by_window(self, form: Form, request: Request, now: Micros) -> None:
        body = request.body
        walk = _Walk(request, form, now)
        if isinstance(body, mdb.ReportDetailsWindow | mdb.ReportSummaryWindow | mdb.ListActivities):
            walk.window, walk.subschedules = body.window, body.subschedules
        self._begin(walk, None if self._table.known(walk.subschedules) else FailureCode.UNKNOWN_ID, now)

    def _begin(self, walk: _Walk, code: FailureCode | None, now: Micros) -> None:
        if not self.ready or len(self._walks) >= JOBS_MAX:
            code = FailureCode.BUSY
        if self._verification.settle(walk.request, code, now):
            self._walks.append(walk)

    def step(self, now: Micros) -> Micros:
        """Send a bounded part of what is under way; returns when the next may be sent."""
        for _ in range(REPORTS_PER_STEP):
            if not self._walks:
                return NEVER
            walk = self._walks[0]
            if now >= walk.give_up_us:
                self._walks.popleft()
                self._verification.failed(walk.request, FailureCode.TIMEOUT, now)
                continue
            if len(self._outbox) >= BACKLOG_MAX:
                return Micros(now + POLL_US)
            self._send(walk, now)
        return now if self._walks else NEVER

    def _send(self, walk: _Walk, now: Micros) -> None:
        """One packet of a report, and completion behind the last."""
        part, more = self._part(walk)
        if part or not walk.begun:
            walk.begun = True
            self._emit(walk.request, walk.form.value, _REPORTS[walk.form](self._table, part), now)
        if not more:
            self._walks.popleft()
            self._verification.completed(walk.request, now)

    def _part(self, walk: _Walk) -> tuple[list[Activity], bool]:
        """The next activities that fit a packet, and whether there may be more."""
        table, most = self._table, _MOST[walk.form]
        if walk.keys is None:
            found = table.following(walk.window, walk.subschedules, walk.behind, most + 1)
        else:
            while walk.keys and walk.keys[0] not in table.activities:
                walk.keys.popleft()
            found = [table.activities[key] for key in list(walk.keys)[: most + 1] if key in table.activities]
        part, room = [], mdb.DETAILS_OCTETS - 2
        for activity in found[:most]:
            room -= _HEAD_OCTETS + len(activity.packet) if walk.form is Form.DETAIL else 0
            if room < 0:
                break
            part.append(activity)
        if walk.keys is not None:
            sent = {activity.key for activity in part}
            walk.keys = deque(key for key in walk.keys if key not in sent)
        elif part:
            walk.behind = (part[-1].subschedule, part[-1].base, part[-1].key)
        return part, len(part) < len(found)

    def _subschedules(self, request: Request, now: Micros) -> None:
        if not self._verification.settle(request, None if self.ready else FailureCode.BUSY, now):
            return
        states = sorted(self._table.subschedules.items())
        report = mdb.SubscheduleReport(subschedules=tuple(mdb.SubscheduleState(*state) for state in states))
        self._emit(request, 19, report, now)
        self._verification.completed(request, now)

    def _emit(self, request: Request, subtype: int, report: object, now: Micros) -> None:
        octets = codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.SCHEDULING, subtype, octets, now, destination=request.source_id)


def _details(table: Timetable, part: list[Activity]) -> object:
    return mdb.DetailReport(tuple(mdb.Detail(a.subschedule, cuc(table.due(a)), a.packet) for a in part))


def _summaries(table: Timetable, part: list[Activity]) -> object:
    return mdb.SummaryReport(tuple(mdb.Summary(a.subschedule, cuc(table.due(a)), *a.name) for a in part))


def _listed(table: Timetable, part: list[Activity]) -> object:
    return mdb.ListReport(tuple(mdb.Planned(a.subschedule, a.late, cuc(table.due(a)), *a.name) for a in part))


_REPORTS: Final[Mapping[Form, Callable[[Timetable, list[Activity]], object]]] = {
    Form.DETAIL: _details,
    Form.SUMMARY: _summaries,
    Form.LISTED: _listed,
}
