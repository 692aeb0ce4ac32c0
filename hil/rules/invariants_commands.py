"""Always-on invariants of commanding: one last word, AD once, nothing unaccepted.

They judge the payload's output before any channel fault, and what the simulation's tap says was executed: a report that
the way down loses is no fault of the payload's. Without a tap (a real board) the reports stand for the executions.
"""

from collections import OrderedDict, deque
from typing import Final

from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import Micros
from fsw.pus.st01 import LAST_WORDS, Stage, Verification, decode_request_id
from fsw.pus.tc import ACK_ACCEPTANCE, ACK_COMPLETION
from hil.observer import Finding
from hil.rules.calm import Calm
from hil.rules.invariants_log import Log
from hil.rules.oracle import Acceptance, Brought, brought_by
from hil.rules.overhearing import Said
from hil.written.fault import Fault
from tools.ground.records import CommandRecord

GRACE_US: Final = 60_000_000
"""How long the last word of an accepted request may take while nothing is wrong."""
REQUESTS_MAX: Final = 4096
_BEFORE_EXECUTION: Final = frozenset((Stage.ACCEPTANCE_FAILED, Stage.ROUTING_FAILED))
_ENDS: Final = LAST_WORDS - _BEFORE_EXECUTION
_COUNTS: Final = 1 << 14


def name_of(request_id: bytes) -> str:
    """`0x021/17`: APID and sequence count."""
    apid, count = decode_request_id(request_id)
    return f"0x{apid:03x}/{count}"


class _Open:
    """A request that was accepted, or run, since `since_us`; `words` are the last words said of it."""

    __slots__ = ("accepted", "ack", "holes", "ran", "silent", "since_us", "words")

    def __init__(self) -> None:
        self.accepted = self.ran = self.words = self.holes = 0
        self.silent = 0  # arrivals whose acceptance nobody asked to hear of
        self.ack = ACK_ACCEPTANCE | ACK_COMPLETION
        self.since_us = Micros(0)

    @property
    def due(self) -> int:
        """Executions that must end."""
        return max(self.accepted, self.ran)


class OneLastWord:
    """An accepted request with the completion flag ends at most once, and exactly once when no power cut fell between.

    Off nominal: what a cut leaves open is remarked as interrupted; a word on it in a later life is a breach. While
    faults last, or the payload is mute, the time of grace does not run.
    """

    RULE: Final = "one-last-word"

    def __init__(self, grace_us: int = GRACE_US) -> None:
        self._log = Log(self.RULE)
        self._grace_us = grace_us
        self._requests: dict[bytes, _Open] = {}
        self._flags: OrderedDict[bytes, int] = OrderedDict()
        self._waiting: deque[tuple[Micros, bytes]] = deque()
        self._calm = Calm()
        self._newest: dict[int, int] = {}
        self._holes = 0  # packets that the payload has numbered and not emitted

    def fault(self, fault: Fault, began: bool, now: Micros) -> None:
        """A fault began or ended."""
        self._calm.fault(fault, began, now)

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched."""
        if not on:
            self._interrupt(now)

    def born(self, now: Micros) -> None:
        """A new life."""
        self._interrupt(now)
        self._newest.clear()
        self._holes = 0

    def acceptable(self, brought: Brought, now: Micros) -> None:
        """A telecommand has come: its flags say which words it wants."""
        self._flags[brought.request_id] = brought.ack
        self._flags.move_to_end(brought.request_id)
        if len(self._flags) > REQUESTS_MAX:
            self._flags.popitem(last=False)
        if brought.sound and not brought.ack & ACK_ACCEPTANCE:
            self._open(brought.request_id, now).silent += 1

    def executed(self, request_id: bytes, now: Micros) -> None:
        """The execution of a request was run."""
        self._open(request_id, now).ran += 1

    def said(self, said: Said, now: Micros) -> None:
        """A packet was emitted: follow the counts of VC 0."""
        if said.vcid:
            return
        newest = self._newest.get(said.apid, -1)
        ahead = (said.sequence_count - newest) % _COUNTS
        if 0 < ahead < _COUNTS // 2:
            self._holes += ahead - 1
            self._newest[said.apid] = said.sequence_count
        else:
            self._holes -= 1

    def verified(self, verification: Verification, now: Micros) -> None:
        """A report of ST[01] was emitted."""
        stage, request_id = verification.stage, verification.request_id
        if stage is Stage.ACCEPTED:
            self._open(request_id, now).accepted += 1
        elif stage in _ENDS:
            self._end(stage, request_id, now)

    def framed(self, vcid: int, vcfc: int, frame: bytes, now: Micros) -> None:
        """A frame was emitted: the payload speaks, so what it owes may be asked for."""
        self._calm.speaks(now)
        while self._waiting and self._calm.since(self._waiting[0][0], now) >= self._grace_us:
            self._judge(self._waiting.popleft()[1], now)

    def finish(self, now: Micros) -> list[Finding]:
        """What is still owed, if its time has run out."""
        for opened_us, request_id in self._waiting:
            if self._calm.since(opened_us, now) >= self._grace_us:
                self._judge(request_id, now)
            elif (request := self._requests.get(request_id)) and request.words < self._owed(request):
                self._log.remark(now, f"{name_of(request_id)} had not ended when the run did")
        return self._log.findings()

    def _open(self, request_id: bytes, now: Micros) -> _Open:
        request = self._requests.get(request_id)
        if request is None:
            if len(self._requests) >= REQUESTS_MAX:
                del self._requests[next(iter(self._requests))]
                self._log.remark(now, f"more than {REQUESTS_MAX} requests are open: the oldest is not judged")
            self._requests[request_id] = request = _Open()
        request.ack = self._flags.get(request_id, request.ack)
        request.since_us = now
        request.holes = self._holes
        self._waiting.append((now, request_id))
        return request

    def _owed(self, request: _Open) -> int:
        return request.due if request.ack & ACK_COMPLETION else 0

    def _end(self, stage: Stage, request_id: bytes, now: Micros) -> None:
        request = self._requests.get(request_id)
        if request is None:
            self._log.breach(now, f"{stage.name} for {name_of(request_id)}, of which nothing is open")
            return
        request.words += 1
        if request.words > request.due + request.silent:
            self._log.breach(now, f"{name_of(request_id)} has {request.words} last words, the last is {stage.name}")
        elif stage is Stage.COMPLETED and not request.ack & ACK_COMPLETION:
            self._log.breach(now, f"{name_of(request_id)} completed in words that nobody asked for")

    def _judge(self, request_id: bytes, now: Micros) -> None:
        """The time of grace is over for one opening of a request."""
        request = self._requests.get(request_id)
        if request is None or self._calm.since(request.since_us, now) < self._grace_us:
            return
        del self._requests[request_id]
        missing = self._owed(request) - request.words
        if missing <= 0:
            return
        if self._holes > request.holes:
            self._log.remark(now, f"{name_of(request_id)}: its last word may be among the packets that were dropped")
        else:
            self._log.breach(now, f"{name_of(request_id)} was accepted and never ended")

    def _interrupt(self, now: Micros) -> None:
        """The life is over: nothing that is open gets a word any more."""
        for request_id, request in self._requests.items():
            if request.words < self._owed(request):
                self._log.remark(now, f"{name_of(request_id)} was interrupted")
        self._requests.clear()
        self._waiting.clear()


class _Runs:
    """How often a command was seen to run: by the tap, by its start, by its end."""

    __slots__ = ("ended", "executed", "many", "started", "told")

    def __init__(self) -> None:
        self.executed = self.started = self.ended = 0
        self.many = False  # it was also sent BD, which may execute twice
        self.told = False


class AdOnce:
    """No command sent in AD frames runs twice, whatever is repeated, over all lives of the payload.

    Nor does one that a schedule holds; sequences and responses may run theirs again and again.
    """

    RULE: Final = "ad-once"
    RECORDS: Final = (CommandRecord,)

    def __init__(self) -> None:
        self._log = Log(self.RULE)
        self._commands: OrderedDict[bytes, _Runs] = OrderedDict()

    def record(self, record: object, now: Micros) -> None:
        """The ground has built a new command; counts that come round name the newest."""
        if isinstance(record, CommandRecord):
            self._new(record.request_id)

    def submitted(self, frame: TcFrame, now: Micros) -> None:
        """A frame has left the ground."""
        for brought in brought_by(frame.data) if not frame.control else ():
            runs = self._commands.get(brought.request_id) or self._new(brought.request_id)
            runs.many |= frame.bypass
            for carried in brought.carried:
                runs = self._commands.get(carried.request_id) or self._new(carried.request_id)
                runs.many |= not carried.once

    def executed(self, request_id: bytes, now: Micros) -> None:
        """The execution of a request was run."""
        runs = self._commands.get(request_id)
        if runs is not None:
            runs.executed += 1
            self._judge(request_id, runs, now)

    def verified(self, verification: Verification, now: Micros) -> None:
        """A report of ST[01] was emitted."""
        runs = self._commands.get(verification.request_id)
        if runs is None:
            return
        runs.started += verification.stage is Stage.STARTED
        runs.ended += verification.stage in (Stage.COMPLETED, Stage.COMPLETION_FAILED)
        self._judge(verification.request_id, runs, now)

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found."""
        return self._log.findings()

    def _new(self, request_id: bytes) -> _Runs:
        self._commands[request_id] = runs = _Runs()
        self._commands.move_to_end(request_id)
        if len(self._commands) > REQUESTS_MAX:
            self._commands.popitem(last=False)
        return runs

    def _judge(self, request_id: bytes, runs: _Runs, now: Micros) -> None:
        if runs.told or runs.many or max(runs.executed, runs.started, runs.ended) <= 1:
            return
        runs.told = True
        counts = f"run {runs.executed}, started {runs.started}, ended {runs.ended} times"
        self._log.breach(now, f"{name_of(request_id)}, sent AD, was {counts}")


class NothingUnaccepted:
    """Nothing runs, and nothing is reported on, that did not come in a frame which the receiver may accept.

    What came inside another telecommand is kept on board, and may run in this life or in a later one.
    """

    RULE: Final = "nothing-unaccepted"

    def __init__(self, acceptance: Acceptance) -> None:
        self._log = Log(self.RULE)
        self._acceptance = acceptance
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._stored: OrderedDict[bytes, None] = OrderedDict()
        self._tapped = False

    def born(self, now: Micros) -> None:
        """A new life knows nothing of what came to the old one."""
        self._known.clear()

    def acceptable(self, brought: Brought, now: Micros) -> None:
        """A telecommand has come that may have been accepted."""
        _remember(self._known, brought.request_id)
        for carried in brought.carried:
            _remember(self._stored, carried.request_id)

    def executed(self, request_id: bytes, now: Micros) -> None:
        """The execution of a request was run."""
        self._tapped = True
        self._run(request_id, now)

    def verified(self, verification: Verification, now: Micros) -> None:
        """A report of ST[01] was emitted."""
        stage, request_id = verification.stage, verification.request_id
        if request_id not in self._known and request_id not in self._stored and not self._acceptance.lost:
            self._log.breach(now, f"{stage.name} for {name_of(request_id)}, which never came")
        elif stage in _BEFORE_EXECUTION or (stage is Stage.START_FAILED and not self._tapped):
            self._acceptance.settled(request_id)
        elif stage is Stage.STARTED and not self._tapped:
            self._run(request_id, now)

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found."""
        return self._log.findings()

    def _run(self, request_id: bytes, now: Micros) -> None:
        if request_id not in self._stored and not self._acceptance.ran(request_id):
            self._log.breach(now, f"{name_of(request_id)} was run, and no accepted frame has brought it")


def _remember(known: OrderedDict[bytes, None], request_id: bytes) -> None:
    known[request_id] = None
    known.move_to_end(request_id)
    if len(known) > REQUESTS_MAX:
        known.popitem(last=False)
