"""Packets for the lander on VC 2, in the order they were posted; the packet source of that virtual channel.

Off nominal: what does not fit drops the oldest and is counted.
"""

from collections import deque
from typing import Final

from fsw.ccsds.space_packet import SequenceCounter
from fsw.kernel.bell import Bell
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import codec
from fsw.mdb.model import declaration_of
from fsw.pus.tm import encode_plain

PACKETS_MAX: Final = 32


class LanderOutbox:
    """A bounded queue; what does not fit drops the oldest and is counted."""

    __slots__ = ("_counter", "_queue", "bell", "dropped", "flush", "octets")

    def __init__(self) -> None:
        self._counter = SequenceCounter()
        self._queue: deque[tuple[Micros, bytes]] = deque()
        self.bell = Bell()
        """Rung at every packet posted; whoever frames gives its own."""
        self.octets = 0
        self.dropped = 0
        self.flush = False

    def __len__(self) -> int:
        return len(self._queue)

    def post(self, body: object, now: Micros, *, flush: bool = False) -> None:
        """Queue one declared packet for the lander (type bit 0: from the payload)."""
        apid = declaration_of(body).apid
        packet = encode_plain(apid, 0, self._counter.take(apid), codec.encode(body))
        if len(self._queue) >= PACKETS_MAX:
            self.octets -= len(self._queue.popleft()[1])
            self.dropped += 1
        self._queue.append((now, packet))
        self.octets += len(packet)
        self.flush |= flush
        self.bell.ring()

    def pending_octets(self) -> int:
        """Octets of all packets waiting."""
        return self.octets

    def oldest_us(self) -> Micros:
        """When the packet that waits longest was posted."""
        return self._queue[0][0] if self._queue else NEVER

    def take(self) -> bytes:
        """Give up the next packet."""
        packet = self._queue.popleft()[1]
        self.octets -= len(packet)
        return packet
