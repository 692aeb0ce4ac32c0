"""Bodies <-> octets, with lengths and ranges held on both ways.

Encoding a body that is out of range is misuse and raises; `problem` says beforehand, in a sentence, what is wrong with
it. Decoding never raises: any octets give a body or a DecodeError that names the field.
"""

from collections.abc import Callable
from enum import Enum, IntEnum, unique
from typing import Final, NamedTuple, TypeVar, cast

from fsw.ccsds.time_code import CUC_OCTETS, P_FIELD
from fsw.mdb.fields import F32, Field, Kind, fields_of, fixed_octets
from fsw.mdb.layout import Layout, Wire, compile_layout
from fsw.mdb.model import declaration_of

T = TypeVar("T")

NUMBER_OCTETS: Final = 2  # a function id or event id in front of its body
_PRINTABLE: Final = frozenset(map(chr, range(0x20, 0x7F)))
_REWRITTEN: Final = frozenset((Kind.TEXT, Kind.ARRAY))  # stands on the wire otherwise than in a body
_ANYTHING: Final = frozenset((Kind.OCTETS, Kind.REST))  # any octets of the right length are a value


@unique
class DecodeReason(IntEnum):
    """What kind of rule the octets break."""

    LENGTH = 1
    RANGE = 2
    UNKNOWN_ID = 3


class DecodeError(NamedTuple):
    """Octets that are no body: why, at which field, and the sentence."""

    reason: DecodeReason
    field: str
    detail: str


@unique
class _Bad(Enum):
    """Stands for a wire value that is out of its range; a type of its own, since None may be a value."""

    BAD = "bad"


_BAD: Final = _Bad.BAD
Convert = Callable[[object], object]
Check = Callable[[object], bool]


class _Plan(NamedTuple):
    """What en- and decoding of one class need, worked out once; the sentences are worked out where one is needed."""

    layout: Layout
    fields: dict[str, Field]
    octets: int | None  # where it does not vary
    integers: tuple[tuple[str, float, float], ...]  # name, low and high of what is quick to hold
    bounded: tuple[tuple[str, float, float], ...]  # those of them whose bounds are narrower than their octets
    checks: tuple[tuple[str, Check], ...]  # the other fields: whether a body's value may be encoded
    outward: tuple[tuple[str, Convert], ...]  # fields that stand on the wire otherwise than in a body
    inward: tuple[tuple[str, Convert], ...]  # fields whose wire value is judged (_BAD) or converted
    last: list[object]  # the last octets that were a body, and that body


def compiled(body: type[object]) -> bool:
    """Whether the layout of this class is compiled yet."""
    return "__plan__" in vars(body)


def warm(body: type[object]) -> None:
    """Compile the layout of a class ahead of its first use."""
    _plan(body)


def problem(body: object) -> str | None:
    """What keeps a body from being encoded, as a sentence with the allowed range; None when nothing does."""
    for name, field in fields_of(body).items():
        wrong = _problem(field, vars(body)[name])
        if wrong is not None:
            return f"{name} {wrong}"
    return None


def encode(body: object) -> bytes:
    """Octets of a body; its values are in range, or that is our bug."""
    plan = _plan(type(body))
    values = vars(body)
    assert _in_range(plan, values), f"{type(body).__qualname__}: {problem(body)}"
    if not plan.fields:
        return b""
    return plan.layout.build(_to_wire_body(plan, values) if plan.outward else values)


def encode_numbered(body: object) -> bytes:
    """A function of ST[08] or an event of ST[05] as it flies: its id u16, then the body."""
    return declaration_of(body).number.to_bytes(NUMBER_OCTETS, "big") + encode(body)


def decode(cls: type[T], octets: bytes) -> T | DecodeError:
    """A body of this class; length and every range must be exact."""
    plan = _plan(cls)
    last = plan.last
    if last and last[0] == octets:
        return cast("T", last[1])  # bodies are immutable; a lander repeats itself
    wanted = plan.octets
    if wanted is None:
        wanted = _octets_wanted(plan.fields, octets)
    if wanted != len(octets):
        return DecodeError(DecodeReason.LENGTH, "", f"{len(octets)} octets where {cls.__name__} has {wanted}")
    wire = plan.layout.parse(octets) if plan.fields else {}
    body = _from_wire_body(cls, plan, wire)
    if body is None:
        return _out_of_range(plan, wire)
    last[:] = octets, body
    return body


def _in_range(plan: _Plan, values: Wire) -> bool:
    """Whether a body may be encoded."""
    for name, low, high in plan.integers:
        value = values[name]
        if not isinstance(value, int) or not low <= value <= high:
            return False
    return all(good(values[name]) for name, good in plan.checks)


def _out_of_range(plan: _Plan, wire: Wire) -> DecodeError:
    """The first field, in wire order, that is out of range; there is one."""
    wrong = ((name, _wire_problem(field, wire[name])) for name, field in plan.fields.items())
    name, detail = next((name, detail) for name, detail in wrong if detail is not None)
    return DecodeError(DecodeReason.RANGE, name, f"{name} {detail}")


def _plan(cls: type[object]) -> _Plan:
    found = vars(cls).get("__plan__")
    if found is None:
        fields = fields_of(cls)
        integers = {
            name: field for name, field in fields.items() if field.kind is Kind.NUMBER and field.value_type is not F32
        }
        others = {name: field for name, field in fields.items() if name not in integers}
        found = _Plan(
            compile_layout(cls),
            fields,
            fixed_octets(cls),
            integers=tuple((name, field.low, field.high) for name, field in integers.items()),
            bounded=tuple(
                (name, field.low, field.high)
                for name, field in integers.items()
                if (field.low, field.high) != (field.value_type.low, field.value_type.high)
            ),
            checks=tuple((name, _check(field)) for name, field in others.items()),
            outward=tuple((name, _outward(field)) for name, field in others.items() if field.kind in _REWRITTEN),
            inward=tuple((name, _inward(field)) for name, field in others.items() if field.kind not in _ANYTHING),
            last=[],
        )
        type.__setattr__(cls, "__plan__", found)
    return cast("_Plan", found)


def _from_wire_body(cls: type[T], plan: _Plan, wire: Wire) -> T | None:
    """The body that wire values mean; None when one of them is out of its range."""
    for name, low, high in plan.bounded:
        if not low <= cast("float", wire[name]) <= high:
            return None
    body = cls.__new__(cls)  # the values are checked: no need to go by __init__
    held = body.__dict__
    held.update(wire)
    for name, convert in plan.inward:
        value = convert(held[name])
        if value is _BAD:
            return None
        held[name] = value
    return body


def _to_wire_body(plan: _Plan, values: Wire) -> Wire:
    wire = dict(values)
    for name, convert in plan.outward:
        wire[name] = convert(wire[name])
    return wire


def _check(field: Field) -> Check:
    """Whether a body's value of this field may be encoded: quick for what is common."""
    enum = field.enum
    if field.kind is Kind.ENUMERATED and enum is not None:
        return lambda value: isinstance(value, enum)
    if field.kind is Kind.ARRAY and not isinstance(field.item, Field):
        item = cast("type[object]", field.item)
        low, high = field.low, field.high

        def good(value: object) -> bool:
            if not isinstance(value, tuple) or not low <= len(value) <= high:
                return False
            plan = _plan(item)
            return all(type(each) is item and _in_range(plan, vars(each)) for each in value)

        return good
    return lambda value: _problem(field, value) is None


def _outward(field: Field) -> Convert:
    """What stands on the wire for a body's value of this field, which is checked."""
    if field.kind is Kind.TEXT:
        octets = field.octets
        return lambda value: str(value).encode("ascii").ljust(octets, b"\0")
    if isinstance(field.item, Field):
        if field.item.kind is not Kind.TEXT:
            return lambda value: list(cast("tuple[object, ...]", value))
        convert = _outward(field.item)
        return lambda value: [convert(each) for each in cast("tuple[object, ...]", value)]
    item = cast("type[object]", field.item)

    def bodies(value: object) -> object:
        plan = _plan(item)
        each = [vars(one) for one in cast("tuple[object, ...]", value)]
        return [_to_wire_body(plan, one) for one in each] if plan.outward else each

    return bodies


def _inward(field: Field) -> Convert:
    """What a body holds for a wire value of this field, or _BAD."""
    if field.kind is Kind.ENUMERATED:
        assert field.enum is not None
        members = field.enum._value2member_map_
        return lambda raw: members.get(raw, _BAD)
    if field.kind is Kind.BOOLEAN:
        return lambda raw: raw == 1 if raw in (0, 1) else _BAD
    if field.kind is Kind.CUC:
        return lambda raw: raw if cast("bytes", raw)[0] == P_FIELD else _BAD
    if field.kind is Kind.TEXT:
        return _text
    if field.kind is not Kind.ARRAY:
        return lambda raw: raw if _problem(field, raw) is None else _BAD
    low, high = field.low, field.high
    convert = _inward(field.item) if isinstance(field.item, Field) else _inward_body(cast("type[object]", field.item))

    def items(raw: object) -> object:
        listed = cast("list[object]", raw)
        if not low <= len(listed) <= high:
            return _BAD
        values = tuple(convert(each) for each in listed)
        return values if all(value is not _BAD for value in values) else _BAD

    return items


def _text(raw: object) -> object:
    stripped = cast("bytes", raw).rstrip(b"\0").decode("latin-1")
    return stripped if _PRINTABLE.issuperset(stripped) else _BAD


def _inward_body(cls: type[object]) -> Convert:
    """What an array holds for the wire values of one structure, or _BAD."""

    def body(raw: object) -> object:
        found = _from_wire_body(cls, _plan(cls), cast("Wire", raw))
        return _BAD if found is None else found

    return body


def _octets_wanted(fields: dict[str, Field], octets: bytes) -> int:
    """The length that a variable body has by its own counts, walked before anything is parsed."""
    at = 0
    for field in fields.values():
        if field.kind is Kind.ARRAY:
            count_octets = field.value_type.octets
            count = int.from_bytes(octets[at : at + count_octets], "big")
            at += count_octets + count * (fixed_octets(field.item) or 0)
        elif field.kind is Kind.REST:
            at = max(at, min(len(octets), at + field.octets))
        else:
            at += field.octets
    return at


def _problem(field: Field, value: object) -> str | None:  # noqa: PLR0912 (one arm a kind)
    """What is wrong with one value of a body."""
    match field.kind:
        case Kind.NUMBER:
            kinds = (int, float) if field.value_type is F32 else int
            if not isinstance(value, kinds) or not field.low <= value <= field.high:
                return f"must be {_range(field)}, not {value!r}"
        case Kind.BOOLEAN:
            if not isinstance(value, bool):
                return f"must be true or false, not {value!r}"
        case Kind.ENUMERATED:
            assert field.enum is not None
            if not isinstance(value, field.enum):
                return f"must be one of {', '.join(field.enum.__members__)}, not {value!r}"
        case Kind.CUC:
            if not isinstance(value, bytes) or len(value) != CUC_OCTETS or value[0] != P_FIELD:
                return f"must be a CUC of {CUC_OCTETS} octets with P-field {P_FIELD:02X}, not {value!r}"
        case Kind.OCTETS:
            if not isinstance(value, bytes) or len(value) != field.octets:
                return f"must be {field.octets} octets, not {value!r}"
        case Kind.REST:
            if not isinstance(value, bytes) or len(value) > field.octets:
                return f"must be at most {field.octets} octets, not {value!r}"
        case Kind.TEXT:
            if not isinstance(value, str) or len(value) > field.octets or not _PRINTABLE.issuperset(value):
                return f"must be at most {field.octets} printable ASCII characters, not {value!r}"
        case _:  # ARRAY
            if not isinstance(value, tuple) or not field.low <= len(value) <= field.high:
                return f"must be {field.low:g} to {field.high:g} items, not {value!r}"
            for index, item in enumerate(value):
                wrong = _item_problem(field.item, item)
                if wrong is not None:
                    return f"[{index}] {wrong}"
    return None


def _item_problem(item: object, value: object) -> str | None:
    if isinstance(item, Field):
        return _problem(item, value)
    if type(value) is not item:
        return f"must be a {getattr(item, '__name__', item)}, not {value!r}"
    return problem(value)


def _range(field: Field) -> str:
    unit = f" {field.unit}" if field.unit else ""
    return f"{field.low:.10g} to {field.high:.10g}{unit}"


def _wire_problem(item: object, raw: object) -> str | None:  # noqa: PLR0912 (one arm a kind)
    """What is wrong with one value as it came off the wire; its width is right already."""
    if not isinstance(item, Field):
        for name, field in fields_of(item).items():
            wrong = _wire_problem(field, cast("Wire", raw)[name])
            if wrong is not None:
                return f"{name} {wrong}"
        return None
    match item.kind:
        case Kind.ENUMERATED:
            assert item.enum is not None
            if raw not in item.enum._value2member_map_:
                return f"must be one of {', '.join(item.enum.__members__)}, not {raw!r}"
        case Kind.BOOLEAN:
            if raw not in (0, 1):
                return f"must be 0 or 1, not {raw!r}"
        case Kind.TEXT:
            stripped = cast("bytes", raw).rstrip(b"\0").decode("latin-1")
            if not _PRINTABLE.issuperset(stripped):
                return f"must be printable ASCII characters, not {raw!r}"
        case Kind.ARRAY:
            items = cast("list[object]", raw)
            if not item.low <= len(items) <= item.high:
                return f"must be {item.low:g} to {item.high:g} items, not {len(items)}"
            for index, each in enumerate(items):
                wrong = _wire_problem(item.item, each)
                if wrong is not None:
                    return f"[{index}] {wrong}"
        case _:
            return _problem(item, raw)
    return None
