"""Space and encapsulation packets against space_packets.json, encapsulation.json and spacepackets-py."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacepackets.ccsds import SpacePacketHeader  # type: ignore[import-untyped]

from fsw.ccsds import space_packet
from fsw.ccsds.space_packet import (
    MALFORMED,
    MORE,
    PacketHeader,
    SequenceCounter,
    Split,
    idle_packet,
    packet_octets,
    split,
)

FOLDER = Path(__file__).parents[1] / "vectors"
PACKETS: dict[str, Any] = json.loads((FOLDER / "space_packets.json").read_text(encoding="utf-8"))
WHOLE = [vector for vector in PACKETS["vectors"] if vector["kind"] == "encode+decode"]
ENCAPSULATION: list[dict[str, Any]] = json.loads((FOLDER / "encapsulation.json").read_text(encoding="utf-8"))["vectors"]


def header_of(fields: dict[str, Any]) -> PacketHeader:
    return PacketHeader(
        version=0,
        packet_type=fields["type"],
        secondary_header=bool(fields["sec_hdr_flag"]),
        apid=fields["apid"],
        sequence_flags=fields["seq_flags"],
        sequence_count=fields["seq_count"],
        data_octets=fields["packet_data_length"] + 1,
    )


headers = st.builds(
    PacketHeader,
    version=st.integers(0, 7),
    packet_type=st.integers(0, 1),
    secondary_header=st.booleans(),
    apid=st.integers(0, 0x7FE),
    sequence_flags=st.integers(0, 3),
    sequence_count=st.integers(0, 16_383),
    data_octets=st.integers(1, 65_536),
)


@pytest.mark.proves("K-PKT-002")
@pytest.mark.parametrize("vector", WHOLE, ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any]) -> None:
    header, packet = header_of(vector["input"]), bytes.fromhex(vector["expected"])
    assert space_packet.encode_header(header) + bytes.fromhex(vector["input"]["data"]) == packet
    assert space_packet.decode_header(packet) == header
    assert space_packet.decode_header(b"xyz" + packet, 3) == header
    assert packet_octets(packet) == len(packet)
    assert split(packet + packet) == Split([packet, packet], b"")


def test_longest_packet() -> None:
    vector = next(vector for vector in PACKETS["vectors"] if vector["name"] == "max_length_65542")
    data = bytes((131 * index + 7) & 255 for index in range(65_536))
    packet = space_packet.encode_header(header_of(vector["input"])) + data
    assert hashlib.sha256(packet).hexdigest() == vector["input"]["sha256_of_packet"]
    assert packet_octets(packet) == space_packet.PACKET_OCTETS_MAX == len(packet)


@pytest.mark.parametrize("reject", [r for r in PACKETS["rejects"] if "input" in r], ids=lambda r: str(r["reason"]))
def test_rejected_octets_are_told_apart(reject: dict[str, Any]) -> None:
    octets = bytes.fromhex(reject["input"])
    header = space_packet.decode_header(octets)
    if len(octets) < 6:
        assert header is None
        assert packet_octets(octets) == MORE
    elif "truncated" in reject["reason"]:
        assert split(octets) == Split([], octets)
    else:
        assert header is not None
        assert header.version == 1
        assert split(octets) == Split([octets], b"")  # delimited all the same: only this packet is lost


@pytest.mark.parametrize("reject", [r for r in PACKETS["rejects"] if "fields" in r], ids=lambda r: str(r["reason"]))
def test_rejected_fields_are_misuse(reject: dict[str, Any]) -> None:
    fields = {"type": 0, "sec_hdr_flag": 0, "apid": 1, "seq_flags": 3, "seq_count": 0, **reject["fields"]}
    fields["packet_data_length"] = len(bytes.fromhex(fields.get("data", "00"))) - 1
    with pytest.raises(AssertionError):
        space_packet.encode_header(header_of(fields))


@pytest.mark.proves("K-PKT-002")
@given(headers.filter(lambda header: header.version == 0))
@settings(deadline=None)
def test_header_as_spacepackets_reads_it(header: PacketHeader) -> None:
    peer = SpacePacketHeader.unpack(space_packet.encode_header(header))
    assert (peer.packet_type, peer.sec_header_flag, peer.apid, peer.seq_flags, peer.seq_count, peer.packet_len) == (
        header.packet_type,
        header.secondary_header,
        header.apid,
        header.sequence_flags,
        header.sequence_count,
        header.data_octets + 6,
    )


@given(headers)
@settings(deadline=None)
def test_header_round_trip(header: PacketHeader) -> None:
    assert space_packet.decode_header(space_packet.encode_header(header)) == header


@pytest.mark.parametrize("vector", ENCAPSULATION, ids=lambda vector: str(vector["name"]))
def test_encapsulation_packet_is_stepped_over(vector: dict[str, Any]) -> None:
    packet = bytes.fromhex(vector["expected"])
    header_octets = (1, 2, 4, 8)[vector["input"]["length_of_length"]]
    idle = bytes.fromhex("07ffc0000000ff")
    assert packet_octets(packet) == len(packet)
    assert [packet_octets(packet[:size]) for size in range(header_octets)] == [MORE] * header_octets
    assert split(packet + idle + packet) == Split([idle], b"")
    if len(packet) > 1:
        assert split(idle + packet[:-1]) == Split([idle], packet[:-1])


@pytest.mark.parametrize("octets", ["e100", "e101", "e2000003", "e300000000000007"])
def test_encapsulation_shorter_than_its_header(octets: str) -> None:
    assert packet_octets(bytes.fromhex(octets)) == MALFORMED
    assert split(bytes.fromhex(octets + "07ffc0000000ff")).packets == []


def test_one_octet_idle_between_packets() -> None:
    ping = bytes.fromhex("1842c005000310415247")
    assert split(b"\xe0" * 3 + ping + b"\xe0" + ping + b"\xe0" * 6) == Split([ping, ping], b"")
    assert space_packet.ENCAPSULATION_IDLE == b"\xe0"


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_split_of_any_octets_loses_none_but_encapsulation(data: bytes) -> None:
    found = split(data)
    assert data.endswith(found.rest)
    position = 0
    for packet in found.packets:
        assert packet[0] < 0xE0
        assert len(packet) == int.from_bytes(packet[4:6], "big") + 7
        position = data.index(packet, position) + len(packet)
    assert position <= len(data) - len(found.rest)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.binary(max_size=5))
@settings(deadline=None)
def test_split_of_packets(bodies: list[bytes], tail: bytes) -> None:
    packets = [b"\x10\x42\xc0\x00" + (len(body) - 1).to_bytes(2, "big") + body for body in bodies]
    rest = (
        tail.lstrip(b"\xe0")
        if not tail.startswith((b"\xe1", b"\xe2", b"\xe3")) and max(tail, default=0) < 0xE0
        else b""
    )
    assert split(b"".join(packets) + rest) == Split(packets, rest)


@pytest.mark.parametrize("octets", [7, 8, 100, 65_542])
def test_idle_packet(octets: int) -> None:
    packet = idle_packet(octets)
    peer = SpacePacketHeader.unpack(packet)
    assert (len(packet), peer.apid, peer.sec_header_flag, peer.packet_len) == (octets, 0x7FF, False, octets)
    assert packet.startswith(bytes.fromhex("07ffc000"))  # as idle_min_7octets


@pytest.mark.parametrize("octets", [0, 6, 65_543])
def test_idle_packet_of_no_size(octets: int) -> None:
    with pytest.raises(AssertionError):
        idle_packet(octets)


def test_counts_are_per_apid_and_wrap() -> None:
    counter = SequenceCounter()
    assert [counter.take(1) for _ in range(16_385)] == [*range(16_384), 0]
    assert [counter.take(0x7FF), counter.take(1), counter.take(0x7FF)] == [0, 1, 1]
    with pytest.raises(AssertionError):
        counter.take(0x800)


def test_nothing_there() -> None:
    assert packet_octets(b"") == packet_octets(b"\xe0", 1) == MORE
    assert split(b"") == Split([], b"")


@pytest.mark.parametrize("copy", ["_next", "_second", "_inverse"])
def test_a_flipped_bit_of_a_count_is_outvoted_and_told_once(copy: str) -> None:
    counter = SequenceCounter()
    assert [counter.take(5) for _ in range(3)] == [0, 1, 2]
    getattr(counter, copy)[5] ^= 4
    assert counter.mend() == [5]
    assert counter.mend() == []
    assert counter.take(5) == 3


def test_a_count_is_mended_before_it_is_used() -> None:
    counter = SequenceCounter()
    assert [counter.take(5) for _ in range(3)] == [0, 1, 2]
    counter._next[5] ^= 4
    assert counter.take(5) == 3
    assert counter.mend() == [5]
