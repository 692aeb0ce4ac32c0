"""CADU receiver: streams whose frames are tm_frames.json's, and a search over the whole stream as its judge."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import tm_frame, tm_sync
from fsw.ccsds.reception import DownEvent, Rejected, TmFrameReceived
from fsw.ccsds.tm_frame import TmReject

FILE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "tm_frames.json").read_text(encoding="utf-8")
)
FRAMES = [bytes.fromhex(frame) for sequence in FILE["extraction_sequences"] for frame in sequence["frames"]]
ASM = bytes.fromhex("1acffc1d")
OCTETS = 64


def receiver() -> tm_sync.AsmSynchroniser:
    return tm_sync.AsmSynchroniser(OCTETS, partial(tm_frame.decode, scid=291, frame_octets=OCTETS))


def frames_of(events: list[DownEvent]) -> list[bytes]:
    return [event.octets for event in events if isinstance(event, TmFrameReceived)]


cadus = st.sampled_from(FRAMES).map(lambda frame: ASM + frame)
pieces = st.lists(
    st.one_of(
        cadus,
        st.tuples(cadus, st.integers(0, 67)).map(lambda cut: cut[0][: cut[1]]),
        st.tuples(cadus, st.integers(0, 67)).map(lambda cut: cut[0][cut[1] :]),
        st.binary(max_size=20),
        st.sampled_from([ASM, ASM[:3], ASM[:1], ASM + ASM, ASM[:2] + ASM]),
    ),
    max_size=8,
)


@given(pieces, st.lists(st.integers(1, 150), max_size=30))
@settings(deadline=None)
def test_every_whole_cadu_of_any_stream_in_any_pieces(stuff: list[bytes], cuts: list[int]) -> None:
    line = b"".join(stuff)
    expected, position = [], 0
    while (position := line.find(ASM, position)) >= 0:  # every marker with a known frame behind it, none inside another
        frame = line[position + 4 : position + 4 + OCTETS]
        if frame in FRAMES:
            expected.append(frame)
            position += OCTETS
        position += 4
    at_once, cut = receiver(), receiver()
    events = at_once.feed(line)
    assert frames_of(events) == expected
    cut_events: list[DownEvent] = []
    position = 0
    for size in [*cuts, len(line)]:
        cut_events += cut.feed(line[position : position + size])
        assert len(cut) < OCTETS
        position += size
    assert frames_of(cut_events) == expected
    assert [type(event) for event in cut_events] == [type(event) for event in events]
    assert cut.octets_skipped == at_once.octets_skipped
    assert 0 <= len(line) - at_once.octets_skipped - len(at_once) - 68 * len(expected) <= 4


def test_counts() -> None:
    decoder = receiver()
    line = b"stray text\r\n" + ASM + FRAMES[0] + b"?" + ASM + FRAMES[1] + b"!!"
    first, second = decoder.feed(line)
    assert isinstance(first, TmFrameReceived)
    assert isinstance(second, TmFrameReceived)
    assert (first.line_octets, first.trailing_octets) == (68, 71)
    assert (second.line_octets, second.trailing_octets) == (68, 2)
    assert first.frame == tm_frame.decode(FRAMES[0], 291, OCTETS)
    assert decoder.octets_skipped == 15
    assert tm_sync.cadu_octets(OCTETS) == 68
    assert tm_sync.encode(FRAMES[0]) == ASM + FRAMES[0]


def test_octet_by_octet() -> None:
    decoder = receiver()
    line = b"?" + ASM[:3] + ASM + FRAMES[0] + ASM + FRAMES[1]
    assert frames_of([event for octet in line for event in decoder.feed(bytes([octet]))]) == FRAMES[:2]
    assert decoder.octets_skipped == 4


@pytest.mark.parametrize("kept", range(68))
def test_half_a_cadu_right_before_a_good_one(kept: int) -> None:
    decoder = receiver()
    events = decoder.feed((ASM + FRAMES[0])[:kept] + ASM + FRAMES[1] + ASM + FRAMES[2])
    assert frames_of(events) == FRAMES[1:3]
    assert decoder.octets_skipped == kept


def test_bad_frame_is_named() -> None:
    spoilt = bytearray(FRAMES[0])
    spoilt[20] ^= 1
    assert receiver().feed(ASM + spoilt + ASM + FRAMES[1])[0] == Rejected(TmReject.FECF)


def test_frame_length_out_of_range() -> None:
    with pytest.raises(AssertionError):
        tm_sync.AsmSynchroniser(12, partial(tm_frame.decode, scid=291, frame_octets=12))
