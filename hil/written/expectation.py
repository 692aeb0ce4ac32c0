"""What a scenario waits for, as a sentence: `event system.booted boot_count rises`, `parameter power.load_mw < 2000`.

The first word says whose word it is (`KINDS`), the second its name, the rest what must hold of its values: a key, an
operator, a value; conditions follow one another without commas. A parameter has one value, so no key. `rises`: greater
than at the last such word of this run. Names of enumerations match in any case.
"""

from collections.abc import Callable, Mapping
from enum import Enum, unique
from operator import eq, ge, gt, le, lt, ne
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.mdb.database import Database
from hil.written.toml_table import nearest
from tools.ground.key_rotation import Ending
from tools.ground.records import (
    EventRecord,
    LanderRecord,
    LinkRecord,
    PacketRecord,
    ParameterRecord,
    Record,
)
from tools.ground.uplink_words import LinkState

OPERATORS: Final[Mapping[str, Callable[..., object]]] = {
    "=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip
RISES: Final = "rises"
CONDITIONS_MAX: Final = 8


@unique
class Kind(Enum):
    """Whose word it is."""

    EVENT = "event"
    """The payload's, by its name in the mission database."""
    PACKET = "packet"
    """Any other packet of the payload's."""
    PARAMETER = "parameter"
    """A sample of a parameter, in its engineering unit."""
    REPORT = "report"
    """The lander's own report to the ground (contract, section 5)."""
    LANDER = "lander"
    """What the lander tells the bench's user: power_on, heartbeat_lost, trip..."""
    LINK = "link"
    """The state of the ground's link."""
    KEYS = "keys"
    """How a change of keys ended."""


class ExpectationError(ValueError):
    """A sentence that cannot be read; the text says why."""


class Condition(NamedTuple):
    """What must hold of one value; `operator` is one of OPERATORS, or RISES without a value."""

    key: str
    operator: str
    value: float | str


class Expectation(NamedTuple):
    """A sentence, read."""

    kind: Kind
    name: str
    conditions: tuple[Condition, ...]
    text: str


class Word(NamedTuple):
    """Anything that may fulfil an expectation: whose, which, its values, when it was heard."""

    kind: Kind
    name: str
    values: Mapping[str, object]
    at: Micros


def read(text: str) -> Expectation:
    """An expectation of its sentence, or `ExpectationError`."""
    words = text.split()
    if len(words) < 2:
        raise ExpectationError(f"{text!r} is no expectation: it needs a kind and a name, say 'event system.booted'")
    kinds = [kind.value for kind in Kind]
    if words[0] not in kinds:
        raise ExpectationError(f"{text!r}: {words[0]!r} is no kind of word; {nearest(words[0], kinds)}")
    kind = Kind(words[0])
    rest = ["", *words[2:]] if kind is Kind.PARAMETER and len(words) > 2 else words[2:]
    conditions = []
    while rest:
        if len(rest) >= 2 and rest[1] == RISES:
            conditions.append(Condition(rest[0], RISES, 0.0))
            rest = rest[2:]
        elif len(rest) >= 3 and rest[1] in OPERATORS:
            conditions.append(Condition(rest[0], rest[1], _value(rest[2])))
            rest = rest[3:]
        else:
            known = ", ".join((*OPERATORS, RISES))
            raise ExpectationError(f"{text!r}: {' '.join(rest)!r} is no condition; a key, one of {known}, a value")
    if len(conditions) > CONDITIONS_MAX:
        raise ExpectationError(f"{text!r}: more than {CONDITIONS_MAX} conditions")
    return Expectation(kind, words[1], tuple(conditions), text)


def _value(text: str) -> float | str:
    try:
        return float(int(text, 0))
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def known_names(kind: Kind, database: Database) -> list[str] | None:
    """Names that a kind of word may have; None where they are not the mission database's."""
    tables = database.tables
    match kind:
        case Kind.EVENT:
            return [entry.name for entry in tables.events.values()]
        case Kind.PACKET:
            plain = [entry.name for entry in tables.plain.values()]
            structures = [structure.name for structure in database.structures.values()]
            return [*(entry.name for entry in tables.reports.values()), *plain, *structures]
        case Kind.REPORT:
            return [entry.name for entry in tables.plain.values() if entry.name.startswith("report.")]
        case Kind.PARAMETER:
            return [parameter.name for parameter in database.parameters.values()]
        case Kind.LINK:
            return [state.value for state in LinkState]
        case Kind.KEYS:
            return [ending.name.lower() for ending in Ending]
        case _:
            return None


def word_of(record: Record) -> Word | None:
    """What a record of the ground says; None for one that no expectation speaks of."""
    match record:
        case EventRecord():
            return None if record.replayed else Word(Kind.EVENT, record.name, record.values, record.at)
        case PacketRecord():
            return Word(Kind.PACKET, record.name, record.values, record.at)
        case ParameterRecord():
            value = record.label or record.value
            return Word(Kind.PARAMETER, record.name, {"": value}, record.at)
        case LanderRecord():
            return Word(Kind.REPORT, record.name, record.values, record.at)
        case LinkRecord():
            return Word(Kind.LINK, record.state, record._asdict(), record.at)
        case _:
            return None


def holds(wanted: Expectation, word: Word, before: Mapping[tuple[Kind, str, str], object]) -> bool:
    """Whether a word fulfils an expectation; `before` are the last values of earlier words, for RISES."""
    if word.kind is not wanted.kind or word.name != wanted.name:
        return False
    for key, operator, value in wanted.conditions:
        found = _plain(word.values.get(key))
        if operator == RISES:
            last = _plain(before.get((word.kind, word.name, key)))
            if not isinstance(found, float) or not isinstance(last, float) or found <= last:
                return False
        elif not _compare(found, operator, value):
            return False
    return True


def _plain(value: object) -> float | str | None:
    if isinstance(value, bool | int | float):
        return float(value)
    return value.lower() if isinstance(value, str) else None


def _compare(found: float | str | None, operator: str, value: float | str) -> bool:
    wanted = value.lower() if isinstance(value, str) else value
    if isinstance(found, str) and isinstance(wanted, float) and operator in ("=", "!="):
        wanted = f"{wanted:g}"
    if found is None or type(found) is not type(wanted):
        return operator == "!=" and found is not None
    return bool(OPERATORS[operator](found, wanted))
