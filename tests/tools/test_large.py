"""Dumps in parts as the ground joins them: whole and right, or a fault that names the part."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from tests.services.memory_asks import SYSTEM
from tests.system.by_hand import crc
from tools.ground.large import LargeReports
from tools.ground.records import PacketRecord


def tm_packet(service: int, subtype: int, data: bytes) -> bytes:
    """Contract section 3: PUS-C telemetry of APID 0x020, time 1E and zeros."""
    head = struct.pack(">HHHBBBHH", 0x0820, 0xC000, len(data) + 15, 0x20, service, subtype, 0, 7) + b"\x1e" + bytes(6)
    return head + data + struct.pack(">H", crc(head + data))


def dump(*areas: tuple[int, bytes]) -> bytes:
    parts = (struct.pack(">IH", at, len(octets)) + octets + struct.pack(">H", crc(octets)) for at, octets in areas)
    return tm_packet(6, 4, bytes((1, len(areas))) + b"".join(parts))


def heard(transaction: int, packet: bytes, size: int) -> list[PacketRecord]:
    """The records of a packet's parts, as a session says them."""
    parts = [packet[at : at + size] for at in range(0, len(packet), size)]
    found = []
    for n, octets in enumerate(parts):
        subtype = 1 if n == 0 else 3 if n == len(parts) - 1 else 2
        raw = tm_packet(13, subtype, struct.pack(">HH", transaction, n + 1) + octets)
        found.append(PacketRecord(Micros(n), 0, SYSTEM, 13, subtype, n, None, "large", {}, "", raw))
    return found


def test_a_dump_in_parts_is_one_record() -> None:
    packet = dump((0, b"x" * 900), (5, b"y" * 300))
    large = LargeReports()
    said = [large.take(record) for record in heard(3, packet, 400)]
    assert said[:-1] == [None] * (len(said) - 1)
    whole = said[-1]
    assert whole is not None
    assert (whole.name, whole.service, whole.subtype, whole.fault, whole.raw) == ("memory.dumped", 6, 4, "", packet)
    assert whole.vcid == -1, "no frame brought it"
    assert whole.values == {
        "object_id": "CONFIGURATION",
        "areas": [{"offset": 0, "octets": "78" * 900}, {"offset": 5, "octets": "79" * 300}],
    }


@given(st.integers(0, 3), st.sampled_from(("lose", "double")))
def test_a_part_that_is_lost_or_doubled_is_named(n: int, how: str) -> None:
    parts = heard(3, dump((0, b"x" * 1_500)), 400)
    assert len(parts) == 4
    sent = parts[:n] + parts[n + 1 :] if how == "lose" else parts[: n + 1] + parts[n:]
    large = LargeReports()
    said = [record for record in map(large.take, sent) if record is not None]
    lost_last, doubled_first = (n, how) == (3, "lose"), (n, how) == (0, "double")
    assert [bool(record.fault) for record in said][:1] == ([] if lost_last else [not (doubled_first or n == 3)])
    whole = [large.take(record) for record in heard(3, dump((0, b"z" * 900)), 400)][-1]
    assert whole is not None
    assert whole.fault == "", "begun anew"


def test_a_joined_packet_that_is_damaged_or_no_dump_says_so() -> None:
    packet = dump((0, b"x" * 900))
    for wrong, fault in (
        (packet[:-1] + bytes((packet[-1] ^ 1,)), "joined: checksum"),
        (tm_packet(99, 1, b"1" * 900), "(99,1) cannot be read"),
        (tm_packet(6, 4, b"\1\1" * 400), "(6,4) cannot be read"),
    ):
        large = LargeReports()
        said = [large.take(record) for record in heard(1, wrong, 400)][-1]
        assert said is not None
        assert (said.fault, said.values) == (fault, {})
