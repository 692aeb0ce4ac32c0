"""What the store says of itself: its counters, and what it found damaged."""

from typing import Final

from fsw.mdb.model import U8, U16, U32, Parameter, Severity, event, u8
from fsw.pus.ids import APID_SYSTEM


@event(APID_SYSTEM, 20, Severity.MEDIUM)
class ParametersMended:
    """A copy of the committed parameters did not hold its checksum and was written anew from the other."""

    copies: int = u8(high=2, doc="that held; with none the parameters are as declared")


@event(APID_SYSTEM, 21, Severity.HIGH)
class PacketsSetAside:
    """The file of stored packets was damaged: it was set aside, and a fresh one is in its place."""

    files: int = u8(doc="so many, in this life")


COMMITS: Final = Parameter(40, "store.commits", U32, doc="in this life")
WRITTEN: Final = Parameter(41, "store.written_kib", U32, "KiB", doc="in this life, at most; both files with their logs")
PACKETS: Final = Parameter(42, "store.packets", U32, doc="in all packet stores")
FILE_SIZE: Final = Parameter(43, "store.packets_file_kib", U32, "KiB")
GENERATION: Final = Parameter(44, "store.parameters_generation", U32, doc="commits of parameters, ever")
COPIES: Final = Parameter(45, "store.parameter_copies", U8, doc="of 2 that held when they were last read")
CHECKED: Final = Parameter(46, "store.checked_packets", U32, doc="read through in this life")
ROUNDS: Final = Parameter(47, "store.check_rounds", U16, doc="through all stored packets, in this life")
