"""Ranges and lengths beside the layout: what is refused, where, and in which words."""

from enum import IntEnum

import pytest

from fsw.mdb import codec
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.model import (
    array,
    boolean,
    cuc,
    enumerated,
    f32,
    i16,
    octets,
    report,
    rest,
    structure,
    text,
    u8,
    u16,
)
from fsw.mdb.problems import problem


class Gain(IntEnum):
    LOW = 0
    HIGH = 3


@structure
class Pair:
    sid: int = u16(low=1)
    gain: Gain = enumerated(Gain)


@report(200, 1)
class Everything:
    """One field of every kind."""

    small: int = u8(high=10, unit="V")
    real: float = f32(high=2.5)
    on: bool = boolean()
    gain: Gain = enumerated(Gain)
    time: bytes = cuc()
    key: bytes = octets(2)
    word: str = text(4)
    pairs: tuple[Pair, ...] = array(Pair, high=2)
    numbers: tuple[int, ...] = array(i16(low=-5), u16, low=1, high=3)
    tail: bytes = rest(3)


GOOD = {
    "small": 10, "real": 2.5, "on": True, "gain": Gain.HIGH, "time": b"\x1e\1\2\3\4\5\6", "key": b"kk", "word": "ab",
    "pairs": (Pair(1, Gain.LOW), Pair(2, Gain.HIGH)), "numbers": (-5,), "tail": b"xy",
}  # fmt: skip
OCTETS = bytes.fromhex("0a 40200000 01 03 1e010203040506 6b6b 61620000 02 000100 000203 0001fffb 7879")


def everything(**changed: object) -> Everything:
    return Everything(**(GOOD | changed))  # type: ignore[arg-type]


@pytest.mark.proves("K-MDB-001")
def test_every_kind_stands_on_the_wire_as_it_is_written_here() -> None:
    assert problem(everything()) is None
    assert codec.encode(everything()) == OCTETS
    assert codec.decode(Everything, OCTETS) == everything()
    decoded = codec.decode(Everything, OCTETS)
    assert isinstance(decoded, Everything)
    assert isinstance(decoded.gain, Gain)
    assert decoded.on is True


@pytest.mark.proves("K-MDB-001")
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"small": 11}, "small must be 0 to 10 V, not 11"),
        ({"small": -1}, "small must be 0 to 10 V, not -1"),
        ({"small": 1.0}, "small must be 0 to 10 V, not 1.0"),
        ({"real": 2.6}, "real must be -3.402823466e+38 to 2.5, not 2.6"),
        ({"real": float("nan")}, "real must be -3.402823466e+38 to 2.5, not nan"),
        ({"real": "1"}, "real must be -3.402823466e+38 to 2.5, not '1'"),
        ({"on": 1}, "on must be true or false, not 1"),
        ({"gain": 3}, "gain must be one of LOW, HIGH, not 3"),
        ({"time": b"\x2e123456"}, "time must be a CUC of 7 octets with P-field 1E, not b'.123456'"),
        ({"time": b"\x1e12345"}, "time must be a CUC of 7 octets with P-field 1E, not b'\\x1e12345'"),
        ({"time": 5}, "time must be a CUC of 7 octets with P-field 1E, not 5"),
        ({"key": b"k"}, "key must be 2 octets, not b'k'"),
        ({"key": "kk"}, "key must be 2 octets, not 'kk'"),
        ({"word": "abcde"}, "word must be at most 4 printable ASCII characters, not 'abcde'"),
        ({"word": "a\n"}, "word must be at most 4 printable ASCII characters, not 'a\\n'"),
        ({"word": "ä"}, "word must be at most 4 printable ASCII characters, not 'ä'"),
        ({"word": b"ab"}, "word must be at most 4 printable ASCII characters, not b'ab'"),
        ({"pairs": (Pair(0, Gain.LOW),)}, "pairs [0] sid must be 1 to 65535, not 0"),
        ({"pairs": ((1, 0),)}, "pairs [0] must be a Pair, not (1, 0)"),
        ({"pairs": [Pair(1, Gain.LOW)]}, "pairs must be 0 to 2 items, not [Pair(sid=1, gain=<Gain.LOW: 0>)]"),
        ({"numbers": ()}, "numbers must be 1 to 3 items, not ()"),
        ({"numbers": (0, 0, 0, 0)}, "numbers must be 1 to 3 items, not (0, 0, 0, 0)"),
        ({"numbers": (0, -6)}, "numbers [1] must be -5 to 32767, not -6"),
        ({"tail": b"xyzz"}, "tail must be at most 3 octets, not b'xyzz'"),
        ({"tail": ""}, "tail must be at most 3 octets, not ''"),
    ],
)
def test_a_body_out_of_range_is_named_and_encoding_it_is_our_bug(changed: dict[str, object], sentence: str) -> None:
    body = everything(**changed)
    assert problem(body) == sentence
    with pytest.raises(AssertionError, match="Everything"):
        codec.encode(body)


@pytest.mark.proves("K-MDB-001")
@pytest.mark.parametrize(
    ("at", "new", "field", "detail"),
    [
        (0, "0b", "small", "small must be 0 to 10 V, not 11"),
        (1, "40400000", "real", "real must be -3.402823466e+38 to 2.5, not 3.0"),
        (1, "7fc00000", "real", "real must be -3.402823466e+38 to 2.5, not nan"),
        (5, "02", "on", "on must be 0 or 1, not 2"),
        (6, "01", "gain", "gain must be one of LOW, HIGH, not 1"),
        (7, "2e", "time", "time must be a CUC of 7 octets with P-field 1E, not b'.\\x01\\x02\\x03\\x04\\x05\\x06'"),
        (16, "61006100", "word", "word must be printable ASCII characters, not b'a\\x00a\\x00'"),
        (16, "61ff0000", "word", "word must be printable ASCII characters, not b'a\\xff\\x00\\x00'"),
        (21, "0000", "pairs", "pairs [0] sid must be 1 to 65535, not 0"),
        (26, "02", "pairs", "pairs [1] gain must be one of LOW, HIGH, not 2"),
        (29, "fffa", "numbers", "numbers [0] must be -5 to 32767, not -6"),
    ],
)
def test_octets_out_of_range_are_named(at: int, new: str, field: str, detail: str) -> None:
    value = bytes.fromhex(new)
    octets_ = OCTETS[:at] + value + OCTETS[at + len(value) :]
    assert codec.decode(Everything, octets_) == DecodeError(DecodeReason.RANGE, field, detail)


@pytest.mark.parametrize(
    "octets_",
    [b"", OCTETS[:-4], OCTETS + b"zz", OCTETS[:20], OCTETS[:20] + b"\x03" + OCTETS[21:]],
)
def test_a_length_that_its_own_counts_deny_is_refused(octets_: bytes) -> None:
    decoded = codec.decode(Everything, octets_)
    assert isinstance(decoded, DecodeError)
    assert decoded.reason is DecodeReason.LENGTH
    assert decoded.detail.startswith(f"{len(octets_)} octets where Everything has ")


def test_counts_out_of_range_are_refused_though_the_octets_are_there() -> None:
    none = OCTETS[:27] + b"\0\0" + b"xy"
    assert codec.decode(Everything, none) == DecodeError(
        DecodeReason.RANGE, "numbers", "numbers must be 1 to 3 items, not 0"
    )
    three = OCTETS[:20] + b"\3" + b"\0\1\0" * 3 + OCTETS[27:]
    assert codec.decode(Everything, three) == DecodeError(
        DecodeReason.RANGE, "pairs", "pairs must be 0 to 2 items, not 3"
    )


def test_a_body_without_fields_is_no_octets() -> None:
    @report(200, 2)
    class Nothing:
        """Nothing."""

    assert codec.encode(Nothing()) == b""
    assert codec.decode(Nothing, b"") == Nothing()
    assert isinstance(codec.decode(Nothing, b"\0"), DecodeError)


def test_the_same_octets_again_are_the_same_body_and_others_are_not() -> None:
    first, again = codec.decode(Everything, OCTETS), codec.decode(Everything, bytes(OCTETS))
    assert first is again
    other = codec.decode(Everything, b"\x09" + OCTETS[1:])
    assert isinstance(other, Everything)
    assert (other.small, codec.encode(other)[1:]) == (9, OCTETS[1:])
    assert codec.decode(Everything, OCTETS) == first
    wrong = b"\x0b" + OCTETS[1:]
    assert [isinstance(codec.decode(Everything, wrong), DecodeError) for _ in range(2)] == [True, True]


def test_an_array_of_texts_and_one_of_structures_with_texts() -> None:
    @structure
    class Named:
        name: str = text(3)
        on: bool = boolean()

    @report(200, 4)
    class Names:
        """Arrays whose items stand on the wire otherwise than in a body."""

        words: tuple[str, ...] = array(text(2), high=3)
        named: tuple[Named, ...] = array(Named, high=2)

    body = Names(words=("ab", "", "c"), named=(Named("xyz", True), Named("", False)))
    octets = bytes.fromhex("03 6162 0000 6300 02 78797a 01 000000 00")
    assert codec.encode(body) == octets
    assert codec.decode(Names, octets) == body
    assert isinstance(codec.decode(Names, octets.replace(b"xyz", b"x\x07z")), DecodeError)


def test_layouts_are_compiled_when_they_are_first_needed() -> None:
    @report(200, 3)
    class Cold:
        """Not used yet."""

        one: int = u8()

    assert not codec.compiled(Cold)
    codec.warm(Cold)
    assert codec.compiled(Cold)
    assert codec.decode(Cold, b"\7") == Cold(7)
