"""A mission folder read: `mission.toml`, and the instrument files it names, imported once by the name given.

An instrument file may import `fsw.kernel`, `fsw.mdb`, `fsw.services`, `fsw.hal.ports`, `fsw.pus.ids` and the parts of
the standard library that touch nothing, since the ground imports it too; the loader holds this by its syntax tree.
Whatever is wrong is a `MissionError` whose sentence names file and key or line.
"""

import ast
import sys
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final, NamedTuple

from fsw.ccsds.sdls import SPIS
from fsw.config import LINES
from fsw.kernel.clock import TICK_US
from fsw.mdb import (
    autonomy,
    comms,
    event_action,
    fates,
    files,
    forwarding,
    hazards,
    keys,
    lander,
    large_packets,
    memory,
    monitoring,
    power,
    scheduling,
    security,
    sequencing,
    standard_services,
    storage,
    storage_control,
    store,
    system,
    verification,
)
from fsw.mdb.assembly import DeclarationError
from fsw.mdb.database import Database
from fsw.mdb.mission_hazards import Rule
from fsw.mdb.mission_hazards import read as read_hazards
from fsw.mdb.mission_stores import Storage
from fsw.mdb.mission_stores import read as read_stores

BUILT_IN: Final = Path(__file__).resolve().parent.parent / "missions" / "rabbit"
# fmt: off
PURE: Final = frozenset((
    "__future__", "abc", "bisect", "collections", "enum", "fractions", "functools", "itertools", "math", "operator",
    "statistics", "string", "struct", "typing",
))
# fmt: on
ALLOWED: Final = ("fsw.kernel", "fsw.mdb", "fsw.services", "fsw.hal.ports", "fsw.pus.ids")
BEHIND_THE_PORTS: Final = frozenset(("__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"))
"""Builtins that reach past the ports an instrument is given."""
INSTRUMENTS_MAX: Final = 24
_FAULTS: Final = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError,
)  # fmt: skip
_KEYS: Final = {
    "name": str, "line": str, "base_mw": int, "instruments": dict, "store": dict, "stores": list, "hazards": dict,
    "signing": list,
}  # fmt: skip
_TAKEN: Final = frozenset(("system", "power", "comms"))
_INSTRUMENT_FIELDS: Final = ("process", "device", "task", "power_mw", "on_at_boot")
_INSTRUMENT_KEYS: Final = {"period_ms": (10, 60_000), "budget_us": (100, 1_000_000), "priority": (0, 255)}


class MissionError(Exception):
    """A mission folder that cannot be flown; the text is one sentence."""


class InstrumentEntry(NamedTuple):
    """An instrument of the mission; `row` is its row of the load table, lower `priority` is shed first."""

    name: str
    module: ModuleType
    row: int
    period_ticks: int
    budget_us: int
    priority: int


class Mission(NamedTuple):
    """A mission as flight, bench and ground need it."""

    name: str
    folder: Path
    line: str
    base_mw: int
    instruments: tuple[InstrumentEntry, ...]
    database: Database
    storage: Storage = Storage()
    hazards: Mapping[type[object], Rule] = MappingProxyType({})
    """By the body class of every hazardous command."""
    signing: frozenset[int] = frozenset()
    """SPIs that authenticate only: what they protect stays readable."""


def load(folder: str | Path | None = None) -> Mission:
    """Read the mission of `folder`, or the built-in one."""
    where = Path(folder) if folder is not None else BUILT_IN
    path = where / "mission.toml"
    table = _table(path)
    _known(path, "", table, _KEYS)
    line = table.get("line", "default")
    if line not in LINES:
        raise MissionError(f"{path}: line is one of {', '.join(LINES)}, not {line!r}")
    declared = table.get("instruments", {})
    base_mw = table.get("base_mw", 0)
    assert isinstance(declared, dict)
    assert isinstance(base_mw, int)
    if len(declared) > INSTRUMENTS_MAX:
        raise MissionError(f"{path}: {len(declared)} instruments, at most {INSTRUMENTS_MAX} fit the load table")
    group, stores = table.get("store", {}), table.get("stores", [])
    assert isinstance(group, dict)
    assert isinstance(stores, list)
    recording = read_stores(group, stores)
    if isinstance(recording, str):
        raise MissionError(f"{path}: {recording}")
    entries = tuple(_instrument(path, row, name, section) for row, (name, section) in enumerate(declared.items()))
    modules = (
        standard_services,
        sequencing,
        files,
        system,
        store,
        autonomy,
        power,
        comms,
        fates,
        monitoring,
        event_action,
        forwarding,
        hazards,
        keys,
        lander,
        large_packets,
        memory,
        scheduling,
        security,
        storage,
        storage_control,
        verification,
        *(entry.module for entry in entries),
    )
    try:
        database = Database(*modules)
    except DeclarationError as error:
        raise MissionError(f"{where}: {error}") from error
    declared = table.get("hazards", {})
    assert isinstance(declared, dict)
    rules = read_hazards(declared, database)
    if isinstance(rules, str):
        raise MissionError(f"{path}: {rules}")
    return Mission(
        str(table.get("name", where.name)),
        where,
        str(line),
        base_mw,
        entries,
        database,
        recording,
        rules,
        _signing(path, table),
    )


def load_simulated(mission: Mission, name: str) -> ModuleType:
    """The simulated twin of an instrument, for the bench."""
    return _import(mission.folder / "simulated" / f"{name}.py", f"kratai_mission_simulated_{name}")


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise MissionError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise MissionError(f"{path}: {error}") from error


def _signing(path: Path, table: dict[str, object]) -> frozenset[int]:
    """The SPIs whose frames are authenticated and not encrypted."""
    listed = table.get("signing", [])
    assert isinstance(listed, list)
    for spi in listed:
        if spi not in SPIS:
            raise MissionError(f"{path}: signing has {spi!r}; SPIs are {', '.join(f'0x{one:04X}' for one in SPIS)}")
    return frozenset(listed)


def _known(path: Path, section: str, table: dict[str, object], keys: Mapping[str, type | None]) -> None:
    for key, value in table.items():
        if key not in keys:
            near = get_close_matches(key, keys, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; it knows {', '.join(keys)}"
            raise MissionError(f"{path}: unknown key {section}{key}{hint}")
        wanted = keys[key]
        if wanted is not None and type(value) is not wanted:
            raise MissionError(f"{path}: {section}{key} must be {wanted.__name__}, not {value!r}")


def _instrument(path: Path, row: int, name: str, section: object) -> InstrumentEntry:
    if not name.isidentifier() or name in _TAKEN:
        raise MissionError(
            f"{path}: instruments.{name}: a name is an identifier and none of {', '.join(sorted(_TAKEN))}"
        )
    if not isinstance(section, dict):
        raise MissionError(f"{path}: instruments.{name} must be a table")
    _known(path, f"instruments.{name}.", section, dict.fromkeys(_INSTRUMENT_KEYS, None))
    values = {"period_ms": 100, "budget_us": 2000, "priority": 0, **section}
    for key, (low, high) in _INSTRUMENT_KEYS.items():
        value = values[key]
        if type(value) is not int or not low <= value <= high:
            raise MissionError(f"{path}: instruments.{name}.{key} must be {low} to {high}, not {value!r}")
    source = path.parent / "instruments" / f"{name}.py"
    check_imports(source)
    module = _import(source, f"kratai_mission_{name}")
    if not hasattr(module, "INSTRUMENT"):
        raise MissionError(f"{source}: no INSTRUMENT is declared")
    missing = [name for name in _INSTRUMENT_FIELDS if not hasattr(module.INSTRUMENT, name)]
    if missing:
        raise MissionError(f"{source}: INSTRUMENT is no Instrument, it has no {', '.join(missing)}")
    period_ticks = max(1, values["period_ms"] * 1000 // TICK_US)
    return InstrumentEntry(name, module, row, period_ticks, values["budget_us"], values["priority"])


def check_imports(source: Path) -> None:
    """Hold an instrument file to what it may import."""
    try:
        tree = ast.parse(source.read_text(), str(source))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise MissionError(f"{source} cannot be read: {error}") from error
    except SyntaxError as error:
        raise MissionError(f"{source}:{error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = [f"{base}.{alias.name}" if base in ("fsw", "fsw.hal", "fsw.pus") else base for alias in node.names]
        elif isinstance(node, ast.Name) and node.id in BEHIND_THE_PORTS:
            raise MissionError(f"{source}:{node.lineno}: an instrument file may not use {node.id}")
        for name in names:
            allowed = name.split(".")[0] in PURE or any(name == a or name.startswith(f"{a}.") for a in ALLOWED)
            if not allowed:
                raise MissionError(f"{source}:{getattr(node, 'lineno', 0)}: an instrument file may not import {name}")


def _import(source: Path, name: str) -> ModuleType:
    spec = spec_from_file_location(name, source)
    if spec is None or spec.loader is None or not source.is_file():
        raise MissionError(f"{source} is missing")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except _FAULTS as error:
        raise MissionError(f"{source}: {type(error).__name__}: {error}") from error
    return module
