"""Service 130: a telecommand wrapped with the time after which it may not be executed (contract, section 3)."""

from typing import NamedTuple

from fsw.ccsds.space_packet import packet_octets
from fsw.ccsds.time_code import CUC_OCTETS, cuc_decode
from fsw.pus import tc
from fsw.pus.ids import Refusal, Service


class Unwrapped(NamedTuple):
    """The inner packet is to be handled as if it had come alone."""

    octets: bytes


class Expired(NamedTuple):
    """The inner packet came too late, or nobody knows what time it is."""

    header: tc.TcHeader


def unwrap(apid: int, body: bytes, tai_us: int | None) -> Unwrapped | Expired | None:
    """The inner packet of a wrapper's `body` (CUC not-after, then a whole telecommand).

    None when the inner packet cannot be delimited, has another APID than `apid` or is itself a wrapper.
    """
    not_after_us = cuc_decode(body)
    inner = body[CUC_OCTETS:]
    if not_after_us is None or len(inner) < tc.READABLE_OCTETS or packet_octets(inner, 0) != len(inner):
        return None
    header = tc.inspect(inner)
    if isinstance(header, Refusal) or header.apid != apid or header.service == Service.EXPIRY:
        return None
    if tai_us is None or tai_us > not_after_us:
        return Expired(header)
    return Unwrapped(inner)
