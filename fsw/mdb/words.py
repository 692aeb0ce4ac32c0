"""What an operator types, turned into bodies and values; what is wrong with it, in a sentence with the range.

Lists stand with commas, the fields of a structure with colons; what stands in parentheses, and the colons of an ISO
8601 time, separate nothing: `+30s:power.switch(circuit=OPS,on=on),2026-11-23T10:15:00Z:ping()`.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, TypeVar, cast

from fsw.mdb.fields import F32, REQUIRED, Bounds, Field, Kind, fields_of
from fsw.mdb.model import Parameter
from fsw.mdb.problems import problem
from fsw.mdb.values import Raw, writable_range

T = TypeVar("T")

_ISO_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_TRUE = frozenset(("true", "on", "yes", "1"))
_FALSE = frozenset(("false", "off", "no", "0"))


class Unreadable(NamedTuple):
    """Words that give no body or value, and why."""

    sentence: str


class Aids(Protocol):
    """What reads the words that mean nothing without a database, a clock or a session."""

    def packet(self, word: str) -> bytes | Unreadable:
        """A whole telecommand: `NAME(arg=value,…)`, or its octets in hex."""

    def time(self, word: str) -> bytes | Unreadable:
        """A CUC: an ISO 8601 time with Z, `+30s` from the payload's present time, or its octets in hex."""

    def identifier(self, field: str, word: str) -> str | Unreadable:
        """A number in the place of a name, for fields called `parameter`, `event` and the like; else the word."""


def body_from_words(cls: type[T], words: Mapping[str, str], aids: Aids | None = None) -> T | Unreadable:
    """A body of `cls` from `name=value` words; every rule that the octets would meet is held here first."""
    fields = fields_of(cls)
    unknown = sorted(set(words) - set(fields))
    if unknown:
        known = ", ".join(fields) or "none"
        return Unreadable(f"there is no argument {unknown[0]}; the arguments are: {known}")
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name not in words:
            if field.default is REQUIRED:
                return Unreadable(f"the argument {name} is missing: {allowed(field)}")
            continue
        value = value_from_word(field, words[name], aids)
        if isinstance(value, Unreadable):
            return Unreadable(f"{name} {value.sentence}")
        values[name] = value
    body = cls(**values)
    wrong = problem(body)
    return body if wrong is None else Unreadable(wrong)


def split(word: str, separator: str) -> list[str]:
    """The parts of a word between separators that stand in no parentheses and in no ISO 8601 time."""
    parts, depth, begin, at = [], 0, 0, 0
    while at < len(word):
        time = _ISO_TIME.match(word, at) if at == begin else None
        if time is not None:
            at = time.end()
            continue
        letter = word[at]
        depth = max(0, depth + (letter == "(") - (letter == ")"))
        at += 1
        if letter == separator and not depth:
            parts.append(word[begin : at - 1])
            begin = at
    return [*parts, word[begin:]]


def value_from_word(item: object, word: str, aids: Aids | None = None) -> object:
    """One value, or an Unreadable: numbers in any Python base, enums by label, octets in hex, lists with commas.

    An item that is a structure is written with colons between its fields: `5:20,6:40`. Telecommands and times are
    read by `aids`; without it they are hex as well.
    """
    if not isinstance(item, Field):
        return _structure(item, word, aids)
    refused = Unreadable(f"must be {allowed(item)}, not {word!r}")
    match item.kind:
        case Kind.NUMBER:
            number = _number(word, item.value_type is F32, item.enum.__members__ if item.enum else {})
            return refused if number is None else number
        case Kind.BOOLEAN:
            truth = word.lower()
            return truth in _TRUE if truth in _TRUE | _FALSE else refused
        case Kind.ENUMERATED:
            assert item.enum is not None
            member = item.enum._value2member_map_.get(_number(word, False, item.enum.__members__))
            return refused if member is None else member
        case Kind.TEXT | Kind.LABEL:
            return word
        case Kind.ARRAY:
            values = []
            listed = _inside(word)
            for each in split(listed, ",") if listed else ():
                value = value_from_word(item.item, each, aids)
                if isinstance(value, Unreadable):
                    return value
                values.append(value)
            return tuple(values)
        case Kind.PACKET if aids is not None:
            return aids.packet(word)
        case Kind.CUC if aids is not None:
            return aids.time(word)
        case Kind.WINDOW:
            return _window(word, refused, aids)
        case _:
            return _octets(word, refused)


def raw_from_word(parameter: Parameter, word: str) -> Raw | Unreadable:
    """The raw value to which an operator wants to set a parameter, in the range that (20,3) accepts."""
    low, high = writable_range(parameter)
    if not parameter.writable:
        return Unreadable(f"{parameter.name} cannot be written")
    number = _number(word, parameter.value_type is F32, parameter.enum.__members__ if parameter.enum else {})
    if number is None or not low <= number <= high:
        unit = f" {parameter.unit}" if parameter.unit else ""
        return Unreadable(f"{parameter.name} must be {low:.10g} to {high:.10g}{unit}, not {word!r}")
    return number


def allowed(field: Field) -> str:
    """What a field takes, for a refusal or a help text."""
    unit = f" {field.unit}" if field.unit else ""
    match field.kind:
        case Kind.NUMBER:
            labels = f" ({', '.join(field.enum.__members__)})" if field.enum else ""
            return f"{field.low:.10g} to {field.high:.10g}{unit}{labels}"
        case Kind.BOOLEAN:
            return "on or off"
        case Kind.ENUMERATED:
            assert field.enum is not None
            return f"one of {', '.join(field.enum.__members__)}"
        case Kind.CUC:
            return "a time (2026-11-23T10:15:00Z, +30s) or its CUC in hex"
        case Kind.WINDOW:
            return "a window of time (all, T..T, T.. or ..T) or its octets in hex"
        case Kind.OCTETS:
            return f"{field.octets} octets in hex"
        case Kind.REST:
            return f"up to {field.octets} octets in hex"
        case Kind.TEXT | Kind.LABEL:
            return f"up to {field.octets if field.kind is Kind.TEXT else field.high:g} printable characters"
        case Kind.COUNTED:
            return f"up to {field.high:g} octets in hex"
        case Kind.PACKET:
            return f"a telecommand NAME(arg=value,…) or its octets in hex, up to {field.high:g}"
        case _:  # ARRAY
            each = allowed(field.item) if isinstance(field.item, Field) else ":".join(fields_of(field.item))
            return f"{field.low:g} to {field.high:g} values with commas between, each {each}"


def _window(word: str, refused: Unreadable, aids: Aids | None) -> object:
    if word == "all":
        return bytes((Bounds.ALL,))
    low, dots, high = word.partition("..")
    if not dots:
        return _octets(word, refused)
    bounds = Bounds.BETWEEN if low and high else Bounds.FROM if low else Bounds.UNTIL
    times = [_octets(one, refused) if aids is None else aids.time(one) for one in (low, high) if one]
    found = [one for one in times if isinstance(one, bytes)]
    if not times or len(found) < len(times):
        return next((one for one in times if isinstance(one, Unreadable)), refused)
    return bytes((bounds,)) + b"".join(found)


def _structure(cls: object, word: str, aids: Aids | None) -> object:
    fields = fields_of(cls)
    parts = split(word, ":")
    if len(parts) != len(fields):
        return Unreadable(f"must be {':'.join(fields)}, not {word!r}")
    values: list[object] = []
    for (name, field), part in zip(fields.items(), parts, strict=True):
        named: str | Unreadable = _inside(part)
        if aids is not None and field.kind in (Kind.NUMBER, Kind.ARRAY):
            named = aids.identifier(name, _inside(part))
        value = named if isinstance(named, Unreadable) else value_from_word(field, named, aids)
        if isinstance(value, Unreadable):
            return Unreadable(f"{name} {value.sentence}")
        values.append(value)
    return cast("type[object]", cls)(*values)


def _inside(word: str) -> str:
    """What stands inside when the whole word is in parentheses, as a list inside a structure must be."""
    whole = word[:1] == "(" and word[-1:] == ")" and len(split(word, ",")) == len(split(word, ":")) == 1
    return word[1:-1] if whole else word


def _number(word: str, real: bool, labels: Mapping[str, int]) -> float | None:
    for label, member in labels.items():
        if label.lower() == word.lower():
            return int(member)
    try:
        return float(word) if real else int(word, 0)
    except ValueError:
        return None


def _octets(word: str, refused: Unreadable) -> object:
    try:
        return bytes.fromhex(word)
    except ValueError:
        return refused
