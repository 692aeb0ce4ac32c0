"""Carriers: both ends of each, wired together; frames of the vectors inside."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import carrier, tc_frame, tm_frame
from fsw.ccsds.carrier import Carrier, DownEvent, FrameReceived, LineFault, Rejected, TmFrameReceived, UpEvent
from fsw.ccsds.tc_frame import TcReject
from fsw.ccsds.tm_frame import TmReject

FOLDER = Path(__file__).parents[1] / "vectors"
TC: list[dict[str, Any]] = json.loads((FOLDER / "tc_frames.json").read_text(encoding="utf-8"))["vectors"]
TM: list[dict[str, Any]] = json.loads((FOLDER / "tm_frames.json").read_text(encoding="utf-8"))["extraction_sequences"]
SCID = 291
UP = [bytes.fromhex(vector["expected"]) for vector in TC if vector["input"]["scid"] == SCID]
DOWN = [bytes.fromhex(frame) for sequence in TM for frame in sequence["frames"]]
NAMES = list(carrier.CARRIERS)


def line(name: str) -> Carrier:
    return carrier.by_name(name, SCID, 64)


def up_frames(events: list[UpEvent]) -> list[bytes]:
    return [tc_frame.encode(event.frame) for event in events if isinstance(event, FrameReceived)]


def down_frames(events: list[DownEvent]) -> list[bytes]:
    return [event.octets for event in events if isinstance(event, TmFrameReceived)]


@pytest.mark.proves("K-LINE-009")
@pytest.mark.parametrize("name", NAMES)
def test_frames_both_ways(name: str) -> None:
    flight, lander = line(name), line(name)
    assert up_frames(flight.feed_up(b"".join(lander.encode_up(frame) for frame in UP))) == UP
    assert down_frames(lander.feed_down(b"".join(flight.encode_down(frame) for frame in DOWN))) == DOWN
    assert flight.expire() == []
    assert flight.up_octets_skipped == lander.down_octets_skipped == 0
    for frame in DOWN:
        assert tm_frame.decode(frame, SCID, 64) == tm_frame.decode(
            down_frames(line(name).feed_down(flight.encode_down(frame)))[0], SCID, 64
        )
        assert len(flight.encode_down(frame)) <= flight.down_octets(64)


@pytest.mark.parametrize("name", NAMES)
def test_only_a_cltu_that_has_begun_can_hide_anything(name: str) -> None:
    flight = line(name)
    octets = flight.encode_up(UP[0])
    assert not flight.unfinished
    flight.feed_up(octets[:-20])
    assert flight.unfinished == (name == "cltu-cadu")
    flight.feed_up(octets[-20:])
    assert not flight.unfinished


@pytest.mark.parametrize("name", NAMES)
def test_stray_text_before_and_a_broken_frame_between(name: str) -> None:
    flight, lander = line(name), line(name)
    spoilt_up, spoilt_down = bytearray(UP[0]), bytearray(DOWN[0])
    spoilt_up[8] ^= 1
    spoilt_down[8] ^= 1
    up = flight.feed_up(b"boot text\r\n" + lander.encode_up(bytes(spoilt_up)) + lander.encode_up(UP[1]))
    down = lander.feed_down(b"boot text\r\n" + flight.encode_down(bytes(spoilt_down)) + flight.encode_down(DOWN[1]))
    assert up_frames(up) == [UP[1]]
    assert down_frames(down) == [DOWN[1]]
    assert Rejected(TcReject.FECF) in up
    assert Rejected(TmReject.FECF) in down
    assert flight.up_octets_skipped >= 11 + len(UP[0])
    assert lander.down_octets_skipped >= 11 + 64


def test_line_faults_of_slip() -> None:
    flight, lander = line("slip"), line("slip")
    assert flight.feed_up(b"\xc0\xdb\xc0") == lander.feed_down(b"\xc0\xdb\xc0") == [Rejected(LineFault.ESCAPE)]
    assert flight.feed_up(b"\xc0" + bytes(2049) + b"\xc0") == [Rejected(LineFault.OVERLONG)]
    assert lander.feed_down(b"\xc0" + bytes(129) + b"\xc0") == [Rejected(LineFault.OVERLONG)]


def test_wire_of_the_default_carrier() -> None:
    default = line("cltu_cadu")
    assert (
        default.encode_up(UP[0]).hex() == "eb900123080e0011f04cc00100010100d814b555555555555584c5c5c5c5c5c5c579"
    )  # cltu.json
    assert default.encode_down(DOWN[0]) == bytes.fromhex("1acffc1d") + DOWN[0]
    assert default.down_octets(446) == 450


@pytest.mark.parametrize("name", NAMES)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([b"\xc0", b"\xdb\xdc", b"\xdb", b"\xeb\x90", b"\x1a\xcf\xfc\x1d"]),
            st.sampled_from(UP).map(carrier.CltuCadu(SCID, 64).encode_up),
            st.sampled_from(DOWN).map(carrier.Slip(SCID, 64).encode_down),
        ),
        max_size=12,
    )
)
@settings(deadline=None)
def test_any_octets_in_any_pieces(name: str, pieces: list[bytes]) -> None:
    cut, whole = line(name), line(name)
    up = [event for piece in pieces for event in cut.feed_up(piece)]
    down = [event for piece in pieces for event in cut.feed_down(piece)]
    whole_up, whole_down = whole.feed_up(b"".join(pieces)), whole.feed_down(b"".join(pieces))
    assert up_frames(up) == up_frames(whole_up)
    assert down_frames(down) == down_frames(whole_down)
    assert [event for event in up if isinstance(event, Rejected)] == [e for e in whole_up if isinstance(e, Rejected)]
    assert [event for event in down if isinstance(event, Rejected)] == [
        e for e in whole_down if isinstance(e, Rejected)
    ]
    assert (cut.up_octets_skipped, cut.down_octets_skipped) == (whole.up_octets_skipped, whole.down_octets_skipped)
