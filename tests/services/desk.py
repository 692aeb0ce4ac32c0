"""The services of a board on a desk: real objects, no scheduler, no line.

The store is the real server on a file in memory, behind a wire that answers when `answer` is called (`ask` does so
unless `store_waits`); parameters are committed to a list. A desk made with another's `disk` is the next boot.
"""

from collections.abc import Mapping

from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.flight_link import FlightLink, LinkProfile
from fsw.ccsds.sdls import on_board
from fsw.config import LINES, Config
from fsw.kernel.bell import Bell
from fsw.kernel.bus import InlineWire, Port
from fsw.kernel.clock import ManualClock, Micros
from fsw.kernel.key import NO_KEYRING, KeyRing
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.database import Call
from fsw.mdb.mission import load
from fsw.pus import tc
from fsw.services.archive.allocation import Framing
from fsw.services.archive.archive import Archive, Around
from fsw.services.board import Board
from fsw.services.events import Events
from fsw.services.fates import Fates
from fsw.services.files import Files
from fsw.services.housekeeping import Housekeeping
from fsw.services.instrument import Services
from fsw.services.keeper import Keeper
from fsw.services.memory.board_memory import BoardMemory
from fsw.services.monitoring.event_action import EventAction
from fsw.services.monitoring.monitoring import Monitoring
from fsw.services.outbox import Outbox
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.schedule.schedule import Schedule
from fsw.services.security.board_security import BoardSecurity
from fsw.services.security.nonces import SeededNonces
from fsw.services.sequences.sequences import Sequences
from fsw.services.staging import Staging
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request, Verification
from fsw.store.client import Store
from fsw.store.protocol import StoreStatus
from fsw.store.server import StoreServer
from hil.board.flight_code import CodeFiles
from tests.system.by_hand import Report, report, telecommand

MISSION = load()


class Disk:
    """The store's server, and whether it fails."""

    def __init__(self) -> None:
        self.server = StoreServer(":memory:")
        self.failing = False
        self.code = CodeFiles()

    def serve(self, request: bytes) -> bytes:
        """The server's answer, or that of a disk that keeps nothing."""
        return bytes((StoreStatus.DISK,)) if self.failing else self.server.serve(request)


class Desk:
    """`ask` hands a request to an execution; `take` returns the reports since, in their order."""

    def __init__(self, disk: Disk | None = None, keys: KeyRing = NO_KEYRING) -> None:
        database = MISSION.database
        self.disk = Disk() if disk is None else disk
        self.store_waits = False
        self._clock = ManualClock()
        self.wire = InlineWire(lambda: self.disk, self._clock, 0)
        self.store = Store(Port("store", self.wire, capacity=64, deadline_us=10_000_000))
        self.keeper = Keeper(self.store)
        self.now = Micros(0)
        self.time = Timebase(1_000_000)
        self.outbox = Outbox(4_000)
        self.telemetry = TelemetryService(self.outbox, self.time)
        self.verification = Verification(database, self.telemetry, self.time)
        self.events = Events(database, self.telemetry, self.verification)
        self.commits: list[dict[int, bytes]] = []
        self.store_is_full = False
        self.parameters = Parameters(database, self.telemetry, self.verification, self.events, self._commit)
        self.staging = Staging(database, self.telemetry, self.verification, self.parameters)
        self.housekeeping = Housekeeping(database, self.telemetry, self.verification, self.parameters, self.keeper)
        self.attention = Bell()
        self.services = Services(
            self.verification, self.events, self.parameters, self.housekeeping, self.keeper, self.attention
        )
        self.board = Board()
        self.sequences = Sequences(database, self.telemetry, self.services, self.board)
        self.files = Files(self.telemetry, self.services, self.store)
        around = Around(
            MISSION, self.board, self.store, self.time, self.telemetry, self.services, Framing(115_200, 434, 446)
        )
        self.archive = Archive(around)
        self.monitoring = Monitoring(database, self.telemetry, self.time, self.services, self.board)
        self.event_action = EventAction(database, self.telemetry, self.services, self.board)
        self.schedule = Schedule(self.services, self.telemetry, self.outbox, self.time, self.board)
        self.code = self.disk.code
        self.code_wire = InlineWire(self.code.server, self._clock, 0)
        self.memory = BoardMemory(
            (Config(LINES["default"]), MISSION, "kratai test"), self.board, self.telemetry, self.services, self.outbox,
            self.time, store=self.store, mailboxes=lambda: self.mailboxes, files=self.code_wire,
        )  # fmt: skip
        self.mailboxes: list[Mailbox[object]] = []
        self.executions: dict[type[object], Execution] = {
            **self.monitoring.executions,
            **self.event_action.executions,
            **self.schedule.executions,
            **self.events.executions, **self.parameters.executions, **self.staging.executions,
            **self.housekeeping.executions,
            **self.sequences.executions,
            **self.files.executions,
            **self.archive.executions,
            **self.memory.executions,
        }  # fmt: skip
        self.fates = Fates(self.board, self.telemetry, self.time, self.services)
        self.executions.update(self.fates.executions)
        nonces = SeededNonces(lambda: 5, lambda: self.board.boot_count)
        self.link = FlightLink(LinkProfile(), CltuCadu(42, 446), on_board(keys.keys) if keys.keys else None)
        guards = BoardSecurity(
            MISSION, self.board, self.services, self.telemetry, self.time, self.store, self.link, keys, nonces
        )  # fmt: skip
        self.security, self.keys, self.hazards = guards.link, guards.keys, guards.hazards
        self.executions.update(guards.executions)
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
        if not self.store_waits:
            self.answer()
        return self.take()

    def restore(self) -> None:
        """Load what the store keeps, as `system` does at boot; to be called when every service is built."""
        self.keeper.load(self.now)
        self.answer()
        assert self.keeper.restored

    def answer(self) -> None:
        """Let the store answer, until nothing more is asked of it."""
        self._clock.advance_to(max(self._clock.now(), self.now))
        self.keeper.flush(self.now)
        while answers := self.store.poll(self.now):
            for answer in answers:
                takers = (
                    self.keeper.answered, self.files.answered, self.keys.answered, self.memory.answered,
                    self.archive.answered,
                )  # fmt: skip
                assert any(taker(answer, self.now) for taker in takers), answer
            self.keeper.flush(self.now)

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
