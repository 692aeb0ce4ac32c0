"""The way between lander and ground: light time, passes, and what waits on board while the ground does not see us.

Everything that crosses space crosses it here: telemetry frames, telecommands, the lander's own reports.
"""

from collections import deque
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from hil.profiles import Pass

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
    """The lander's queue towards the ground: first in, first out, bounded in octets, the oldest dropped when full.

    `bps` is what the radio gives, 0 for no limit. Idle frames do not queue: the newest is kept and sent when the queue
    is empty in a pass.
    """

    __slots__ = ("_bps", "_idle", "_queue", "_radio_free_us", "dropped", "octets", "octets_max")

    def __init__(self, octets_max: int, bps: int) -> None:
        self._queue: deque[bytes] = deque()
        self._idle: bytes | None = None
        self._bps = bps
        self._radio_free_us = 0
        self.octets = 0
        self.octets_max = octets_max
        self.dropped = 0

    def __len__(self) -> int:
        """Datagrams that wait, the idle one not counted."""
        return len(self._queue)

    def put(self, datagram: bytes) -> None:
        """Queue a datagram; older ones go when there is no room."""
        self._queue.append(datagram)
        self.octets += len(datagram)
        while self.octets > self.octets_max:
            self.octets -= len(self._queue.popleft())
            self.dropped += 1

    def put_idle(self, datagram: bytes) -> None:
        """Keep the newest idle frame."""
        self._idle = datagram

    def next_due(self, in_pass: bool) -> Micros:
        """When something may be sent; NEVER outside a pass or with nothing to send."""
        if not in_pass or not (self._queue or self._idle is not None):
            return NEVER
        return Micros(self._radio_free_us)

    def take(self, now: Micros) -> list[bytes]:
        """What the radio sends by `now`, in a pass."""
        sent = []
        while self._radio_free_us <= now:
            if self._queue:
                datagram = self._queue.popleft()
                self.octets -= len(datagram)
            elif self._idle is not None:
                datagram, self._idle = self._idle, None
            else:
                break
            sent.append(datagram)
            if self._bps:
                # The radio has been idle since it was last free, or since the look before: no credit for that time.
                begin = max(self._radio_free_us, now - RADIO_LOOK_US)
                self._radio_free_us = begin + -(-len(datagram) * 8_000_000 // self._bps)
        return sent


RADIO_LOOK_US: Final = 10_000
"""How long the radio's past may be made up for: the longest time between two looks while it is busy."""


class Passes:
    """When the ground sees the lander: the profile's list, or always."""

    __slots__ = ("_always", "_passes")

    ALWAYS_US: Final = 365 * 86_400 * 1_000_000
    """How far away loss of signal is announced where contact never ends."""

    def __init__(self, passes: tuple[Pass, ...]) -> None:
        self._always = not passes
        self._passes = passes

    def current_or_next(self, now: Micros) -> Pass | None:
        """The pass that goes on, or the next one; None when there will be none."""
        if self._always:
            return Pass(0, self.ALWAYS_US)
        return next((one for one in self._passes if now < one.los_us), None)

    def open(self, now: Micros) -> bool:
        """Whether the ground is in sight."""
        one = self.current_or_next(now)
        return self._always or (one is not None and one.aos_us <= now)

    def next_change(self, now: Micros) -> Micros:
        """When that changes; NEVER when it does not."""
        one = self.current_or_next(now)
        if self._always or one is None:
            return NEVER
        return Micros(one.aos_us if now < one.aos_us else one.los_us)
