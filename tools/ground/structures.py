"""Housekeeping structures that were made in flight: what the ground must know of them to read their reports."""

from typing import Final

from fsw.mdb.database import Database, EncodedCommand
from fsw.mdb.model import Parameter, Structure
from fsw.mdb.standard_services import CreateStructure, StructureReport

STRUCTURES_MAX: Final = 64


class FlightStructures:
    """`known`: by id, as they were commanded and completed, or as the payload reported them."""

    def __init__(self) -> None:
        self.known: dict[int, Structure] = {}
        self._creating: dict[int, CreateStructure] = {}

    def sent(self, database: Database, ticket: int, command: EncodedCommand) -> None:
        """A telecommand; one that makes a structure is remembered until it ends."""
        call = database.decode_command(command.apid, command.service, command.subtype, command.data)
        body = getattr(call, "body", None)
        if isinstance(body, CreateStructure) and len(self._creating) < STRUCTURES_MAX:
            self._creating[ticket] = body

    def ended(self, database: Database, ticket: int, *, completed: bool) -> None:
        """A telecommand has its verdict."""
        created = self._creating.pop(ticket, None)
        if created is not None and completed:
            self._know(database, created.sid, created.interval, created.parameters)

    def told(self, database: Database, body: object) -> None:
        """A report; one that says what a structure holds is believed."""
        if isinstance(body, StructureReport):
            self._know(database, body.sid, body.interval, body.parameters)

    def clear(self) -> None:
        """Another life of the payload."""
        self.known.clear()
        self._creating.clear()

    def _know(self, database: Database, sid: int, interval: int, pids: tuple[int, ...]) -> None:
        parameters = database.parameters
        if sid in database.structures or not pids or not all(pid in parameters for pid in pids):
            return
        if sid in self.known or len(self.known) < STRUCTURES_MAX:
            held: tuple[Parameter, ...] = tuple(parameters[pid] for pid in pids)
            self.known[sid] = Structure(sid, f"structure.{sid}", held, max(1, interval))
