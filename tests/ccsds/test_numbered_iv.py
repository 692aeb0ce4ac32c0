"""IVs that say how a telecommand is sent: octets by hand, and what a receiver makes of every way to bring one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds import numbered_iv, sdls
from fsw.ccsds.numbered_iv import NumberedIv
from fsw.ccsds.sdls import First, SdlsReject
from fsw.kernel.key import Key, key_id

KEYS = {key: Key(key.to_bytes(2, "big") * 16) for key in sdls.KEY_IDS}
COUNTERS = st.integers(0, (1 << 56) - 1)


def ends() -> tuple[sdls.Protection, sdls.Protection]:
    board, ground = sdls.on_board(KEYS), sdls.on_ground(KEYS, numbered=True)
    for sender in ground.sending.values():
        sender.begin(100, 10_000)
    return board, ground


def test_the_octets_are_the_tag_the_counter_the_service_and_how_long_ago() -> None:
    assert numbered_iv.encode(NumberedIv(0x0102, True)) == b"KA" + bytes(5) + b"\1\2" + b"\x80\0\0"
    assert numbered_iv.encode(NumberedIv(0x0102, False, 0x102)) == b"KA" + bytes(5) + b"\1\2" + b"\0\1\2"
    assert numbered_iv.decode(int.from_bytes(b"KA" + bytes(6) + b"\x07" + b"\0\0\2", "big")) == NumberedIv(7, False, 2)


@given(COUNTERS, st.booleans(), st.integers(0, (1 << 23) - 1))
def test_what_is_said_is_read(counter: int, bypass: bool, back: int) -> None:
    said = NumberedIv(counter, bypass, min(back, counter))
    assert numbered_iv.decode(int.from_bytes(numbered_iv.encode(said), "big")) == said


@pytest.mark.parametrize("iv", [0, 1 << 71, (1 << 96) - 1, 0x4B41 << 80 | 1, 0x4B40 << 80, 0x4B42 << 80 | 5 << 24])
def test_what_others_count_is_a_plain_counter(iv: int) -> None:
    assert numbered_iv.decode(iv) is None


@given(COUNTERS, COUNTERS, st.booleans(), st.booleans())
def test_it_is_a_counter(low: int, high: int, one: bool, other: bool) -> None:
    first, second = (numbered_iv.encode(NumberedIv(number, way)) for number, way in ((low, one), (high, other)))
    if low != high:
        assert (first < second) == (low < high)


@pytest.mark.proves("K-SEC-023")
def test_a_frame_is_taken_by_the_service_it_was_sent_by() -> None:
    board, ground = ends()
    by_bd, (by_ad, _) = ground.protect(0, b"bd"), ground.protect_ad(0, b"ad", None)
    assert board.check(0, by_bd, bypass=False) is SdlsReject.SERVICE
    assert board.check(0, by_ad, bypass=True) is SdlsReject.SERVICE
    assert board.check(0, by_bd) == b"bd", "what was refused has moved no mark"
    assert board.check(0, by_ad, bypass=False) == b"ad"
    assert board.refused[SdlsReject.SERVICE] == 2


@pytest.mark.proves("K-SEC-023")
def test_what_is_sent_again_is_taken_once() -> None:
    board, ground = ends()
    first, said = ground.protect_ad(0, b"one", None)
    second, said_2 = ground.protect_ad(0, b"two", None)
    again, said_again = ground.protect_ad(0, b"one", said)
    assert said_again == said == First(0x10, 100)
    assert board.check(0, first, bypass=False) == b"one"
    assert board.check(0, again, bypass=False) is SdlsReject.AGAIN
    assert board.check(0, ground.protect(0, b"bd")) == b"bd", "what overtakes by BD says nothing of those behind it"
    assert board.check(0, ground.protect_ad(0, b"two", said_2)[0], bypass=False) == b"two"
    assert board.check(0, ground.protect_ad(0, b"two", said_2)[0], bypass=False) is SdlsReject.AGAIN
    assert board.check(0, second, bypass=False) is SdlsReject.REPLAYED
    assert board.check(0, ground.protect_ad(0, b"three", None)[0], bypass=False) == b"three"


@pytest.mark.proves("K-SEC-023")
def test_a_life_takes_nothing_again_that_left_before_the_mark() -> None:
    board, ground = ends()
    lost, said = ground.protect_ad(0, b"lost", None)
    assert board.check(0, ground.protect(0, b"bd")) == b"bd"
    receiver = board.receivers[0]
    assert receiver.counter == 101
    receiver.begin(receiver.mark)
    assert board.check(0, ground.protect_ad(0, b"lost", said)[0], bypass=False) is SdlsReject.AGAIN
    assert board.check(0, ground.protect_ad(0, b"fresh", None)[0], bypass=False) == b"fresh"
    receiver.begin(sdls.NO_MARK)
    assert receiver.counter == 0
    assert board.check(0, lost, bypass=False) == b"lost"


def test_what_is_sent_again_leaves_under_the_key_of_the_first_time() -> None:
    board, ground = ends()
    _, said = ground.protect_ad(0, b"lost", None)
    ground.use(key_id(0x10, 1))
    assert ground.ready(0, said)
    again, still = ground.protect_ad(0, b"lost", said)
    assert still == said
    assert board.check(0, again, bypass=False) == b"lost"
    assert board.receivers[0].key == 0x10
    ground.drop(0x10)
    assert not ground.ready(0, said)
    assert ground.ready(0)


def test_a_ground_with_plain_counters_is_taken_by_either_service() -> None:
    board, plain = sdls.on_board(KEYS), sdls.on_ground(KEYS)
    for sender in plain.sending.values():
        sender.begin(0, 10)
    sent, said = plain.protect_ad(0, b"ad", None)
    assert sent[2:14] == bytes(12)
    assert board.check(0, sent) == b"ad"
    assert board.check(0, plain.protect_ad(0, b"ad", said)[0], bypass=False) == b"ad"
    assert board.receivers[0].counter == 1
