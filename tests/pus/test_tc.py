"""Telecommand packets against pus_tc.json, pus_negative.json and spacepackets-py both ways."""

import json
from pathlib import Path
from typing import Any

import crcmod.predefined  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.pus import tc
from fsw.pus.ids import Refusal

VECTORS = Path(__file__).parents[1] / "vectors"
TELECOMMANDS: list[dict[str, Any]] = json.loads((VECTORS / "pus_tc.json").read_text(encoding="utf-8"))["vectors"]
NEGATIVE = {
    entry["name"]: bytes.fromhex(entry["packet"])
    for entry in json.loads((VECTORS / "pus_negative.json").read_text(encoding="utf-8"))["vectors"]
}
PING = bytes.fromhex("19a5c06400062f110100074c6a")

fields = st.fixed_dictionaries(
    {
        "apid": st.integers(0, 0x7FF),
        "sequence_count": st.integers(0, 0x3FFF),
        "service": st.integers(0, 255),
        "subtype": st.integers(0, 255),
        "data": st.binary(max_size=tc.DATA_OCTETS_MAX),
        "ack": st.integers(0, 15),
        "source_id": st.integers(0, 0xFFFF),
    }
)


def resealed(octets: bytes) -> bytes:
    """The packet with the checksum of its present octets, by crcmod's plain Python."""
    code = crcmod.predefined.PredefinedCrc("crc-ccitt-false")
    code.update(octets[:-2])
    return octets[:-2] + bytes(code.digest())


@pytest.mark.proves("K-PKT-001")
@pytest.mark.parametrize("vector", TELECOMMANDS, ids=lambda vector: vector["id"])
def test_vectors_decode_and_encode(vector: dict[str, Any]) -> None:
    packet = bytes.fromhex(vector["packet"])
    decoded = tc.decode(packet)
    assert decoded == tc.Telecommand(
        vector["apid"],
        vector["seq_count"],
        vector["ack_flags"],
        vector["service"],
        vector["subtype"],
        vector["source_id"],
        bytes.fromhex(vector["app_data"]),
        bytes.fromhex(vector["request_id"]),
    )
    assert (
        tc.encode(
            vector["apid"],
            vector["seq_count"],
            vector["service"],
            vector["subtype"],
            bytes.fromhex(vector["app_data"]),
            ack=vector["ack_flags"],
            source_id=vector["source_id"],
        )
        == packet
    )
    header = tc.inspect(packet)
    assert isinstance(header, tc.TcHeader)
    assert header.length_ok
    assert tc.checksum_ok(packet)
    assert tc.telecommand(packet, header) == decoded


def test_ack_bits_are_acceptance_start_progress_completion_from_the_least() -> None:
    # The vectors' profile: bit 3 completion, 2 progress, 1 start, 0 acceptance.
    assert (tc.ACK_ACCEPTANCE, tc.ACK_START, tc.ACK_PROGRESS, tc.ACK_COMPLETION) == (1, 2, 4, 8)
    assert tc.ACK_GROUND == 9


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("PEC wrong", Refusal.CHECKSUM),
        ("truncated by 1", Refusal.LENGTH),
        ("length field +1", Refusal.LENGTH),
    ],
)
def test_negative_vectors_break_structure(name: str, refusal: Refusal) -> None:
    assert tc.decode(NEGATIVE[name]) is refusal


@pytest.mark.parametrize(
    "name", ["unknown service type 99", "unknown subtype 77", "TC to idle APID 0x7FF"]
)  # these are for verification to refuse: what they say is well formed
def test_negative_vectors_of_later_stages_are_well_formed(name: str) -> None:
    assert isinstance(tc.decode(NEGATIVE[name]), tc.Telecommand)


def changed(octets: bytes, index: int, value: int) -> bytes:
    return resealed(octets[:index] + bytes((value,)) + octets[index + 1 :])


@pytest.mark.parametrize(
    ("packet", "refusal"),
    [
        (changed(PING, 0, 0x39), Refusal.PACKET_VERSION),
        (changed(PING, 0, 0x09), Refusal.PACKET_TYPE),
        (changed(PING, 0, 0x11), Refusal.HEADER_FLAG),
        (changed(PING, 2, 0x40), Refusal.SEQUENCE_FLAGS),
        (changed(PING, 2, 0x80), Refusal.SEQUENCE_FLAGS),
        (changed(PING, 0, 0x29), Refusal.PACKET_VERSION),  # version and type wrong: the first wins
    ],
)
def test_structure_is_refused_by_its_first_broken_rule(packet: bytes, refusal: Refusal) -> None:
    assert tc.decode(packet) is refusal
    assert tc.inspect(packet) is refusal


def test_pus_version_is_asked_after_the_checksum() -> None:
    old = changed(PING, 6, 0x1F)
    assert tc.decode(old) is Refusal.PUS_VERSION
    assert tc.decode(old[:-1] + bytes((old[-1] ^ 1,))) is Refusal.CHECKSUM
    header = tc.inspect(old)
    assert isinstance(header, tc.TcHeader)
    assert header.pus_version == 1


@pytest.mark.parametrize("octets", range(10))
def test_under_ten_octets_nobody_can_be_answered(octets: int) -> None:
    assert tc.inspect(PING[:octets]) is Refusal.LENGTH
    assert tc.decode(PING[:octets]) is Refusal.LENGTH


@pytest.mark.parametrize(("octets", "source_id"), [(10, 0), (11, 7), (12, 7)])
def test_the_head_of_a_cut_packet_can_be_answered(octets: int, source_id: int) -> None:
    header = tc.inspect(PING[:octets])
    assert header == tc.TcHeader(0x1A5, 100, 15, 2, 17, 1, source_id, PING[:4], length_ok=False)


def test_length_is_asked_before_structure() -> None:
    header = tc.inspect(changed(PING, 0, 0x39)[:12])
    assert isinstance(header, tc.TcHeader)
    assert not header.length_ok


def test_a_packet_too_short_for_its_own_headers_fails_by_length() -> None:
    tiny = resealed(bytes.fromhex("19a5c06400052f1101000000"))
    assert tc.decode(tiny) is Refusal.LENGTH
    header = tc.inspect(tiny)
    assert isinstance(header, tc.TcHeader)
    assert not header.length_ok


@pytest.mark.proves("K-PKT-001", "K-GND-003")
@given(fields)
def test_spacepackets_reads_what_we_write_and_we_read_what_it_writes(said: dict[str, Any]) -> None:
    packet = tc.encode(**said)
    theirs = PusTc.unpack(packet)
    assert (theirs.apid, theirs.seq_count, theirs.service, theirs.source_id) == (
        said["apid"], said["sequence_count"], said["service"], said["source_id"],
    )  # fmt: skip
    assert (theirs.message_subtype, theirs.app_data) == (said["subtype"], said["data"])
    assert theirs.pus_tc_sec_header.ack_flags == said["ack"]
    written = PusTc(
        service=said["service"],
        message_subtype=said["subtype"],
        apid=said["apid"],
        app_data=said["data"],
        seq_count=said["sequence_count"],
        source_id=said["source_id"],
        ack_flags=said["ack"],
    ).pack()
    assert bytes(written) == packet
    decoded = tc.decode(packet)
    assert isinstance(decoded, tc.Telecommand)
    assert decoded._asdict() == said | {"request_id": packet[:4]}


@pytest.mark.proves("K-PKT-003")
@given(st.binary(max_size=64))
def test_any_octets_give_a_telecommand_or_a_refusal(octets: bytes) -> None:
    assert isinstance(tc.decode(octets), tc.Telecommand | Refusal)
    assert isinstance(tc.inspect(octets), tc.TcHeader | Refusal)


@given(fields, st.integers(0), st.integers(1, 255))
def test_one_changed_octet_is_never_taken_for_the_packet(said: dict[str, Any], index: int, mask: int) -> None:
    packet = bytearray(tc.encode(**said))
    packet[index % len(packet)] ^= mask
    assert isinstance(tc.decode(bytes(packet)), Refusal)
