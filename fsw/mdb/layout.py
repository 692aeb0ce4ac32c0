"""Field -> construct: the only file that knows how a body's octets are expressed (architecture, dependencies).

A layout is compiled when a body is first used; until then a declaration costs no more than its class.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias, cast

import construct

from fsw.mdb.fields import F32, I8, I16, I32, U8, U16, U32, Field, Kind, ValueType, fields_of

Wire = dict[str, object]
Subcon: TypeAlias = "construct.Construct[Any, Any]"  # construct's own types end here

_NUMBERS: Final[dict[ValueType, Subcon]] = {
    U8: construct.Int8ub,
    U16: construct.Int16ub,
    U32: construct.Int32ub,
    I8: construct.Int8sb,
    I16: construct.Int16sb,
    I32: construct.Int32sb,
    F32: construct.Float32b,
}


class Layout(NamedTuple):
    """A compiled layout: wire values by field name -> octets, and back."""

    build: Callable[[Wire], bytes]
    parse: Callable[[bytes], Wire]


def compile_layout(body: object) -> Layout:
    """Compile a body class's layout; about a millisecond."""
    compiled = _struct(body).compile()
    return Layout(cast("Callable[[Wire], bytes]", compiled.build), cast("Callable[[bytes], Wire]", compiled.parse))


def _struct(body: object) -> Subcon:
    return construct.Struct(*(construct.Renamed(_subcon(field), name) for name, field in fields_of(body).items()))


def _subcon(item: object) -> Subcon:
    if not isinstance(item, Field):
        return _struct(item)
    if item.kind is Kind.ARRAY:
        return construct.PrefixedArray(_NUMBERS[item.value_type], _subcon(item.item))
    if item.kind is Kind.REST:
        return construct.GreedyBytes
    if item.kind in (Kind.CUC, Kind.OCTETS, Kind.TEXT):
        return construct.Bytes(item.octets)
    return _NUMBERS[item.value_type]
