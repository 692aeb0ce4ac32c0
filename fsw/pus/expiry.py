"""The contract's expiry wrapper: service 130 subtype 1 carries a not-after CUC and a whole inner telecommand."""

from typing import Final, NamedTuple

from fsw.pus.ids import Service
from fsw.pus.tc import Telecommand

SUBTYPE_WRAP: Final = 1
_CUC_OCTETS: Final = 7


class Expiring(NamedTuple):
    """An inner packet that may be handled until `not_after` (CUC, 7 octets)."""

    not_after: bytes
    inner: bytes


def encode(not_after: bytes, inner: bytes) -> bytes:
    """Application data of a wrapper."""
    assert len(not_after) == _CUC_OCTETS
    return not_after + inner


def decode(wrapper: Telecommand) -> Expiring | None:
    """Unwrap; None means (1,2) code 5 naming the wrapper.

    That is: the inner packet cannot be delimited, has another APID, or is itself of service 130 (contract, section 3).
    """
    inner = wrapper.data[_CUC_OCTETS:]
    if len(inner) < 7 or int.from_bytes(inner[4:6], "big") != len(inner) - 7:
        return None
    if int.from_bytes(inner[:2], "big") & 0x7FF != wrapper.apid or inner[7:8] == bytes((Service.EXPIRY,)):
        return None
    return Expiring(wrapper.data[:_CUC_OCTETS], inner)
