"""What the protected link keeps over resets: replay marks before a command acts, counters before they are used.

A taken frame's packets wait until the store has its mark; then they go on, in their order. Counters of what leaves are
reserved 2^20 ahead and renewed at half. A row of table COUNTERS is a number and its complement, twice: the first IV
that may come, or leave, in the next life.

Off nominal: until the marks are back nothing protected is taken, and until counters are reserved nothing protected
leaves. A store that does not keep marks lets commands act with marks that live in memory, and that is told; what is
asked for in vain is asked for again. A number that is lost, damaged in both copies or with the store's file, is told at
each boot: its sender waits for TAI and goes on from there, 2^20 counters a microsecond, which no life has reached; its
receiver takes what comes, its mark as in memory until the next one is kept. A clear link needs nothing of this file.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fsw.ccsds.flight_link import VC_COMMANDS, Authentic, FlightLink, LinkEvent
from fsw.ccsds.sdls import IV_END, NO_MARK, Receiver, SdlsReject, Sender
from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, TICK_US, Micros
from fsw.mdb import security as mdb
from fsw.mdb.security import FrameRefusal
from fsw.mdb.system import Mode
from fsw.mdb.values import Raw
from fsw.services.board import Board, Health
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome
from fsw.services.timebase import Timebase
from fsw.store.keep import LOST_KEY, Change, Table, put

RESERVED: Final = 1 << 20
RENEWED_AT: Final = RESERVED // 2
LOOK_US: Final = 10_000_000
"""How often it is looked whether counters run low: at the fastest line's every frame, half of them last 20 minutes."""
AGAIN_US: Final = 1_000_000
TOLD_US: Final = 10_000_000
"""Refused frames are an event this often, at most; all are counted."""
GATHER_US: Final = 50_000
"""How long a frame of files waits for others, so that a stream of them costs a commit now and then; commands never."""
WAITING_MAX: Final = 256
WAIT_FROM: Final = 128
"""Frames in waiting from which on the link's input counts as full: AD frames wait on the ground then."""
NUMBER_OCTETS: Final = 13
_COPY: Final = 0x1_0000
_U32: Final = 0xFFFF_FFFF
_REFUSALS: Final = {
    SdlsReject.SPI: FrameRefusal.SPI_UNKNOWN,
    SdlsReject.CHANNEL: FrameRefusal.SPI_OF_ANOTHER_CHANNEL,
    SdlsReject.KEY: FrameRefusal.NO_KEY,
    SdlsReject.SHORT: FrameRefusal.SHORT,
    SdlsReject.MAC: FrameRefusal.NOT_AUTHENTIC,
    SdlsReject.REPLAYED: FrameRefusal.REPLAYED,
    SdlsReject.MARK: FrameRefusal.MARK_UNKNOWN,
    SdlsReject.ROOM: FrameRefusal.NO_ROOM,
}
assert set(_REFUSALS) == set(SdlsReject), "every refusal is told"
assert WAIT_FROM < WAITING_MAX, "there is room for what is under way when the ground is told to wait"


class _Frame(NamedTuple):
    """A taken frame whose packets wait."""

    key: int
    mark: int
    events: list[LinkEvent]


def sealed(number: int) -> bytes:
    """A number of 0..2^96 as it is kept."""
    octets = number.to_bytes(NUMBER_OCTETS, "big")
    return octets + bytes(octet ^ 0xFF for octet in octets)


def unsealed(row: bytes) -> int | None:
    """The number of a row; None when its halves contradict one another, or it is none."""
    number = int.from_bytes(row[:NUMBER_OCTETS], "big")
    return number if len(row) == 2 * NUMBER_OCTETS and number <= IV_END and sealed(number) == row else None


class LinkSecurity:
    """`system` steps it, comms hands it what the link took; `release` gets each event whose mark is kept."""

    def __init__(self, board: Board, services: Services, link: FlightLink, time: Timebase) -> None:
        self._board = board
        self._time = time
        self._services = services
        self._link = link
        self.release: Callable[[LinkEvent, Micros], None] | None = None
        self.bell = Bell()
        """Rung when frames may leave that could not before."""
        self.authentic = 0
        self.in_memory = False
        """Whether marks live in memory only: what is hazardous must not be executed."""
        self._waiting: deque[_Frame] = deque()
        self._marks_us = NEVER  # when the marks of what waits are to be kept
        self._keeping = 0  # how many of the first in waiting have their mark on its way to the disk
        self._asked: set[int] = set()  # SPIs whose reservation is on its way
        self._due = NEVER
        self._told_us = Micros(-TOLD_US)
        self._lost: list[Sender] = []  # whose counter waits for TAI
        self._untold: list[int] = []  # SPIs whose number is lost: said behind the boot event, the first word of a life
        if link.protection is not None:
            for receiver in link.protection.taking.values():
                receiver.known = False
            link.input_full(True)
            services.keeper.restores(Table.COUNTERS, self._restore)

    def step(self, now: Micros) -> Micros:
        """Have the marks of what waits kept; reserve more counters when they run low."""
        self._keep_due(now)
        if self._untold and self._board.mode is not Mode.BOOT:
            self._tell_lost(now)
        if now >= self._due:
            self._due = Micros(now + LOOK_US)
            self._reserve(now)
        return self._due if self._keeping else min(self._due, max(self._marks_us, Micros(now + TICK_US)))

    # --- up ---------------------------------------------------------------------------------------------------------

    def admit(self, authentic: Authentic, now: Micros) -> list[LinkEvent]:
        """A protected frame was taken: what of it must wait is to be put into this list, before `settle`."""
        assert self._link.protection is not None
        self.authentic += 1
        events: list[LinkEvent] = []
        if len(self._waiting) >= WAITING_MAX:
            self._link.protection.refused[SdlsReject.ROOM] += 1
            self.refused(SdlsReject.ROOM, now)
        else:
            self._waiting.append(_Frame(authentic.key, authentic.mark, events))
            if self._marks_us >= NEVER:
                self._services.attention.ring()
            self._marks_us = min(self._marks_us, Micros(now + GATHER_US * (authentic.vcid != VC_COMMANDS)))
        return events

    def settle(self, now: Micros) -> None:
        """All that has come in this tick is in its lists: have its marks kept, one list of changes at a time."""
        self._keep_due(now)
        if len(self._waiting) >= WAIT_FROM:
            self._link.input_full(True)

    def refused(self, reason: SdlsReject, now: Micros) -> None:
        """A frame was refused; the link has counted it."""
        assert self._link.protection is not None
        if now >= self._told_us + TOLD_US:
            self._told_us = now
            refused = min(sum(self._link.protection.refused.values()), _U32)
            self._services.events.report(mdb.CommandNotAuthentic(reason=_REFUSALS[reason], refused=refused), now)

    def _keep_due(self, now: Micros) -> None:
        if now >= self._marks_us and self._waiting and not self._keeping:
            self._keep_marks(now)
            if self._keeping or not self._waiting:
                self._marks_us = NEVER

    def _keep_marks(self, now: Micros) -> None:
        marks = {frame.key: frame.mark for frame in self._waiting}
        changes = [change for key, mark in marks.items() for change in _changes(key, mark + 1)]
        number = len(self._waiting)
        if self._board.health & Health.STORE:
            # Nothing waits for a store that is known to be faulty; it is given the marks all the same.
            self._services.keeper.keep(changes, now, self._marked)
            self._lives_in_memory(now)
            self._let_go(number, now)
            return

        def then(outcome: Outcome, at: Micros) -> None:
            self._keeping = 0
            self._marked(outcome, at)
            self._let_go(number, at)
            self._services.attention.ring()

        if self._services.keeper.keep(changes, now, then):
            self._keeping = number
        else:
            self._services.attention.ring()  # the keeper has too much to do: in the next turn

    def _marked(self, outcome: Outcome, now: Micros) -> None:
        if outcome is not Outcome.KEPT:
            self._lives_in_memory(now)
        elif self.in_memory:
            self.in_memory = False
            self._services.events.report(mdb.ReplayMarkKept(), now)

    def _lives_in_memory(self, now: Micros) -> None:
        if not self.in_memory:
            self.in_memory = True
            self._services.events.report(mdb.ReplayMarkInMemory(), now)

    def _let_go(self, number: int, now: Micros) -> None:
        assert self.release is not None, "somebody takes what was held"
        for _ in range(number):
            for event in self._waiting.popleft().events:
                self.release(event, now)
        self._link.input_full(len(self._waiting) >= WAIT_FROM)

    # --- counters ---------------------------------------------------------------------------------------------------

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        """The numbers of the lives before."""
        protection = self._link.protection
        assert protection is not None
        for receiver in protection.taking.values():
            number = self._number(receiver, rows)
            receiver.mark = NO_MARK if number is None else number - 1
            receiver.known = True
        for sender in protection.sending.values():
            number = self._number(sender, rows)
            if number is None:
                self._lost.append(sender)
            else:
                sender.begin(number, number)
        self._link.input_full(False)
        self._due = now
        self._services.attention.ring()

    def _number(self, end: Sender | Receiver, rows: Mapping[int, bytes]) -> int | None:
        kept = [rows[key] for key in (end.key, end.key | _COPY) if key in rows]
        if not kept and LOST_KEY not in rows:
            return NO_MARK + 1
        number = max((number for row in kept if (number := unsealed(row)) is not None), default=None)
        if number is None:
            self._untold.append(end.key)
        return number

    def _tell_lost(self, now: Micros) -> None:
        assert self._link.protection is not None
        for key in self._untold:
            self._services.events.report(mdb.CounterLost(spi=key), now)
        if any(receiver.key in self._untold for receiver in self._link.protection.taking.values()):
            self._lives_in_memory(now)
        self._untold.clear()

    def _reserve(self, now: Micros) -> None:
        """Have more counters kept for every sender that has used half of its own."""
        protection = self._link.protection
        assert protection is not None
        self._resume(now)
        for sender in protection.sending.values():
            low = sender.left < RENEWED_AT and sender.reserved < IV_END and sender not in self._lost
            if low and sender.key not in self._asked:
                self._reserve_for(sender, now)

    def _resume(self, now: Micros) -> None:
        """Senders whose counter is lost go on from TAI, once it is known."""
        if not self._lost:
            return
        tai_us = self._time.tai_us(now)
        if tai_us is None:
            self._due = Micros(now + AGAIN_US)
            return
        for sender in self._lost:
            sender.begin(tai_us * RESERVED, tai_us * RESERVED)
        self._lost.clear()

    def _reserve_for(self, sender: Sender, now: Micros) -> None:
        until = min(sender.following + RESERVED, IV_END)

        def then(outcome: Outcome, at: Micros) -> None:
            self._asked.discard(sender.key)
            if outcome is Outcome.KEPT:
                sender.extend(until)
                self.bell.ring()
            else:
                self._due = Micros(at + AGAIN_US)

        if self._services.keeper.keep(_changes(sender.key, until), now, then):
            self._asked.add(sender.key)
        else:
            self._due = Micros(now + AGAIN_US)

    # --- what it says -----------------------------------------------------------------------------------------------

    def sample(self) -> dict[int, Raw]:
        """Counters and marks as they stand, by parameter id; nothing on a clear link."""
        protection = self._link.protection
        if protection is None:
            return {}
        values: dict[int, Raw] = {
            mdb.REFUSED[refusal].pid: min(protection.refused[reason], _U32) for reason, refusal in _REFUSALS.items()
        }
        values |= {
            mdb.LINK_PROTECTED.pid: 1,
            mdb.FRAMES_AUTHENTIC.pid: min(self.authentic, _U32),
            mdb.MARKS_IN_MEMORY.pid: int(self.in_memory),
            mdb.WAITING.pid: len(self._waiting),
        }
        for vcid, parameter in ((0, mdb.MARK_VC0), (1, mdb.MARK_VC1)):
            receiver = protection.receivers.get(vcid)
            values[parameter.pid] = 0 if receiver is None else max(receiver.mark, 0) & _U32
        for vcid, parameter in ((0, mdb.LEFT_VC0), (1, mdb.LEFT_VC1), (3, mdb.LEFT_VC3)):
            sender = protection.senders.get(vcid)
            values[parameter.pid] = 0 if sender is None else min(sender.left, _U32)
        return values


def _changes(key: int, number: int) -> list[Change]:
    """One number, twice."""
    return [put(Table.COUNTERS, key, sealed(number)), put(Table.COUNTERS, key | _COPY, sealed(number))]
