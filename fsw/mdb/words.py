"""What an operator types, turned into bodies and values; what is wrong with it, in a sentence with the range."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar, cast

from fsw.mdb.fields import F32, REQUIRED, Field, Kind, fields_of
from fsw.mdb.model import Parameter
from fsw.mdb.problems import problem
from fsw.mdb.values import Raw, writable_range

T = TypeVar("T")

_TRUE = frozenset(("true", "on", "yes", "1"))
_FALSE = frozenset(("false", "off", "no", "0"))


class Unreadable(NamedTuple):
    """Words that give no body or value, and why."""

    sentence: str


def body_from_words(cls: type[T], words: Mapping[str, str]) -> T | Unreadable:
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
        value = value_from_word(field, words[name])
        if isinstance(value, Unreadable):
            return Unreadable(f"{name} {value.sentence}")
        values[name] = value
    body = cls(**values)
    wrong = problem(body)
    return body if wrong is None else Unreadable(wrong)


def value_from_word(item: object, word: str) -> object:
    """One value, or an Unreadable: numbers in any Python base, enums by label, octets in hex, lists with commas.

    An item that is a structure is written with colons between its fields: `5:20,6:40`.
    """
    if not isinstance(item, Field):
        return _structure(item, word)
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
            for each in word.split(",") if word else ():
                value = value_from_word(item.item, each)
                if isinstance(value, Unreadable):
                    return value
                values.append(value)
            return tuple(values)
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
            return "a CUC of 7 octets in hex"
        case Kind.OCTETS:
            return f"{field.octets} octets in hex"
        case Kind.REST:
            return f"up to {field.octets} octets in hex"
        case Kind.TEXT | Kind.LABEL:
            return f"up to {field.octets if field.kind is Kind.TEXT else field.high:g} printable characters"
        case Kind.COUNTED:
            return f"up to {field.high:g} octets in hex"
        case Kind.PACKET:
            return f"a telecommand packet of up to {field.high:g} octets in hex"
        case _:  # ARRAY
            each = allowed(field.item) if isinstance(field.item, Field) else ":".join(fields_of(field.item))
            return f"{field.low:g} to {field.high:g} values with commas between, each {each}"


def _structure(cls: object, word: str) -> object:
    fields = fields_of(cls)
    parts = word.split(":")
    if len(parts) != len(fields):
        return Unreadable(f"must be {':'.join(fields)}, not {word!r}")
    values: list[object] = []
    for (name, field), part in zip(fields.items(), parts, strict=True):
        value = value_from_word(field, part)
        if isinstance(value, Unreadable):
            return Unreadable(f"{name} {value.sentence}")
        values.append(value)
    return cast("type[object]", cls)(*values)


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
