"""spacepackets, an outside library, as the ground: it writes the telecommands, reads and judges the telemetry."""

import struct
from pathlib import Path

import pytest
from spacepackets.ccsds.spacepacket import SpacePacketHeader  # type: ignore[import-untyped]
from spacepackets.ecss.pus_1_verification import (  # type: ignore[import-untyped]
    ManagedParamsVerification,
    Service1Tm,
)
from spacepackets.ecss.pus_verificator import PusVerificator, StatusField  # type: ignore[import-untyped]
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]
from spacepackets.ecss.tm import ManagedParams, PusTm  # type: ignore[import-untyped]

from tests.system.bench import Bench

PLAIN = {0x000, 0x7FF}
"""Time reports and idle packets have no secondary header."""
CADU_OCTETS, HEAD_OCTETS, TRAILER_OCTETS = 450, 10, 6


def telemetry(octets: bytes) -> list[PusTm]:
    """All PUS packets in the CADUs of VC 0, which lost nothing."""
    cadus = [octets[at : at + CADU_OCTETS] for at in range(0, len(octets), CADU_OCTETS)]
    stream = b"".join(cadu[HEAD_OCTETS:-TRAILER_OCTETS] for cadu in cadus if cadu[5] >> 1 & 7 == 0)
    found = []
    while len(stream) >= 6:
        header = SpacePacketHeader.unpack(stream)
        if header.packet_len > len(stream):
            break
        if header.apid not in PLAIN:
            found.append(PusTm.unpack(stream[: header.packet_len], timestamp_len=7))
        stream = stream[header.packet_len :]
    return found


@pytest.mark.proves("K-GND-003", "K-VER-005")
def test_spacepackets_commands_the_board_and_follows_each_request_to_its_last_word(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    set_scratch = struct.pack(">BHI", 1, 10, 0xCAFE)
    requests = [
        PusTc(service=17, message_subtype=1, apid=0x020, source_id=5, seq_count=1),
        PusTc(service=20, message_subtype=3, apid=0x020, source_id=5, seq_count=2, app_data=set_scratch),
        PusTc(service=20, message_subtype=1, apid=0x020, source_id=5, seq_count=3, app_data=b"\1\0\x0a"),
        PusTc(service=8, message_subtype=1, apid=0x031, source_id=5, seq_count=4, app_data=struct.pack(">HH", 2, 1)),
        PusTc(service=8, message_subtype=1, apid=0x021, source_id=5, seq_count=5, app_data=b"\0\x63"),
    ]
    judge = PusVerificator()
    for request in requests:
        assert judge.add_tc(request)
        bench.send(bytes(request.pack()))
        bench.run(0.5)
    heard = telemetry(bench.octets)
    for packet in heard:
        if packet.service == 1:
            managed = ManagedParamsVerification(bytes_step_id=1, bytes_err_code=2)
            assert judge.add_tm(Service1Tm.unpack(bytes(packet.pack()), ManagedParams(7), managed)) is not None
    good, bad, none = StatusField.SUCCESS, StatusField.FAILURE, StatusField.UNSET
    verdicts = [(one.accepted, one.started, one.completed) for one in judge.verif_dict.values()]
    assert verdicts == [*[(good, good, good)] * 3, (bad, none, none), (good, bad, none)]
    assert all(one.all_verifs_recvd for one in judge.verif_dict.values())
    (pong,) = [packet for packet in heard if (packet.service, packet.message_subtype) == (17, 2)]
    assert (pong.apid, pong.pus_tm_sec_header.dest_id, pong.pus_tm_sec_header.spacecraft_time_ref) == (0x020, 5, 0)
    (values,) = [packet for packet in heard if (packet.service, packet.message_subtype) == (20, 2)]
    assert bytes(values.source_data) == set_scratch
    assert {packet.pus_tm_sec_header.dest_id for packet in heard if packet.service == 5} == {0}
    counts = [packet.seq_count for packet in heard if packet.apid == 0x020]
    assert counts == list(range(len(counts)))
