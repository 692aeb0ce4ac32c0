"""Extraction of packets from the data fields of telemetry frames (132.0-B, 4.3.2): the ground's side of the packing."""

from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds.space_packet import IDLE_APID, MALFORMED, MORE, PACKET_OCTETS_MAX, packet_octets
from fsw.ccsds.tm_frame import FHP_IDLE, FHP_NO_PACKET

_ENCAPSULATION: Final = 0xE0
_VERSION_0_MAX: Final = 0x1F


@unique
class PacketFault(Enum):
    """Why octets of a virtual channel gave no packet."""

    POINTER = "fhp_beyond_data"
    MISALIGNED = "packet_not_ended_at_fhp"  # a packet was pending past the start of the next: the pointer is believed
    INTERRUPTED = "packet_interrupted_by_idle_frame"
    VERSION = "packet_version"
    LENGTH = "encapsulation_length"  # shorter than its own header, or longer than any packet of ours


class PacketReceived(NamedTuple):
    """A whole space packet, not idle."""

    vcid: int
    packet: bytes


class GapDetected(NamedTuple):
    """Frames of this channel are missing: `lost` modulo 256, so that 255 may also be one frame doubled."""

    vcid: int
    lost: int


class PacketRejected(NamedTuple):
    """Octets of a valid frame that gave no packet."""

    vcid: int
    reason: PacketFault


DepacketizerEvent = PacketReceived | GapDetected | PacketRejected


class Depacketizer:
    """The receiving end of one virtual channel. Holds one unfinished packet, at most 65542 octets and a frame.

    Idle packets are dropped, encapsulation packets stepped over. After a gap nothing is delivered until a frame says
    where a packet starts; an unfinished packet is not delivered in parts.
    """

    def __init__(self, vcid: int) -> None:
        assert 0 <= vcid <= 7, "virtual channel id has 3 bits"
        self.vcid = vcid
        self._vcfc_expected: int | None = None
        self._octets = bytearray()
        self._synced = False

    def __len__(self) -> int:
        """Octets held of an unfinished packet."""
        return len(self._octets)

    def feed(self, vcfc: int, fhp: int, data: bytes) -> list[DepacketizerEvent]:
        """Take one frame of this channel, in the order received; what it completes."""
        events: list[DepacketizerEvent] = []
        if self._vcfc_expected is not None and vcfc != self._vcfc_expected:
            events.append(GapDetected(self.vcid, (vcfc - self._vcfc_expected) % 256))
            self._lose()
        self._vcfc_expected = (vcfc + 1) % 256
        if fhp == FHP_IDLE:
            # A packet may not be interrupted by an idle frame of its own channel: what is pending cannot be trusted.
            if self._octets:
                events.append(PacketRejected(self.vcid, PacketFault.INTERRUPTED))
            self._lose()
        elif fhp == FHP_NO_PACKET:
            self._continue(data, events)
        elif fhp >= len(data):
            events.append(PacketRejected(self.vcid, PacketFault.POINTER))
            self._lose()
        else:
            self._continue(data[:fhp], events)
            if self._octets:
                events.append(PacketRejected(self.vcid, PacketFault.MISALIGNED))
            self._octets = bytearray(data[fhp:])
            self._synced = True
            self._walk(events)
        return events

    def _continue(self, data: bytes, events: list[DepacketizerEvent]) -> None:
        if self._synced:
            self._octets += data
            self._walk(events)

    def _lose(self) -> None:
        self._octets.clear()
        self._synced = False

    def _walk(self, events: list[DepacketizerEvent]) -> None:
        """Deliver the whole packets at hand."""
        held, offset = self._octets, 0
        while True:
            octets = packet_octets(held, offset)
            if octets == MALFORMED or octets > PACKET_OCTETS_MAX:
                events.append(PacketRejected(self.vcid, PacketFault.LENGTH))
                self._lose()
                return
            if octets == MORE or offset + octets > len(held):
                del held[:offset]
                return
            self._deliver(bytes(held[offset : offset + octets]), events)
            offset += octets

    def _deliver(self, packet: bytes, events: list[DepacketizerEvent]) -> None:
        if packet[0] >= _ENCAPSULATION:
            return
        if packet[0] > _VERSION_0_MAX:
            events.append(PacketRejected(self.vcid, PacketFault.VERSION))
        elif (packet[0] & 0x07) << 8 | packet[1] != IDLE_APID:
            events.append(PacketReceived(self.vcid, packet))
