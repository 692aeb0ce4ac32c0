"""Layouts of ST[11] against pus_tc.json and pus_tm.json: others' octets, read by our declarations.

Their times carry another epoch (P-field 2E), their APID another mission's: both are put right before they are read.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from fsw.mdb import codec, scheduling
from fsw.mdb.database import Call
from fsw.mdb.mission import load
from fsw.mdb.model import declaration_of

VECTORS = Path(__file__).parents[1] / "vectors"
FOUND: list[dict[str, Any]] = [
    entry
    for name in ("pus_tc.json", "pus_tm.json")
    for entry in json.loads((VECTORS / name).read_text(encoding="utf-8"))["vectors"]
    if entry["service"] == 11
]
PING = bytes.fromhex("19a5c06400062f110100074c6a")
EARLY, LATE = bytes.fromhex("1e2a3b50000000"), bytes.fromhex("1e2a3b60000000")
NAME = scheduling.RequestId(7, 421, 100)
SAID: dict[str, object] = {
    "TC[11,1]#24": scheduling.EnableSchedule(),
    "TC[11,2]#25": scheduling.DisableSchedule(),
    "TC[11,4]#30": scheduling.InsertActivities(1, (scheduling.TimedRequest(EARLY, PING),)),
    "TC[11,5]#31": scheduling.DeleteActivities((NAME,)),
    "TC[11,6]#36": scheduling.DeleteWindow(b"\x01" + EARLY + LATE, (1,)),
    "TC[11,7]#34": scheduling.ShiftActivities(-30, (NAME,)),
    "TC[11,12]#33": scheduling.ReportSummary((NAME,)),
    "TC[11,14]#37": scheduling.ReportSummaryWindow(b"\x00", ()),
    "TC[11,16]#27": scheduling.ReportDetailsAll(),
    "TC[11,17]#28": scheduling.ReportSummaryAll(),
    "TC[11,21]#39": scheduling.DisableSubschedules((1,)),
    "TM[11,10]#21": scheduling.DetailReport((scheduling.Detail(1, EARLY, PING),)),
    "TM[11,13]#22": scheduling.SummaryReport((scheduling.Summary(1, EARLY, 7, 421, 100),)),
}


def test_each_vector_of_the_service_is_read_here() -> None:
    assert {entry["id"] for entry in FOUND} == SAID.keys()


@pytest.mark.proves("K-SCHED-001")
@pytest.mark.parametrize("entry", FOUND, ids=lambda entry: entry["id"])
def test_others_octets(entry: dict[str, Any]) -> None:
    database = load().database
    data = bytes.fromhex(entry.get("app_data", entry.get("source_data", "")).replace("2e2a3b", "1e2a3b"))
    if "app_data" in entry:
        call = database.decode_command(0x020, 11, entry["subtype"], data)
        assert isinstance(call, Call)
        assert call.body == SAID[entry["id"]]
        assert database.encode_command(call.body) == (0x020, 11, entry["subtype"], data)
    else:
        said = SAID[entry["id"]]
        assert declaration_of(said).subtype == entry["subtype"]
        assert codec.decode(type(said), data) == said
        assert codec.encode(said) == data
