"""What is wrong with a value, as a sentence with what is allowed: of a body, and as it came off the wire."""

from typing import Final, cast

from fsw.ccsds.time_code import CUC_OCTETS, P_FIELD
from fsw.mdb.fields import F32, PACKET_OCTETS_MIN, Bounds, Field, Kind, fields_of, fixed_octets, window_octets

Wire = dict[str, object]
_BOUNDS: Final = frozenset(bytes((bounds,)) for bounds in Bounds)
PRINTABLE: Final = frozenset(map(chr, range(0x20, 0x7F)))


def problem(body: object) -> str | None:
    """What keeps a body from being encoded, as a sentence with the allowed range; None when nothing does."""
    for name, field in fields_of(body).items():
        wrong = value_problem(field, vars(body)[name])
        if wrong is not None:
            return f"{name} {wrong}"
    return None


def value_problem(field: Field, value: object) -> str | None:  # noqa: PLR0912 (one arm a kind)
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
        case Kind.REST | Kind.COUNTED:
            most = field.octets if field.kind is Kind.REST else field.high
            if not isinstance(value, bytes) or len(value) > most:
                return f"must be at most {most:g} octets, not {value!r}"
        case Kind.PACKET:
            if not isinstance(value, bytes) or not _is_packet(value) or len(value) > field.high:
                return f"must be a packet of at most {field.high:g} octets, not {value!r}"
        case Kind.WINDOW:
            if not isinstance(value, bytes) or not _is_window(value):
                return f"must be a window of time, its bounds in order, not {value!r}"
        case Kind.TEXT | Kind.LABEL:
            most = field.octets if field.kind is Kind.TEXT else field.high
            if not isinstance(value, str) or len(value) > most or not PRINTABLE.issuperset(value):
                return f"must be at most {most:g} printable ASCII characters, not {value!r}"
        case _:  # ARRAY
            if not isinstance(value, tuple) or not field.low <= len(value) <= field.high:
                return f"must be {field.low:g} to {field.high:g} items, not {value!r}"
            for index, item in enumerate(value):
                wrong = _item_problem(field.item, item)
                if wrong is not None:
                    return f"[{index}] {wrong}"
            if fixed_octets(field.item) is None and _octets_of(field, value) > field.octets:
                return f"must be at most {field.octets} octets altogether, not {_octets_of(field, value)}"
    return None


def _octets_of(item: object, value: object) -> int:
    """The octets that a value in range takes on the wire."""
    if not isinstance(item, Field):
        return sum(_octets_of(field, vars(value)[name]) for name, field in fields_of(item).items())
    match item.kind:
        case Kind.ARRAY:
            values = cast("tuple[object, ...]", value)
            return item.value_type.octets + sum(_octets_of(item.item, each) for each in values)
        case Kind.COUNTED | Kind.LABEL:
            return item.value_type.octets + len(cast("bytes", value))
        case Kind.PACKET | Kind.WINDOW:
            return len(cast("bytes", value))
        case _:
            return item.octets


def _is_packet(octets: bytes) -> bool:
    return len(octets) == PACKET_OCTETS_MIN + int.from_bytes(octets[4:6], "big") and len(octets) >= PACKET_OCTETS_MIN


def _is_window(octets: bytes) -> bool:
    if octets[:1] not in _BOUNDS or len(octets) != window_octets(octets[0]):
        return False
    times = [octets[at : at + CUC_OCTETS] for at in range(1, len(octets), CUC_OCTETS)]
    return all(time[0] == P_FIELD for time in times) and times == sorted(times)


def _item_problem(item: object, value: object) -> str | None:
    if isinstance(item, Field):
        return value_problem(item, value)
    if type(value) is not item:
        return f"must be a {getattr(item, '__name__', item)}, not {value!r}"
    return problem(value)


def _range(field: Field) -> str:
    unit = f" {field.unit}" if field.unit else ""
    return f"{field.low:.10g} to {field.high:.10g}{unit}"


def wire_problem(item: object, raw: object) -> str | None:  # noqa: PLR0912 (one arm a kind)
    """What is wrong with one value as it came off the wire; its width is right already."""
    if not isinstance(item, Field):
        for name, field in fields_of(item).items():
            wrong = wire_problem(field, cast("Wire", raw)[name])
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
        case Kind.LABEL:
            name = cast("bytes", raw).decode("latin-1")
            if len(name) > item.high or not PRINTABLE.issuperset(name):
                return f"must be at most {item.high:g} printable ASCII characters, not {raw!r}"
        case Kind.TEXT:
            stripped = cast("bytes", raw).rstrip(b"\0").decode("latin-1")
            if not PRINTABLE.issuperset(stripped):
                return f"must be printable ASCII characters, not {raw!r}"
        case Kind.ARRAY:
            items = cast("list[object]", raw)
            if not item.low <= len(items) <= item.high:
                return f"must be {item.low:g} to {item.high:g} items, not {len(items)}"
            for index, each in enumerate(items):
                wrong = wire_problem(item.item, each)
                if wrong is not None:
                    return f"[{index}] {wrong}"
        case _:
            return value_problem(item, raw)
    return None
