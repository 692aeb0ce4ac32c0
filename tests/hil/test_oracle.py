"""The second opinion on acceptance: FARM-1 in sentences against its table, doubtful frames, and the ear for CLTUs."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds.farm1 import Farm1, Outcome, State
from fsw.ccsds.tc_frame import TcFrame
from hil.rules.ear import CarrierEar, CltuEar, Heard, by_carrier
from hil.rules.oracle import POSSIBILITIES_MAX, Acceptance, Brought, brought_by
from tests.hil.by_hand import cltu, crc, tc_frame
from tests.system.by_hand import telecommand

WINDOW = 20
UNLOCK, NONSENSE = b"\x00", b"\x07"


def frame(data: bytes, n_s: int | None = None, *, control: bool = False) -> TcFrame:
    return TcFrame(42, 0, n_s is None, control, n_s or 0, data)


def set_v_r(v_r: int) -> TcFrame:
    return frame(bytes((0x82, 0, v_r)), control=True)


def ping(count: int) -> bytes:
    return telecommand(0x020, 17, 1, count=count)


def ids(*counts: int) -> tuple[bytes, ...]:
    return tuple(ping(count)[:4] for count in counts)


FRAMES = st.one_of(
    st.builds(frame, st.just(ping(1)), st.integers(0, 40) | st.integers(240, 255)),
    st.just(frame(ping(2))),
    st.builds(set_v_r, st.integers(0, 255)),
    st.sampled_from((frame(UNLOCK, control=True), frame(NONSENSE, control=True))),
)


@given(st.lists(FRAMES, max_size=40))
def test_the_oracle_and_the_table_agree(frames: list[TcFrame]) -> None:
    oracle, farm = Acceptance(WINDOW), Farm1(0, WINDOW)
    for one in frames:
        taken = farm.accept(one, room=True).outcome is Outcome.ACCEPT
        assert bool(oracle.take(one, certain=True)) == taken
        (known,) = oracle.possible
        assert (known.locked, known.v_r) == (farm.state is State.S3_LOCKOUT, farm.v_r)


def test_what_was_let_in_runs_once() -> None:
    oracle = Acceptance(WINDOW)
    oracle.take(frame(ping(1), 0), certain=True)
    assert oracle.take(frame(ping(1), 0), certain=True) == []
    assert oracle.ran(ids(1)[0])
    assert not oracle.ran(ids(1)[0])
    oracle.take(frame(ping(2)), certain=True)
    oracle.take(frame(ping(2)), certain=True)
    assert [oracle.ran(ids(2)[0]) for _ in range(3)] == [True, True, False]


def test_a_doubtful_frame_is_settled_by_what_runs() -> None:
    oracle = Acceptance(WINDOW)
    oracle.take(frame(ping(1), 0), certain=False)
    assert {one.v_r for one in oracle.possible} == {0, 1}
    oracle.take(frame(ping(2), 1), certain=True)
    assert {(one.v_r, one.waiting) for one in oracle.possible} == {(0, ()), (2, ids(1, 2))}
    assert oracle.ran(ids(2)[0])
    assert [(one.v_r, one.waiting) for one in oracle.possible] == [(2, ids(1))]
    assert not oracle.lost


def test_set_v_r_and_refusals_end_doubts() -> None:
    oracle = Acceptance(WINDOW)
    oracle.take(frame(ping(1), 0), certain=False)
    oracle.settled(ids(1)[0])
    assert [one.v_r for one in oracle.possible] == [1]
    oracle.take(frame(ping(2), 1), certain=False)
    oracle.settled(ids(3)[0])
    oracle.take(set_v_r(7), certain=True)
    assert {one.v_r for one in oracle.possible} == {7}
    oracle.begin()
    assert [(one.v_r, one.waiting) for one in oracle.possible] == [(0, ())]


def test_too_many_doubts_allow_everything_until_the_next_life() -> None:
    oracle = Acceptance(WINDOW)
    for count in range(POSSIBILITIES_MAX + 1):
        oracle.take(frame(ping(count), count), certain=False)
    assert oracle.lost
    assert oracle.ran(ids(9999)[0])
    oracle.begin()
    assert not oracle.ran(ids(9999)[0])


def test_what_a_frame_brings() -> None:
    inner = ping(5)
    wrapped = telecommand(0x020, 130, 1, b"\x1e" + bytes(6) + inner, count=6)
    assert brought_by(ping(4) + wrapped) == [
        Brought(ids(4)[0], 9, sound=True),
        Brought(wrapped[:4], 9, sound=True),
        Brought(inner[:4], 9, sound=True),
    ]
    bad = ping(4)[:-1] + b"\x00"
    assert brought_by(bad) == [Brought(ids(4)[0], 9, sound=False)]
    assert brought_by(ping(4)[:-1]) == [Brought(ids(4)[0], 9, sound=False)]
    assert brought_by(ping(4)[:9]) == []
    oracle = Acceptance(WINDOW)
    assert oracle.take(frame(bad), certain=True)[0].sound is False
    assert not oracle.ran(ids(4)[0])


# --- the ear


def heard_of(octets: bytes, step: int) -> list[tuple[bytes, bool]]:
    ear = CltuEar(42)
    found: list[Heard] = []
    for at in range(0, len(octets), step):
        found += ear.hear(octets[at : at + step])
    return [(one.frame.data, one.certain) for one in found]


@given(st.integers(1, 80))
def test_the_ear_hears_frames_of_vc_0_however_the_octets_are_cut(step: int) -> None:
    service = cltu(tc_frame(2, bytes(30)))
    octets = b"\x55\xeb" + service + cltu(tc_frame(0, ping(1))) + service + cltu(tc_frame(0, ping(2))) + service
    assert heard_of(octets, step) == [(ping(1), True), (ping(2), True)]


@given(st.integers(1, 80), st.integers(10, 40))
def test_a_frame_behind_half_a_cltu_is_doubtful(step: int, cut: int) -> None:
    octets = cltu(tc_frame(2, bytes(30)))[:cut] + cltu(tc_frame(0, ping(1))) + cltu(tc_frame(0, ping(2)))
    heard = heard_of(octets, step)
    assert [data for data, _ in heard] == [ping(1), ping(2)]
    assert heard[0][1] is False


def test_one_wrong_bit_a_block_is_corrected_two_are_not() -> None:
    octets = bytearray(cltu(tc_frame(0, ping(1))))
    octets[4] ^= 0x10
    octets[20] ^= 0x01
    assert heard_of(bytes(octets), 7) == [(ping(1), True)]
    octets[5] ^= 0x10
    assert heard_of(bytes(octets), 7) == []


def test_the_ear_holds_no_more_than_a_cltu() -> None:
    ear = CltuEar(42)
    begun = cltu(tc_frame(0, bytes(1000)))[:40]
    for _ in range(200):
        assert ear.hear(begun + b"\xeb\x90" * 40) == []
        assert len(ear._octets) < 1300


def test_frames_of_other_spacecraft_and_nonsense_lengths_are_not_ours() -> None:
    short = struct.pack(">HHB", 0x2000 | 42, 3, 0) + bytes(2)
    assert heard_of(cltu(tc_frame(0, ping(1), scid=43)) + cltu(short), 9) == []
    wrong = bytearray(tc_frame(0, ping(1)))
    wrong[-1] ^= 1
    assert crc(bytes(wrong)) != 0
    assert heard_of(cltu(bytes(wrong)), 9) == []


def test_other_carriers_have_marked_units() -> None:
    ear = by_carrier("slip", 42, 446)
    assert isinstance(ear, CarrierEar)
    assert isinstance(by_carrier("cltu_cadu", 42, 446), CltuEar)
    frames = [tc_frame(vcid, ping(vcid)).replace(b"\xc0", b"\xdb\xdc") for vcid in (0, 2)]
    octets = b"".join(b"\xc0" + one + b"\xc0" for one in frames)
    assert [(one.frame.data, one.certain) for one in ear.hear(octets)] == [(ping(0), True)]


@given(st.binary(max_size=40))
def test_nothing_that_looks_like_a_telecommand_makes_it_raise(octets: bytes) -> None:
    brought_by(octets)
    assert brought_by(bytes(40)) != [], "packets of seven octets, none of them sound"
