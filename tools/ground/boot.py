"""The payload's boot event as the ground must know it before any database: the contract fixes its head (section 3)."""

from typing import Final, NamedTuple

from fsw.mdb.database import DIGEST_OCTETS_FLOWN
from fsw.pus import tm
from fsw.pus.ids import APID_SYSTEM, Service
from fsw.pus.tm import Telemetry

VC_LIVE: Final = 0
_INFORMATIVE: Final = 1
_BOOTED: Final = 1
_SERVICE_AT: Final = 7
_HEAD_OCTETS: Final = 7  # event id u16, boot count u32, reset cause u8


class BootEvent(NamedTuple):
    """Which boot it was (0: the board does not know), and the digest of what flies; empty where none is said."""

    boot_count: int
    digest: bytes


def boot_event(packet: bytes, vcid: int) -> BootEvent | None:
    """The live boot event that this packet is; None for any other packet, and for one replayed from the past."""
    if vcid != VC_LIVE or len(packet) < _SERVICE_AT + 2 or packet[_SERVICE_AT] != Service.EVENTS:
        return None  # the quick look: what is no event needs no reading
    report = tm.decode_tm(packet)
    if (
        not isinstance(report, Telemetry)
        or (report.apid, report.service, report.subtype) != (APID_SYSTEM, Service.EVENTS, _INFORMATIVE)
        or len(report.data) < _HEAD_OCTETS
        or int.from_bytes(report.data[:2], "big") != _BOOTED
    ):
        return None
    flown = report.data[_HEAD_OCTETS : _HEAD_OCTETS + DIGEST_OCTETS_FLOWN]
    return BootEvent(int.from_bytes(report.data[2:6], "big"), flown if len(flown) == DIGEST_OCTETS_FLOWN else b"")
