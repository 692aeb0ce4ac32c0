"""What is sent again waits here for frames of VC 3; the packet source of that virtual channel.

A packet is sent when the frame that holds its last octet has gone out whole, not before: only then does its retrieval
hear of it. A frame that is lost with its line takes nothing along: its retrievals begin again behind what was sent.
Off nominal: held while the lander is silent or has given no credit for VC 3 (contract, section 4), while the mode does
not permit it, and while the board stops; the buffer is bounded by who fills it, `LOW_OCTETS` and a page.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros

LOW_OCTETS: Final = 8_192
"""Below this the next page is read."""


class Item(NamedTuple):
    """A packet to be sent again, and which retrieval wants it (an object of its own)."""

    job: object
    row: int
    tai: int
    packet: bytes


class Replay:
    """A bounded buffer of packets; `hungry` is rung when it runs low."""

    __slots__ = (
        "_credit",
        "_held",
        "_permitted",
        "_queue",
        "_queued_us",
        "_silent",
        "_taken",
        "bell",
        "flush",
        "frames",
        "hungry",
        "lost",
        "octets",
        "sent",
        "sent_octets",
        "sent_packets",
    )

    def __init__(self, hungry: Bell) -> None:
        self.hungry = hungry
        self.bell = Bell()
        """Rung when there is more to send; whoever frames gives its own."""
        self.sent: Callable[[Item, Micros], None] = lambda _item, _now: None
        self.lost: Callable[[Micros], None] = lambda _now: None
        self.flush = False
        self.octets = 0
        self.frames = 0
        """Frames of VC 3 that went out in this life."""
        self.sent_packets = self.sent_octets = 0
        self._queue: deque[Item] = deque()
        self._taken: deque[Item] = deque()
        self._queued_us = NEVER
        self._silent = False
        self._permitted = True
        self._held = False
        self._credit: int | None = None

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def wants(self) -> bool:
        """Whether more should be read."""
        return self.octets < LOW_OCTETS and not self._held

    @property
    def credit(self) -> int | None:
        """Octets that may still leave; None for no limit."""
        return self._credit

    @credit.setter
    def credit(self, octets: int | None) -> None:
        """The lander says how much it takes now; what is not used is not added."""
        self._credit = octets
        self.bell.ring()

    def hold(self, silent: bool) -> None:
        """Hold everything while the lander is silent, or let it go."""
        self._silent = silent
        self._decide()

    def permit(self, permitted: bool) -> None:
        """Let go what the board may send now, or hold it."""
        if permitted is not self._permitted:
            self._permitted = permitted
            self._decide()

    def _decide(self) -> None:
        self._held = self._silent or not self._permitted
        self.bell.ring()
        self.hungry.ring()

    def put(self, items: list[Item], now: Micros) -> None:
        """Append what is to be sent next."""
        if items and not self._queue:
            self._queued_us = now
        self._queue.extend(items)
        self.octets += sum(len(item.packet) for item in items)
        self.bell.ring()

    def drop(self, job: object = None) -> int:
        """Take back what a retrieval (or all) put here and no frame has taken; how many packets that were."""
        gone = [item for item in self._queue if job is None or item.job is job]
        if gone:
            self._queue = deque(item for item in self._queue if job is not None and item.job is not job)
            self.octets -= sum(len(item.packet) for item in gone)
            self.hungry.ring()
        return len(gone)

    # --- the packet source of VC 3 ---------------------------------------------------------------------------------

    def pending_octets(self) -> int:
        """Octets that may leave now."""
        if self._held:
            return 0
        if self._credit is None or self.octets <= self._credit:
            return self.octets
        octets = 0
        for item in self._queue:
            if octets + len(item.packet) > self._credit:
                break
            octets += len(item.packet)
        return octets

    def oldest_us(self) -> Micros:
        """When the packet that waits longest was put, if it may leave."""
        return self._queued_us if self._queue and self.pending_octets() else NEVER

    def take(self) -> bytes:
        """Give up the next packet to a frame."""
        item = self._queue.popleft()
        self.octets -= len(item.packet)
        if self._credit is not None:
            self._credit -= len(item.packet)
        self._taken.append(item)
        if self.octets < LOW_OCTETS:
            self.hungry.ring()
        return item.packet

    # --- what becomes of frames ------------------------------------------------------------------------------------

    def frame_out(self, now: Micros, *, unfinished: bool) -> None:
        """A frame has gone out; the last packet taken goes on in the next one when `unfinished`."""
        self.frames += 1
        while len(self._taken) > unfinished:
            item = self._taken.popleft()
            self.sent_packets += 1
            self.sent_octets += len(item.packet)
            self.sent(item, now)

    def frame_lost(self, now: Micros) -> None:
        """The line closed upon a frame: what was in it, and what waits behind it, is not sent."""
        if self._taken:
            self._taken.clear()
            self.drop()
            self.lost(now)
