"""Bodies <-> octets, with lengths and ranges held on both ways.

Encoding a body that is out of range is misuse and raises; `problems.problem` says beforehand, in a sentence, what is
wrong with it. Decoding never raises: any octets give a body or a DecodeError that names the field.
"""

from collections.abc import Callable
from enum import Enum, IntEnum, unique
from typing import Final, NamedTuple, TypeVar, cast

from fsw.ccsds.time_code import P_FIELD
from fsw.mdb.fields import F32, PACKET_OCTETS_MIN, Field, Kind, fields_of, fixed_octets, window_octets
from fsw.mdb.layout import Layout, Wire, compile_layout
from fsw.mdb.model import declaration_of
from fsw.mdb.problems import PRINTABLE, problem, value_problem, wire_problem

T = TypeVar("T")

NUMBER_OCTETS: Final = 2  # a function id or event id in front of its body
_REWRITTEN: Final = frozenset((Kind.TEXT, Kind.LABEL, Kind.ARRAY))  # stands on the wire otherwise than in a body
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
    return not plan.checks or all(good(values[name]) for name, good in plan.checks)


def _out_of_range(plan: _Plan, wire: Wire) -> DecodeError:
    """The first field, in wire order, that is out of range; there is one."""
    wrong = ((name, wire_problem(field, wire[name])) for name, field in plan.fields.items())
    name, detail = next((name, detail) for name, detail in wrong if detail is not None)
    return DecodeError(DecodeReason.RANGE, name, f"{name} {detail}")


def _plan(cls: type[object]) -> _Plan:
    found: _Plan | None = vars(cls).get("__plan__")
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
    return found


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
    if field.kind is Kind.ARRAY and not isinstance(field.item, Field) and fixed_octets(field.item) is not None:
        item = cast("type[object]", field.item)
        low, high = field.low, field.high

        def good(value: object) -> bool:
            if not isinstance(value, tuple) or not low <= len(value) <= high:
                return False
            plan = _plan(item)
            return all(type(each) is item and _in_range(plan, vars(each)) for each in value)

        return good
    return lambda value: value_problem(field, value) is None


def _outward(field: Field) -> Convert:
    """What stands on the wire for a body's value of this field, which is checked."""
    if field.kind is Kind.TEXT:
        octets = field.octets
        return lambda value: str(value).encode("ascii").ljust(octets, b"\0")
    if field.kind is Kind.LABEL:
        return lambda value: str(value).encode("ascii")
    if isinstance(field.item, Field):
        if field.item.kind not in _REWRITTEN:
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
    if field.kind is Kind.LABEL:
        most = field.high
        return lambda raw: _text_of(raw) if len(cast("bytes", raw)) <= most else _BAD
    if field.kind is not Kind.ARRAY:
        return lambda raw: raw if value_problem(field, raw) is None else _BAD
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
    return _text_of(cast("bytes", raw).rstrip(b"\0"))


def _text_of(raw: object) -> object:
    text = cast("bytes", raw).decode("latin-1")
    return text if PRINTABLE.issuperset(text) else _BAD


def _inward_body(cls: type[object]) -> Convert:
    """What an array holds for the wire values of one structure, or _BAD."""

    def body(raw: object) -> object:
        found = _from_wire_body(cls, _plan(cls), cast("Wire", raw))
        return _BAD if found is None else found

    return body


def _octets_wanted(fields: dict[str, Field], octets: bytes, at: int = 0) -> int:
    """Where a variable body that begins at `at` ends by its own counts, walked before anything is parsed."""
    for field in fields.values():
        at = _end(field, octets, at)
    return at


def _end(field: Field, octets: bytes, at: int) -> int:
    """Where one field ends that begins at `at`; behind the last octet when there are too few."""
    width = field.value_type.octets
    match field.kind:
        case Kind.COUNTED | Kind.LABEL:
            return at + width + int.from_bytes(octets[at : at + width], "big")
        case Kind.PACKET:
            return at + PACKET_OCTETS_MIN + int.from_bytes(octets[at + 4 : at + 6], "big")
        case Kind.WINDOW:
            return at + window_octets(int.from_bytes(octets[at : at + 1], "big"))
        case Kind.REST:
            return max(at, min(len(octets), at + field.octets))
        case Kind.ARRAY:
            count = int.from_bytes(octets[at : at + width], "big")
            at += width
            each = fixed_octets(field.item)
            if each is not None:
                return at + count * each
            parts = {"": field.item} if isinstance(field.item, Field) else fields_of(field.item)
            end = at - width + field.octets
            while count and at <= min(end, len(octets)):
                at, count = _octets_wanted(parts, octets, at), count - 1
            return at if at <= end else at + len(octets)  # more octets than it may have: no length is right
        case _:
            return at + field.octets
