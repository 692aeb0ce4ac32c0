"""Dumps of any length against the layout that others' implementations share."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.mdb import codec
from fsw.mdb.memory import DumpedArea, MemoryDump
from fsw.pus.st06 import Dumped, decode_dump, encode_dump

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pus_tm.json").read_text(encoding="utf-8"))["vectors"]
AREAS = st.lists(st.builds(Dumped, st.integers(0, 0xFFFF_FFFF), st.binary(max_size=90)), max_size=8).map(tuple)


@pytest.mark.proves("K-MEM-001")
def test_the_layout_is_that_of_a_raw_dump_with_an_object_in_the_memory_s_place() -> None:
    entry = next(entry for entry in VECTORS if entry["id"] == "TM[6,6]#19")
    data = bytes.fromhex(entry["source_data"])
    assert encode_dump(1, [Dumped(0x2000_0100, bytes(range(16)))]) == data
    assert decode_dump(data) == (1, (Dumped(0x2000_0100, bytes(range(16))),))


@given(st.integers(0, 255), AREAS)
def test_the_database_says_the_same_of_what_fits_a_packet(object_id: int, areas: tuple[Dumped, ...]) -> None:
    data = encode_dump(object_id, areas)
    assert decode_dump(data) == (object_id, areas)
    body = codec.decode(MemoryDump, data)
    assert isinstance(body, MemoryDump)
    assert body.object_id == object_id
    assert all(isinstance(area, DumpedArea) for area in body.areas)
    assert tuple(Dumped(area.offset, area.octets) for area in body.areas) == areas
    assert codec.encode(body) == data


@given(AREAS.filter(bool), st.data())
def test_a_flipped_bit_or_a_cut_is_no_dump(areas: tuple[Dumped, ...], data: st.DataObject) -> None:
    good = encode_dump(2, areas)
    cut = data.draw(st.integers(0, len(good) - 1))
    assert decode_dump(good[:cut]) is None
    assert decode_dump(good + b"\0") is None
    at = next((n for n, area in enumerate(areas) if area.octets), None)
    if at is not None:
        before = encode_dump(2, areas[:at])
        flipped = bytearray(good)
        flipped[len(before) + 6] ^= 1 << data.draw(st.integers(0, 7))
        assert decode_dump(bytes(flipped)) is None
