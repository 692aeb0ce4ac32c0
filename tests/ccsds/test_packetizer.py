"""Packing into frames and extraction from them: by rule, by any packets, and by the recordings of two missions."""

import json
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ccsds.spacepacket import SpacePacketHeader  # type: ignore[import-untyped]

from fsw.ccsds import tm_frame
from fsw.ccsds.depacketizer import (
    Depacketizer,
    DepacketizerEvent,
    GapDetected,
    PacketFault,
    PacketReceived,
    PacketRejected,
)
from fsw.ccsds.packetizer import VirtualChannel, idle_data_field
from fsw.ccsds.tm_frame import FHP_IDLE, FHP_NO_PACKET
from fsw.kernel.clock import NEVER, Micros

VECTORS = Path(__file__).parents[1] / "vectors"
RELEASE_US = 100_000
OCTETS = 40


class Queue:
    """A packet source in order of arrival."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Micros, bytes]] = deque()
        self.flush = False

    def put(self, packet: bytes, now: int = 0, *, flush: bool = False) -> None:
        self.waiting.append((Micros(now), packet))
        self.flush |= flush

    def pending_octets(self) -> int:
        return sum(len(packet) for _, packet in self.waiting)

    def oldest_us(self) -> Micros:
        return self.waiting[0][0] if self.waiting else NEVER

    def take(self) -> bytes:
        return self.waiting.popleft()[1]


def _packet(octets: int, apid: int = 0x20, fill: int = 0xA5) -> bytes:
    """A telemetry packet made by another implementation."""
    return bytes(SpacePacketHeader.tm(apid=apid, seq_count=1, data_len=octets - 7).pack()) + bytes([fill]) * (
        octets - 6
    )


def _idle(octets: int) -> bytes:
    return bytes.fromhex("07ffc000") + (octets - 7).to_bytes(2, "big") + b"\x55" * (octets - 6)


def _channel(octets: int = OCTETS) -> tuple[Queue, VirtualChannel]:
    queue = Queue()
    return queue, VirtualChannel(0, octets, RELEASE_US, queue)


def _packets(events: list[DepacketizerEvent]) -> list[bytes]:
    assert all(isinstance(event, PacketReceived) for event in events), events
    return [event.packet for event in events if isinstance(event, PacketReceived)]


# --- when a frame goes out ------------------------------------------------------------------------------------------


def test_nothing_to_send_is_never_due() -> None:
    _, channel = _channel()
    assert channel.next_due() == NEVER
    assert not channel.due(Micros(10**12))
    with pytest.raises(AssertionError, match="nothing to send"):
        channel.build()


def test_a_full_frame_is_due_at_once_and_less_than_one_after_the_release_time() -> None:
    queue, channel = _channel()
    queue.put(_packet(OCTETS - 1), 5)
    assert channel.next_due() == 5 + RELEASE_US
    assert not channel.due(Micros(5 + RELEASE_US - 1))
    assert channel.due(Micros(5 + RELEASE_US))
    queue.put(_packet(7), 6)
    assert channel.due(Micros(6))


def test_a_remainder_keeps_the_time_of_its_packet() -> None:
    queue, channel = _channel()
    queue.put(_packet(OCTETS + 20), 7)
    assert channel.build() == (0, _packet(OCTETS + 20)[:OCTETS])
    assert channel.next_due() == 7 + RELEASE_US
    queue.put(_packet(7), 900)
    assert channel.next_due() == 7 + RELEASE_US
    assert channel.build() == (20, _packet(OCTETS + 20)[OCTETS:] + _packet(7) + _idle(13))


@pytest.mark.proves("K-FRAME-007")
def test_spilled_idle_starts_no_clock_but_fills_a_frame() -> None:
    queue, channel = _channel()
    queue.put(_packet(OCTETS - 3), 1)
    assert channel.build() == (0, _packet(OCTETS - 3) + _idle(7)[:3])
    assert channel.next_due() == NEVER
    queue.put(_packet(OCTETS - 4), 2_000_000)
    assert channel.due(Micros(2_000_000)), "4 octets of idle and 36 of the packet are a full frame"
    assert channel.build() == (4, _idle(7)[3:] + _packet(OCTETS - 4))
    assert channel.next_due() == NEVER


def test_an_urgent_packet_goes_at_once_with_its_remainder() -> None:
    queue, channel = _channel()
    queue.put(_packet(OCTETS + 5), 1, flush=True)
    assert channel.due(Micros(1))
    channel.build()
    assert not queue.flush, "obeyed"
    assert channel.due(Micros(1)), "the remainder is as urgent"
    channel.build()
    assert not channel.due(Micros(1))
    queue.put(_packet(9), 2)
    assert not channel.due(Micros(2))


def test_urgency_lasts_until_the_source_is_empty() -> None:
    queue, channel = _channel()
    queue.put(_packet(OCTETS), 1)
    queue.put(_packet(20), 1, flush=True)
    channel.build()
    assert queue.flush
    assert channel.due(Micros(1))
    channel.build()
    assert not queue.flush


@pytest.mark.proves("K-FRAME-007")
@pytest.mark.parametrize("gap", range(14))
def test_every_gap_is_filled(gap: int) -> None:
    queue, channel = _channel()
    queue.put(_packet(OCTETS - gap))
    fhp, data = channel.build()
    assert (fhp, len(data)) == (0, OCTETS)
    idle = _idle(max(gap, 7)) if gap else b""
    assert data[OCTETS - gap :] == idle[:gap]
    queue.put(_packet(10))
    fhp, data = channel.build()
    assert (fhp, data[:fhp]) == (len(idle[gap:]), idle[gap:])


def test_a_packet_over_many_frames_starts_once() -> None:
    queue, channel = _channel()
    queue.put(_packet(3 * OCTETS))
    assert [channel.build().fhp for _ in range(3)] == [0, FHP_NO_PACKET, FHP_NO_PACKET]
    assert channel.next_due() == NEVER
    queue.put(_packet(3 * OCTETS - 1))
    assert [channel.build().fhp for _ in range(3)] == [0, FHP_NO_PACKET, OCTETS - 1]


def test_late_binding_takes_what_a_frame_needs_only() -> None:
    queue, channel = _channel()
    for _ in range(5):
        queue.put(_packet(OCTETS - 8))
    channel.build()
    assert len(queue.waiting) == 3


def test_an_idle_frame_is_all_idle() -> None:
    assert idle_data_field(5) == (FHP_IDLE, b"\x55" * 5)


@pytest.mark.parametrize("octets", [6, 2043])
def test_a_data_field_of_no_use_is_misuse(octets: int) -> None:
    with pytest.raises(AssertionError):
        VirtualChannel(0, octets, RELEASE_US, Queue())


# --- there and back -------------------------------------------------------------------------------------------------


def _oracle_first_headers(stream: bytes, octets: int) -> list[int]:
    """Where the first packet of each frame starts, by another implementation's reading of the headers."""
    starts, at = [], 0
    while at + 6 <= len(stream):
        starts.append(at)
        at += SpacePacketHeader.unpack(stream[at : at + 6]).packet_len
    if at < len(stream):
        starts.append(at)
    return [
        min((start - frame for start in starts if frame <= start < frame + octets), default=FHP_NO_PACKET)
        for frame in range(0, len(stream), octets)
    ]


def _pack_all(packets: list[bytes], octets: int) -> list[tuple[int, bytes]]:
    queue, channel = _channel(octets)
    fields: list[tuple[int, bytes]] = []
    for packet in packets:
        queue.put(packet)
        while channel.due(Micros(0)):
            fields.append(channel.build())
    while channel.due(Micros(RELEASE_US)):
        fields.append(channel.build())
    return fields


def _extract_all(fields: list[tuple[int, bytes]]) -> list[bytes]:
    receiver = Depacketizer(0)
    events: list[DepacketizerEvent] = []
    for count, (fhp, data) in enumerate(fields):
        events += receiver.feed(count % 256, fhp, data)
    return _packets(events)


SIZES = st.lists(st.integers(7, 200) | st.integers(7, 9) | st.integers(30, 50), max_size=40)


@given(sizes=SIZES, octets=st.integers(7, 90))
def test_any_packets_come_out_as_they_went_in(sizes: list[int], octets: int) -> None:
    packets = [_packet(size, 0x20 + index, index) for index, size in enumerate(sizes)]
    fields = _pack_all(packets, octets)
    assert all(len(data) == octets for _, data in fields)
    assert [fhp for fhp, _ in fields] == _oracle_first_headers(b"".join(data for _, data in fields), octets)
    assert _extract_all(fields) == packets


@given(sizes=st.lists(st.integers(7, 120), min_size=1, max_size=30), lost=st.sets(st.integers(0, 60)))
def test_lost_frames_cost_their_own_packets_only(sizes: list[int], lost: set[int]) -> None:
    packets = [_packet(size, 0x20 + index, index) for index, size in enumerate(sizes)]
    fields = _pack_all(packets, OCTETS)
    stream = b"".join(data for _, data in fields)
    whole = []
    at = 0
    for packet in packets:
        at = stream.index(packet, at)
        frames = set(range(at // OCTETS, (at + len(packet) - 1) // OCTETS + 1))
        if not frames & lost:
            whole.append(packet)
        at += len(packet)
    receiver = Depacketizer(0)
    events = [
        event for count, field in enumerate(fields) if count not in lost for event in receiver.feed(count, *field)
    ]
    assert [event.packet for event in events if isinstance(event, PacketReceived)] == whole
    assert not [event for event in events if isinstance(event, PacketRejected)]


RECORDINGS = ["europa_clipper_ecm_slice.bin", "jpss1_geolocation_slice.dat"]


def _split_recording(recording: bytes) -> list[bytes]:
    packets, at = [], 0
    while at < len(recording):
        end = at + SpacePacketHeader.unpack(recording[at : at + 6]).packet_len
        packets.append(recording[at:end])
        at = end
    assert at == len(recording), "cut at a packet boundary"
    return packets


@pytest.mark.proves("K-FRAME-009")
@pytest.mark.parametrize("frame_octets", [223, 446, 892])
@pytest.mark.parametrize("name", RECORDINGS)
def test_the_recordings_of_two_missions_octet_for_octet(name: str, frame_octets: int) -> None:
    recording = (VECTORS / name).read_bytes()
    packets = _split_recording(recording)
    fields = _pack_all(packets, frame_octets - tm_frame.OVERHEAD_OCTETS)
    receiver = Depacketizer(3)
    events: list[DepacketizerEvent] = []
    for count, (fhp, data) in enumerate(fields):
        octets = tm_frame.encode(tm_frame.TmFrame(42, 3, count % 256, count % 256, fhp, data, 0x01000000))
        frame = tm_frame.decode(octets, 42, frame_octets)
        assert isinstance(frame, tm_frame.TmFrame)
        events += receiver.feed(frame.vcfc, frame.fhp, frame.data)
    assert _packets(events) == packets
    assert b"".join(_packets(events)) == recording
    assert len(receiver) < 7, "at most the beginning of the last spilled idle packet is pending"


# --- extraction against other implementations, and broken streams ---------------------------------------------------

SEQUENCES = json.loads((VECTORS / "tm_frames.json").read_text())["extraction_sequences"]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: sequence["name"])
def test_extraction_sequences(sequence: dict[str, Any]) -> None:
    """Frames of another mission, some dropped; what two other receivers took out of them, idle packets apart."""
    receivers: dict[int, Depacketizer] = {}
    packets: list[str] = []
    for index, text in enumerate(sequence["frames"]):
        if index in sequence["dropped_indices"]:
            continue
        octets = bytes.fromhex(text)
        header = tm_frame.decode_header(octets)
        data = octets[6 : -6 if header.ocf else -2]
        receiver = receivers.setdefault(header.vcid, Depacketizer(header.vcid))
        for event in receiver.feed(header.vcfc, header.fhp, data):
            if isinstance(event, PacketReceived):
                packets.append(event.packet.hex())
    expected = [packet for packet in sequence["expected_packets_complete_only"] if not packet.startswith("07ff")]
    assert packets == expected


def _rejects(events: list[DepacketizerEvent]) -> list[PacketFault]:
    return [event.reason for event in events if isinstance(event, PacketRejected)]


def test_a_gap_is_told_and_the_next_start_waited_for() -> None:
    receiver = Depacketizer(1)
    assert receiver.feed(254, 0, _packet(60)[:OCTETS]) == []
    assert receiver.feed(1, FHP_NO_PACKET, bytes(OCTETS)) == [GapDetected(1, 2)]
    assert receiver.feed(2, 30, bytes(30) + _packet(10)) == [PacketReceived(1, _packet(10))]
    assert receiver.feed(2, 0, _packet(40))[0] == GapDetected(1, 255)


def test_a_pointer_that_contradicts_the_pending_packet_is_believed() -> None:
    receiver = Depacketizer(0)
    receiver.feed(0, 0, _packet(60)[:OCTETS])
    assert receiver.feed(1, 10, bytes(10) + _packet(30)) == [
        PacketRejected(0, PacketFault.MISALIGNED),
        PacketReceived(0, _packet(30)),
    ]


def test_a_pointer_beyond_the_data_costs_what_was_pending() -> None:
    receiver = Depacketizer(0)
    receiver.feed(0, 0, _packet(60)[:OCTETS])
    assert _rejects(receiver.feed(1, OCTETS, bytes(OCTETS))) == [PacketFault.POINTER]
    assert receiver.feed(2, FHP_NO_PACKET, _packet(60)[OCTETS:]) == []


def test_an_idle_frame_interrupts() -> None:
    receiver = Depacketizer(0)
    assert receiver.feed(0, FHP_IDLE, bytes(OCTETS)) == []
    receiver.feed(1, 0, _packet(60)[:OCTETS])
    assert _rejects(receiver.feed(2, FHP_IDLE, bytes(OCTETS))) == [PacketFault.INTERRUPTED]
    assert len(receiver) == 0


def test_encapsulation_packets_are_stepped_over() -> None:
    # One-octet idle; protocol 2 with a one-octet length of 5; two-octet length (8); four-octet length (10).
    others = bytes.fromhex("e0" + "e905010203" + "ea000008" + "00" * 4 + "eb0000000000000a0102")
    assert _packets(Depacketizer(0).feed(0, 0, others + _packet(12) + b"\xe0")) == [_packet(12)]


@pytest.mark.parametrize("header", ["e901", "ea000003", "eb000000ffffffff", "eb00000000010007"])
def test_an_encapsulation_length_of_no_use_ends_the_walk(header: str) -> None:
    receiver = Depacketizer(0)
    events = receiver.feed(0, 0, _packet(9) + bytes.fromhex(header) + bytes(8))
    assert events == [PacketReceived(0, _packet(9)), PacketRejected(0, PacketFault.LENGTH)]
    assert len(receiver) == 0
    assert receiver.feed(1, FHP_NO_PACKET, bytes(8)) == []


def test_a_wrong_version_costs_one_packet() -> None:
    wrong = b"\x20" + _packet(9)[1:]
    events = Depacketizer(0).feed(0, 0, wrong + _packet(8))
    assert events == [PacketRejected(0, PacketFault.VERSION), PacketReceived(0, _packet(8))]


@given(
    frames=st.lists(
        st.tuples(st.integers(0, 255), st.sampled_from([0, 1, 5, FHP_IDLE, FHP_NO_PACKET, 40]), st.binary(max_size=60))
    )
)
def test_no_frames_raise_or_grow_without_limit(frames: list[tuple[int, int, bytes]]) -> None:
    receiver = Depacketizer(0)
    for index, (vcfc, fhp, data) in enumerate(frames):
        receiver.feed(index % 256 if vcfc < 200 else vcfc, fhp, data)
        assert len(receiver) <= 65_542


def test_the_longest_packet_fits_and_stays_the_limit() -> None:
    packet = _packet(65_542)
    fields = _pack_all([packet, _packet(9)], 2_036)
    assert _extract_all(fields) == [packet, _packet(9)]
