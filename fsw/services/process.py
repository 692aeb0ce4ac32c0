"""One process of the board as ECSS sees it: an APID, its queue of accepted requests, the execution of each command.

An execution must settle its request: refuse it, or start it and then complete or fail it, at once or in a later step.
What the board's mode does not permit (`permits`) is refused with 0x14 before its execution sees it. A hazardous request
waits until it is on the disk that it came, and those behind it wait with it; health pings do not.
Off nominal: a request whose execution died fails with 0x1B at the task's next turn; so does every request that waits
for a task that is struck out. A hazardous request of which the store can keep nothing is refused with 0x1A.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb import codec
from fsw.mdb.model import Hazard, declaration_of
from fsw.mdb.standard_services import ConnectionReport, ConnectionTest, Noop, Ping, ResetCounters
from fsw.pus.ids import FailureCode, Service
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request, Verification

Execution = Callable[[Request, Micros], None]
REQUESTS_MAX: Final = 32
"""Requests that wait for one process; the next one is answered "busy"."""
REQUESTS_PER_STEP: Final = 8


class Key(NamedTuple):
    """A health ping: the process that takes it from its queue echoes it."""

    value: int


class Assured(NamedTuple):
    """Wakes the task: the store has spoken on the hazardous request that waits for it, or more waits behind one."""


class Process:
    """The request queue of one APID and its table of executions, by class of command."""

    def __init__(
        self,
        apid: int,
        verification: Verification,
        telemetry: TelemetryService,
        executions: Mapping[type[object], Execution],
        *,
        reset: Callable[[], None],
        reachable: Callable[[int], bool],
        permits: Callable[[type[object]], bool] = lambda _: True,
    ) -> None:
        self.apid = apid
        self.mailbox: Mailbox[Request | Key | Assured] = Mailbox(f"requests-{apid:03x}", REQUESTS_MAX)
        self.echo = 0
        """The last health ping that was answered, and how many were."""
        self.echoes = 0
        self._verification = verification
        self._telemetry = telemetry
        self._reset = reset
        self._reachable = reachable
        self._permits = permits
        self._serving: Request | None = None
        self._hazardous: Request | None = None
        """The one that waits for the store; behind it what has come since."""
        self._behind: deque[Request] = deque()
        self._kept: bool | None = None
        self.executions: Mapping[type[object], Execution] = {
            Ping: self._ping,
            ConnectionTest: self._connection_test,
            Noop: self._noop,
            ResetCounters: self._reset_counters,
            **executions,
        }
        verification.serve(apid, self.mailbox)

    def run(self, now: Micros) -> None:
        """Serve what waits, a bounded number in one step."""
        if self._serving is None and self._kept is None and not (self.mailbox or self._behind):
            return
        self._abandon(now)
        self._verification.ahead(now)
        if self._hazardous is not None and self._kept is not None:
            (self._serving, self._hazardous), kept, self._kept = (self._hazardous, None), self._kept, None
            if not kept:
                self._verification.refused(self._serving, FailureCode.TIMEOUT, now)
            elif not self._permits(type(self._serving.body)):  # not any more
                self._verification.refused(self._serving, FailureCode.WRONG_STATE, now)
            else:
                self._execute(self._serving, now)
        for _ in range(REQUESTS_PER_STEP):
            request = self._next()
            if isinstance(request, Key):
                self.echo, self.echoes = request.value, self.echoes + 1
                continue
            self._serving = request
            if request is None:
                return
            self._serve(request, now)
        self._serving = None
        if self._behind:
            self._wake()

    def _next(self) -> Request | Key | None:
        """The next in order; nothing but health pings overtakes a hazardous request that waits."""
        if self._hazardous is None and self._behind:
            return self._behind.popleft()
        while len(self._behind) < REQUESTS_MAX and (item := self.mailbox.take()) is not None:
            if isinstance(item, Request) and self._hazardous is not None:
                self._behind.append(item)
            elif not isinstance(item, Assured):
                return item
        return None

    def _serve(self, request: Request, now: Micros) -> None:
        body = type(request.body)
        if not self._permits(body):
            self._verification.refused(request, FailureCode.WRONG_STATE, now)
        elif declaration_of(body).hazard is not Hazard.HAZARDOUS:
            self._execute(request, now)
        elif self._verification.assure(request, now, self._assured):
            self._hazardous, self._serving = request, None
        else:
            self._verification.refused(request, FailureCode.TIMEOUT, now)

    def _execute(self, request: Request, now: Micros) -> None:
        self.executions[type(request.body)](request, now)

    def _assured(self, kept: bool) -> None:
        """The store has answered, in another task's turn."""
        self._kept = kept
        self._wake()

    def _wake(self) -> None:
        """Have the task run again; a queue that is full does so by itself."""
        if len(self.mailbox) < self.mailbox.capacity:
            self.mailbox.put(Assured())

    def close(self, now: Micros) -> None:
        """Nobody will serve this process any more: every request gets its last word."""
        self._verification.close(self.apid)
        self._abandon(now)
        waiting = [*([] if self._hazardous is None else [self._hazardous]), *self._behind]
        self._hazardous = None
        self._behind.clear()
        for request in waiting:
            self._verification.abandoned(request, now)
        while (item := self.mailbox.take()) is not None:
            if isinstance(item, Request):
                self._verification.abandoned(item, now)

    def _abandon(self, now: Micros) -> None:
        """The last word of a request whose execution died."""
        request, self._serving = self._serving, None
        if request is not None:
            self._verification.abandoned(request, now)

    def _ping(self, request: Request, now: Micros) -> None:
        """(17,1): (17,2) stands between start and completion."""
        self._verification.started(request, now)
        self._telemetry.emit(self.apid, Service.TEST, 2, b"", now, destination=request.source_id)
        self._verification.completed(request, now)

    def _connection_test(self, request: Request, now: Micros) -> None:
        """(17,3): whether another process is alive, by the supervisor's knowledge."""
        body = request.body
        assert isinstance(body, ConnectionTest)
        if not self._reachable(body.apid):
            self._verification.refused(request, FailureCode.UNKNOWN_ID, now)
            return
        self._verification.started(request, now)
        report = codec.encode(ConnectionReport(apid=body.apid))
        self._telemetry.emit(self.apid, Service.TEST, 4, report, now, destination=request.source_id)
        self._verification.completed(request, now)

    def _noop(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        self._verification.completed(request, now)

    def _reset_counters(self, request: Request, now: Micros) -> None:
        self._verification.started(request, now)
        self.echoes = 0
        self._reset()
        self._verification.completed(request, now)
