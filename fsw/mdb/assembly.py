"""From modules to tables: collect what modules declare, name it, and refuse what cannot stand together.

A refusal is a DeclarationError, one sentence that names both sides of a collision or the bound that is broken.
"""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Final, NamedTuple, TypeVar, cast

from fsw.mdb.codec import NUMBER_OCTETS
from fsw.mdb.model import (
    EVERY_PROCESS,
    U8,
    U16,
    U32,
    Declaration,
    Hazard,
    Parameter,
    Process,
    Role,
    Severity,
    Structure,
    declaration_of,
    octets_max,
)
from fsw.pus import tc
from fsw.pus.ids import APID_SYSTEM, CONTRACT_PROCESSES, Service

T = TypeVar("T")
K = TypeVar("K")

BODY_OCTETS_MAX: Final = 1009  # a TC frame of 1024 octets less header, FECF, primary packet header and checksum
_ID_MAX: Final = 0xFFFF


class DeclarationError(ValueError):
    """Declarations that cannot stand, or not together."""


class CommandEntry(NamedTuple):
    """A telecommand of one process. `function` is 0 outside ST[08]."""

    name: str
    apid: int
    service: int
    subtype: int
    function: int
    hazard: Hazard
    body: type[object]
    doc: str


class ReportEntry(NamedTuple):
    """A report of one process."""

    name: str
    apid: int
    service: int
    subtype: int
    body: type[object]
    doc: str


class EventEntry(NamedTuple):
    """An event of one process."""

    name: str
    apid: int
    number: int
    severity: Severity
    body: type[object]
    doc: str


class PlainEntry(NamedTuple):
    """A packet without secondary header, of the lander (type bit 1) or to it (0); reports to the ground carry 0."""

    name: str
    apid: int
    packet_type: int
    body: type[object]
    doc: str


class Tables(NamedTuple):
    """All that a database knows, by identifier."""

    processes: dict[int, Process]
    commands: dict[tuple[int, int, int, int], CommandEntry]
    reports: dict[tuple[int, int, int], ReportEntry]
    events: dict[tuple[int, int], EventEntry]
    plain: dict[int, PlainEntry]
    parameters: dict[int, Parameter]
    structures: dict[int, Structure]


def assemble(modules: Iterable[ModuleType]) -> Tables:
    """Collect and check; what several modules name because they import it counts once."""
    found = _flat(value for module in modules for name, value in vars(module).items() if not name.startswith("__"))
    unique = list({id(value): value for value in found}.values())
    bodies = [cast("type[object]", value) for value in unique if _is_declared(value)]
    structures = [value for value in unique if isinstance(value, Structure)]
    parameters = [value for value in unique if isinstance(value, Parameter)]
    parameters += [parameter for structure in structures for parameter in structure.parameters]
    processes = _processes([value for value in unique if isinstance(value, Process)], bodies)
    tables = Tables(processes, {}, {}, {}, {}, _parameters(parameters), _structures(structures))
    for body in bodies:
        _enter(tables, body)
    _distinct_names(tables)
    _distinct_events(tables)
    return tables


def _flat(values: Iterable[object]) -> Iterable[object]:
    """Values, and what lies in tuples and mappings of parameters or structures."""
    for value in values:
        if isinstance(value, Mapping):
            yield from value.values()
        elif type(value) is tuple:
            yield from value
        else:
            yield value


def _is_declared(value: object) -> bool:
    return isinstance(value, type) and isinstance(getattr(value, "__declaration__", None), Declaration)


def _processes(declared: list[Process], bodies: list[type[object]]) -> dict[int, Process]:
    processes: dict[int, Process] = {}
    for process in declared:
        _put(processes, process.apid, process, f"APID {process.apid:#05x}")
        if not 0 < process.apid < 0x7FF:
            raise DeclarationError(f"process {process.name}: APID {process.apid:#05x} lies outside 0x001 to 0x7fe")
    for body in bodies:
        declaration = declaration_of(body)
        apid = declaration.apid
        if declaration.role in (Role.LANDER, Role.PAYLOAD) or apid == EVERY_PROCESS or apid in processes:
            continue
        if apid not in CONTRACT_PROCESSES:
            raise DeclarationError(f"{body.__qualname__}: no Process names APID {apid:#05x}")
        processes[apid] = Process(apid, CONTRACT_PROCESSES[apid])
    return dict(sorted(processes.items()))


def _put(table: dict[K, T], key: K, value: T, what: str) -> None:
    """Enter a value under an identifier that nothing else may have."""
    other = table.get(key)
    if other is not None and other is not value:
        raise DeclarationError(f"{what} is claimed by {_called(other)} and by {_called(value)}")
    table[key] = value


def _called(value: object) -> str:
    body = getattr(value, "body", None)
    where = f" ({body.__module__}.{body.__qualname__})" if isinstance(body, type) else ""
    return f"{getattr(value, 'name', value)}{where}"


def _enter(tables: Tables, body: type[object]) -> None:
    """Enter a body class once, or once for each process."""
    declaration = declaration_of(body)
    size = octets_max(body)
    if declaration.role is Role.COMMAND:
        size += NUMBER_OCTETS if declaration.service == Service.FUNCTIONS else 0
        _fits(body, size, tc.DATA_OCTETS_MAX)
    else:
        _fits(body, size + (NUMBER_OCTETS if declaration.role is Role.EVENT else 0), BODY_OCTETS_MAX)
    if not 0 <= declaration.number <= _ID_MAX:
        raise DeclarationError(f"{body.__qualname__}: id {declaration.number} does not fit 16 bits")
    apids = tables.processes if declaration.apid == EVERY_PROCESS else (declaration.apid,)
    for apid in apids:
        _enter_for(tables, body, declaration, apid)


def _fits(body: type[object], octets: int, most: int) -> None:
    if octets > most:
        raise DeclarationError(f"{body.__qualname__} can take {octets} octets where {most} fit")


def _enter_for(tables: Tables, body: type[object], declaration: Declaration, apid: int) -> None:
    _, name, _, service, subtype, number, hazard, doc = declaration
    every = declaration.apid == EVERY_PROCESS
    match declaration.role:
        case Role.COMMAND:
            # What every process serves goes by its bare name at the system process: `ping`, `power.ping`.
            qualified = apid != APID_SYSTEM if every else service == Service.FUNCTIONS
            name = f"{tables.processes[apid].name}.{name}" if qualified else name
            command = CommandEntry(name, apid, service, subtype, number, hazard, body, doc)
            what = f"telecommand ({service},{subtype}) function {number} of APID {apid:#05x}"
            _put(tables.commands, (apid, service, subtype, number), command, what)
        case Role.REPORT:
            report = ReportEntry(name, apid, service, subtype, body, doc)
            _put(tables.reports, (apid, service, subtype), report, f"report ({service},{subtype}) of APID {apid:#05x}")
        case Role.EVENT:
            name = f"{tables.processes[apid].name}.{name}"
            entry = EventEntry(name, apid, number, Severity(subtype), body, doc)
            _put(tables.events, (apid, number), entry, f"event {number} of APID {apid:#05x}")
        case _:  # LANDER, PAYLOAD
            packet_type = int(declaration.role is Role.LANDER and apid < 0x200)
            plain = PlainEntry(name, apid, packet_type, body, doc)
            _put(tables.plain, apid, plain, f"APID {apid:#05x}")


def _parameters(found: list[Parameter]) -> dict[int, Parameter]:
    parameters: dict[int, Parameter] = {}
    for parameter in found:
        _put(parameters, parameter.pid, parameter, f"parameter id {parameter.pid:#06x}")
        _check_parameter(parameter)
    return dict(sorted(parameters.items()))


def _check_parameter(parameter: Parameter) -> None:
    if not 0 < parameter.pid <= _ID_MAX:
        raise DeclarationError(f"parameter {parameter.name}: id {parameter.pid} lies outside 1 to 65535")
    value_type = parameter.value_type
    low = value_type.low if parameter.low is None else parameter.low
    high = value_type.high if parameter.high is None else parameter.high
    if not value_type.low <= low <= high <= value_type.high:
        raise DeclarationError(f"parameter {parameter.name}: a {value_type.name} cannot hold the range {low}..{high}")
    for word, bound in (
        ("limit_low", parameter.limit_low), ("limit_high", parameter.limit_high),
        ("absent", parameter.absent), ("initial", parameter.initial),
    ):  # fmt: skip
        if bound is not None and not value_type.low <= bound <= value_type.high:
            raise DeclarationError(f"parameter {parameter.name}: a {value_type.name} cannot hold {word} {bound}")
    bounds = [bound for bound in (parameter.limit_low, parameter.limit_high) if bound is not None]
    if bounds != sorted(bounds):
        raise DeclarationError(f"parameter {parameter.name}: limit_low lies above limit_high")
    if parameter.writable and not low <= parameter.initial <= high:
        raise DeclarationError(f"parameter {parameter.name}: initial {parameter.initial} lies outside {low}..{high}")
    if parameter.guarded and (value_type not in (U8, U16, U32) or parameter.absent is not None):
        raise DeclarationError(
            f"parameter {parameter.name}: only an unsigned value that is always there has a complement"
        )


def _structures(found: list[Structure]) -> dict[int, Structure]:
    structures: dict[int, Structure] = {}
    for structure in found:
        _put(structures, structure.sid, structure, f"structure id {structure.sid}")
        pids = [parameter.pid for parameter in structure.parameters]
        if not 0 < structure.sid <= _ID_MAX:
            raise DeclarationError(f"structure {structure.name}: id {structure.sid} lies outside 1 to 65535")
        if not 0 < structure.interval <= _ID_MAX:
            raise DeclarationError(f"structure {structure.name}: interval {structure.interval} lies outside 1 to 65535")
        if not pids or len(set(pids)) != len(pids):
            raise DeclarationError(f"structure {structure.name} must hold parameters, and each but once")
        octets = NUMBER_OCTETS + sum(parameter.value_type.octets for parameter in structure.parameters)
        if octets > BODY_OCTETS_MAX:
            raise DeclarationError(f"structure {structure.name} takes {octets} octets where {BODY_OCTETS_MAX} fit")
    return dict(sorted(structures.items()))


def _distinct_names(tables: Tables) -> None:
    """Names are what an operator types: one name, one thing of its kind."""
    kinds = (tables.commands, tables.events, tables.plain, tables.parameters, tables.structures, tables.processes)
    for table in kinds:
        named: dict[str, object] = {}
        for value in cast("Mapping[object, Parameter]", table).values():
            _put(named, value.name, value, f"the name {value.name}")


def _distinct_events(tables: Tables) -> None:
    """Event ids are unique on the board: (5,5) to (5,8) name an event by its id alone."""
    numbered: dict[int, EventEntry] = {}
    for entry in tables.events.values():
        other = numbered.setdefault(entry.number, entry)
        if other.body is not entry.body:
            raise DeclarationError(
                f"event id {entry.number:#06x} is claimed by {_called(other)} and by {_called(entry)}"
            )
