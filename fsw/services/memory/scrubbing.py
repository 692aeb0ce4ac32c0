"""ST[06] scrubbing (subtypes 13, 14, and 128, 129 of ours): code and configuration files are read in the background.

One slice of one file a cycle, by a server of its own, so that neither flight nor the store ever waits for it. Sums are
held against a baseline, which is taken in the first pass of a software version, or by command, and kept. What was
checked is counted by date and kept every ten minutes and at the end of a pass.
Off nominal: a file that changed, vanished, cannot be read or is new is told once, until it is right again, at most
eight in a pass; the rest shows in the counters. A server that does not answer is told once and asked again; without a
baseline that can be kept nothing is compared. Until the store has given back what was kept, and in modes that do not
permit it, nothing is checked.
"""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.bus import Port, Status
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb import memory as mdb
from fsw.mdb.memory import BaselineReason, FileProblem, Scrubbed, ScrubbedDay
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome, Turns
from fsw.services.memory import scrub_records as records
from fsw.services.memory.scrub_records import Baseline, Sum
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request
from fsw.store.checked_files import CheckedFile, Sliced, ask_scan, ask_slice, decode_scan, decode_slice

KEEP_US: Final = 600_000_000
TOLD_MAX: Final = 8
"""Files told of in one pass."""
SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400_000_000
_BITS: Final = {Scrubbed.CODE: 1, Scrubbed.SETTINGS: 2}
_U16: Final = 0xFFFF
_U32: Final = 0xFFFF_FFFF


class Scrubbing:
    """The scrubber; `port` leads to the files' server, None where there is none."""

    def __init__(
        self,
        board: Board,
        port: Port | None,
        services: Services,
        telemetry: TelemetryService,
        time: Timebase,
        version: str,
    ) -> None:
        self._board = board
        self._port = port
        self._services = services
        self._telemetry = telemetry
        self._time = time
        self._version = version[: records.VERSION_OCTETS_MAX]
        self._baseline = records.NONE
        self._rows = 0
        """Rows of files in the table."""
        self._taking: BaselineReason | None = BaselineReason.FIRST
        self._committing = False
        self._enabled = sum(_BITS.values())
        self._wrong: dict[CheckedFile, FileProblem] = {}
        self._days: dict[int, ScrubbedDay] = {}
        self._unkept: set[int] = set()
        self._dropped: list[int] = []
        self._keep_us = NEVER
        self._due = NEVER
        self._asked: int | None = None
        self._stuck = False
        self._told = 0
        self._count: int | None = None
        """Files of this pass; None: they are not looked up yet."""
        self._index = self._offset = self._crc = 0
        self._found: dict[CheckedFile, Sum] = {}
        self._unseen: set[CheckedFile] = set()
        self._strange: set[CheckedFile] = set()
        """Files of this pass that the baseline does not know."""
        self._passes = self._slices = 0
        turns = self._turns = Turns(services.keeper, services.verification, records.T)
        services.keeper.restores(records.T, self._restore)
        self.executions: Mapping[type[object], Execution] = turns.guard(
            {
                mdb.EnableScrubbing: self._switch,
                mdb.DisableScrubbing: self._switch,
                mdb.TakeBaseline: self._take_baseline,
                mdb.ReportScrubbing: self._report,
            }
        )

    def step(self, now: Micros) -> Micros:
        """Take the slice that was asked for and ask for the next; returns when that is due."""
        if now < self._due:
            return self._due
        if self._port is None or not self._enabled:
            self._due = NEVER
            return NEVER
        period_s = self._services.parameters.values[mdb.PERIOD.pid]
        self._due = Micros(now + int(period_s or 1) * SECOND_US)
        for answer in self._port.poll(now):
            self._asked = None
            if answer.status is Status.OK:
                self._answered(answer.octets, now)
            else:
                self._fault(now)
        if self._asked is None and not self._committing and permits(self._board.mode, Permission.SCRUBBING):
            ask = ask_scan() if self._count is None else ask_slice(self._index, self._offset, self._crc)
            self._asked = self._port.ask(ask, now)
        if now >= self._keep_us and permits(self._board.mode, Permission.WRITING):
            self._keep_days(now)
        return self._due

    # --- a pass ----------------------------------------------------------------------------------------------------

    def _answered(self, octets: bytes, now: Micros) -> None:
        if self._stuck:
            self._stuck = False
            self._services.events.report(mdb.ScrubbingBack(), now)
        if self._count is None:
            self._count = decode_scan(octets)
            self._index = self._offset = self._crc = self._told = 0
            self._found = {}
            self._strange = set()
            self._unseen = set(self._baseline.files)
            if self._count == 0:
                self._end(now)
            return
        sliced = decode_slice(octets)
        if sliced is None or sliced.file.kind not in tuple(Scrubbed):
            self._count = None  # the server was started anew and knows no files yet
        else:
            self._sliced(sliced, now)

    def _sliced(self, sliced: Sliced, now: Micros) -> None:
        file, size, end, crc = sliced
        self._slices += 1
        self._unseen.discard(file)
        if file not in self._baseline.files:
            self._strange.add(file)
        checked = self._taking is not None or self._enabled & _BITS[Scrubbed(file.kind)]
        if checked and size is None:
            self._is_wrong(file, FileProblem.UNREADABLE, 0, now)
        elif checked and size is not None:
            self._counted(now, octets=max(0, end - self._offset))
            if self._offset < end < size:
                self._offset, self._crc = end, crc
                self._show(now)
                return
            self._counted(now, files=1)
            self._judge(file, Sum(size, crc), now)
        self._index, self._offset, self._crc = self._index + 1, 0, 0
        if self._index >= (self._count or 0):
            self._end(now)
        self._show(now)

    def _judge(self, file: CheckedFile, found: Sum, now: Micros) -> None:
        """A file is read to its end."""
        expected = self._baseline.files.get(file)
        if self._taking is not None:
            self._found[file] = found
        elif expected is None:
            self._is_wrong(file, FileProblem.EXTRA, found.crc, now)
        elif expected != found:
            self._is_wrong(file, FileProblem.CHANGED, found.crc, now)
        else:
            self._is_right(file, now)

    def _is_right(self, file: CheckedFile, now: Micros) -> None:
        if self._wrong.pop(file, None) is not None:
            self._services.events.report(mdb.FileRight(files=Scrubbed(file.kind), file=file.name), now)

    def _is_wrong(self, file: CheckedFile, problem: FileProblem, found_crc: int, now: Micros) -> None:
        if self._taking is not None or self._wrong.get(file) is problem:
            return
        self._wrong[file] = problem
        self._counted(now, wrong=1)
        self._told += 1
        if self._told <= TOLD_MAX:
            expected = self._baseline.files.get(file)
            event = mdb.FileWrong(
                problem=problem,
                files=Scrubbed(file.kind),
                expected=0 if expected is None else expected.crc,
                found=found_crc,
                file=file.name,
            )
            self._services.events.report(event, now)

    def _end(self, now: Micros) -> None:
        """All files are read: what was not there is missing; a baseline is kept."""
        self._count = None
        self._passes += 1
        self._counted(now, passes=1)
        if self._taking is None:
            for file in sorted(self._unseen):
                if self._enabled & _BITS[Scrubbed(file.kind)]:
                    self._is_wrong(file, FileProblem.MISSING, 0, now)
            for file in [one for one in self._wrong if one not in self._baseline.files and one not in self._strange]:
                self._is_right(file, now)  # it was one too many, and is gone
        elif self._found:
            self._keep_baseline(Baseline(self._version, self._found), self._taking, now)
        self._found = {}
        self._keep_days(now)

    def _fault(self, now: Micros) -> None:
        self._count = None
        if not self._stuck:
            self._stuck = True
            self._services.events.report(mdb.ScrubbingStuck(), now)

    # --- what is kept ----------------------------------------------------------------------------------------------

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        found = records.read(rows)
        self._rows = sum(records.KEY_FILES <= key < records.KEY_DAYS for key in rows)
        self._baseline = found.baseline
        self._days = {**found.days, **self._days}
        if found.switches is not None:
            self._enabled = found.switches & sum(_BITS.values())
        self._taking = None
        if found.damaged:
            self._taking = BaselineReason.DAMAGED
        elif not found.baseline.files:
            self._taking = BaselineReason.FIRST
        elif found.baseline.version != self._version:
            self._taking = BaselineReason.VERSION
        self._due = self._keep_us = now
        self._show(now)

    def _keep_baseline(self, baseline: Baseline, reason: BaselineReason, now: Micros) -> None:
        def then(outcome: Outcome, at: Micros) -> None:
            self._committing = False
            if outcome is not Outcome.KEPT:
                return  # the next pass takes it again
            self._baseline, self._taking = baseline, None
            self._rows = len(baseline.files)
            self._wrong.clear()
            octets = min(sum(one.size for one in baseline.files.values()), _U32)
            event = mdb.BaselineTaken(reason=reason, files=len(baseline.files), octets=octets)
            self._services.events.report(event, at)
            self._show(at)

        changes = records.baseline_changes(baseline, self._rows)
        self._committing = self._services.keeper.keep(changes, now, then)

    def _keep_days(self, now: Micros) -> None:
        """Keep the counters that changed; what cannot be kept now is tried again in its time."""
        self._keep_us = Micros(now + KEEP_US)
        if self._unkept or self._dropped:
            days = [self._days[day] for day in sorted(self._unkept)]
            unkept, dropped = self._unkept, self._dropped
            self._unkept, self._dropped = set(), []

            def then(outcome: Outcome, at: Micros) -> None:
                del at
                if outcome is not Outcome.KEPT:
                    self._unkept |= unkept & self._days.keys()
                    self._dropped += dropped

            if not self._services.keeper.keep(records.days_changes(days, dropped), now, then):
                then(Outcome.REFUSED, now)

    def _counted(self, now: Micros, *, files: int = 0, octets: int = 0, wrong: int = 0, passes: int = 0) -> None:
        """Count under today's date; the oldest day gives way to a new one."""
        tai_us = self._time.tai_us(now)
        day = 0 if tai_us is None else min(tai_us // DAY_US, _U16)
        one = self._days.get(day)
        if one is None:
            if len(self._days) >= mdb.DAYS_MAX:
                oldest = min(self._days)
                del self._days[oldest]
                self._unkept.discard(oldest)
                self._dropped.append(oldest)
            one = ScrubbedDay(day, 0, 0, 0, 0)
        self._days[day] = ScrubbedDay(
            day,
            min(one.files + files, _U32),
            min(one.octets + octets, _U32),
            min(one.wrong + wrong, _U16),
            min(one.passes + passes, _U16),
        )
        self._unkept.add(day)

    def _show(self, now: Micros) -> None:
        values = {
            mdb.FILES.pid: len(self._baseline.files),
            mdb.WRONG.pid: len(self._wrong),
            mdb.PASSES.pid: self._passes,
            mdb.SLICES.pid: self._slices,
        }
        self._services.parameters.set_all(values, now)

    # --- commands --------------------------------------------------------------------------------------------------

    def _settle(self, request: Request, now: Micros) -> bool:
        return self._services.verification.settle(request, FailureCode.WRONG_STATE if self._port is None else None, now)

    def _switch(self, request: Request, now: Micros) -> None:
        body = request.body
        assert isinstance(body, mdb.EnableScrubbing | mdb.DisableScrubbing)
        if not self._settle(request, now):
            return
        bit, on = _BITS[body.files], isinstance(body, mdb.EnableScrubbing)
        enabled = self._enabled | bit if on else self._enabled & ~bit

        def apply(at: Micros) -> None:
            self._enabled = enabled
            for file in [one for one in self._wrong if not on and _BITS[Scrubbed(one.kind)] == bit]:
                del self._wrong[file]
            self._due = at
            self._show(at)

        self._turns.commit(request, [records.switches_change(enabled)], now, apply)

    def _take_baseline(self, request: Request, now: Micros) -> None:
        if not self._settle(request, now):
            return

        def apply(at: Micros) -> None:
            self._baseline, self._taking = records.NONE, BaselineReason.COMMAND
            self._wrong.clear()
            self._count = None
            self._show(at)

        self._turns.commit(request, records.baseline_changes(records.NONE, 0), now, apply)

    def _report(self, request: Request, now: Micros) -> None:
        self._services.verification.started(request, now)
        report = mdb.ScrubbingCounted(
            version=self._baseline.version,
            files=len(self._baseline.files),
            wrong=len(self._wrong),
            code=bool(self._enabled & _BITS[Scrubbed.CODE]),
            settings=bool(self._enabled & _BITS[Scrubbed.SETTINGS]),
            days=tuple(self._days[day] for day in sorted(self._days, reverse=True)),
        )
        octets = codec.encode(report)
        self._telemetry.emit(APID_SYSTEM, Service.MEMORY, 130, octets, now, destination=request.source_id)
        self._services.verification.completed(request, now)
