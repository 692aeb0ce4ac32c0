"""What crosses the wire to the store's device server. Layouts are in the README; both ends use this file."""

from collections.abc import Mapping
from enum import IntEnum, unique
from typing import Final

from fsw.kernel.bus import ID_OCTETS, MESSAGE_OCTETS_MAX

PARAMETER_OCTETS_MAX: Final = 255
LIST_OCTETS_MAX: Final = MESSAGE_OCTETS_MAX - ID_OCTETS - 1
"""Longest list of parameters: what one message holds beside request id and opcode or status."""


@unique
class Opcode(IntEnum):
    """First octet of a request."""

    BOOT = 1
    MARK = 2
    PARAMETERS_LOAD = 3
    PARAMETERS_COMMIT = 4
    KEEP = 5
    KEEP_LOAD = 6
    PACKETS_BEGIN = 7
    PACKETS_LIMITS = 8
    PACKETS_PUT = 9
    PACKETS_TIME = 10
    PACKETS_READ = 11
    PACKETS_DELETE = 12
    PACKETS_SUMMARY = 13
    CHECK = 14
    STATS = 15
    FILES = 20
    KEY_ERASE = 21


@unique
class StoreStatus(IntEnum):
    """First octet of an answer."""

    OK = 0
    UNKNOWN_OPCODE = 1
    MALFORMED = 2
    DISK = 3
    FULL = 4
    STALE = 5
    UNKNOWN_STORE = 6


@unique
class LastLife(IntEnum):
    """How the life before this boot ended; also the reset-cause octet of the boot event."""

    UNKNOWN = 0
    ORDERLY = 1
    CUT = 2
    READY_FOR_OFF = 3
    WATCHDOG = 4
    COMMANDED = 5
    FAULT = 6
    BROWN_OUT = 7


def encode_parameters(values: Mapping[int, bytes]) -> bytes:
    """Parameters as pid u16, length u8, octets, one after the other in order of pid."""
    parts = []
    for pid, value in sorted(values.items()):
        assert 0 <= pid <= 0xFFFF, "a pid is a u16"
        assert len(value) <= PARAMETER_OCTETS_MAX, "a parameter's value has at most 255 octets"
        parts.append(pid.to_bytes(2, "big") + bytes((len(value),)) + value)
    octets = b"".join(parts)
    assert len(octets) <= LIST_OCTETS_MAX, "a list of parameters fits into one message"
    return octets


def decode_parameters(octets: bytes) -> dict[int, bytes] | None:
    """The parameters of a list; None when it ends amid one or names one twice."""
    values: dict[int, bytes] = {}
    at = 0
    while at < len(octets):
        head = octets[at : at + 3]
        if len(head) < 3:
            return None
        pid = int.from_bytes(head[:2], "big")
        value = octets[at + 3 : at + 3 + head[2]]
        if len(value) != head[2] or pid in values:
            return None
        values[pid] = value
        at += 3 + head[2]
    return values
