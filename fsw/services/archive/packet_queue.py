"""From emission to the disk: reports wait here for their group, and a group until the store has it.

A group goes when it is full, when its first packet has waited long enough, or at once when the board is about to go
off. A group whose outcome is unknown is put again under its number, which the store keeps once. What was emitted
before time was known gets its time when it is. Nobody waits for any of it (architecture, Durability).
Off nominal: a store that fails is told of once and asked again every `RETRY_US`; meanwhile packets wait, as many as
`PACKETS_MAX` and `OCTETS_MAX` allow; what finds no room is counted and has gone down live all the same.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fsw.config import BAUD_MAX
from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros
from fsw.services.timebase import Timebase
from fsw.store.client import (
    Failed,
    PacketLimitsKept,
    PacketsBegun,
    PacketsDeleted,
    PacketsKept,
    PacketsTimed,
    Store,
    StoreAnswer,
)
from fsw.store.packets import (
    PUT_HEAD_OCTETS,
    PUT_OCTETS_MAX,
    PUT_ROW_OCTETS,
    TAI_MAX,
    Limits,
    PacketRow,
    Put,
    StoreKind,
)
from fsw.store.protocol import StoreStatus

PACKETS_MAX: Final = 8_192
OCTETS_MAX: Final = 2_097_152
"""Five seconds of the fastest line, and more."""
assert OCTETS_MAX >= 5 * BAUD_MAX // 10, "a stall of five seconds at full rate loses nothing"
RETRY_US: Final = 5_000_000
PORT_FULL_US: Final = 50_000
SILENT: Final = 0xFF
"""Code of a store that did not answer."""


class Waiting(NamedTuple):
    """A packet for some stores; `tai` is 0 while time is not known, and then follows from `boot_us`."""

    stores: tuple[int, ...]
    time_status: int
    boot_us: Micros
    tai: int
    packet: bytes


class PacketQueue:
    """The hand-over. `told` hears of faults (a code) and of recovery (0); `kept` of the stores that have new rows."""

    def __init__(self, store: Store, time: Timebase, bell: Bell, group_packets: int, group_us: int) -> None:
        self._store = store
        self._time = time
        self._bell = bell
        self._group_packets = group_packets
        self._group_us = group_us
        self.told: Callable[[int, Micros], None] = lambda _code, _now: None
        self.kept: Callable[[frozenset[int], int, Micros], None] = lambda _stores, _refused, _now: None
        self.opened: Callable[[bool, Micros], None] = lambda _fresh, _now: None
        """Called when the stores can be read; `fresh` when a damaged file was set aside and they begin anew."""
        self.hurry = False
        """Set while the board is about to go off: nothing waits for company."""
        self._queue: deque[Waiting] = deque()
        self._octets = 0
        self._life = 0
        self._number = 0
        self._group: Put | None = None
        self._put_id: int | None = None
        self._limits: tuple[Limits, ...] | None = None
        self._wanted: set[int] = set()
        self._stray: int | None = None
        self._there: set[int] = set()
        """Stores that the packet store knows; those that are not wanted any more are closed, emptied, forgotten."""
        self._limited = False
        self._timed = False
        self._fresh = False
        self._aside = False
        """Whether it is known that a damaged file was set aside in this life; the packet store says so to its end."""
        self._told = False
        """Whether the packet store has been told all that it must know before groups."""
        self._admin_id: int | None = None
        self._admin_again = False
        """Whether the limits changed while the packet store was asked something."""
        self._retry_us = Micros(0)
        self.fault = 0
        self.stored = self.lost = self.groups = 0
        self.octets_of: dict[int, int] = {}
        """Octets for each store in this life."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def octets(self) -> int:
        """Octets of the packets that wait for a group."""
        return self._octets

    @property
    def settled(self) -> bool:
        """Whether all that was handed over is on the disk."""
        return not self._queue and self._group is None

    @property
    def ready(self) -> bool:
        """Whether the packet store is open and knows its stores."""
        return self._life > 0 and self._limited

    def put(self, stores: tuple[int, ...], packet: bytes, now: Micros, tai: int = 0) -> bool:
        """Hand a packet over; False, and counted, when there is no room."""
        if len(self._queue) >= PACKETS_MAX or self._octets + len(packet) > OCTETS_MAX:
            self.lost += 1
            return False
        tai = tai or max(0, self._time.tai_us(now) or 0)
        self._queue.append(Waiting(stores, int(self._time.status), now, tai, packet))
        self._octets += len(packet)
        if self._group is None and (len(self._queue) >= self._group_packets or self.hurry):
            self._bell.ring()
        return True

    def limit(self, limits: tuple[Limits, ...]) -> None:
        """What stores there are; told to the packet store before the next group."""
        self._limits = limits
        self._admin_again = self._admin_id is not None
        self._wanted = {entry.store for entry in limits}
        self._limited = self._told = False
        self._bell.ring()

    def step(self, now: Micros) -> Micros:
        """Ask for what is to be asked; returns when there is more to do without an answer."""
        if self._told and not self._queue and self._group is None:
            return NEVER
        if now < self._retry_us:
            return self._retry_us
        if self._admin_id is None and not self._administer(now):
            return Micros(now + PORT_FULL_US)
        if not self.ready or self._put_id is not None:
            return NEVER
        if self._group is None:
            due = self._due()
            if now < due:
                return due
            self._group = self._make()
        self._put_id = self._store.put_packets(self._group, now)
        return NEVER if self._put_id is not None else Micros(now + PORT_FULL_US)

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is not for this queue."""
        if answer.request_id == self._put_id:
            self._put_id = None
            if isinstance(answer, PacketsKept):
                self._landed(answer, now)
                return True
        elif answer.request_id == self._admin_id:
            self._admin_id = None
            again, self._admin_again = self._admin_again, False
            match answer:
                case PacketsBegun(_, begun):
                    self._life, self._number, self._limited = begun.life, 0, False
                    self._timed, self._fresh, self._aside = False, begun.set_aside, False
                    self._there = {limits.store for limits in begun.limits}
                    if self._group is not None:
                        self._group = self._numbered(self._group.rows)
                case PacketLimitsKept():
                    self._limited = not again
                    self._there |= self._wanted
                    if self._limited:
                        fresh, self._fresh = self._fresh, False
                        self.opened(fresh, now)
                case PacketsTimed(_, more, _):
                    self._timed = not more
                case PacketsDeleted(_, more, _) if not more and self._stray is not None:
                    self._there.discard(self._stray)
            if not isinstance(answer, Failed):
                self._well(now)
                self._bell.ring()
                return True
        else:
            return False
        assert isinstance(answer, Failed), "asked for nothing else"
        self._failed(answer, now)
        return True

    # --- groups ----------------------------------------------------------------------------------------------------

    def _due(self) -> Micros:
        if not self._queue:
            return NEVER
        if self.hurry or len(self._queue) >= self._group_packets:
            return Micros(0)
        return Micros(self._queue[0].boot_us + self._group_us)

    def _make(self) -> Put:
        """The next group, as large as a message takes."""
        rows: list[PacketRow] = []
        room = PUT_OCTETS_MAX - PUT_HEAD_OCTETS
        for _ in range(min(len(self._queue), self._group_packets)):
            stores, status, boot_us, tai, packet = self._queue[0]
            room -= len(stores) * (PUT_ROW_OCTETS + len(packet))
            if room < 0:
                break
            self._queue.popleft()
            self._octets -= len(packet)
            known = tai or min(max(0, self._time.tai_us(boot_us) or 0), TAI_MAX)
            rows += [PacketRow(store, status, boot_us, known, packet) for store in stores]
            for store in stores:
                self.octets_of[store] = self.octets_of.get(store, 0) + len(packet)
        return self._numbered(rows)

    def _numbered(self, rows: Sequence[PacketRow]) -> Put:
        self._number += 1
        self.groups += 1
        return Put(self._life, self._number, rows)

    def _landed(self, answer: PacketsKept, now: Micros) -> None:
        group, self._group = self._group, None
        assert group is not None
        self.stored += answer.done.stored
        if answer.done.set_aside and (not self._aside or answer.done.refused):
            self._limited, self._fresh, self._told = False, self._fresh or not self._aside, False
        self._aside = answer.done.set_aside
        self.kept(frozenset(row.store for row in group.rows), answer.done.refused, now)
        self._well(now)
        if self._due() <= now:
            self._bell.ring()

    # --- everything else -------------------------------------------------------------------------------------------

    def _administer(self, now: Micros) -> bool:
        """Ask for what must come before groups, one thing at a time; False when the port is full."""
        if not self._life:
            self._admin_id = self._store.begin_packets(now)
        elif self._limits is None:
            return True
        elif not self._limited:
            strays = sorted(self._there - self._wanted)
            closed = tuple(Limits(store, StoreKind.CLOSED, 0, 0) for store in strays)
            self._admin_id = self._store.limit_packets((*self._limits, *closed), now)
        elif not self._there <= self._wanted:
            self._stray = min(self._there - self._wanted)
            self._admin_id = self._store.delete_packets(self._stray, now)
        elif not self._timed and (tai_us := self._time.tai_us(now)) is not None:
            self._admin_id = self._store.time_packets(self._life, tai_us - now, now)
        else:
            self._told = self._timed
            return True
        return self._admin_id is not None

    def _failed(self, answer: Failed, now: Micros) -> None:
        status = answer.store_status
        self._told = False
        if status is StoreStatus.STALE:
            self._life = 0
        elif status is StoreStatus.UNKNOWN_STORE:
            self._limited = False
        self._retry_us = Micros(now + RETRY_US)
        if not self.fault:
            self.fault = SILENT if status is None else int(status)
            self.told(self.fault, now)

    def _well(self, now: Micros) -> None:
        if self.fault:
            self.fault = 0
            self.told(0, now)
