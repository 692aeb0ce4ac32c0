"""Packing of packets into the data fields of fixed-length telemetry frames (132.0-B, 4.1.4 and 4.2)."""

from typing import Final, NamedTuple, Protocol

from fsw.ccsds.space_packet import PACKET_OCTETS_MIN, idle_packet
from fsw.ccsds.tm_frame import FHP_IDLE, FHP_NO_PACKET
from fsw.kernel.clock import NEVER, Micros

DATA_OCTETS_MAX: Final = 2042
"""Longest data field: a start anywhere in it stays below 0x7FE."""
IDLE_FILL: Final = 0x55
"""Filling of idle frames."""


class PacketSource(Protocol):
    """Where a virtual channel gets its packets, in the order of priority of the moment."""

    flush: bool
    """Set by the source when a packet came that may not wait for company; cleared by the channel that obeyed."""

    def pending_octets(self) -> int:
        """Octets of all packets waiting, 0 if none."""
        ...

    def oldest_us(self) -> Micros:
        """When the packet that waits longest was queued, NEVER if none waits."""
        ...

    def take(self) -> bytes:
        """Give up the next packet, whole; called only while octets are pending."""
        ...


class DataField(NamedTuple):
    """What a frame carries: the first header pointer and exactly the data field's octets."""

    fhp: int
    data: bytes


class VirtualChannel:
    """The sending end of one virtual channel: late binding, a packet is taken only when its frame is built.

    `data_octets` is the length of a frame's data field. A packet that does not fit goes on in the next frame; its
    remainder keeps the time of queuing and the urgency of the packet. Spilled idle waits for company without a clock.
    """

    def __init__(self, vcid: int, data_octets: int, release_us: int, source: PacketSource) -> None:
        assert 0 <= vcid <= 7, "virtual channel id has 3 bits"
        assert PACKET_OCTETS_MIN <= data_octets <= DATA_OCTETS_MAX, "data field is 7..2042 octets"
        assert release_us >= 0, "release time is not negative"
        self.vcid = vcid
        self._data_octets = data_octets
        self._release_us = release_us
        self._source = source
        self._carry = b""  # a packet begun in an earlier frame
        self._carry_at = 0  # its first octet not yet sent
        self._carry_since = NEVER  # when it was queued; NEVER for idle, which starts no clock
        self._carry_flush = False

    def due(self, now: Micros) -> bool:
        """Whether a frame should go out: one is full, or what waits was queued a release time ago, or may not wait."""
        return self.next_due() <= now

    @property
    def unfinished(self) -> bool:
        """Whether a packet (no idle) was begun and goes on in the next frame."""
        return self._carry_since < NEVER

    def next_due(self) -> Micros:
        """When a frame falls due if nothing more is queued: 0 for at once, NEVER while there is nothing to send."""
        source = self._source
        oldest, carried = source.oldest_us(), self._carry_since
        oldest = carried if carried < oldest else oldest
        if oldest >= NEVER:
            return NEVER
        if self._carry_flush or source.flush:
            return Micros(0)
        if len(self._carry) - self._carry_at + source.pending_octets() >= self._data_octets:
            return Micros(0)
        return Micros(oldest + self._release_us)

    def build(self) -> DataField:
        """Return the next frame's pointer and data, filled up with an idle packet; there must be something to send."""
        assert self._carry_since < NEVER or self._source.pending_octets() > 0, "nothing to send"
        room = self._data_octets
        rest = self._carry[self._carry_at : self._carry_at + room]
        self._carry_at += len(rest)
        pieces = [rest]
        room -= len(rest)
        if not room:
            self._forget_finished_carry()
            return DataField(FHP_NO_PACKET, rest)
        fhp = len(rest)
        self._forget_finished_carry()
        while room and self._source.pending_octets() > 0:
            room -= self._begin(self._take(), room, pieces)
        if not self._source.pending_octets():
            self._source.flush = False  # a remainder in hand keeps its own urgency
        if room:
            self._hold(idle_packet(max(room, PACKET_OCTETS_MIN)), NEVER, flush=False)
            room -= self._begin(self._carry, room, pieces)
        assert not room, "a data field is filled exactly"
        return DataField(fhp, b"".join(pieces))

    def _take(self) -> bytes:
        """Take a packet from the source and hold it with its time and urgency."""
        queued, flush = self._source.oldest_us(), self._source.flush
        packet = self._source.take()
        assert len(packet) >= PACKET_OCTETS_MIN, "a packet has at least 7 octets"
        self._hold(packet, queued, flush=flush)
        return packet

    def _begin(self, packet: bytes, room: int, pieces: list[bytes]) -> int:
        """Put as much of the packet in hand into the frame as there is room for; return how many octets."""
        piece = packet[:room]
        pieces.append(piece)
        self._carry_at = len(piece)
        self._forget_finished_carry()
        return len(piece)

    def _hold(self, packet: bytes, since: Micros, *, flush: bool) -> None:
        self._carry, self._carry_at, self._carry_since, self._carry_flush = packet, 0, since, flush

    def _forget_finished_carry(self) -> None:
        if self._carry_at == len(self._carry):
            self._hold(b"", NEVER, flush=False)


def idle_data_field(data_octets: int) -> DataField:
    """Return what an idle frame carries (132.0-B, 4.1.2.7.6.5)."""
    assert 1 <= data_octets <= DATA_OCTETS_MAX, "data field is 1..2042 octets"
    return DataField(FHP_IDLE, bytes([IDLE_FILL]) * data_octets)
