"""Lander profiles: what one lander's payload interface is like, as a TOML file that names everything it sets.

Absent keys take the contract's values of the line profile (section 1) or the defaults below. A wrong file is one
sentence that names file, key and, for an unknown key, the nearest valid name.
"""

import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from fsw.ccsds.carrier import CARRIERS, name_of
from fsw.config import BAUD_MAX, BAUD_MIN, LINES, line_for_baud
from fsw.mdb.lander import Phase
from fsw.mdb.power import Circuit

PHASES: Final = [phase.name.lower() for phase in Phase]
"""Names of the phases; the index is the value on the wire (contract, section 4)."""
CIRCUITS: Final = [circuit.name.lower() for circuit in Circuit]
"""Names of the switched circuits; the index is the number on the wire."""


POWER_STATUS_US: Final = {"slow": 10_000_000, "default": 1_000_000, "fast": 1_000_000}
"""How often 0x014 is said on a line profile (contract, section 4)."""
assert set(POWER_STATUS_US) == set(LINES)


class Supplied(NamedTuple):
    """One switched supply: its state when the lander starts, and what is reported of it while on (mV, mA)."""

    on: bool
    bus_mv: int
    average_ma: int
    max_ma: int
    limit_ma: int


class Notices(NamedTuple):
    """Power notices: warning of one that names no seconds; from ready-for-off to the cut; how long a cycle is off."""

    planned_s: int
    ready_settle_us: int
    cycle_off_us: int


class Surroundings(NamedTuple):
    """What packet 0x017 says (1/100 degree Celsius, unit/32767, metres, flags)."""

    deck_cdegc: int
    interface_cdegc: int
    sun: tuple[int, int, int]
    earth: tuple[int, int, int]
    altitude_m: int
    flags: int


class Pass(NamedTuple):
    """One contact with the ground, in microseconds since the lander's start."""

    aos_us: int
    los_us: int


class LanderProfile(NamedTuple):
    """What makes one lander differ from another. Times in µs; `bps` 0 is no limit, `passes` () is always in contact."""

    name: str
    scid: int
    line: str
    baud: int
    carrier: str
    tm_frame_octets: int
    heartbeat_us: int
    lost_after: int
    power_status_us: int
    phase: int
    quiet: int
    one_way_us: int
    bps: int
    queue_octets: int
    tai_minus_utc_s: int
    time_quality: int
    boot_count: int
    circuits: tuple[Supplied, Supplied, Supplied]
    notices: Notices
    ancillary: Surroundings
    passes: tuple[Pass, ...]


class ProfileError(Exception):
    """A profile that cannot be used; the text is the sentence for the user."""


Range = tuple[int, int]
_U16: Final = (0, 0xFFFF)
_U32: Final = (0, 0xFFFF_FFFF)
_I16: Final = (-0x8000, 0x7FFF)

_TOP: Final = [
    *("name", "spacecraft_id", "phase", "quiet", "one_way_ms", "tai_minus_utc_s", "time_quality", "boot_count"),
    *("line", "heartbeat", "rates", "downlink", "circuits", "notices", "ancillary", "passes"),
]


def folder() -> Path:
    """Where the built-in profiles lie."""
    return Path(__file__).with_name("profiles")


def load(name_or_file: str, line: str | None = None, baud: int | None = None) -> LanderProfile:
    """A built-in profile by name, or a TOML file by path; `line` and `baud` override what it says."""
    path = Path(name_or_file)
    if not path.suffix and path.name == name_or_file:
        path = folder() / f"{name_or_file}.toml"
        if not path.is_file():
            known = sorted(file.stem for file in folder().glob("*.toml"))
            raise ProfileError(f"lander profile {name_or_file!r} does not exist; there are: {', '.join(known)}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"lander profile {path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from None
    return parse(text, str(path), line, baud)


def parse(text: str, file: str, line: str | None = None, baud: int | None = None) -> LanderProfile:
    """A profile from TOML text; `file` names it in complaints."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file}: {error}") from None
    return _build(_Table(file, "", table, _TOP), line, baud)


class _Table:
    """One TOML table of a file: typed reads with ranges, every complaint naming file and key."""

    def __init__(self, file: str, prefix: str, table: Mapping[str, object], keys: list[str]) -> None:
        self._file, self._prefix, self._table = file, prefix, table
        for key in table:
            if key not in keys:
                near = get_close_matches(key, keys, 1, 0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(keys)}"
                raise ProfileError(f"{file}: unknown key {prefix + key!r}; {hint}")

    def wrong(self, key: str, what: str) -> ProfileError:
        return ProfileError(f"{self._file}: {self._prefix + key} {what}")

    def number(self, key: str, default: int, limits: Range) -> int:
        value = self._table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not limits[0] <= value <= limits[1]:
            raise self.wrong(key, f"is {value!r}, must be a whole number from {limits[0]} to {limits[1]}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"is {value!r}, must be true or false")
        return value

    def text(self, key: str, default: str) -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, f"is {value!r}, must be a text")
        return value

    def choice(self, key: str, default: str, names: list[str], spelling: Callable[[str], str] = str) -> str:
        value = spelling(self.text(key, default))
        if value not in names:
            near = get_close_matches(value, names, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}"
            raise self.wrong(key, f"is {value!r}; {hint}")
        return value

    def vector(self, key: str, default: list[int]) -> tuple[int, int, int]:
        value = self._table.get(key, default)
        good = isinstance(value, list) and len(value) == 3 and all(type(item) is int for item in value)
        if not good or not all(_I16[0] <= item <= _I16[1] for item in value):  # type: ignore[attr-defined]
            raise self.wrong(key, f"is {value!r}, must be three whole numbers from {_I16[0]} to {_I16[1]}")
        x, y, z = value  # type: ignore[misc]
        return x, y, z  # type: ignore[has-type]

    def table(self, key: str, keys: list[str]) -> "_Table":
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        return _Table(self._file, f"{self._prefix}{key}.", value, keys)

    def tables(self, key: str, keys: list[str]) -> list["_Table"]:
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, "must be an array of tables")
        return [_Table(self._file, f"{self._prefix}{key}[{n}].", item, keys) for n, item in enumerate(value)]


def _build(top: _Table, line: str | None, baud: int | None) -> LanderProfile:
    """Read all tables; the order of the file's own sections."""
    wire = top.table("line", ["profile", "baud", "carrier", "tm_frame_octets"])
    chosen = line or (line_for_baud(baud).name if baud else wire.choice("profile", "default", list(LINES)))
    shape = LINES[chosen]
    frame, beat_ms, power_ms = shape.tm_frame_octets, shape.heartbeat_us // 1000, POWER_STATUS_US[chosen] // 1000
    # A line chosen on the command line is the contract's whole line: speed, frame and rates go together.
    overridden = line is not None or baud is not None
    beat = top.table("heartbeat", ["interval_ms", "lost_after"])
    rates = top.table("rates", ["power_status_ms"])
    downlink = top.table("downlink", ["bps", "queue_octets"])
    notices = top.table("notices", ["planned_s", "ready_settle_ms", "cycle_off_ms"])
    return LanderProfile(
        name=top.text("name", "unnamed"),
        scid=top.number("spacecraft_id", 42, (0, 1023)),
        line=chosen,
        baud=baud or (shape.baud if overridden else wire.number("baud", shape.baud, (BAUD_MIN, BAUD_MAX))),
        carrier=wire.choice("carrier", "cltu-cadu", list(CARRIERS), name_of),
        tm_frame_octets=frame if overridden else wire.number("tm_frame_octets", frame, (32, 2048)),
        heartbeat_us=1000 * (beat_ms if overridden else beat.number("interval_ms", beat_ms, (100, 60_000))),
        lost_after=beat.number("lost_after", 10, (1, 1000)),
        power_status_us=1000 * (power_ms if overridden else rates.number("power_status_ms", power_ms, (1000, 60_000))),
        phase=PHASES.index(top.choice("phase", "surface_day", PHASES)),
        quiet=top.number("quiet", 0, (0, 15)),
        one_way_us=1000 * top.number("one_way_ms", 0, (0, 60_000)),
        bps=downlink.number("bps", 0, (0, 100_000_000)),
        queue_octets=downlink.number("queue_octets", 32_000_000, (4096, 1_000_000_000)),
        tai_minus_utc_s=top.number("tai_minus_utc_s", 37, (0, 255)),
        time_quality=top.number("time_quality", 2, (0, 2)),
        boot_count=top.number("boot_count", 1, _U16),
        circuits=_circuits(top.table("circuits", list(CIRCUITS))),
        notices=Notices(
            notices.number("planned_s", 30, (0, 3600)),
            1000 * notices.number("ready_settle_ms", 250, (0, 60_000)),
            1000 * notices.number("cycle_off_ms", 2000, (100, 3_600_000)),
        ),
        ancillary=_ancillary(top),
        passes=_passes(top),
    )


_CIRCUIT_DEFAULTS: Final = (
    Supplied(on=True, bus_mv=28_000, average_ma=70, max_ma=150, limit_ma=180),
    Supplied(on=False, bus_mv=28_000, average_ma=350, max_ma=400, limit_ma=720),
    Supplied(on=False, bus_mv=28_000, average_ma=0, max_ma=0, limit_ma=1_100),
)


def _circuits(table: _Table) -> tuple[Supplied, Supplied, Supplied]:
    """Three circuits, those of the file over the defaults."""
    found = []
    for name, default in zip(CIRCUITS, _CIRCUIT_DEFAULTS, strict=True):
        one = table.table(name, list(Supplied._fields))
        numbers = (one.number(key, getattr(default, key), _U16) for key in Supplied._fields[1:])
        found.append(Supplied(one.flag("on", default.on), *numbers))
    ops, heater, release = found
    return ops, heater, release


def _ancillary(top: _Table) -> Surroundings:
    table = top.table("ancillary", list(Surroundings._fields))
    return Surroundings(
        table.number("deck_cdegc", 2150, _I16),
        table.number("interface_cdegc", 1980, _I16),
        table.vector("sun", [0, 0, 32767]),
        table.vector("earth", [32767, 0, 0]),
        table.number("altitude_m", 0, _U32),
        table.number("flags", 0, (0, 255)),
    )


def _passes(top: _Table) -> tuple[Pass, ...]:
    """Contacts in order, none touching the next; none at all means always in contact."""
    passes: list[Pass] = []
    for table in top.tables("passes", ["aos_s", "los_s"]):
        aos, los = (1_000_000 * table.number(key, -1, (0, 2**31)) for key in ("aos_s", "los_s"))
        if aos >= los or (passes and aos <= passes[-1].los_us):
            raise table.wrong("aos_s", "must lie before los_s and behind the pass before it")
        passes.append(Pass(aos, los))
    return tuple(passes)
