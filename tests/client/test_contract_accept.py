"""Contract §3: the order of acceptance checks, failure codes, routing, ack flags; what is dropped without a word."""

import struct

import pytest

from tests.client.contract_client import SYSTEM, Board
from tests.client.contract_codec import ACK, cltu, cuc, packet, tc_frame, telecommand

pytestmark = pytest.mark.process
LINE = "fast"
UNKNOWN_APID = 0x0EF
ACCEPTED = [(1, None), (7, None)]
NOWHERE, LENGTH, CHECKSUM, TYPE, SUBTYPE, DATA, PUS, BUSY, EXPIRED = 0, 1, 2, 3, 4, 5, 6, 8, 0x1C
READ_10 = struct.pack(">BH", 1, 10)


@pytest.mark.proves("K-VER-002")
@pytest.mark.parametrize("ack", range(16))
def test_successes_only_when_asked(board: Board, ack: int) -> None:
    request = board.tc(SYSTEM, 17, 1, ack=ack)
    words = [(subtype, None) for bit, subtype in ((1, 1), (2, 3), (8, 7)) if ack & bit]
    assert [w for w in board.ask(request) if w[0] not in (5, 6)] == words


@pytest.mark.proves("K-VER-002")
@pytest.mark.parametrize("ack", [0, ACK, 15])
def test_failures_always(board: Board, ack: int) -> None:
    assert board.ask(board.tc(SYSTEM, 99, 1, ack=ack)) == [(2, TYPE)]
    assert board.ask(board.tc(SYSTEM, 17, 99, ack=ack)) == [(2, SUBTYPE)]


@pytest.mark.proves("K-VER-001")
def test_each_failure_and_the_first_one_wins(board: Board) -> None:
    def made(apid: int, service: int, subtype: int, data: bytes = b"", pus: int = 2, spoil: int = 0) -> bytes:
        return telecommand(apid, service, subtype, data, seq=board.next_seq(), pus=pus, spoil=spoil)

    cases = [
        (made(SYSTEM, 17, 1, spoil=1), (2, CHECKSUM)),
        (made(SYSTEM, 17, 1, pus=1), (2, PUS)),
        (made(SYSTEM, 17, 1, pus=0), (2, PUS)),
        (made(SYSTEM, 77, 1), (2, TYPE)),
        (made(SYSTEM, 17, 77), (2, SUBTYPE)),
        (made(SYSTEM, 17, 1, b"\x00"), (2, DATA)),
        (made(SYSTEM, 17, 3, b"\x00"), (2, DATA)),
        (made(SYSTEM, 20, 1, b"\x02\x00\x0a"), (2, DATA)),
        (made(UNKNOWN_APID, 17, 1), (10, NOWHERE)),
        (made(UNKNOWN_APID, 17, 1, spoil=1), (10, NOWHERE)),
        (made(UNKNOWN_APID, 77, 1, pus=1, spoil=1), (10, NOWHERE)),
        (made(SYSTEM, 77, 1, b"\x00", pus=1, spoil=1), (2, CHECKSUM)),
        (made(SYSTEM, 77, 1, b"\x00", pus=1), (2, PUS)),
        (made(SYSTEM, 77, 77, b"\x00"), (2, TYPE)),
        (made(SYSTEM, 17, 77, b"\x00"), (2, SUBTYPE)),
    ]
    board.send(*(request for request, _ in cases))
    board.settle()
    for request, word in cases:
        assert board.words(request) == [word], request.hex()
        assert all(report.apid == SYSTEM for report, _ in board.reports(request))


@pytest.mark.proves("K-VER-003", "K-VER-005")
@pytest.mark.parametrize("apid", [UNKNOWN_APID, 0x040, 0x7FF, 0x000, 0x001, 0x0FE, 0x7FE])
def test_an_unknown_apid_is_told_from_the_system_process(board: Board, apid: int) -> None:
    request = telecommand(apid, 17, 1, seq=board.next_seq(), ack=0)
    assert board.ask(request) == [(10, NOWHERE)]
    report, _ = board.reports(request)[0]
    assert (report.apid, report.destination) == (SYSTEM, 7)


def test_headers_that_are_no_telecommand_are_dropped_without_a_word(board: Board) -> None:
    for first in (0x0800, 0x1000, 0x3800, 0xF800 & 0x7800):
        whole = telecommand(SYSTEM, 17, 1, seq=board.next_seq(), first=first)
        assert board.ask(whole) == [], hex(first)
    for flags in (0x0000, 0x4000, 0x8000):
        assert board.ask(telecommand(SYSTEM, 17, 1, seq=board.next_seq(), flags=flags)) == []
        # The header comes before the APID.
        assert board.ask(telecommand(UNKNOWN_APID, 17, 1, seq=board.next_seq(), flags=flags)) == []


def test_a_dropped_packet_costs_its_neighbours_nothing(board: Board) -> None:
    dropped = telecommand(SYSTEM, 17, 1, seq=board.next_seq(), first=0x0800)
    good = board.tc(SYSTEM, 17, 1)
    board.send(dropped, good)
    board.settle()
    assert board.words(dropped) == []
    assert board.words(good) == ACCEPTED


def test_several_packets_share_a_frame_in_order(board: Board) -> None:
    requests = [board.tc(SYSTEM, 17, 1) for _ in range(16)]
    since = len(board.packets)
    board.send(*requests)
    board.settle()
    done = [p.data[:4] for p in board.packets[since:] if p.kind == (1, 7)]
    assert done[: len(requests)] == [request[:4] for request in requests]


def test_more_than_the_queue_takes_is_refused_as_busy_and_each_request_ends_once(board: Board) -> None:
    requests = [board.tc(SYSTEM, 17, 1) for _ in range(75)]
    board.send(*requests)
    for request in requests:
        board.end(request)
    board.settle()
    words = [board.words(request) for request in requests]
    assert all(w in (ACCEPTED, [(2, BUSY)]) for w in words), words
    assert words[0] == ACCEPTED


@pytest.mark.proves("K-FRAME-005")
@pytest.mark.parametrize("kept", [10, 11, 12])
def test_a_packet_longer_than_the_rest_of_its_frame_is_a_length_failure(board: Board, kept: int) -> None:
    before, cut = board.tc(SYSTEM, 17, 1), board.tc(SYSTEM, 20, 1, READ_10)
    board.send(before, cut[:kept])
    board.settle()
    assert board.words(cut) == [(2, LENGTH)]
    assert board.words(before) == ACCEPTED
    report, _ = board.reports(cut)[0]
    assert report.apid == SYSTEM
    assert report.destination == (7 if kept > 10 else 0), "ten octets hold half a source id"


@pytest.mark.proves("K-FRAME-005")
def test_a_length_failure_drops_the_rest_of_the_frame(board: Board) -> None:
    longer, behind = board.tc(SYSTEM, 17, 1), board.tc(SYSTEM, 17, 1)
    longer = longer[:4] + struct.pack(">H", 400) + longer[6:]
    board.send(longer, behind)
    board.settle()
    assert board.words(longer) == [(2, LENGTH)]
    assert board.words(behind) == []


@pytest.mark.proves("K-FRAME-005")
@pytest.mark.parametrize("kept", range(1, 10))
def test_fewer_than_ten_octets_give_no_report(board: Board, kept: int) -> None:
    before, cut = board.tc(SYSTEM, 17, 1), board.tc(SYSTEM, 17, 1)
    board.send(before, cut[:kept])
    board.settle()
    assert board.words(before) == ACCEPTED
    assert board.words(cut) == []


@pytest.mark.parametrize("size", [1, 4, 5, 6])
def test_a_packet_too_short_for_its_headers(board: Board, size: int) -> None:
    """Less than secondary header and checksum: (1,2) code 1 or 2 where 10 octets are readable, else nothing."""
    seq = board.next_seq()
    short = packet(SYSTEM, bytes([0x29, 17, 1, 0, 7, 0])[:size], seq=seq, first=0x1800)
    after = board.tc(SYSTEM, 17, 1)
    board.send(short, after)
    board.settle()
    assert board.words(after) in (ACCEPTED, [])
    assert board.words(short) in ([(2, LENGTH)], [(2, CHECKSUM)], [])


def test_a_length_failure_on_an_unknown_apid_comes_from_the_system_process(board: Board) -> None:
    cut = telecommand(UNKNOWN_APID, 17, 1, seq=board.next_seq())
    cut = cut[:4] + struct.pack(">H", 400) + cut[6:]
    board.send(cut)
    board.settle()
    assert [(r.apid, word) for r, word in board.reports(cut)] == [(SYSTEM, (2, LENGTH))]


@pytest.mark.parametrize("source", [0, 1, 7, 0xFFFF])
def test_a_clear_link_takes_every_source_and_answers_it(board: Board, source: int) -> None:
    request = board.tc(SYSTEM, 17, 1, source=source)
    since = len(board.packets)
    assert board.ask(request) == ACCEPTED
    assert {r.destination for r, _ in board.reports(request)} == {source}
    assert next(p for p in board.packets[since:] if p.kind == (17, 2)).destination == source


@pytest.mark.parametrize("apid", [0x020, 0x021, 0x022])
def test_every_process_answers_a_ping_and_knows_functions(board: Board, apid: int) -> None:
    since = len(board.packets)
    request = board.tc(apid, 17, 1, ack=15)
    assert [w for w in board.ask(request, apid) if w[0] in (1, 3, 7)] == [(1, None), (3, None), (7, None)]
    order = [(p.kind, p.apid) for p in board.packets[since:] if p.data[:4] == request[:4] or p.kind == (17, 2)]
    assert order[:4] == [((1, 1), apid), ((1, 3), apid), ((17, 2), apid), ((1, 7), apid)]
    unknown = board.tc(apid, 8, 1, b"\xff\xff")
    words = board.ask(unknown, apid)
    assert words[-1] in ((2, 0x10), (4, 0x10), (8, 0x10), (2, 5)), words
    assert {r.apid for r, _ in board.reports(unknown)} == {apid}


def test_a_process_refuses_the_board_services_it_has_not(board: Board) -> None:
    for apid in (0x021, 0x022):
        request = board.tc(apid, 9, 1, b"\x04")
        assert board.ask(request, apid) == [(2, TYPE)]


def test_bd_executes_a_repeated_packet_again(board: Board) -> None:
    request = board.tc(SYSTEM, 17, 1)
    board.send(request)
    board.send(request)
    board.settle()
    assert sorted(board.words(request)) == sorted(ACCEPTED * 2)


def wrapped(board: Board, inner: bytes, tai_s: float, apid: int = SYSTEM, ack: int = 15) -> bytes:
    return telecommand(apid, 130, 1, cuc(tai_s) + inner, seq=board.next_seq(), ack=ack)


def test_an_expiry_without_time_is_expired_and_names_the_inner_request(board: Board) -> None:
    inner = board.tc(SYSTEM, 17, 1)
    outer = wrapped(board, inner, 3e9)
    assert board.ask(outer) == []
    assert board.words(inner) == [(2, EXPIRED)]


def test_a_malformed_wrapper_is_named_itself(board: Board) -> None:
    inner = board.tc(SYSTEM, 17, 1)
    nested = wrapped(board, wrapped(board, inner, 3e9), 3e9)
    other = wrapped(board, telecommand(0x021, 17, 1, seq=board.next_seq()), 3e9)
    cut = wrapped(board, inner[:-1], 3e9)
    more = wrapped(board, inner + b"\x00", 3e9)
    bare = telecommand(SYSTEM, 130, 1, cuc(3e9), seq=board.next_seq())
    half = telecommand(SYSTEM, 130, 1, cuc(3e9)[:5], seq=board.next_seq(), ack=0)
    for outer in (nested, other, cut, more, bare, half):
        assert board.ask(outer) == [(2, DATA)], outer.hex()
    assert board.words(inner) == []
    subtype = telecommand(SYSTEM, 130, 2, cuc(3e9) + inner, seq=board.next_seq())
    assert board.ask(subtype) == [(2, SUBTYPE)]


@pytest.mark.proves("K-FRAME-006")
def test_channels_take_only_their_own_apids(board: Board) -> None:
    ping = board.tc(SYSTEM, 17, 1)
    for vc in (1, 2, 3, 7, 63):
        board.send(ping, vc=vc)
    board.write(cltu(tc_frame(2, ping, bypass=False)))
    board.write(cltu(tc_frame(0, ping, scid=43)))
    board.settle()
    assert board.words(ping) == []


def test_file_packets_on_vc_1_are_taken_without_a_word(board: Board) -> None:
    since = len(board.packets)
    for octets in (b"\x24\x00\x05\x11\x00\x01\x00\x00\x02\x07\x00\x00\x00\x00\x00", b"\x00", bytes(range(200))):
        board.send(packet(0x0FD, octets, seq=board.next_seq()), vc=1)
    board.settle()
    assert [p for p in board.packets[since:] if p.kind in ((1, 2), (1, 10))] == []


@pytest.mark.parametrize("apid", [0x010, 0x01F, 0x0FD])
def test_lander_and_file_apids_on_vc_0_are_dropped_without_a_word(board: Board, apid: int) -> None:
    request = telecommand(apid, 17, 1, seq=board.next_seq())
    assert board.ask(request) == []
