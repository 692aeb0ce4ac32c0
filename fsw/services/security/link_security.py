"""What the protected link keeps over resets: replay marks before a command acts, counters before they are used.

A taken frame's packets wait until the store has its mark; then they go on, in their order. Counters of what leaves are
reserved 2^20 ahead and renewed at half, for the key in use. What is kept is the first IV that may come, or leave, under
a key in the next life (`kept_numbers.py`). Every key on board has one before another number is kept, so that a key that
has flown and has none is known to have lost it. A frame under a key that was not proved proves it: state and mark are
one list of changes (`key_slots.py`).

Off nominal: until the marks are back nothing protected is taken, and until counters are reserved nothing protected
leaves. A store that does not keep marks lets commands act with marks that live in memory, and that is told; what is
asked for in vain is asked for again. A number that is lost, damaged in both copies or with the store, is told at each
boot: its sender waits for TAI and goes on from there, 2^20 counters a microsecond, which no life has reached; its
receiver takes what comes, its mark as in memory until the next one is kept. A clear link needs nothing of this file.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, NamedTuple

from fsw.ccsds.flight_link import VC_COMMANDS, Authentic, FlightLink, LinkEvent
from fsw.ccsds.sdls import IV_END, NO_MARK, SdlsReject, Sender
from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, TICK_US, Micros
from fsw.mdb import security as mdb
from fsw.mdb.keys import KeyState
from fsw.mdb.security import FrameRefusal
from fsw.mdb.system import Mode
from fsw.mdb.values import Raw
from fsw.services.board import Board, Health
from fsw.services.instrument import Services
from fsw.services.keeper import Outcome, Then
from fsw.services.security.kept_numbers import number_in, number_rows, there
from fsw.services.security.key_slots import KeySlots
from fsw.services.timebase import Timebase
from fsw.store.keep import LOST_KEY, Change, Table

RESERVED: Final = 1 << 20
RENEWED_AT: Final = RESERVED // 2
LOOK_US: Final = 10_000_000
"""How often it is looked whether counters run low: at the fastest line's every frame, half of them last 20 minutes."""
AGAIN_US: Final = 1_000_000
TOLD_US: Final = 10_000_000
"""Refused frames are an event this often, at most; all are counted."""
GATHER_US: Final = 200_000
"""How long a frame of files waits for others, so that a stream of them costs a commit now and then; commands never."""
WAITING_MAX: Final = 256
WAIT_FROM: Final = 128
"""Frames in waiting from which on the link's input counts as full: AD frames wait on the ground then."""
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
    SdlsReject.SERVICE: FrameRefusal.OTHER_SERVICE,
    SdlsReject.AGAIN: FrameRefusal.TAKEN_BEFORE,
}
assert set(_REFUSALS) == set(SdlsReject), "every refusal is told"
assert WAIT_FROM < WAITING_MAX, "there is room for what is under way when the ground is told to wait"


class _Frame(NamedTuple):
    """A taken frame whose packets wait."""

    key: int
    mark: int
    events: list[LinkEvent]


class LinkSecurity:
    """`system` steps it, comms hands it what the link took; `release` gets each event whose mark is kept."""

    def __init__(
        self,
        board: Board,
        services: Services,
        link: FlightLink,
        time: Timebase,
        slots: KeySlots,
        used: Collection[int] = (),
    ) -> None:
        self._board = board
        self._slots = slots
        self._used = frozenset(used)  # key ids whose key has flown before
        self.changing: Callable[[int], bool] = lambda _: False
        """Whether a telecommand's change of a key is on its way to the disk."""
        self.proving: set[int] = set()
        """Keys that are used for the first time, on its way to the disk."""
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
        self._asked: set[int] = set()  # keys whose reservation is on its way
        self._first: dict[int, Change] = {}  # rows of this life that go with whatever is kept first
        self._unmarked: set[int] = set()  # receivers whose mark is lost: kept anew with the next one's
        self._due = NEVER
        self._told_us = Micros(-TOLD_US)
        self._lost: list[Sender] = []  # whose counter waits for TAI
        self._untold: list[int] = []  # keys whose number is lost: said behind the boot event, the first word of a life
        if link.protection is not None:
            for receiver in link.protection.taking.values():
                receiver.known = False
            link.input_full(True)
            services.keeper.restores(Table.COUNTERS, self._restore)

    def step(self, now: Micros) -> Micros:
        """Have the marks of what waits kept; reserve more counters when they run low."""
        self._keep_due(now)
        if (self._untold or self._slots.untold) and self._board.mode is not Mode.BOOT:
            self._tell(now)
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
        if now >= self._marks_us and self._waiting and not self._keeping and self._keep_marks(now):
            self._marks_us = NEVER

    def _keep_marks(self, now: Micros) -> bool:
        """Have the marks of all that waits kept; False when the keeper has too much to do: in the next turn."""
        assert self._link.protection is not None
        taking = self._link.protection.taking
        marks = {key: taking[key].mark for key in self._unmarked if key in taking}
        marks |= {frame.key: frame.mark for frame in self._waiting}
        used = dict.fromkeys(frame.key for frame in self._waiting)
        proved = [key for key in used if self._slots.proved(key) and not self.changing(key)]
        changes = self._listed(
            [change for key, mark in marks.items() for change in number_rows(key, mark + 1)]
            + [change for key in proved for change in self._slots.rows(key, KeyState.ACTIVE)]
        )
        number = len(self._waiting)

        def marked(outcome: Outcome, at: Micros) -> None:
            self.proving.difference_update(proved)
            self._marked(outcome, at)
            if outcome is Outcome.KEPT:
                self._kept(changes)
                self._unmarked.clear()
                for key in proved:
                    self._slots.become(key, KeyState.ACTIVE, at)

        def then(outcome: Outcome, at: Micros) -> None:
            self._keeping = 0
            marked(outcome, at)
            self._let_go(number, at)
            self._services.attention.ring()

        faulty = self._board.health & Health.STORE
        asked = self._services.keeper.keep(changes, now, marked if faulty else then)
        if asked:
            self.proving.update(proved)
        if faulty:
            # Nothing waits for a store that is known to be faulty; it is given the marks all the same.
            self._lives_in_memory(now)
            self._let_go(number, now)
            return True
        if asked:
            self._keeping = number
        else:
            self._services.attention.ring()
        return asked

    @property
    def begun(self) -> bool:
        """Whether every key on board has its rows on the disk."""
        return not self._first

    def _listed(self, changes: Collection[Change]) -> list[Change]:
        """These changes, with the first rows of this life that are not kept yet."""
        self._first |= {change.key: change for change in changes if change.key in self._first}
        return [*self._first.values(), *(change for change in changes if change.key not in self._first)]

    def _kept(self, changes: Iterable[Change]) -> None:
        """A list of changes made by `_listed` is on the disk."""
        for change in changes:
            if self._first.get(change.key) is change:
                del self._first[change.key]

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
        others = self._slots.restore(rows)
        for receiver in protection.taking.values():
            number = self._number(receiver.key, rows, others)
            receiver.begin(NO_MARK if number is None else number - 1)
            receiver.known = True
            if number is None:
                self._unmarked.add(receiver.key)
        for sender in protection.sending.values():
            number = self._number(sender.key, rows, others)
            if number is None:
                self._lost.append(sender)
            else:
                sender.begin(number, number)
        for key, state in self._slots.states.items():
            if key in self._slots.keys:
                states = [row for row in self._slots.rows(key, state) if rows.get(row.key) != row.octets]
                numbers = [row for row in number_rows(key, 0) if row.key not in rows or key in others]
                self._first |= {row.key: row for row in (*states, *(() if key in self._untold else numbers))}
        self._link.input_full(False)
        self._due = now
        self._services.attention.ring()

    def _number(self, key: int, rows: Mapping[int, bytes], others: Collection[int]) -> int | None:
        """The first IV of this life under a key; None where it is lost. `others`: whose rows are another key's."""
        theirs = {} if key in others else rows
        if not there(key, theirs) and LOST_KEY not in rows and key not in self._used:
            return NO_MARK + 1
        number = number_in(key, theirs)
        if number is None:
            self._untold.append(key)
        return number

    def _tell(self, now: Micros) -> None:
        assert self._link.protection is not None
        self._slots.tell(now)
        for key in self._untold:
            self._services.events.report(mdb.CounterLost(key=key), now)
        if any(receiver.key in self._untold for receiver in self._link.protection.taking.values()):
            self._lives_in_memory(now)
        self._untold.clear()

    def _reserve(self, now: Micros) -> None:
        """Have more counters kept for every sender in use that has used half of its own."""
        protection = self._link.protection
        assert protection is not None
        self._resume(now)
        if self._first:
            self._keep(self._listed(()), now, lambda outcome, at: None)
        for sender in protection.senders.values():
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
            self._first |= {row.key: row for row in number_rows(sender.key, sender.following)}
        self._lost.clear()

    def _keep(self, changes: list[Change], now: Micros, told: Then) -> bool:
        """Have changes made by `_listed` kept; what fails is tried again soon."""

        def then(outcome: Outcome, at: Micros) -> None:
            if outcome is Outcome.KEPT:
                self._kept(changes)
            else:
                self._due = Micros(at + AGAIN_US)
            told(outcome, at)

        if self._services.keeper.keep(changes, now, then):
            return True
        self._due = Micros(now + AGAIN_US)
        return False

    def _reserve_for(self, sender: Sender, now: Micros) -> None:
        until = _until(sender)

        def then(outcome: Outcome, at: Micros) -> None:
            del at
            self._asked.discard(sender.key)
            if outcome is Outcome.KEPT:
                self._extend(sender, until)

        if self._keep(self._listed(number_rows(sender.key, until)), now, then):
            self._asked.add(sender.key)

    def _extend(self, sender: Sender, until: int) -> None:
        sender.extend(max(until, sender.reserved))
        self.bell.ring()

    def reservation(self, key: int) -> tuple[list[Change], Callable[[], None]] | None:
        """What gives a key that is to send its counters: changes, and what to do when they are kept.

        Nothing for a key that does not send; None while its counter waits for TAI.
        """
        assert self._link.protection is not None
        sender = self._link.protection.sending.get(key)
        if sender is None:
            return [], lambda: None
        if sender in self._lost:
            return None
        until = _until(sender)
        return number_rows(key, until), lambda: self._extend(sender, until)

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
            values[parameter.pid] = 0 if receiver is None else receiver.counter & _U32
        values |= self._slots.sample()
        for vcid, parameter in ((0, mdb.LEFT_VC0), (1, mdb.LEFT_VC1), (3, mdb.LEFT_VC3)):
            sender = protection.senders.get(vcid)
            values[parameter.pid] = 0 if sender is None else min(sender.left, _U32)
        return values


def _until(sender: Sender) -> int:
    """Up to where a reservation goes."""
    return max(sender.reserved, min(sender.following + RESERVED, IV_END))
