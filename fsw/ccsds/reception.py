"""What the receiving end of a carrier says: a valid frame, or a named reason why octets gave none."""

from enum import Enum, unique
from typing import NamedTuple

from fsw.ccsds.tc_frame import TcFrame, TcReject
from fsw.ccsds.tm_frame import TmFrame, TmReject


@unique
class LineFault(Enum):
    """Why the octets of a line gave no frame at all."""

    BLOCK = "cltu_block"
    """A codeblock with more than one wrong bit, before the frame's end (231.0-B)."""
    CUT = "cltu_cut"
    """A CLTU that was never finished, given up since a whole valid one stands behind it."""
    ESCAPE = "slip_escape"
    """An escape octet with neither of its two companions behind it (RFC 1055)."""
    OVERLONG = "slip_overlong"
    """More octets between two ENDs than the longest frame can take."""
    IP = "ip_datagram"
    """No whole IPv4 datagram of UDP between the two ends of the line (RFC 791)."""
    UDP = "udp_datagram"
    """A wrong UDP length, port or checksum, or no checksum (RFC 768)."""


class FrameReceived(NamedTuple):
    """A valid TC frame, for flight. The octet counts let the reader put a time on it.

    `corrected` codeblocks held a wrong bit. From the first octet of the unit on the line (start sequence, END) to the
    last that its frame needed are `line_octets`; `trailing_octets` more had been fed by then.
    """

    frame: TcFrame
    corrected: int
    line_octets: int
    trailing_octets: int


class TmFrameReceived(NamedTuple):
    """A valid TM frame, for lander and ground: its fields, and the octets as they came, to be forwarded unread."""

    frame: TmFrame
    octets: bytes
    line_octets: int
    trailing_octets: int


class Rejected(NamedTuple):
    """Something began like a frame and was none; the search goes on."""

    reason: LineFault | TcReject | TmReject


UpEvent = FrameReceived | Rejected
DownEvent = TmFrameReceived | Rejected
