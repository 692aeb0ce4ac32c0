"""ST[21] request sequencing: telecommands stored on board, released one after the other.

Layouts of subtypes 1 and 4 as in tests/vectors/pus_tc.json (ids and counts u8, delays u32); the Book's order elsewhere.
Subtypes from 128 on are ours. A delay runs from the release before it; the first one from the start.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    U8,
    U16,
    U32,
    Hazard,
    Parameter,
    Severity,
    array,
    enumerated,
    event,
    packet,
    report,
    structure,
    telecommand,
    u8,
    u16,
    u32,
)
from fsw.pus.ids import APID_SYSTEM

SEQUENCES_MAX: Final = 32
RUNNING_MAX: Final = 4
REQUESTS_MAX: Final = 64  # in one sequence
_REQUESTS_OCTETS: Final = 1_000  # of one sequence, count and delays included
_REQUEST_OCTETS: Final = 900


@unique
class SequenceState(IntEnum):
    """Where a sequence stands."""

    EMPTY = 0  # there is none
    LOADED = 1  # not validated: it does not start
    VALID = 2
    RUNNING = 3
    STEPPING = 4  # each step releases one request
    INTERRUPTED = 5  # it ran when the life before ended; only a command starts it again, from its beginning


@unique
class SequenceEnd(IntEnum):
    """How a run came to its end."""

    DONE = 0
    ABORTED = 1
    MODE = 2  # the board went into a mode that releases nothing


@structure
class SequenceRequest:
    """One request of a sequence, and how long after the release before it is released."""

    request: bytes = packet(_REQUEST_OCTETS)
    delay: int = u32(unit="ms")


@telecommand(21, 1, name="sequence.load", hazard=Hazard.DEPENDENT)
class LoadSequence:
    """Store a sequence under a free id."""

    sequence: int = u8()
    requests: tuple[SequenceRequest, ...] = array(
        SequenceRequest, u8, low=1, high=REQUESTS_MAX, octets=_REQUESTS_OCTETS
    )


@telecommand(21, 3, name="sequence.unload", hazard=Hazard.DEPENDENT)
class UnloadSequence:
    """Take a sequence out that does not run."""

    sequence: int = u8()


@telecommand(21, 4, name="sequence.start", hazard=Hazard.DEPENDENT)
class StartSequence:
    """Run a valid sequence, or let one go on by itself that is being stepped."""

    sequence: int = u8()


@telecommand(21, 5, name="sequence.abort")
class AbortSequence:
    """Release nothing more of a sequence that runs; it stays valid."""

    sequence: int = u8()


@telecommand(21, 6, name="sequence.status")
class ReportSequences:
    """Where does every sequence stand?"""


@structure
class SequenceStatus:
    """A sequence and where it stands."""

    sequence: int = u8()
    state: SequenceState = enumerated(SequenceState)


@report(21, 7, name="sequence.states")
class SequenceStates:
    """All sequences, by id."""

    states: tuple[SequenceStatus, ...] = array(SequenceStatus, u8, high=SEQUENCES_MAX)


@telecommand(21, 9, name="sequence.checksum")
class ReportChecksum:
    """What is the checksum of this sequence?"""

    sequence: int = u8()


@report(21, 10, name="sequence.checksum_report")
class ChecksumReport:
    """CRC-16 of all that stood behind the id in (21,1): count, requests, delays."""

    sequence: int = u8()
    checksum: int = u16()


@telecommand(21, 11, name="sequence.content")
class ReportContent:
    """What does this sequence hold?"""

    sequence: int = u8()


@report(21, 12, name="sequence.content_report")
class ContentReport:
    """The requests of a sequence, as they were loaded."""

    sequence: int = u8()
    requests: tuple[SequenceRequest, ...] = array(SequenceRequest, u8, high=REQUESTS_MAX, octets=_REQUESTS_OCTETS)


@telecommand(21, 13, name="sequence.abort_all")
class AbortAllSequences:
    """Release nothing more of any sequence."""


@report(21, 14, name="sequence.aborted")
class AbortedSequences:
    """The sequences that (21,13) stopped."""

    sequences: tuple[int, ...] = array(u8(), u8, high=SEQUENCES_MAX)


@telecommand(21, 128, name="sequence.validate")
class ValidateSequence:
    """Hold a sequence against the checksum that the ground expects, and its requests against the database."""

    sequence: int = u8()
    checksum: int = u16(doc="CRC-16 of all that stood behind the id in (21,1)")


@telecommand(21, 129, name="sequence.step", hazard=Hazard.DEPENDENT)
class StepSequence:
    """Release the next request of a valid sequence at once, and no more of it until the next step."""

    sequence: int = u8()


@event(APID_SYSTEM, 50, Severity.INFO)
class SequenceEnded:
    """A sequence has run, or was stopped."""

    sequence: int = u8()
    released: int = u8(doc="requests released")
    end: SequenceEnd = enumerated(SequenceEnd)


@event(APID_SYSTEM, 51, Severity.MEDIUM)
class SequenceInterrupted:
    """The life before ended while this sequence ran; it goes on by no means of its own."""

    sequence: int = u8()
    released: int = u8(doc="requests that are known to have been released; the next ones may have been")
    requests: int = u8(doc="requests that it holds")


@event(APID_SYSTEM, 52, Severity.MEDIUM)
class SequenceDamaged:
    """What was kept of this sequence cannot be read, or its checksum is wrong: it is gone."""

    sequence: int = u8()


LOADED: Final = Parameter(120, "sequence.loaded", U8, doc="sequences on board")
RUNNING: Final = Parameter(121, "sequence.running", U8, doc="sequences that run or are being stepped")
RELEASED: Final = Parameter(122, "sequence.released", U32, doc="requests released by sequences in this life")
INTERRUPTED: Final = Parameter(123, "sequence.interrupted", U16, doc="sequences that the life before left unfinished")
