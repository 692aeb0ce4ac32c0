"""Field -> construct: the only file that knows how a body's octets are expressed (architecture, dependencies).

A layout is compiled when a body is first used; until then a declaration costs no more than its class. A body of numbers
and octets of fixed length, as most are, is one `struct`, the same octets without a walk from field to field.
"""

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, cast

import construct

from fsw.mdb.fields import (
    F32,
    I8,
    I16,
    I32,
    PACKET_OCTETS_MIN,
    U8,
    U16,
    U32,
    VARIABLE,
    Field,
    Kind,
    ValueType,
    fields_of,
    window_octets,
)

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


_CODES: Final[dict[ValueType, str]] = {U8: "B", U16: "H", U32: "I", I8: "b", I16: "h", I32: "i", F32: "f"}
assert _CODES.keys() == _NUMBERS.keys()
_FIXED: Final = (Kind.CUC, Kind.OCTETS, Kind.TEXT)

_CONTEXT: Final[Wire] = {"_params": None}


class _Generated(Protocol):
    """What construct has compiled. Its `parse` and `build` double the time with a context that no layout asks for."""

    def parsefunc(self, stream: BytesIO, context: Wire) -> Wire:
        """Wire values from octets."""

    def buildfunc(self, values: Wire, stream: BytesIO, context: Wire) -> object:
        """Octets from wire values."""


class Layout(NamedTuple):
    """A compiled layout: wire values by field name -> octets, and back."""

    build: Callable[[Wire], bytes]
    parse: Callable[[bytes], Wire]


def compile_layout(body: object) -> Layout:
    """Compile a body class's layout; up to a millisecond."""
    fields = fields_of(body)
    if not any(field.kind in VARIABLE for field in fields.values()):
        return _flat(fields)
    generated = cast("_Generated", _struct(body).compile())
    parse_from, build_to = generated.parsefunc, generated.buildfunc

    def build(values: Wire) -> bytes:
        stream = BytesIO()
        build_to(values, stream, _CONTEXT)
        return stream.getvalue()

    return Layout(build, lambda octets: parse_from(BytesIO(octets), _CONTEXT))


def _flat(fields: Mapping[str, Field]) -> Layout:
    """The layout of fields that all have their place."""
    names = tuple(fields)
    codes = [f"{field.octets}s" if field.kind in _FIXED else _CODES[field.value_type] for field in fields.values()]
    whole = struct.Struct(">" + "".join(codes))
    pack, unpack = whole.pack, whole.unpack
    return Layout(
        lambda values: pack(*[values[name] for name in names]),
        lambda octets: dict(zip(names, unpack(octets), strict=True)),
    )


def _struct(body: object) -> Subcon:
    return construct.Struct(*(construct.Renamed(_subcon(field), name) for name, field in fields_of(body).items()))


def _subcon(item: object) -> Subcon:
    if not isinstance(item, Field):
        return _struct(item)
    if item.kind is Kind.ARRAY:
        return construct.PrefixedArray(_NUMBERS[item.value_type], _subcon(item.item))
    if item.kind in (Kind.COUNTED, Kind.LABEL):
        return construct.Prefixed(_NUMBERS[item.value_type], construct.GreedyBytes)
    if item.kind is Kind.PACKET:
        return _packet()
    if item.kind is Kind.WINDOW:
        return _window()
    if item.kind is Kind.REST:
        return construct.GreedyBytes
    if item.kind in _FIXED:
        return construct.Bytes(item.octets)
    return _NUMBERS[item.value_type]


def _packet() -> Subcon:
    """A space packet: four octets, the length of what is behind them less one, and that (133.0-B, 4.1.3)."""
    parts = construct.Struct(
        "head" / construct.Bytes(4), "last" / construct.Int16ub, "data" / construct.Bytes(construct.this.last + 1)
    )
    return construct.ExprAdapter(
        parts,
        lambda read, _: read.head + read.last.to_bytes(2, "big") + read.data,
        lambda packet, _: {"head": packet[:4], "last": len(packet) - PACKET_OCTETS_MIN, "data": packet[6:]},
    )


def _window() -> Subcon:
    """What bounds it, and as many times as that needs."""
    parts = construct.Struct(
        "bounds" / construct.Int8ub, "times" / construct.Bytes(lambda read: window_octets(read.bounds) - 1)
    )
    return construct.ExprAdapter(
        parts,
        lambda read, _: bytes((read.bounds,)) + read.times,
        lambda window, _: {"bounds": window[0], "times": window[1:]},
    )
