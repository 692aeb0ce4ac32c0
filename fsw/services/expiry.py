"""Service 130: a telecommand wrapped with the time after which it may not be executed (contract, section 3)."""

from typing import Final, NamedTuple

from fsw.ccsds.space_packet import HEADER_OCTETS, decode_header, packet_octets
from fsw.ccsds.time_code import CUC_OCTETS, cuc_decode
from fsw.pus import tc

EXPIRY_SERVICE: Final = 130


class Unwrapped(NamedTuple):
    """The inner packet is to be handled as if it had come alone."""

    octets: bytes


class Expired(NamedTuple):
    """The inner packet came too late, or nobody knows what time it is."""

    octets: bytes


def unwrap(apid: int, body: bytes, tai_us: int | None) -> Unwrapped | Expired | None:
    """The inner packet of a wrapper's `body` (CUC not-after, then a whole telecommand).

    None when the inner packet cannot be delimited, has another APID than `apid` or is itself a wrapper.
    """
    inner = body[CUC_OCTETS:]
    if len(inner) < max(HEADER_OCTETS, tc.READABLE_OCTETS) or packet_octets(inner, 0) != len(inner):
        return None
    not_after_us = cuc_decode(body)
    if not_after_us is None or decode_header(inner).apid != apid or tc.header_of(inner).service == EXPIRY_SERVICE:
        return None
    if tai_us is None or tai_us > not_after_us:
        return Expired(inner)
    return Unwrapped(inner)
