"""Layouts of ST[12] and ST[19] against pus_tc.json and pus_tm.json, and octets by hand where those are silent."""

import json
from pathlib import Path
from typing import Any

import pytest

from fsw.mdb import codec
from fsw.mdb import event_action as ea
from fsw.mdb import monitoring as mon
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Call
from fsw.mdb.mission import load
from fsw.mdb.monitor_definitions import read_definitions, write_definition
from fsw.mdb.monitoring import CheckStatus, CheckType, Watch
from fsw.pus.ids import APID_SYSTEM

VECTORS = Path(__file__).parents[1] / "vectors"
TC: list[dict[str, Any]] = json.loads((VECTORS / "pus_tc.json").read_text(encoding="utf-8"))["vectors"]
TM: list[dict[str, Any]] = json.loads((VECTORS / "pus_tm.json").read_text(encoding="utf-8"))["vectors"]
DATABASE = load().database
LIMITS = bytes.fromhex("0003 0007 0002 03 01 c0a00000 0201 42340000 0202")
DELTAS = bytes.fromhex("0005 0009 0002 01 02 bf800000 0204 3f800000 0205 04")
PING = bytes.fromhex("19a5c06400062f110100074c6a")
CUC = bytes.fromhex("1e2a3b4c5d8000")

COMMANDS: dict[str, object] = {
    "TC[12,1]#40": mon.EnableMonitors((3,)),
    "TC[12,3]#42": mon.ReportingDelay(10),
    "TC[12,5]#43": mon.AddMonitors(1, LIMITS),
    "TC[12,5]#45": mon.AddMonitors(1, DELTAS),
    "TC[12,6]#46": mon.DeleteMonitors((3,)),
    "TC[12,10]#48": mon.ReportAbnormal(),
    "TC[12,13]#49": mon.ReportStatus(),
    "TC[12,16]#51": mon.DisableMonitoring(),
    "TC[19,1]#67": ea.AddResponses((ea.EventAction(421, 514, PING),)),
    "TC[19,8]#69": ea.EnableResponding(),
}


def vector(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in found if entry["id"] == name)


@pytest.mark.proves("K-MON-002")
@pytest.mark.parametrize("name", COMMANDS)
def test_telecommands(name: str) -> None:
    entry = vector(TC, name)
    data = bytes.fromhex(entry["app_data"])
    call = DATABASE.decode_command(APID_SYSTEM, entry["service"], entry["subtype"], data)
    assert isinstance(call, Call), call
    assert call.body == COMMANDS[name]
    assert DATABASE.encode_command(call.body).data == data


@pytest.mark.proves("K-MON-002")
def test_reports() -> None:
    # the vector's time field has another P-field than the mission's; all else is the vector's
    transition = bytearray.fromhex(vector(TM, "TM[12,12]#24")["source_data"])
    assert transition[-7:] == bytes.fromhex("2e2a3b4c5d8000")
    transition[-7] = 0x1E
    told = mon.Transition(3, 7, CheckType.LIMIT, 47.5, 45.0, CheckStatus.WITHIN, CheckStatus.ABOVE, CUC)
    assert codec.decode(mon.Transitions, bytes(transition)) == mon.Transitions((told,))
    status = bytes.fromhex(vector(TM, "TM[12,14]#25")["source_data"])
    assert codec.encode(mon.Statuses((mon.MonitorStatus(3, CheckStatus.UNCHECKED),))) == status
    responses = bytes.fromhex(vector(TM, "TM[19,7]#33")["source_data"])
    active = ea.ResponseStatus(421, 514, ea.ResponseState.ACTIVE)
    assert codec.encode(ea.ResponseStatuses((active,))) == responses


def test_what_the_vectors_do_not_hold() -> None:
    definition = ea.ResponseDefinition(421, 514, ea.ResponseState.PASSIVE, PING)
    assert codec.encode(ea.ResponseDefinitions((definition,))) == bytes.fromhex("01 01a5 0202 02") + PING
    alarm = mon.MonitorAlarm(3, 7, CheckStatus.ABOVE, 1.5)
    assert codec.encode_numbered(alarm) == bytes.fromhex("0023 0003 0007 04 3fc00000")
    assert [codec.encode_numbered(each(1, 2, CheckStatus.BELOW, 0.0))[:2] for each in mon.ALARMS] == [
        bytes((0, 0xC0 + n)) for n in range(32)
    ]


@pytest.mark.proves("K-MON-002")
def test_definitions_of_every_check() -> None:
    expected = bytes.fromhex("0006 0003 000a 01 00 000000ff 0000 00000002 0023")
    found = read_definitions(mon.AddMonitors(3, LIMITS + expected + DELTAS))
    assert not isinstance(found, DecodeError)
    watches = [Watch(**each.fields) for each in found]
    assert (watches[0].low, watches[0].low_event, watches[0].high, watches[0].high_event) == (-5.0, 513, 45.0, 514)
    assert (watches[0].monitor, watches[0].parameter, watches[0].interval, watches[0].repetition) == (3, 7, 2, 3)
    assert (watches[1].mask, watches[1].expected, watches[1].low_event, watches[1].check) == (0xFF, 2, 35, 0)
    assert (watches[2].low, watches[2].high, watches[2].values, watches[2].high_event) == (-1.0, 1.0, 4, 517)
    assert b"".join(write_definition(watch) for watch in watches) == LIMITS + expected + DELTAS


def test_a_modified_definition_has_no_interval() -> None:
    found = read_definitions(mon.ModifyMonitors(1, LIMITS[:4] + LIMITS[6:]))
    assert not isinstance(found, DecodeError)
    assert "interval" not in found[0].fields
    assert found[0].fields["repetition"] == 3


@pytest.mark.parametrize("cut", range(len(LIMITS)))
def test_definitions_cut_anywhere_are_refused(cut: int) -> None:
    assert isinstance(read_definitions(mon.AddMonitors(1, LIMITS[:cut])), DecodeError)
    assert isinstance(read_definitions(mon.AddMonitors(1, LIMITS + LIMITS[: cut + 1])), DecodeError)


@pytest.mark.parametrize(
    "changed",
    [
        "0003 0007 0000 03 01 c0a00000 0201 42340000 0202",  # interval 0
        "0003 0007 0002 00 01 c0a00000 0201 42340000 0202",  # repetition 0
        "0003 0007 0002 03 03 c0a00000 0201 42340000 0202",  # no such check
        "0003 0007 0002 03 01 7fc00000 0201 42340000 0202",  # a limit that is no number
        "0003 0007 0002 03 00 000000ff 0001 00000002 0000",  # a spare that is not 0
        "0003 0007 0002 03 02 bf800000 0204 3f800000 0205 00",  # the mean of no change
    ],
)
def test_definitions_out_of_range_are_refused(changed: str) -> None:
    assert isinstance(read_definitions(mon.AddMonitors(1, bytes.fromhex(changed))), DecodeError)
