"""Every input of the corpus through its target, without atheris; and what is spoiled is seen."""

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from fsw.ccsds import cltu, sdls, slip
from fsw.pus import tc
from fsw.services.process import Process
from fsw.services.verification import Verification
from tests.fuzz.pieces import PIECES_MAX, mended, pieces, write
from tests.fuzz.targets import CORPUS, INPUT_OCTETS_MAX, TARGETS, corpus
from tests.fuzz.watched import Watched, rss_mib
from tests.services.desk import MISSION
from tools.ground import decoding
from tools.ground.door import Door
from tools.ground.operators import Operator
from tools.ground.roles import Role

CORPUS_OCTETS_MAX = 300 * 1024


@pytest.mark.proves("K-FRAME-010", "K-PKT-005", "K-GND-013")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_was_ever_found_does_harm(name: str, tmp_path: Path) -> None:
    assert corpus(name), "a target without inputs tests nothing"
    judge = TARGETS[name](tmp_path)
    for octets in corpus(name):
        judge(octets)


def test_the_corpus_is_small_and_each_file_has_a_target() -> None:
    files = [path for path in CORPUS.iterdir() if path.suffix == ".hex"]
    assert {path.stem for path in files} == set(TARGETS)
    assert sum(path.stat().st_size for path in files) < CORPUS_OCTETS_MAX
    assert max(len(octets) for name in TARGETS for octets in corpus(name)) <= INPUT_OCTETS_MAX


def test_an_input_is_cut_as_it_was_written() -> None:
    said = ((0, b""), (3, b"a"), (15, bytes(4_095)))
    assert tuple(pieces(write(*said))) == said
    assert list(pieces(b"\x10")) == []
    assert list(pieces(b"\x10\x05ab")) == [(1, b"ab")], "the last may be cut off"
    assert len(list(pieces(bytes(2 * PIECES_MAX + 2)))) == PIECES_MAX


def raises(*_: object) -> None:
    raise ValueError


def understood(packet: bytes, header: tc.TcHeader) -> tc.Telecommand:
    command = TELECOMMAND(packet, header)
    return command._replace(data=command.data[:-1] + bytes((command.data[-1] ^ 1,)))


TELECOMMAND = tc.telecommand
PING = mended(b"\x18\x20\xc0\1\0\0\x2f\x11\1\0\7")
SWITCH = bytes((list(MISSION.database.processes).index(0x021), 8, 1, 0, 2, 3, 1))
FORGED = bytes.fromhex("2000000000 0010 000000000000000000000009") + PING + bytes(16)
PONG = b"\0" + bytes.fromhex("0820 c001 0000 22 11 02 0001 0001 1e7f3b4c5d8000")
SPOILED: dict[str, tuple[str, object, str, Callable[..., object], bytes]] = {
    "a receiver forgets nothing": (
        "carrier-cltu-cadu", cltu.CltuDecoder, "_forget", lambda _: None, write((0, bytes(4_000)), (0, bytes(4_000)))
    ),
    "a decoder raises": ("carrier-slip", slip, "_unescape", raises, write((1, b"\0"))),
    "nobody looks at the MAC": (
        "link-protected", sdls.Cipher, "check", lambda _, __, octets: octets[:-16], write((1, FORGED))
    ),
    "a mark stands still": (
        "link-protected", sdls.Receiver, "check", lambda self, field, **_: self.opened(field),
        write((4, b"\0\1" + PING)),
    ),
    "a rejection is not counted": ("telecommands", Verification, "_reject", lambda *_: None, write((3, b"\0\xff\1"))),
    "another value is understood": ("telecommands", tc, "telecommand", understood, write((3, SWITCH))),
    "the door has no lock": (
        "clients", Door, "who", lambda *_: Operator("x", Role.ENGINEER, None), write((2, b'{"op":"hello","token":"a"}'))
    ),
    "no number is told": ("session", decoding, "plain", lambda _: {"x": math.nan}, write((6, PONG))),
    "a service raises": ("services", Process, "_ping", raises, write((3, b"\0\x11\1"))),
    "a task dies": ("board-commanded", Process, "_ping", raises, write((4, b"\0\x11\1"), (3, b"\2\0"))),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
def test_a_target_sees_what_is_spoiled(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, where, attribute, spoiled, octets = SPOILED[what]
    good, spoilt = tmp_path / "good", tmp_path / "spoilt"
    good.mkdir()
    spoilt.mkdir()
    TARGETS[name](good)(octets)
    monkeypatch.setattr(where, attribute, spoiled)
    with pytest.raises((AssertionError, ValueError)):
        TARGETS[name](spoilt)(octets)


def test_growth_is_seen() -> None:
    held: list[bytearray] = []
    watched = Watched(lambda octets: held.append(bytearray(b"x" * (16 << 20)) + octets), growth_mib=8, warm=1, look=1)
    with pytest.raises(AssertionError, match="grown from"):
        deque(map(watched, 64 * [b"x"]), maxlen=0)
    assert rss_mib() > 0
