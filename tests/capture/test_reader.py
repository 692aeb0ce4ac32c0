"""A recording that is cut off, spoiled or hostile: read as far as it goes, and the rest is said. Nothing raises."""

import io
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.capture.format import MAGIC
from fsw.capture.reader import Damage, End, Life, Reader, Record, Tick
from tests.capture import by_hand
from tests.hil.recorded import fly, records, two_lives


@cache
def short() -> bytes:
    """Two short lives."""
    return fly([("ping", 5), ("cut", 1), ("ping", 3)], first_s=0.3).octets


def bounds(octets: bytes) -> set[int]:
    """Where chunks and lives end: cut there, nothing is missing."""
    found, rest = {0}, octets
    while rest:
        size = 8 if rest.startswith(MAGIC) else int.from_bytes(rest[:3], "big") + 8
        rest = rest[size:]
        found.add(len(octets) - len(rest))
    return found


@pytest.mark.proves("K-REPLAY-002")
def test_cut_at_any_octet_it_is_read_up_to_there() -> None:
    octets = short()
    whole = records(octets)
    clean = bounds(octets)
    read_before = 0
    for end in range(len(octets) + 1):
        found = records(octets[:end])
        damages = [record for record in found if isinstance(record, Damage)]
        kept = [record for record in found if not isinstance(record, Damage)]
        assert kept == whole[: len(kept)]
        assert len(kept) >= read_before, "more octets are never fewer records"
        read_before = len(kept)
        assert [damage.cut for damage in damages] == [True] * (end not in clean), end
    assert read_before == len(whole)


@pytest.mark.proves("K-REPLAY-003")
def test_any_octet_flipped_is_noticed() -> None:
    octets = short()
    whole = records(octets)
    for at in range(len(octets)):
        spoiled = bytearray(octets)
        spoiled[at] ^= 1 << at % 8
        found = records(bytes(spoiled))
        assert [record for record in found if isinstance(record, Damage)], at
        assert all(record in whole for record in found if not isinstance(record, Damage)), "nothing false is believed"


@pytest.mark.proves("K-REPLAY-003")
def test_a_chunk_that_is_missing_is_noticed() -> None:
    octets = two_lives().octets
    ends = sorted(bounds(octets))
    first_life = [end for end in ends if end <= octets.index(MAGIC, 1)]
    assert len(first_life) > 3
    without = octets[: first_life[1]] + octets[first_life[2] :]
    assert any(isinstance(record, Damage) and not record.cut for record in records(without))


def test_the_life_behind_a_spoiled_one_is_read() -> None:
    octets = bytearray(short())
    octets[40] ^= 1
    found = records(bytes(octets))
    assert [(type(record), record.offset) for record in found if isinstance(record, Life | Damage)] == [
        (Damage, 8),
        (Life, short().index(MAGIC, 1)),
    ]
    assert isinstance(found[-1], End)


def test_the_reader_says_where_it_stands() -> None:
    octets = short()
    reader = Reader(io.BytesIO(octets).read)
    lives = [record for record in reader if isinstance(record, Life)]
    assert [life.offset for life in lives] == [0, octets.index(MAGIC, 1)]
    assert reader.offset == len(octets)


def test_another_format_is_named() -> None:
    octets = bytearray(short())
    octets[7] = 2
    assert records(bytes(octets))[0] == Damage(0, "a capture of format 2, this reads 1", False)


@given(octets=st.binary(max_size=300))
def test_any_octets_raise_nothing(octets: bytes) -> None:
    for begin in (b"", MAGIC):
        for record in records(begin + octets):
            assert isinstance(record, Damage)


@given(payload=st.binary(min_size=1, max_size=200))
def test_a_well_framed_chunk_of_rubbish_raises_nothing(payload: bytes) -> None:
    ends: list[Record] = records(MAGIC + by_hand.chunk(payload)[0])
    for record in ends:
        assert not isinstance(record, Tick) or record.planned >= 0


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\x09", "kind 9"),
        (b"\x01\x00", "a header without what a replay needs"),
        (b"\x03\x00\x00\x00\x00", "a tick at no time"),
        (b"\x03\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00\x00", "a tick at no time"),
        (b"\x02\x05\x00", "a shape that nobody gave"),
        (b"\x05\x01x\x00", "an injection without values"),
        (b"\x04", "cut off"),
    ],
)
def test_records_that_no_recorder_writes_are_named(payload: bytes, why: str) -> None:
    assert records(MAGIC + by_hand.chunk(payload)[0]) == [Damage(8, f"a record that no recorder writes: {why}", False)]


@pytest.mark.parametrize("length", [0, 0xFF_FFFF])
def test_a_length_that_no_recorder_writes_is_noticed(length: int) -> None:
    head = length.to_bytes(3, "big")
    octets = MAGIC + head + bytes((0x5A ^ head[0] ^ head[1] ^ head[2],)) + bytes(100)
    assert records(octets) == [Damage(8, "a chunk's head is spoiled", False)]


def test_a_long_way_to_the_next_life_is_gone() -> None:
    """More rubbish than the reader holds at once, and a MAGIC across two of its reads."""
    for rubbish in (65_530, 65_536 * 2 - 12, 200_001):
        found = records(b"x" * rubbish + short())
        assert isinstance(found[0], Damage)
        assert found[1:] == [
            record._replace(offset=record.offset + rubbish) if isinstance(record, Life) else record
            for record in records(short())
        ]
