"""ST[13] large packet transfer: parts of a report that no packet of a frame holds, and of such a telecommand.

Layouts as TM[13,2], TM[13,3], TC[13,9], TC[13,11] in tests/vectors: transaction u16, part u16 from 1, octets. All parts
of a transaction but its last have one length. Together they are one whole packet, primary header to checksum.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import U16, Parameter, enumerated, report, rest, telecommand, u16

PART_OCTETS_MAX: Final = 1000


@unique
class AbortReason(IntEnum):
    """Why the reception of a large telecommand ended before its end."""

    UNKNOWN = 1  # a part of a transaction that has not begun
    ORDER = 2  # a part is missing, came twice, or has another length
    OVERFLOW = 3  # more octets than are taken, or too many transactions at once
    TIMEOUT = 4  # the next part did not come
    CONTENT = 5  # what was joined is no telecommand


@telecommand(13, 9, name="large.first")
class UplinkFirst:
    """The first part of a large telecommand."""

    transaction: int = u16()
    part: int = u16(low=1)
    octets: bytes = rest(PART_OCTETS_MAX)


@telecommand(13, 10, name="large.next")
class UplinkNext:
    """A part between the first and the last."""

    transaction: int = u16()
    part: int = u16(low=1)
    octets: bytes = rest(PART_OCTETS_MAX)


@telecommand(13, 11, name="large.last")
class UplinkLast:
    """The last part: the telecommand is whole and goes its way."""

    transaction: int = u16()
    part: int = u16(low=1)
    octets: bytes = rest(PART_OCTETS_MAX)


@report(13, 1, name="large.down_first")
class DownlinkFirst:
    """The first part of a large report."""

    transaction: int = u16()
    part: int = u16(low=1)
    octets: bytes = rest(PART_OCTETS_MAX)


@report(13, 2, name="large.down_next")
class DownlinkNext:
    """A part between the first and the last."""

    transaction: int = u16()
    part: int = u16(low=1)
    octets: bytes = rest(PART_OCTETS_MAX)


@report(13, 3, name="large.down_last")
class DownlinkLast:
    """The last part."""

    transaction: int = u16()
    part: int = u16(low=1)
    octets: bytes = rest(PART_OCTETS_MAX)


@report(13, 16, name="large.aborted")
class UplinkAborted:
    """Nothing more is taken of this transaction; what was taken is dropped."""

    transaction: int = u16()
    reason: AbortReason = enumerated(AbortReason)


SENT: Final = Parameter(108, "large.sent", U16, doc="large reports that went out whole, in this life")
RECEIVED: Final = Parameter(109, "large.received", U16, doc="large telecommands that came whole, in this life")
ABORTED: Final = Parameter(110, "large.aborted", U16, doc="transactions that ended early, in this life")
