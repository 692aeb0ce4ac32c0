"""The communications link control word: the 32 bits in which the receiver of commands reports back (232.0-B, 4.2)."""

from typing import Final, NamedTuple

COP_1: Final = 1
"""COP in effect: the only procedure there is (232.0-B, 4.2.1.5)."""


class Clcw(NamedTuple):
    """One control word, field by field; flags are independent bits. Spares are not kept: an encoded spare is zero."""

    vcid: int  # 0..63
    report_value: int  # V(R), 0..255
    lockout: bool = False
    wait: bool = False
    retransmit: bool = False
    farm_b: int = 0  # 0..3
    no_rf: bool = False
    no_bit_lock: bool = False
    status: int = 0  # 0..7, the mission's
    cop_in_effect: int = COP_1  # 0..3


def encode(clcw: Clcw) -> int:
    """Return the word; a field out of its range is our bug."""
    assert 0 <= clcw.vcid <= 63, "virtual channel id has 6 bits"
    assert 0 <= clcw.report_value <= 255, "report value has 8 bits"
    assert 0 <= clcw.farm_b <= 3, "FARM-B counter has 2 bits"
    assert 0 <= clcw.status <= 7, "status field has 3 bits"
    assert 0 <= clcw.cop_in_effect <= 3, "COP in effect has 2 bits"
    return (
        clcw.status << 26
        | clcw.cop_in_effect << 24
        | clcw.vcid << 18
        | clcw.no_rf << 15
        | clcw.no_bit_lock << 14
        | clcw.lockout << 13
        | clcw.wait << 12
        | clcw.retransmit << 11
        | clcw.farm_b << 9
        | clcw.report_value
    )


def decode(word: int) -> Clcw | None:
    """Return the fields of a 32-bit word, or None where type, version or a spare bit is not zero: no control word."""
    assert 0 <= word < 1 << 32, "a control word has 32 bits"
    if word & 0xE003_0100:
        return None
    return Clcw(
        vcid=word >> 18 & 0x3F,
        report_value=word & 0xFF,
        lockout=bool(word & 0x2000),
        wait=bool(word & 0x1000),
        retransmit=bool(word & 0x0800),
        farm_b=word >> 9 & 3,
        no_rf=bool(word & 0x8000),
        no_bit_lock=bool(word & 0x4000),
        status=word >> 26 & 7,
        cop_in_effect=word >> 24 & 3,
    )
