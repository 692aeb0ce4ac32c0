"""Fields of a packet body and the maker of body classes.

A body class lists its fields in wire order, as in a form: `period_ms: int = u16(low=100, unit="ms")`. The maker
gives it construction, equality, a readable form and immutability; it takes the place of `dataclasses`, whose import
and cost per class a start cannot spare.
"""

from collections.abc import Callable
from enum import Enum, IntEnum, unique
from typing import Final, NamedTuple, TypeVar, cast, overload

from fsw.ccsds.time_code import CUC_OCTETS

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)


class ValueType(NamedTuple):
    """A numeric type of the wire: its name, `struct` code, octets, and the raw range it holds."""

    name: str
    code: str
    octets: int
    low: float
    high: float


PACKET_OCTETS_MIN: Final = 7
"""A primary header and the one octet that every packet has behind it."""
U8: Final = ValueType("u8", "B", 1, 0, 0xFF)
U16: Final = ValueType("u16", "H", 2, 0, 0xFFFF)
U32: Final = ValueType("u32", "I", 4, 0, 0xFFFF_FFFF)
I8: Final = ValueType("i8", "b", 1, -0x80, 0x7F)
I16: Final = ValueType("i16", "h", 2, -0x8000, 0x7FFF)
I32: Final = ValueType("i32", "i", 4, -0x8000_0000, 0x7FFF_FFFF)
F32: Final = ValueType("f32", "f", 4, -3.4028234663852886e38, 3.4028234663852886e38)


@unique
class Kind(Enum):
    """What a field holds."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    ENUMERATED = "enumerated"
    CUC = "cuc"
    OCTETS = "octets"
    TEXT = "text"
    ARRAY = "array"
    COUNTED = "counted"
    LABEL = "label"
    PACKET = "packet"
    WINDOW = "window"
    REST = "rest"


VARIABLE: Final = frozenset((Kind.ARRAY, Kind.COUNTED, Kind.LABEL, Kind.PACKET, Kind.WINDOW, Kind.REST))
"""Kinds whose octets differ from value to value."""


@unique
class Bounds(IntEnum):
    """What bounds a window of time; both bounds belong to it."""

    ALL = 0
    BETWEEN = 1
    FROM = 2
    UNTIL = 3


@unique
class _Required(Enum):
    """Stands where a field has no default; a type of its own, since None may be a default."""

    REQUIRED = "required"


REQUIRED: Final = _Required.REQUIRED


class Field(NamedTuple):
    """One field as declared. `low` and `high` bound numbers, and the number of items of an array.

    `item` is a Field or a structure class; `octets` the width of a fixed field, or the most that a variable one takes
    on the wire, its count included.
    """

    kind: Kind
    value_type: ValueType = U8
    low: float = 0
    high: float = 0
    unit: str = ""
    enum: type[IntEnum] | None = None
    octets: int = 0
    item: object = None
    default: object = REQUIRED
    doc: str = ""


def _number(
    value_type: ValueType,
    low: float | None,
    high: float | None,
    unit: str,
    enum: type[IntEnum] | None,
    default: object,
    doc: str,
) -> Field:
    low = value_type.low if low is None else low
    high = value_type.high if high is None else high
    if not value_type.low <= low <= high <= value_type.high:
        raise ValueError(f"a {value_type.name} cannot hold the range {low}..{high}")
    return Field(Kind.NUMBER, value_type, low, high, unit, enum, value_type.octets, default=default, doc=doc)


# The functions below say the type of the *value* to the type checker and return the Field that the maker collects.


def u8(
    *,
    low: int = 0,
    high: int = 0xFF,
    unit: str = "",
    enum: type[IntEnum] | None = None,
    default: object = REQUIRED,
    doc: str = "",
) -> int:
    """One octet, unsigned; `enum` gives its values labels without bounding them."""
    return cast("int", _number(U8, low, high, unit, enum, default, doc))


def u16(*, low: int = 0, high: int = 0xFFFF, unit: str = "", default: object = REQUIRED, doc: str = "") -> int:
    """Two octets, unsigned."""
    return cast("int", _number(U16, low, high, unit, None, default, doc))


def u32(*, low: int = 0, high: int = 0xFFFF_FFFF, unit: str = "", default: object = REQUIRED, doc: str = "") -> int:
    """Four octets, unsigned."""
    return cast("int", _number(U32, low, high, unit, None, default, doc))


def i8(*, low: int = -0x80, high: int = 0x7F, unit: str = "", default: object = REQUIRED, doc: str = "") -> int:
    """One octet, two's complement."""
    return cast("int", _number(I8, low, high, unit, None, default, doc))


def i16(*, low: int = -0x8000, high: int = 0x7FFF, unit: str = "", default: object = REQUIRED, doc: str = "") -> int:
    """Two octets, two's complement."""
    return cast("int", _number(I16, low, high, unit, None, default, doc))


def i32(
    *, low: int = -0x8000_0000, high: int = 0x7FFF_FFFF, unit: str = "", default: object = REQUIRED, doc: str = ""
) -> int:
    """Four octets, two's complement."""
    return cast("int", _number(I32, low, high, unit, None, default, doc))


def f32(
    *, low: float = F32.low, high: float = F32.high, unit: str = "", default: object = REQUIRED, doc: str = ""
) -> float:
    """IEEE 754 single precision; a body holds finite values only."""
    return cast("float", _number(F32, low, high, unit, None, default, doc))


def boolean(*, default: object = REQUIRED, doc: str = "") -> bool:
    """One octet, 0 or 1 and nothing else."""
    return cast("bool", Field(Kind.BOOLEAN, U8, 0, 1, octets=1, default=default, doc=doc))


def enumerated(enum: type[E], *, default: object = REQUIRED, doc: str = "") -> E:
    """One octet that must be a member of `enum`."""
    return cast("E", Field(Kind.ENUMERATED, U8, min(enum), max(enum), enum=enum, octets=1, default=default, doc=doc))


def cuc(*, default: object = REQUIRED, doc: str = "") -> bytes:
    """A time as it stands on the wire: 7 octets, P-field 1E (fsw.ccsds.time_code reads it)."""
    return cast("bytes", Field(Kind.CUC, octets=7, default=default, doc=doc))


def octets(n: int, *, default: object = REQUIRED, doc: str = "") -> bytes:
    """Exactly `n` octets."""
    return cast("bytes", Field(Kind.OCTETS, octets=n, default=default, doc=doc))


def text(n: int, *, default: object = REQUIRED, doc: str = "") -> str:
    """Printable ASCII of at most `n` characters, in `n` octets filled up with zeros."""
    return cast("str", Field(Kind.TEXT, octets=n, default=default, doc=doc))


def counted(n: int, count: Callable[..., int] = u8, *, default: object = REQUIRED, doc: str = "") -> bytes:
    """At most `n` octets behind their number (`u8` or `u16`)."""
    value_type = _count_type(count, n)
    return cast("bytes", Field(Kind.COUNTED, value_type, 0, n, octets=value_type.octets + n, default=default, doc=doc))


def label(n: int, *, default: object = REQUIRED, doc: str = "") -> str:
    """Printable ASCII of at most `n` characters behind their number (u8): the name of something."""
    return cast("str", Field(Kind.LABEL, _count_type(u8, n), 0, n, octets=1 + n, default=default, doc=doc))


def packet(n: int, *, default: object = REQUIRED, doc: str = "") -> bytes:
    """A whole telecommand packet of at most `n` octets; its own header says where it ends (133.0-B, 4.1.3.5)."""
    if n < PACKET_OCTETS_MIN:
        raise ValueError(f"a packet has at least {PACKET_OCTETS_MIN} octets")
    return cast("bytes", Field(Kind.PACKET, U16, PACKET_OCTETS_MIN, n, octets=n, default=default, doc=doc))


def window(*, default: object = REQUIRED, doc: str = "") -> bytes:
    """A window of time: its `Bounds` in one octet, then their CUCs (as ST[11] and ST[15] select by time)."""
    return cast("bytes", Field(Kind.WINDOW, octets=1 + 2 * CUC_OCTETS, default=default, doc=doc))


def _count_type(count: Callable[..., int], most: int) -> ValueType:
    if count not in (u8, u16):
        raise ValueError("items and octets are counted with u8 or u16")
    value_type = U8 if count is u8 else U16
    if not 0 <= most <= value_type.high:
        raise ValueError(f"a {value_type.name} cannot count to {most}")
    return value_type


def rest(n: int, *, default: object = REQUIRED, doc: str = "") -> bytes:
    """All octets up to the end, at most `n`; the last field only. For what is deduced from the fields before it."""
    return cast("bytes", Field(Kind.REST, octets=n, default=default, doc=doc))


@overload
def array(
    item: type[T],
    count: Callable[..., int] = ...,
    *,
    low: int = ...,
    high: int = ...,
    octets: int | None = ...,
    default: object = ...,
    doc: str = ...,
) -> tuple[T, ...]: ...
@overload
def array(
    item: T,
    count: Callable[..., int] = ...,
    *,
    low: int = ...,
    high: int = ...,
    octets: int | None = ...,
    default: object = ...,
    doc: str = ...,
) -> tuple[T, ...]: ...
def array(
    item: object,
    count: Callable[..., int] = u8,
    *,
    low: int = 0,
    high: int = 64,
    octets: int | None = None,
    default: object = REQUIRED,
    doc: str = "",
) -> tuple[object, ...]:
    """A count (`u8` or `u16`) and that many items: each a field, or a class made by `structure`.

    Items may vary in size; then `octets` says how many of them there may be altogether, count included.
    """
    value_type = _count_type(count, high)
    kinds = {item.kind} if isinstance(item, Field) else {field.kind for field in fields_of(item).values()}
    if Kind.REST in kinds:
        raise ValueError("an item of an array says itself where it ends")
    if not 0 <= low <= high:
        raise ValueError(f"an array cannot have {low}..{high} items")
    most = value_type.octets + high * (item.octets if isinstance(item, Field) else octets_max(item))
    if octets is not None:
        most = min(most, octets)
    field = Field(Kind.ARRAY, value_type, low, high, octets=most, item=item, default=default, doc=doc)
    return cast("tuple[object, ...]", field)


def fields_of(body: object) -> dict[str, Field]:
    """The fields of a body or a body class, by name, in wire order."""
    found: dict[str, Field] | None = getattr(body, "__fields__", None)
    assert found is not None, f"{body!r} is no packet body"
    return found


def fixed_octets(item: object) -> int | None:
    """Octets of a field or structure class whose size does not vary; None where it does."""
    if isinstance(item, Field):
        return None if item.kind in VARIABLE else item.octets
    total = 0
    for field in fields_of(item).values():
        octets_of_field = fixed_octets(field)
        if octets_of_field is None:
            return None
        total += octets_of_field
    return total


def window_octets(bounds: int) -> int:
    """Octets of a window of these bounds; an unknown number of them is none, and its octet stands alone."""
    return 1 + CUC_OCTETS * (2 * (bounds == Bounds.BETWEEN) + (bounds in (Bounds.FROM, Bounds.UNTIL)))


def octets_max(body: object) -> int:
    """The most octets that a body of this class can take."""
    return sum(field.octets for field in fields_of(body).values())


def make_body(cls: type[T]) -> type[T]:
    """Turn a class that lists fields into an immutable value class; refuses a class whose layout cannot be read."""
    fields = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
    unfielded = set(vars(cls).get("__annotations__", {})) - set(fields)
    if unfielded:
        raise ValueError(f"{cls.__qualname__}: {', '.join(sorted(unfielded))} has no field (u8(), u16(), …)")
    if any(field.kind is Kind.REST for field in list(fields.values())[:-1]):
        raise ValueError(f"{cls.__qualname__}: rest() can only be the last field")
    for name in fields:
        delattr(cls, name)
    for name, member in (
        ("__fields__", fields), ("__init__", _init), ("__eq__", _eq), ("__hash__", _hash),
        ("__repr__", _repr), ("__setattr__", _refuse), ("__delattr__", _refuse),
    ):  # fmt: skip
        setattr(cls, name, member)
    return cls


def _init(self: object, *values: object, **named: object) -> None:
    """Take the fields in wire order, by name, or from their defaults."""
    fields = fields_of(self)
    if not named and len(values) == len(fields):
        self.__dict__.update(zip(fields, values, strict=True))
        return
    if not values and named.keys() == fields.keys():
        self.__dict__.update([(name, named[name]) for name in fields])
        return
    given = dict(zip(fields, values, strict=False))
    if len(values) > len(fields) or not named.keys() <= fields.keys() - given.keys():
        raise TypeError(f"{type(self).__qualname__} takes each of ({', '.join(fields)}) once")
    given |= named
    if len(given) < len(fields):
        for name, field in fields.items():
            if name not in given:
                if field.default is REQUIRED:
                    raise TypeError(f"{type(self).__qualname__} misses {name}")
                given[name] = field.default
    self.__dict__.update([(name, given[name]) for name in fields])


def _eq(self: object, other: object) -> bool:
    return type(self) is type(other) and vars(self) == vars(other)


def _hash(self: object) -> int:
    return hash((type(self), *vars(self).values()))


def _repr(self: object) -> str:
    return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


def _refuse(self: object, name: str, *_: object) -> None:
    raise AttributeError(f"{type(self).__name__} is immutable: {name}")
