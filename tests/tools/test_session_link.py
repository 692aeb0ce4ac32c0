"""The session's link: COP-1 kept initialised over losses, lockout, outages and reboots; no command runs twice."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.session_bench import DATABASE, Bench, ready_bench
from tests.tools.spacecraft import Spacecraft
from tools.ground.flown import DatabaseState
from tools.ground.profile import Profile
from tools.ground.records import LinkRecord, Note
from tools.ground.tracking import State, Word
from tools.ground.uplink_words import UplinkProfile


@pytest.fixture
def bench() -> Bench:
    return ready_bench()


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
