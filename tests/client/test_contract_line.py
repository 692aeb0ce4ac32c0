"""Contract §1: damage on the line, counted and skipped; bit errors corrected; profiles, pacing and release."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.contract_client import SYSTEM, Board, pump
from tests.client.contract_codec import START, TAIL, cltu, set_vr, tc_frame

pytestmark = pytest.mark.process
ACCEPTED = [(1, None), (7, None)]


def flipped(octets: bytes, *bits: int) -> bytes:
    out = bytearray(octets)
    for bit in bits:
        out[bit // 8] ^= 0x80 >> (bit % 8)
    return bytes(out)


def in_cltu(board: Board) -> tuple[bytes, bytes]:
    ping = board.tc(SYSTEM, 17, 1)
    return ping, cltu(tc_frame(0, ping))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "stray text": lambda good: b"\r\nlogin: root\r\nPassword:\r\n" + good,
    "a console with half a start": lambda good: b"boot \xeb" + good,
    "a start sequence alone": lambda good: START + good,
    "two start sequences": lambda good: START + START + good,
    "a start and idle": lambda good: START + b"\x55" * 30 + good,
    "acquisition": lambda good: b"\x55" * 300 + good,
    "half a CLTU": lambda good: good[: len(good) // 2] + good,
    "all but the last octet of a frame": lambda good: good[:22] + good,
    "a frame without tail": lambda good: good[: -len(TAIL)] + good,
    "a dropped octet": lambda good: good[:9] + good[10:] + good,
    "a doubled octet": lambda good: good[:9] + good[8:] + good,
    "a dropped start octet": lambda good: good[1:] + good,
    "two errors in a block": lambda good: flipped(good, 20, 33) + good,
    "a start sequence one bit off": lambda good: flipped(good, 3) + good,
    "random octets": lambda good: bytes((i * 73 + i * i * 11) & 0xFF for i in range(2000)) + good,
}


@pytest.mark.proves("K-LINE-006")
@pytest.mark.parametrize("kind", DAMAGE)
def test_the_next_good_frame_is_received(board: Board, kind: str) -> None:
    damaged, octets = in_cltu(board)
    good, good_octets = in_cltu(board)
    written = DAMAGE[kind](octets)
    assert written.endswith(octets)
    board.write(written[: -len(octets)] + good_octets)
    board.settle()
    assert board.words(good) == ACCEPTED
    assert board.words(damaged) in ([], ACCEPTED)
    if kind not in ("a frame without tail",):
        assert board.words(damaged) == []


def test_a_single_bit_error_anywhere_in_a_block_is_corrected(board: Board) -> None:
    sent = []
    for bit in range(16, 16 + 63):
        ping, octets = in_cltu(board)
        board.write(flipped(octets, bit, bit + 64))
        sent.append(ping)
        if len(sent) % 16 == 0:
            board.settle()
    board.settle()
    assert [board.words(ping) for ping in sent] == [ACCEPTED] * len(sent)


def test_a_frame_in_any_pieces(board: Board) -> None:
    for size in (1, 2, 7, 13):
        ping, octets = in_cltu(board)
        for at in range(0, len(octets), size):
            board.write(octets[at : at + size])
            pump(0.001)
        board.settle()
        assert board.words(ping) == ACCEPTED


def test_fill_behind_the_frame_and_longer_tails(board: Board) -> None:
    ping = board.tc(SYSTEM, 17, 1)
    frame = tc_frame(0, ping)
    padded = cltu(frame + b"\x55" * 21)
    other, direct = in_cltu(board)
    board.write(padded + direct)
    board.settle()
    assert (board.words(ping), board.words(other)) == (ACCEPTED, ACCEPTED)


def test_the_longest_frame_and_one_octet_more(board: Board) -> None:
    first, last = board.tc(SYSTEM, 17, 1), board.tc(SYSTEM, 17, 1)
    fill = board.tc(0x022, 17, 77, bytes(1024 - 7 - 26 - 13), ack=0)
    frame = tc_frame(0, first + fill + last)
    assert len(frame) == 1024
    board.write(cltu(frame))
    board.settle()
    assert (board.words(first), board.words(last)) == (ACCEPTED, ACCEPTED)
    assert board.words(fill) == [(2, 4)]


def test_frames_with_a_wrong_checksum_version_or_spacecraft_are_dropped(board: Board) -> None:
    for at in (-1, 3, 0):
        ping = board.tc(SYSTEM, 17, 1)
        frame = bytearray(tc_frame(0, ping))
        frame[at] ^= 0x40
        board.write(cltu(bytes(frame)))
        good, octets = in_cltu(board)
        board.write(octets)
        board.settle()
        assert (board.words(ping), board.words(good)) == ([], ACCEPTED)
    before = board.frames[-1].farm_b
    board.write(cltu(tc_frame(0, set_vr(3), control=True, scid=41)))
    board.settle()
    assert (board.frames[-1].farm_b, board.frames[-1].report) == ((before + 1) % 4, 0)


@pytest.mark.parametrize(("more", "line"), [
    (("--baud", "19200"), "slow"), (("--baud", "9600"), "slow"), (("--baud", "19201"), "default"),
    (("--baud", "230400"), "default"), (("--baud", "921600"), "fast"), (("--line", "fast"), "fast"),
    (("--line", "slow", "--baud", "115200"), "slow"), (("--line", "default"), "default"),
])  # fmt: skip
def test_baud_and_line_pick_the_frame_length(tmp_path: Path, more: tuple[str, ...], line: str) -> None:
    one = Board(tmp_path, line, more)
    one.frame(lambda f: f.vc == 0)
    assert one.close() == 0


@pytest.mark.proves("K-LINE-007")
def test_telemetry_is_paced_by_the_baud_rate(tmp_path: Path) -> None:
    one = Board(tmp_path, "slow")
    one.frame(lambda f: f.vc == 0)
    begun = len(one.reads)
    pings = [one.tc(SYSTEM, 17, 1, ack=15) for _ in range(28)]
    one.send(*pings)
    for ping in pings:
        one.end(ping)
    assert sum(size for _, size in one.reads[begun:]) >= 28 * 70
    full = [f for f in one.frames if f.vc == 0][1:]
    assert len(full) >= 9
    assert one.close() == 0


def test_a_frame_waits_for_company_one_release_time(tmp_path: Path) -> None:
    one = Board(tmp_path, "slow")
    one.frame(lambda f: f.vc == 0)
    one.settle()
    ping, octets = in_cltu(one)
    one.write(octets)
    one.end(ping)
    came = {p.at_s for p, _ in one.reports(ping)}
    assert len(came) == 1, "acceptance and completion share the frame"
    assert one.close() == 0
