"""Housekeeping structures that were made in flight: what the ground must know of them to read their reports.

They outlive the payload's resets, and this session may not have made them: a report that cannot be read is what the
payload is asked about (3,9), a bounded number of times in one of its lives.
"""

from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.database import Database, EncodedCommand
from fsw.mdb.model import Parameter, Structure
from fsw.mdb.standard_services import AppendParameters, CreateStructure, DeleteStructures, StructureReport
from fsw.pus.ids import Service
from fsw.pus.tm import Telemetry
from tools.ground.decoding import Decoded

COMMAND: Final = "housekeeping.describe"
STRUCTURES_MAX: Final = 64
ASKS_MAX: Final = 3
"""Questions about one structure in a life of the payload."""
ASK_US: Final = 1_000_000
"""How long what is under way has to say it before the payload is asked."""
AGAIN_US: Final = 60_000_000
_HOUSEKEEPING: Final = (Service.HOUSEKEEPING, 25)
_Change = CreateStructure | AppendParameters | DeleteStructures


class FlightStructures:
    """`known`: by id, as they were commanded and completed, or as the payload reported them."""

    def __init__(self) -> None:
        self.known: dict[int, Structure] = {}
        self._changing: dict[int, _Change] = {}
        self._unread: dict[int, int] = {}
        """How often the payload was asked about each that could not be read."""
        self._ask_us: Micros = NEVER

    def sent(self, database: Database, ticket: int, command: EncodedCommand) -> None:
        """A telecommand; one that changes structures is remembered until it ends."""
        call = database.decode_command(command.apid, command.service, command.subtype, command.data)
        body = getattr(call, "body", None)
        if isinstance(body, _Change) and len(self._changing) < STRUCTURES_MAX:
            self._changing[ticket] = body

    def ended(self, database: Database, ticket: int, *, completed: bool) -> None:
        """A telecommand has its verdict."""
        change = self._changing.pop(ticket, None)
        match change if completed else None:
            case CreateStructure() as made:
                self._know(database, made.sid, made.interval, made.parameters)
            case AppendParameters() as more if more.sid in self.known:
                held = self.known[more.sid]
                pids = (*(parameter.pid for parameter in held.parameters), *more.parameters)
                self._know(database, more.sid, held.interval, pids)
            case DeleteStructures() as gone:
                for sid in gone.sids:
                    self.known.pop(sid, None)
            case _:
                pass

    def hear(self, database: Database, decoded: Decoded, now: Micros) -> None:
        """A packet of telemetry: one that says what a structure holds is believed; one that cannot be read is noted."""
        if decoded.report is not None:
            body = decoded.report.body
            if isinstance(body, StructureReport):
                self._know(database, body.sid, body.interval, body.parameters)
            return
        header = decoded.header
        if isinstance(header, Telemetry) and (header.service, header.subtype) == _HOUSEKEEPING:
            sid = int.from_bytes(header.data[:2], "big")
            if sid in database.structures or len(self._unread) >= STRUCTURES_MAX:
                return
            self.known.pop(sid, None)
            if self._unread.setdefault(sid, 0) == 0 and self._ask_us == NEVER:
                self._ask_us = Micros(now + ASK_US)

    @property
    def due(self) -> Micros:
        """When to ask; NEVER while there is nothing to ask."""
        return self._ask_us

    def ask(self, now: Micros, ready: bool) -> str:
        """The structures to ask about now, as an operator writes them; none, and later, while there is no link."""
        if not ready:
            self._ask_us = Micros(now + ASK_US)
            return ""
        sids = [sid for sid, asks in self._unread.items() if asks < ASKS_MAX]
        for sid in sids:
            self._unread[sid] += 1
        left = any(asks < ASKS_MAX for asks in self._unread.values())
        self._ask_us = Micros(now + AGAIN_US) if left else NEVER
        return ",".join(map(str, sids))

    def rebooted(self) -> None:
        """Another life of the payload: what it kept stays known, what was under way may have been kept or not."""
        self._changing.clear()
        self._unread.clear()
        self._ask_us = NEVER

    def _know(self, database: Database, sid: int, interval: int, pids: tuple[int, ...]) -> None:
        parameters = database.parameters
        if sid in database.structures or not pids or not all(pid in parameters for pid in pids):
            return
        if sid in self.known or len(self.known) < STRUCTURES_MAX:
            held: tuple[Parameter, ...] = tuple(parameters[pid] for pid in pids)
            self.known[sid] = Structure(sid, f"structure.{sid}", held, max(1, interval))
            self._unread.pop(sid, None)
