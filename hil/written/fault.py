"""A fault as data: its kind, when it begins, how long it lasts, its values; from TOML, from the command line, and back.

In TOML a table with `kind`, `at`, `for` and the parameters of its kind; on the command line `kind@at+for:key=value,…`
with what differs from the defaults, several parted by semicolons. Times are durations from the start of a run.

Off nominal: what is no fault raises `FaultError`, one sentence with file, line and the nearest name that there is.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from hil.written.durations import DurationError, parse_us, text_of
from hil.written.fault_kinds import KINDS, FaultKind, Parameter
from hil.written.toml_lines import line_of

FAULTS_MAX: Final = 10_000
"""Faults of one schedule."""
FILE_OCTETS_MAX: Final = 4_000_000
COMMAND_LINE: Final = "faults"
"""What stands for the file in a complaint about the compact form."""
_COMPACT: Final = re.compile(r"\s*([^@:+]+)@([^+:]+)(?:\+([^:]+))?(?::(.*))?", re.DOTALL)


class FaultError(Exception):
    """What is wrong with a fault, in one sentence."""


class Fault(NamedTuple):
    """One fault of a schedule; `values` has every parameter of its kind. Times in microseconds of the run."""

    kind: str
    at_us: int
    for_us: int
    values: Mapping[str, int]

    @property
    def until_us(self) -> int:
        """When it ends."""
        return self.at_us + self.for_us

    def name(self, key: str) -> str:
        """The value of a choice by its name."""
        return KINDS[self.kind].parameters[key].names[self.values[key]]


def make(kind: str, at_us: int, for_us: int | None = None, **values: int | str) -> Fault:
    """A fault of a program's own; what is left out has its default, what is wrong raises `FaultError`."""
    known = _known(kind, "fault")
    lasting = known.lasts.default_us if for_us is None else for_us
    return _build(known, at_us, lasting, values, lambda key: f"fault {kind}: {key}")


def parse(table: Mapping[str, object], file: str, line: int = 0, lines: Mapping[str, int] | None = None) -> Fault:
    """A fault from a table of `file`; `line` is where the table begins, `lines` where each key stands."""

    def place(key: str) -> str:
        at = (lines or {}).get(key, line)
        return f"{file}:{at}: {key}" if at else f"{file}: {key}"

    return _parse(table, place)


def _parse(table: Mapping[str, object], place: Callable[[str], str]) -> Fault:
    """A fault from a table; `place` names where a key stands."""
    if "kind" not in table:
        raise FaultError(f"{place('kind')} is missing; it is one of: {', '.join(KINDS)}")
    if not isinstance(table["kind"], str):
        raise FaultError(f"{place('kind')} is {table['kind']!r}, must be a text")
    known = _known(table["kind"], place("kind"))
    at_us = _time(table.get("at", "0 s"), place("at"))
    for_us = _time(table["for"], place("for")) if "for" in table else known.lasts.default_us
    values = {key: value for key, value in table.items() if key not in ("kind", "at", "for")}
    return _build(known, at_us, for_us, values, place)


def parse_text(text: str, file: str) -> tuple[Fault, ...]:
    """The faults of a TOML text: its tables `[[fault]]`, in their order."""
    try:
        top = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultError(f"{file}: {error}") from None
    for key in top:
        if key != "fault":
            raise FaultError(f"{file}:{line_of(text, (key, 0))}: unknown key {key!r}; did you mean 'fault'?")
    tables = top.get("fault", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise FaultError(
            f"{file}:{line_of(text, ('fault', 0))}: fault must be an array of tables, each begun by [[fault]]"
        )
    if len(tables) > FAULTS_MAX:
        raise FaultError(f"{file}: {len(tables)} faults, at most {FAULTS_MAX}")
    return tuple(_parse(table, partial(_place, file, text, number)) for number, table in enumerate(tables))


def _place(file: str, text: str, number: int, key: str) -> str:
    return f"{file}:{line_of(text, ('fault', number, key))}: {key}"


def load(path: str | Path) -> tuple[Fault, ...]:
    """The faults of a file."""
    try:
        with Path(path).open("rb") as file:
            octets = file.read(FILE_OCTETS_MAX + 1)
        text = octets.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise FaultError(f"fault file {path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None
    if len(octets) > FILE_OCTETS_MAX:
        raise FaultError(f"fault file {path}: longer than {FILE_OCTETS_MAX} octets")
    return parse_text(text, str(path))


def parse_compact(text: str, file: str = COMMAND_LINE) -> Fault:
    """One fault of the form `kind@at+for:key=value,…`."""
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise FaultError(f"{file}: {text.strip()!r} is no fault; the form is kind@at+for:key=value,key=value")
    kind, at, lasting, rest = match.groups()
    table: dict[str, object] = {"kind": kind.strip(), "at": at}
    if lasting is not None:
        table["for"] = lasting
    for pair in rest.split(",") if rest else ():
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or key in table:
            raise FaultError(f"{file}: {pair.strip()!r} in {text.strip()!r} must be key=value, each key once")
        table[key] = int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else value
    return parse(table, f"{file}: {text.strip()!r}")


def parse_compacts(text: str, file: str = COMMAND_LINE) -> tuple[Fault, ...]:
    """Several faults parted by semicolons; an empty text is no fault."""
    pieces = [piece for piece in text.split(";") if piece.strip()]
    if len(pieces) > FAULTS_MAX:
        raise FaultError(f"{file}: {len(pieces)} faults, at most {FAULTS_MAX}")
    return tuple(parse_compact(piece, file) for piece in pieces)


def of_option(text: str, option: str) -> tuple[Fault, ...]:
    """What a person gave after an option: a file of faults (NAME.toml), or faults in compact form."""
    return load(text) if text.endswith(".toml") else parse_compacts(text, option)


def compact(fault: Fault) -> str:
    """The form of the command line, without a space; `parse_compact` reads it back."""
    known = KINDS[fault.kind]
    text = f"{fault.kind}@{text_of(fault.at_us)}"
    if fault.for_us:
        text += f"+{text_of(fault.for_us)}"
    differing = [
        f"{key}={_written(one, fault.values[key])}"
        for key, one in known.parameters.items()
        if fault.values[key] != one.default
    ]
    return (text + (":" + ",".join(differing) if differing else "")).replace(" ", "")


def as_toml(fault: Fault) -> str:
    """The fault as a table `[[fault]]` with every value; `parse_text` reads it back."""
    rows = ["[[fault]]", f'kind = "{fault.kind}"', f'at = "{text_of(fault.at_us)}"']
    if fault.for_us:
        rows.append(f'for = "{text_of(fault.for_us)}"')
    for key, one in KINDS[fault.kind].parameters.items():
        written = _written(one, fault.values[key])
        rows.append(f'{key} = "{written}"' if one.names else f"{key} = {written}")
    return "\n".join(rows) + "\n"


def _written(parameter: Parameter, value: int) -> str:
    return parameter.names[value] if parameter.names else str(value)


def _known(kind: str, place: str) -> FaultKind:
    if kind not in KINDS:
        raise FaultError(f"{place} is {kind!r}; {_nearest(kind, KINDS)}")
    return KINDS[kind]


def _nearest(word: str, names: Iterable[str]) -> str:
    names = list(names)
    near = get_close_matches(word, names, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}" if names else "it has none"


def _time(value: object, place: str) -> int:
    try:
        return parse_us(value)
    except DurationError as error:
        raise FaultError(f"{place} {error}") from None


def _build(
    known: FaultKind, at_us: int, for_us: int, values: Mapping[str, object], place: Callable[[str], str]
) -> Fault:
    """Check everything that a fault says, the keys of its kind last."""
    if at_us < 0:
        raise FaultError(f"{place('at')} is {at_us} us, must not be negative")
    lasts = known.lasts
    if not lasts.low_us <= for_us <= lasts.high_us:
        if not lasts.high_us:
            raise FaultError(f"{place('for')}: {known.kind!r} happens at once, it has no duration")
        limits = f"{text_of(lasts.low_us)} to {text_of(lasts.high_us)}"
        raise FaultError(f"{place('for')} is {for_us} us, {known.kind!r} lasts {limits}")
    for key in values:
        if key not in known.parameters:
            names = [*known.parameters, "at", "for"]
            raise FaultError(f"{place(key)} is not a parameter of {known.kind!r}; {_nearest(key, names)}")
    read = {
        key: _value(values[key], one, place(key)) if key in values else one.default
        for key, one in known.parameters.items()
    }
    return Fault(known.kind, at_us, for_us, read)


def _value(value: object, parameter: Parameter, place: str) -> int:
    if parameter.names:
        if isinstance(value, str) and value in parameter.names:
            return parameter.names.index(value)
        raise FaultError(f"{place} is {value!r}; {_nearest(str(value), parameter.names)}")
    if isinstance(value, int) and not isinstance(value, bool) and parameter.low <= value <= parameter.high:
        return value
    limits = f"a whole number from {parameter.low} to {parameter.high}"
    raise FaultError(f"{place} is {value!r}, must be {limits} ({parameter.unit})")
