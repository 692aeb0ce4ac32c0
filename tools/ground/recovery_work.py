"""What was lost on the way, told to who asks and fetched from the packet stores for one operator at a time.

Sans-IO; an attendant of a session. It looks at nothing until somebody asks: then the archive's packets come in slices
(`history`), in the order in which they arrived, and behind them those that the session hears (`record`); so a session
that begins anew goes on where the one before it ended. While it fetches it has each process say something first (ping),
for what one said last is not missed before it says more.

Off nominal: a link that is gone for `LINK_WAIT_US` ends it, and so does a payload that refuses `REFUSALS_MAX` times in
a row with nothing sent again between; what the payload was asked for last comes all the same. Without an archive
nothing is fetched, for it would not be kept.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, unique
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.database import Database
from fsw.pus.ids import Service
from tools.ground.attendant import Commanding
from tools.ground.expiry import LOS
from tools.ground.gaps import VC_REPLAY
from tools.ground.history import Slice
from tools.ground.missing import by_process, one_by_one
from tools.ground.protocol import Message
from tools.ground.records import Data, PacketRecord, Record
from tools.ground.recovery import COMMAND, TRIES_MAX, Recovery
from tools.ground.request import Refusal
from tools.ground.ticket import Sender
from tools.ground.times import tai_to_utc_text
from tools.ground.tracking import FINAL, StageChange, State

LINK_WAIT_US: Final = 30_000_000
REFUSALS_MAX: Final = 20
PINGS_MAX: Final = 3
"""How often a process is asked to say something."""
PING: Final = (Service.TEST, 1)
WAITING_MAX: Final = 64
LOOK_US: Final = 500_000
"""How often a recovery under way looks at the link, and tells how far it is."""
Whose = tuple[int, Data]
"""A client and its request."""


@unique
class Ending(Enum):
    """How a recovery ends; the values are what clients read."""

    DONE = "done"
    GIVEN_UP = "given up"
    REFUSED = "refused"
    NO_TIME = "no time"
    NO_LINK = "no link"
    STOPPED = "stopped"


class _Run:
    """One recovery: whose it is, the pings without a verdict, and the request that is under way."""

    __slots__ = (
        "again", "by", "link_gone", "pings", "refusals", "said", "silent", "source_id", "ticket", "to_ping", "whose",
    )  # fmt: skip

    def __init__(self, whose: Whose, by: Sender, source_id: int, again: int, pings: Sequence[str]) -> None:
        self.whose = whose
        self.by = by
        self.source_id = source_id
        self.again = again
        """Packets that had been sent again before it."""
        self.to_ping = list(pings) * PINGS_MAX
        """Commands still to be sent, each again as long as it is not answered."""
        self.pings: dict[int, str] = {}
        """By ticket."""
        self.silent = set(pings)
        """Those without an answer."""
        self.ticket: int | None = None
        self.refusals = 0
        self.link_gone: Micros | None = None
        self.said = Micros(0)


class RecoveryWork:
    """`stores` are the mission's, by number; `processes` names them by APID; `pings` are commands, one a process."""

    def __init__(self, stores: Sequence[int], processes: Mapping[int, str], pings: Sequence[str]) -> None:
        self._stores = tuple(stores)
        self._processes = processes
        self._pings = tuple(pings)
        self._recovery = Recovery(stores)
        self._asked = self._caught_up = False
        self._looked_at = 0
        self._since = ""
        self._without = ""
        self._waiting: list[Whose] = []
        """Who wants to see the gaps, and must wait until the archive has been read."""
        self._run: _Run | None = None
        self._due = NEVER
        self._news: list[tuple[Whose, Message]] = []

    # --- clients --------------------------------------------------------------------------------------------------

    def show(self, whose: Whose) -> str:
        """Tell what is missing, as soon as that is known; why not, or empty."""
        if len(self._waiting) >= WAITING_MAX:
            return "too many wait for the archive to be read"
        self._asked = True
        self._waiting.append(whose)
        self._answer()
        return ""

    def begin(self, whose: Whose, by: Sender, source_id: int) -> str:
        """Begin to fetch what is missing; why not, or empty."""
        if self._run is not None:
            return f"{self._run.by.operator} is recovering packets now"
        if not self._stores:
            return "this mission has no packet stores"
        if self._without:
            return self._without
        self._asked = True
        self._run = _Run(whose, by, source_id, self._recovery.gaps.again, self._pings)
        self._tell(ok=True)
        self._answer()
        return ""

    def leave(self, client: int) -> list[int]:
        """A client has left: nothing more is asked for on its behalf. Returns its commands that have no verdict yet."""
        self._waiting = [whose for whose in self._waiting if whose[0] != client]
        run = self._run
        if run is None or run.whose[0] != client:
            return []
        self._end(Ending.STOPPED, "its operator left")
        return sorted({*run.pings, *(() if run.ticket is None else (run.ticket,))})

    def take_news(self) -> list[tuple[Whose, Message]]:
        """What to tell whom, in order."""
        taken, self._news = self._news, []
        return taken

    # --- what came ------------------------------------------------------------------------------------------------

    @property
    def wants(self) -> bool:
        """Whether the next slice of the archive is wanted."""
        return self._asked and not self._caught_up

    def history(self, part: Slice) -> None:
        """Packets of the archive; behind the last slice come those that the session hears."""
        for heard in part.heard:
            self._recovery.gaps.hear(heard)
        self._looked_at += part.looked_at
        self._since = part.since
        self._caught_up = not part.more
        self._answer()

    def without(self, sentence: str) -> None:
        """The archive cannot be read or written: what is missing is not known, nothing fetched would be kept."""
        self._without = sentence
        self._caught_up = True
        self._answer()

    def record(self, record: Record) -> None:
        """What the session says, in order."""
        if not self._caught_up:
            return
        recovery, run = self._recovery, self._run
        if isinstance(record, PacketRecord):
            recovery.hear(record)
            if run is not None and record.vcid == VC_REPLAY:
                run.refusals = 0
                if record.at - run.said >= LOOK_US:
                    self._tell_progress(run, record.at)
        elif isinstance(record, StageChange):
            recovery.stage(record)
            if run is not None and record.verdict:
                self._verdict(run, record)
        if run is not None:
            self._due = min(self._due, recovery.due)

    def _verdict(self, run: _Run, change: StageChange) -> None:
        ping = run.pings.pop(change.ticket, "")
        if change.state in FINAL:
            run.silent.discard(ping)
        if change.ticket != run.ticket:
            return
        run.ticket = None
        if change.state in (State.FAILED, State.REJECTED):
            run.refusals += 1
            self._tell_wait(f"the payload refuses for now and is asked again: {change.text}")
            if run.refusals >= REFUSALS_MAX:
                self._end(Ending.STOPPED, f"the payload refuses {COMMAND}: {change.text}")

    # --- as `attendant.Attendant` ---------------------------------------------------------------------------------

    @property
    def due(self) -> Micros:
        """As `attendant.Attendant`."""
        return self._due if self._run is not None and self._caught_up else NEVER

    def hear(self, body: object) -> None:
        """As `attendant.Attendant`: packets come by `record`, replayed ones too."""

    def stage(self, change: StageChange) -> None:
        """As `attendant.Attendant`: in their order among packets they come by `record`."""

    def step(self, session: Commanding, now: Micros) -> None:
        """As `attendant.Attendant`: ask for what is missing, one range of time after the other."""
        run = self._run
        self._due = Micros(now + LOOK_US)
        if run is None or not self._caught_up:
            return
        if not session.ready(now):
            if run.link_gone is None:
                run.link_gone = now
                self._tell_wait("there is no link now: waiting for it")
            if now - run.link_gone >= LINK_WAIT_US:
                self._end(Ending.NO_LINK, f"there has been no link for {LINK_WAIT_US // 1_000_000} s")
            return
        run.link_gone = None
        if not run.pings:
            self._ping(session, run, now)
        self._ask(session, run, now)

    def _ping(self, session: Commanding, run: _Run, now: Micros) -> None:
        """Have all processes say something that have not answered yet."""
        count = len(self._pings)
        now_due, run.to_ping = run.to_ping[:count], run.to_ping[count:]
        for name in now_due:
            if name in run.silent and self._run is run:
                run.pings[self._send(session, run, name, {}, now)] = name

    def _ask(self, session: Commanding, run: _Run, now: Micros) -> None:
        """The next range, or the end: nothing is left to ask for, and every process has said something."""
        recovery = self._recovery
        if self._run is not run or now < recovery.due:
            return
        arguments = recovery.ask(now)
        if arguments is not None:
            span = recovery.span
            assert span is not None, "it is what the arguments ask for"
            run.ticket = self._send(session, run, COMMAND, arguments, now)
            if self._run is run:
                recovery.sent(run.ticket)
                low, high = (tai_to_utc_text(tai_us) for tai_us in span[:2])
                self._tell(recovery={"asked": {"from": low, "to": high}, "missing": recovery.missing})
        elif not run.pings:
            self._finish(run)

    def _send(self, session: Commanding, run: _Run, name: str, arguments: dict[str, str], now: Micros) -> int:
        """Send one command until the loss of signal; its ticket, 0 where it was refused, which ends the recovery."""
        if self._run is not run:
            return 0
        ticket = session.send(name, arguments, run.source_id, now, not_after=LOS, by=run.by)
        if isinstance(ticket, Refusal):
            self._end(Ending.REFUSED, ticket.sentence)
            return 0
        return ticket.number

    # --- telling --------------------------------------------------------------------------------------------------

    def _finish(self, run: _Run) -> None:
        missing, given_up = self._recovery.missing, self._recovery.given_up
        if missing:
            self._end(Ending.NO_TIME, f"{missing} packets are missing behind which no time is known yet")
        elif given_up:
            self._end(Ending.GIVEN_UP, f"{given_up} packets are missing that the packet stores do not have")
        else:
            unsure = f", unless {', '.join(sorted(run.silent))} would tell: no answer came" if run.silent else ""
            self._end(Ending.DONE, f"nothing is missing{unsure}")

    def _end(self, ending: Ending, text: str) -> None:
        run = self._run
        if run is None:
            return
        again = self._recovery.gaps.again - run.again
        self._tell(recovery={"ending": ending.value, "text": text, "fetched": again, **self._sums()})
        self._run = None

    def _answer(self) -> None:
        """The archive has been read: tell those who wait for it."""
        if not self._caught_up:
            return
        for whose in self._waiting:
            self._news.append((whose, {"error": self._without} if self._without else {"gaps": self._listed()}))
        self._waiting.clear()
        if self._run is None:
            return
        if self._without:
            self._end(Ending.REFUSED, self._without)
        else:
            self._tell(recovery={"begins": self._sums(), "missing": self._recovery.missing})
            self._due = Micros(0)

    def _sums(self) -> dict[str, Data]:
        recovery = self._recovery
        return {
            "missing": recovery.missing, "given_up": recovery.given_up, "forgotten": recovery.gaps.forgotten,
            "looked_at": self._looked_at, "since": self._since or None,
            "processes": by_process(recovery.gaps, self._name),
        }  # fmt: skip

    def _listed(self) -> dict[str, Data]:
        return {**self._sums(), "gaps": one_by_one(self._recovery.gaps, self._name), "tries": TRIES_MAX}

    def _name(self, apid: int) -> str:
        return self._processes.get(apid, f"APID {apid:#05x}")

    def _tell_progress(self, run: _Run, now: Micros) -> None:
        run.said = now
        self._tell(recovery={"missing": self._recovery.missing})

    def _tell_wait(self, why: str) -> None:
        self._tell(recovery={"waits": why, "missing": self._recovery.missing})

    def _tell(self, **told: Data) -> None:
        if self._run is not None:
            self._news.append((self._run.whose, told))


def recovery_of(database: Database, stores: Sequence[int]) -> RecoveryWork:
    """That of a mission: its packet stores by number, its processes and their pings from its database."""
    commands = database.tables.commands.values()
    pings = [command.name for command in commands if (command.service, command.subtype) == PING]
    return RecoveryWork(stores, {apid: process.name for apid, process in database.processes.items()}, pings)
