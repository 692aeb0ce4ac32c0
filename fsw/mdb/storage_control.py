"""ST[15] storage control: which reports a packet store takes (subtypes 3 to 6, 29, 30, 33 to 36, 39, 40).

Layouts are those of ST[14] behind a store id u8 (fsw/mdb/forwarding.py), the reversed order of 33 and 34 too.
"""

from fsw.mdb.forwarding import (
    LIST_OCTETS,
    PROCESSES_MAX,
    ProcessEvents,
    ProcessSamples,
    ProcessStructures,
    ProcessTypes,
)
from fsw.mdb.model import array, report, telecommand, u8


@telecommand(15, 3, name="storage.add_types")
class AddStoredTypes:
    """Let a store take these report types."""

    store: int = u8(low=1)
    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 4, name="storage.delete_types")
class DeleteStoredTypes:
    """Let a store take these report types no more."""

    store: int = u8(low=1)
    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 5, name="storage.describe_types")
class DescribeStoredTypes:
    """Which report types does this store take?"""

    store: int = u8(low=1)


@report(15, 6, name="storage.types")
class StoredTypes:
    """The report types that a store takes."""

    store: int = u8(low=1)
    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 29, name="storage.add_structures")
class AddStoredStructures:
    """Let a store take one report in `rate` of these structures, 0 for none, whatever is said of (3,25)."""

    store: int = u8(low=1)
    processes: tuple[ProcessSamples, ...] = array(ProcessSamples, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 30, name="storage.delete_structures")
class DeleteStoredStructures:
    """Treat these structures as (3,25) is treated."""

    store: int = u8(low=1)
    processes: tuple[ProcessStructures, ...] = array(
        ProcessStructures, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS
    )


@telecommand(15, 35, name="storage.describe_structures")
class DescribeStoredStructures:
    """Which structures have a rate of their own in this store?"""

    store: int = u8(low=1)


@report(15, 36, name="storage.structures")
class StoredStructures:
    """The structures that have a rate of their own in a store."""

    store: int = u8(low=1)
    processes: tuple[ProcessSamples, ...] = array(ProcessSamples, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 33, name="storage.unblock_events")
class UnblockStoredEvents:
    """Let a store take these events again."""

    store: int = u8(low=1)
    processes: tuple[ProcessEvents, ...] = array(ProcessEvents, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 34, name="storage.block_events")
class BlockStoredEvents:
    """Let a store take these events no more."""

    store: int = u8(low=1)
    processes: tuple[ProcessEvents, ...] = array(ProcessEvents, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(15, 39, name="storage.describe_events")
class DescribeStoredEvents:
    """Which events does this store not take?"""

    store: int = u8(low=1)


@report(15, 40, name="storage.blocked_events")
class StoredEvents:
    """The events that a store does not take."""

    store: int = u8(low=1)
    processes: tuple[ProcessEvents, ...] = array(ProcessEvents, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)
