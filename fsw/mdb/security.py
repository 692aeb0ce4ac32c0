"""What the protected link says of itself: every reason to refuse a frame, the replay marks, the counters at hand, the
slots of keys."""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.keys import PROOFS_WRONG, SLOTS_TC_VC0, SLOTS_TC_VC1, SLOTS_TM_VC0, SLOTS_TM_VC1, SLOTS_TM_VC3
from fsw.mdb.model import U8, U16, U32, Parameter, Severity, Structure, enumerated, event, u16, u32
from fsw.pus.ids import APID_COMMS


@unique
class FrameRefusal(IntEnum):
    """Why a frame of VC 0 or 1 was not taken."""

    SPI_UNKNOWN = 0  # a clear frame, or somebody else's
    SPI_OF_ANOTHER_CHANNEL = 1
    NO_KEY = 2
    SHORT = 3
    NOT_AUTHENTIC = 4
    REPLAYED = 5
    MARK_UNKNOWN = 6  # the marks of the life before are not back
    NO_ROOM = 7
    OTHER_SERVICE = 8  # sent as AD and brought as BD, or the other way round
    TAKEN_BEFORE = 9  # COP-1 was made to repeat it


@event(APID_COMMS, 90, Severity.HIGH)
class CommandNotAuthentic:
    """Somebody else commands, or repeats what the ground has sent; nothing was executed. Said every 10 s at most."""

    reason: FrameRefusal = enumerated(FrameRefusal, doc="of the first since this was last said")
    refused: int = u32(doc="frames refused in this life")


@event(APID_COMMS, 91, Severity.HIGH)
class ReplayMarkInMemory:
    """The store does not keep the replay mark: until it does, a reset would let in what was taken meanwhile."""


@event(APID_COMMS, 92, Severity.INFO)
class ReplayMarkKept:
    """The replay mark is on the disk again."""


@event(APID_COMMS, 93, Severity.HIGH)
class CounterLost:
    """What was kept of a key's counter is lost: telemetry waits for TAI, replays of commands are possible."""

    key: int = u16(doc="key id")


REFUSED: Final = tuple(
    Parameter(190 + refusal, f"security.{refusal.name.lower()}", U32, doc="frames refused") for refusal in FrameRefusal
)
"""In the order of `FrameRefusal`."""
FRAMES_AUTHENTIC: Final = Parameter(200, "security.frames_authentic", U32, doc="taken on VC 0 and 1")
MARK_VC0: Final = Parameter(201, "security.mark_vc0", U32, doc="low 4 octets of its counter")
MARK_VC1: Final = Parameter(202, "security.mark_vc1", U32, doc="likewise")
MARKS_IN_MEMORY: Final = Parameter(203, "security.marks_in_memory", U8, doc="1: the store keeps none")
WAITING: Final = Parameter(204, "security.waiting", U16, doc="frames whose mark is on its way to the disk")
LEFT_VC0: Final = Parameter(205, "security.counters_left_vc0", U32, doc="reserved and unused")
LEFT_VC1: Final = Parameter(206, "security.counters_left_vc1", U32)
LEFT_VC3: Final = Parameter(207, "security.counters_left_vc3", U32)
LINK_PROTECTED: Final = Parameter(208, "security.link_protected", U8, doc="1: protected, 0: clear")

HOUSEKEEPING: Final = Structure(
    13,
    "security.housekeeping",
    (
        LINK_PROTECTED, *REFUSED, FRAMES_AUTHENTIC, MARK_VC0, MARK_VC1, MARKS_IN_MEMORY, WAITING,
        LEFT_VC0, LEFT_VC1, LEFT_VC3,
        SLOTS_TC_VC0, SLOTS_TC_VC1, SLOTS_TM_VC0, SLOTS_TM_VC1, SLOTS_TM_VC3, PROOFS_WRONG,
    ),
)  # fmt: skip
