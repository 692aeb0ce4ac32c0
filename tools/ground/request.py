"""What an operator types into a telecommand: names resolved, arguments checked, all before anything is sent."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.mdb import words
from fsw.mdb.assembly import CommandEntry
from fsw.mdb.database import Database, EncodedCommand
from fsw.mdb.fields import Kind, fields_of
from fsw.mdb.model import Parameter
from fsw.mdb.problems import problem
from fsw.mdb.standard_services import VALUE_LISTS
from fsw.mdb.words import Unreadable

_NAMED_ARGUMENTS: Final = (
    "parameters", "sids", "events", "apid", "parameter", "sid", "event", "validity_parameter", "low_event",
    "high_event", "stale_event",
)  # fmt: skip


@unique
class Why(Enum):
    """What kind of refusal it is; the value is what `--json` says."""

    USAGE = "usage"
    DATABASE = "database mismatch"
    FULL = "too many commands are open"
    ROLE = "role"


class Refusal(NamedTuple):
    """A command that was not sent, and the sentence why."""

    why: Why
    sentence: str


def encode(
    database: Database, name: str, arguments: Mapping[str, str], aids: words.Aids | None = None
) -> EncodedCommand | Refusal:
    """Header fields and application data of the named telecommand, or why there is none.

    `aids` reads telecommands and times inside the words (`nested.py`); without it they are hex.
    """
    entry = database.by_name(name)
    if entry is None:
        return _refuse(f"there is no command '{name}'{nearest(name, database.command_names())}")
    if entry.body in VALUE_LISTS and not set(arguments) & {"count", "values"}:
        return _parameter_values(database, entry, arguments)
    resolved: dict[str, str] = {}
    for argument, word in arguments.items():
        if argument in _NAMED_ARGUMENTS:
            found = identifiers(database, argument, word)
            if isinstance(found, Refusal):
                return found
            word = found  # noqa: PLW2901 (the identifiers stand where the names stood)
        resolved[argument] = word
    body = words.body_from_words(entry.body, resolved, aids)
    if isinstance(body, Unreadable):
        return _refuse(f"{name}: {body.sentence}{_nearest_argument(entry.body, arguments)}")
    return database.encode_command(body, entry.apid)


def parse_words(listed: Iterable[str]) -> dict[str, str] | Refusal:
    """`key=value` words into a mapping; anything else is refused."""
    found: dict[str, str] = {}
    for word in listed:
        key, equals, value = word.partition("=")
        if not equals or not key:
            return _refuse(f"'{word}' is not of the form key=value")
        if key in found:
            return _refuse(f"{key} is given twice")
        found[key] = value
    return found


def sentence_words(sentence: str) -> list[str]:
    """A telecommand as one text, taken apart at blanks; blanks inside parentheses go."""
    parts = words.split(" ".join(sentence.split()), " ")
    return ["".join(part.split()) if "(" in part else part for part in parts if part]


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'power.switch'?`, or nothing when no name is near."""
    close = get_close_matches(name, list(names), 1, 0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def _refuse(sentence: str) -> Refusal:
    return Refusal(Why.USAGE, sentence)


def _nearest_argument(body: type[object], arguments: Mapping[str, str]) -> str:
    known = fields_of(body)
    for name in sorted(set(arguments) - set(known)):
        return nearest(name, known)
    return ""


def _parameter_values(
    database: Database, entry: CommandEntry, arguments: Mapping[str, str]
) -> EncodedCommand | Refusal:
    """`parameter.set system.scratch=42 …`: widths and ranges follow from the database."""
    if not arguments:
        return _refuse(f"{entry.name}: give name=value for at least one parameter")
    values = []
    for name, word in arguments.items():
        parameter = _parameter(database, name)
        if isinstance(parameter, Refusal):
            return parameter
        raw = words.raw_from_word(parameter, word)
        if isinstance(raw, Unreadable):
            return _refuse(f"{entry.name}: {raw.sentence}")
        values.append((parameter, raw))
    octets = database.encode_values(values)
    make: Callable[..., object] = entry.body
    body = make(count=octets[0], values=octets[1:])
    wrong = problem(body)
    return _refuse(f"{entry.name}: {wrong}") if wrong else database.encode_command(body)


def _parameter(database: Database, name: str) -> Parameter | Refusal:
    parameter = database.parameter_named(name)
    if parameter is None and name.isdecimal():
        parameter = database.parameters.get(int(name))
    if parameter is None:
        names = [each.name for each in database.parameters.values()]
        return _refuse(f"there is no parameter '{name}'{nearest(name, names)}")
    return parameter


def identifiers(database: Database, argument: str, word: str) -> str | Refusal:
    """Names in a list of identifiers become the identifiers; numbers pass as they are."""
    known = _known(database, argument)
    if not known:
        return word
    parts = []
    for part in word.split(","):
        if part in known:
            parts.append(str(known[part]))
        elif part[:1].isalpha():
            return _refuse(f"{argument}: there is no '{part}'{nearest(part, known)}")
        else:
            parts.append(part)
    return ",".join(parts)


def _known(database: Database, argument: str) -> dict[str, int]:
    """Names that an argument of this name may take instead of identifiers."""
    if argument in ("parameters", "parameter", "validity_parameter", "pid"):
        return {each.name: each.pid for each in database.parameters.values()}
    if argument in ("sids", "sid"):
        return {each.name: each.sid for each in database.structures.values()}
    if argument == "apid":
        return {each.name: apid for apid, each in database.processes.items()}
    if argument in ("events", "event", "low_event", "high_event", "stale_event"):
        return {each.name: each.number for each in database.tables.events.values()}
    return {}


def completions(database: Database, name: str, incomplete: str) -> list[tuple[str, str]]:
    """What may stand where `incomplete` stands among a command's words, each with a line of text."""
    entry = database.by_name(name)
    if entry is None:
        return []
    key, equals, value = incomplete.partition("=")
    if entry.body in VALUE_LISTS:
        writable = [each for each in database.parameters.values() if each.writable]
        return [(f"{each.name}=", each.doc) for each in writable if each.name.startswith(key) and not equals]
    fields = fields_of(entry.body)
    if not equals:
        return [(f"{each}=", words.allowed(field)) for each, field in fields.items() if each.startswith(key)]
    if key not in fields:
        return []
    field = fields[key]
    values = list(field.enum.__members__) if field.enum is not None else []
    if field.kind is Kind.BOOLEAN:
        values = ["on", "off"]
    values += [] if values else list(_known(database, key))
    before, comma, last = value.rpartition(",")
    return [(f"{key}={before}{comma}{each}", "") for each in values if each.lower().startswith(last.lower())]
