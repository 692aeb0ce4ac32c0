"""A protected contact with noise on the line, in virtual time: real flight software, lander, line, session and archive.

Judged from outside: what lies in the packets' file of the board's disk, what was queued for the line, and what lies in
the archive of the ground, all read with plain sqlite3 or tapped; nothing of the code under test compares.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from fsw.services.outbox import Outbox, Priority
from hil.board.board import flying
from hil.observer import Finding
from hil.plan import scenario
from hil.rules import invariants
from hil.rungs.virtual import Virtual
from hil.written.fault import Fault, make
from tools.ground.archive import FILE, Archive
from tools.ground.records import CommandRecord, PacketRecord, Record
from tools.ground.recovery import COMMAND, Recovery
from tools.ground.request import Refusal
from tools.ground.ticket import Ticket
from tools.ground.times import utc_from_text
from tools.ground.tracking import StageChange, State

MISSION = load_mission()
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
LOOK = 100_000
NOON = utc_from_text("2026-11-23T12:00:00Z")
STORES = tuple(entry.store for entry in MISSION.storage.stores)


class Keeping:
    """The ground's archive, and what asks for what is missing: both hear what the session says."""

    RECORDS = (PacketRecord, CommandRecord, StageChange)

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder, "noise")
        self.recovery = Recovery(STORES)
        self.stages: dict[int, list[StageChange]] = {}

    def record(self, record: Record, now: Micros) -> None:
        self.archive.add(record, NOON + now)
        if isinstance(record, PacketRecord):
            self.recovery.hear(record)
        elif isinstance(record, StageChange):
            self.recovery.stage(record)
            self.stages.setdefault(record.ticket, []).append(record)

    def finish(self, now: Micros) -> list[Finding]:
        return []


class Tapped:
    """Stands before the outbox and keeps a copy of what is queued for the line."""

    def __init__(self, outbox: Outbox, queued: set[bytes]) -> None:
        self._outbox = outbox
        self._queued = queued

    def put(self, priority: Priority, packet: bytes, now: Micros, *, flush: bool = False) -> bool:
        self._queued.add(packet)
        return self._outbox.put(priority, packet, now, flush=flush)


class Noise:
    """One run; `up_e9` and `down_e9` are bit error rates in 1e-9, from the first second on, `more` other faults."""

    def __init__(
        self, folder: Path, seed: int, up_e9: int, down_e9: int, lasts_us: int, more: tuple[Fault, ...]
    ) -> None:
        plan = scenario.load("first-contact", MISSION)._replace(name="noise", legs=(), protected=True, until_us=DAY)
        ways = (("up", up_e9), ("down", down_e9))
        faults = more + tuple(make("bit_errors", SECOND, lasts_us, direction=way, ber_e9=e9) for way, e9 in ways)
        self.folder = folder
        self.kept = Keeping(folder)
        self.run = Virtual(
            plan, MISSION, seed, faults=faults, observers=lambda *keyed: [*invariants.all_of(*keyed), self.kept]
        )
        self.queued: set[bytes] = set()
        self.turn(LOOK)  # the lander gives power
        telemetry = flying(self.run.board).telemetry
        telemetry._outbox = Tapped(telemetry._outbox, self.queued)  # type: ignore[assignment]

    @property
    def now(self) -> Micros:
        return self.run.clock.now()

    @property
    def recovery(self) -> Recovery:
        return self.kept.recovery

    def turn(self, us: int) -> None:
        """Let so much time pass."""
        self.run.advance(Micros(self.now + us))

    def send(self, name: str, **arguments: str) -> Ticket:
        """An operator's command."""
        ticket = self.run.bench.send(name, arguments, self.now)
        assert not isinstance(ticket, Refusal), ticket.sentence
        return ticket

    def done(self, name: str, **arguments: str) -> None:
        """The same, until it has completed: sent again when it says so itself that it is lost."""
        for _ in range(8):
            if self.fate(self.send(name, **arguments).number) is State.COMPLETED:
                return
        raise AssertionError(f"{name} does not complete")

    def fate(self, ticket: int) -> State | None:
        """Let time pass until the ground has decided a command; None when it does not within a minute."""
        for _ in range(MINUTE // LOOK):
            words = self.kept.stages.get(ticket)
            if words and words[-1].verdict:
                return words[-1].state
            self.turn(LOOK)
        return None

    def recover(self) -> None:
        """One look of whoever asks for what is missing."""
        arguments = self.recovery.ask(self.now)
        if arguments is not None:
            self.recovery.sent(self.send(COMMAND, **arguments).number)
        self.turn(LOOK)

    def stored(self) -> set[bytes]:
        """Every packet in the stores on the board's disk."""
        self.turn(5 * SECOND)  # the last group goes to the disk
        path = self.run.board.disk.path.with_name("packets.sqlite")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            tables = [f"select octets from packet_{store}" for store in STORES]
            return {octets for table in tables for (octets,) in db.execute(table)}

    def archived(self) -> set[bytes]:
        """Every packet of the payload's telemetry in the ground's archive."""
        self.kept.archive.commit()
        with closing(sqlite3.connect(f"file:{self.folder / FILE}?mode=ro", uri=True)) as db:
            return {raw for (raw,) in db.execute("select raw from packets where vcid in (0, 3)")}


@contextmanager
def noise(
    folder: Path, seed: int, up_e9: int, down_e9: int, lasts_us: int = DAY, more: tuple[Fault, ...] = ()
) -> Iterator[Noise]:
    """A run, closed behind its use."""
    made = Noise(folder, seed, up_e9, down_e9, lasts_us, more)
    try:
        yield made
    finally:
        made.run.close()
        made.kept.archive.close()
