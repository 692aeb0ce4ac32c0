"""Where clients come to the session: their messages in, replies by client out; sans-IO, as the session itself.

A client that has not shown the token may say nothing but hello. What a client sends is judged like any other input:
nothing it says raises.
"""

from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from tools.ground.expiry import LOS
from tools.ground.protocol import Message
from tools.ground.records import Data, Record, as_json, stage_json
from tools.ground.request import Refusal
from tools.ground.samples import Page, Question, question
from tools.ground.session import SOURCE_ID, Session
from tools.ground.tracking import StageChange

CLIENTS_MAX: Final = 64
REQUESTS_MAX: Final = 256
SOURCE_ID_MAX: Final = 0xFFFF


class Asked(NamedTuple):
    """What a client wants of the process rather than of the session; `what` is route, samples or stop."""

    client: int
    request: Data
    what: str
    argument: str = ""
    question: Question | None = None


class _Client:
    __slots__ = ("greeted", "leaving", "paging", "tickets", "watches")

    def __init__(self) -> None:
        self.greeted = False
        self.leaving = False
        self.paging = False
        self.tickets: dict[int, Data] = {}
        self.watches: list[Data] = []


class Desk:
    """All clients of one session."""

    def __init__(self, session: Session, token: str, about: Mapping[str, Data]) -> None:
        self._session = session
        self._token = token
        self.about: dict[str, Data] = dict(about)
        """What hello and status tell of the process: ports, state directory, mission."""
        self._clients: dict[int, _Client] = {}
        self._last: dict[str, tuple[Record, int]] = {}
        self._replies: list[tuple[int, Message]] = []
        self._asked: list[Asked] = []
        self._leaving: list[int] = []

    # --- in -------------------------------------------------------------------------------------------------------

    def connect(self, client: int) -> bool:
        """A client is at the door; False when the house is full."""
        if len(self._clients) >= CLIENTS_MAX:
            return False
        self._clients[client] = _Client()
        return True

    def disconnect(self, client: int, now: Micros) -> None:
        """A client has left: what it sent and what has not left yet is withdrawn, for nobody waits for it."""
        state = self._clients.pop(client, None)
        if state is not None:
            for ticket in state.tickets:
                self._session.withdraw(ticket, now)

    def greeted(self, client: int) -> bool:
        """Whether a client has shown the token."""
        return client in self._clients and self._clients[client].greeted

    def message(self, client: int, message: Message | str, now: Micros) -> None:
        """One line of a client, as `protocol.decode` read it."""
        state = self._clients[client]
        if state.leaving:
            return
        if isinstance(message, str):
            self._reply(client, {"error": message})
        elif not state.greeted:
            self._hello(client, message)
        else:
            self._serve(client, state, message, now)

    def records(self, records: list[Record], utc_us: Callable[[Micros], int]) -> None:
        """Pass the session's records on to those who asked; `utc_us` gives the wall time of a record's time."""
        for record in records:
            received = utc_us(record.at)
            if isinstance(record, StageChange):
                self._stage(record)
            self._keep(record, received)
            watchers = [(client, watch) for client, state in self._clients.items() for watch in state.watches]
            if watchers:
                said: Data = as_json(record, received)
                for client, watch in watchers:
                    self._reply(client, {"id": watch, "record": said})

    # --- out ------------------------------------------------------------------------------------------------------

    def take_replies(self) -> list[tuple[int, Message]]:
        """What to write to whom, in order."""
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

    def _hello(self, client: int, message: Message) -> None:
        token = message.get("token")
        if message.get("op") == "hello" and isinstance(token, str) and self._is_token(token):
            self._clients[client].greeted = True
            self._reply(client, {"hello": dict(self.about)})
        else:
            self._reply(client, {"error": "the first message is hello with the session's token"})
            self._clients[client].leaving = True
            self._leaving.append(client)

    def _is_token(self, token: str) -> bool:
        return compare_digest(token.encode("utf-8", "replace"), self._token.encode())

    def _serve(self, client: int, state: _Client, message: Message, now: Micros) -> None:
        request, op = message.get("id"), message.get("op")
        if not isinstance(request, int | str):
            self._reply(client, {"error": "a request has an id"})
        elif op == "send":
            self._send(client, state, request, message, now)
        elif op == "watch":
            self._watch(client, state, request)
        elif op == "status":
            link = as_json(self._session.link(now), 0)
            del link["received"], link["kind"]
            self._reply(client, {"id": request, "status": {**self.about, "link": link}})
        elif op == "samples":
            self._page(client, state, request, message)
        elif op == "stop":
            self._asked.append(Asked(client, request, "stop"))
        elif op == "route" and isinstance(message.get("tc"), str):
            self._asked.append(Asked(client, request, "route", str(message["tc"])))
        else:
            self._reply(client, {"id": request, "error": f"unknown request {str(op)[:40]!r}"})

    def _send(self, client: int, state: _Client, request: int | str, message: Message, now: Micros) -> None:
        name, arguments = message.get("name"), message.get("arguments", {})
        source_id, force = message.get("source_id", SOURCE_ID), message.get("force", False)
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
        ticket = self._session.send(name, words, source_id, now, force=force, not_after=not_after)
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
            "link": self._session.uplink.state(now).value,
        }
        self._reply(client, {"id": request, "ticket": told})

    def _watch(self, client: int, state: _Client, request: int | str) -> None:
        if len(state.watches) >= REQUESTS_MAX:
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
