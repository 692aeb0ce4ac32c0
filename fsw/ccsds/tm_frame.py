"""TM transfer frames (132.0-B 4.1): fixed length, no secondary header, CLCW in every frame, FECF on every frame."""

import struct
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds.crc import crc16

HEADER_OCTETS: Final = 6
OCF_OCTETS: Final = 4
FECF_OCTETS: Final = 2
OVERHEAD_OCTETS: Final = HEADER_OCTETS + OCF_OCTETS + FECF_OCTETS
TM_FRAME_OCTETS_MIN: Final = OVERHEAD_OCTETS + 1
TM_FRAME_OCTETS_MAX: Final = 2048

FHP_NO_PACKET: Final = 0x7FF
"""First header pointer: no packet starts in this frame, it continues one (132.0-B 4.1.2.7.6)."""
FHP_IDLE: Final = 0x7FE
"""First header pointer: only idle data."""

_HEADER: Final = struct.Struct(">HBBH")
_OCF: Final = struct.Struct(">I")
_FECF: Final = struct.Struct(">H")
_TRAILER: Final = struct.Struct(">IH")
_STATUS: Final = 0x1800
"""Data field status of packet frames: no secondary header, sync and order flags 0, segment length id 11."""


class TmFrame(NamedTuple):
    """One frame: counters modulo 256, `fhp` 0..len(data)-1 or one of the two above, `clcw` the 32-bit word."""

    scid: int
    vcid: int
    mcfc: int
    vcfc: int
    fhp: int
    data: bytes
    clcw: int


class TmHeader(NamedTuple):
    """All fields of a primary header (132.0-B 4.1.2), also those that this mission keeps constant."""

    version: int
    scid: int
    vcid: int
    ocf: bool
    mcfc: int
    vcfc: int
    secondary_header: bool
    sync: bool
    packet_order: bool
    segment_length_id: int
    fhp: int


@unique
class TmReject(Enum):
    """Why octets are no valid TM frame; the first rule that is broken, in this order."""

    LENGTH = "tm_frame_length"
    FECF = "tm_frame_fecf"
    VERSION = "tm_frame_version"
    SCID = "tm_frame_scid"
    OCF = "tm_frame_ocf"
    SECONDARY_HEADER = "tm_frame_secondary_header"
    SYNC = "tm_frame_sync"
    FHP = "tm_frame_fhp"


def encode(frame: TmFrame) -> bytes:
    """The frame's octets, len(data) + 12 of them; fields out of range are misuse (asserted)."""
    scid, vcid, mcfc, vcfc, fhp, data, clcw = frame
    assert 0 <= scid <= 0x3FF, scid
    assert 0 <= vcid <= 7, vcid
    assert 0 <= fhp < len(data) or fhp in (FHP_NO_PACKET, FHP_IDLE), fhp
    assert 1 <= len(data) <= TM_FRAME_OCTETS_MAX - OVERHEAD_OCTETS, len(data)
    octets = _HEADER.pack(scid << 4 | vcid << 1 | 1, mcfc, vcfc, _STATUS | fhp) + data + _OCF.pack(clcw)
    return octets + _FECF.pack(crc16(octets))


def decode(octets: bytes, scid: int, frame_octets: int) -> TmFrame | TmReject:
    """The frame of the channel's fixed length and spacecraft id, or the first rule that it breaks."""
    if len(octets) != frame_octets:
        return TmReject.LENGTH
    if crc16(octets):
        return TmReject.FECF
    first, mcfc, vcfc, status = _HEADER.unpack_from(octets)
    if first & 0xFFF1 != scid << 4 | 1 or status & 0xF800 != _STATUS:
        return _header_fault(decode_header(octets), scid)
    fhp = status & 0x7FF
    data = octets[HEADER_OCTETS : -OCF_OCTETS - FECF_OCTETS]
    if fhp >= len(data) and fhp < FHP_IDLE:
        return TmReject.FHP
    return TmFrame(scid, first >> 1 & 7, mcfc, vcfc, fhp, data, _TRAILER.unpack_from(octets, frame_octets - 6)[0])


def decode_header(octets: bytes) -> TmHeader:
    """The primary header of six octets or more, whatever it says."""
    first, mcfc, vcfc, status = _HEADER.unpack_from(octets)
    return TmHeader(
        first >> 14,
        first >> 4 & 0x3FF,
        first >> 1 & 7,
        bool(first & 1),
        mcfc,
        vcfc,
        bool(status & 0x8000),
        bool(status & 0x4000),
        bool(status & 0x2000),
        status >> 11 & 3,
        status & 0x7FF,
    )


def _header_fault(header: TmHeader, scid: int) -> TmReject:
    """Which field of a header differs from the mission's constants, once one of them does."""
    if header.version:
        return TmReject.VERSION
    if header.scid != scid:
        return TmReject.SCID
    if not header.ocf:
        return TmReject.OCF
    return TmReject.SECONDARY_HEADER if header.secondary_header else TmReject.SYNC
