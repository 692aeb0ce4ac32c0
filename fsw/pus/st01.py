"""ST[01] request verification bodies (ECSS-E-ST-70-41C 6.1 and 8.1): request id, step u8, failure code u16.

Progress failures put the step before the code. What follows a code may be empty and is ignored by clients.
"""

from enum import IntEnum, unique
from struct import Struct
from typing import Final, NamedTuple

REQUEST_ID_OCTETS: Final = 4

_CODE: Final = Struct(">H")
_REQUEST_ID: Final = Struct(">HH")


@unique
class Stage(IntEnum):
    """Subtypes of ST[01]; there is no 9."""

    ACCEPTED = 1
    ACCEPTANCE_FAILED = 2
    STARTED = 3
    START_FAILED = 4
    PROGRESS = 5
    PROGRESS_FAILED = 6
    COMPLETED = 7
    COMPLETION_FAILED = 8
    ROUTING_FAILED = 10


FAILURES: Final = frozenset(
    (
        Stage.ACCEPTANCE_FAILED,
        Stage.START_FAILED,
        Stage.PROGRESS_FAILED,
        Stage.COMPLETION_FAILED,
        Stage.ROUTING_FAILED,
    )
)
STEPS: Final = frozenset((Stage.PROGRESS, Stage.PROGRESS_FAILED))
LAST_WORDS: Final = FAILURES | {Stage.COMPLETED}  # an accepted request ends once, by one of these (contract, section 3)
_STAGES: Final = frozenset(Stage)


class RequestId(NamedTuple):
    """The request id read as APID and sequence count; on the wire it is the telecommand's first 4 octets, verbatim."""

    apid: int
    sequence_count: int


class Verification(NamedTuple):
    """One verification report. `step` is None but for progress, `code` None but for failures (u16, may be unlisted)."""

    stage: Stage
    request_id: bytes
    step: int | None
    code: int | None
    detail: bytes


def encode_request_id(apid: int, sequence_count: int) -> bytes:
    """The request id of a PUS telecommand: version 0, type 1, header flag 1, stand-alone sequence flags."""
    assert 0 <= apid <= 0x7FF
    assert 0 <= sequence_count <= 0x3FFF
    return _REQUEST_ID.pack(0x1800 | apid, 0xC000 | sequence_count)


def decode_request_id(octets: bytes) -> RequestId:
    """APID and sequence count of 4 octets of request id."""
    word, sequence = _REQUEST_ID.unpack(octets)
    return RequestId(word & 0x7FF, sequence & 0x3FFF)


def encode(stage: Stage, request_id: bytes, *, step: int | None = None, code: int | None = None) -> bytes:
    """Source data of a verification report; a step goes with progress, a code with failures, and only there."""
    assert len(request_id) == REQUEST_ID_OCTETS
    assert (step is not None) == (stage in STEPS)
    assert (code is not None) == (stage in FAILURES)
    octets = request_id
    if step is not None:
        octets += step.to_bytes(1, "big")
    if code is not None:
        octets += _CODE.pack(code)
    return octets


def decode(subtype: int, data: bytes) -> Verification | None:
    """Read the source data of a report of ST[01]; None where the subtype is none of ours or the length is wrong."""
    if subtype not in _STAGES:
        return None
    stage = Stage(subtype)
    at = REQUEST_ID_OCTETS
    octets_min = at + (stage in STEPS) + 2 * (stage in FAILURES)
    if len(data) < octets_min or (len(data) > octets_min and stage not in FAILURES):
        return None
    step = code = None
    if stage in STEPS:
        step = data[at]
        at += 1
    if stage in FAILURES:
        (code,) = _CODE.unpack_from(data, at)
        at += 2
    return Verification(stage, bytes(data[:REQUEST_ID_OCTETS]), step, code, bytes(data[at:]))
