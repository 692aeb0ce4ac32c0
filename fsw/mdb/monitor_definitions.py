"""Definitions of monitors as (12,5), (12,7) and (12,9) carry them, and as `system.watch` names them.

A definition of (12,5) is monitor u16, parameter u16, interval u16, repetition u8, check type u8 and criteria that
follow from the check type; (12,7) has no interval.
"""

from typing import Any, Final, NamedTuple

from fsw.mdb import codec
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.model import enumerated, f32, fixed_octets, structure, u8, u16, u32
from fsw.mdb.monitoring import VALUES_MAX, AddMonitors, CheckType, ModifyMonitors, Watch


@structure
class _Added:
    """The head of a definition in (12,5)."""

    monitor: int = u16()
    parameter: int = u16()
    interval: int = u16(low=1)
    repetition: int = u8(low=1)
    check: CheckType = enumerated(CheckType)


@structure
class _Modified:
    """The head of a definition in (12,7)."""

    monitor: int = u16()
    parameter: int = u16()
    repetition: int = u8(low=1)
    check: CheckType = enumerated(CheckType)


@structure
class _Expected:
    """Criteria of an expected value; the spare has the width of an event id."""

    mask: int = u32()
    spare: int = u16(high=0)
    expected: int = u32()
    low_event: int = u16()


@structure
class _Limits:
    """Criteria of a limit check; values at a limit are within."""

    low: float = f32()
    low_event: int = u16()
    high: float = f32()
    high_event: int = u16()


@structure
class _Deltas:
    """Criteria of a delta check: the mean of so many changes, one after the other."""

    low: float = f32()
    low_event: int = u16()
    high: float = f32()
    high_event: int = u16()
    values: int = u8(low=1, high=VALUES_MAX)


_CRITERIA: Final[dict[int, type[object]]] = {
    CheckType.EXPECTED: _Expected,
    CheckType.LIMIT: _Limits,
    CheckType.DELTA: _Deltas,
}


class Definition(NamedTuple):
    """What a definition says, by the names of `Watch`."""

    monitor: int
    parameter: int
    fields: dict[str, Any]


def read_definitions(body: AddMonitors | ModifyMonitors) -> tuple[Definition, ...] | DecodeError:
    """The definitions of a (12,5) or (12,7); an error where one is out of range, or the octets end elsewhere."""
    head_class: type[_Added | _Modified] = _Added if isinstance(body, AddMonitors) else _Modified
    head_octets = fixed_octets(head_class) or 0
    octets, at, found = body.definitions, 0, []
    for _ in range(body.count):
        head = codec.decode(head_class, octets[at : at + head_octets])
        if isinstance(head, DecodeError):
            return head
        at += head_octets
        criteria_class = _CRITERIA[head.check]
        criteria_octets = fixed_octets(criteria_class) or 0
        criteria = codec.decode(criteria_class, octets[at : at + criteria_octets])
        if isinstance(criteria, DecodeError):
            return criteria
        at += criteria_octets
        fields = {**vars(head), **vars(criteria)}
        fields.pop("spare", None)
        found.append(Definition(head.monitor, head.parameter, fields))
    if at != len(octets):
        return DecodeError(DecodeReason.LENGTH, "definitions", f"{len(octets)} octets where definitions end at {at}")
    return tuple(found)


def write_definition(watch: Watch) -> bytes:
    """A definition as in (12,5); its condition and its age do not stand in it."""
    head = _Added(watch.monitor, watch.parameter, watch.interval, watch.repetition, watch.check)
    criteria: object
    match watch.check:
        case CheckType.EXPECTED:
            criteria = _Expected(watch.mask, 0, watch.expected, watch.low_event)
        case CheckType.LIMIT:
            criteria = _Limits(watch.low, watch.low_event, watch.high, watch.high_event)
        case _:  # DELTA
            criteria = _Deltas(watch.low, watch.low_event, watch.high, watch.high_event, watch.values)
    return codec.encode(head) + codec.encode(criteria)
