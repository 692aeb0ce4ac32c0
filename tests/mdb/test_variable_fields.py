"""Fields that say themselves where they end, on the wire as it is written here by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.mdb import codec
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.model import array, counted, label, octets_max, packet, report, structure, u8, u16
from fsw.mdb.problems import problem
from fsw.mdb.words import Unreadable, body_from_words
from tests.strategies import bodies

PING = bytes.fromhex("1820 c000 0006 2f 11 01 0000 1234")


@structure
class Step:
    delay: int = u16()
    request: bytes = packet(20)


@report(200, 9)
class Sequence:
    """One of each kind, and an array of items that vary."""

    name: str = label(5)
    note: bytes = counted(3, u16)
    steps: tuple[Step, ...] = array(Step, high=4, octets=40)
    words: tuple[str, ...] = array(label(4), high=2)
    last: int = u8()


GOOD = Sequence(name="dusk", note=b"\xff\x00", steps=(Step(1, PING), Step(2, PING)), words=("a", ""), last=9)
PING_HEX = PING.hex()
OCTETS = bytes.fromhex(f"04 6475736b 0002 ff00 02 0001 {PING_HEX} 0002 {PING_HEX} 02 01 61 00 09")


@pytest.mark.proves("K-MDB-001")
def test_on_the_wire() -> None:
    assert problem(GOOD) is None
    assert codec.encode(GOOD) == OCTETS
    assert codec.decode(Sequence, OCTETS) == GOOD
    assert octets_max(Sequence) == 6 + 5 + 40 + 1 + 2 * 5 + 1


@pytest.mark.parametrize("cut", range(len(OCTETS)))
def test_cut_anywhere_it_is_refused(cut: int) -> None:
    refused = codec.decode(Sequence, OCTETS[:cut])
    assert isinstance(refused, DecodeError)
    assert refused.reason is DecodeReason.LENGTH


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": "sunset"}, "name must be at most 5 printable ASCII characters, not 'sunset'"),
        ({"note": b"four"}, "note must be at most 3 octets, not b'four'"),
        (
            {"steps": (Step(1, PING[:-1]),)},
            f"steps [0] request must be a packet of at most 20 octets, not {PING[:-1]!r}",
        ),
        ({"steps": (Step(1, PING),) * 3}, "steps must be at most 40 octets altogether, not 46"),
        ({"words": ("a", "b\n")}, "words [1] must be at most 4 printable ASCII characters, not 'b\\n'"),
    ],
)
def test_out_of_range_is_named_and_encoding_it_is_our_bug(changed: dict[str, object], sentence: str) -> None:
    body = Sequence(**(vars(GOOD) | changed))
    assert problem(body) == sentence
    with pytest.raises(AssertionError, match="Sequence"):
        codec.encode(body)


@pytest.mark.parametrize(
    ("octets", "reason", "field"),
    [
        ("06 73756e736574 0000 00 00 09", DecodeReason.RANGE, "name"),
        ("01 0a 0000 00 00 09", DecodeReason.RANGE, "name"),
        ("00 0004 00000000 00 00 09", DecodeReason.RANGE, "note"),
        ("00 0000 00 01 05 6162636465 09", DecodeReason.RANGE, "words"),
        ("00 0000 05" + f"0001 {PING_HEX}" * 5 + "00 09", DecodeReason.LENGTH, ""),
        ("00 0000 01 0001 1820c000000e" + "00" * 15 + "00 09", DecodeReason.RANGE, "steps"),
    ],
)
def test_octets_out_of_range_are_named(octets: str, reason: DecodeReason, field: str) -> None:
    refused = codec.decode(Sequence, bytes.fromhex(octets))
    assert isinstance(refused, DecodeError)
    assert (refused.reason, refused.field) == (reason, field)


@given(bodies(Sequence).filter(lambda body: problem(body) is None))
def test_decode_undoes_encode(body: object) -> None:
    assert codec.decode(Sequence, codec.encode(body)) == body


@given(st.binary(max_size=80))
def test_any_octets_give_a_body_or_a_refusal(octets: bytes) -> None:
    body = codec.decode(Sequence, octets)
    assert isinstance(body, DecodeError) or codec.encode(body) == octets


def test_words_of_an_operator() -> None:
    words = {"name": "dusk", "note": "ff00", "steps": f"1:{PING_HEX},2:{PING_HEX}", "words": "a,", "last": "9"}
    assert body_from_words(Sequence, words) == GOOD
    refused = body_from_words(Sequence, words | {"note": "x"})
    assert refused == Unreadable("note must be up to 3 octets in hex, not 'x'")
