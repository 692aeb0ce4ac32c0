"""Hypothesis strategies derived from declarations: bodies of any class, and housekeeping values."""

import string
from typing import cast

from hypothesis import strategies as st

from fsw.mdb.fields import F32, Field, Kind, fields_of
from fsw.mdb.model import Parameter, Structure

_PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "


def numbers(code: str, low: float, high: float) -> st.SearchStrategy[float]:
    """Every value of a numeric type between its bounds."""
    if code == F32.code:
        return st.floats(low, high, width=32, allow_nan=False)
    return st.integers(int(low), int(high))


def values(item: object) -> st.SearchStrategy[object]:  # noqa: PLR0912 (one arm a kind)
    """Every value that a field, or an item of an array, may hold."""
    if not isinstance(item, Field):
        return bodies(cast("type[object]", item))
    match item.kind:
        case Kind.NUMBER:
            return numbers(item.value_type.code, item.low, item.high)
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.ENUMERATED:
            assert item.enum is not None
            return st.sampled_from(list(item.enum))
        case Kind.CUC:
            return st.binary(min_size=6, max_size=6).map(lambda t_field: b"\x1e" + t_field)
        case Kind.OCTETS:
            return st.binary(min_size=item.octets, max_size=item.octets)
        case Kind.REST:
            return st.binary(max_size=item.octets)
        case Kind.COUNTED:
            return st.binary(max_size=min(int(item.high), 40))
        case Kind.PACKET:
            data = st.binary(min_size=1, max_size=min(int(item.high) - 6, 40))
            head = st.binary(min_size=4, max_size=4)
            return st.builds(lambda front, tail: front + (len(tail) - 1).to_bytes(2, "big") + tail, head, data)
        case Kind.WINDOW:
            times = st.lists(st.binary(min_size=6, max_size=6), min_size=2, max_size=2).map(sorted)
            return st.builds(
                lambda bounds, both: bytes((bounds,)) + b"".join(b"\x1e" + t for t in both[: (0, 2, 1, 1)[bounds]]),
                st.integers(0, 3), times,
            )  # fmt: skip
        case Kind.TEXT:
            return st.text(_PRINTABLE, max_size=item.octets)
        case Kind.LABEL:
            return st.text(_PRINTABLE, max_size=int(item.high))
        case Kind.ARRAY:
            most = min(int(item.high), 6)
            return st.lists(values(item.item), min_size=int(item.low), max_size=most).map(tuple)


def bodies(cls: type[object]) -> st.SearchStrategy[object]:
    """Every body of a class."""
    return st.builds(cls, **{name: values(field) for name, field in fields_of(cls).items()})


def readings(parameter: Parameter) -> st.SearchStrategy[float | None]:
    """Every raw value of a parameter; None where it can be absent."""
    value_type = parameter.value_type
    raw = numbers(value_type.code, value_type.low, value_type.high).filter(lambda value: value != parameter.absent)
    return raw if parameter.absent is None else raw | st.none()


def housekeeping(structure: Structure) -> st.SearchStrategy[dict[int, float | None]]:
    """Every set of values of a structure, by parameter id."""
    return st.fixed_dictionaries({parameter.pid: readings(parameter) for parameter in structure.parameters})
