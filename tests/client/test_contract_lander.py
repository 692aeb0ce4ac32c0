"""Contract §4 and §3's expiry: the lander's time, notices and heartbeats, and what the payload answers on VC 2."""

import struct

import pytest

from tests.client.contract_client import SYSTEM, TAI_TEST_S, Board, pump
from tests.client.contract_codec import checked_packet, cltu, cuc, tc_frame, telecommand

pytestmark = pytest.mark.process
ACCEPTED = [(1, None), (7, None)]
EXPIRED = 0x1C


def now(board: Board) -> tuple[int, float]:
    """Time reference status and time of a report made now."""
    since = len(board.packets)
    board.settle()
    report = next(p for p in board.packets[since:] if p.kind == (17, 2))
    return report.time_status, report.time_s


def test_heartbeats_go_out_in_layout(board: Board) -> None:
    beat = board.packet(lambda p: p.apid == 0x110, why="no heartbeat")
    assert beat.vc == 2
    assert beat.raw[0] == 0x01
    assert len(beat.data) == 1 + 1 + 2 + 2 + 2 + 4
    _, _, _, boots, _, uptime_s = struct.unpack(">BBhHHI", beat.data)
    assert boots == 1
    later = board.packet(lambda p: p.apid == 0x110 and p.data[8:] != beat.data[8:], why="no second heartbeat")
    assert struct.unpack(">I", later.data[8:])[0] == uptime_s + 1


def test_a_time_that_is_invalid_or_has_no_tone_sets_nothing(board: Board) -> None:
    board.lander(0x011, cuc(TAI_TEST_S) + bytes([37, 2, 0]))
    assert now(board)[0] == 0
    pump(0)
    board.time(TAI_TEST_S, quality=0)
    status, time_s = now(board)
    assert status == 0
    assert time_s < 600


def test_a_tone_that_comes_too_late_discards_the_time(board: Board) -> None:
    board.lander(0x011, cuc(TAI_TEST_S) + bytes([37, 2, 0]))
    beats = len([p for p in board.packets if p.apid == 0x110])
    board.until(lambda: True if len([p for p in board.packets if p.apid == 0x110]) >= beats + 3 else None)
    board.heartbeat()
    assert now(board)[0] == 0


def test_damaged_lander_packets_are_dropped(board: Board) -> None:
    good = checked_packet(0x011, cuc(TAI_TEST_S) + bytes([37, 2, 0]), seq=board.next_seq())
    board.send(good[:-1] + bytes([good[-1] ^ 1]), vc=2)
    board.heartbeat()
    assert now(board)[0] == 0
    for raw in (
        checked_packet(0x011, cuc(TAI_TEST_S) + bytes([37, 2]), seq=1),
        checked_packet(0x011, cuc(TAI_TEST_S) + bytes([37, 2, 0]), seq=1, first=0x0000),
        checked_packet(0x111, bytes(8), seq=1),
        checked_packet(0x01F, bytes(8), seq=1),
        checked_packet(0x013, b"", seq=1),
        b"\x10\x10\xc0",
    ):
        board.send(raw, vc=2)
        board.heartbeat()
        assert now(board)[0] == 0


def test_lander_packets_on_vc_0_and_ground_packets_on_vc_2_do_nothing(board: Board) -> None:
    time = checked_packet(0x011, cuc(TAI_TEST_S) + bytes([37, 2, 0]), seq=board.next_seq())
    board.send(time)
    board.heartbeat()
    ping = board.tc(SYSTEM, 17, 1)
    board.send(ping, vc=2)
    board.write(cltu(tc_frame(2, time, bypass=False)))
    board.heartbeat()
    assert now(board)[0] == 0
    assert board.words(ping) == []


def test_time_and_tone_lock_the_clock(board: Board) -> None:
    board.time(TAI_TEST_S)
    status, time_s = now(board)
    assert status == 2
    assert 0 <= time_s - TAI_TEST_S < 10
    assert all(p.time_status == 0 or p.time_s >= TAI_TEST_S for p in board.packets if p.is_pus)
    again_s = now(board)[1]
    assert again_s >= time_s
    assert now(board)[0] == 2


@pytest.mark.proves("K-VER-004")
def test_an_expiry_in_time_is_as_the_inner_packet_alone(board: Board) -> None:
    board.time(TAI_TEST_S + 60)
    for inner, words in (
        (board.tc(SYSTEM, 17, 1), ACCEPTED),
        (board.tc(0x021, 17, 1, ack=0), []),
        (board.tc(SYSTEM, 99, 1), [(2, 3)]),
        (telecommand(SYSTEM, 17, 1, seq=board.next_seq(), spoil=1), [(2, 2)]),
        (telecommand(SYSTEM, 17, 1, seq=board.next_seq(), pus=1), [(2, 6)]),
    ):
        apid = int.from_bytes(inner[:2]) & 0x7FF
        outer = telecommand(apid, 130, 1, cuc(TAI_TEST_S + 3600) + inner, seq=board.next_seq(), ack=15)
        assert board.ask(outer, apid) == []
        assert board.words(inner) == words
    for late_s in (TAI_TEST_S - 5.0, 100.0):
        inner = board.tc(SYSTEM, 17, 1, ack=0)
        outer = telecommand(SYSTEM, 130, 1, cuc(late_s) + inner, seq=board.next_seq(), ack=15)
        assert board.ask(outer) == []
        assert board.words(inner) == [(2, EXPIRED)]


def test_time_reports_carry_the_lander_time(board: Board) -> None:
    board.time(TAI_TEST_S + 120)
    since = len(board.packets)
    assert board.ask(board.tc(SYSTEM, 9, 1, b"\x00")) == ACCEPTED
    board.settle()
    report = board.packet(lambda p: p.apid == 0 and p.raw[6] == 0 and p.raw[14] == 2, since, "no time report")
    assert 0 <= int.from_bytes(report.raw[8:12]) - (TAI_TEST_S + 120) < 30
    assert board.ask(board.tc(SYSTEM, 9, 1, b"\x04")) == ACCEPTED


def test_every_lander_message_is_taken_and_commanding_goes_on(board: Board) -> None:
    t = TAI_TEST_S + 180
    board.lander(0x012, struct.pack(">BIB", 11, 3600, 1))
    board.lander(0x014, struct.pack(">BBBHHHHB", 1, 0, 1, 28000, 200, 400, 900, 0))
    board.lander(0x014, struct.pack(">BBBHHHHB", 3, 0, 1, 28000, 200, 400, 900, 0))
    board.lander(0x015, cuc(t) + cuc(t + 600) + struct.pack(">III", 100000, 1 << 20, 1300))
    board.lander(0x017, struct.pack(">hhhhhhhhIB", 2000, 2100, 1, 2, 3, 4, 5, 6, 0, 0))
    board.lander(0x018, struct.pack(">B", 0) + cuc(t) + cuc(t + 60) + bytes(4))
    board.lander(0x019, struct.pack(">BI", 0, 1000))
    board.heartbeat()
    assert board.ask(board.tc(SYSTEM, 17, 1)) == ACCEPTED


def test_a_flywheeling_lander_is_a_time_too(board: Board) -> None:
    board.time(TAI_TEST_S + 240, quality=1)
    status, time_s = now(board)
    assert status in (1, 2)
    assert 0 <= time_s - (TAI_TEST_S + 240) < 10
    board.time(TAI_TEST_S + 300, quality=2)
    assert now(board)[0] == 2


def test_an_announced_time_takes_the_next_tone_only(board: Board) -> None:
    """The tone is the first octet of the next heartbeat: a heartbeat alone changes nothing."""
    begun_s = now(board)[1]
    for _ in range(3):
        board.heartbeat()
    assert 0 <= now(board)[1] - begun_s < 10


def test_safe_now_is_heard_and_commanding_goes_on(board: Board) -> None:
    since, mode = len(board.packets), board.parameter(3, 1)
    board.lander(0x01A, struct.pack(">HB", 0, 1))
    board.settle()
    told = [p for p in board.packets[since:] if p.kind[0] == 5]
    assert told or board.parameter(3, 1) != mode, "nothing tells that the lander asked for safety"


def test_a_power_notice_is_answered_ready_and_clean(board: Board) -> None:
    since = len(board.packets)
    board.lander(0x013, struct.pack(">BBHBI", 0, 0, 5, 0, 0))
    ready = board.packet(lambda p: p.apid == 0x119, since, "not ready for power-off")
    assert (ready.vc, ready.data) == (2, b"\x00\x01")
    assert ready.raw[0] == 0x01
    board.settle()
