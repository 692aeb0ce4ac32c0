"""What the ground asks after a gap: which requests have an open fate, and what the payload's own list says of them.

Evidence is always a whole list: every number from the oldest remembered to the newest, heard in the answer to a
question that left after the request did (COP-1 keeps the order, so what had not come by then never will). A request
that is not on it never arrived, or in the last milliseconds of a life, and then it is nowhere on the disk; one that
COP-1 or the payload had confirmed before was cut short with its life.
"""

from typing import Final, NamedTuple

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.fates import FATES_MAX, Fate, FateList, LastWord
from fsw.pus.ids import TimeStatus
from tools.ground.times import since_boot_text, tai_to_utc_text
from tools.ground.tracking import UNDECIDED, Request, StageChange, State, Word, code_name, code_text

COMMAND: Final = "system.fates.report"
SETTLE_US: Final = 2_000_000
"""How long a link must have been ready before it is asked."""
ASKS_MAX: Final = 4
"""Questions of one contact in a row that may remain without an answer that decides, unless another fate has opened."""
SENT_MAX: Final = 4_096
TOLERANCE_US: Final = 60_000_000
"""How far the times of ground and payload may disagree before an entry counts as another's."""

_WORDS: Final = {
    LastWord.ACCEPTED: Word.ACCEPTED,
    LastWord.STARTED: Word.STARTED,
    LastWord.COMPLETED: Word.COMPLETED,
    LastWord.REJECTED: Word.REJECTED,
    LastWord.NOT_ROUTED: Word.REJECTED,
    LastWord.REFUSED: Word.FAILED,
    LastWord.FAILED: Word.FAILED,
    LastWord.CUT: Word.CUT,
}
_ARRIVED: Final = frozenset((Word.RECEIVED, Word.ACCEPTED, Word.STARTED, Word.PROGRESS))


class Ruling(NamedTuple):
    """What a list says of one request."""

    ticket: int
    word: Word
    code: int | None
    text: str


class Fates:
    """Sans-IO: told of every stage and of every list; says when to ask, and rules."""

    def __init__(self, patience_us: int) -> None:
        self._patience_us = patience_us
        self._open: set[int] = set()
        self._arrived: set[int] = set()
        self._sent_tai_us: dict[int, int | None] = {}
        self._asked: int | None = None
        self._answered = False
        """Whether the question is done with, and its list is not whole: verification overtakes what fills a frame."""
        self._asks = 0
        self._ask_us: Micros = NEVER
        self._lists: list[FateList] = []

    # --- in -------------------------------------------------------------------------------------------------------

    def stage(self, change: StageChange, tai_us: int | None) -> None:
        """A word on a request; `tai_us` is the payload's time now, as far as it is known."""
        ticket = change.ticket
        if change.word is Word.SENT:
            self._sent_tai_us.setdefault(ticket, tai_us)
            if len(self._sent_tai_us) > SENT_MAX:
                del self._sent_tai_us[next(iter(self._sent_tai_us))]
        if change.word in _ARRIVED:
            self._arrived.add(ticket)
        if change.state in UNDECIDED:
            self._asks = self._asks if ticket in self._open or ticket == self._asked else 0
            self._open.add(ticket)
        elif change.verdict:
            self._open.discard(ticket)
            self._arrived.discard(ticket)
        if ticket == self._asked and change.verdict and change.state is not State.COMPLETED:
            self._asked = None

    def told(self, report: FateList) -> None:
        """A report of the list; those of an answer to our question count."""
        if self._asked is not None and len(self._lists) <= FATES_MAX:
            self._lists.append(report)

    def link(self, ready: bool, now: Micros) -> None:
        """Whether a question would leave at once."""
        if not ready:
            self._ask_us, self._asks = NEVER, 0
        elif self._ask_us == NEVER:
            self._ask_us = Micros(now + SETTLE_US)

    # --- out ------------------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether there is anything to ask."""
        return bool(self._open) and (self._asked is None or self._answered) and self._asks < ASKS_MAX

    @property
    def due(self) -> Micros:
        """When to ask; NEVER while there is nothing to ask or no link."""
        return self._ask_us if self.wanted else NEVER

    def asked(self, ticket: int | None, now: Micros) -> None:
        """The question has been queued, or was refused (None)."""
        self._asked, self._answered = ticket, False
        self._asks += 1
        self._ask_us = Micros(now + self._patience_us)
        self._lists.clear()

    def rule(self, ticket: int, requests: list[Request]) -> list[Ruling]:
        """The request of this ticket has completed; when it is our question: what its list says of these requests.

        A list that is not whole yet rules on what it has. What is missing may still come (`rule_late`), or is asked for
        again.
        """
        if ticket != self._asked:
            return []
        self._answered = True
        return self._rule(ticket, requests)

    def rule_late(self, requests: list[Request]) -> list[Ruling]:
        """A part of the list has come behind the completion of our question; what it says once the list is whole."""
        if self._asked is None or not self._answered or not _complete(self._lists):
            return []
        return self._rule(self._asked, requests)

    def _rule(self, ticket: int, requests: list[Request]) -> list[Ruling]:
        lists, complete = self._lists, _complete(self._lists)
        if complete:
            self._asked, self._answered, self._lists = None, False, []
        if not lists:
            return []
        fates = {fate.number: fate for each in lists for fate in each.fates}
        last = lists[-1]
        numbers = [number for number in range(last.oldest, last.following) if number in fates]
        newest = {fates[number].request_id: fates[number] for number in numbers}
        ruled = []
        for request in requests:
            if request.ticket >= ticket:
                continue
            fate = newest.get(request.request_id)
            if fate is not None and self._is_of(fate, request.ticket):
                ruled.append(_found(request.ticket, fate, last))
            elif request.state in UNDECIDED and complete and last.whole and self._reaches(request, last, fates):
                ruled.append(self._absent(request.ticket, last))
        self._asks = 0 if ruled else self._asks
        return ruled

    def _is_of(self, fate: Fate, ticket: int) -> bool:
        """Whether an entry of this request id can be this request's: not when it came before the request left."""
        sent, came = self._sent_tai_us.get(ticket), cuc_decode(fate.time)
        if fate.time_status is TimeStatus.NEVER_SET or sent is None or came is None:
            return True
        return came >= sent - TOLERANCE_US

    def _reaches(self, request: Request, last: FateList, fates: dict[int, Fate]) -> bool:
        """Whether the list goes back to before the request was sent: it has not lost its oldest, or they are older."""
        if last.following - last.oldest < FATES_MAX:
            return True
        oldest, sent = fates.get(last.oldest), self._sent_tai_us.get(request.ticket)
        if oldest is None or sent is None or oldest.time_status is TimeStatus.NEVER_SET:
            return False
        came = cuc_decode(oldest.time)
        return came is not None and came < sent - TOLERANCE_US

    def _absent(self, ticket: int, last: FateList) -> Ruling:
        where = f"{_list_text(last)} does not have it"
        if ticket in self._arrived:
            return Ruling(ticket, Word.CUT, None, f"it had arrived, but {where}: that life ended before it was written")
        return Ruling(ticket, Word.ABSENT, None, f"{where}; had the last moment of a life brought it, it left nothing")


def _complete(lists: list[FateList]) -> bool:
    """Whether these are a whole answer, to its end."""
    if not lists or not lists[-1].fates:
        return False
    return lists[-1].fates[-1].number == lists[-1].following - 1 and _contiguous(lists)


def _contiguous(lists: list[FateList]) -> bool:
    """Whether no report of an answer is missing: each begins where the one before ended."""
    after: int | None = None
    for each in lists:
        if each.fates and after is not None and each.fates[0].number > after:
            return False
        if each.fates:
            if after is None and each.fates[0].number > max(each.first, each.oldest):
                return False
            after = each.fates[-1].number + 1
    return True


def _found(ticket: int, fate: Fate, last: FateList) -> Ruling:
    came = cuc_decode(fate.time) or 0
    unset = fate.time_status is TimeStatus.NEVER_SET
    when = since_boot_text(came) if unset else tai_to_utc_text(came)
    said = fate.word.name.lower().replace("_", " ")
    failed = fate.word not in (LastWord.ACCEPTED, LastWord.STARTED, LastWord.COMPLETED, LastWord.CUT)
    code = fate.code if failed else None
    why = "" if code is None else f" {code_name(code)}: {code_text(code)}".rstrip(": ")
    return Ruling(ticket, _WORDS[fate.word], code, f"{said}{why}; it came at {when} ({_list_text(last)})")


def _list_text(last: FateList) -> str:
    return f"the payload's list in life {last.boot_count}, requests {last.oldest} to {last.following - 1}"
