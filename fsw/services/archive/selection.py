"""A choice of reports: what goes down live (ST[14]), what a packet store takes (ST[15]).

A choice is a set of report types that the mission declares, rates for single housekeeping structures, and events that
are blocked. Requests make a new choice of the old one, or say why not; nothing is changed in place.
Off nominal: one bad instruction refuses the request whole: 0x10 what is not declared or not chosen, 0x11 what is
chosen already or named twice, 0x12 more than a report can tell, 0x19 what is never chosen otherwise.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, unique
from typing import Final, NamedTuple, cast

from fsw.mdb import codec
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database
from fsw.mdb.forwarding import (
    BLOCKED_MAX,
    LIST_OCTETS,
    STRUCTURES_MAX,
    ProcessEvents,
    ProcessSamples,
    ProcessStructures,
    ProcessTypes,
    SampledStructure,
    ServiceTypes,
    TypeList,
)
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service

HOUSEKEEPING_SUBTYPE: Final = 25
EVENT_SUBTYPE_MAX: Final = 4
_SAMPLE_OCTETS: Final = 4

ReportType = tuple[int, int, int]
"""APID, service, subtype."""


class Selection(NamedTuple):
    """One choice. `rates` by structure id, 0 for never; `blocked` by APID and event id."""

    types: frozenset[ReportType] = frozenset()
    rates: Mapping[int, int] = {}
    blocked: frozenset[tuple[int, int]] = frozenset()

    def rate_of(self, apid: int, service: int, subtype: int, number: int) -> int:
        """Every how many reports of this kind one is chosen; 0: none. `number`: structure or event id."""
        if service == Service.HOUSEKEEPING and subtype == HOUSEKEEPING_SUBTYPE:
            rate = self.rates.get(number)
            if rate is not None:
                return rate
        if (apid, service, subtype) not in self.types:
            return 0
        blocked = service == Service.EVENTS and subtype <= EVENT_SUBTYPE_MAX and (apid, number) in self.blocked
        return 0 if blocked else 1


class Universe(NamedTuple):
    """What may be chosen from: the report types and events that a mission declares."""

    types: frozenset[ReportType]
    events: frozenset[tuple[int, int]]

    def below(self, apid: int, service: int | None = None) -> frozenset[ReportType]:
        """All types of a process, or of one of its services."""
        return frozenset(t for t in self.types if t[0] == apid and service in (None, t[1]))


def universe(database: Database) -> Universe:
    """All that the mission's processes can report."""
    tables = database.tables
    types = {key for key in tables.reports if key[0] in tables.processes}
    types |= {(apid, int(Service.EVENTS), int(entry.severity)) for (apid, _), entry in tables.events.items()}
    return Universe(frozenset(types), frozenset(tables.events))


def _expand(known: Universe, processes: Iterable[ProcessTypes]) -> list[frozenset[ReportType]] | FailureCode:
    """The types that each instruction names, or why the request cannot be."""
    found: list[frozenset[ReportType]] = []
    for process in processes:
        if not process.services:
            found.append(known.below(process.apid))
        for service in process.services:
            if service.subtypes:
                found += [frozenset(((process.apid, service.service, subtype),)) for subtype in service.subtypes]
            else:
                found.append(known.below(process.apid, service.service))
    if not all(types and types <= known.types for types in found):
        return FailureCode.UNKNOWN_ID
    return found if sum(map(len, found)) == len(frozenset().union(*found)) else FailureCode.ALREADY_EXISTS


def add_types(old: Selection, known: Universe, processes: Iterable[ProcessTypes]) -> Selection | FailureCode:
    """Choose these types too."""
    found = _expand(known, processes)
    if isinstance(found, FailureCode):
        return found
    if any(types <= old.types for types in found):
        return FailureCode.ALREADY_EXISTS
    new = old._replace(types=old.types.union(*found))
    return new if types_octets(new, known) <= LIST_OCTETS else FailureCode.CAPACITY


def delete_types(
    old: Selection, known: Universe, processes: Iterable[ProcessTypes], protected: Iterable[int] = ()
) -> Selection | FailureCode:
    """Choose these types no more; a service that is protected stays where all of a process is named."""
    kept = frozenset(protected)
    found = _expand(known, processes)
    if isinstance(found, FailureCode):
        return found
    if not all(types & old.types for types in found):
        return FailureCode.UNKNOWN_ID
    if any({service for _, service, _ in types} <= kept for types in found):
        return FailureCode.PROTECTED
    gone = {t for types in found for t in types if t[1] not in kept}
    new = old._replace(types=old.types - gone)
    return new if types_octets(new, known) <= LIST_OCTETS else FailureCode.CAPACITY


def add_structures(
    old: Selection, is_there: Callable[[int], bool], processes: Iterable[ProcessSamples]
) -> Selection | FailureCode:
    """Give these structures a rate of their own; `is_there` knows their ids."""
    rates = dict(old.rates)
    named: set[int] = set()
    for process in processes:
        for sid, rate in ((sampled.sid, sampled.rate) for sampled in process.structures):
            if process.apid != APID_SYSTEM or not is_there(sid):
                return FailureCode.UNKNOWN_ID
            if sid in named or old.rates.get(sid) == rate:
                return FailureCode.ALREADY_EXISTS
            named.add(sid)
            rates[sid] = rate
    return FailureCode.CAPACITY if len(rates) > STRUCTURES_MAX else old._replace(rates=dict(sorted(rates.items())))


def delete_structures(old: Selection, processes: Iterable[ProcessStructures]) -> Selection | FailureCode:
    """Take the rates of these structures back."""
    named: list[int] = []
    for process in processes:
        sids = process.sids or tuple(old.rates)
        if process.apid != APID_SYSTEM or not sids or not set(sids) <= set(old.rates):
            return FailureCode.UNKNOWN_ID
        named += sids
    if len(set(named)) != len(named):
        return FailureCode.ALREADY_EXISTS
    return old._replace(rates={sid: rate for sid, rate in old.rates.items() if sid not in named})


def block_events(old: Selection, known: Universe, processes: Iterable[ProcessEvents]) -> Selection | FailureCode:
    """Block these events; each must be named."""
    named: list[tuple[int, int]] = []
    for process in processes:
        pairs = [(process.apid, number) for number in process.events]
        if not pairs or not known.events.issuperset(pairs):
            return FailureCode.UNKNOWN_ID
        named += pairs
    if len(set(named)) != len(named) or old.blocked.intersection(named):
        return FailureCode.ALREADY_EXISTS
    blocked = old.blocked.union(named)
    return FailureCode.CAPACITY if len(blocked) > BLOCKED_MAX else old._replace(blocked=blocked)


def unblock_events(old: Selection, processes: Iterable[ProcessEvents]) -> Selection | FailureCode:
    """Block these events no more; none named: none of that process."""
    named: list[tuple[int, int]] = []
    for process in processes:
        pairs = [(process.apid, number) for number in process.events]
        pairs = pairs or sorted(pair for pair in old.blocked if pair[0] == process.apid)
        if not pairs or not old.blocked.issuperset(pairs):
            return FailureCode.UNKNOWN_ID
        named += pairs
    if len(set(named)) != len(named):
        return FailureCode.ALREADY_EXISTS
    return old._replace(blocked=old.blocked.difference(named))


@unique
class Action(Enum):
    """What a request does to a choice."""

    ADD_TYPES = "add types"
    DELETE_TYPES = "delete types"
    ADD_STRUCTURES = "add structures"
    DELETE_STRUCTURES = "delete structures"
    UNBLOCK_EVENTS = "unblock events"
    BLOCK_EVENTS = "block events"


class Terms(NamedTuple):
    """What requests are judged by: what is declared, which structures there are, which services stay chosen."""

    known: Universe
    is_there: Callable[[int], bool]
    protected: frozenset[int] = frozenset()


def plan(action: Action, old: Selection, processes: object, terms: Terms) -> Selection | FailureCode:
    """The choice after a request, whose instructions have the shape of the action; or why it cannot be."""
    match action:
        case Action.ADD_TYPES:
            return add_types(old, terms.known, cast("tuple[ProcessTypes, ...]", processes))
        case Action.DELETE_TYPES:
            return delete_types(old, terms.known, cast("tuple[ProcessTypes, ...]", processes), terms.protected)
        case Action.ADD_STRUCTURES:
            return add_structures(old, terms.is_there, cast("tuple[ProcessSamples, ...]", processes))
        case Action.DELETE_STRUCTURES:
            return delete_structures(old, cast("tuple[ProcessStructures, ...]", processes))
        case Action.UNBLOCK_EVENTS:
            return unblock_events(old, cast("tuple[ProcessEvents, ...]", processes))
        case Action.BLOCK_EVENTS:
            return block_events(old, terms.known, cast("tuple[ProcessEvents, ...]", processes))


# --- as reports and kept rows tell it ------------------------------------------------------------------------------


def type_list(selection: Selection, known: Universe) -> tuple[ProcessTypes, ...]:
    """The chosen types in order; a process or service of which all is chosen says so by naming nothing below."""
    found = []
    for apid in sorted({t[0] for t in selection.types}):
        chosen = known.below(apid) & selection.types
        services: list[ServiceTypes] = []
        if chosen != known.below(apid):
            for service in sorted({t[1] for t in chosen}):
                below = known.below(apid, service)
                subtypes = () if below <= chosen else tuple(sorted(t[2] for t in below & chosen))
                services.append(ServiceTypes(service=service, subtypes=subtypes))
        found.append(ProcessTypes(apid=apid, services=tuple(services)))
    return tuple(found)


def types_octets(selection: Selection, known: Universe) -> int:
    """Octets of the list of types."""
    return 1 + sum(3 + sum(2 + len(s.subtypes) for s in p.services) for p in type_list(selection, known))


def sample_list(selection: Selection) -> tuple[ProcessSamples, ...]:
    """The structures that have a rate, all of them of `system`."""
    samples = tuple(SampledStructure(sid=sid, rate=rate) for sid, rate in sorted(selection.rates.items()))
    return (ProcessSamples(apid=APID_SYSTEM, structures=samples),) if samples else ()


def event_list(selection: Selection) -> tuple[ProcessEvents, ...]:
    """The blocked events by process."""
    apids = sorted({apid for apid, _ in selection.blocked})
    return tuple(
        ProcessEvents(apid=apid, events=tuple(sorted(n for a, n in selection.blocked if a == apid))) for apid in apids
    )


def encode_rows(selection: Selection, known: Universe) -> tuple[bytes, bytes, bytes]:
    """Three rows to be kept: types, structures, events."""
    types = codec.encode(TypeList(processes=type_list(selection, known)))
    rates = b"".join(sid.to_bytes(2, "big") + rate.to_bytes(2, "big") for sid, rate in sorted(selection.rates.items()))
    blocked = b"".join(a.to_bytes(2, "big") + n.to_bytes(2, "big") for a, n in sorted(selection.blocked))
    return types, rates, blocked


def decode_rows(rows: tuple[bytes | None, bytes | None, bytes | None], of: Selection, known: Universe) -> Selection:
    """The choice that was kept; a row that is not there or makes no sense leaves `of`, what is unknown is left out."""
    types, rates, blocked = rows
    if types is not None:
        body = codec.decode(TypeList, types)
        if not isinstance(body, DecodeError):
            found = (_expand(known, (process,)) for process in body.processes)
            named = [group for groups in found if not isinstance(groups, FailureCode) for group in groups]
            of = of._replace(types=frozenset().union(*named))
    if rates is not None:
        of = of._replace(rates=dict(_pairs(rates)))
    if blocked is not None:
        of = of._replace(blocked=known.events.intersection(_pairs(blocked)))
    return of


def _pairs(row: bytes) -> list[tuple[int, int]]:
    words = [int.from_bytes(row[at : at + 2], "big") for at in range(0, len(row) - len(row) % _SAMPLE_OCTETS, 2)]
    return list(zip(words[::2], words[1::2], strict=True))
