"""CLTUs against cltu.json, and streams of its CLTUs broken in every way a serial line breaks them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import cltu, tc_frame
from fsw.ccsds.cltu import CltuDecoder
from fsw.ccsds.reception import FrameReceived, LineFault, Rejected, UpEvent
from fsw.ccsds.tc_frame import TcFrame, TcReject

FILE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "cltu.json").read_text(encoding="utf-8"))
ENCODED = [vector for vector in FILE["vectors"] if vector["kind"].startswith("encode")]
BLOCKS = [vector for vector in FILE["vectors"] if vector["kind"].startswith("BCH")]
BROKEN = [vector for vector in FILE["vectors"] if vector["kind"].startswith("CLTU decode")]
SCID = 291
GOOD = {
    bytes.fromhex(vector["input"]["frame"]): bytes.fromhex(vector["expected"])
    for vector in ENCODED
    if vector["input"]["frame"][:4] in ("0123", "3123")
}
FRAMES, CLTUS = list(GOOD), list(GOOD.values())
CLTUS_TO_CUT = [line for frame, line in GOOD.items() if frame[-1] != 0xEB]  # see test_part_of_a_cltu_...
LONG_FRAME = tc_frame.encode(TcFrame(SCID, 1, True, False, 0, bytes(range(256)) * 3 + b"\xeb\x90" * 124 + b"."))


def receiver(scid: int = SCID) -> CltuDecoder:
    return CltuDecoder(partial(tc_frame.head_fault, scid=scid), partial(tc_frame.decode, scid=scid))


def frames_of(events: list[UpEvent]) -> list[bytes]:
    return [tc_frame.encode(event.frame) for event in events if isinstance(event, FrameReceived)]


def flipped(octets: bytes, *bits: int) -> bytes:
    spoilt = bytearray(octets)
    for bit in bits:
        spoilt[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(spoilt)


def bch_register(information: bytes) -> int:
    """Parity octet by the encoder's shift register, 231.0-B figure 3-1: x^7 + x^6 + x^2 + 1, complement, filler 0."""
    register = [0] * 7
    for octet in information:
        for shift in range(7, -1, -1):
            feedback = register[6] ^ (octet >> shift & 1)
            taps = register[5] ^ feedback
            register = [feedback, register[0], register[1] ^ feedback, *register[2:5], taps]
    return sum((1 - bit) << index + 1 for index, bit in enumerate(register))


@pytest.mark.proves("K-LINE-001")
@pytest.mark.parametrize("vector", ENCODED, ids=lambda vector: str(vector["name"]))
def test_encode(vector: dict[str, Any]) -> None:
    frame, octets = bytes.fromhex(vector["input"]["frame"]), bytes.fromhex(vector["expected"])
    if vector["kind"].startswith(
        "randomize"
    ):  # of that pipeline only the code is ours: its information octets as frame
        frame = bytes(octet for index, octet in enumerate(octets[2:-8]) if index % 8 != 7)
    assert cltu.encode(frame) == octets
    assert cltu.cltu_octets(len(frame)) == len(octets)


@pytest.mark.parametrize("vector", BLOCKS, ids=lambda vector: str(vector["name"]))
def test_parity(vector: dict[str, Any]) -> None:
    information = bytes.fromhex(vector["input"]["info"])
    assert bch_register(information) == int(vector["expected"], 16)
    assert cltu.encode(information)[9:10].hex() == vector["expected"]


@pytest.mark.proves("K-LINE-001")
@given(st.binary(min_size=1, max_size=1024))
@settings(deadline=None, max_examples=40)
def test_parity_of_any_block_by_the_shift_register(frame: bytes) -> None:
    body = cltu.encode(frame)[2:-8]
    assert len(body) == 8 * -(-len(frame) // 7)
    information = b"".join(body[begin : begin + 7] for begin in range(0, len(body), 8))
    assert information == frame + b"\x55" * (len(information) - len(frame))
    for begin in range(0, len(body), 8):
        assert body[begin + 7] == bch_register(body[begin : begin + 7])


@pytest.mark.parametrize("size", [0, 1025])
def test_no_such_frame(size: int) -> None:
    with pytest.raises(AssertionError):
        cltu.encode(bytes(size))


@pytest.mark.parametrize("frame", [*FRAMES, LONG_FRAME], ids=lambda frame: f"{len(frame)} octets")
def test_decode(frame: bytes) -> None:
    decoder = receiver()
    line = cltu.encode(frame)
    (event,) = decoder.feed(line + b"behind")
    assert event == FrameReceived(event.frame, 0, len(line) - 8, 14) if isinstance(event, FrameReceived) else False
    assert frames_of([event]) == [frame]
    assert decoder.octets_skipped == len(b"behind")
    assert len(decoder) == 0


@pytest.mark.proves("K-LINE-002")
@pytest.mark.parametrize("vector", BROKEN, ids=lambda vector: str(vector["name"]))
def test_decode_with_bit_errors(vector: dict[str, Any]) -> None:
    outcome = vector["expected"]["sec_mode"]
    events = receiver().feed(bytes.fromhex(vector["input"]["cltu"]))
    if outcome["frame_recovered"]:
        blocks = sum(block.startswith("corrected") for block in outcome["blocks"])
        (event,) = events
        assert isinstance(event, FrameReceived)
        assert event.corrected == blocks
        assert frames_of(events) == [bytes.fromhex("0123080e0011f0c00100010100d8b5")]
    else:
        miscorrected = bytes.fromhex(outcome["octets"])
        assert events == [Rejected(TcReject.VERSION if miscorrected else LineFault.BLOCK)]


def test_start_sequence_is_matched_exactly() -> None:
    decoder = receiver()
    line = bytes.fromhex(FILE["start_sequence_error"]["cltu"])
    assert decoder.feed(line) == []
    assert decoder.octets_skipped == len(line)


@pytest.mark.proves("K-LINE-002")
@pytest.mark.parametrize("line", CLTUS, ids=lambda line: f"{len(line)} octets")
def test_any_one_bit_is_corrected(line: bytes) -> None:
    """Filler bits too: every bit from the start sequence to the tail."""
    frame = FRAMES[CLTUS.index(line)]
    for bit in range(16, 8 * (len(line) - 8)):
        (event,) = receiver().feed(flipped(line, bit))
        assert isinstance(event, FrameReceived)
        assert event.corrected == 1
        assert frames_of([event]) == [frame]


def test_any_two_bits_of_a_block_are_refused() -> None:
    line = CLTUS[0]
    for first in range(63):
        for second in range(first + 1, 63):
            assert receiver().feed(flipped(line, 16 + first, 16 + second)) == [Rejected(LineFault.BLOCK)]


@pytest.mark.proves("K-LINE-003")
def test_tail_is_no_block_even_with_a_wrong_bit() -> None:
    for line in [cltu.TAIL, *(flipped(cltu.TAIL, bit) for bit in range(64))]:
        assert cltu.decode_blocks(bytearray(line)) == -1


@pytest.mark.proves("K-LINE-003")
def test_bad_block_is_said_at_once() -> None:
    decoder = receiver()
    line = flipped(cltu.encode(LONG_FRAME), 16 + 64 * 3, 17 + 64 * 3)
    assert decoder.feed(line[: 2 + 8 * 4 - 1]) == []
    assert decoder.feed(line[2 + 8 * 4 - 1 : 2 + 8 * 4]) == [Rejected(LineFault.BLOCK)]
    assert len(decoder) == 0


def test_frame_is_delivered_by_its_last_block() -> None:
    decoder = receiver()
    line = CLTUS[0]
    assert decoder.feed(line[:-9]) == []
    (event,) = decoder.feed(line[-9:-8])
    assert isinstance(event, FrameReceived)
    assert (event.line_octets, event.trailing_octets) == (len(line) - 8, 0)
    assert decoder.feed(line[-8:]) == []
    assert decoder.octets_skipped == 0


@pytest.mark.proves("K-LINE-004")
@pytest.mark.parametrize("next_line", [CLTUS[0], CLTUS[4], CLTUS[-1], cltu.encode(LONG_FRAME)], ids=len)
@pytest.mark.parametrize("broken", [CLTUS[0], CLTUS[-1], cltu.encode(LONG_FRAME)], ids=len)
def test_part_of_a_cltu_right_before_a_good_one(broken: bytes, next_line: bytes) -> None:
    """Cut anywhere, at its end or its beginning; on a silent line nothing more is needed."""
    step = 1 if len(broken) < 100 else 37
    (next_frame,) = frames_of(receiver().feed(next_line))
    (frame,) = frames_of(receiver().feed(broken))
    last_octet = 2 + (len(frame) - 1) // 7 * 8 + (len(frame) - 1) % 7
    for kept in range(0, len(broken), step):
        decoder = receiver()
        assert frames_of([*decoder.feed(broken[len(broken) - kept :] + next_line), *decoder.expire()]) == [next_frame]
        decoder = receiver()
        frames = frames_of([*decoder.feed(broken[:kept] + next_line), *decoder.expire()])
        if kept >= len(broken) - 8:
            assert frames == [frame, next_frame]
        elif kept == last_octet and frame[-1] == 0xEB:
            # The next one's first octet may pass for the missing last: spent on that frame, it starts nothing.
            assert frames in ([frame], [next_frame])
        elif kept <= last_octet:
            assert frames == [next_frame]
        else:  # cut in its fill: it stands where what came there reads as a correctable block
            assert frames in ([next_frame], [frame, next_frame])


@pytest.mark.parametrize("octet", range(len(CLTUS[0]) - 8))
@pytest.mark.parametrize("doubled", [False, True], ids=["dropped", "doubled"])
def test_octet_dropped_or_doubled(octet: int, doubled: bool) -> None:
    line = CLTUS[0][:octet] + CLTUS[0][octet : octet + 1] * 2 * doubled + CLTUS[0][octet + 1 :]
    decoder = receiver()
    events = decoder.feed(line + CLTUS[1])
    events += decoder.expire()
    assert frames_of(events)[-1:] == [FRAMES[1]]


def test_tail_is_not_needed() -> None:
    decoder = receiver()
    events = decoder.feed(b"".join(line[:-8] for line in CLTUS))
    assert frames_of(events) == FRAMES
    assert decoder.octets_skipped == 0


@pytest.mark.proves("K-LINE-003", "K-LINE-005")
def test_frame_ends_before_its_fill() -> None:
    """The search goes on behind the frame's last octet: a CLTU that came where fill was due is received."""
    first = CLTUS[0]  # 15 octets of frame, 6 of fill
    last_octet = 2 + 16 + 1
    spoilt = first[:last_octet] + first[last_octet : last_octet + 7] + CLTUS[1]
    assert frames_of(receiver().feed(spoilt)) == FRAMES[:2]
    inside = first[:last_octet] + b"\xeb\x90" + first[last_octet + 2 : 26]  # two octets of fill replaced: uncorrectable
    decoder = receiver()
    events = decoder.feed(inside + first)
    assert frames_of([*events, *decoder.expire()]) == [FRAMES[0]]


def test_stray_text_is_skipped_and_counted() -> None:
    decoder = receiver()
    text = b"hello, world!\r\n"
    assert frames_of(decoder.feed(text + CLTUS[0] + text + CLTUS[1] + CLTUS[2] + text)) == FRAMES[:3]
    assert decoder.octets_skipped == 3 * len(text)


def test_a_refused_cltu_is_counted_whole_also_where_a_tail_was_due() -> None:
    decoder = receiver()
    refused = flipped(CLTUS[1], 20, 21)
    assert frames_of(decoder.feed(CLTUS[0][:-8] + refused + CLTUS[2])) == [FRAMES[0], FRAMES[2]]
    assert decoder.octets_skipped == len(refused)


def test_no_more_is_held_than_one_undecided_cltu() -> None:
    decoder = receiver()
    decoder.feed(cltu.encode(LONG_FRAME)[:-9])
    assert len(decoder) == 1175 == cltu.BUFFER_OCTETS_MAX - 1


@pytest.mark.proves("K-LINE-005")
def test_start_sequences_inside_a_frame_cost_nothing() -> None:
    decoder = receiver()
    line = cltu.encode(LONG_FRAME)
    assert line.count(b"\xeb\x90") > 50
    assert frames_of(decoder.feed(line + line)) == [LONG_FRAME] * 2
    assert decoder.octets_skipped == 0


@pytest.mark.proves("K-LINE-004")
def test_start_sequences_inside_a_refused_frame_hide_nothing() -> None:
    events = receiver(scid=42).feed(
        cltu.encode(LONG_FRAME) + cltu.encode(tc_frame.encode(TcFrame(42, 0, True, False, 0, b"!")))
    )
    assert events[0] == Rejected(TcReject.SCID)
    assert isinstance(events[-1], FrameReceived)
    assert all(isinstance(event, Rejected) for event in events[:-1])


def test_wrong_head_is_said_by_the_first_block() -> None:
    decoder = receiver(scid=42)
    assert decoder.feed(cltu.encode(LONG_FRAME)[:9]) == []
    assert decoder.feed(cltu.encode(LONG_FRAME)[9:10]) == [Rejected(TcReject.SCID)]


@pytest.mark.parametrize("octets", range(8))
def test_length_field_too_small(octets: int) -> None:
    head = bytes((0x01, 0x23, 0x08, octets - 1 if octets else 0, 0, 0, 0))
    assert receiver().feed(cltu.encode(head))[0] == Rejected(TcReject.SHORT)


def test_silence_changes_nothing_for_a_slow_sender() -> None:
    decoder = receiver()
    events: list[UpEvent] = []
    for octet in cltu.encode(LONG_FRAME):
        events += decoder.feed(bytes([octet]))
        if decoder._fed % 10 == 0:
            events += decoder.expire()
            events += decoder.expire()
    assert frames_of(events) == [LONG_FRAME]
    assert len(events) == 1


def pending_over(behind: bytes) -> CltuDecoder:
    """A receiver that waits for the rest of a long CLTU of which it saw two blocks; `behind` reads as more of them."""
    head = cltu.encode(LONG_FRAME)[:18]
    for gap in range(1, 8):  # shift what follows until its octets read as correctable blocks
        for octet in range(256):
            decoder = receiver()
            if not decoder.feed(head + bytes([octet]) * gap + behind):
                return decoder
    raise AssertionError("no such shift")


@pytest.mark.parametrize("between", [b"", b"\xeb\x90", b"\xeb\x90\xeb"], ids=["nothing", "start", "starts"])
def test_silence_brings_out_what_half_a_cltu_hid(between: bytes) -> None:
    hidden = pending_over(between + CLTUS[4][:-8])
    cut, *others, received = hidden.expire()
    assert all(isinstance(event, Rejected) for event in others)
    assert cut == Rejected(LineFault.CUT)
    assert frames_of([received]) == [FRAMES[4]]
    assert hidden.expire() == []
    assert frames_of(hidden.feed(CLTUS[0])) == [FRAMES[0]]


@pytest.mark.parametrize(
    "behind", [CLTUS[0][:18], flipped(CLTUS[0], 90, 91)[:18], CLTUS[0][:9]], ids=["cut", "bad", "head"]
)
def test_silence_gives_nothing_up_for_less_than_a_whole_one(behind: bytes) -> None:
    hidden = pending_over(behind)
    held = len(hidden)
    assert hidden.expire() == []
    assert len(hidden) == held


pieces = st.lists(
    st.one_of(
        st.sampled_from(CLTUS),
        st.tuples(st.sampled_from(CLTUS_TO_CUT), st.integers(0, 60)).map(lambda cut: cut[0][: cut[1]]),
        st.tuples(st.sampled_from(CLTUS), st.integers(0, 60)).map(lambda cut: cut[0][cut[1] :]),
        st.tuples(st.sampled_from(CLTUS), st.lists(st.integers(0, 250), max_size=3)).map(
            lambda spoilt: flipped(spoilt[0], *(bit % (8 * len(spoilt[0])) for bit in spoilt[1]))
        ),
        st.binary(max_size=20),
        st.sampled_from([b"\xeb", b"\xeb\x90", b"\xeb\xeb\x90", b"\xeb\x90" * 9]),
        st.tuples(st.integers(0, 3), st.integers(0, 255)).map(
            lambda length: cltu.encode(bytes((1, 0x23, length[0], length[1])) + bytes(20))[:-8]
        ),
    ),
    max_size=10,
)


@pytest.mark.proves("K-LINE-006")
@given(pieces, st.lists(st.integers(1, 60), max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_stream_in_any_pieces(stuff: list[bytes], cuts: list[int]) -> None:
    line = b"".join(stuff)
    at_once, cut = receiver(), receiver()
    events = at_once.feed(line)
    cut_events: list[UpEvent] = []
    position = 0
    for size in [*cuts, len(line)]:
        cut_events += cut.feed(line[position : position + size])
        assert len(cut) <= cltu.BUFFER_OCTETS_MAX
        position += size
    assert [event[:-1] if isinstance(event, FrameReceived) else event for event in cut_events] == [
        event[:-1] if isinstance(event, FrameReceived) else event for event in events
    ]
    assert (cut.octets_skipped, len(cut)) == (at_once.octets_skipped, len(at_once))
    assert set(frames_of(events)) <= set(FRAMES)


@pytest.mark.proves("K-LINE-006")
@given(pieces, st.sampled_from(FRAMES), st.integers(0, 1))
@settings(deadline=None, max_examples=300)
def test_whatever_came_before_the_next_good_one_is_received(stuff: list[bytes], frame: bytes, pause: int) -> None:
    decoder = receiver()
    decoder.feed(b"".join(stuff))
    if pause:
        decoder.expire()
    events = decoder.feed(GOOD[frame])
    events += decoder.expire()
    assert frames_of(events)[-1:] == [frame]
