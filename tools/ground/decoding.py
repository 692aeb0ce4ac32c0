"""Packets into records: the mission database's reading of a packet, in words and units that people and JSON share."""

from collections.abc import Container, Mapping
from functools import lru_cache
from math import isfinite
from typing import Final, NamedTuple, cast

from fsw.ccsds.time_code import cuc_decode
from fsw.kernel.clock import Micros
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import Database, DecodedReport
from fsw.mdb.fields import Field, Kind, fields_of
from fsw.mdb.model import Parameter, Severity, Structure
from fsw.mdb.system import LimitState
from fsw.pus import tm
from fsw.pus.ids import Refusal, Service, TimeStatus
from fsw.pus.tm import Plain, Telemetry, TimeReport
from tools.ground.records import Data, EventRecord, OnboardTime, PacketRecord, ParameterRecord
from tools.ground.times import tai_to_utc_text

VC_REPLAY: Final = 3
_SEVERITIES: Final = frozenset(Severity)
_TIME_STATUSES: Final = frozenset(TimeStatus)
_LIMITS: Final = {state: state.name for state in LimitState}
_UNCHECKED: Final = LimitState.UNCHECKED.name


class Decoded(NamedTuple):
    """One packet, and what it holds of parameters and events."""

    packet: PacketRecord
    parameters: list[ParameterRecord]
    event: EventRecord | None
    report: DecodedReport | None
    header: Telemetry | TimeReport | Plain | None
    """What its header says, also where the rest cannot be read; None where that cannot be read either."""


def decode_packet(
    database: Database,
    structures: Mapping[int, Structure],
    packet: bytes,
    vcid: int,
    now: Micros,
    wanted: Container[str] | None = None,
) -> Decoded:
    """Read one packet of telemetry; what cannot be read becomes a record that says why.

    `wanted`: names of the parameters whose samples are given; None for all that it holds.
    """
    found = database.decode_tm(packet, structures)
    apid = int.from_bytes(packet[:2], "big") & 0x7FF
    count = int.from_bytes(packet[2:4], "big") & 0x3FFF
    if isinstance(found, Refusal | DecodeError):
        fault = f"{found.name.lower()}" if isinstance(found, Refusal) else found.detail
        service, subtype = _service(packet)
        record = PacketRecord(now, vcid, apid, service, subtype, count, None, "", {}, fault, packet)
        unread = tm.decode_tm(packet)
        return Decoded(record, [], None, None, None if isinstance(unread, Refusal) else unread)
    header = found.header
    time = _time(header)
    service, subtype = (header.service, header.subtype) if isinstance(header, Telemetry) else (None, None)
    values = plain(found)
    record = PacketRecord(now, vcid, apid, service, subtype, count, time, found.name, values, "", packet)
    parameters = [
        sample(database, parameter, cast("float | None", raw), record)
        for name, raw in found.values.items()
        if (wanted is None or name in wanted) and (parameter := database.parameter_named(name)) is not None
    ]
    event = None
    if service == Service.EVENTS and subtype in _SEVERITIES:
        severity = Severity(subtype).name.lower()
        event = EventRecord(now, time, apid, found.name, severity, values, vcid == VC_REPLAY)
    return Decoded(record, parameters, event, found, header)


def _is_plain(parameter: Parameter) -> bool:
    """Whether a whole number stands for itself: no label, no limit, no calibration."""
    return (
        parameter.enum is None
        and parameter.calibration is None
        and parameter.limit_low is None
        and parameter.limit_high is None
    )


def sample(database: Database, parameter: Parameter, raw: float | None, of: PacketRecord) -> ParameterRecord:
    """One parameter's raw value with engineering value, label and limit state; `of` is the packet that held it."""
    if type(raw) is int and _is_plain(parameter) and raw != parameter.absent:
        return ParameterRecord(
            of.at, of.time, parameter.name, raw, raw, "", parameter.unit, _UNCHECKED, of.vcid == VC_REPLAY
        )
    label = ""
    if raw is not None and not isfinite(raw):
        raw, label = None, "not finite"
    elif parameter.enum is not None and raw is not None:
        member = parameter.enum._value2member_map_.get(raw)
        label = getattr(member, "name", "")
    limit = _LIMITS[database.limits(parameter.pid, raw)]
    engineering = parameter.engineering(raw)
    return ParameterRecord(
        of.at, of.time, parameter.name, raw, engineering, label, parameter.unit, limit, of.vcid == VC_REPLAY
    )


def plain(report: DecodedReport) -> dict[str, Data]:
    """A report's values as data that JSON can hold: labels for enums, hex for octets, UTC for times."""
    if isinstance(report.header, TimeReport):
        time = _time(report.header)
        values: dict[str, Data] = {name: _plain(value) for name, value in report.values.items()}
        return values | {"time": time.text if time else None}
    declared = fields_of(report.body) if hasattr(report.body, "__fields__") else {}
    return _named(report.values, declared)


def _named(values: Mapping[str, object], declared: Mapping[str, Field]) -> dict[str, Data]:
    """Values by name, each as its field declares it; whole numbers, of which there are most, stand for themselves."""
    field_of = declared.get
    return {
        name: value
        if type(value) is int and ((field := field_of(name)) is None or field.enum is None)
        else _plain(value, field_of(name))
        for name, value in values.items()
    }


def _plain(value: object, field: object = None) -> Data:
    if type(value) is int and (type(field) is not Field or field.enum is None):
        return value
    if isinstance(field, Field):
        if field.kind is Kind.CUC and isinstance(value, bytes):
            return _cuc_text(value)
        if field.enum is not None and isinstance(value, int):
            member = field.enum._value2member_map_.get(int(value))
            return str(getattr(member, "name", int(value)))
        if field.kind is Kind.ARRAY and isinstance(value, tuple):
            return [_plain(item, field.item) for item in value]
    if hasattr(value, "__fields__"):
        return _named(vars(value), fields_of(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not isfinite(value):
        return None
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return name
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return cast("Data", value)


@lru_cache(maxsize=64)
def _cuc_text(octets: bytes) -> str | None:
    """UTC; the same few times are told again and again."""
    us = cuc_decode(octets)
    return tai_to_utc_text(us) if us else None  # 0: there is no such time


def _time(header: Telemetry | TimeReport | Plain) -> OnboardTime | None:
    if isinstance(header, Plain):
        return None
    us = cuc_decode(header.time)
    status = header.status if isinstance(header, TimeReport) else header.time_status
    if us is None or status not in _TIME_STATUSES:
        return None
    return OnboardTime(us, status)


def _service(packet: bytes) -> tuple[int | None, int | None]:
    """Service and subtype as they stand in a packet that could not be read, where it says it has them."""
    if len(packet) < 9 or not packet[0] & 0x08:
        return None, None
    return packet[7], packet[8]
