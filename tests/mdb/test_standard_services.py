"""Layouts of the standard services against pus_tc.json and pus_tm.json: others' octets, read by our declarations."""

import json
from pathlib import Path
from typing import Any

import pytest

from fsw.mdb import codec, comms, lander, power, standard_services, system, verification
from fsw.mdb.database import Call, Database, DecodedReport
from fsw.mdb.model import F32, U8, Parameter
from fsw.mdb.values import ParameterValue, decode_values, encode_values

VECTORS = Path(__file__).parents[1] / "vectors"
TC: list[dict[str, Any]] = json.loads((VECTORS / "pus_tc.json").read_text(encoding="utf-8"))["vectors"]
TM: list[dict[str, Any]] = json.loads((VECTORS / "pus_tm.json").read_text(encoding="utf-8"))["vectors"]
DATABASE = Database(system, power, comms, standard_services, verification, lander)

# vector id -> what it says, typed by eye from the vector's field list
COMMANDS: dict[str, object] = {
    "TC[17,1]#0": standard_services.Ping(),
    "TC[17,3]#4": standard_services.ConnectionTest(apid=43),
    "TC[3,1]#6": standard_services.CreateStructure(sid=5, interval=10, parameters=(1, 2, 7)),
    "TC[3,5]#9": standard_services.EnableStructures((5,)),
    "TC[3,6]#10": standard_services.DisableStructures((5,)),
    "TC[3,27]#12": standard_services.ReportOnce((5,)),
    "TC[3,31]#15": standard_services.ModifyIntervals(
        (standard_services.SidInterval(5, 20), standard_services.SidInterval(6, 40))
    ),
    "TC[5,5]#16": standard_services.EnableEvents((257, 258)),
    "TC[5,7]#18": standard_services.ListDisabledEvents(),
    "TC[20,1]#70": standard_services.ReportParameters((1, 7)),
}
REPORTS: dict[str, object] = {
    "TM[17,2]#9": standard_services.Pong(),
    "TM[17,4]#10": standard_services.ConnectionReport(apid=43),
    "TM[3,10]#12": standard_services.StructureReport(sid=5, enabled=True, interval=10, parameters=(1, 2, 7)),
    "TM[5,8]#18": standard_services.DisabledEvents((257,)),
    "TM[1,1]#0": verification.Accepted(bytes.fromhex("19a5c064")),
    "TM[1,2]#4": verification.AcceptanceFailed(bytes.fromhex("19a5c064"), 4, b"\1\2"),
    "TM[1,5]#3": verification.Progress(bytes.fromhex("19a5c064"), 2),
}


def vector(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in found if entry["id"] == name)


@pytest.mark.parametrize("name", COMMANDS)
def test_telecommands(name: str) -> None:
    entry = vector(TC, name)
    data = bytes.fromhex(entry["app_data"])
    call = DATABASE.decode_command(0x020, entry["service"], entry["subtype"], data)
    assert isinstance(call, Call)
    assert call.body == COMMANDS[name]
    assert DATABASE.encode_command(call.body) == (0x020, entry["service"], entry["subtype"], data)


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str) -> None:
    entry = vector(TM, name)
    data = bytes.fromhex(entry["source_data"])
    report = DATABASE.report_by(0x020, entry["service"], entry["subtype"])
    assert report is not None
    assert codec.decode(report.body, data) == REPORTS[name]
    assert codec.encode(REPORTS[name]) == data


def test_super_commutated_structures_are_refused() -> None:
    entry = vector(TC, "TC[3,1]#7")
    refused = DATABASE.decode_command(0x020, 3, 1, bytes.fromhex(entry["app_data"]))
    assert not isinstance(refused, Call)
    assert refused.code == 5


def test_parameter_values() -> None:
    # The vector's own mission: parameter 1 is a u8, parameter 7 an f32.
    data = bytes.fromhex(vector(TM, "TM[20,2]#34")["source_data"])
    one, seven = Parameter(1, "one", U8), Parameter(7, "seven", F32)
    values = (ParameterValue(one, 9), ParameterValue(seven, 2.25))
    assert decode_values({1: one, 7: seven}, data) == values
    assert encode_values(values) == data


def test_events_carry_their_id_and_then_their_data() -> None:
    booted = system.Booted(7, system.ResetCause.CUT, bytes(8), "0.1.0")
    assert codec.encode_numbered(booted) == bytes.fromhex("000100000007020000000000000000") + b"0.1.0".ljust(16, b"\0")


@pytest.mark.parametrize(
    ("name", "apid", "octets"),
    [
        # Lander packets, laid out by hand from the contract's section 4.
        ("lander.heartbeat", 0x010, "00000e10 0003 00000064 00000002"),
        ("lander.time", 0x011, "1e7f3b4c5d8000 25 02 00"),
        ("lander.mode", 0x012, "0b 00000e10 02"),
        ("lander.power_notice", 0x013, "00 00 001e 00 00001388"),
        ("lander.power_status", 0x014, "01 00 01 6d60 00fa 012c 03e8 00"),
        ("lander.link", 0x015, "1e7f3b4c5d8000 1e7f3b4c6d8000 00002580 00010000 00000514"),
        ("lander.ancillary", 0x017, "ff9c 0064 7fff 0000 8000 0001 0002 0003 000186a0 00"),
        ("lander.deployment_authorisation", 0x018, "03 1e7f3b4c5d8000 1e7f3b4c6d8000 00000009"),
        ("lander.credit", 0x019, "00 00010000"),
        ("lander.safe_now", 0x01A, "000a 01"),
        ("payload.heartbeat", 0x110, "02 00 8000 0003 0010 00000e10"),
        ("payload.beacon", 0x111, "02 00 ff 0003 003c 02"),
        ("payload.request", 0x117, "04 0000001e"),
        ("payload.ready_for_power_off", 0x119, "00 01"),
        ("report.lander", 0x210, "0b 1e7f3b4c5d8000 1e7f3b4c6d8000 1e7f3b4c7d8000 00"),
        ("report.power", 0x211, "01 00 01 6d60 00fa 012c 03e8 00"),
        ("report.payload", 0x212, "01 00000010 00000000 0001"),
        ("report.beacon", 0x213, "1e7f3b4c5d8000 0200ff0003003c02"),
    ],
)
def test_plain_packets_have_the_contracts_layout(name: str, apid: int, octets: str) -> None:
    entry = DATABASE.plain_by(apid)
    assert entry is not None
    assert entry.name == name
    assert entry.packet_type == int(apid < 0x100)
    body = codec.decode(entry.body, bytes.fromhex(octets))
    assert isinstance(body, entry.body), body
    assert codec.encode(body) == bytes.fromhex(octets)


def test_heartbeat_fields_stand_where_the_contract_puts_them() -> None:
    beat = codec.decode(lander.LanderHeartbeat, bytes.fromhex("00000e10 0003 00000064 00000002"))
    assert beat == lander.LanderHeartbeat(uptime_s=3600, boot_count=3, tm_frames_good=100, tm_frames_bad=2)
    ours = codec.decode(lander.PayloadHeartbeat, bytes.fromhex("02 00 8000 0003 0010 00000e10"))
    assert ours == lander.PayloadHeartbeat(2, 0, -32768, 3, 16, 3600)


def test_decoded_report_is_a_named_tuple_of_what_was_said() -> None:
    packet = bytes.fromhex(vector(TM, "TM[17,2]#9")["packet"])
    packet = packet[:0] + packet  # the vector's APID is no process of ours: nothing is read into it
    assert not isinstance(DATABASE.decode_tm(packet), DecodedReport)
