"""What stands behind the link on board: telecommands, their execution, the lander's services, a whole board; times."""

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fsw.ccsds.time_code import Cuc, cuc_decode, cuc_encode
from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.kernel.supervisor import TaskState
from fsw.mdb import codec
from fsw.mdb.standard_services import VALUE_LISTS
from fsw.pus.ids import Service
from fsw.services.outbox import CAPACITY_PACKETS, Outbox
from fsw.services.permissions import serves
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.services.verification import Request, Verification
from tests.fuzz.line_targets import KEYS, said_of
from tests.fuzz.pieces import Kind, mended, pieces
from tests.services.desk import MISSION
from tests.services.hazard_desk import HazardDesk
from tests.system.bench import Bench
from tests.system.by_hand import report

PROCESSES: Final = tuple(MISSION.database.processes)
QUEUED_MAX: Final = 32
REPORTS_MAX: Final = sum(CAPACITY_PACKETS.values())


def packet_of(kind: int, body: bytes) -> bytes:
    """A telecommand's octets: as given, mended, or with a header of the mission's around service, subtype and data."""
    if kind == Kind.RAW:
        return body
    if kind == Kind.SILENCE and len(body) >= 3:
        apid = PROCESSES[body[0] % len(PROCESSES)]
        head = (0x1800 | apid).to_bytes(2, "big") + b"\xc0" + body[1:2] + b"\0\0\x2f" + body[1:3] + b"\0\7"
        return mended(head + body[3:])
    return mended(body)


def telecommands(_: Path) -> Callable[[bytes], None]:
    """Acceptance: each packet is dropped, rejected or accepted, counted once and answered as its flags ask; what is
    accepted encodes to the octets that came."""
    database = MISSION.database

    def judge(octets: bytes) -> None:
        time, outbox = Timebase(1_000_000), Outbox(4_000)
        verification = Verification(database, TelemetryService(outbox, time), time)
        boxes: dict[int, Mailbox[Request]] = {apid: Mailbox(f"{apid}", QUEUED_MAX) for apid in PROCESSES}
        for apid, box in boxes.items():
            verification.serve(apid, box)
        for number, (kind, body) in enumerate(pieces(octets), 1):
            said = packet_of(kind, body)
            verification.receive(said, Micros(number))
            assert verification.accepted + verification.rejected + verification.dropped == number
            for box in boxes.values():
                assert len(box) <= QUEUED_MAX
                while (request := box.take()) is not None:
                    agrees(request, said)
        while len(outbox):
            assert report(outbox.take()).service == 1

    return judge


def agrees(request: Request, said: bytes) -> None:
    """What was understood is what came: it stands in the packet, octet by octet."""
    body = request.body
    numbered = request.service == Service.FUNCTIONS
    if not isinstance(body, VALUE_LISTS):
        data = codec.encode_numbered(body) if numbered else codec.encode(body)
        assert data in said, body


def services(_: Path) -> Callable[[bytes], None]:
    """Acceptance and execution on the desk, hazards and store with it: nothing raises, and reports are whole."""

    def judge(octets: bytes) -> None:
        desk = HazardDesk()
        process, mode = desk.process, desk.desk.board.mode
        process._permits = lambda body: body in process.executions and serves(mode, body)  # the rest: `commanded`
        for kind, body in pieces(octets):
            if kind == Kind.OTHER:
                desk.desk.now = Micros(desk.desk.now + 1_000 * int.from_bytes(body[:3], "big"))
                said = desk.settle()
            else:
                said = desk.take(packet_of(kind, body), stored=kind == Kind.SEALED)
            assert len(said) <= REPORTS_MAX

    return judge


class Aboard:
    """A protected board that lives from input to input, and is born again when it was switched off; in a stranger's
    hands, or commanded by its owner."""

    def __init__(self, folder: Path, *, commanded: bool) -> None:
        self._commanded = commanded
        self._bench = Bench(folder, keys=KEYS)
        weakref.finalize(self, self._bench.board.close)
        self._bench.run(1.0)

    def judge(self, octets: bytes) -> None:
        bench = self._bench
        for kind, body in pieces(octets):
            seconds = 0.1
            match kind:
                case Kind.SILENCE:
                    seconds = min(int.from_bytes(body[:2], "big"), 3_000) / 1_000
                case Kind.SEALED:  # a stranger has no key
                    if self._commanded:
                        bench.send(packet_of(Kind.SILENCE, body))
                case Kind.OTHER:
                    bench.up(said_of(Kind.PACKET_IN_FRAME, lander_packet(body)))
                case _:
                    bench.up(said_of(kind, body))
            bench.run(seconds)
            if bench.board.app is None:
                bench.board.cut()
                bench.boot()
                bench.run(1.0)
            tasks = bench.app.supervisor.tasks.values()
            assert not [task.name for task in tasks if task.faults or task.state is not TaskState.RUNNING]
            answered = any(one.service == 1 for one in bench.reports)
            assert self._commanded or not answered, "a stranger commands nothing"
            for said in (bench.reports, bench.said, bench.replayed):
                said.clear()
            bench.octets = b""


def lander_packet(body: bytes) -> bytes:
    """What `said_of` makes a packet of the lander's services of, on VC 2."""
    return b"\2" + (0x1010 + (body[0] if body else 0) % 16).to_bytes(2, "big") + b"\xc0\0\0\0" + body[1:]


def times(_: Path) -> Callable[[bytes], None]:
    """The mission's code and any other CUC: what is read encodes to itself, down to the last fraction's width."""

    def judge(octets: bytes) -> None:
        us = cuc_decode(octets)
        if us is not None:
            again = cuc_decode(cuc_encode(us))
            assert again is not None
            assert 0 <= us - again <= 16
        extended = len(octets) > 1 and octets[0] >> 7
        if not octets or octets[0] >> 4 & 7 not in (1, 2) or (octets[0] >> 7 and (not extended or octets[1] >> 7)):
            return
        code = Cuc(octets[: 1 + octets[0] // 128])
        found = code.decode(octets)
        if found is None:
            assert len(octets) < code.octets
            return
        lost = code.decode(code.encode(found))
        assert lost is not None
        assert 0 <= found - lost <= 1 + (1_000_000 >> 8 * code.fine_octets)

    return judge


TARGETS: Final[dict[str, Callable[[Path], Callable[[bytes], None]]]] = {
    "telecommands": telecommands,
    "services": services,
    "board": lambda folder: Aboard(folder, commanded=False).judge,
    "board-commanded": lambda folder: Aboard(folder, commanded=True).judge,
    "times": times,
}
