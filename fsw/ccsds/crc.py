"""CRC-16 of the frame error control fields and of packet error control (132.0-B 4.1.6, 232.0-B 4.1.4).

The code is crcmod's `crc-ccitt-false`: x^16 + x^12 + x^5 + 1, preset to ones, most significant bit first, nothing
reflected or inverted. It is bound, not wrapped: a frame's CRC is the dearest single call of the link.
"""

from binascii import crc_hqx
from sys import modules
from typing import Final, Protocol

from crcmod.predefined import mkCrcFun  # type: ignore[import-untyped]

NAME: Final = "crc-ccitt-false"
CHECK: Final = 0x29B1
"""CRC of the nine octets `123456789`, as the catalogues print it."""


class Crc16(Protocol):
    """`crc16(octets, crc=0xFFFF)`, 0..0xFFFF; over octets followed by their own CRC it is 0."""

    def __call__(self, octets: bytes | bytearray | memoryview, crc: int = 0xFFFF, /) -> int:
        """CRC of the octets, going on from `crc`."""


def _crc_hqx(octets: bytes | bytearray | memoryview, crc: int = 0xFFFF, /) -> int:
    """CRC-16 by the standard library, which presets to zero where the link presets to ones."""
    return crc_hqx(octets, crc)


def choose(compiled: bool) -> tuple[str, Crc16]:
    """Name and callable of the CRC: crcmod where it is compiled, else the standard library held against crcmod."""
    published: Crc16 = mkCrcFun(NAME)
    assert published(b"123456789") == CHECK, "crcmod's crc-ccitt-false misses the published check value"
    if compiled:
        return "crcmod", published
    for sample in (b"", b"123456789", bytes(range(256))):
        assert _crc_hqx(sample) == published(sample), "binascii.crc_hqx and crcmod disagree"
    return "binascii", _crc_hqx


BACKEND, crc16 = choose("crcmod._crcfunext" in modules)
