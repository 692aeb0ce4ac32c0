"""The ground session in virtual time against a scripted payload (see spacecraft.py): nothing here opens a socket."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.kernel.clock import Micros
from fsw.mdb import common, comms, lander, power, system, verification
from fsw.mdb.database import Database
from tests.tools.spacecraft import Spacecraft, crc
from tools.ground.records import EventRecord, LanderRecord, LinkRecord, Note, PacketRecord, ParameterRecord, Record
from tools.ground.request import Refusal, Why
from tools.ground.session import DatabaseState, Profile, Session, Ticket
from tools.ground.tracking import StageChange, State, Word
from tools.ground.uplink import UplinkProfile

DATABASE = Database(common, comms, lander, power, system, verification)
STEP_US = 100_000
ROUND_TRIP = 2


class Bench:
    """Session and spacecraft joined by a channel whose every datagram a test may lose."""

    def __init__(self, spacecraft: Spacecraft | None = None, profile: Profile | None = None) -> None:
        self.now = Micros(0)
        self.craft = spacecraft or Spacecraft()
        self.session = Session(DATABASE, profile or Profile(), self.now)
        self.records: list[Record] = []
        self.lose_up = 0
        self.lose_down = 0
        self.sent: list[bytes] = []
        self.silent = False

    def step(self, times: int = 1) -> None:
        """100 ms each: what the session sends is heard, and the payload sends an idle frame or its answers."""
        for _ in range(times):
            self.now = Micros(self.now + STEP_US)
            down = []
            for datagram in self.session.take_datagrams():
                self.sent.append(datagram)
                if self.lose_up:
                    self.lose_up -= 1
                else:
                    down += self.craft.hear(datagram)
            down.append(self.craft.idle())
            for frame in [] if self.silent else down:
                if self.lose_down:
                    self.lose_down -= 1
                else:
                    self.session.tm_datagram(frame, self.now)
            self.session.tick(self.now)
            self.records += self.session.take_records()

    def send(self, name: str, **arguments: str) -> Ticket:
        found = self.session.send(name, arguments, 5, self.now)
        assert isinstance(found, Ticket), found
        return found

    def stages(self, ticket: Ticket) -> list[Word]:
        self.records += self.session.take_records()
        return [r.word for r in self.records if isinstance(r, StageChange) and r.ticket == ticket.number]

    def last(self, ticket: Ticket) -> StageChange:
        self.records += self.session.take_records()
        return [r for r in self.records if isinstance(r, StageChange) and r.ticket == ticket.number][-1]


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.step(5)
    assert made.session.ready(made.now)
    return made


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


@pytest.mark.proves("K-GND-001")
def test_v_s_is_taken_from_the_clcw_at_start() -> None:
    bench = Bench()
    bench.craft.v_r = 77
    bench.step(1)
    bench.send("ping")
    bench.step(2)
    assert bench.craft.n_s_seen == [77]
    assert bench.craft.directives == []


@pytest.mark.proves("K-GND-001")
def test_a_receiver_in_lockout_is_unlocked() -> None:
    bench = Bench()
    bench.craft.v_r, bench.craft.lockout = 9, True
    ticket = bench.send("ping")
    bench.step(6)
    assert bench.craft.directives == [b"\0"]
    assert bench.last(ticket).state is State.COMPLETED


def test_a_fresh_receiver_is_moved_off_zero(bench: Bench) -> None:
    assert bench.craft.directives == [b"\x82\x00\x01"]
    bench.send("ping")
    bench.step(2)
    assert bench.craft.n_s_seen == [1]


def test_a_receiver_deaf_to_set_v_r_is_taken_as_it_is() -> None:
    craft = Spacecraft()
    craft.deaf_to_set_v_r = True
    bench = Bench(craft)
    ticket = bench.send("ping")
    bench.step(120)
    assert craft.n_s_seen == [0]
    assert bench.last(ticket).state is State.COMPLETED


def test_three_hundred_commands_wrap_without_zero(bench: Bench) -> None:
    for _ in range(300):
        bench.send("ping")
        bench.step(1)
    bench.step(10)
    assert bench.session.tracker.undecided() == []
    assert 0 not in bench.craft.n_s_seen
    assert len(bench.craft.executed) == 300


def test_a_lost_frame_is_repeated_and_executed_once(bench: Bench) -> None:
    bench.lose_up = 1
    tickets = [bench.send("ping") for _ in range(5)]
    bench.step(60)
    assert [bench.last(t).state for t in tickets] == [State.COMPLETED] * 5
    assert [c.seq_count for c in bench.craft.executed] == list(range(5))


def test_lost_telemetry_costs_no_command(bench: Bench) -> None:
    bench.send("noop")
    bench.step(3)
    ticket = bench.send("ping")
    bench.lose_down = 1
    bench.step(60)
    assert len(bench.craft.executed) == 2
    assert bench.stages(ticket)[:2] == [Word.SENT, Word.RECEIVED]
    assert bench.session.downlink.frames_lost == 0  # not known yet: the lander keeps VC 2
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(17, 2, b"")), bench.now)
    notes = [r.text for r in bench.session.take_records() if isinstance(r, Note)]
    assert notes == ["VC 0: 1 frames are missing"]
    assert bench.session.downlink.frames_lost == 1


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


def test_without_a_link_the_command_never_leaves() -> None:
    bench = Bench()
    bench.silent = True
    ticket = bench.send("ping")
    bench.step(350)
    assert bench.last(ticket).state is State.NOT_SENT
    assert bench.sent == []
    bench.silent = False
    bench.step(10)
    assert bench.craft.executed == []


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


@pytest.mark.proves("K-GND-001")
def test_a_reboot_interrupts_what_is_open_and_nothing_runs_twice() -> None:
    bench = Bench(Spacecraft(lambda craft, command: [craft.verify(command, 1)]))
    bench.step(5)
    done = bench.send("ping")
    bench.step(2)
    assert bench.last(done).state is State.ACCEPTED
    bench.craft.boot()
    bench.session.tm_datagram(bench.craft.idle(), bench.now)
    bench.session.tm_datagram(bench.craft.booted(DATABASE.digest()[:8]), bench.now)
    bench.step(100)
    assert bench.last(done).state is State.UNKNOWN
    assert len(bench.craft.executed) == 1
    assert bench.session.boot_count == 2
    again = bench.send("noop")
    bench.step(3)
    assert bench.last(again).state is State.ACCEPTED
    assert len(bench.craft.executed) == 2


def test_a_frame_under_way_over_a_reboot_is_not_repeated(bench: Bench) -> None:
    """The reboot falls between the frame's sending and its answer: the old life may have run it or not."""
    ticket = bench.send("ping")
    datagram = bench.session.take_datagrams()
    assert len(datagram) == 1
    bench.craft.hear(datagram[0])  # executed, but its answer and its CLCW are lost with the power
    bench.craft.boot()
    bench.step(100)
    assert [c.seq_count for c in bench.craft.executed] == [0]
    assert bench.last(ticket).state is State.UNKNOWN
    assert "reboot" in bench.last(ticket).text


def test_a_reboot_is_no_loss_of_frames(bench: Bench) -> None:
    bench.send("ping")
    bench.step(3)
    bench.craft.boot()
    bench.step(2)
    bench.session.tm_datagram(bench.craft.booted(DATABASE.digest()[:8]), bench.now)
    assert bench.session.downlink.frames_lost == 0
    assert not any(isinstance(r, Note) and "missing" in r.text for r in bench.session.take_records())


def test_a_replayed_boot_event_is_of_the_past(bench: Bench) -> None:
    bench.craft.execute = lambda craft, command: [craft.verify(command, 1)]
    ticket = bench.send("ping")
    bench.step(3)
    packet = bench.craft.report(5, 1, struct.pack(">HIB", 1, 7, 2) + b"\xaa" * 24)
    bench.session.tm_datagram(bench.craft.frame(packet, vcid=3), bench.now)
    assert bench.last(ticket).state is State.ACCEPTED
    assert bench.session.database_state is DatabaseState.UNKNOWN


def test_a_late_boot_event_leaves_the_new_life_alone(bench: Bench) -> None:
    """COP-1 sees the reboot first; a command of the new life is not interrupted when the boot event follows."""
    bench.craft.boot()
    bench.step(5)
    bench.craft.execute = lambda craft, command: [craft.verify(command, 1)]
    ticket = bench.send("ping")
    bench.step(2)
    bench.session.tm_datagram(bench.craft.booted(DATABASE.digest()[:8]), bench.now)
    bench.step(5)
    assert bench.last(ticket).state is State.ACCEPTED


def test_the_first_boot_event_does_not_interrupt() -> None:
    bench = Bench()
    bench.step(5)
    bench.craft.execute = lambda craft, command: [craft.verify(command, 1)]
    ticket = bench.send("ping")
    bench.step(2)
    bench.session.tm_datagram(bench.craft.booted(DATABASE.digest()[:8]), bench.now)
    assert bench.last(ticket).state is State.ACCEPTED


def test_after_an_alert_what_is_outstanding_is_never_sent_again(bench: Bench) -> None:
    """An outage of the way up: T1 gives up. The old frame, should it come at last, is older than V(R)."""
    ticket = bench.send("ping")
    bench.lose_up = 1000
    bench.step(100)
    assert bench.session.uplink.alerts >= 1
    assert bench.last(ticket).state is State.UNKNOWN
    held = bench.sent[1]  # behind the Set V(R) of the start
    bench.lose_up = 0
    bench.step(60)
    assert bench.session.ready(bench.now)
    assert bench.craft.hear(held) == []
    again = bench.send("noop")
    bench.step(20)
    assert bench.last(again).state is State.COMPLETED
    assert [c.service for c in bench.craft.executed] == [8]


def test_wait_holds_commands_back(bench: Bench) -> None:
    bench.craft.wait = True
    bench.step(1)
    link = bench.session.link(bench.now)
    assert link.wait
    bench.craft.wait = False
    ticket = bench.send("ping")
    bench.step(20)
    assert bench.last(ticket).state is State.COMPLETED


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
    other = Database(common, lander, system, verification)
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
    data = struct.pack(">BHIHH", 2, 10, 7, 4, 960)
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(20, 2, data)), bench.now)
    records = bench.session.take_records()
    samples = {r.name: r for r in records if isinstance(r, ParameterRecord)}
    assert samples["system.scratch"].raw == 7
    assert (samples["system.cpu_load"].unit, samples["system.cpu_load"].limit) == ("permille", "HIGH")
    packet = next(r for r in records if isinstance(r, PacketRecord))
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


def test_a_flood_of_rubbish_is_said_once_a_second(bench: Bench) -> None:
    for _ in range(1000):
        bench.session.tm_datagram(b"rubbish", bench.now)
    assert [type(r) for r in bench.session.take_records()].count(Note) == 1
    bench.step(11)
    bench.session.tm_datagram(b"rubbish", bench.now)
    (note,) = [r for r in bench.session.take_records() if isinstance(r, Note)]
    assert "999 more" in note.text
    assert bench.session.downlink.rejected == {"tm_frame_length": 1001}


def test_a_late_idle_frame_does_not_disturb_cop1(bench: Bench) -> None:
    """The lander sends its kept idle frame behind newer frames: its control word is old."""
    old = bench.craft.idle()
    ticket = bench.send("ping")
    for datagram in bench.session.take_datagrams():
        for frame in bench.craft.hear(datagram):
            bench.session.tm_datagram(frame, bench.now)
    bench.session.tm_datagram(old, bench.now)
    bench.step(3)
    assert bench.session.uplink.alerts == 0
    assert bench.last(ticket).state is State.COMPLETED


def test_frames_of_every_line_profile_are_taken() -> None:
    for octets in (223, 446, 892):
        bench = Bench(Spacecraft(octets=octets))
        bench.step(3)
        assert bench.session.ready(bench.now), octets


def test_silence_is_said_and_holds_commands() -> None:
    bench = Bench(profile=Profile(UplinkProfile(silence_us=2_000_000)))
    bench.step(5)
    bench.silent = True
    bench.step(30)
    states = [r.state for r in bench.records if isinstance(r, LinkRecord)]
    assert states[-1] == "telemetry has fallen silent"
    bench.send("ping")
    bench.step(5)
    assert bench.craft.executed == []
    bench.silent = False
    bench.step(3)
    assert len(bench.craft.executed) == 1


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


ACTIONS = st.one_of(
    st.tuples(st.just("send"), st.just(0)),
    st.tuples(st.just("step"), st.integers(1, 12)),
    st.tuples(st.just("silence"), st.integers(10, 60)),
    st.tuples(st.just("lose up"), st.integers(1, 4)),
    st.tuples(st.just("lose down"), st.integers(1, 4)),
    st.tuples(st.just("cut"), st.integers(0, 5)),
)


@pytest.mark.proves("K-GND-001")
@given(st.lists(ACTIONS, max_size=40), st.integers(0, 255), st.booleans())
def test_no_command_runs_twice_whatever_happens(actions: list[tuple[str, int]], v_r: int, boot_events: bool) -> None:
    """Losses both ways, outages, and reboots at any moment, with frames and answers under way."""
    bench = Bench()
    bench.craft.v_r = v_r
    tickets = []
    for action, amount in actions:
        if action == "send":
            tickets.append(bench.send("ping"))
        elif action == "step":
            bench.step(amount)
        elif action == "silence":
            bench.silent = True
            bench.step(amount)
            bench.silent = False
        elif action == "lose up":
            bench.lose_up = amount
        elif action == "lose down":
            bench.lose_down = amount
        else:
            for datagram in bench.session.take_datagrams()[:amount]:
                bench.craft.hear(datagram)  # done, and the power goes before anything is said of it
            bench.craft.boot()
            if boot_events:
                bench.session.tm_datagram(bench.craft.booted(DATABASE.digest()[:8]), bench.now)
    bench.lose_up = bench.lose_down = 0
    bench.step(400)
    executed = [command.seq_count for command in bench.craft.executed]
    assert len(executed) == len(set(executed))
    assert bench.session.tracker.undecided() == []
    for ticket in tickets:
        state = bench.last(ticket).state
        if state is State.COMPLETED:
            assert ticket.sequence_count in executed
        if state is State.NOT_SENT:
            assert ticket.sequence_count not in executed
    ticket = bench.send("ping")
    bench.step(5)
    assert bench.last(ticket).state is State.COMPLETED
