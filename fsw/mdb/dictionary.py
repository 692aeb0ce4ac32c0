"""The database as data: what `tools/kratai commands` and `telemetry` print, and what the digest is taken of."""

import hashlib
import json
from typing import TYPE_CHECKING, Final

from fsw.mdb.fields import VARIABLE, Field, Kind, fields_of
from fsw.mdb.model import REQUIRED, Hazard, Parameter

if TYPE_CHECKING:
    from fsw.mdb.assembly import CommandEntry, Tables

Data = None | bool | int | float | str | list["Data"] | dict[str, "Data"]
Dictionary = dict[str, Data]

FORMAT: Final = 1


def dictionary(tables: "Tables") -> Dictionary:
    """All that is declared, as data that JSON can hold, in one order."""
    return {
        "format": FORMAT,
        "processes": [
            {"apid": process.apid, "name": process.name, "doc": process.doc} for process in tables.processes.values()
        ],
        "commands": [_command(entry) for _, entry in sorted(tables.commands.items())],
        "reports": [
            {
                "name": entry.name,
                "apid": entry.apid,
                "service": entry.service,
                "subtype": entry.subtype,
                "doc": entry.doc,
                "fields": _fields(entry.body),
            }
            for _, entry in sorted(tables.reports.items())
        ],
        "events": [
            {
                "name": entry.name,
                "apid": entry.apid,
                "id": entry.number,
                "severity": entry.severity.name,
                "doc": entry.doc,
                "fields": _fields(entry.body),
            }
            for _, entry in sorted(tables.events.items())
        ],
        "plain": [
            {
                "name": entry.name,
                "apid": entry.apid,
                "type": entry.packet_type,
                "doc": entry.doc,
                "fields": _fields(entry.body),
            }
            for _, entry in sorted(tables.plain.items())
        ],
        "parameters": [_parameter(parameter) for parameter in tables.parameters.values()],
        "structures": [
            {
                "sid": structure.sid,
                "name": structure.name,
                "interval": structure.interval,
                "doc": structure.doc,
                "parameters": [parameter.pid for parameter in structure.parameters],
            }
            for structure in tables.structures.values()
        ],
    }


def canonical(data: Dictionary) -> str:
    """The one text of a dictionary: JSON, keys sorted, no blanks, ASCII."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def digest(data: Dictionary) -> bytes:
    """SHA-256 of the canonical text."""
    return hashlib.sha256(canonical(data).encode("ascii")).digest()


def _command(entry: "CommandEntry") -> Data:
    return {
        "name": entry.name,
        "apid": entry.apid,
        "service": entry.service,
        "subtype": entry.subtype,
        "function": entry.function,
        "hazard": Hazard(entry.hazard).name,
        "doc": entry.doc,
        "arguments": _fields(entry.body),
    }


def _fields(body: object) -> Data:
    return [_field(name, field) for name, field in fields_of(body).items()]


def _field(name: str, field: Field) -> Data:
    said: Dictionary = {"name": name, "kind": field.kind.value, "octets": field.octets}
    if field.kind is Kind.NUMBER or field.kind in VARIABLE - {Kind.REST}:
        said |= {"type": field.value_type.name, "low": field.low, "high": field.high}
    if field.enum is not None:
        said["enum"] = {label: int(member) for label, member in field.enum.__members__.items()}
    if field.kind is Kind.ARRAY:
        said["item"] = _field("", field.item) if isinstance(field.item, Field) else _fields(field.item)
    if field.default is not REQUIRED:
        said["default"] = repr(field.default)
    if field.unit:
        said["unit"] = field.unit
    if field.doc:
        said["doc"] = field.doc
    return said


def _parameter(parameter: Parameter) -> Data:
    return {
        "pid": parameter.pid,
        "name": parameter.name,
        "type": parameter.value_type.name,
        "unit": parameter.unit,
        "limit_low": parameter.limit_low,
        "limit_high": parameter.limit_high,
        "writable": parameter.writable,
        "low": parameter.low,
        "high": parameter.high,
        "initial": parameter.initial,
        "absent": parameter.absent,
        "calibration": None if parameter.calibration is None else list(parameter.calibration),
        "enum": (
            None
            if parameter.enum is None
            else {label: int(member) for label, member in parameter.enum.__members__.items()}
        ),
        "doc": parameter.doc,
    }
