"""ST[13] upwards: a telecommand in parts is executed once, whole; anything else ends with (13,16), unexecuted."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.services.memory.large_packets import UPLINK_OCTETS_MAX, UPLINK_TIMEOUT_US
from fsw.services.verification import Request
from tests.services.desk import Desk, words
from tests.services.memory_asks import SYSTEM, turns
from tests.system.by_hand import Report, telecommand

TAKEN = [(3, 0), (7, 0)]
PING = telecommand(SYSTEM, 17, 1, ack=0b1001, count=99)


def body(transaction: int, number: int, octets: bytes) -> bytes:
    return struct.pack(">HH", transaction, number) + octets


def send(desk: Desk, transaction: int, *parts: bytes) -> list[Report]:
    """All parts of a transaction, in order."""
    reports = []
    for n, octets in enumerate(parts):
        subtype = 9 if n == 0 else 11 if n == len(parts) - 1 else 10
        reports += desk.ask(SYSTEM, 13, subtype, body(transaction, n + 1, octets))
    return reports


def aborts(reports: list[Report]) -> list[tuple[int, int]]:
    return [struct.unpack(">HB", r.data) for r in reports if (r.service, r.subtype) == (13, 16)]


@pytest.fixture
def desk() -> Desk:
    return receiving()


def receiving() -> Desk:
    """A desk whose system process takes telecommands; `desk.mailboxes[0]` is its queue."""
    one = Desk()
    one.restore()
    mailbox: Mailbox[Request] = Mailbox("requests-020", 32)
    one.verification.serve(SYSTEM, mailbox)
    one.mailboxes.append(mailbox)  # type: ignore[arg-type]
    return one


@pytest.mark.proves("K-MEM-005")
def test_a_telecommand_in_parts_goes_its_way(desk: Desk) -> None:
    reports = send(desk, 1, PING[:5], PING[5:10], PING[10:])
    assert words(reports) == [*TAKEN, *TAKEN, *TAKEN, (1, 0)]
    assert reports[-1].data == PING[:4]
    request = desk.mailboxes[0].take()
    assert isinstance(request, Request)
    assert request.request_id == PING[:4]
    assert len(desk.mailboxes[0]) == 0


@pytest.mark.proves("K-MEM-005")
def test_commands_in_parts_do_not_feed_the_command_loss_timer_twice(desk: Desk) -> None:
    assert desk.verification.accepted_us is None
    send(desk, 1, PING[:8], PING[8:])
    assert desk.verification.accepted_us is None  # the parts themselves do, on their own way through acceptance


@pytest.mark.proves("K-MEM-005")
@pytest.mark.parametrize(
    ("parts", "code", "reason"),
    [
        ([(10, 1, b"1")], 0x10, 1),
        ([(11, 1, b"1")], 0x10, 1),
        ([(9, 2, b"1")], 0x10, 1),
        ([(9, 1, b"")], 0x10, 1),
        ([(9, 1, b"11"), (9, 1, b"11")], 0x14, 2),
        ([(9, 1, b"11"), (10, 3, b"11")], 0x14, 2),
        ([(9, 1, b"11"), (10, 1, b"11")], 0x14, 2),
        ([(9, 1, b"11"), (10, 2, b"1")], 0x14, 2),
        ([(9, 1, b"11"), (11, 2, b"111")], 0x14, 2),
        ([(9, 1, b"11"), (11, 2, b"")], 0x14, 2),
    ],
)
def test_parts_out_of_order(desk: Desk, parts: list[tuple[int, int, bytes]], code: int, reason: int) -> None:
    reports = []
    for subtype, number, octets in parts:
        reports += desk.ask(SYSTEM, 13, subtype, body(5, number, octets))
    assert words(reports) == [*TAKEN * (len(parts) - 1), (4, code)]
    assert aborts(reports) == [(5, reason)]
    again = desk.ask(SYSTEM, 13, 10, body(5, 2, b"11"))
    assert (words(again), aborts(again)) == ([(4, 0x10)], [(5, 1)]), "what was aborted is unknown"


@pytest.mark.proves("K-MEM-005")
@pytest.mark.parametrize(
    "packet",
    [
        b"x" * 30,
        PING[:-1] + bytes((PING[-1] ^ 1,)),
        PING + b"1",
        telecommand(SYSTEM, 13, 9, body(9, 1, b"1")),
    ],
)
def test_a_whole_that_is_no_telecommand(desk: Desk, packet: bytes) -> None:
    half = -(-len(packet) // 2)
    reports = send(desk, 6, packet[:half], packet[half:])
    assert words(reports) == [*TAKEN, (3, 0), (8, 0x15)]
    assert aborts(reports) == [(6, 5)]
    assert len(desk.mailboxes[0]) == 0


def test_too_much(desk: Desk) -> None:
    parts = [b"x" * 1_000] * 8
    reports = send(desk, 1, *parts, b"x" * (UPLINK_OCTETS_MAX - 8_000 + 1), b"x")
    assert words(reports)[-2:] == [(4, 0x14), (4, 0x10)]  # a shorter part that is not the last
    reports = send(desk, 2, *parts, b"x" * (UPLINK_OCTETS_MAX - 8_000 + 1))
    assert (words(reports)[-1], aborts(reports)) == ((4, 0x12), [(2, 3)])
    for transaction in (3, 4):
        assert words(desk.ask(SYSTEM, 13, 9, body(transaction, 1, b"1"))) == TAKEN
    reports = desk.ask(SYSTEM, 13, 9, body(5, 1, b"1"))
    assert (words(reports), aborts(reports)) == ([(4, 0x12)], [(5, 3)])


@pytest.mark.proves("K-MEM-005")
def test_a_reception_that_falls_silent_ends(desk: Desk) -> None:
    desk.ask(SYSTEM, 13, 9, body(1, 1, PING[:8]))
    desk.now = Micros(UPLINK_TIMEOUT_US - 1)
    assert desk.memory.large.step(desk.now) == UPLINK_TIMEOUT_US
    assert turns(desk) == []
    desk.now = Micros(UPLINK_TIMEOUT_US)
    assert aborts(turns(desk)) == [(1, 4)]
    assert words(desk.ask(SYSTEM, 13, 11, body(1, 2, PING[8:]))) == [(4, 0x10)]
    assert len(desk.mailboxes[0]) == 0


@pytest.mark.proves("K-MEM-005")
@given(st.binary(max_size=60), st.sets(st.integers(0, 12)))
def test_with_any_loss_a_telecommand_comes_whole_or_not_at_all(data: bytes, lost: set[int]) -> None:
    desk = receiving()
    packet = telecommand(SYSTEM, 17, 1, data, count=5)
    parts = [packet[at : at + 7] for at in range(0, len(packet), 7)]
    for n, octets in enumerate(parts):
        subtype = 9 if n == 0 else 11 if n == len(parts) - 1 else 10
        if n not in lost:
            desk.ask(SYSTEM, 13, subtype, body(1, n + 1, octets))
    whole = not any(n in lost for n in range(len(parts)))
    desk.now = Micros(UPLINK_TIMEOUT_US)
    turns(desk)
    accepted = len(desk.mailboxes[0]) + desk.verification.rejected
    assert accepted == whole


def test_layouts_are_the_vectors() -> None:
    desk = Desk()
    # TC[13,9]#52, TC[13,11]#54 of tests/vectors/pus_tc.json: transaction 1, parts 1 and 3, 12 octets
    for subtype, data in ((9, "00010001" + "09" * 12), (11, "00010003" + "0b" * 12)):
        request = desk.request(SYSTEM, 13, subtype, bytes.fromhex(data))
        assert vars(request.body)["transaction"] == 1
        assert (vars(request.body)["part"], vars(request.body)["octets"][:1]) == (
            {9: 1, 11: 3}[subtype],
            bytes((subtype,)),
        )
