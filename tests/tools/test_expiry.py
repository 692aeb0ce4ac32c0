"""Until when a command may be executed, and what leaves: wrappers read here octet by octet."""

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb import standard_services, system
from fsw.mdb.database import Database
from tests.tools import carrying
from tests.tools.session_bench import Bench, ready_bench
from tests.tools.spacecraft import crc
from tools.ground.building import Built, build
from tools.ground.request import Refusal
from tools.ground.ticket import Ticket
from tools.ground.tracking import State

NOW_S, LOS_S = 2_174_120_137, 2_174_120_737  # 2026-11-23T10:15:00Z and ten minutes later
PLAIN = "1820 c001 0006 2f 11 01 0005"


def cuc(seconds: int) -> bytes:
    return b"\x1e" + seconds.to_bytes(4, "big") + bytes(2)


def closed(octets: bytes) -> bytes:
    return octets + crc(octets)


def report(los_s: int) -> bytes:
    """0x210 by the contract: phase, AOS, LOS, next power event, its action."""
    body = b"\x0b" + cuc(NOW_S) + cuc(los_s) + cuc(0) + b"\x00"
    return closed(bytes.fromhex("0210 c000") + (len(body) + 1).to_bytes(2, "big") + body)


def timed(bench: Bench, seconds: int, status: int) -> None:
    packet = bytearray(bench.craft.report(17, 2, b""))
    packet[6] = 0x20 | status
    packet[13:20] = cuc(seconds)
    bench.session.tm_datagram(bench.craft.frame(closed(bytes(packet[:-2]))), bench.now)


@pytest.fixture
def bench() -> Bench:
    made = ready_bench()
    timed(made, NOW_S, 2)
    made.session.report_datagram(report(LOS_S), made.now)
    return made


def send(bench: Bench, not_after: str, name: str = "ping", **words: str) -> Ticket | Refusal:
    return bench.session.send(name, words, 5, bench.now, not_after=not_after)


@pytest.mark.proves("K-GND-007")
def test_a_command_is_wrapped_until_the_loss_of_signal(bench: Bench) -> None:
    ticket = send(bench, "los")
    assert isinstance(ticket, Ticket)
    bench.step(3)
    (wrapper,) = bench.craft.executed
    assert (wrapper.apid, wrapper.seq_count, wrapper.service, wrapper.message_subtype) == (0x20, 0, 130, 1)
    assert wrapper.app_data == cuc(LOS_S) + closed(bytes.fromhex(PLAIN))
    assert ticket.request_id == bytes.fromhex("1820c001")
    assert ticket.expiry == "not after 2026-11-23T10:25:00.000000Z, the loss of signal"
    assert bench.session.counts == {0x20: 2}


@pytest.mark.proves("K-GND-007")
def test_reports_name_what_is_inside_and_a_wrapper_that_cannot_be_read_is_its_end_too(bench: Bench) -> None:
    bench.craft.execute = lambda craft, command: [craft.report(1, 2, command.app_data[7:11] + b"\x00\x1c")]
    ticket = send(bench, "los")
    assert isinstance(ticket, Ticket)
    bench.step(3)
    last = bench.last(ticket)
    assert (last.state, last.code) == (State.REJECTED, 0x1C)
    bench.craft.execute = lambda craft, command: [craft.verify(command, 2, b"\x00\x05")]
    ticket = send(bench, "los")
    assert isinstance(ticket, Ticket)
    bench.step(3)
    last = bench.last(ticket)
    assert (last.state, last.code) == (State.REJECTED, 5)


@pytest.mark.proves("K-GND-007")
def test_where_time_or_loss_of_signal_is_not_known_it_leaves_bare_and_says_so(bench: Bench) -> None:
    fresh = ready_bench()
    for made, said in ((fresh, "the payload's time is not known"), (bench, "no loss of signal is known")):
        made.session.report_datagram(report(NOW_S - 5), made.now)
        ticket = send(made, "los")
        assert isinstance(ticket, Ticket)
        assert ticket.expiry == f"sent without an expiry: {said}"
        made.step(3)
        assert made.craft.executed[-1].service == 17
    timed(bench, 40, 0)  # the payload has lost its time
    bench.session.report_datagram(report(LOS_S), bench.now)
    ticket = send(bench, "los")
    assert isinstance(ticket, Ticket)
    assert ticket.expiry == "sent without an expiry: the payload's time is not known"


def test_an_operator_says_until_when_or_that_it_does_not_matter(bench: Bench) -> None:
    ticket = send(bench, "none")
    assert isinstance(ticket, Ticket)
    assert ticket.expiry == ""
    ticket = send(bench, "2026-11-23T12:00:00Z")
    assert isinstance(ticket, Ticket)
    assert ticket.expiry == "not after 2026-11-23T12:00:00.000000Z"
    ticket = send(bench, "+60s")
    assert isinstance(ticket, Ticket)
    bench.step(3)
    assert [command.service for command in bench.craft.executed] == [17, 130, 130]
    assert bench.craft.executed[2].app_data[:5] == cuc(NOW_S + 60)[:5]


@pytest.mark.parametrize(
    ("word", "said"),
    [("soon", "not-after must be a time"), ("2020-01-01T00:00:00Z", "is past: the payload has 2026-11-23T10:15:0")],
)  # fmt: skip
def test_what_is_no_expiry_is_refused(bench: Bench, word: str, said: str) -> None:
    refused = send(bench, word)
    assert isinstance(refused, Refusal)
    assert said in refused.sentence
    assert bench.session.counts == {}


def test_what_is_too_long_to_be_wrapped_leaves_bare() -> None:
    database = Database(standard_services, system, carrying)
    for octets, wrapped in ((984, True), (985, False)):
        built = build(
            database, "late.big", {"octets": "ab" * octets}, counts={}, source_id=5, tai_us=None, not_after=cuc(LOS_S)
        )  # fmt: skip
        assert isinstance(built, Built)
        assert bool(built.wrapper_id) is wrapped
        assert len(built.packet) == octets + 13 + 20 * wrapped <= 1017


def test_a_reboot_takes_the_time_with_it(bench: Bench) -> None:
    bench.step(1)
    bench.craft.boot()
    bench.step(30)
    assert bench.session.board_time.tai_us(Micros(bench.now)) is None
