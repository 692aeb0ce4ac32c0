"""decode against other people's octets (tests/vectors) and against single faults planted by hand."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.mdb.mission import load
from tests.tools.spacecraft import SCID, Spacecraft, crc
from tools.decode.detect import Form, detect, walk_all
from tools.decode.walk import Step

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
DATABASE = load().database
pytestmark = pytest.mark.proves("K-CLI-004")


def walk(octets: bytes, form: Form | None = None, scid: int = SCID) -> tuple[Form, list[Step], Step | None]:
    taken = form or detect(octets, scid)
    walks = walk_all(octets, taken, DATABASE, scid)
    steps = [step for each in walks for step in each.steps]
    return taken, steps, next((step for step in steps if not step.ok), None)


def ping(apid: int = 0x20) -> bytes:
    return bytes(PusTc(service=17, message_subtype=1, apid=apid, seq_count=5, source_id=9).pack())


def tc(data: bytes, first: int = SCID, vcid: int = 0, n_s: int = 0) -> bytes:
    frame = struct.pack(">HHB", first, vcid << 10 | len(data) + 6, n_s) + data
    return frame + crc(frame)


def resealed(frame: bytes, at: int, octet: int) -> bytes:
    """The frame with one octet replaced and its FECF made to agree."""
    body = bytearray(frame[:-2])
    body[at] = octet
    return bytes(body) + crc(bytes(body))


CLTUS = [
    vector
    for vector in json.loads((VECTORS / "cltu.json").read_text())["vectors"]
    if vector["kind"] == "encode, no randomizer"
]


@pytest.mark.parametrize("vector", CLTUS, ids=lambda vector: vector["name"])
def test_cltus_of_others_lead_to_their_frame(vector: dict[str, dict[str, str]]) -> None:
    octets, frame = bytes.fromhex(str(vector["expected"])), bytes.fromhex(vector["input"]["frame"])
    form, steps, broken = walk(octets, scid=int.from_bytes(frame[:2], "big") & 0x3FF)
    assert form is Form.CLTU
    assert [step.ok for step in steps if step.layer == "CLTU"] == [True, True]
    sealed = crc(frame[:-2]) == frame[-2:]
    said = [step.fields["octets"] for step in steps if (step.layer, step.rule) == ("TC frame", "header")]
    assert said == [len(frame)] * sealed
    assert sealed or broken is not None


def test_each_form_is_recognised() -> None:
    craft = Spacecraft()
    report = craft.report(17, 2, b"")
    assert detect(ping(), SCID) is Form.PACKET
    assert detect(report, SCID) is Form.PACKET
    assert detect(ping() + report, SCID) is Form.PACKET
    assert detect(tc(ping()), SCID) is Form.TC_FRAME
    assert detect(craft.frame(report), SCID) is Form.TM_FRAME
    assert detect(b"\x1a\xcf\xfc\x1d" + craft.idle(), SCID) is Form.CADU
    assert detect(b"boot text\x1a\xcf\xfc\x1d" + craft.idle(), SCID) is Form.CADU
    assert detect(b"\xc0" + craft.idle().replace(b"\xdb", b"\xdb\xdd") + b"\xc0", SCID) is Form.SLIP


def test_a_good_telecommand_is_named() -> None:
    _, steps, broken = walk(tc(ping()))
    assert broken is None
    assert steps[-1].fields["name"] == "ping"


def test_a_good_report_is_named_with_its_time() -> None:
    craft = Spacecraft()
    event = craft.report(5, 3, struct.pack(">HHBi", 9, 5, 2, 9000))
    _, steps, broken = walk(b"\x1a\xcf\xfc\x1d" + craft.frame(event))
    assert broken is None
    assert steps[-1].fields["name"] == "system.limit_crossed"
    assert str(steps[-1].fields["time"]).endswith("Z")


CRAFT = Spacecraft()
TM = CRAFT.frame(CRAFT.report(17, 2, b""))


@pytest.mark.proves("K-CLI-004")
@pytest.mark.parametrize(
    ("octets", "form", "layer", "rule", "part"),
    [
        (b"\xeb\x91" + b"\0" * 16, Form.CLTU, "CLTU", "start sequence", "EB91"),
        (b"\xeb\x90" + bytes.fromhex("c5c5c5c5c5c5c579"), None, "CLTU", "codeblock", "block 1"),
        (tc(ping())[:-1], None, "TC frame", "length", "20 octets, 19"),
        (tc(ping(), 43), Form.TC_FRAME, "TC frame", "spacecraft id", "43, not 42"),
        (tc(ping(), 0x4000 | SCID), Form.TC_FRAME, "TC frame", "version", "01"),
        (tc(ping(), 0x0400 | SCID), Form.TC_FRAME, "TC frame", "spare bits", "01"),
        (tc(ping(), 0x1000 | SCID), Form.TC_FRAME, "TC frame", "frame type", "reserved"),
        (tc(ping())[:-1] + b"\0", Form.TC_FRAME, "TC frame", "FECF", "CRC-16"),
        (tc(ping(), vcid=5), Form.TC_FRAME, "TC frame", "virtual channel", "VC 5"),
        (tc(ping(), vcid=1), Form.TC_FRAME, "TC frame", "virtual channel", "BD frames only"),
        (tc(ping(), 0x2000 | SCID, vcid=1), Form.TC_FRAME, "TC frame", "APID on channel", "0x020"),
        (tc(b"\x81", 0x3000 | SCID), Form.TC_FRAME, "COP-1", "directive", "81"),
        (tc(ping() + b"\x18\x20"), Form.TC_FRAME, "packet", "length", "2 octets are left"),
        (b"\x1a\xcf\xfc\x1e" + TM, Form.CADU, "CADU", "sync marker", "1ACFFC1E"),
        (TM[:-1], Form.TM_FRAME, "TM frame", "length", "445"),
        (TM[:-1] + b"\0", None, "FECF", "FECF", "CRC-16"),
        (resealed(TM, 0, 0x42), Form.TM_FRAME, "TM frame", "version", "01"),
        (resealed(TM, 0, 0x03), Form.TM_FRAME, "TM frame", "spacecraft id", "58"),
        (resealed(TM, 1, 0xA0), Form.TM_FRAME, "TM frame", "OCF flag", "0"),
        (resealed(TM, 4, 0x98), Form.TM_FRAME, "TM frame", "secondary header", "1"),
        (resealed(TM, 4, 0x58), Form.TM_FRAME, "TM frame", "synchronisation", "sync 1"),
        (resealed(TM, 4, 0x1E), Form.TM_FRAME, "TM frame", "first header pointer", "1536"),
        (resealed(TM, 1, 0xAB), Form.TM_FRAME, "TM frame", "virtual channel", "VC 5"),
        (resealed(TM, -4, 0x81), Form.TM_FRAME, "OCF", "CLCW", "81"),
        (ping()[:-1], None, "packet", "length", "13"),
        (b"\x38" + ping()[1:], Form.PACKET, "packet", "version", "001"),
        (ping()[:2] + b"\x40\x05" + ping()[4:], Form.PACKET, "packet", "sequence flags", "01"),
        (b"\x10" + ping()[1:], Form.PACKET, "packet", "header flag", "none"),
        (ping(0x25), Form.PACKET, "PUS", "APID", "0x025"),
        (ping()[:-1] + b"\0", Form.PACKET, "checksum", "packet error control", "CRC-16"),
    ],
)
def test_the_first_broken_rule_is_named(octets: bytes, form: Form | None, layer: str, rule: str, part: str) -> None:
    _, steps, broken = walk(octets, form)
    assert broken is not None, steps
    assert (broken.layer, broken.rule) == (layer, rule)
    assert part in broken.text


@pytest.mark.parametrize(
    ("service", "subtype", "data", "rule"),
    [
        (99, 1, b"", "service"),
        (17, 99, b"", "subtype"),
        (17, 1, b"\0", "data"),
        (8, 1, struct.pack(">H", 999), "function"),
    ],
)
def test_the_databases_rules_are_named(service: int, subtype: int, data: bytes, rule: str) -> None:
    packet = PusTc(service=service, message_subtype=subtype, apid=0x20, app_data=data).pack()
    _, _, broken = walk(bytes(packet))
    assert broken is not None
    assert (broken.layer, broken.rule) == ("database", rule)


def test_pus_version_is_named() -> None:
    packet = bytearray(ping()[:-2])
    packet[6] = 0x1F
    _, _, broken = walk(bytes(packet) + crc(bytes(packet)))
    assert broken is not None
    assert (broken.layer, broken.rule) == ("PUS", "version")


def test_packets_over_several_frames_are_put_together() -> None:
    craft = Spacecraft()
    values = struct.pack(">B", 64) + b"".join(struct.pack(">HI", 10, n) for n in range(64))
    room = craft.octets - 12
    data = craft.report(20, 2, values) + craft.report(20, 2, values)
    idle_at, gap = len(data) - room, 2 * room - len(data)
    data += struct.pack(">HHH", 0x7FF, 0xC000, gap - 7) + b"\x55" * (gap - 6)
    frames = craft._frame(0, 0, data[:room]), craft._frame(0, idle_at, data[room:])
    form, steps, broken = walk(b"".join(b"\x1a\xcf\xfc\x1d" + frame for frame in frames))
    assert form is Form.CADU
    assert broken is None
    assert [step.fields.get("name") for step in steps].count("parameter.values") == 2


def test_a_recording_of_another_mission_is_cut_at_its_packets() -> None:
    octets = (VECTORS / "europa_clipper_ecm_slice.bin").read_bytes()
    walks = walk_all(octets, Form.PACKET, DATABASE, SCID)
    assert sum(int(str(walk.steps[0].fields["octets"])) for walk in walks) == len(octets)


@given(st.binary(min_size=1, max_size=600), st.sampled_from([None, *Form]))
def test_no_octets_raise(octets: bytes, form: Form | None) -> None:
    walk(octets, form)


@pytest.mark.proves("K-CLI-004")
@given(st.integers(0, 445), st.integers(1, 255))
def test_one_wrong_octet_is_never_called_good(at: int, difference: int) -> None:
    octets = bytearray(TM)
    octets[at] ^= difference
    _, _, broken = walk(bytes(octets), Form.TM_FRAME)
    assert broken is not None


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (["1820C005"], 1, "first broken rule: packet, length"),
        (["no", "octets"], 2, "neither a file nor octets"),
        ([ping().hex(" ")], 0, "every rule holds"),
    ],
)
def test_the_command_says_so(words: list[str], status: int, part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli", "decode", *words], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == status
    assert part in done.stdout + done.stderr
