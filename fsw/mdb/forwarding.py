"""ST[14] real-time forwarding control: which reports go down live (ECSS-E-ST-70-41C 6.14, profile of the contract).

Layouts: counts u8, APIDs, structure ids and event ids u16, services and subtypes u8; a count of 0 names all below.
The shapes here are those of ST[15] storage control too (subtypes 3 to 6 and 29 to 40), behind a store id there.
Diagnostic structures (subtypes 9 to 12) do not exist on this board and are answered as unknown subtypes.
"""

from typing import Final

from fsw.mdb.model import array, report, structure, telecommand, u8, u16

LIST_OCTETS: Final = 960
"""Most that a list of report types takes, in a request, a report and a kept row."""
PROCESSES_MAX: Final = 64
STRUCTURES_MAX: Final = 64
BLOCKED_MAX: Final = 128


@structure
class ServiceTypes:
    """Message subtypes of one service; none: all that are declared."""

    service: int = u8(low=1)
    subtypes: tuple[int, ...] = array(u8(low=1), u8, high=32)


@structure
class ProcessTypes:
    """Report types of one process; none: all that are declared."""

    apid: int = u16(low=1, high=0x7FE)
    services: tuple[ServiceTypes, ...] = array(ServiceTypes, u8, high=32, octets=LIST_OCTETS - 3)


@structure
class TypeList:
    """Report types, as they stand in requests, reports and kept rows."""

    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)


@structure
class SampledStructure:
    """A housekeeping structure, of which one report in `rate` is meant, 0 for none."""

    sid: int = u16(low=1)
    rate: int = u16(doc="0: none of them")


@structure
class ProcessSamples:
    """Housekeeping structures of one process, each with its rate."""

    apid: int = u16(low=1, high=0x7FE)
    structures: tuple[SampledStructure, ...] = array(SampledStructure, u8, low=1, high=STRUCTURES_MAX)


@structure
class ProcessStructures:
    """Housekeeping structures of one process; none: all of it."""

    apid: int = u16(low=1, high=0x7FE)
    sids: tuple[int, ...] = array(u16(low=1), u8, high=STRUCTURES_MAX)


@structure
class ProcessEvents:
    """Events of one process; none: all of it, which only a deletion may mean."""

    apid: int = u16(low=1, high=0x7FE)
    events: tuple[int, ...] = array(u16(), u8, high=BLOCKED_MAX)


@telecommand(14, 1, name="forwarding.add")
class AddForwarded:
    """Let these report types go down live."""

    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 2, name="forwarding.delete")
class DeleteForwarded:
    """Do not send these report types live; verification always is."""

    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 3, name="forwarding.describe")
class DescribeForwarded:
    """Which report types go down live?"""


@report(14, 4, name="forwarding.types")
class ForwardedTypes:
    """The report types that go down live."""

    processes: tuple[ProcessTypes, ...] = array(ProcessTypes, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 5, name="forwarding.add_structures")
class AddForwardedStructures:
    """Send one report in `rate` of these structures live, 0 for none, whatever is said of (3,25)."""

    processes: tuple[ProcessSamples, ...] = array(ProcessSamples, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 6, name="forwarding.delete_structures")
class DeleteForwardedStructures:
    """Treat these structures as (3,25) is treated."""

    processes: tuple[ProcessStructures, ...] = array(
        ProcessStructures, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS
    )


@telecommand(14, 7, name="forwarding.describe_structures")
class DescribeForwardedStructures:
    """Which structures have a rate of their own?"""


@report(14, 8, name="forwarding.structures")
class ForwardedStructures:
    """The structures that have a rate of their own."""

    processes: tuple[ProcessSamples, ...] = array(ProcessSamples, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 13, name="forwarding.unblock_events")
class UnblockForwardedEvents:
    """Let these events go down live again."""

    processes: tuple[ProcessEvents, ...] = array(ProcessEvents, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 14, name="forwarding.block_events")
class BlockForwardedEvents:
    """Do not send these events live."""

    processes: tuple[ProcessEvents, ...] = array(ProcessEvents, u8, low=1, high=PROCESSES_MAX, octets=LIST_OCTETS)


@telecommand(14, 15, name="forwarding.describe_events")
class DescribeForwardedEvents:
    """Which events are blocked?"""


@report(14, 16, name="forwarding.blocked_events")
class ForwardedEvents:
    """The events that are blocked."""

    processes: tuple[ProcessEvents, ...] = array(ProcessEvents, u8, high=PROCESSES_MAX, octets=LIST_OCTETS)
