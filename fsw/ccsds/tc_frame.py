"""TC transfer frames (232.0-B 4.1): no segment header, FECF on every frame, up to 1024 octets."""

import struct
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds.crc import crc16

HEADER_OCTETS: Final = 5
FECF_OCTETS: Final = 2
TC_FRAME_OCTETS_MIN: Final = 8
TC_FRAME_OCTETS_MAX: Final = 1024
DATA_OCTETS_MAX: Final = TC_FRAME_OCTETS_MAX - HEADER_OCTETS - FECF_OCTETS

UNLOCK: Final = b"\x00"
"""Data field of the BC frame that unlocks FARM-1 (232.0-B 4.1.3.3)."""

_HEADER: Final = struct.Struct(">HHB")
_FECF: Final = struct.Struct(">H")
_VERSION: Final = 0xC000
_BYPASS: Final = 0x2000
_CONTROL: Final = 0x1000
_SPARE: Final = 0x0C00
_SCID: Final = 0x03FF


class TcFrame(NamedTuple):
    """One frame: AD (no flag), BD (bypass) or BC (bypass and control). `n_s` is 0 unless AD; `data` 1..1017 octets."""

    scid: int
    vcid: int
    bypass: bool
    control: bool
    n_s: int
    data: bytes


@unique
class TcReject(Enum):
    """Why octets are no valid TC frame; the first rule that is broken, in this order."""

    SHORT = "tc_frame_short"
    VERSION = "tc_frame_version"
    SPARE = "tc_frame_spare"
    SCID = "tc_frame_scid"
    LENGTH = "tc_frame_length"
    FECF = "tc_frame_fecf"
    RESERVED_TYPE = "tc_frame_reserved_type"


class Unlock(NamedTuple):
    """BC directive: leave lockout (E7)."""

    control_command: int = 0x00


class SetVr(NamedTuple):
    """BC directive: set V(R), 0..255 (E8)."""

    v_r: int


def encode(frame: TcFrame) -> bytes:
    """The frame's octets with FECF; fields out of range, and control without bypass, are misuse (asserted)."""
    scid, vcid, bypass, control, n_s, data = frame
    assert 0 <= scid <= _SCID, scid
    assert 0 <= vcid <= 63, vcid
    assert bypass or not control, "control without bypass is reserved"
    assert 1 <= len(data) <= DATA_OCTETS_MAX, len(data)
    first = scid | (_BYPASS if bypass else 0) | (_CONTROL if control else 0)
    octets = _HEADER.pack(first, vcid << 10 | len(data) + HEADER_OCTETS + FECF_OCTETS - 1, n_s) + data
    return octets + _FECF.pack(crc16(octets))


def decode(octets: bytes, scid: int) -> TcFrame | TcReject:
    """The frame that fills `octets` exactly and is addressed to `scid`, or the first rule that it breaks.

    Whether its virtual channel and directive exist is for those who hold them to say.
    """
    size = len(octets)
    if size < TC_FRAME_OCTETS_MIN:
        return TcReject.SHORT
    fault = head_fault(octets, scid)
    if fault:
        return fault
    first, second, n_s = _HEADER.unpack_from(octets)
    if (second & 0x3FF) + 1 != size:
        return TcReject.LENGTH
    if crc16(octets):
        return TcReject.FECF
    bypass, control = first & _BYPASS != 0, first & _CONTROL != 0
    if control and not bypass:
        return TcReject.RESERVED_TYPE
    return TcFrame(scid, second >> 10, bypass, control, n_s, octets[HEADER_OCTETS:-FECF_OCTETS])


def head_fault(head: bytes | bytearray, scid: int) -> TcReject | None:
    """What the first two octets of a frame tell already: version, spare or spacecraft id wrong; None for nothing."""
    first = head[0] << 8 | head[1]
    if first & (_VERSION | _SPARE | _SCID) == scid:
        return None
    if first & _VERSION:
        return TcReject.VERSION
    return TcReject.SPARE if first & _SPARE else TcReject.SCID


def frame_octets(head: bytes | bytearray) -> int:
    """Whole size by the length field, 1..1024; `head` holds the first four octets at least."""
    return (head[2] << 8 & 0x300 | head[3]) + 1


def set_v_r(v_r: int) -> bytes:
    """Data field of the BC frame that sets V(R) (232.0-B 4.1.3.3)."""
    return bytes((0x82, 0x00, v_r))


def decode_directive(data: bytes) -> Unlock | SetVr | None:
    """Meaning of a BC frame's data field; None for anything but the two directives (FARM-1's E9)."""
    if data == UNLOCK:
        return Unlock()
    if len(data) == 3 and data[0] == 0x82 and data[1] == 0x00:
        return SetVr(data[2])
    return None
