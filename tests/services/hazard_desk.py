"""A desk that takes hazardous telecommands as packets, of any source id; `restarts` are the ones that ran."""

import struct

from fsw.kernel.clock import Micros
from fsw.mdb.autonomy import PHASE, Restart
from fsw.mdb.mission_hazards import Rule
from fsw.mdb.system import Mode
from fsw.services.permissions import serves
from fsw.services.process import Process
from fsw.services.verification import Request
from tests.services.desk import MISSION, Desk, Disk, words
from tests.system.by_hand import Report, crc

SYSTEM = 0x020
ARM, EXECUTE, DISARM, RESTART = 60, 61, 62, 30
ARMED_EVENT, EXECUTED_EVENT, DROPPED_EVENT = 95, 96, 97
SECOND = 1_000_000
DESCENT, SURFACE_DAY = 9, 11


def packet(service: int, subtype: int, data: bytes, count: int, source: int = 1) -> bytes:
    """A telecommand for 0x020 by the contract, section 3, all acknowledgements asked for."""
    head = struct.pack(">HHHBBBH", 0x1820, 0xC000 | count, len(data) + 6, 0x2F, service, subtype, source)
    return head + data + struct.pack(">H", crc(head + data))


def restart(count: int) -> bytes:
    """system.restart, bare."""
    return packet(8, 1, struct.pack(">H", RESTART), count)


class HazardDesk:
    """Say something to the system process of a desk. `rule` is that of system.restart."""

    def __init__(self, rule: Rule | None = None, disk: Disk | None = None, boot_count: int = 1) -> None:
        self.desk = desk = Desk(disk)
        desk.board.mode = Mode.NOMINAL
        desk.board.boot_count = boot_count
        if rule is not None:
            desk.hazards._rules = {**MISSION.hazards, Restart: rule}
        self.restarts: list[bytes] = []
        self.process = Process(
            SYSTEM, desk.verification, desk.telemetry, {**desk.executions, Restart: self._restart},
            reset=lambda: None, reachable=lambda _: True, permits=lambda body: serves(desk.board.mode, body),
        )  # fmt: skip
        desk.restore()
        desk.take()
        self.count = 0

    def _restart(self, request: Request, now: Micros) -> None:
        self.restarts.append(request.request_id)
        self.desk.verification.started(request, now)
        self.desk.verification.completed(request, now)

    def phase(self, number: int | None) -> None:
        """What the lander has said of its phase."""
        self.desk.parameters.set(PHASE, number, self.desk.now)

    def take(self, octets: bytes, *, stored: bool = False) -> list[Report]:
        """A packet comes; what is reported until nothing happens any more."""
        desk = self.desk
        (desk.verification.release if stored else desk.verification.receive)(octets, desk.now)
        return self.settle()

    def settle(self) -> list[Report]:
        """Let all turns run."""
        desk = self.desk
        for _ in range(4):
            self.process.run(desk.now)
            desk.answer()
        desk.hazards.step(desk.now)
        return desk.take()

    def say(self, function: int, data: bytes, source: int = 1, *, stored: bool = False) -> list[Report]:
        """A function of 0x020."""
        self.count += 1
        return self.take(packet(8, 1, struct.pack(">H", function) + data, self.count, source), stored=stored)

    def arm(self, octets: bytes, source: int = 1) -> int:
        """Arm, which must succeed; the number."""
        reports = self.say(ARM, octets, source)
        assert words(reports)[-1] == (7, 0), words(reports)
        return struct.unpack(">I", told(reports).data[:4])[0]  # type: ignore[no-any-return]

    def execute(self, nonce: int, source: int = 1) -> int:
        """Execute; the failure code, 0 where it ran."""
        return code(self.say(EXECUTE, struct.pack(">I", nonce), source))

    def later(self, us: int) -> list[Report]:
        """Time passes."""
        self.desk.now = Micros(self.desk.now + us)
        return self.settle()

    def value(self, pid: int) -> object:
        """A parameter."""
        return self.desk.parameters.values[pid]


def told(reports: list[Report]) -> Report:
    """The arm report among these."""
    (found,) = [r for r in reports if (r.service, r.subtype) == (8, 190)]
    return found


def code(reports: list[Report]) -> int:
    """The failure code of the first that failed; 0 where none did."""
    return next((code for subtype, code in words(reports) if subtype % 2 == 0), 0)


def happened(reports: list[Report]) -> list[int]:
    """Events among these."""
    return [int.from_bytes(r.data[:2], "big") for r in reports if r.service == 5]
