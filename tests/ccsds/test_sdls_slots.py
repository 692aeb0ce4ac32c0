"""An association with several keys: which one leaves, which ones are taken, and whose mark a frame moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import sdls
from fsw.ccsds.sdls import NO_MARK, SPIS, Protection, SdlsReject
from fsw.kernel import key as key_module
from fsw.kernel.key import Key, Keys, by_table, key_id, slot_of, spi_of

SLOTS = (0, 0x100, 0x200, 0x300)
KEYS = {spi + slot: Key(bytes([spi, slot >> 8]) * 16) for spi in SPIS for slot in SLOTS}


def _ends(keys: Keys = KEYS) -> tuple[Protection, Protection]:
    board, ground = sdls.on_board(keys), sdls.on_ground(keys)
    for end in (board, ground):
        for sender in end.sending.values():
            sender.begin(0, 1_000)
    return board, ground


def test_key_ids_are_the_spi_and_a_slot() -> None:
    assert [key_id(0x23, slot) for slot in range(4)] == [0x023, 0x123, 0x223, 0x323]
    assert {(spi_of(key), slot_of(key)) for key in KEYS} == {(spi, slot) for spi in SPIS for slot in range(4)}
    assert set(sdls.KEY_IDS) == set(KEYS)
    assert key_module.RECOVERY_SLOT == 3
    for spi, slot in ((0x23, 4), (0x23, -1), (0x123, 0), (0, 0)):
        with pytest.raises(AssertionError):
            key_id(spi, slot)
    signing = by_table(KEYS, {0x10})
    assert {key for key, found in signing.items() if found.signs} == {0x10, 0x110, 0x210, 0x310}


def test_key_ids_are_one_number_for_a_recording() -> None:
    assert (sdls.mask([0x10, 0x310, 0x11, 0x12]), sdls.mask([0x323])) == (0b11001, 1 << 19)
    assert sdls.of_mask(0b11001 | 1 << 19) == {0x10, 0x310, 0x11, 0x323}
    assert sdls.of_mask(sdls.mask(KEYS)) == set(KEYS)


def test_the_lowest_slot_leaves_until_another_is_used_and_each_has_its_own_counter() -> None:
    board, ground = _ends({key: found for key, found in KEYS.items() if key not in (0x10, 0x20)})
    assert (ground.senders[0].key, board.senders[0].key, board.senders[3].key) == (0x110, 0x120, 0x23)
    ground.use(0x310)
    ground.sending[0x310].begin(50, 60)
    first, last = ground.protect(0, b"ping"), KEYS[0x310]
    assert first[:14] == bytes.fromhex("0010") + bytes(11) + b"\x32"
    assert (board.check(0, first), board.receivers[0].key, board.receivers[0].mark) == (b"ping", 0x310, 50)
    assert [board.taking[key].mark for key in (0x110, 0x210)] == [NO_MARK, NO_MARK]
    assert last.octets not in first
    ground.use(0x110)
    assert board.check(0, ground.protect(0, b"pong")) == b"pong"
    assert (board.receivers[0].key, board.receivers[0].mark, board.taking[0x310].mark) == (0x110, 0, 50)
    board.use(0x220)
    assert ground.check(0, board.protect(0, b"tm")) == b"tm"
    assert ground.receivers[0].key == 0x220


def test_only_what_is_taken_is_taken_and_the_order_keeps_who_last_worked() -> None:
    board, ground = _ends()
    ground.use(0x210)
    assert board.check(0, ground.protect(0, b"a")) == b"a"
    board.take(0, (0x10, 0x110, 0x11))
    assert board.receivers[0].key == 0x10
    assert board.check(0, ground.protect(0, b"b")) is SdlsReject.MAC
    ground.use(0x110)
    held = ground.protect(0, b"c")
    assert board.check(0, held) == b"c"
    board.take(0, (0x10, 0x110))
    assert board.receivers[0].key == 0x110
    assert board.check(0, held) is SdlsReject.REPLAYED
    board.take(0, ())
    assert board.check(0, ground.protect(0, b"d")) is SdlsReject.KEY
    assert 0 not in board.receivers
    board.take(0, (0x110,))
    assert board.check(0, ground.protect(0, b"e")) == b"e"
    assert board.check(1, ground.protect(1, b"f")) == b"f"


def test_a_key_that_is_dropped_is_nowhere() -> None:
    board, ground = _ends()
    under = ground.protect(0, b"x")
    board.drop(0x10)
    assert board.check(0, under) is SdlsReject.MAC
    assert 0x10 not in board.taking
    board.drop(0x20)
    assert not board.ready(0)
    board.use(0x120)
    board.drop(0x220)
    assert board.ready(0)
    assert set(board.sending) == {key for key in KEYS if key & 0x20} - {0x20, 0x220}
    board.drop(0x20)


def test_who_listens_reads_under_every_key_and_moves_nothing() -> None:
    board, ground = _ends()
    ground.use(0x310)
    field = ground.protect(0, b"ping")
    for _ in range(2):
        assert board.opened(0, field) == b"ping"
    assert board.taking[0x310].mark == NO_MARK
    assert board.opened(0, b"clear text") is SdlsReject.SPI
    assert board.opened(2, b"clear text") == b"clear text"
    assert sum(board.refused.values()) == 0


def test_the_usual_path_does_one_check() -> None:
    board, ground = _ends()
    ground.use(0x210)
    assert board.check(0, ground.protect(0, b"a")) == b"a"
    for key in (0x10, 0x110, 0x310):
        del board.taking[key].cipher  # whoever is asked now dies of it
    assert board.check(0, ground.protect(0, b"b")) == b"b"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SLOTS), st.integers(0, 9), st.booleans()), max_size=50))
def test_whatever_the_order_each_key_has_its_own_mark(order: list[tuple[int, int, bool]]) -> None:
    board, ground = _ends()
    frames = {}
    for slot in SLOTS:
        ground.use(0x10 + slot)
        frames[slot] = [ground.protect(0, bytes([slot >> 8, number])) for number in range(10)]
    marks = dict.fromkeys(SLOTS, -1)
    taken = (0x10, 0x310)
    for slot, number, narrow in order:
        board.take(0, taken if narrow else KEYS)
        found = board.check(0, frames[slot][number])
        if narrow and 0x10 + slot not in taken:
            assert found is SdlsReject.MAC
        elif number <= marks[slot]:
            assert found is SdlsReject.REPLAYED
        else:
            assert found == bytes([slot >> 8, number])
            marks[slot] = number
            assert (board.receivers[0].key, board.receivers[0].mark) == (0x10 + slot, number)
    assert {slot: board.taking[0x10 + slot].mark for slot in SLOTS} == marks
