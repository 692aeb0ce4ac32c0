"""ST[15] storage and retrieval: packet stores, their content and what is sent of it again (ECSS-E-ST-70-41C 6.15).

Layouts: store ids, counts, priorities and percentages u8, sizes u32 in octets, times CUC. A time is that of the packet;
CUC 0 stands for "none". A higher priority leaves first and is dropped last; a store has one for all its retrievals
(function 12), so that the Book's optional priorities are left out. A count of 0 stores means all.
Which reports a store takes is declared in fsw/mdb/storage_control.py.
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
    Structure,
    array,
    boolean,
    command,
    cuc,
    enumerated,
    event,
    report,
    structure,
    telecommand,
    u8,
    u32,
    window,
)
from fsw.mdb.store import CHECKED, COMMITS, COPIES, FILE_SIZE, GENERATION, PACKETS, ROUNDS, WRITTEN
from fsw.mdb.system import ABSENT_U32
from fsw.pus.ids import APID_SYSTEM

STORES_MAX: Final = 16
STORE_ID_MAX: Final = 255
QUOTA_MIN: Final = 4_096
NEVER_S: Final = 0xFFFF_FFFF


@unique
class StoreKind(IntEnum):
    """What a full store does."""

    CIRCULAR = 0  # overwrites its oldest packets
    BOUNDED = 1  # takes nothing more


@unique
class Retrieving(IntEnum):
    """Status of a retrieval."""

    OFF = 0
    ON = 1


@unique
class Basis(IntEnum):
    """What an allocation was worked out from."""

    LINE_RATE = 0  # the lander has not said anything
    LINK = 1  # its rate, as if it never ended
    PASSES = 2  # its rate, for the part of the time that its last two passes were


@telecommand(15, 1, name="storage.enable")
class EnableStorage:
    """Let these stores take packets; none named: all."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 2, name="storage.disable")
class DisableStorage:
    """Let these stores take no packets; none named: all."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@structure
class RangeRetrieval:
    """What of a store is to be sent."""

    store: int = u8(low=1)
    tai_from: bytes = cuc()
    tai_to: bytes = cuc()


@telecommand(15, 9, name="storage.retrieve")
class StartRetrieval:
    """Send the packets of these times again."""

    retrievals: tuple[RangeRetrieval, ...] = array(RangeRetrieval, u8, low=1, high=STORES_MAX)


@telecommand(15, 17, name="storage.abort_retrieval")
class AbortRetrieval:
    """Send no more of the packets of a time range; no store named: of any."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 11, hazard=Hazard.DEPENDENT, name="storage.delete_content")
class DeleteContent:
    """Forget all packets up to this time; no store named: of all."""

    tai_to: bytes = cuc()
    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 12, name="storage.content")
class DescribeContent:
    """What do these stores hold? None named: all."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@structure
class StoreContent:
    """What one store holds."""

    store: int = u8(low=1)
    oldest: bytes = cuc()
    newest: bytes = cuc()
    open_tag: bytes = cuc(doc="time of the last packet that open retrieval has sent, or that the ground set")
    filled: int = u8(high=100, unit="percent")
    missing: int = u8(high=100, unit="percent", doc="of the quota: what lies behind the open tag")


@report(15, 13, name="storage.contents")
class Contents:
    """What stores hold."""

    stores: tuple[StoreContent, ...] = array(StoreContent, u8, high=STORES_MAX)


@telecommand(15, 14, hazard=Hazard.DEPENDENT, name="storage.start_tag")
class ChangeStartTag:
    """Let open retrieval begin with the packets of this time; no store named: of all."""

    tai_from: bytes = cuc()
    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 15, name="storage.resume")
class ResumeRetrieval:
    """Send what these stores hold behind their tags, and then what they take; none named: all."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 16, name="storage.suspend")
class SuspendRetrieval:
    """Stop open retrieval where it stands; no store named: of all."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 18, name="storage.status")
class DescribeStatus:
    """What do all stores do?"""


@structure
class StoreStatus:
    """What one store does."""

    store: int = u8(low=1)
    storage: bool = boolean()
    open: Retrieving = enumerated(Retrieving)
    by_time: Retrieving = enumerated(Retrieving)


@report(15, 19, name="storage.states")
class States:
    """What all stores do."""

    stores: tuple[StoreStatus, ...] = array(StoreStatus, u8, high=STORES_MAX)


@structure
class StoreConfiguration:
    """How a store is made."""

    store: int = u8(low=1)
    quota: int = u32(low=QUOTA_MIN, unit="octets")
    kind: StoreKind = enumerated(StoreKind)
    vc: int = u8(high=7)


@telecommand(15, 20, name="storage.create")
class CreateStores:
    """Make stores; they begin disabled and take nothing yet."""

    stores: tuple[StoreConfiguration, ...] = array(StoreConfiguration, u8, low=1, high=STORES_MAX)


@telecommand(15, 21, hazard=Hazard.DEPENDENT, name="storage.delete")
class DeleteStores:
    """Delete stores that are disabled and empty; none named: all."""

    stores: tuple[int, ...] = array(u8(low=1), u8, high=STORES_MAX)


@telecommand(15, 22, name="storage.describe")
class DescribeStores:
    """How are all stores made?"""


@report(15, 23, name="storage.configurations")
class Configurations:
    """How all stores are made."""

    stores: tuple[StoreConfiguration, ...] = array(StoreConfiguration, u8, high=STORES_MAX)


@telecommand(15, 24, name="storage.copy")
class CopyPackets:
    """Copy the packets of these times into an empty store."""

    window: bytes = window()
    store_from: int = u8(low=1)
    store_to: int = u8(low=1)


@structure
class StoreQuota:
    """The size of a store."""

    store: int = u8(low=1)
    quota: int = u32(low=QUOTA_MIN, unit="octets")


@telecommand(15, 25, hazard=Hazard.DEPENDENT, name="storage.resize")
class ResizeStores:
    """Change how much stores may hold."""

    stores: tuple[StoreQuota, ...] = array(StoreQuota, u8, low=1, high=STORES_MAX)


@telecommand(15, 26, hazard=Hazard.DEPENDENT, name="storage.to_circular")
class ToCircular:
    """Let these stores overwrite their oldest packets."""

    stores: tuple[int, ...] = array(u8(low=1), u8, low=1, high=STORES_MAX)


@telecommand(15, 27, hazard=Hazard.DEPENDENT, name="storage.to_bounded")
class ToBounded:
    """Let these stores take nothing more when they are full."""

    stores: tuple[int, ...] = array(u8(low=1), u8, low=1, high=STORES_MAX)


@telecommand(15, 28, name="storage.channel")
class ChangeChannel:
    """Choose the virtual channel of a store's retrieval; this board has VC 3 for it and nothing else."""

    store: int = u8(low=1)
    vc: int = u8(high=7)


@command(APID_SYSTEM, function=10, name="storage.summary")
class Summarise:
    """What does the ground still miss, how long will it take, what will be lost first?"""


@structure
class StoreSummary:
    """What the ground misses of one store."""

    store: int = u8(low=1)
    priority: int = u8()
    packets: int = u32(doc="behind the open tag")
    octets: int = u32()
    dropped: int = u32(doc="packets that a bounded store did not take, or a circular one overwrote")
    lost_in_s: int = u32(unit="s", doc="until what is missed is lost at the rate of this life; 0xFFFFFFFF: never")


@report(15, 128, name="storage.summary")
class Summary:
    """What the ground misses; `drops_first` is the store that loses something first, 0 for none."""

    basis: Basis = enumerated(Basis)
    octets_per_day: int = u32(doc="what the allocation carries, frames' overhead taken off")
    to_empty_s: int = u32(unit="s", doc="0xFFFFFFFF: never")
    drops_first: int = u8()
    stores: tuple[StoreSummary, ...] = array(StoreSummary, u8, high=STORES_MAX)


@command(APID_SYSTEM, function=11, name="storage.flush_by_value")
class FlushByValue:
    """The last pass: send what the ground misses, the store of highest priority first, the newest packet first."""

    on: bool = boolean(doc="false: stop it")


@command(APID_SYSTEM, function=12, hazard=Hazard.DEPENDENT, name="storage.priority")
class SetPriority:
    """What a store is worth: the higher, the earlier it leaves."""

    store: int = u8(low=1)
    priority: int = u8()


@event(APID_SYSTEM, 22, Severity.MEDIUM)
class PacketsNotStored:
    """The packet stores do not take what they are given; it still goes down live."""

    code: int = u8(doc="status of the store, 255: it did not answer")


@event(APID_SYSTEM, 23, Severity.INFO)
class PacketsStoredAgain:
    """The packet stores take packets again."""

    lost: int = u32(doc="packets that were not stored, or perhaps were, in this life")


@event(APID_SYSTEM, 24, Severity.LOW)
class StoreFull:
    """A bounded store is full and takes nothing more."""

    store: int = u8()


@event(APID_SYSTEM, 25, Severity.INFO)
class RetrievalDone:
    """The packets of a time range are sent."""

    store: int = u8()
    packets: int = u32()


@event(APID_SYSTEM, 26, Severity.INFO)
class FlushDone:
    """All that the ground missed is sent, or the flush was stopped."""

    empty: bool = boolean()
    packets: int = u32()


@event(APID_SYSTEM, 27, Severity.LOW)
class RetrievalFailed:
    """The store did not give what was to be sent; it is asked again."""

    store: int = u8()


STORED: Final = Parameter(50, "storage.stored", U32, doc="rows on the disk in this life")
NOT_STORED: Final = Parameter(51, "storage.not_stored", U32, doc="packets that found no room or a failing disk")
GROUPS: Final = Parameter(52, "storage.groups", U32, doc="commits asked for")
QUEUE_PACKETS: Final = Parameter(53, "storage.queue_packets", U16)
QUEUE_OCTETS: Final = Parameter(54, "storage.queue_octets", U32)
FAULT: Final = Parameter(55, "storage.fault", U8, doc="0: none")
REPLAYED: Final = Parameter(56, "storage.replayed", U32, doc="packets sent again in this life")
REPLAYED_OCTETS: Final = Parameter(57, "storage.replayed_octets", U32)
FRAMES_VC3: Final = Parameter(58, "storage.tm_frames_vc3", U32)
CREDIT_VC3: Final = Parameter(59, "storage.credit_vc3", U32, "octets", absent=ABSENT_U32, doc="absent: no limit")
WITHHELD: Final = Parameter(60, "forwarding.withheld", U32, doc="reports that were not sent live")

HOUSEKEEPING: Final = Structure(
    8,
    "storage.housekeeping",
    (
        STORED, NOT_STORED, GROUPS, QUEUE_PACKETS, QUEUE_OCTETS, FAULT, REPLAYED, REPLAYED_OCTETS, FRAMES_VC3,
        CREDIT_VC3, WITHHELD, COMMITS, WRITTEN, PACKETS, FILE_SIZE, GENERATION, COPIES, CHECKED, ROUNDS,
    ),
)  # fmt: skip
