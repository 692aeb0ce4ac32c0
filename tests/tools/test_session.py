"""The ground session in virtual time against a scripted payload (see spacecraft.py): nothing here opens a socket."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.kernel.clock import Micros
from fsw.mdb import lander, standard_services, system, verification
from fsw.mdb.database import Database
from tests.tools.session_bench import DATABASE, Bench, ready_bench
from tests.tools.spacecraft import Spacecraft, crc
from tools.ground.flown import DatabaseState
from tools.ground.profile import Profile
from tools.ground.records import CommandRecord, EventRecord, LanderRecord, Note, PacketRecord, ParameterRecord
from tools.ground.request import Refusal, Why
from tools.ground.session import Session
from tools.ground.ticket import Ticket
from tools.ground.tracking import State, Word
from tools.ground.uplink_words import UplinkProfile


@pytest.fixture
def bench() -> Bench:
    return ready_bench()


@pytest.mark.proves("K-GND-003")
def test_a_command_goes_through_every_stage(bench: Bench) -> None:
    ticket = bench.send("ping")
    bench.step(3)
    assert bench.stages(ticket) == [Word.SENT, Word.RECEIVED, Word.ACCEPTED, Word.STARTED, Word.COMPLETED]
    assert bench.last(ticket).state is State.COMPLETED
    command = bench.craft.executed[0]
    assert (command.apid, command.service, command.message_subtype, command.source_id) == (0x20, 17, 1, 5)
    assert command.pack()[:4] == ticket.request_id


def test_the_request_asks_for_acceptance_and_completion(bench: Bench) -> None:
    bench.send("ping")
    bench.step(2)
    assert bench.craft.executed[0].pack()[6] & 0b1001 == 0b1001


def test_lost_reports_end_in_a_clear_verdict() -> None:
    bench = Bench(Spacecraft(lambda _craft, _command: []))
    bench.step(5)
    ticket = bench.send("ping")
    bench.step(250)
    last = bench.last(ticket)
    assert last.state is State.NO_WORD
    assert "received" in last.text


def test_a_late_word_still_counts() -> None:
    bench = Bench(Spacecraft(lambda _craft, _command: []))
    bench.step(5)
    ticket = bench.send("ping")
    bench.step(250)
    command = bench.craft.executed[0]
    bench.session.tm_datagram(bench.craft.frame(bench.craft.verify(command, 7)), bench.now)
    last = bench.last(ticket)
    assert last.state is State.COMPLETED
    assert last.late


@pytest.mark.parametrize(
    ("subtype", "more", "state", "failed_at"),
    [
        (2, "0005", State.REJECTED, "acceptance"),
        (10, "0000", State.REJECTED, "routing"),
        (4, "0014", State.FAILED, "start"),
        (6, "010013", State.FAILED, "progress"),
        (8, "001a", State.FAILED, "completion"),
    ],
)
def test_each_failure_is_named(subtype: int, more: str, state: State, failed_at: str) -> None:
    def refuse(craft: Spacecraft, command: PusTc) -> list[bytes]:
        before = [] if subtype in (2, 10) else [craft.verify(command, 1)]
        return [*before, craft.verify(command, subtype, bytes.fromhex(more), 0x20)]

    bench = Bench(Spacecraft(refuse))
    bench.step(5)
    ticket = bench.send("ping")
    bench.step(3)
    last = bench.last(ticket)
    assert (last.state, last.failed_at) == (state, failed_at)
    assert last.code == int(more[-4:], 16)
    assert f"0x{last.code:02X}" in last.text


@pytest.mark.proves("K-GND-004")
def test_digest_mismatch_refuses_unless_forced(bench: Bench) -> None:
    bench.session.tm_datagram(bench.craft.booted(b"\xaa" * 8), bench.now)
    assert bench.session.database_state is DatabaseState.MISMATCH
    bench.step(5)
    sent = len(bench.sent)
    refused = bench.session.send("ping", {}, 5, bench.now)
    assert isinstance(refused, Refusal)
    assert refused.why is Why.DATABASE
    bench.step(2)
    assert len(bench.sent) == sent
    forced = bench.session.send("ping", {}, 5, bench.now, force=True)
    assert isinstance(forced, Ticket)
    bench.step(3)
    assert bench.last(forced).state is State.COMPLETED


@pytest.mark.proves("K-GND-004")
def test_a_mismatch_takes_queued_commands_back() -> None:
    bench = Bench()
    ticket = bench.send("ping")
    bench.session.tm_datagram(bench.craft.booted(b"\xaa" * 8), bench.now)
    bench.step(10)
    assert bench.last(ticket).state is State.NOT_SENT
    assert bench.craft.executed == []


def test_the_database_in_force_decodes() -> None:
    other = Database(standard_services, lander, system, verification)
    session = Session(DATABASE, Profile(), Micros(0), databases=(other,))
    session.tm_datagram(Spacecraft().booted(other.digest()[:8]), Micros(0))
    assert session.database is other
    assert session.database_state is DatabaseState.MATCH


@pytest.mark.proves("K-GND-002")
@pytest.mark.parametrize(
    ("name", "arguments", "part"),
    [
        ("power.swich", {}, "did you mean 'power.switch'"),
        ("power.switch", {"load": "1"}, "on"),
        ("power.switch", {"load": "99", "on": "on"}, "0 to 31"),
        ("power.switch", {"laod": "1", "on": "on"}, "did you mean 'load'"),
        ("system.mode", {"mode": "BOOT"}, "SAFE, NOMINAL"),
        ("parameter.set", {"system.scratch": "-1"}, "0 to 4294967295"),
        ("parameter.set", {"system.uptime_s": "1"}, "cannot be written"),
        ("parameter.set", {"system.scrach": "1"}, "did you mean 'system.scratch'"),
        ("housekeeping.enable", {"sids": "system.houskeeping"}, "did you mean 'system.housekeeping'"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(
    bench: Bench, name: str, arguments: dict[str, str], part: str
) -> None:
    refused = bench.session.send(name, arguments, 5, bench.now)
    assert isinstance(refused, Refusal)
    assert part in refused.sentence
    assert bench.session.take_datagrams() == []


def test_names_stand_for_identifiers(bench: Bench) -> None:
    bench.send("parameter.report", parameters="system.scratch,2")
    bench.send("housekeeping.enable", sids="system.housekeeping")
    bench.send("parameter.set", **{"system.scratch": "0x1234"})
    bench.step(3)
    assert [bytes(c.app_data).hex() for c in bench.craft.executed] == ["02000a0002", "00010001", "01000a00001234"]


def test_telemetry_becomes_records_with_units_and_limits(bench: Bench) -> None:
    data = struct.pack(">BHIHH", 2, 10, 7, 7, 990)
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(20, 2, data)), bench.now)
    records = bench.session.take_records()
    samples = {r.name: r for r in records if isinstance(r, ParameterRecord)}
    assert samples["system.scratch"].raw == 7
    assert (samples["system.disk_used"].unit, samples["system.disk_used"].limit) == ("permille", "HIGH")
    packet = next(r for r in records if isinstance(r, PacketRecord))
    few = Session(DATABASE, Profile(), bench.now, parameters={"system.disk_used"})
    few.tm_datagram(bench.craft.frame(bench.craft.report(20, 2, data)), bench.now)
    assert [r.name for r in few.take_records() if isinstance(r, ParameterRecord)] == ["system.disk_used"]
    assert (packet.service, packet.subtype, packet.fault) == (20, 2, "")
    assert packet.time is not None
    when = datetime(1958, 1, 1, tzinfo=UTC) + timedelta(seconds=2_174_000_000 - 37)
    assert packet.time.text == when.strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def test_events_are_named(bench: Bench) -> None:
    data = struct.pack(">HHBi", 9, 5, 2, 9000)
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(5, 3, data)), bench.now)
    event = next(r for r in bench.session.take_records() if isinstance(r, EventRecord))
    assert (event.name, event.severity) == ("system.limit_crossed", "medium")
    assert event.values == {"parameter": 5, "state": "HIGH", "value": 9000}


def test_the_landers_report_is_read(bench: Bench) -> None:
    body = struct.pack(">BIIH", 1, 2, 3, 4)
    packet = struct.pack(">HHH", 0x212, 0xC000, len(body) + 1) + body
    bench.session.report_datagram(packet + crc(packet), bench.now)
    record = next(r for r in bench.session.take_records() if isinstance(r, LanderRecord))
    assert record.values == {"payload_alive": 1, "tm_queue": 2, "tm_dropped": 3, "tc_queue": 4}


def test_structures_made_in_flight_decode(bench: Bench) -> None:
    bench.send("housekeeping.create", sid="0x100", interval="10", parameters="system.scratch,system.mode")
    bench.step(3)
    data = struct.pack(">HIB", 0x100, 99, 2)
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(3, 25, data)), bench.now)
    samples = {r.name: r for r in bench.session.take_records() if isinstance(r, ParameterRecord)}
    assert samples["system.scratch"].raw == 99
    assert samples["system.mode"].label == "NOMINAL"


def housekeeping(bench: Bench, sid: int, *octets: int) -> dict[str, float | None]:
    """A report of a structure comes down; the samples that the ground shows of it."""
    report = bench.craft.report(3, 25, sid.to_bytes(2, "big") + bytes(octets))
    bench.session.tm_datagram(bench.craft.frame(report), bench.now)
    return {r.name: r.raw for r in bench.session.take_records() if isinstance(r, ParameterRecord)}


def described(bench: Bench) -> list[str]:
    """About which structures the ground has asked by itself."""
    bench.records += bench.session.take_records()
    found = [r for r in bench.records if isinstance(r, CommandRecord) and r.name == "housekeeping.describe"]
    return [str(r.arguments["sids"]) for r in found]


@pytest.mark.proves("K-GND-020")
def test_structures_of_an_earlier_session_are_asked_for_and_shown(bench: Bench) -> None:
    assert housekeeping(bench, 0x100, 0, 0, 0, 99, 2) == {}
    assert housekeeping(bench, 0x101, 7) == {}
    bench.step(15)
    assert described(bench) == ["256,257"]
    holds = struct.pack(">HBHHHHH", 0x100, 1, 10, 2, 10, 3, 0)
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(3, 10, holds)), bench.now)
    assert housekeeping(bench, 0x100, 0, 0, 0, 99, 2) == {"system.scratch": 99, "system.mode": 2}
    bench.step(3_000)
    assert described(bench) == ["256,257", "257", "257"], "three times about one that is not told"


@pytest.mark.proves("K-GND-020")
def test_structures_outlive_a_reset_as_they_do_on_board(bench: Bench) -> None:
    bench.send("housekeeping.create", sid="0x100", interval="10", parameters="system.scratch")
    bench.step(3)
    bench.send("housekeeping.append", sid="0x100", parameters="system.mode")
    bench.step(3)
    bench.craft.boot()
    bench.step(40)
    assert housekeeping(bench, 0x100, 0, 0, 0, 99, 2) == {"system.scratch": 99, "system.mode": 2}
    assert housekeeping(bench, 0x100, 0, 0, 0, 99) == {}, "the last change was not kept after all"
    bench.step(15)
    assert described(bench) == ["256"]
    bench.send("housekeeping.delete", sids="0x100")
    bench.step(3)
    assert housekeeping(bench, 0x100, 0, 0, 0, 99, 2) == {}


def test_a_flood_of_rubbish_is_said_once_a_second(bench: Bench) -> None:
    for _ in range(1000):
        bench.session.tm_datagram(b"rubbish", bench.now)
    assert [type(r) for r in bench.session.take_records()].count(Note) == 1
    bench.step(11)
    bench.session.tm_datagram(b"rubbish", bench.now)
    (note,) = [r for r in bench.session.take_records() if isinstance(r, Note)]
    assert "999 more" in note.text
    assert bench.session.downlink.rejected == {"tm_frame_length": 1001}


def test_raw_frames_on_request() -> None:
    bench = Bench(profile=Profile(UplinkProfile(raw=True)))
    bench.session.tm_datagram(bench.craft.idle(), bench.now)
    (frame,) = bench.session.take_datagrams()
    assert frame[:5] == bytes.fromhex("302a000900")
    assert crc(frame[:-2]) == frame[-2:]


def test_sequence_counts_go_on_over_sessions() -> None:
    session = Session(DATABASE, Profile(), Micros(0), counts={0x20: 16_383})
    first = session.send("ping", {}, 1, Micros(0))
    second = session.send("ping", {}, 1, Micros(0))
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    assert (first.sequence_count, second.sequence_count) == (16_383, 0)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=900)), max_size=10))
def test_no_datagram_raises(datagrams: list[tuple[bool, bytes]]) -> None:
    bench = Bench()
    bench.step(2)
    for is_report, octets in datagrams:
        if is_report:
            bench.session.report_datagram(octets, bench.now)
        else:
            bench.session.tm_datagram(octets, bench.now)
    ticket = bench.send("ping")
    bench.step(4)
    assert bench.last(ticket).state is State.COMPLETED


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=6), st.integers(0, 7), st.integers(0, 0x7FF))
def test_no_valid_frame_with_hostile_content_raises(contents: list[bytes], vcid: int, fhp: int) -> None:
    bench = Bench()
    for content in contents:
        data = content.ljust(434, b"\xe0")
        bench.session.tm_datagram(bench.craft._frame(vcid, fhp, data), bench.now)
    bench.session.take_records()


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0x20, 0x22), st.binary(max_size=60))
def test_no_packet_with_hostile_content_raises(service: int, subtype: int, apid: int, data: bytes) -> None:
    bench = Bench()
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(service, subtype, data, apid)), bench.now)
    assert any(isinstance(r, PacketRecord) for r in bench.session.take_records())
