"""The mission database: an object assembled from modules, asked by flight, bench and ground alike.

It says what a telecommand asks, what a report tells, where a limit lies, and which database this is (its digest).
"""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Final, NamedTuple

from fsw.mdb import codec
from fsw.mdb.assembly import CommandEntry, EventEntry, PlainEntry, ReportEntry, Tables, assemble
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.dictionary import Dictionary, dictionary, digest
from fsw.mdb.model import EVERY_PROCESS, Parameter, Process, Structure, declaration_of
from fsw.mdb.standard_services import VALUE_LISTS, HousekeepingReport, ParameterValues
from fsw.mdb.system import LimitState
from fsw.mdb.values import ParameterValue, Raw, StructureLayout, decode_values, encode_values
from fsw.pus import tm
from fsw.pus.ids import APID_SYSTEM, APID_TIME, FailureCode, Refusal, Service, TimeStatus
from fsw.pus.tm import Plain, Telemetry, TimeReport

DIGEST_OCTETS_FLOWN: Final = 8
_SID_OCTETS: Final = 2


class Call(NamedTuple):
    """A telecommand understood: which, and with what arguments."""

    entry: CommandEntry
    body: object


class CallRefused(NamedTuple):
    """A telecommand not understood: the contract's failure code, and the sentence."""

    code: FailureCode
    detail: str


class EncodedCommand(NamedTuple):
    """What the telecommand's header and application data must hold."""

    apid: int
    service: int
    subtype: int
    data: bytes


class DecodedReport(NamedTuple):
    """A packet understood: its name, header, body (None for housekeeping and time), values by name."""

    name: str
    header: Telemetry | TimeReport | Plain
    body: object
    values: Mapping[str, object]


class Database:
    """Declarations of named modules, checked against one another; refuses with a DeclarationError."""

    def __init__(self, *modules: ModuleType) -> None:
        tables: Final = assemble(modules)
        self.tables: Final[Tables] = tables
        self.processes: Final[dict[int, Process]] = tables.processes
        self.parameters: Final[dict[int, Parameter]] = tables.parameters
        self.structures: Final[dict[int, Structure]] = tables.structures
        self._served: dict[int, dict[int, set[int]]] = {apid: {} for apid in tables.processes}
        for apid, service, subtype, _ in tables.commands:
            self._served[apid].setdefault(service, set()).add(subtype)
        self._commands_by_name = {entry.name: entry for entry in tables.commands.values()}
        self._aliases = {
            f"{tables.processes[entry.apid].name}.{entry.name}": entry
            for entry in tables.commands.values()
            if entry.apid == APID_SYSTEM and declaration_of(entry.body).apid == EVERY_PROCESS
        }
        self._parameters_by_name = {parameter.name: parameter for parameter in tables.parameters.values()}
        self._layouts: dict[int, StructureLayout] = {}
        self._cold = [entry.body for entry in self._entries()]
        self._digest = b""

    def _entries(self) -> Iterable[CommandEntry | ReportEntry | EventEntry | PlainEntry]:
        tables = self.tables
        for table in (tables.commands, tables.events, tables.reports, tables.plain):
            yield from table.values()

    @property
    def bodies(self) -> int:
        """How many classes of bodies are declared."""
        return sum(1 for _ in self._entries())

    def warm(self) -> None:
        """Compile the layout of one body that was not used yet; after `bodies` calls none is left."""
        while self._cold:
            body = self._cold.pop()
            if not codec.compiled(body):
                codec.warm(body)
                return

    # Telecommands

    def command_by(self, apid: int, service: int, subtype: int, function: int = 0) -> CommandEntry | None:
        """The telecommand of these identifiers."""
        return self.tables.commands.get((apid, service, subtype, function))

    def by_name(self, name: str) -> CommandEntry | None:
        """The telecommand of this name: `power.switch`; `ping` or `system.ping`, and `power.ping`."""
        return self._commands_by_name.get(name) or self._aliases.get(name)

    def command_names(self) -> list[str]:
        """All names of telecommands, sorted."""
        return sorted(self._commands_by_name)

    def encode_command(self, body: object, apid: int | None = None) -> EncodedCommand:
        """Header fields and application data of a telecommand; `apid` for those that every process serves."""
        declared = declaration_of(body)
        if apid is None:
            apid = APID_SYSTEM if declared.apid not in self.processes else declared.apid
        entry = self.command_by(apid, declared.service, declared.subtype, declared.number)
        assert entry is not None, f"{body!r} is no telecommand of APID {apid:#05x}"
        assert entry.body is type(body), f"{body!r} is not what APID {apid:#05x} declares"
        data = codec.encode_numbered(body) if entry.service == Service.FUNCTIONS else codec.encode(body)
        return EncodedCommand(apid, entry.service, entry.subtype, data)

    def decode_command(self, apid: int, service: int, subtype: int, data: bytes) -> Call | CallRefused:
        """What a telecommand asks of a known process; else the code of the first check it fails (contract, section 3).

        SERVICE, SUBTYPE and DATA are acceptance. UNKNOWN_ID is a function that the process does not have: a matter of
        the start of execution, as is an unknown parameter in (20,3).
        """
        served = self._served[apid]
        if service not in served:
            return CallRefused(FailureCode.SERVICE, f"{self.processes[apid].name} does not serve service {service}")
        if subtype not in served[service]:
            return CallRefused(FailureCode.SUBTYPE, f"service {service} has no telecommand of subtype {subtype}")
        function = 0
        if service == Service.FUNCTIONS:
            if len(data) < codec.NUMBER_OCTETS:
                return CallRefused(FailureCode.DATA, "no function id")
            function = int.from_bytes(data[: codec.NUMBER_OCTETS], "big")
            data = data[codec.NUMBER_OCTETS :]
        entry = self.command_by(apid, service, subtype, function)
        if entry is None:
            return CallRefused(FailureCode.UNKNOWN_ID, f"{self.processes[apid].name} has no function {function}")
        body = codec.decode(entry.body, data)
        if isinstance(body, DecodeError):
            return CallRefused(FailureCode.DATA, body.detail)
        if isinstance(body, VALUE_LISTS):
            values = self.decode_values(data)
            if isinstance(values, DecodeError) and values.reason is DecodeReason.LENGTH:
                return CallRefused(FailureCode.DATA, values.detail)
        return Call(entry, body)

    # Parameters, structures, limits

    def parameter_named(self, name: str) -> Parameter | None:
        """The parameter of this dotted name."""
        return self._parameters_by_name.get(name)

    def encode_values(self, values: Iterable[tuple[Parameter, Raw]]) -> bytes:
        """Body of (20,2) or (20,3)."""
        return encode_values(ParameterValue(parameter, raw) for parameter, raw in values)

    def decode_values(self, octets: bytes) -> tuple[ParameterValue, ...] | DecodeError:
        """Read the body of (20,2) or (20,3)."""
        return decode_values(self.parameters, octets)

    def layout(self, structure: Structure) -> StructureLayout:
        """The layout of a structure, kept from one use to the next while its id means the same structure."""
        found = self._layouts.get(structure.sid)
        if found is None or found.structure is not structure:
            found = self._layouts[structure.sid] = StructureLayout(structure)
        return found

    def encode_hk(self, structure: Structure, values: Mapping[int, Raw]) -> bytes:
        """Source data of (3,25) from raw values by parameter id; a missing or None one flies as absent."""
        return self.layout(structure).encode(values)

    def limits(self, pid: int, raw: Raw) -> LimitState:
        """Where a raw value stands between its parameter's limits."""
        parameter = self.parameters[pid]
        if raw is None or raw == parameter.absent:
            return LimitState.UNCHECKED
        if parameter.limit_low is not None and raw < parameter.limit_low:
            return LimitState.LOW
        if parameter.limit_high is not None and raw > parameter.limit_high:
            return LimitState.HIGH
        if parameter.limit_low is None and parameter.limit_high is None:
            return LimitState.UNCHECKED
        return LimitState.WITHIN

    # Telemetry

    def event_by(self, apid: int, number: int) -> EventEntry | None:
        """The event of this id of this process."""
        return self.tables.events.get((apid, number))

    def report_by(self, apid: int, service: int, subtype: int) -> ReportEntry | None:
        """The report of these identifiers."""
        return self.tables.reports.get((apid, service, subtype))

    def plain_by(self, apid: int) -> PlainEntry | None:
        """The packet without secondary header of this APID."""
        return self.tables.plain.get(apid)

    def decode_tm(
        self, packet: bytes, structures: Mapping[int, Structure] | None = None
    ) -> DecodedReport | Refusal | DecodeError:
        """Read any packet of telemetry or of the lander's services.

        `structures`: housekeeping structures made in flight, by id; they come before the declared ones.
        """
        if len(packet) < tm.PLAIN_OVERHEAD_OCTETS:
            return Refusal.LENGTH
        apid = int.from_bytes(packet[:2], "big") & 0x7FF
        if apid == APID_TIME:
            return _time_report(packet)
        plain_entry = self.plain_by(apid)
        if plain_entry is not None:
            return self._plain(plain_entry, packet)
        header = tm.decode_tm(packet)
        if isinstance(header, Refusal):
            return header
        if header.service == Service.EVENTS and header.subtype <= 4:
            return self._event(header)
        entry = self.report_by(apid, header.service, header.subtype)
        if entry is None:
            detail = f"APID {apid:#05x} has no report ({header.service},{header.subtype})"
            return DecodeError(DecodeReason.UNKNOWN_ID, "", detail)
        body = codec.decode(entry.body, header.data)
        if isinstance(body, DecodeError):
            return body
        if isinstance(body, HousekeepingReport):
            return self._housekeeping(header, body, structures or {})
        if isinstance(body, ParameterValues):
            values = self.decode_values(header.data)
            if isinstance(values, DecodeError):
                return values
            return DecodedReport(entry.name, header, body, {value.parameter.name: value.raw for value in values})
        return DecodedReport(entry.name, header, body, dict(vars(body)))

    def _plain(self, entry: PlainEntry, packet: bytes) -> DecodedReport | Refusal | DecodeError:
        header = tm.decode_plain(packet)
        if isinstance(header, Refusal):
            return header
        if header.packet_type != entry.packet_type:
            return Refusal.PACKET_TYPE
        body = codec.decode(entry.body, header.body)
        if isinstance(body, DecodeError):
            return body
        return DecodedReport(entry.name, header, body, dict(vars(body)))

    def _event(self, header: Telemetry) -> DecodedReport | DecodeError:
        if len(header.data) < codec.NUMBER_OCTETS:
            return DecodeError(DecodeReason.LENGTH, "", "no event id")
        number = int.from_bytes(header.data[: codec.NUMBER_OCTETS], "big")
        entry = self.event_by(header.apid, number)
        if entry is None or entry.severity != header.subtype:
            detail = f"APID {header.apid:#05x} has no event {number} of severity {header.subtype}"
            return DecodeError(DecodeReason.UNKNOWN_ID, "", detail)
        body = codec.decode(entry.body, header.data[codec.NUMBER_OCTETS :])
        if isinstance(body, DecodeError):
            return body
        return DecodedReport(entry.name, header, body, dict(vars(body)))

    def _housekeeping(
        self, header: Telemetry, body: HousekeepingReport, structures: Mapping[int, Structure]
    ) -> DecodedReport | DecodeError:
        structure = structures.get(body.sid) or self.structures.get(body.sid)
        if structure is None:
            return DecodeError(DecodeReason.UNKNOWN_ID, "sid", f"no structure has the id {body.sid}")
        values = self.layout(structure).decode(header.data)
        if isinstance(values, DecodeError):
            return values
        return DecodedReport(structure.name, header, body, values)

    # The database itself

    def dictionary(self) -> Dictionary:
        """All that is declared, as data that JSON can hold, in one order."""
        return dictionary(self.tables)

    def digest(self) -> bytes:
        """SHA-256 of the dictionary's canonical text; its first 8 octets fly in the boot event."""
        if not self._digest:
            self._digest = digest(self.dictionary())
        return self._digest


def _time_report(packet: bytes) -> DecodedReport | Refusal:
    header = tm.decode_time_report(packet)
    if isinstance(header, Refusal):
        return header
    labels = TimeStatus._value2member_map_
    values = {
        "rate_exponent": header.rate_exponent,
        "time": header.time,
        "status": labels.get(header.status, header.status),
    }
    return DecodedReport("time.report", header, None, values)
