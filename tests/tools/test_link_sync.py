"""FOP-1 begun anew: by hand, at every AOS, and after a stranger's frame has moved FARM-1; no command runs twice."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.session_bench import Bench, ready_bench
from tests.tools.spacecraft import SCID, Spacecraft, crc
from tools.ground.records import LinkRecord, Note
from tools.ground.tracking import State, Word


@pytest.fixture
def bench() -> Bench:
    return ready_bench()


def forged(flags: int, data: bytes, n_s: int = 0) -> bytes:
    """A CLTU of a stranger: flags 0x3 is BC, 0x0 AD, 0x2 BD; the parity octets are not looked at by the spacecraft."""
    head = struct.pack(">HHB", flags << 12 | SCID, len(data) + 6, n_s)
    frame = head + data + crc(head + data)
    frame += b"\x55" * (-len(frame) % 7)
    blocks = b"".join(frame[at : at + 7] + b"\0" for at in range(0, len(frame), 7))
    return bytes.fromhex("eb90") + blocks + bytes.fromhex("c5c5c5c5c5c5c579")


def ping(count: int = 9_999) -> bytes:
    """A stranger's (17,1), acknowledging everything."""
    packet = struct.pack(">HHHBBBH", 0x1820, 0xC000 | count, 6, 0x2F, 17, 1, 666)
    return packet + crc(packet)


def words_of(bench: Bench) -> list[str]:
    return [record.text for record in bench.records if isinstance(record, Note)]


MOVES = {
    "Set V(R) ahead": forged(3, b"\x82\x00\x63"),
    "Set V(R) back": forged(3, b"\x82\x00\x02"),
    "Set V(R) 0": forged(3, b"\x82\x00\x00"),
    "Unlock": forged(3, b"\x00"),
}


@pytest.mark.proves("K-GND-012")
@pytest.mark.parametrize("move", MOVES)
def test_a_forged_control_frame_costs_a_re_initialisation(bench: Bench, move: str) -> None:
    for _ in range(5):
        bench.send("ping")
        bench.step(2)
    alerts = bench.session.uplink.alerts
    bench.craft.hear(MOVES[move])
    bench.step(3)
    assert bench.session.ready(bench.now)
    assert bench.session.uplink.alerts <= alerts + 1
    ticket = bench.send("ping")
    bench.step(3)
    assert bench.last(ticket).state is State.COMPLETED
    assert len(bench.craft.executed) == 6
    assert not any("rebooted" in text for text in words_of(bench)), "a count of FARM-B tells a forgery from a boot"


@pytest.mark.proves("K-GND-012")
@pytest.mark.parametrize("ahead", [0, 5, 100, 250])
def test_a_forged_sequence_frame_costs_a_re_initialisation(bench: Bench, ahead: int) -> None:
    """N(S) as expected, ahead in the window, outside (lockout), behind; the payload refuses its contents."""
    bench.craft.packet = lambda octets: [] if octets == ping() else Spacecraft.packet(bench.craft, octets)  # type: ignore[method-assign]
    bench.craft.hear(forged(0, ping(), (bench.craft.v_r + ahead) % 256))
    bench.step(8)
    assert bench.session.ready(bench.now)
    ticket = bench.send("ping")
    bench.step(5)
    assert bench.last(ticket).state is State.COMPLETED
    assert len(bench.craft.executed) == 1


@pytest.mark.proves("K-GND-012")
def test_a_frame_that_a_stranger_overtakes_is_never_sent_again(bench: Bench) -> None:
    """The stranger's frame takes the number of ours: the receiver drops ours, and its control word confirms it."""
    bench.craft.packet = lambda octets: [] if octets == ping() else Spacecraft.packet(bench.craft, octets)  # type: ignore[method-assign]
    ticket = bench.send("ping")
    bench.craft.hear(forged(0, ping(), bench.craft.v_r))
    bench.step(300)
    assert bench.craft.executed == []
    assert bench.last(ticket).state is State.NO_WORD, "then the payload's list says that it never arrived"
    again = bench.send("ping")
    bench.step(3)
    assert bench.last(again).state is State.COMPLETED


@pytest.mark.proves("K-GND-012")
def test_by_hand_it_begins_anew_from_the_next_control_word(bench: Bench) -> None:
    bench.lose_up = 1
    lost = bench.send("noop")
    bench.step(1)
    bench.session.sync(bench.now, "link sync by jane")
    assert not bench.session.ready(bench.now)
    bench.step(3)
    assert bench.session.ready(bench.now)
    assert bench.stages(lost) == [Word.SENT, Word.INTERRUPTED]
    assert bench.last(lost).text == "link sync by jane"
    assert bench.session.uplink.alerts == 0
    ticket = bench.send("ping")
    bench.step(60)
    assert bench.last(ticket).state is State.COMPLETED
    assert lost.sequence_count not in [
        c.seq_count for c in bench.craft.executed if c.service == 8 and c.apid == lost.apid
    ]


def test_by_hand_before_anything_is_heard_changes_nothing() -> None:
    bench = Bench()
    ticket = bench.send("ping")
    bench.session.sync(bench.now, "link sync by jane")
    bench.step(5)
    assert bench.last(ticket).state is State.COMPLETED


@pytest.mark.proves("K-GND-012")
def test_at_every_aos_it_begins_anew_without_a_word_on_the_line(bench: Bench) -> None:
    for contact in range(1, 4):
        bench.silent = True
        bench.step(80)
        assert not bench.session.ready(bench.now)
        bench.silent = False
        sent = len(bench.sent)
        bench.step(1)
        assert bench.session.ready(bench.now)
        assert bench.session.uplink.syncs == contact
        assert len(bench.sent) == sent, "where both agree AOS costs no frame"
        bench.step(20)
        assert bench.session.uplink.syncs == contact, "once an AOS"
    assert bench.session.uplink.alerts == 0


@pytest.mark.proves("K-GND-012")
def test_at_aos_after_somebody_moved_the_receiver_the_first_command_goes_through(bench: Bench) -> None:
    bench.silent = True
    bench.step(80)
    bench.craft.hear(MOVES["Set V(R) ahead"])
    bench.silent = False
    bench.step(2)
    ticket = bench.send("ping")
    bench.step(3)
    assert bench.last(ticket).state is State.COMPLETED


def test_at_aos_what_is_on_its_way_ends_first(bench: Bench) -> None:
    """A fade of six seconds in the middle of a command: it is confirmed, not called unknown."""
    ticket = bench.send("ping")
    bench.silent = True
    bench.step(60)
    bench.silent = False
    bench.step(3)
    assert Word.RECEIVED in bench.stages(ticket)
    assert Word.INTERRUPTED not in bench.stages(ticket)
    assert bench.session.uplink.syncs == 1
    assert [c.service for c in bench.craft.executed][:1] == [17]


STRANGE = st.one_of(
    st.tuples(st.just(3), st.sampled_from([b"\0", b"\x82\x00", b"\x7f"]), st.integers(0, 255)),
    st.tuples(st.just(0), st.just(b""), st.integers(0, 255)),
)


@pytest.mark.proves("K-GND-012")
@given(st.lists(st.tuples(STRANGE, st.integers(0, 12), st.booleans()), max_size=25))
def test_no_stranger_makes_a_command_run_twice(does: list[tuple[tuple[int, bytes, int], int, bool]]) -> None:
    bench = ready_bench()
    real = bench.craft.packet
    bench.craft.packet = lambda octets: [] if octets == ping() else real(octets)  # type: ignore[method-assign]
    for (flags, data, number), steps, sends in does:
        if sends:
            bench.send("ping")
        octets = ping() if flags == 0 else data + bytes([number]) if len(data) == 2 else data
        bench.craft.hear(forged(flags, octets, number))
        bench.step(steps)
    bench.step(100)
    executed = [(c.apid, c.seq_count) for c in bench.craft.executed]
    assert len(executed) == len(set(executed))
    ticket = bench.send("ping")
    bench.step(100)
    assert bench.last(ticket).state is State.COMPLETED, "within ten seconds of the last"
    assert any(isinstance(record, LinkRecord) for record in bench.records)
