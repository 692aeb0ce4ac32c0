"""SDLS against sdls_tc.json (CryptoLib, yamcs, cryptography), and its rules in any order of frames."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsw.ccsds import sdls, tc_frame, tm_frame
from fsw.ccsds.sdls import Cipher, Receiver, SdlsReject, Sender, associated_tc, associated_tm
from fsw.ccsds.tc_frame import TcFrame
from fsw.ccsds.tm_frame import TmFrame
from fsw.kernel.key import Key, Keys, by_table

FILE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "sdls_tc.json").read_text(encoding="utf-8"))
VECTORS: dict[str, Any] = {vector["name"]: vector for vector in FILE["vectors"]}
TAMPERED: dict[str, Any] = {tampered["name"]: tampered for tampered in FILE["tamper"]}
STANDARD = ("gcm_std_mask_seg_iv0", "gcm_std_mask_seg_iv1_map5", "gcm_std_mask_bd_vc5", "gcm_std_mask_1octet")
SCID = 3
SEGMENTED = bytes.fromhex("c0")
PLAIN = bytes.fromhex("11f0c00100010100")
KEY = Key(bytes(range(32)))
KEYS = {spi: Key(bytes([spi]) * 32) for spi in sdls.SPIS}


def _pair(associated: bytes, *, signs: bool = False) -> tuple[Sender, Receiver]:
    key = Key(KEY.octets, signs=signs)
    sender = Sender(4, Cipher(key, associated))
    sender.begin(0, 100)
    return sender, Receiver(4, Cipher(key, associated))


def _field(frame: str, segment: bytes = SEGMENTED) -> bytes:
    """The protected part of a TC frame's data field: these vectors have a segment header, our frames have none."""
    decoded = tc_frame.decode(bytes.fromhex(frame), SCID)
    assert isinstance(decoded, TcFrame)
    assert decoded.data.startswith(segment)
    return decoded.data[len(segment) :]


@pytest.mark.parametrize("name", [*STANDARD, "gmac_auth_only"])
def test_a_tc_frame_is_the_octets_that_others_make(name: str) -> None:
    given_, expected = VECTORS[name]["input"], VECTORS[name]["expected"]
    segment, iv, plain = (bytes.fromhex(given_[key]) for key in ("segment_header", "iv", "plaintext"))
    vcid, bypass, n_s = given_.get("vcid", 0), bool(given_.get("bypass", 0)), given_.get("frame_seq_num", 0)
    sender, receiver = _pair(associated_tc(vcid, given_["spi"], segment), signs=name == "gmac_auth_only")
    counter = int.from_bytes(iv, "big")
    sender.begin(counter, counter + 1)
    data = segment + sender.protect(plain)
    assert tc_frame.encode(TcFrame(SCID, vcid, bypass, False, n_s, data)).hex() == expected
    assert not sender.ready
    assert receiver.check(_field(expected, segment)) == plain
    assert receiver.mark == counter


def test_a_tm_frame_is_the_octets_that_others_make() -> None:
    given_, expected = VECTORS["tm_gcm_no_fsh"]["input"], VECTORS["tm_gcm_no_fsh"]["expected"]
    sender, receiver = _pair(associated_tm(1, 4))
    sender.begin(5, 6)
    data = sender.protect(bytes.fromhex(given_["plaintext"]))
    frame = TmFrame(SCID, 1, 7, 9, 0, data, int(given_["ocf"], 16))
    assert tm_frame.encode(frame).hex() == expected
    decoded = tm_frame.decode(bytes.fromhex(expected), SCID, len(expected) // 2)
    assert isinstance(decoded, TmFrame)
    assert receiver.check(decoded.data).hex() == given_["plaintext"]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["gcm_zero_mask", "gcm_all_ones_mask_incl_iv"])
def test_other_masks_than_the_standard_ones_are_not_ours(name: str) -> None:
    _, receiver = _pair(associated_tc(0, 4, SEGMENTED))
    assert receiver.check(_field(VECTORS[name]["expected"])) is SdlsReject.MAC


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flip_ciphertext", SdlsReject.MAC),
        ("flip_mac", SdlsReject.MAC),
        ("flip_iv", SdlsReject.MAC),
        ("flip_frame_seq_num", PLAIN),  # the standard mask leaves N(S) and the bypass flag out
        ("flip_bypass", PLAIN),
    ],
)
def test_a_tampered_frame_is_what_cryptolib_finds_it_to_be(name: str, expected: bytes | SdlsReject) -> None:
    _, receiver = _pair(associated_tc(0, 4, SEGMENTED))
    assert receiver.check(_field(TAMPERED[name]["frame"])) == expected


def test_a_tampered_segment_header_is_not_authentic() -> None:
    _, receiver = _pair(associated_tc(0, 4, bytes.fromhex("c1")))
    assert receiver.check(_field(TAMPERED["flip_segment_header"]["frame"], bytes.fromhex("c1"))) is SdlsReject.MAC


@pytest.mark.proves("K-SEC-002")
def test_replays_are_refused_as_in_the_trace_that_two_others_agree_on() -> None:
    vector = VECTORS["anti_replay_gcm_window5"]
    _, receiver = _pair(associated_tc(0, 4, SEGMENTED))
    receiver.mark = vector["input"]["sa_last_accepted_iv"]
    taken = [receiver.check(_field(frame)) for frame in vector["input"]["frames"]]
    assert taken == [PLAIN if accepted else SdlsReject.REPLAYED for accepted in vector["expected"]["accepted"]]


@pytest.mark.proves("K-SEC-002")
def test_any_counter_above_the_mark_is_taken_and_the_mark_may_be_the_last_one() -> None:
    sender, receiver = _pair(associated_tc(0, 4))
    receiver.mark = 7
    sender.begin(sdls.IV_END - 1, sdls.IV_END)
    last = sender.protect(b"last")
    assert receiver.check(last) == b"last"
    assert receiver.check(last) is SdlsReject.REPLAYED
    with pytest.raises(AssertionError):
        sender.extend(sdls.IV_END + 1)
    with pytest.raises(AssertionError):
        sender.protect(b"more")


def test_a_forged_counter_moves_no_mark() -> None:
    sender, receiver = _pair(associated_tc(0, 4))
    good = sender.protect(b"good")
    assert receiver.check(good[:2] + b"\xff" * 12 + good[14:]) is SdlsReject.MAC
    assert receiver.mark == sdls.NO_MARK
    assert receiver.check(good) == b"good"


def test_reserved_counters_are_used_in_order_and_no_other() -> None:
    sender, _ = _pair(associated_tc(0, 4))
    fresh = Sender(4, Cipher(KEY, associated_tc(0, 4)))
    assert (fresh.ready, fresh.left) == (False, 0)
    sender.begin(50, 52)
    assert sender.left == 2
    assert [sender.protect(b"x")[2:14] for _ in range(2)] == [bytes(11) + b"\x32", bytes(11) + b"\x33"]
    assert not sender.ready
    sender.extend(53)
    assert sender.protect(b"x")[2:14] == bytes(11) + b"\x34"
    with pytest.raises(AssertionError):
        sender.begin(10, 60)


def test_a_key_is_never_shown() -> None:
    key = Key(bytes.fromhex("5e") * 32)
    assert "5e" not in f"{key!r} {key} {(key,)}"
    with pytest.raises(AssertionError):
        Key(bytes(31))


# --- both ends ----------------------------------------------------------------------------------------------------


def _ends(keys: Keys = KEYS) -> tuple[sdls.Protection, sdls.Protection]:
    board, ground = sdls.on_board(keys), sdls.on_ground(keys)
    for end in (board, ground):
        for sender in end.senders.values():
            sender.begin(0, 1_000)
    return board, ground


@pytest.mark.parametrize("signing", [(), (0x10, 0x23), sdls.SPIS])
def test_every_protected_channel_goes_both_ways_and_the_others_are_clear(signing: tuple[int, ...]) -> None:
    board, ground = _ends(by_table(KEYS, signing))
    for sending, taking, channels in ((ground, board, (0, 1)), (board, ground, (0, 1, 3))):
        for vcid in range(8):
            sent = sending.protect(vcid, b"plain text")
            assert sending.ready(vcid)
            assert sending.sends(vcid) is taking.takes(vcid) is (vcid in channels)
            assert len(sent) == 10 + 30 * (vcid in channels)
            readable = vcid not in channels or int.from_bytes(sent[:2], "big") in signing
            assert (b"plain text" in sent) is readable
            assert taking.check(vcid, sent) == b"plain text"


@pytest.mark.proves("K-SEC-001")
def test_every_refusal_is_named_and_counted() -> None:
    board, ground = _ends()
    good = ground.protect(0, b"ping")
    clear, alien, spliced = bytes.fromhex("1820c0000006"), b"\x00\x20" + good[2:], ground.protect(1, b"ping")
    refused = {
        SdlsReject.SPI: [clear, alien, b"", b"\x00"],
        SdlsReject.CHANNEL: [spliced],
        SdlsReject.SHORT: [good[:30], good[:2]],
        SdlsReject.MAC: [good[:-1], good[:31], good[:-1] + bytes([good[-1] ^ 1])],
    }
    for why, fields in refused.items():
        for field in fields:
            assert board.check(0, field) is why
    assert board.check(0, good) == b"ping"
    assert board.check(0, good) is SdlsReject.REPLAYED
    counted = {why: len(fields) for why, fields in refused.items()} | {SdlsReject.REPLAYED: 1}
    assert board.refused == dict.fromkeys(SdlsReject, 0) | counted


def test_a_channel_without_key_is_shut() -> None:
    board, ground = _ends({0x0010: KEYS[0x0010], 0x0020: KEYS[0x0020]})
    _, whole = _ends()
    assert [board.ready(vcid) for vcid in (0, 1, 2, 3, 7)] == [True, False, True, False, True]
    assert [ground.ready(vcid) for vcid in (0, 1, 2)] == [True, False, True]
    assert board.check(1, whole.protect(1, b"x")) is SdlsReject.KEY


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 19), st.booleans()), max_size=60), st.binary(min_size=1, max_size=40), st.data()
)
def test_whatever_the_order_each_frame_is_taken_once_and_none_behind_a_later_one(
    order: list[tuple[int, bool]], data: bytes, draw: st.DataObject
) -> None:
    board, ground = _ends()
    frames = [ground.protect(0, data) for _ in range(20)]
    highest = -1
    for number, flipped in order:
        frame = bytearray(frames[number])
        if flipped:
            bit = draw.draw(st.integers(16, 8 * len(frame) - 1))
            frame[bit // 8] ^= 1 << bit % 8
            assert board.check(0, bytes(frame)) is SdlsReject.MAC
        else:
            assert board.check(0, bytes(frame)) == (data if number > highest else SdlsReject.REPLAYED)
            highest = max(highest, number)
    assert board.receivers[0].mark == highest


def test_without_a_known_mark_what_is_authentic_is_refused_all_the_same() -> None:
    sender, receiver = _pair(b"\0\0")
    receiver.known = False
    field = sender.protect(PLAIN)
    assert receiver.check(field) is SdlsReject.MARK
    receiver.known = True
    assert receiver.check(field) == PLAIN
