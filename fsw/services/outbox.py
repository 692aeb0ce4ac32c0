"""The bounded outbox between services and the frames: what goes down next, and what is dropped when all is full.

Priorities matter only when the line is behind: while everything that waits fits into one frame it leaves in the order
of emission, so that sequence counts arrive in order. Off nominal: a full class drops its oldest packet and counts it;
the packet's sequence count announces the gap to the ground.
"""

from collections import deque
from enum import IntEnum, unique
from typing import Final, NamedTuple

from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros


@unique
class Priority(IntEnum):
    """Classes of live telemetry, first to leave first."""

    VERIFICATION = 0
    EVENT = 1
    TIME = 2
    HOUSEKEEPING = 3


CAPACITY_PACKETS: Final = {
    Priority.VERIFICATION: 512,
    Priority.EVENT: 256,
    Priority.TIME: 16,
    Priority.HOUSEKEEPING: 256,
}
assert set(CAPACITY_PACKETS) == set(Priority)
STOPPABLE: Final = frozenset({Priority.HOUSEKEEPING})
"""What the lander's silence holds back, and its credit limits; the others never stop (contract, section 4)."""


class Queued(NamedTuple):
    """A packet that waits: when it was queued, its place in the order of emission, its octets."""

    queued_us: Micros
    order: int
    packet: bytes


class Outbox:
    """Live telemetry of VC 0 that waits for a frame; the packet source of its virtual channel."""

    __slots__ = (
        "_credit",
        "_held",
        "_inverse",
        "_order",
        "_queues",
        "_waiting",
        "bell",
        "depth_max",
        "dropped",
        "flush",
        "frame_octets",
        "mended",
        "octets",
    )

    def __init__(self, frame_octets: int) -> None:
        self._queues: tuple[deque[Queued], ...] = tuple(deque() for _ in Priority)
        self._held = False
        self._credit: int | None = None
        self._order = 0
        self._waiting = 0
        self.bell = Bell()
        """Rung at every change that may bring a frame's time forward; whoever frames gives its own."""
        self.frame_octets = frame_octets
        self.octets = 0
        self._inverse = ~0
        self.mended = 0
        """How often a flipped bit of `octets` was put right."""
        self.dropped = 0
        self.depth_max = 0
        self.flush = False
        """Set by an emission that may not wait for the release time; cleared by the channel that obeyed."""

    def __len__(self) -> int:
        return self._waiting

    def put(self, priority: Priority, packet: bytes, now: Micros, *, flush: bool = False) -> bool:
        """Queue a packet; False when the class was full and its oldest packet had to go."""
        queue = self._queues[priority]
        kept = True
        if len(queue) >= CAPACITY_PACKETS[priority]:
            self._weigh(-len(queue.popleft().packet))
            self._waiting -= 1
            self.dropped += 1
            kept = False
        self._order += 1
        queue.append(Queued(now, self._order, packet))
        self._weigh(len(packet))
        self._waiting += 1
        if flush:
            self.flush = True
        self.depth_max = max(self.depth_max, self._waiting)
        self.bell.ring()
        return kept

    def _weigh(self, octets: int) -> None:
        """So many more wait; both copies are changed, neither is read for the other."""
        self.octets += octets
        self._inverse -= octets

    def mend(self) -> None:
        """Count anew when the two copies of `octets` contradict one another."""
        if self.octets != ~self._inverse:
            self.mended += 1
            self.octets = sum(len(queued.packet) for queue in self._queues for queued in queue)
            self._inverse = ~self.octets

    def hold(self, held: bool) -> None:
        """Hold or release what may not flow while the lander is silent (contract, section 4)."""
        self._held = held
        self.bell.ring()

    @property
    def credit(self) -> int | None:
        """Octets of what flows last that may still leave; None for no limit."""
        return self._credit

    @credit.setter
    def credit(self, octets: int | None) -> None:
        """The lander says how much it takes now (contract, 0x019); what is not used is not added."""
        self._credit = octets
        self.bell.ring()

    def _open(self) -> list[deque[Queued]]:
        """Queues whose head may leave."""
        if not self._held and self._credit is None:
            return [queue for queue in self._queues if queue]
        queues = zip(Priority, self._queues, strict=True)
        return [queue for p, queue in queues if queue and (p not in STOPPABLE or self._flows(queue[0]))]

    def _flows(self, queued: Queued, before: int = 0) -> bool:
        """Whether a packet that may be stopped may leave, when `before` octets like it leave first."""
        return not self._held and (self._credit is None or before + len(queued.packet) <= self._credit)

    def pending_octets(self) -> int:
        """Octets that may leave now."""
        if self.octets != ~self._inverse:
            self.mend()
        if not self._held and self._credit is None:
            return self.octets
        octets = 0
        for priority, queue in zip(Priority, self._queues, strict=True):
            before = octets
            for queued in queue:
                if priority in STOPPABLE and not self._flows(queued, octets - before):
                    break
                octets += len(queued.packet)
        return octets

    def oldest_us(self) -> Micros:
        """When the oldest packet that may leave was queued; NEVER when there is none."""
        if not self._waiting:
            return NEVER
        return min([queue[0].queued_us for queue in self._open()], default=NEVER)

    def take(self) -> bytes:
        """The next packet: by order of emission while all fits a frame, else by priority."""
        queues = self._open()
        assert queues, "take() without pending packets"
        self.mend()
        behind = self.octets > self.frame_octets
        queue = queues[0] if behind else min(queues, key=lambda waiting: waiting[0].order)
        packet = queue.popleft().packet
        self._weigh(-len(packet))
        self._waiting -= 1
        if self._credit is not None and queue is self._queues[Priority.HOUSEKEEPING]:
            self._credit -= len(packet)
        return packet
