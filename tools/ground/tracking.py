"""The life of a telecommand as the ground sees it: an automaton a request, driven by link events and ST[01] reports.

Stages come from three witnesses: our own transmitter (sent), COP-1 (received, the CLCW's word) and the payload
(accepted, started, progress, completed or a failure). Any report may be lost, so a later word implies the earlier
ones and a word after the verdict still counts: only COMPLETED, REJECTED and FAILED are final (contract, section 3).
Reports on a request that never left the ground speak of an older one with the same id, and change nothing.
"""

from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.pus.ids import FailureCode
from fsw.pus.st01 import Stage, Verification


@unique
class State(Enum):
    """Where a request stands; the values are what operators and `--json` read."""

    QUEUED = "queued"
    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    STARTED = "started"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown: interrupted"
    NO_WORD = "no word in time"
    NOT_SENT = "not sent"
    NEVER = "never arrived"
    CUT = "cut short by a reset"
    CARRIED = "waits on board"


@unique
class Word(Enum):
    """What can be heard of a request; the values name stages in records."""

    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    STARTED = "started"
    PROGRESS = "progress"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TIMEOUT = "timeout"
    ABSENT = "absent"  # the payload's list of fates is whole, and does not have it
    CUT = "cut"  # that list says that the life ended first
    CARRIED = "carried"  # what carries it has been executed


_Q, _S, _R, _A, _B = State.QUEUED, State.SENT, State.RECEIVED, State.ACCEPTED, State.STARTED
_C, _J, _F = State.COMPLETED, State.REJECTED, State.FAILED
_U, _W, _N = State.UNKNOWN, State.NO_WORD, State.NOT_SENT
_V, _X, _K = State.NEVER, State.CUT, State.CARRIED
_COLUMNS: Final = (_Q, _S, _R, _A, _B, _C, _J, _F, _U, _W, _N, _V, _X, _K)

# fmt: off
TABLE: Final[dict[Word, tuple[State, ...]]] = {
    #                 QUEUED SENT RECVD ACCPT START COMPL REJCT FAILD UNKNW NOWRD NOTSN NEVER CUT  CARRIED
    Word.SENT:        (_S,   _S,  _R,   _A,   _B,   _C,   _J,   _F,   _U,   _W,   _N,   _V,   _X,  _K),
    Word.RECEIVED:    (_Q,   _R,  _R,   _A,   _B,   _C,   _J,   _F,   _U,   _R,   _N,   _V,   _X,  _K),
    Word.ACCEPTED:    (_Q,   _A,  _A,   _A,   _B,   _C,   _J,   _F,   _U,   _A,   _N,   _A,   _X,  _A),
    Word.STARTED:     (_Q,   _B,  _B,   _B,   _B,   _C,   _J,   _F,   _U,   _B,   _N,   _B,   _X,  _B),
    Word.PROGRESS:    (_Q,   _B,  _B,   _B,   _B,   _C,   _J,   _F,   _U,   _B,   _N,   _B,   _X,  _B),
    Word.COMPLETED:   (_Q,   _C,  _C,   _C,   _C,   _C,   _J,   _F,   _C,   _C,   _N,   _C,   _C,  _C),
    Word.REJECTED:    (_Q,   _J,  _J,   _J,   _J,   _C,   _J,   _F,   _J,   _J,   _N,   _J,   _J,  _J),
    Word.FAILED:      (_Q,   _F,  _F,   _F,   _F,   _C,   _J,   _F,   _F,   _F,   _N,   _F,   _F,  _F),
    Word.INTERRUPTED: (_N,   _U,  _U,   _U,   _U,   _C,   _J,   _F,   _U,   _W,   _N,   _V,   _X,  _K),
    Word.TIMEOUT:     (_N,   _W,  _W,   _W,   _W,   _C,   _J,   _F,   _U,   _W,   _N,   _V,   _X,  _K),
    Word.ABSENT:      (_Q,   _S,  _R,   _A,   _B,   _C,   _J,   _F,   _V,   _V,   _N,   _V,   _X,  _K),
    Word.CUT:         (_Q,   _S,  _R,   _A,   _B,   _C,   _J,   _F,   _X,   _X,   _N,   _X,   _X,  _X),
    Word.CARRIED:     (_K,   _S,  _R,   _A,   _B,   _C,   _J,   _F,   _U,   _W,   _N,   _V,   _X,  _K),
}
# fmt: on
assert set(TABLE) == set(Word)
assert all(len(row) == len(_COLUMNS) for row in TABLE.values())
assert set(_COLUMNS) == set(State)

VERDICTS: Final = frozenset((_C, _J, _F, _U, _W, _N, _V, _X, _K))
"""Where the ground waits for nothing more by itself; in three of them words may still come from far later."""
UNDECIDED: Final = frozenset((_U, _W))
"""Verdicts that leave the fate open: the payload's list is asked for it."""
FINAL: Final = frozenset((_C, _J, _F))
TRACKED_MAX: Final = 1024

_WORDS: Final = {
    Stage.ACCEPTED: Word.ACCEPTED,
    Stage.ACCEPTANCE_FAILED: Word.REJECTED,
    Stage.ROUTING_FAILED: Word.REJECTED,
    Stage.STARTED: Word.STARTED,
    Stage.START_FAILED: Word.FAILED,
    Stage.PROGRESS: Word.PROGRESS,
    Stage.PROGRESS_FAILED: Word.FAILED,
    Stage.COMPLETED: Word.COMPLETED,
    Stage.COMPLETION_FAILED: Word.FAILED,
}
_FAILED_AT: Final = {
    Stage.ACCEPTANCE_FAILED: "acceptance",
    Stage.ROUTING_FAILED: "routing",
    Stage.START_FAILED: "start",
    Stage.PROGRESS_FAILED: "progress",
    Stage.COMPLETION_FAILED: "completion",
}
FAILURE_TEXT: Final[dict[FailureCode, str]] = {
    FailureCode.UNKNOWN_APID: "no such process on board",
    FailureCode.LENGTH: "the packet's length does not agree with its frame",
    FailureCode.CHECKSUM: "the packet's checksum is wrong",
    FailureCode.SERVICE: "the process does not have this service",
    FailureCode.SUBTYPE: "the service does not have this subtype",
    FailureCode.DATA: "the arguments do not have the declared layout or range",
    FailureCode.PUS_VERSION: "not PUS-C",
    FailureCode.SOURCE: "this source may not command",
    FailureCode.BUSY: "busy or queue full: send it again later",
    FailureCode.UNKNOWN_ID: "no such identifier on board",
    FailureCode.ALREADY_EXISTS: "it exists already",
    FailureCode.CAPACITY: "no room for another",
    FailureCode.OUT_OF_RANGE: "a value is out of its range",
    FailureCode.WRONG_STATE: "not possible in the present state, or the device is absent",
    FailureCode.PAYLOAD_CHECKSUM: "the checksum of the carried data is wrong",
    FailureCode.ADDRESS: "address or offset out of range",
    FailureCode.TIME_PAST: "the time is past",
    FailureCode.NOT_EMPTY: "not empty",
    FailureCode.PROTECTED: "protected or read-only",
    FailureCode.TIMEOUT: "timed out on board: the outcome is unknown, read it back",
    FailureCode.INTERNAL: "internal fault on board",
    FailureCode.EXPIRED: "too late, or the payload's time was never set",
}


class StageChange(NamedTuple):
    """One word on one request. `code`, `failed_at` and `text` are set for failures, `step` for progress."""

    at: Micros
    ticket: int
    name: str
    request_id: bytes
    word: Word
    state: State
    step: int | None = None
    code: int | None = None
    failed_at: str = ""
    text: str = ""
    late: bool = False

    @property
    def verdict(self) -> bool:
        """Whether this word decided the request."""
        return self.state in VERDICTS


class Request(NamedTuple):
    """What the tracker remembers of a request; `due` is when silence becomes a verdict."""

    ticket: int
    name: str
    request_id: bytes
    state: State
    due: Micros


class Former(NamedTuple):
    """A request of a session that has ended, and where it stood then."""

    name: str
    request_id: bytes
    state: State

    @property
    def words(self) -> tuple[Word, ...]:
        """What must be heard of it again for it to stand where it did, and its fate to be open."""
        if self.state is State.CARRIED:
            return (Word.CARRIED,)
        arrived = (Word.RECEIVED,) if self.state in (_R, _A, _B) else ()
        return (Word.SENT, *arrived, Word.INTERRUPTED)


def code_name(code: int) -> str:
    """`OUT_OF_RANGE (0x13)`; a code that the contract does not list is shown by its number."""
    try:
        return f"{FailureCode(code).name} (0x{code:02X})"
    except ValueError:
        return f"unlisted code (0x{code:02X})"


def code_text(code: int) -> str:
    """A failure code in words, for people; empty where the contract does not list it."""
    try:
        return FAILURE_TEXT[FailureCode(code)]
    except ValueError:
        return ""


class Tracker:
    """All requests of a session, by ticket and by request id. The oldest decided ones are forgotten past 1024.

    `word_us` is the longest silence between two words on a request that is on the wire.
    """

    def __init__(self, word_us: int) -> None:
        self.word_us = word_us
        self._requests: dict[int, Request] = {}
        self._open: dict[int, Request] = {}  # those without a verdict: what timers look through
        self._by_id: dict[bytes, int] = {}
        self._aliases: dict[int, bytes] = {}
        self.strangers = 0  # reports on requests that are not ours

    def open(self, ticket: int, name: str, request_id: bytes, due: Micros) -> bool:
        """Begin to track a queued request; False when too many are undecided. A reused id names the newest request."""
        if len(self._requests) >= TRACKED_MAX and not self._forget():
            return False
        self._keep(Request(ticket, name, request_id, State.QUEUED, due))
        self._by_id[request_id] = ticket
        return True

    def state(self, ticket: int) -> State | None:
        """Where a request stands; None when it is forgotten or was never tracked."""
        request = self._requests.get(ticket)
        return request.state if request else None

    def hear(self, ticket: int, word: Word, now: Micros, text: str = "", code: int | None = None) -> StageChange | None:
        """A word of our own side, or of the payload's list of fates. None when it says nothing new."""
        request = self._requests.get(ticket)
        if request is None:
            return None
        return self._move(
            request,
            word,
            now,
            StageChange(now, ticket, request.name, request.request_id, word, _Q, None, code, "", text),
        )

    def alias(self, ticket: int, request_id: bytes) -> None:
        """A second request id under which reports on a request may come: that of what wraps it."""
        self._by_id[request_id] = ticket
        self._aliases[ticket] = request_id

    def standing(self, states: frozenset[State]) -> list[Request]:
        """Requests in one of these states, oldest first."""
        return [request for request in self._requests.values() if request.state in states]

    def report(self, verification: Verification, now: Micros) -> StageChange | None:
        """A verification report of the payload; None for a stranger's (counted) and for a repetition."""
        ticket = self._by_id.get(verification.request_id)
        if ticket is None:
            self.strangers += 1
            return None
        request = self._requests[ticket]
        word, code = _WORDS[verification.stage], verification.code
        text = "" if code is None else f"{code_name(code)}: {code_text(code)}".rstrip(": ")
        change = StageChange(
            now,
            ticket,
            request.name,
            request.request_id,
            word,
            _Q,
            verification.step,
            code,
            _FAILED_AT.get(verification.stage, ""),
            text,
        )
        return self._move(request, word, now, change)

    def expire(self, now: Micros) -> list[StageChange]:
        """Requests whose silence has lasted too long become verdicts."""
        late = [r for r in self.undecided() if r.due <= now]
        changes = []
        for request in late:
            text = (
                "the link never became ready"
                if request.state is State.QUEUED
                else f"{request.state.value}, then silence for {self.word_us / 1e6:g} s"
            )
            change = self.hear(request.ticket, Word.TIMEOUT, now, text)
            if change:
                changes.append(change)
        return changes

    def next_due(self) -> Micros:
        """When the first silence runs out, NEVER when nothing is open."""
        return min([r.due for r in self._open.values()]) if self._open else NEVER

    def undecided(self) -> list[Request]:
        """Requests without a verdict, oldest first."""
        return [self._open[ticket] for ticket in sorted(self._open)]

    def _keep(self, request: Request) -> None:
        self._requests[request.ticket] = request
        if request.state in VERDICTS:
            self._open.pop(request.ticket, None)
        else:
            self._open[request.ticket] = request

    def _move(self, request: Request, word: Word, now: Micros, change: StageChange) -> StageChange | None:
        before = request.state
        state = TABLE[word][_COLUMNS.index(before)]
        if before in FINAL or (state is before and word is not Word.PROGRESS):
            return None
        due = NEVER if state in VERDICTS else Micros(now + self.word_us)
        self._keep(request._replace(state=state, due=due))
        return change._replace(state=state, late=before in VERDICTS)

    def _forget(self) -> bool:
        for ticket, request in self._requests.items():
            if request.state in VERDICTS:
                del self._requests[ticket]
                for request_id in (request.request_id, self._aliases.pop(ticket, b"")):
                    if self._by_id.get(request_id) == ticket:
                        del self._by_id[request_id]
                return True
        return False
