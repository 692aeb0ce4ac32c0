"""CCSDS unsegmented time code, CUC (301.0-B 3.2): whole seconds and a binary fraction since an epoch.

Times are integer microseconds since the epoch, never floats. Both directions round down, so a time that crosses the
wire comes back at most 16 us early with the mission's two fraction octets, and never late.
"""

import struct
from typing import Final

P_FIELD: Final = 0x1E
"""The mission's code: epoch 1958-01-01 TAI, 4 octets of seconds, 2 of fraction; its T-field follows at once."""
CUC_OCTETS: Final = 7
TAI_US_MAX: Final = 2**32 * 1_000_000 - 1

_CUC: Final = struct.Struct(">BIH")


def cuc_encode(tai_us: int) -> bytes:
    """Seven octets for a time in microseconds since 1958-01-01 TAI, 0..TAI_US_MAX (asserted)."""
    assert 0 <= tai_us <= TAI_US_MAX, tai_us
    seconds, fraction_us = divmod(tai_us, 1_000_000)
    return _CUC.pack(P_FIELD, seconds, (fraction_us << 16) // 1_000_000)


def cuc_decode(octets: bytes, offset: int = 0) -> int | None:
    """Microseconds since 1958-01-01 TAI; None where another P-field stands, or fewer than seven octets."""
    if len(octets) - offset < CUC_OCTETS:
        return None
    p_field, seconds, fraction = _CUC.unpack_from(octets, offset)
    if p_field != P_FIELD:
        return None
    return int(seconds) * 1_000_000 + (int(fraction) * 1_000_000 >> 16)


class Cuc:
    """A CUC of any P-field, one octet or two: 1..7 octets of seconds, 0..10 of fraction, either epoch."""

    __slots__ = ("coarse_octets", "fine_octets", "octets", "p_field")

    def __init__(self, p_field: bytes) -> None:
        assert len(p_field) == 1 + (p_field[0] >> 7), "the extension flag says one P-field octet more or less"
        assert p_field[0] >> 4 & 7 in (1, 2), "not a CUC"
        second = p_field[1] if len(p_field) == 2 else 0
        assert not second & 0x80, "a third P-field octet is not defined"
        self.p_field: Final = p_field
        self.coarse_octets: Final = (p_field[0] >> 2 & 3) + 1 + (second >> 5 & 3)
        self.fine_octets: Final = (p_field[0] & 3) + (second >> 2 & 7)
        self.octets: Final = len(p_field) + self.coarse_octets + self.fine_octets

    def encode(self, elapsed_us: int) -> bytes:
        """P-field and T-field for a time since the epoch; one that its seconds cannot hold is misuse (asserted)."""
        seconds, fraction_us = divmod(elapsed_us, 1_000_000)
        assert 0 <= seconds < 1 << 8 * self.coarse_octets, elapsed_us
        fraction = (fraction_us << 8 * self.fine_octets) // 1_000_000
        return self.p_field + seconds.to_bytes(self.coarse_octets, "big") + fraction.to_bytes(self.fine_octets, "big")

    def decode(self, octets: bytes, offset: int = 0) -> int | None:
        """Microseconds since the epoch; None where another P-field stands, or too few octets."""
        begin = offset + len(self.p_field)
        middle, end = begin + self.coarse_octets, offset + self.octets
        if len(octets) < end or octets[offset:begin] != self.p_field:
            return None
        fraction = int.from_bytes(octets[middle:end], "big")
        return int.from_bytes(octets[begin:middle], "big") * 1_000_000 + (fraction * 1_000_000 >> 8 * self.fine_octets)
