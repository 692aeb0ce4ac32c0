"""The vocabulary of declarations: bodies, parameters, housekeeping structures, processes.

Decorators attach what a class is to the class; nothing registers itself. A Database is assembled from modules by
looking through their names. Ranges, sizes and layouts that cannot work are refused at import with a sentence.
"""

from collections.abc import Callable
from enum import IntEnum, unique
from typing import Final, NamedTuple, TypeVar, dataclass_transform

from fsw.mdb.fields import (
    F32,
    I8,
    I16,
    I32,
    REQUIRED,
    U8,
    U16,
    U32,
    Bounds,
    Field,
    Kind,
    ValueType,
    array,
    boolean,
    counted,
    cuc,
    enumerated,
    f32,
    fields_of,
    fixed_octets,
    i8,
    i16,
    i32,
    label,
    make_body,
    octets,
    octets_max,
    packet,
    rest,
    text,
    u8,
    u16,
    u32,
    window,
)
from fsw.pus.ids import APID_SYSTEM, Service

__all__ = [
    "EVERY_PROCESS", "F32", "I8", "I16", "I32", "REQUIRED", "U8", "U16", "U32", "Bounds", "Declaration", "Field",
    "Hazard", "Kind", "Parameter", "Process", "Role", "Severity", "Structure", "ValueType", "array", "boolean",
    "command", "counted", "cuc", "declaration_of", "enumerated", "event", "f32", "fields_of", "fixed_octets", "i8",
    "i16", "i32", "label", "lander_packet", "octets", "octets_max", "packet", "payload_packet", "report", "rest",
    "structure", "telecommand", "text", "u8", "u16", "u32", "window",
]  # fmt: skip

T = TypeVar("T")

EVERY_PROCESS: Final = -1
"""Stands for an APID: the declaration holds for each process that the mission has."""


@unique
class Hazard(IntEnum):
    """What a command may do (contract, section 3)."""

    INDEPENDENT = 0
    DEPENDENT = 1
    HAZARDOUS = 2


@unique
class Severity(IntEnum):
    """Severity of an event: the subtype of its report in ST[05]."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4


@unique
class Role(IntEnum):
    """What a body is part of."""

    COMMAND = 1  # a PUS telecommand; with a function id where the service is 8
    REPORT = 2  # a PUS report
    EVENT = 3  # the auxiliary data of an ST[05] report
    LANDER = 4  # a plain packet from the lander
    PAYLOAD = 5  # a plain packet to the lander


class Declaration(NamedTuple):
    """What a decorator says of a body class. `subtype` is an event's severity; `number` a function or event id."""

    role: Role
    name: str
    apid: int
    service: int = 0
    subtype: int = 0
    number: int = 0
    hazard: Hazard = Hazard.INDEPENDENT
    doc: str = ""


class Process(NamedTuple):
    """A process that the mission has: its APID and the word that names it."""

    apid: int
    name: str
    doc: str = ""


class Parameter(NamedTuple):
    """One on-board parameter. All bounds are raw: what stands on the wire.

    `absent` is the raw value that says "no reading"; it decodes as None. `calibration` is (offset, scale):
    engineering = offset + scale * raw, in `unit`. `limit_low`/`limit_high` are the limits that are watched,
    `low`/`high` the range of a writable parameter, `enum` labels. `guarded`: flight keeps an unsigned value beside its
    complement, in memory and in the store, so that a flipped bit is seen.
    """

    pid: int
    name: str
    value_type: ValueType
    unit: str = ""
    limit_low: float | None = None
    limit_high: float | None = None
    writable: bool = False
    low: float | None = None
    high: float | None = None
    absent: int | None = None
    calibration: tuple[float, float] | None = None
    enum: type[IntEnum] | None = None
    doc: str = ""
    initial: float = 0
    guarded: bool = False

    def engineering(self, raw: float | None) -> float | None:
        """The value in `unit`; None where the reading is absent."""
        if raw is None or raw == self.absent:
            return None
        if self.calibration is None:
            return raw
        offset, scale = self.calibration
        return offset + scale * raw


class Structure(NamedTuple):
    """A declared housekeeping structure of ST[03]; `interval` in 100 ms, at least 1. Reports are off at boot."""

    sid: int
    name: str
    parameters: tuple[Parameter, ...]
    interval: int = 10
    doc: str = ""


def declaration_of(body: object) -> Declaration:
    """What was declared of a body or a body class."""
    found = getattr(body, "__declaration__", None)
    assert isinstance(found, Declaration), f"{body!r} is not declared"
    return found


def _attach(declaration: Declaration) -> Callable[[type[T]], type[T]]:
    def attach(cls: type[T]) -> type[T]:
        made = make_body(cls)
        name = declaration.name or _snake(cls.__name__)
        doc = (cls.__doc__ or "").strip().split("\n", 1)[0]
        type.__setattr__(made, "__declaration__", declaration._replace(name=name, doc=doc))
        return made

    return attach


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def structure(cls: type[T]) -> type[T]:
    """A part of a body: an item of an array. Carries no identifier of its own."""
    return make_body(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def command(
    apid: int, *, function: int, hazard: Hazard = Hazard.INDEPENDENT, name: str = ""
) -> Callable[[type[T]], type[T]]:
    """A function of ST[08]: the class lists its arguments. Its full name is PROCESS.name (`power.switch`)."""
    return _attach(Declaration(Role.COMMAND, name, apid, Service.FUNCTIONS, 1, function, hazard))


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def telecommand(
    service: int, subtype: int, *, apid: int = APID_SYSTEM, hazard: Hazard = Hazard.INDEPENDENT, name: str = ""
) -> Callable[[type[T]], type[T]]:
    """Any other telecommand of a service; its name stands alone (`housekeeping.enable`)."""
    return _attach(Declaration(Role.COMMAND, name, apid, service, subtype, hazard=hazard))


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def report(service: int, subtype: int, *, apid: int = APID_SYSTEM, name: str = "") -> Callable[[type[T]], type[T]]:
    """A report of a service."""
    return _attach(Declaration(Role.REPORT, name, apid, service, subtype))


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def event(apid: int, number: int, severity: Severity, *, name: str = "") -> Callable[[type[T]], type[T]]:
    """An event of ST[05]: the class lists the auxiliary data behind the event id. Full name PROCESS.name."""
    return _attach(Declaration(Role.EVENT, name, apid, Service.EVENTS, severity, number))


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def lander_packet(apid: int, *, name: str = "") -> Callable[[type[T]], type[T]]:
    """A plain packet that the lander sends, to the payload or to the ground (contract, sections 4 and 5)."""
    return _attach(Declaration(Role.LANDER, name, apid))


@dataclass_transform(frozen_default=True, field_specifiers=(
    u8, u16, u32, i8, i16, i32, f32, boolean, enumerated, cuc, octets,
    text, counted, label, packet, window, rest, array,
))  # fmt: skip
def payload_packet(apid: int, *, name: str = "") -> Callable[[type[T]], type[T]]:
    """A plain packet that the payload sends to the lander (contract, section 4)."""
    return _attach(Declaration(Role.PAYLOAD, name, apid))
