"""The way between lander and ground: light time, and what waits on board while the ground does not see us.

Everything that crosses space crosses it here: telemetry frames, telecommands, the lander's own reports.
"""

from collections import deque
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander_profile import Overflow

LIGHT_DATAGRAMS_MAX: Final = 8192
"""Datagrams under way at once, each direction: a 3 Mbaud line over two seconds of light time, with room."""


class LightPath:
    """One direction through space: what goes in comes out one light time later, in order; a full path loses the new."""

    __slots__ = ("_under_way", "lost", "one_way_us")

    def __init__(self, one_way_us: int) -> None:
        self.one_way_us = one_way_us
        self.lost = 0
        self._under_way: deque[tuple[Micros, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._under_way)

    def put(self, datagram: bytes, now: Micros) -> None:
        """Send a datagram off."""
        if len(self._under_way) >= LIGHT_DATAGRAMS_MAX:
            self.lost += 1
            return
        self._under_way.append((Micros(now + self.one_way_us), datagram))

    def next_due(self) -> Micros:
        """When the next one arrives; NEVER while none is under way."""
        return self._under_way[0][0] if self._under_way else NEVER

    def take(self, now: Micros) -> list[bytes]:
        """Those that have arrived by `now`."""
        arrived = []
        while self._under_way and self._under_way[0][0] <= now:
            arrived.append(self._under_way.popleft()[1])
        return arrived


class StoreAndForward:
    """The lander's queue towards the ground, bounded in octets: what matters most first, then first in, first out.

    `bps` is what the radio gives, 0 for no limit. `priorities` are virtual channels in their order; those that are not
    named come last, and none named is one queue. `overflow` says which datagram goes when there is no room: the oldest
    of all, the newest (the one that comes), or the oldest of what matters least. Idle frames do not queue: the newest
    is kept and sent when the queue is empty in a pass.
    """

    __slots__ = (
        "_count", "_idle", "_queues", "_radio_free_us", "_ranks", "bps", "dropped", "octets", "octets_max", "overflow",
    )  # fmt: skip

    def __init__(
        self, octets_max: int, bps: int, overflow: Overflow = "oldest", priorities: tuple[int, ...] = ()
    ) -> None:
        self._ranks = {vcid: rank for rank, vcid in enumerate(priorities)}
        self._queues: tuple[deque[tuple[int, bytes]], ...] = tuple(deque() for _ in range(len(priorities) + 1))
        self._count = 0
        self._idle: bytes | None = None
        self._radio_free_us = 0
        self.bps = bps
        self.octets = 0
        self.octets_max = octets_max
        self.overflow = overflow
        self.dropped = 0

    def __len__(self) -> int:
        """Datagrams that wait, the idle one not counted."""
        return sum(map(len, self._queues))

    def put(self, datagram: bytes, vcid: int = 0) -> None:
        """Queue a datagram; others go when there is no room."""
        if self.overflow == "newest" and self.octets + len(datagram) > self.octets_max:
            self.dropped += 1
            return
        self._count += 1
        self._queues[self._ranks.get(vcid, len(self._ranks))].append((self._count, datagram))
        self.octets += len(datagram)
        while self.octets > self.octets_max:
            self._drop()

    def _drop(self) -> None:
        """Let one datagram go."""
        waiting = [queue for queue in self._queues if queue]
        queue = waiting[-1] if self.overflow == "priority" else min(waiting, key=lambda one: one[0][0])
        self.octets -= len(queue.popleft()[1])
        self.dropped += 1

    def put_idle(self, datagram: bytes) -> None:
        """Keep the newest idle frame."""
        self._idle = datagram

    def next_due(self, in_pass: bool) -> Micros:
        """When something may be sent; NEVER outside a pass or with nothing to send."""
        if not in_pass or not (self.octets or self._idle is not None):
            return NEVER
        return Micros(self._radio_free_us)

    def take(self, now: Micros) -> list[bytes]:
        """What the radio sends by `now`, in a pass."""
        sent: list[bytes] = []
        if not self.octets and self._idle is None:
            return sent
        while self._radio_free_us <= now:
            datagram = self._next()
            if datagram is None:
                break
            sent.append(datagram)
            if self.bps:
                # The radio has been idle since it was last free, or since the look before: no credit for that time.
                begin = max(self._radio_free_us, now - RADIO_LOOK_US)
                self._radio_free_us = begin + -(-len(datagram) * 8_000_000 // self.bps)
        return sent

    def take_all(self) -> list[bytes]:
        """Everything that waits, in its order; the radio that this queue was paced for takes no part."""
        taken: list[bytes] = []
        while self.octets and (datagram := self._next()) is not None:
            taken.append(datagram)
        return taken

    def _next(self) -> bytes | None:
        """What goes next; None when nothing waits."""
        for queue in self._queues:
            if queue:
                datagram = queue.popleft()[1]
                self.octets -= len(datagram)
                return datagram
        idle, self._idle = self._idle, None
        return idle


RADIO_LOOK_US: Final = 10_000
"""How long the radio's past may be made up for: the longest time between two looks while it is busy."""
