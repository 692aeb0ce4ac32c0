"""One packet store as flight knows it: how it is made, what it takes, what it does, how far the ground has it.

Rows of table STORES by key: store << 3 | part. Part 0 is the definition (kind u8, quota u32, priority u8, bits u8:
1 storage, 2 open retrieval), empty for a store of the mission that was deleted; parts 1 to 3
are what it takes (fsw/services/archive/selection.py); part 4 the open tag (row u64, its TAI u64, TAI to begin from
u64).

Off nominal: kept rows that make no sense leave a store as the mission made it; one without a quota is none.
"""

import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from fsw.mdb.mission import Mission
from fsw.mdb.mission_stores import StoreEntry
from fsw.mdb.storage import StoreKind
from fsw.pus.ids import APID_SYSTEM, Service
from fsw.services.archive.selection import (
    EVENT_SUBTYPE_MAX,
    HOUSEKEEPING_SUBTYPE,
    Selection,
    Universe,
    decode_rows,
    encode_rows,
)
from fsw.services.archive.storage_states import Activity
from fsw.store import packets
from fsw.store.keep import Change, Table, put

DEFINITION, TYPES, STRUCTURES, EVENTS, TAG = range(5)
PART_BITS: Final = 3
_DEFINITION: Final = struct.Struct(">BIBB")
_TAG: Final = struct.Struct(">QQQ")
_STORAGE, _OPEN = 1, 2
_IN_DEFINITION: Final = frozenset(("kind", "quota", "value", "storage", "open"))
_IN_TAG: Final = frozenset(("tag_row", "tag_tai", "tag_from"))
WHOLE: Final = _IN_DEFINITION | _IN_TAG | {"selection"}
"""All that is kept of a store."""


class PacketStore:
    """State of one store; `value` is its priority."""

    __slots__ = (
        "by_time",
        "epoch",
        "flush",
        "kind",
        "moved",
        "open",
        "quota",
        "selection",
        "storage",
        "store",
        "tag_from",
        "tag_row",
        "tag_tai",
        "value",
    )

    def __init__(self, store: int, quota: int, kind: StoreKind) -> None:
        self.store = store
        self.quota = quota
        self.kind = kind
        self.value = 0
        self.storage = False
        self.open = False
        self.by_time = False
        self.flush = False
        self.selection = Selection()
        self.tag_row = 0
        """The last row that open retrieval has sent, or that lies before what the ground wants."""
        self.tag_tai = 0
        self.tag_from = 0
        """Where the ground set the tag to, until a row behind it has been sent."""
        self.epoch = 0
        """Changes with every tag that does not follow from what was sent."""
        self.moved = False
        """Whether the tag is not on the disk as it stands."""

    @property
    def activity(self) -> Activity:
        """What it is doing."""
        doing = Activity.STORAGE if self.storage else Activity(0)
        doing |= Activity.OPEN if self.open else Activity(0)
        doing |= Activity.BY_TIME if self.by_time else Activity(0)
        return doing | (Activity.FLUSH if self.flush else Activity(0))

    def limits(self) -> packets.Limits:
        """As the packet store is told."""
        return packets.Limits(self.store, packets.StoreKind(int(self.kind)), self.value, self.quota)

    def copy(self) -> "PacketStore":
        """The same state, to be changed on probation."""
        other = PacketStore(self.store, self.quota, self.kind)
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    # --- kept ------------------------------------------------------------------------------------------------------

    def definition(self) -> Change:
        """The row of the definition."""
        bits = _STORAGE * self.storage | _OPEN * self.open
        row = _DEFINITION.pack(int(self.kind), self.quota, self.value, bits)
        return put(Table.STORES, self.store << PART_BITS | DEFINITION, row)

    def tag(self) -> Change:
        """The row of the open tag."""
        row = _TAG.pack(self.tag_row, self.tag_tai, self.tag_from)
        return put(Table.STORES, self.store << PART_BITS | TAG, row)

    def changes(self, fields: Collection[str], known: Universe) -> list[Change]:
        """The rows that these fields of it are kept in."""
        found = [] if _IN_DEFINITION.isdisjoint(fields) else [self.definition()]
        if "selection" in fields:
            rows = enumerate(encode_rows(self.selection, known), TYPES)
            found += [put(Table.STORES, self.store << PART_BITS | part, row) for part, row in rows]
        return found if _IN_TAG.isdisjoint(fields) else [*found, self.tag()]

    def restore(self, rows: Mapping[int, bytes], known: Universe) -> None:
        """Take the rows that were kept of it; what makes no sense leaves things as they are."""
        parts = {part: rows.get(self.store << PART_BITS | part) for part in range(TAG + 1)}
        row = parts[DEFINITION]
        if row is not None and len(row) == _DEFINITION.size and row[0] in (StoreKind.CIRCULAR, StoreKind.BOUNDED):
            kind, self.quota, self.value, bits = _DEFINITION.unpack(row)
            self.kind = StoreKind(kind)
            self.storage, self.open = bool(bits & _STORAGE), bool(bits & _OPEN)
        self.selection = decode_rows((parts[TYPES], parts[STRUCTURES], parts[EVENTS]), self.selection, known)
        row = parts[TAG]
        if row is not None and len(row) == _TAG.size:
            self.tag_row, self.tag_tai, self.tag_from = _TAG.unpack(row)


def stores_of(mission: Mission, known: Universe) -> dict[int, PacketStore]:
    """The stores as the mission declares them, recording."""
    found = {}
    for entry in mission.storage.stores:
        store = PacketStore(entry.store, entry.quota, entry.kind)
        store.value = entry.priority
        store.storage = True
        store.selection = _takes(entry, mission, known)
        found[entry.store] = store
    return found


def restored(rows: Mapping[int, bytes], stores: Mapping[int, PacketStore], known: Universe) -> dict[int, PacketStore]:
    """The stores as they were kept: those of the mission, less what was deleted, and those made in flight."""
    made = {key >> PART_BITS for key in rows if key & (1 << PART_BITS) - 1 == DEFINITION}
    found = {}
    for number in sorted(made | set(stores)):
        if rows.get(number << PART_BITS | DEFINITION) == b"" or not 0 < number <= packets.STORE_MAX:
            continue
        store = stores.get(number) or PacketStore(number, 0, StoreKind.CIRCULAR)
        store.restore(rows, known)
        if store.quota:
            found[number] = store
    return found


def _takes(entry: StoreEntry, mission: Mission, known: Universe) -> Selection:
    """What the mission's words choose."""
    housekeeping = (APID_SYSTEM, int(Service.HOUSEKEEPING), HOUSEKEEPING_SUBTYPE)
    groups = {
        "verification": {t for t in known.types if t[1] == Service.VERIFICATION},
        "events": {t for t in known.types if t[1] == Service.EVENTS and t[2] <= EVENT_SUBTYPE_MAX},
        "housekeeping": {housekeeping},
    }
    groups["reports"] = set(known.types).difference(*groups.values())
    types = set().union(*(groups.get(word, set()) for word in entry.takes))
    of_instruments = sorted(_instrument_structures(mission))
    if "housekeeping" in entry.takes:
        rates = {} if "instruments" in entry.takes else dict.fromkeys(of_instruments, 0)
    else:
        rates = dict.fromkeys(of_instruments, 1) if "instruments" in entry.takes else {}
    return Selection(frozenset(types), rates)


def _instrument_structures(mission: Mission) -> Iterable[int]:
    modules = [entry.module for entry in mission.instruments]
    declared = {id(value) for module in modules for value in vars(module).values()}
    return (sid for sid, structure in mission.database.structures.items() if id(structure) in declared)
