"""The services of a board on a desk: real objects, no scheduler, no line; the store is a list."""

from collections.abc import Mapping

from fsw.kernel.clock import Micros
from fsw.mdb.database import Call
from fsw.mdb.mission import load
from fsw.pus import tc
from fsw.services.events import Events
from fsw.services.housekeeping import Housekeeping
from fsw.services.instrument import Services
from fsw.services.outbox import Outbox
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request, Verification
from tests.system.by_hand import Report, report, telecommand

MISSION = load()


class Desk:
    """`ask` hands a request to an execution; `take` returns the reports since, in their order."""

    def __init__(self) -> None:
        database = MISSION.database
        self.now = Micros(0)
        self.time = Timebase(1_000_000)
        self.outbox = Outbox(4_000)
        self.telemetry = TelemetryService(self.outbox, self.time)
        self.verification = Verification(database, self.telemetry, self.time)
        self.events = Events(database, self.telemetry, self.verification)
        self.commits: list[dict[int, bytes]] = []
        self.store_is_full = False
        self.parameters = Parameters(database, self.telemetry, self.verification, self.events, self._commit)
        self.housekeeping = Housekeeping(database, self.telemetry, self.verification, self.parameters)
        self.services = Services(self.verification, self.events, self.parameters, self.housekeeping)
        self.executions: dict[type[object], Execution] = {
            **self.events.executions, **self.parameters.executions, **self.housekeeping.executions,
        }  # fmt: skip
        self._count = 0

    def _commit(self, values: Mapping[int, bytes], now: Micros) -> int | None:
        assert now == self.now
        if self.store_is_full:
            return None
        self.commits.append(dict(values))
        return len(self.commits)

    def request(self, apid: int, service: int, subtype: int, data: bytes = b"", *, ack: int = 0b1111) -> Request:
        """An accepted request."""
        self._count += 1
        octets = telecommand(apid, service, subtype, data, ack=ack, count=self._count)
        header = tc.inspect(octets)
        assert isinstance(header, tc.TcHeader)
        command = tc.telecommand(octets, header)
        call = MISSION.database.decode_command(apid, service, subtype, command.data)
        assert isinstance(call, Call), call
        return Request(command, call.body)

    def ask(self, apid: int, service: int, subtype: int, data: bytes = b"") -> list[Report]:
        """Serve one request; returns what was reported."""
        request = self.request(apid, service, subtype, data)
        self.executions[type(request.body)](request, self.now)
        return self.take()

    def take(self) -> list[Report]:
        """The reports since the last call."""
        found = []
        while len(self.outbox):
            found.append(report(self.outbox.take()))
        return found


def words(reports: list[Report]) -> list[tuple[int, int]]:
    """Subtype and failure code (0 for successes) of what service 1 said."""
    said = [r for r in reports if r.service == 1]
    return [(r.subtype, int.from_bytes(r.data[-2:], "big") if r.subtype % 2 == 0 else 0) for r in said]
