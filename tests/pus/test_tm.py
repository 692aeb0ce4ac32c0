"""Telemetry, time reports and plain packets against pus_tm.json, pus_time.json and spacepackets-py both ways."""

import json
from pathlib import Path
from typing import Any

import crcmod.predefined  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ccsds.spacepacket import PacketType, SpacePacketHeader  # type: ignore[import-untyped]
from spacepackets.ecss.tm import MiscParams, PusTm  # type: ignore[import-untyped]

from fsw.pus import tm
from fsw.pus.ids import Refusal

VECTORS = Path(__file__).parents[1] / "vectors"
TELEMETRY: list[dict[str, Any]] = json.loads((VECTORS / "pus_tm.json").read_text(encoding="utf-8"))["vectors"]
TIME: dict[str, Any] = json.loads((VECTORS / "pus_time.json").read_text(encoding="utf-8"))
PONG = bytes.fromhex(next(vector["packet"] for vector in TELEMETRY if vector["id"] == "TM[17,2]#9"))

times = st.binary(min_size=6, max_size=6).map(lambda t_field: b"\x1e" + t_field)
fields = st.fixed_dictionaries(
    {
        "apid": st.integers(0, 0x7FF),
        "sequence_count": st.integers(0, 0x3FFF),
        "time_status": st.integers(0, 15),
        "service": st.integers(0, 255),
        "subtype": st.integers(0, 255),
        "message_count": st.integers(0, 0xFFFF),
        "destination_id": st.integers(0, 0xFFFF),
        "time": times,
        "data": st.binary(max_size=200),
    }
)


def resealed(octets: bytes) -> bytes:
    """The packet with the checksum of its present octets, by crcmod's plain Python."""
    code = crcmod.predefined.PredefinedCrc("crc-ccitt-false")
    code.update(octets[:-2])
    return octets[:-2] + bytes(code.digest())


def changed(octets: bytes, index: int, value: int) -> bytes:
    return resealed(octets[:index] + bytes((value,)) + octets[index + 1 :])


@pytest.mark.proves("K-PKT-001")
@pytest.mark.parametrize("vector", TELEMETRY, ids=lambda vector: vector["id"])
def test_vectors_decode_and_encode(vector: dict[str, Any]) -> None:
    packet = bytes.fromhex(vector["packet"])
    expected = tm.Telemetry(
        vector["apid"],
        vector["seq_count"],
        vector["time_ref_status"],
        vector["service"],
        vector["subtype"],
        vector["message_type_counter"],
        vector["destination_id"],
        bytes.fromhex(vector["time_field"]),
        bytes.fromhex(vector["source_data"]),
    )
    assert tm.decode_tm(packet, time_octets=len(expected.time)) == expected
    assert tm.encode_tm(*expected) == packet


def test_structure_is_refused_by_its_first_broken_rule() -> None:
    assert tm.decode_tm(PONG[:-1]) is Refusal.LENGTH
    assert tm.decode_tm(PONG[:20]) is Refusal.LENGTH
    assert tm.decode_tm(changed(PONG, 0, 0x29)) is Refusal.PACKET_VERSION
    assert tm.decode_tm(changed(PONG, 0, 0x19)) is Refusal.PACKET_TYPE
    assert tm.decode_tm(changed(PONG, 0, 0x01)) is Refusal.HEADER_FLAG
    assert tm.decode_tm(changed(PONG, 2, 0x43)) is Refusal.SEQUENCE_FLAGS
    assert tm.decode_tm(PONG[:-1] + bytes((PONG[-1] ^ 1,))) is Refusal.CHECKSUM
    assert tm.decode_tm(changed(PONG, 6, 0x10)) is Refusal.PUS_VERSION


@pytest.mark.proves("K-PKT-001", "K-GND-003")
@given(fields)
def test_spacepackets_reads_what_we_write_and_we_read_what_it_writes(said: dict[str, Any]) -> None:
    packet = tm.encode_tm(**said)
    theirs = PusTm.unpack(packet, timestamp_len=7)
    assert (theirs.apid, theirs.seq_count, theirs.service, theirs.message_subtype, theirs.source_data) == (
        said["apid"], said["sequence_count"], said["service"], said["subtype"], said["data"],
    )  # fmt: skip
    header = theirs.pus_tm_sec_header
    assert (header.message_counter, header.dest_id, header.spacecraft_time_ref, header.timestamp) == (
        said["message_count"], said["destination_id"], said["time_status"], said["time"],
    )  # fmt: skip
    written = PusTm(
        service=said["service"],
        message_subtype=said["subtype"],
        timestamp=said["time"],
        source_data=said["data"],
        apid=said["apid"],
        seq_count=said["sequence_count"],
        message_counter=said["message_count"],
        destination_id=said["destination_id"],
        misc_params=MiscParams(spacecraft_time_ref=said["time_status"]),
    ).pack()
    assert bytes(written) == packet
    assert tm.decode_tm(packet) == tm.Telemetry(**said)


def test_time_report_vector() -> None:
    vector = next(vector for vector in TIME["time_reports"] if "status" in vector)
    packet = bytes.fromhex(vector["packet"])
    time = bytes.fromhex("2e2a3b4c5d8000")
    assert tm.decode_time_report(packet) == tm.TimeReport(4, vector["rate_exp"], time, vector["status"])
    assert tm.encode_time_report(4, vector["rate_exp"], time, vector["status"]) == packet


def test_other_time_reports_are_refused() -> None:
    for vector in TIME["time_reports"]:
        if "status" not in vector and "4+3" not in vector["name"]:
            assert tm.decode_time_report(bytes.fromhex(vector["packet"])) is Refusal.LENGTH
    report = tm.encode_time_report(0, 4, b"\x1e" + bytes(6), 2)
    assert tm.decode_time_report(changed(report, 0, 0x10)) is Refusal.PACKET_TYPE
    assert tm.decode_time_report(changed(report, 1, 0x01)) is Refusal.APID
    assert tm.decode_time_report(report[:-1]) is Refusal.LENGTH


@given(st.integers(0, 0x7FF), st.integers(0, 1), st.integers(0, 0x3FFF), st.binary(max_size=200))
def test_plain_packets_are_space_packets_with_a_checksum(apid: int, packet_type: int, count: int, body: bytes) -> None:
    packet = tm.encode_plain(apid, packet_type, count, body)
    theirs = SpacePacketHeader(
        packet_type=PacketType(packet_type), apid=apid, seq_count=count, data_len=len(body) + 1, sec_header_flag=False
    ).pack()
    assert packet == resealed(bytes(theirs) + body + b"\0\0")
    assert tm.decode_plain(packet) == tm.Plain(apid, packet_type, count, body)


def test_plain_packets_are_refused_by_their_first_broken_rule() -> None:
    packet = tm.encode_plain(0x010, 1, 5, b"abc")
    assert tm.decode_plain(packet[:7]) is Refusal.LENGTH
    assert tm.decode_plain(packet[:-1]) is Refusal.LENGTH
    assert tm.decode_plain(changed(packet, 0, 0x30)) is Refusal.PACKET_VERSION
    assert tm.decode_plain(changed(packet, 0, 0x18)) is Refusal.HEADER_FLAG
    assert tm.decode_plain(changed(packet, 2, 0x80)) is Refusal.SEQUENCE_FLAGS
    assert tm.decode_plain(packet[:-1] + bytes((packet[-1] ^ 1,))) is Refusal.CHECKSUM


@pytest.mark.proves("K-PKT-003")
@given(st.binary(max_size=64))
def test_any_octets_give_a_packet_or_a_refusal(octets: bytes) -> None:
    assert isinstance(tm.decode_tm(octets), tm.Telemetry | Refusal)
    assert isinstance(tm.decode_plain(octets), tm.Plain | Refusal)
    assert isinstance(tm.decode_time_report(octets), tm.TimeReport | Refusal)
