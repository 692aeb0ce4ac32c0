"""Layouts of ST[14] and ST[15] against pus_tc.json and pus_tm.json: others' octets, read by our declarations.

Their times carry another epoch (P-field 2E), their APID another mission's: both are put right before they are read.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from fsw.mdb import codec, forwarding, storage
from fsw.mdb.database import Call
from fsw.mdb.mission import load
from fsw.mdb.model import declaration_of

VECTORS = Path(__file__).parents[1] / "vectors"
FOUND: list[dict[str, Any]] = [
    entry
    for name in ("pus_tc.json", "pus_tm.json")
    for entry in json.loads((VECTORS / name).read_text(encoding="utf-8"))["vectors"]
    if entry["service"] in (14, 15)
]
EARLY, LATE = bytes.fromhex("1e2a3b4c5d8000"), bytes.fromhex("1e2a3b50000000")
SAID: dict[str, object] = {
    "TC[14,1]#55": forwarding.AddForwarded((forwarding.ProcessTypes(421, (forwarding.ServiceTypes(3, (25,)),)),)),
    "TC[15,2]#57": storage.DisableStorage((2,)),
    "TC[15,16]#58": storage.SuspendRetrieval((2,)),
    "TC[15,9]#60": storage.StartRetrieval((storage.RangeRetrieval(2, EARLY, LATE),)),
    "TC[15,11]#61": storage.DeleteContent(EARLY, (2,)),
    "TC[15,15]#63": storage.ResumeRetrieval((2,)),
    "TC[15,18]#64": storage.DescribeStatus(),
    "TM[15,13]#30": storage.Contents((storage.StoreContent(2, EARLY, LATE, EARLY, 42, 40),)),
    "TM[15,19]#31": storage.States((storage.StoreStatus(2, True, storage.Retrieving.OFF, storage.Retrieving.OFF),)),
}


def test_each_vector_of_the_services_is_read_here() -> None:
    assert {entry["id"] for entry in FOUND} == SAID.keys()


@pytest.mark.proves("K-ARCH-002")
@pytest.mark.parametrize("entry", FOUND, ids=lambda entry: entry["id"])
def test_others_octets(entry: dict[str, Any]) -> None:
    database, service = load().database, entry["service"]
    data = bytes.fromhex(entry.get("app_data", entry.get("source_data", "")).replace("2e2a3b", "1e2a3b"))
    if "app_data" in entry:
        call = database.decode_command(0x020, service, entry["subtype"], data)
        assert isinstance(call, Call)
        assert call.body == SAID[entry["id"]]
        assert database.encode_command(call.body) == (0x020, service, entry["subtype"], data)
    else:
        said = SAID[entry["id"]]
        assert declaration_of(said).subtype == entry["subtype"]
        assert codec.decode(type(said), data) == said
        assert codec.encode(said) == data
