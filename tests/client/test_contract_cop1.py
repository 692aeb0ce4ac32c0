"""Contract §2: FARM-1 on VC 0 as the CLCW tells it, window 20, lockout, directives, and BD beside it."""

from pathlib import Path

import pytest

from tests.client.contract_client import SYSTEM, Board
from tests.client.contract_codec import UNLOCK, Frame, cltu, set_vr, tc_frame

pytestmark = pytest.mark.process
LINE = "fast"
ACCEPTED = [(1, None), (7, None)]


@pytest.fixture
def one(board: Board) -> Board:
    """The board with FARM-1 open and V(R) = 0."""
    board.control(UNLOCK)
    board.control(set_vr(0))
    board.ad_seq = 0
    last(board)
    return board


def last(board: Board) -> Frame:
    """The frame that carried the end of a ping: its CLCW tells all that was sent before."""
    board.settle()
    return board.frames[-1]


@pytest.mark.proves("K-FRAME-002")
def test_s1_and_zero_at_boot(board: Board) -> None:
    assert all(f.report == 0 and not f.lockout and not f.retransmit and not f.wait for f in board.frames)


def test_frames_in_sequence_are_taken_once(one: Board) -> None:
    pings = [one.tc(SYSTEM, 17, 1) for _ in range(3)]
    for ping in pings:
        one.send_ad(ping)
    frame = last(one)
    assert (frame.report, frame.lockout, frame.retransmit, frame.wait) == (3, False, False, False)
    assert [one.words(ping) for ping in pings] == [ACCEPTED] * 3
    one.send_ad(pings[2], seq=2)
    assert last(one).report == 3
    assert one.words(pings[2]) == ACCEPTED


def test_a_gap_asks_for_retransmission_and_the_missing_frame_ends_it(one: Board) -> None:
    ahead = one.tc(SYSTEM, 17, 1)
    one.send_ad(ahead, seq=9)
    frame = last(one)
    assert (frame.report, frame.retransmit, frame.lockout) == (0, True, False)
    assert one.words(ahead) == []
    one.send_ad(one.tc(SYSTEM, 17, 1), seq=0)
    frame = last(one)
    assert (frame.report, frame.retransmit) == (1, False)


@pytest.mark.parametrize(("number", "retransmit", "lockout"), [
    (9, True, False), (10, False, True), (128, False, True), (245, False, True), (246, False, False),
    (255, False, False),
])  # fmt: skip
def test_the_window_is_ten_ahead_and_ten_behind(one: Board, number: int, retransmit: bool, lockout: bool) -> None:
    one.send_ad(one.tc(SYSTEM, 17, 1), seq=number)
    frame = last(one)
    assert (frame.report, frame.retransmit, frame.lockout) == (0, retransmit, lockout)


def test_lockout_refuses_ad_until_unlock_and_bd_goes_on(one: Board) -> None:
    one.send_ad(one.tc(SYSTEM, 17, 1), seq=100)
    refused = one.tc(SYSTEM, 17, 1)
    one.send_ad(refused, seq=0)
    one.control(set_vr(50))
    frame = last(one)
    assert (frame.report, frame.lockout) == (0, True)
    assert one.words(refused) == []
    by_bypass = one.tc(SYSTEM, 17, 1)
    assert one.ask(by_bypass) == ACCEPTED
    one.control(UNLOCK)
    frame = last(one)
    assert (frame.report, frame.lockout) == (0, False)
    one.send_ad(refused, seq=0)
    assert last(one).report == 1
    assert one.words(refused) == ACCEPTED


def test_set_vr_and_the_turn_at_256(one: Board) -> None:
    one.control(set_vr(254))
    assert last(one).report == 254
    pings = [one.tc(SYSTEM, 17, 1) for _ in range(4)]
    for number, ping in zip((254, 255, 0, 1), pings, strict=True):
        one.send_ad(ping, seq=number)
    assert last(one).report == 2
    assert [one.words(ping) for ping in pings] == [ACCEPTED] * 4


def test_farm_b_counts_bypass_and_control_frames(one: Board) -> None:
    begun = last(one).farm_b
    one.send(one.tc(SYSTEM, 17, 1))
    assert last(one).farm_b == (begun + 2) % 4
    one.control(UNLOCK)
    assert last(one).farm_b == (begun + 4) % 4
    one.send_ad(one.tc(SYSTEM, 17, 1))
    assert last(one).farm_b == (begun + 5) % 4


@pytest.mark.parametrize("directive", [b"\x01", b"\x82\x00", b"\x82\x01\x05", b"\x00\x00", b"", b"\x82\x00\x05\x00"])
def test_an_invalid_directive_changes_nothing(one: Board, directive: bytes) -> None:
    one.control(directive)
    frame = last(one)
    assert (frame.report, frame.lockout) == (0, False)


def test_control_on_ad_and_reserved_bits_are_refused(one: Board) -> None:
    one.write(cltu(tc_frame(0, set_vr(7), bypass=False, control=True)))
    spare = bytearray(tc_frame(0, one.tc(SYSTEM, 17, 1)))
    assert last(one).report == 0
    assert spare[0] & 0x0C == 0


def test_frames_of_other_channels_do_not_move_the_clcw(one: Board) -> None:
    begun = last(one)
    ping = one.tc(SYSTEM, 17, 1)
    one.write(cltu(tc_frame(1, set_vr(9), control=True)))
    one.write(cltu(tc_frame(2, set_vr(9), control=True)))
    one.write(cltu(tc_frame(2, ping, bypass=False)))
    frame = last(one)
    assert (frame.report, frame.lockout, frame.retransmit) == (0, False, False)
    assert frame.farm_b == (begun.farm_b + 1) % 4
    assert one.words(ping) == []


def test_every_boot_starts_at_zero(tmp_path: Path) -> None:
    first = Board(tmp_path)
    first.opened()
    first.control(set_vr(77))
    assert last(first).report == 77
    first.kill()
    second = Board(tmp_path)
    second.opened()
    assert last(second).report == 0
    assert second.close() == 0
