"""Verification bodies against pus_st01.json, pus_tm.json and spacepackets' Service1Tm."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss.pus_1_verification import (  # type: ignore[import-untyped]
    ManagedParamsVerification,
    Service1Tm,
)
from spacepackets.ecss.tm import ManagedParams  # type: ignore[import-untyped]

from fsw.pus import st01, tm
from fsw.pus.st01 import Stage

VECTORS = Path(__file__).parents[1] / "vectors"
FILE: dict[str, Any] = json.loads((VECTORS / "pus_st01.json").read_text(encoding="utf-8"))
REPORTS: list[dict[str, Any]] = json.loads((VECTORS / "pus_tm.json").read_text(encoding="utf-8"))["vectors"]
REQUEST_ID = bytes.fromhex(FILE["request_packet"])[:4]


@pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda vector: str(vector["subtype"]))
def test_vectors(vector: dict[str, Any]) -> None:
    packet = tm.decode_tm(bytes.fromhex(vector["packet"]))
    assert isinstance(packet, tm.Telemetry)
    decoded = st01.decode(packet.subtype, packet.data)
    assert decoded is not None
    assert (decoded.stage, decoded.request_id) == (Stage(vector["subtype"]), REQUEST_ID)
    again = st01.encode(decoded.stage, decoded.request_id, step=decoded.step, code=decoded.code) + decoded.detail
    assert again == packet.data
    assert (decoded.step is not None) == (vector["subtype"] in (5, 6))
    assert decoded.code == (4 if vector["subtype"] in (2, 4, 6, 8, 10) else None)


@pytest.mark.parametrize(
    "vector", [vector for vector in REPORTS if vector["service"] == 1], ids=lambda vector: vector["id"]
)
def test_vectors_of_telemetry(vector: dict[str, Any]) -> None:
    said = {name: value for name, _, value in vector["source_fields"]}
    decoded = st01.decode(vector["subtype"], bytes.fromhex(vector["source_data"]))
    assert decoded is not None
    assert decoded.request_id.hex() == said["request_id"]
    assert (decoded.step, decoded.code) == (said.get("step"), said.get("code"))
    assert decoded.detail.hex() == said.get("data", "")


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.ROUTING_FAILED])
def test_spacepackets_reads_what_we_write(stage: Stage) -> None:
    # spacepackets 0.32.0 knows the subtypes 1 to 8.
    step = 3 if stage in st01.STEPS else None
    code = 0x1234 if stage in st01.FAILURES else None
    data = st01.encode(stage, REQUEST_ID, step=step, code=code)
    packet = tm.encode_tm(0x20, 1, 0, 1, stage, 0, 0, b"\x1e" + bytes(6), data)
    theirs = Service1Tm.unpack(packet, ManagedParams(7), ManagedParamsVerification(bytes_step_id=1, bytes_err_code=2))
    assert theirs.tc_req_id.pack() == REQUEST_ID
    assert (None if theirs.step_id is None else theirs.step_id.val) == step
    notice = theirs.failure_notice
    assert (None if notice is None else notice.code.val) == code


def test_what_no_report_of_service_1_is() -> None:
    assert st01.decode(9, REQUEST_ID) is None
    assert st01.decode(1, REQUEST_ID[:3]) is None
    assert st01.decode(1, REQUEST_ID + b"\0") is None
    assert st01.decode(2, REQUEST_ID + b"\0") is None
    assert st01.decode(5, REQUEST_ID) is None
    assert st01.decode(6, REQUEST_ID + b"\1\0") is None


@given(st.integers(0, 0x7FF), st.integers(0, 0x3FFF))
def test_request_id_is_the_first_four_octets_of_the_telecommand(apid: int, count: int) -> None:
    octets = st01.encode_request_id(apid, count)
    assert octets == (0x1800C000 | apid << 16 | count).to_bytes(4, "big")
    assert st01.decode_request_id(octets) == st01.RequestId(apid, count)
    assert st01.encode_request_id(0x1A5, 100) == REQUEST_ID


def test_last_words_are_those_of_the_contract() -> None:
    # Section 3: (1,7), or one of (1,4), (1,6), (1,8); after (1,2) or (1,10) comes no further word.
    assert {int(stage) for stage in st01.LAST_WORDS} == {2, 4, 6, 7, 8, 10}
    assert {int(stage) for stage in st01.FAILURES} == {2, 4, 6, 8, 10}


@given(st.integers(0, 255), st.binary(max_size=16))
def test_any_octets_give_a_report_or_none(subtype: int, data: bytes) -> None:
    decoded = st01.decode(subtype, data)
    assert decoded is None or decoded.stage == subtype
