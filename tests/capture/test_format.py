"""A real recording read by hand: what is in it, how small it is, and the octets of the README."""

import hashlib
import re
import zlib
from pathlib import Path

import pytest

from fsw.capture import reader
from tests.capture import by_hand
from tests.hil.recorded import fly, records, two_lives

ROOT = Path(__file__).parents[2]
KINDS = {
    reader.Life: "life", reader.Boot: "boot", reader.Tick: "tick", reader.Stop: "stop", reader.Injected: "injected",
    reader.Checkpoint: "checkpoint", reader.End: "end", reader.Gap: "gap",
}  # fmt: skip


@pytest.mark.proves("K-REPLAY-001")
def test_by_hand_and_by_the_reader_it_is_the_same() -> None:
    flown = fly([("hang", 0), ("flip", 2), ("hang", 3), ("ping", 4), ("cut", 1)])
    plain = [record for life in by_hand.lives(flown.octets) for record in life]
    read = records(flown.octets)
    assert [record[0] for record in plain] == [KINDS[type(record)] for record in read]
    calls = [one.calls for one in read if isinstance(one, reader.Boot | reader.Tick)]
    assert [record[-2:] for record in plain if record[0] in ("boot", "tick")] == calls
    injected = [(one.name, one.values) for one in read if isinstance(one, reader.Injected)]
    assert [record[1:] for record in plain if record[0] == "injected"] == injected
    assert injected == [
        ("hang", ("power",)),
        ("bit_flip", ("farm_vr", 0, 2)),
        ("resume", ("power",)),
    ]


def test_the_header_says_who_flies() -> None:
    (_, pairs), *_ = by_hand.lives(two_lives().octets)[1]
    assert isinstance(pairs, tuple)
    header = dict(pairs)
    assert header["mission"] == "rabbit"
    assert header["line"] == ("default", 115_200, 446, 100_000, 1_000_000, 1_000_000)
    assert header["carrier"] == "cltu-cadu"
    assert header["wires"] == ("store", "code")
    assert (header["rung"], header["life"]) == ("sim", 2)
    assert len(header["database"]) == 32
    assert re.fullmatch(r"3\.\d+\.\d+\S*", header["python"])


@pytest.mark.proves("K-REPLAY-001")
def test_the_end_has_the_digest_of_what_the_line_took() -> None:
    flown = two_lives()
    ends = [life[-1] for life in by_hand.lives(flown.octets)]
    assert ends == [("end", "cut", len(down), hashlib.sha256(down).digest()) for down in flown.down]


def test_every_second_has_its_checkpoint() -> None:
    flown = two_lives()
    life = by_hand.lives(flown.octets)[0]
    checks = [record for record in life if record[0] == "checkpoint"]
    ticks = [record[1] for record in life if record[0] == "tick"]
    assert all(isinstance(moved, int) for moved in ticks)
    assert len(checks) == (sum(moved for moved in ticks if isinstance(moved, int)) - 1) // 100
    for _, octets, digest in checks:
        assert isinstance(octets, int)
        assert hashlib.sha256(flown.down[0][:octets]).digest()[:8] == digest


def test_a_quiet_day_is_small() -> None:
    """A second with nothing but a heartbeat up, of 47 octets, and a frame down: 128 octets; 14 days are 150 MB."""
    quiet, longer = fly([], first_s=10), fly([], first_s=610)
    assert (len(longer.octets) - len(quiet.octets)) / 600 < 128


def test_the_octets_of_the_readme_are_right() -> None:
    text = (ROOT / "fsw" / "capture" / "README.md").read_text()
    octets = bytes.fromhex("".join(re.findall(r"^\| `([0-9A-Fa-f ]+)` \|", text, re.MULTILINE)))
    length = int.from_bytes(octets[:3], "big")
    assert octets[3] == 0x5A ^ octets[0] ^ octets[1] ^ octets[2]
    payload = octets[4:-4]
    assert len(payload) == length
    assert zlib.crc32(payload).to_bytes(4, "big") == octets[-4:]
    inside = by_hand.Octets(payload)
    found = [by_hand._record(inside, [b"\1"]) for _ in range(2)]
    assert (found, inside.octets) == ([("stop", 0), ("tick", 20, b"\1", b"")], b"")
