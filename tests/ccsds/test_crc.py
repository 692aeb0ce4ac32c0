"""CRC-16 against crc16.json (three implementations ran it) and the catalogues' check value."""

import json
from pathlib import Path
from typing import Any

import pytest

from fsw.ccsds import crc

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "crc16.json").read_text(encoding="utf-8")
)["vectors"]


@pytest.mark.proves("K-PKT-002")
@pytest.mark.parametrize("compiled", [True, False], ids=["crcmod", "binascii"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any], compiled: bool) -> None:
    _, crc16 = crc.choose(compiled)
    octets = bytes.fromhex(vector["input"]["data"])
    expected = int(vector["expected"], 16)
    assert crc16(octets) == expected
    assert crc16(octets + expected.to_bytes(2, "big")) == 0


@pytest.mark.parametrize("compiled", [True, False], ids=["crcmod", "binascii"])
def test_goes_on_from_a_crc_and_takes_any_buffer(compiled: bool) -> None:
    name, crc16 = crc.choose(compiled)
    assert name == ("crcmod" if compiled else "binascii")
    assert crc16(b"6789", crc16(b"12345")) == 0x29B1
    assert crc16(bytearray(b"123456789")) == crc16(memoryview(b"123456789")) == 0x29B1


def test_the_bound_one_says_which_it_is() -> None:
    assert crc.BACKEND in ("crcmod", "binascii")
    assert crc.crc16(b"123456789") == 0x29B1
