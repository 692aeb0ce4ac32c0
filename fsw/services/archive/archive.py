"""The board's archive put together: forwarding, packet stores, retrieval, and what housekeeping says of them.

Off nominal: a packet store that fails is an event, once, and another when it is well; a bounded store that is full is
told of once until it takes packets again.
"""

from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import storage as mdb
from fsw.mdb.lander import LanderLink
from fsw.mdb.mission import Mission
from fsw.mdb.system import Mode, StopReason
from fsw.mdb.values import Raw
from fsw.services.archive.allocation import Allocation, Framing
from fsw.services.archive.content import Content
from fsw.services.archive.forwarding import Forwarding
from fsw.services.archive.packet_queue import PacketQueue
from fsw.services.archive.packet_stores import PacketStores
from fsw.services.archive.replay import Replay
from fsw.services.archive.retrieval import Retrieval
from fsw.services.archive.retrieval_control import RetrievalControl
from fsw.services.archive.selection import universe
from fsw.services.archive.switch import Switch
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.services.permissions import Permission, permits
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.timebase import Timebase
from fsw.store.client import Store, StoreAnswer

SAMPLE_US: Final = 10_000_000
_Seen = tuple[Mode, Micros, StopReason | None, LanderLink | None]
"""What of the board's state the archive looks at."""


class Around(NamedTuple):
    """What the archive is built upon."""

    mission: Mission
    board: Board
    store: Store
    time: Timebase
    telemetry: TelemetryService
    services: Services
    framing: Framing


class Archive:
    """ST[14] and ST[15] of the whole board; `step` is its turn, `answered` takes the store's answers about packets."""

    def __init__(self, around: Around) -> None:
        mission, self._board, store, time, telemetry, services, framing = around
        self._services = services
        self._store = store
        self.queue = PacketQueue(
            store, time, services.attention, mission.storage.group_packets, mission.storage.group_us
        )
        self.switch = Switch(universe(mission.database), self.queue.put)
        telemetry.hand_over = self.switch.hand_over
        self.forwarding = Forwarding(
            self.switch, telemetry, services.verification, services.housekeeping, services.keeper
        )
        self.stores = PacketStores(mission, self.switch, self.queue, telemetry, services)
        self.replay = Replay(services.attention)
        self.retrieval = Retrieval(self.stores, self.queue, self.replay, store, services)
        self.allocation = Allocation(framing)
        self.control = RetrievalControl(self.stores, self.retrieval, services.verification)
        self.content = Content(self.stores, self.queue, self.retrieval, store, services.verification, self.allocation)
        self.queue.told = self._told
        self.queue.kept = self._kept
        self.queue.opened = self.retrieval.opened
        self._seen: _Seen = (Mode.BOOT, NEVER, None, None)
        self._look(self._seen)
        self._full: frozenset[int] = frozenset()
        self._sample_us = Micros(0)
        self.executions: dict[type[object], Execution] = {
            **self.forwarding.executions, **self.stores.executions, **self.control.executions,
            **self.content.executions,
        }  # fmt: skip

    @property
    def settled(self) -> bool:
        """Whether all that was handed over is on the disk, and every tag as it stands."""
        return self.queue.settled and self.retrieval.settled

    def step(self, now: Micros) -> Micros:
        """Write, read and look on; returns when there is more to do without an answer or a packet."""
        board = self._board
        seen = (board.mode, board.off_at_us, board.stop_wanted, board.link)
        if seen != self._seen:
            self._look(seen)
        due = min(self.content.step(now), self.queue.step(now), self.retrieval.step(now))
        if now >= self._sample_us:
            self._sample_us = Micros(now + SAMPLE_US)
            self._services.parameters.set_all(self._values(), now)
        return due

    def _look(self, seen: _Seen) -> None:
        """The board is in another state than at the last turn."""
        mode, off_at_us, stop_wanted, link = seen
        if link is not None and link is not self._seen[3]:
            self.allocation.hear(link)
        self.queue.hurry = off_at_us < NEVER or stop_wanted is not None
        self.replay.permit(permits(mode, Permission.REPLAY) and stop_wanted is None)
        self._seen = seen

    def close(self, now: Micros) -> bool:
        """Hand over what is held, since the board is about to go off; whether all of it is on the disk."""
        self.step(now)
        return self.settled

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is for somebody else."""
        return (
            self.queue.answered(answer, now)
            or self.retrieval.answered(answer, now)
            or self.content.answered(answer, now)
        )

    def _told(self, code: int, now: Micros) -> None:
        event = mdb.PacketsNotStored(code=code) if code else mdb.PacketsStoredAgain(lost=self.queue.lost)
        self._services.events.report(event, now)

    def _kept(self, stores: frozenset[int], refused: int, now: Micros) -> None:
        self.retrieval.kept(stores)
        bounded = frozenset(
            number
            for number in stores
            if (store := self.stores.stores.get(number)) is not None and store.kind is mdb.StoreKind.BOUNDED
        )
        if not refused:
            self._full -= bounded
        elif not bounded <= self._full:
            self._full |= bounded
            self._services.events.report(mdb.StoreFull(store=min(bounded) if len(bounded) == 1 else 0), now)

    def _values(self) -> dict[int, Raw]:
        """What SID 8 says."""
        queue, replay = self.queue, self.replay
        return {
            mdb.STORED.pid: queue.stored,
            mdb.NOT_STORED.pid: queue.lost,
            mdb.GROUPS.pid: queue.groups,
            mdb.QUEUE_PACKETS.pid: len(queue),
            mdb.QUEUE_OCTETS.pid: queue.octets,
            mdb.FAULT.pid: queue.fault,
            mdb.REPLAYED.pid: replay.sent_packets,
            mdb.REPLAYED_OCTETS.pid: replay.sent_octets,
            mdb.FRAMES_VC3.pid: replay.frames,
            mdb.CREDIT_VC3.pid: replay.credit,
            mdb.WITHHELD.pid: self.switch.withheld,
        }
