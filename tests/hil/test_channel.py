"""Faults of the line: judged by counting, by the law of chance and by what a UART would sample, not by the code."""

import math
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.hal.ports import LineState
from fsw.kernel.clock import NEVER, ManualClock, Micros
from hil.board.world import MemoryLine
from hil.line.channel import OWN_OCTETS_MAX, Channel
from hil.line.channel_effects import MAKERS
from hil.seed import Dice
from hil.written.fault import Fault, make
from hil.written.fault_kinds import KINDS, Ability

ZERO = Micros(0)
TEXT = bytes(range(256)) * 40
RATES: dict[str, dict[str, int | str]] = {
    "bit_errors": {"ber_e9": 1_000_000},
    "drop": {"per_octets_e6": 20_000, "burst": 5},
    "duplicate": {"per_octets_e6": 20_000, "burst": 5},
    "insert": {"per_octets_e6": 20_000, "burst": 5},
    "stuck_low": {"octets_s": 1000},
    "rx_frozen": {"buffer": 300},
    "baud_drift": {"permille": 60},
}


def channel(*faults: Fault) -> Channel:
    made = Channel(Dice("test"))
    for fault in faults:
        made.begin(fault, ZERO)
    return made


def fault(kind: str, **values: int | str) -> Fault:
    return make(kind, 0, None, **{**RATES.get(kind, {}), **values})


def pieces(octets: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    return (octets[a:b] for a, b in pairwise(edges))


def test_every_kind_of_the_line_s_own_is_done() -> None:
    strays = {"boot_text", "broken_frames"}
    line = {kind for kind, known in KINDS.items() if "direction" in known.parameters}
    assert line == set(MAKERS) | strays
    assert all(KINDS[kind].ability is Ability.LINE for kind in line)


def test_without_a_fault_nothing_happens() -> None:
    idle = channel()
    assert idle.carry(TEXT, ZERO) is TEXT
    assert idle.next_due() == NEVER
    assert not idle.counters


@pytest.mark.proves("K-FAULT-004")
@given(
    st.lists(st.sampled_from(sorted(MAKERS)), min_size=1, max_size=4),
    st.binary(max_size=2_000),
    st.lists(st.integers(0, 2_000), max_size=20),
)
def test_octets_come_out_the_same_however_they_are_cut(kinds: list[str], octets: bytes, cuts: list[int]) -> None:
    faults = [fault(kind) for kind in kinds]
    whole, cut = channel(*faults), channel(*faults)
    expected = whole.carry(octets, ZERO)
    assert b"".join(cut.carry(piece, ZERO) for piece in pieces(octets, cuts)) + cut.carry(b"", ZERO) == expected + (
        whole.carry(b"", ZERO)
    )
    for one in faults:
        whole.end(one, ZERO)
        cut.end(one, ZERO)
    assert cut.carry(b"", ZERO) == whole.carry(b"", ZERO)
    assert cut.counters == whole.counters


def test_bits_flip_as_often_as_asked() -> None:
    noisy = channel(fault("bit_errors", ber_e9=1_000_000))  # one in a thousand
    zeros = bytes(250_000)
    flips = int.from_bytes(noisy.carry(zeros, ZERO), "big").bit_count()
    assert abs(flips - 2_000) < 4 * math.sqrt(2_000)
    assert noisy.counters["bit_errors"] == flips


@pytest.mark.parametrize("kind", ["drop", "duplicate", "insert"])
def test_bursts_come_as_often_as_asked(kind: str) -> None:
    changed = channel(fault(kind, per_octets_e6=1_000, burst=1))
    out = changed.carry(bytes(1_000_000), ZERO)
    hits = changed.counters[kind]
    assert abs(hits - 1_000) < 4 * math.sqrt(1_000)
    assert len(out) - 1_000_000 == {"drop": -hits, "duplicate": hits, "insert": hits}[kind]


def test_bursts_are_of_every_length_and_leave_the_rest_in_order() -> None:
    text = b"".join(n.to_bytes(4, "big") for n in range(50_000))
    out = channel(fault("drop", per_octets_e6=500, burst=4)).carry(text, ZERO)
    kept = iter(text)
    assert all(octet in kept for octet in out), "what is left is a subsequence"
    doubled = channel(fault("duplicate", per_octets_e6=10_000, burst=7)).carry(text[:2_000], ZERO)
    assert len(doubled) > 2_000
    strangers = channel(fault("insert", per_octets_e6=10_000, burst=7)).carry(text[:2_000], ZERO)
    left = iter(strangers)
    assert all(octet in left for octet in text[:2_000])


@pytest.mark.parametrize("kind", ["silence", "stuck_high"])
def test_nothing_passes_in_silence(kind: str) -> None:
    quiet = channel(one := fault(kind))
    assert quiet.carry(TEXT, ZERO) == b""
    assert quiet.next_due() == NEVER
    assert quiet.counters[kind] == len(TEXT)
    quiet.end(one, ZERO)
    assert quiet.carry(TEXT, ZERO) == TEXT


def test_a_wire_held_low_reads_as_zeros_at_their_rate() -> None:
    low = Channel(Dice(1))
    one = make("stuck_low", 0, octets_s=1_000)
    low.begin(one, Micros(5_000_000))
    assert low.next_due() == 5_000_000
    assert low.carry(b"abc", Micros(5_000_000)) == b"\0"
    assert low.next_due() == 5_010_000  # looked for in bursts, but there when looked for earlier
    assert low.carry(b"", Micros(5_000_999)) == b""
    assert low.carry(b"", Micros(5_001_000)) == b"\0"
    assert low.carry(b"abc", Micros(6_000_000)) == bytes(999)
    low.end(one, Micros(6_000_000))
    assert low.carry(b"abc", Micros(6_500_000)) == b"abc"


def test_a_break_may_read_as_one_zero() -> None:
    low = channel(fault("stuck_low", octets_s=0))
    assert low.next_due() == 0
    assert low.carry(b"abc", Micros(10)) == b"\0"
    assert low.next_due() == NEVER
    assert low.carry(b"abc", Micros(10**9)) == b""


def test_a_frozen_receiver_thaws_with_what_it_could_hold() -> None:
    frozen = channel(one := fault("rx_frozen", buffer=5))
    assert frozen.carry(b"abc", ZERO) + frozen.carry(b"defgh", ZERO) == b""
    assert frozen.next_due() == NEVER
    frozen.end(one, Micros(7))
    assert frozen.next_due() == 7
    assert frozen.carry(b"i", Micros(8)) == b"abcdei"
    assert frozen.next_due() == NEVER


def test_a_frozen_receiver_without_power_forgets() -> None:
    frozen = channel(one := fault("rx_frozen"))
    frozen.carry(b"abc", ZERO)
    frozen.clear()
    frozen.end(one, ZERO)
    assert frozen.carry(b"", ZERO) == b""


def test_what_thaws_passes_the_faults_behind_it() -> None:
    both = channel(one := fault("rx_frozen"), fault("silence"))
    both.carry(b"abc", ZERO)
    both.end(one, ZERO)
    assert both.carry(b"", ZERO) == b""
    assert both.counters["silence"] == 3


@pytest.mark.parametrize("permille", [0, 20, -20, 45, -45])
def test_uarts_bear_some_drift(permille: int) -> None:
    drifting = channel(fault("baud_drift", permille=permille))
    assert drifting.carry(TEXT, ZERO) == TEXT


def test_a_late_uart_reads_the_stop_bit_for_the_last_bit() -> None:
    # 6 %: the middle of bit 7 lies 8.5 bits behind the start edge, sampled at 9.01: in the stop bit, which is one
    drifting = channel(fault("baud_drift", permille=60))
    assert drifting.carry(bytes(range(256)), ZERO) == bytes(octet | 0x80 for octet in range(256))


def test_an_early_uart_reads_a_bit_twice_or_no_octet_at_all() -> None:
    # -6 %: bit 7 at 7.99 reads bit 6, the stop bit at 8.93 reads bit 7: a zero there is a framing error
    drifting = channel(fault("baud_drift", permille=-60))
    expected = bytes((octet & 0x7F) | (octet & 0x40) << 1 if octet & 0x80 else 0 for octet in range(256))
    assert drifting.carry(bytes(range(256)), ZERO) == expected


def test_strays_come_before_what_is_carried_and_pass_the_faults() -> None:
    plain = channel()
    plain.put(b"hello, world!\r\n", Micros(3))
    assert plain.next_due() == 3
    assert plain.carry(b"frame", Micros(4)) == b"hello, world!\r\nframe"
    quiet = channel(fault("silence"))
    quiet.put(b"hello", ZERO)
    assert quiet.carry(b"", ZERO) == b""


def test_own_octets_are_bounded() -> None:
    full = channel()
    for _ in range(5):
        full.put(bytes(OWN_OCTETS_MAX // 3), ZERO)
    assert len(full.carry(b"", ZERO)) == OWN_OCTETS_MAX
    assert full.counters["overrun"] == 5 * (OWN_OCTETS_MAX // 3) - OWN_OCTETS_MAX


def test_two_channels_of_one_seed_differ_and_two_runs_do_not() -> None:
    def flipped(*path: str) -> bytes:
        noisy = Channel(Dice(9, *path))
        noisy.begin(fault("bit_errors"), ZERO)
        return noisy.carry(bytes(10_000), ZERO)

    assert flipped("up") == flipped("up")
    assert flipped("up") != flipped("down")


def test_other_faults_do_not_change_what_one_does() -> None:
    """A schedule is shrunk by leaving faults out: those that stay must do what they did."""
    late = make("bit_errors", 5_000_000, ber_e9=1_000_000)
    alone, after = Channel(Dice(3)), Channel(Dice(3))
    first = make("drop", 0, 1_000_000)
    after.begin(first, ZERO)
    after.carry(TEXT, ZERO)
    after.end(first, Micros(1_000_000))
    for one in (alone, after):
        one.begin(late, Micros(5_000_000))
    assert alone.carry(TEXT, Micros(5_000_000)) == after.carry(TEXT, Micros(5_000_000))


def test_the_same_fault_twice_is_two_faults() -> None:
    twice = channel(fault("bit_errors"), fault("bit_errors"))
    assert twice.carry(bytes(10_000), ZERO) != bytes(10_000), "the second does not undo the first"


@pytest.fixture
def line() -> tuple[MemoryLine, ManualClock, Channel]:
    clock = ManualClock()
    made = MemoryLine(clock, 115_200)
    made.up_channel = Channel(Dice(0))
    made.poll(clock.now())
    assert made.state is LineState.OPEN
    return made, clock, made.up_channel


def test_flight_reads_through_the_channel(line: tuple[MemoryLine, ManualClock, Channel]) -> None:
    wire, clock, faults = line
    quiet = make("silence", 0, 1_000)
    faults.begin(quiet, clock.now())
    wire.up.put(b"abc", clock.now())
    clock.advance(1_000)
    assert wire.read() == b""
    faults.end(quiet, clock.now())
    wire.up.put(b"def", clock.now())
    clock.advance(1_000)
    assert len(wire) == 1
    assert wire.read() == b"def"


def test_flight_wakes_for_octets_of_the_channel(line: tuple[MemoryLine, ManualClock, Channel]) -> None:
    wire, clock, faults = line
    assert (len(wire), wire.arrival()) == (0, NEVER)
    faults.put(b"boot", clock.now())
    assert (len(wire), wire.arrival()) == (1, 0)
    assert wire.read() == b"boot"
    assert len(wire) == 0


def test_a_power_cut_loses_what_the_channel_had(line: tuple[MemoryLine, ManualClock, Channel]) -> None:
    wire, clock, faults = line
    faults.put(b"boot", clock.now())
    wire.power_on()
    assert wire.arrival() == NEVER
