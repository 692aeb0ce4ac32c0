"""Contract §3 with the data layouts of the vectors: ST[03], [05], [09], [17], [20] of the system process."""

import struct
from itertools import pairwise

import pytest

from tests.client.contract_client import SYSTEM, Board, pump
from tests.client.contract_codec import ACK, CUC_P_FIELD, Packet, telecommand

pytestmark = pytest.mark.process
LINE = "fast"
ACCEPTED = [(1, None), (7, None)]
FAILURES = (2, 4, 8)


def u16(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def refused(board: Board, request: bytes) -> int:
    """The failure code of a request, whatever stage it failed at; it ends once."""
    words = board.ask(request)
    failures = [word for word in words if word[0] in FAILURES]
    assert len(failures) == 1, words
    assert words[-1] == failures[0]
    assert failures[0][1] is not None
    return failures[0][1]


def structure(board: Board, sid: int) -> tuple[int, int, list[int], bytes]:
    """Status, interval, parameters and the rest of a (3,10)."""
    report = board.answer(board.tc(SYSTEM, 3, 9, u16(1, sid)), (3, 10)).data
    number, status, interval, count = struct.unpack(">HBHH", report[:7])
    assert number == sid
    return status, interval, list(struct.unpack(f">{count}H", report[7 : 7 + 2 * count])), report[7 + 2 * count :]


def test_sid_1_is_off_with_interval_10_and_begins_with_1_2_3(board: Board) -> None:
    status, interval, parameters, rest = structure(board, 1)
    assert (status, interval, parameters[:3]) == (0, 10, [1, 2, 3])
    assert rest == u16(0)


def test_a_structure_made_enabled_changed_and_reported(board: Board) -> None:
    made = board.tc(SYSTEM, 3, 1, u16(500, 4, 3, 10, 3, 1, 0))
    assert board.ask(made) == ACCEPTED
    assert structure(board, 500) == (0, 4, [10, 3, 1], u16(0))
    assert refused(board, board.tc(SYSTEM, 3, 1, u16(500, 4, 1, 10, 0))) == 0x11
    assert refused(board, board.tc(SYSTEM, 3, 1, u16(501, 4, 1, 0xFFF0, 0))) == 0x10
    assert board.ask(board.tc(SYSTEM, 3, 31, u16(1, 500, 2))) == ACCEPTED
    since = len(board.packets)
    assert board.ask(board.tc(SYSTEM, 3, 5, u16(1, 500))) == ACCEPTED
    assert structure(board, 500)[:2] == (1, 2)
    board.until(lambda: True if len(reports(board, 500, since)) >= 6 else None, "no periodic reports")
    times = [p.time_s for p in reports(board, 500, since)]
    steps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert all(abs(step - 0.2) < 0.05 for step in steps), steps
    counters = [p.counter for p in reports(board, 500, since)]
    assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(counters))
    assert all(p.destination == 0 and p.vc == 0 for p in reports(board, 500, since))
    assert board.ask(board.tc(SYSTEM, 3, 6, u16(1, 500))) == ACCEPTED
    assert structure(board, 500)[0] == 0
    one = board.answer(board.tc(SYSTEM, 3, 27, u16(1, 500)), (3, 25)).data
    assert len(one) == 2 + 4 + 1 + 4


def reports(board: Board, sid: int, since: int) -> list[Packet]:
    return [p for p in board.packets[since:] if p.kind == (3, 25) and p.data[:2] == u16(sid)]


def test_a_structure_with_a_supercommutated_set(board: Board) -> None:
    made = board.tc(SYSTEM, 3, 1, u16(510, 10, 1, 3, 1, 4, 2, 1, 2))
    words = board.ask(made)
    if words != ACCEPTED:
        assert words[-1][0] in FAILURES
        return
    assert structure(board, 510)[3] == u16(1, 4, 2, 1, 2)


def test_housekeeping_of_an_unknown_structure_is_unknown(board: Board) -> None:
    for subtype, more in ((5, b""), (6, b""), (9, b""), (27, b""), (31, u16(5))):
        assert refused(board, board.tc(SYSTEM, 3, subtype, u16(1, 999) + more)) == 0x10, subtype
    assert refused(board, board.tc(SYSTEM, 3, 5, u16(2, 1))) == 5
    assert refused(board, board.tc(SYSTEM, 3, 5, u16(1, 1, 1))) == 5


def test_events_disabled_are_listed_and_enabled_again(board: Board) -> None:
    assert board.answer(board.tc(SYSTEM, 5, 7), (5, 8)).data == b"\x00"
    assert board.ask(board.tc(SYSTEM, 5, 6, b"\x01" + u16(1))) == ACCEPTED
    assert board.answer(board.tc(SYSTEM, 5, 7), (5, 8)).data == b"\x01" + u16(1)
    assert board.ask(board.tc(SYSTEM, 5, 5, b"\x01" + u16(1))) == ACCEPTED
    assert board.answer(board.tc(SYSTEM, 5, 7), (5, 8)).data == b"\x00"
    assert refused(board, board.tc(SYSTEM, 5, 6, b"\x01" + u16(0xFFF0))) == 0x10
    assert refused(board, board.tc(SYSTEM, 5, 6, b"\x02" + u16(1))) == 5


def test_time_reports_at_the_commanded_rate(board: Board) -> None:
    since = len(board.packets)
    assert board.ask(board.tc(SYSTEM, 9, 1, b"\x01")) == ACCEPTED
    for _ in range(4):
        board.settle()
    report = board.packet(lambda p: p.apid == 0 and p.raw[6] == 1, since, "no time report")
    assert len(report.raw) == 6 + 1 + 7 + 1 + 2
    assert report.raw[0] & 0x18 == 0
    assert report.vc == 0
    for _ in range(6):
        board.settle()
    came = [p.at_s for p in board.packets[since:] if p.apid == 0 and p.raw[6] == 1]
    frames = [f for f in board.frames if f.vc == 0 and came[0] < f.at_s <= came[-1]]
    assert abs(len(frames) - 2 * (len(came) - 1)) <= 1, "one report in two frames of live telemetry"
    exponent, p_field, seconds = struct.unpack(">BBI", report.raw[6:12])
    assert (exponent, p_field, report.raw[14]) == (1, CUC_P_FIELD, 0)
    assert seconds < 600
    assert board.ask(board.tc(SYSTEM, 9, 1, b"\x04")) == ACCEPTED
    for exponent in (9, 255):
        assert refused(board, board.tc(SYSTEM, 9, 1, bytes([exponent]))) in (5, 0x13)


def test_a_connection_test_of_each_process_and_of_none(board: Board) -> None:
    for apid in (0x020, 0x021, 0x022):
        assert board.answer(board.tc(SYSTEM, 17, 3, u16(apid)), (17, 4)).data == u16(apid)
    board.settle()
    assert refused(board, board.tc(SYSTEM, 17, 3, u16(0x0EF))) in (0, 0x10, 0x13)


def test_parameters_read_in_the_asked_order_and_set_together(board: Board) -> None:
    kept = board.tc(SYSTEM, 20, 3, struct.pack(">BHI", 1, 10, 0xDEADBEEF))
    board.send(kept)
    assert board.end(kept) == (7, None)  # when the disk has it: a ping behind it may be quicker
    report = board.answer(board.tc(SYSTEM, 20, 1, b"\x03" + u16(3, 10, 1)), (20, 2)).data
    assert report[:3] == b"\x03" + u16(3)
    assert report[4:] == u16(10) + bytes.fromhex("deadbeef") + u16(1) + struct.pack(">I", 1)
    assert refused(board, board.tc(SYSTEM, 20, 1, b"\x01" + u16(0xFFF0))) == 0x10
    assert refused(board, board.tc(SYSTEM, 20, 3, b"\x01" + u16(0xFFF0) + bytes(4))) in (0x10, 5)
    assert refused(board, board.tc(SYSTEM, 20, 3, struct.pack(">BHI", 1, 1, 5))) in (0x19, 0x14)
    assert refused(board, board.tc(SYSTEM, 20, 3, b"\x01" + u16(10) + bytes(3))) == 5
    assert refused(board, board.tc(SYSTEM, 20, 3, b"\x01" + u16(10) + bytes(5))) == 5
    assert board.parameter(10) == 0xDEADBEEF
    both = board.tc(SYSTEM, 20, 3, b"\x02" + u16(10) + bytes(4) + u16(1) + bytes(4))
    assert refused(board, both) in (0x19, 0x14)
    assert board.parameter(10) == 0xDEADBEEF


def test_packet_and_message_counters_run_on(board: Board) -> None:
    for _ in range(3):
        board.settle()
    for apid in {p.apid for p in board.packets}:
        counts = [p.seq for p in board.packets if p.apid == apid]
        assert all((b - a) & 0x3FFF == 1 for a, b in pairwise(counts)), hex(apid)
    pus = [p for p in board.packets if p.is_pus]
    for kind in {(p.apid, p.kind, p.destination) for p in pus}:
        counters = [p.counter for p in pus if (p.apid, p.kind, p.destination) == kind]
        assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(counters)), kind


def test_time_since_boot_in_every_header_without_a_lander(board: Board) -> None:
    board.settle()
    pus = [p for p in board.packets if p.is_pus]
    assert all(p.time_status == 0 and p.time_s < 600 and p.raw[6] >> 4 == 2 for p in pus)
    assert all(a.time_s <= b.time_s + 0.5 for a, b in pairwise(pus))


def test_a_function_of_no_process_is_unknown(board: Board) -> None:
    for apid in (0x020, 0x021, 0x022):
        request = telecommand(apid, 8, 1, u16(0xFFFE), seq=board.next_seq(), ack=ACK)
        board.send(request)
        assert board.end(request)[1] == 0x10
    pump(0)
