"""Where clients come to the session: their messages in, replies by client out; sans-IO, as the session itself.

A client that has not shown a token may say nothing but hello; what it may ask for then, its role says (`roles.py`).
What a client sends is judged like any other input: nothing it says raises. What is refused is counted by name.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from tools.ground.door import Door
from tools.ground.expiry import LOS
from tools.ground.key_work import KeyWork, wish_of
from tools.ground.operators import SOURCE_ID_MAX, Operator
from tools.ground.protocol import Message
from tools.ground.records import Data, Record, as_json, stage_json
from tools.ground.recovery_work import RecoveryWork
from tools.ground.request import Refusal, Why
from tools.ground.roles import COMMANDS, Verb, lowest, may, verb_of
from tools.ground.samples import Page, Question, question
from tools.ground.session import SOURCE_ID, Session
from tools.ground.ticket import Sender, Ticket
from tools.ground.tracking import StageChange

CLIENTS_MAX: Final = 64
CONNECTIONS_MAX: Final = 16
"""Of one operator; a local user has the whole house."""
REQUESTS_MAX: Final = 256
WATCHES_MAX: Final = 8


class Asked(NamedTuple):
    """What a client wants of the process rather than of the session; `what` is route, samples or stop."""

    client: int
    request: Data
    what: str
    argument: str = ""
    question: Question | None = None


class _Client:
    __slots__ = ("leaving", "operator", "origin", "paging", "tickets", "watches")

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.operator: Operator | None = None
        self.leaving = False
        self.paging = False
        self.tickets: dict[int, Data] = {}
        self.watches: list[Data] = []


class Desk:
    """All clients of one session."""

    def __init__(
        self, session: Session, door: Door, about: Mapping[str, Data], key_work: KeyWork | None = None,
        recovery: RecoveryWork | None = None,
    ) -> None:  # fmt: skip
        self._session = session
        self._key_work = key_work
        self._recovery = recovery
        self._rotating: tuple[int, Data] | None = None
        """Whose request the last change of keys is."""
        self._door = door
        self.refusals: Counter[str] = Counter()
        """How often something was refused to a client, by what it was."""
        self.about: dict[str, Data] = dict(about)
        """What hello and status tell of the process: ports, state directory, mission."""
        self._clients: dict[int, _Client] = {}
        self._last: dict[str, tuple[Record, int]] = {}
        self._replies: list[tuple[int, Message]] = []
        self._asked: list[Asked] = []
        self._leaving: list[int] = []

    # --- in -------------------------------------------------------------------------------------------------------

    def connect(self, client: int, origin: str = "") -> bool:
        """A client is at the door, `origin` is where it comes from; False when the house is full."""
        if len(self._clients) >= CLIENTS_MAX:
            return False
        self._clients[client] = _Client(origin)
        return True

    def disconnect(self, client: int, now: Micros) -> None:
        """A client has left: what it sent and what has not left yet is withdrawn, for nobody waits for it."""
        state = self._clients.pop(client, None)
        if self._key_work is not None and self._rotating is not None and self._rotating[0] == client:
            self._key_work.stop("its operator left", self._session, now)
        left = [] if self._recovery is None else self._recovery.leave(client)
        if state is not None:
            for ticket in (*state.tickets, *left):
                self._session.withdraw(ticket, now)

    def greeted(self, client: int) -> bool:
        """Whether a client has shown a token."""
        return client in self._clients and self._clients[client].operator is not None

    def turn_away(self, reason: str, origin: str, now: Micros) -> None:
        """Count a refusal, and remark it."""
        self.refusals[reason] += 1
        self._session.saying.note(f"{reason}: {origin.rpartition(':')[0] or origin}", now)  # one a host and second

    def operators_changed(self, now: Micros) -> None:
        """Who is no operator any more, or another than before, must leave; what has not left yet is withdrawn."""
        for client, state in self._clients.items():
            if state.operator is not None and not state.leaving and not self._door.knows(state.operator):
                self.turn_away("access withdrawn", f"{state.operator.name} from {state.origin}", now)
                self._let_go(client, state, "your access was withdrawn or has changed")

    def message(self, client: int, message: Message | str, now: Micros) -> None:
        """One line of a client, as `protocol.decode` read it."""
        state = self._clients[client]
        if state.leaving:
            return
        if isinstance(message, str):
            self._reply(client, {"error": message})
        elif state.operator is None:
            self._hello(client, state, message, now)
        else:
            self._serve(client, state, state.operator, message, now)

    def records(self, records: list[Record], utc_us: Callable[[Micros], int]) -> None:
        """Pass the session's records on to those who asked; `utc_us` gives the wall time of a record's time."""
        for record in records:
            received = utc_us(record.at)
            if isinstance(record, StageChange):
                self._stage(record)
            if self._recovery is not None:
                self._recovery.record(record)
            self._keep(record, received)
            watchers = [(client, watch) for client, state in self._clients.items() for watch in state.watches]
            if watchers:
                said: Data = as_json(record, received)
                for client, watch in watchers:
                    self._reply(client, {"id": watch, "record": said})

    # --- out ------------------------------------------------------------------------------------------------------

    def take_replies(self) -> list[tuple[int, Message]]:
        """What to write to whom, in order."""
        self._tell_rotation()
        for (client, request), told in [] if self._recovery is None else self._recovery.take_news():
            if client in self._clients:
                self._reply(client, {"id": request, **told})
        taken, self._replies = self._replies, []
        return taken

    def take_asked(self) -> list[Asked]:
        """What the process is to do; it answers with `answer`."""
        taken, self._asked = self._asked, []
        return taken

    def take_leaving(self) -> list[int]:
        """Clients to be let go once their replies are written."""
        taken, self._leaving = self._leaving, []
        return taken

    def answer(self, asked: Asked, fault: str = "", page: Page | None = None) -> None:
        """The process has done what was asked, or could not; `page` is what a question about samples brought."""
        if asked.question is not None and asked.client in self._clients:
            self._clients[asked.client].paging = False
        reply: Message = {"id": asked.request}
        if fault:
            reply["error"] = fault
        elif page is None:
            reply["ok"] = True
        else:
            reply["samples"] = [list(row) for row in page.rows]
            reply["after"] = None if page.after is None else list(page.after)
        self._reply(asked.client, reply)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _hello(self, client: int, state: _Client, message: Message, now: Micros) -> None:
        token = message.get("token")
        operator = self._door.who(token) if message.get("op") == "hello" and isinstance(token, str) else None
        if operator is None:
            self.turn_away("no hello with a token of this session", state.origin, now)
            self._let_go(client, state, "the first message is hello with a token of this session")
        elif operator.source_id is not None and self._connections(operator) >= CONNECTIONS_MAX:
            self.turn_away("too many connections of one operator", f"{operator.name} from {state.origin}", now)
            self._let_go(client, state, f"{operator.name} has {CONNECTIONS_MAX} connections already")
        else:
            state.operator = operator
            who: Message = {"operator": operator.name, "role": operator.role.value}
            self._reply(client, {"hello": {**self.about, **who}})

    def _connections(self, operator: Operator) -> int:
        return sum(state.operator == operator for state in self._clients.values())

    def _let_go(self, client: int, state: _Client, sentence: str) -> None:
        self._reply(client, {"error": sentence})
        state.leaving = True
        self._leaving.append(client)

    def _serve(self, client: int, state: _Client, operator: Operator, message: Message, now: Micros) -> None:
        request, verb = message.get("id"), verb_of(message)
        if not isinstance(request, int | str):
            self._reply(client, {"error": "a request has an id"})
        elif verb is None or (verb is Verb.ROUTE and not isinstance(message.get("tc"), str)):
            self._reply(client, {"id": request, "error": f"unknown request {str(message.get('op'))[:40]!r}"})
        elif not may(operator.role, verb):
            self._forbid(client, state, operator, request, verb, now)
        else:
            if verb in COMMANDS and verb not in (Verb.SEND, Verb.FORCE):  # those have records of their own
                self._session.saying.note(f"{verb.value} by {operator.name} from {state.origin}", now)
            self._do(client, state, operator, request, verb, message, now)

    def _forbid(
        self, client: int, state: _Client, operator: Operator, request: int | str, verb: Verb, now: Micros
    ) -> None:
        """No verb that the role has not got, by whatever path; each refusal is on record."""
        name, role, _ = operator
        self.turn_away(f"{verb.value} is not for an {role.value}", f"{name} from {state.origin}", now)
        sentence = f"{name} is an {role.value}: {verb.value} needs an {lowest(verb).value}"
        refused: Message = {"refused": {"why": Why.ROLE.value, "sentence": sentence}}
        self._reply(client, {"id": request, **(refused if verb in (Verb.SEND, Verb.FORCE) else {"error": sentence})})

    def _do(
        self, client: int, state: _Client, operator: Operator, request: int | str, verb: Verb, message: Message,
        now: Micros,
    ) -> None:  # fmt: skip
        match verb:
            case Verb.SEND | Verb.FORCE:
                self._send(client, state, operator, request, message, now)
            case Verb.WATCH:
                self._watch(client, state, request)
            case Verb.STATUS:
                link = as_json(self._session.link(now), 0)
                del link["received"], link["kind"]
                refusals: Message = dict(self.refusals)
                self._reply(client, {"id": request, "status": {**self.about, "link": link, "refusals": refusals}})
            case Verb.SAMPLES:
                self._page(client, state, request, message)
            case Verb.SYNC:
                self._session.sync(now, f"link sync by {operator.name}")
                self._reply(client, {"id": request, "ok": True})
            case Verb.ROTATE:
                self._rotate(client, state, operator, request, message)
            case Verb.GAPS | Verb.RECOVER:
                self._recover(client, state, operator, request, verb)
            case Verb.STOP | Verb.ROUTE:
                self._asked.append(Asked(client, request, verb.value, str(message.get("tc", ""))))

    def _send(
        self, client: int, state: _Client, operator: Operator, request: int | str, message: Message, now: Micros
    ) -> None:
        name, arguments = message.get("name"), message.get("arguments", {})
        own = operator.source_id
        source_id, force = message.get("source_id", SOURCE_ID if own is None else own), message.get("force", False)
        not_after = message.get("not_after", LOS)
        if (
            not isinstance(name, str)
            or not isinstance(arguments, dict)
            or not all(isinstance(word, str) for word in arguments.values())
            or type(source_id) is not int
            or not 0 <= source_id <= SOURCE_ID_MAX
            or not isinstance(force, bool)
            or not isinstance(not_after, str)
            or len(state.tickets) >= REQUESTS_MAX
        ):
            self._reply(
                client,
                {"id": request, "error": "send takes a name, arguments and not_after as text, source_id 0 to 65535"},
            )
            return
        words = {key: str(word) for key, word in arguments.items()}
        ticket: Ticket | Refusal
        if own is not None and source_id != own:
            self.turn_away("another's source id", f"{operator.name} from {state.origin}", now)
            ticket = Refusal(Why.ROLE, f"source id {source_id} is not that of {operator.name}, which is {own}")
        else:
            by = Sender(operator.name, state.origin)
            ticket = self._session.send(name, words, source_id, now, force=force, not_after=not_after, by=by)
        if isinstance(ticket, Refusal):
            refused: Data = {"why": ticket.why.value, "sentence": ticket.sentence}
            self._reply(client, {"id": request, "refused": refused})
            return
        state.tickets[ticket.number] = request
        told: Data = {
            "ticket": ticket.number,
            "name": ticket.name,
            "apid": ticket.apid,
            "service": ticket.service,
            "sequence_count": ticket.sequence_count,
            "request_id": ticket.request_id.hex(),
            "expiry": ticket.expiry,
            "source_id": source_id,
            "operator": operator.name,
            "from": state.origin,
            "link": self._session.uplink.state(now).value,
        }
        self._reply(client, {"id": request, "ticket": told})

    def _rotate(self, client: int, state: _Client, operator: Operator, request: int | str, message: Message) -> None:
        wish = wish_of(message)
        if isinstance(wish, str) or self._key_work is None:
            self._reply(client, {"id": request, "error": wish if isinstance(wish, str) else "no keys are changed here"})
            return
        source_id = SOURCE_ID if operator.source_id is None else operator.source_id
        refused = self._key_work.begin(wish, Sender(operator.name, state.origin), source_id)
        if refused:
            self._reply(client, {"id": request, "error": refused})
            return
        self._rotating = client, request
        self._reply(client, {"id": request, "ok": True})

    def _tell_rotation(self) -> None:
        """Pass on what a change of keys says, to who asked for it."""
        for key, text, ending in [] if self._key_work is None else self._key_work.take_news():
            if self._rotating is not None and self._rotating[0] in self._clients:
                told: dict[str, Data] = {"key": None if key is None else f"{key:04x}", "text": text}
                if ending is not None:
                    told |= {"ending": ending.value}
                self._reply(self._rotating[0], {"id": self._rotating[1], "rotation": told})

    def _recover(self, client: int, state: _Client, operator: Operator, request: int | str, verb: Verb) -> None:
        source_id = SOURCE_ID if operator.source_id is None else operator.source_id
        refused = "nothing is recovered here"
        if self._recovery is not None and verb is Verb.GAPS:
            refused = self._recovery.show((client, request))
        elif self._recovery is not None:
            refused = self._recovery.begin((client, request), Sender(operator.name, state.origin), source_id)
        if refused:
            self._reply(client, {"id": request, "error": refused})

    def _watch(self, client: int, state: _Client, request: int | str) -> None:
        if len(state.watches) >= WATCHES_MAX:
            self._reply(client, {"id": request, "error": "too many watches"})
            return
        state.watches.append(request)
        for record, received in self._last.values():
            self._reply(client, {"id": request, "record": as_json(record, received)})

    def _page(self, client: int, state: _Client, request: int | str, message: Message) -> None:
        asked = "samples: one page at a time" if state.paging else question(message)
        if isinstance(asked, str):
            self._reply(client, {"id": request, "error": asked})
            return
        state.paging = True
        self._asked.append(Asked(client, request, "samples", question=asked))

    def _stage(self, change: StageChange) -> None:
        for client, state in self._clients.items():
            if change.ticket in state.tickets:
                self._reply(client, {"id": state.tickets[change.ticket], "stage": stage_json(change)})
                if change.verdict:
                    del state.tickets[change.ticket]

    def _keep(self, record: Record, received: int) -> None:
        """A watcher that comes later begins with the link's state and the lander's last report of each kind."""
        kind = type(record).__name__
        if kind == "LinkRecord":
            self._last[kind] = (record, received)
        elif kind == "LanderRecord" and getattr(record, "fault", "") == "":
            self._last[f"{kind} {getattr(record, 'apid', 0)}"] = (record, received)

    def _reply(self, client: int, message: Message) -> None:
        self._replies.append((client, message))
