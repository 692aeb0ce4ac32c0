"""Lander profiles as TOML files that name everything they set: built-in ones by name, one's own by path, anywhere.

Absent keys take the contract's values of the line profile (section 1) or the defaults below. A wrong file is one
sentence that names file, line and key and, for an unknown key, the nearest valid name.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fsw.ccsds.carrier import CARRIERS, name_of
from fsw.config import BAUD_MAX, BAUD_MIN, LINES, line_for_baud
from hil.lander.breaker import Trips
from hil.lander.electrical import Ratings
from hil.lander.lander_profile import (
    CIRCUITS,
    OVERFLOWS,
    PHASES,
    Downlink,
    Heater,
    LanderProfile,
    Notices,
    Orbit,
    Pass,
    PhaseStep,
    Requests,
    Supplied,
    Surroundings,
    TimeService,
    Watch,
)
from hil.lander.thermal import STEP_US, Node
from hil.written.toml_table import Table, TomlError

__all__ = ["CIRCUITS", "PHASES", "LanderProfile", "Pass", "ProfileError", "Supplied", "Surroundings", "load", "parse"]

ProfileError = TomlError
POWER_STATUS_US: Final = {"slow": 10_000_000, "default": 1_000_000, "fast": 1_000_000}
"""How often 0x014 is said on a line profile (contract, section 4)."""
assert set(POWER_STATUS_US) == set(LINES)
PHASES_MAX: Final = 500
PASSES_MAX: Final = 5000
DAY_US: Final = 86_400_000_000
END_US: Final = 3_650 * DAY_US
_U16: Final = 0xFFFF
_I16: Final = 0x7FFF
_TOP: Final = [
    *("name", "drawn_from", "spacecraft_id", "phase", "quiet", "one_way_ms", "tai_minus_utc_s", "boot_count"),
    *("line", "heartbeat", "rates", "time", "downlink", "circuits", "trips", "notices", "requests", "heater", "board"),
    *("thermal", "ancillary", "phases", "passes"),
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
    return _build(Table.of_file(path, _TOP), line, baud)


def parse(text: str, file: str, line: str | None = None, baud: int | None = None) -> LanderProfile:
    """A profile from TOML text; `file` names it in complaints."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{file}: {error}") from None
    return _build(Table(file, text, (), table, _TOP), line, baud)


def _build(top: Table, line: str | None, baud: int | None) -> LanderProfile:
    """Read all tables; the order of the file's own sections."""
    wire = top.table("line", ["profile", "baud", "carrier", "tm_frame_octets"])
    chosen = line or (line_for_baud(baud).name if baud else wire.choice("profile", "default", list(LINES)))
    shape = LINES[chosen]
    frame, beat_ms, power_ms = shape.tm_frame_octets, shape.heartbeat_us // 1000, POWER_STATUS_US[chosen] // 1000
    # A line chosen on the command line is the contract's whole line: speed, frame and rates go together.
    overridden = line is not None or baud is not None
    beat = top.table("heartbeat", ["interval_ms", "lost_after", "cycle_after_s", "jitter_permille"])
    rates = top.table("rates", ["power_status_ms", "transit_bps", "transit_phases"])
    return LanderProfile(
        name=top.text("name", "unnamed"),
        drawn_from=top.text("drawn_from", ""),
        scid=top.number("spacecraft_id", 42, 0, 1023),
        line=chosen,
        baud=baud or (shape.baud if overridden else wire.number("baud", shape.baud, BAUD_MIN, BAUD_MAX)),
        carrier=_carrier(wire),
        tm_frame_octets=frame if overridden else wire.number("tm_frame_octets", frame, 32, 2048),
        heartbeat_us=1000 * (beat_ms if overridden else beat.number("interval_ms", beat_ms, 100, 60_000)),
        watch=Watch(
            beat.number("lost_after", 10, 1, 1000),
            1_000_000 * beat.number("cycle_after_s", 60, 0, 86_400),
            beat.number("jitter_permille", 0, 0, 900),
        ),
        power_status_us=1000 * (power_ms if overridden else rates.number("power_status_ms", power_ms, 1000, 60_000)),
        phase=PHASES.index(top.choice("phase", "surface_day", PHASES)),
        quiet=top.number("quiet", 0, 0, 15),
        phases=_phases(top),
        one_way_us=1000 * top.number("one_way_ms", 0, 0, 60_000),
        downlink=_downlink(top, rates),
        tai_minus_utc_s=top.number("tai_minus_utc_s", 37, 0, 255),
        time=_time(top),
        boot_count=top.number("boot_count", 1, 0, _U16),
        circuits=_circuits(top.table("circuits", CIRCUITS)),
        trips=_trips(top),
        notices=_notices(top),
        requests=_requests(top),
        heater=_heater(top),
        board=_board(top),
        thermal=_thermal(top),
        ancillary=_ancillary(top),
        passes=_passes(top),
        orbits=_orbits(top),
    )


def _carrier(wire: Table) -> str:
    given = wire.text("carrier", "cltu-cadu")
    if (name := name_of(given)) in CARRIERS:
        return name
    return wire.choice("carrier", given, list(CARRIERS))


def _time(top: Table) -> TimeService:
    table = top.table("time", ["quality", "jitter_us", "drift_ppb", "loss_permille"])
    return TimeService(
        table.number("quality", 2, 0, 2),
        table.number("jitter_us", 0, 0, 1_000_000),
        table.number("drift_ppb", 0, -1_000_000, 1_000_000),
        table.number("loss_permille", 0, 0, 1000),
    )


def _downlink(top: Table, rates: Table) -> Downlink:
    table = top.table("downlink", ["bps", "queue_octets", "overflow", "priorities", "credit_permille"])
    return Downlink(
        bps=table.number("bps", 0, 0, 100_000_000),
        queue_octets=table.number("queue_octets", 32_000_000, 4096, 1_000_000_000),
        overflow=OVERFLOWS[OVERFLOWS.index(table.choice("overflow", "oldest", OVERFLOWS))],
        priorities=_channels(table),
        transit_bps=rates.number("transit_bps", 0, 0, 1_000_000),
        transit_phases=frozenset(_phase(rates, "transit_phases", name) for name in rates.texts("transit_phases")),
        credit_permille=table.number("credit_permille", 0, 0, 1000),
    )


def _phase(table: Table, key: str, name: str) -> int:
    """The number of a phase in a list of names."""
    if name not in PHASES:
        raise table.wrong(key, f"has {name!r}; there are: {', '.join(PHASES)}")
    return PHASES.index(name)


def _channels(table: Table) -> tuple[int, ...]:
    """Virtual channels that the lander forwards, each at most once."""
    value = table.raw.get("priorities", [])
    if not isinstance(value, list) or not all(type(one) is int and one in (0, 1, 3) for one in value):
        raise table.wrong("priorities", f"is {value!r}, must be a list of the channels 0, 1 and 3")
    if len(set(value)) < len(value):
        raise table.wrong("priorities", f"is {value!r}, has a channel twice")
    return tuple(value)


_CIRCUIT_DEFAULTS: Final = (
    Supplied(fitted=True, on=True, bus_mv=28_000, limit_ma=180),
    Supplied(fitted=True, on=False, bus_mv=28_000, limit_ma=720),
    Supplied(fitted=True, on=False, bus_mv=28_000, limit_ma=1_100),
)


def _circuits(table: Table) -> tuple[Supplied, Supplied, Supplied]:
    """Three circuits, those of the file over the defaults."""
    found = []
    for name, default in zip(CIRCUITS, _CIRCUIT_DEFAULTS, strict=True):
        one = table.table(name, list(Supplied._fields))
        fitted, on = one.flag("fitted", True), one.flag("on", default.on)
        if on and not fitted:
            raise one.wrong("on", "is true, and the circuit is not fitted")
        bus_mv, limit_ma = (one.number(key, getattr(default, key), 1, _U16) for key in ("bus_mv", "limit_ma"))
        found.append(Supplied(fitted, on, bus_mv, limit_ma))
    ops, heater, release = found
    if not ops.fitted:
        raise table.wrong("ops", "must be fitted: without it there is no payload")
    return ops, heater, release


def _trips(top: Table) -> Trips:
    keys = ["over_permille", "over_ms", "short_permille", "inrush_ma", "inrush_ms", "lock_out"]
    table = top.table("trips", keys)
    return Trips(
        over_permille=table.number("over_permille", 1500, 1000, 10_000),
        over_us=1000 * table.number("over_ms", 50, 0, 10_000),
        short_permille=table.number("short_permille", 3000, 1000, 100_000),
        inrush_ma=table.number("inrush_ma", 2000, 0, _U16),
        inrush_us=1000 * table.number("inrush_ms", 10, 0, 10_000),
        lock_out=table.number("lock_out", 3, 1, 1000),
    )


def _notices(top: Table) -> Notices:
    table = top.table("notices", ["planned_s", "urgent_s", "ready_settle_ms", "cycle_off_ms"])
    return Notices(
        table.number("planned_s", 30, 0, 3600),
        table.number("urgent_s", 5, 0, 3600),
        1000 * table.number("ready_settle_ms", 250, 0, 60_000),
        1000 * table.number("cycle_off_ms", 2000, 100, 3_600_000),
    )


def _requests(top: Table) -> Requests:
    table = top.table("requests", list(Requests._fields))
    return Requests(
        power=table.flag("power", False),
        power_max_mw=table.number("power_max_mw", 5_000, 0, 1_000_000),
        heater=table.flag("heater", True),
        cycle=table.flag("cycle", True),
        longer_notice=table.flag("longer_notice", False),
        notice_max_s=table.number("notice_max_s", 60, 0, 3600),
    )


def _heater(top: Table) -> Heater:
    table = top.table("heater", list(Heater._fields))
    heater = Heater(
        table.flag("thermostat", False),
        table.number("on_below_cdegc", -1_000, -20_000, 20_000),
        table.number("off_above_cdegc", 0, -20_000, 20_000),
        table.number("budget_j", 0, 0, 10**9),
    )
    if heater.on_below_cdegc >= heater.off_above_cdegc:
        raise table.wrong("on_below_cdegc", "must be below off_above_cdegc")
    return heater


def _board(top: Table) -> Ratings:
    keys = ["boot_mw", "boot_s", "idle_mw", "send_mw", "efficiency_permille", "inrush_ma", "inrush_ms", "heater_mw"]
    table = top.table("board", [*keys, "heater_mv", "loads_mw"])
    loads = table.raw.get("loads_mw", [])
    if not isinstance(loads, list) or not all(type(one) is int and 0 <= one <= 1_000_000 for one in loads):
        raise table.wrong("loads_mw", f"is {loads!r}, must be a list of whole numbers from 0 to 1000000")
    return Ratings(
        boot_mw=table.number("boot_mw", 1_000, 0, 1_000_000),
        boot_us=1_000_000 * table.number("boot_s", 10, 0, 3600),
        idle_mw=table.number("idle_mw", 800, 0, 1_000_000),
        send_mw=table.number("send_mw", 50, 0, 1_000_000),
        efficiency_permille=table.number("efficiency_permille", 850, 1, 1000),
        inrush_ma=table.number("inrush_ma", 2000, 0, _U16),
        inrush_us=1000 * table.number("inrush_ms", 5, 0, 10_000),
        heater_mw=table.number("heater_mw", 9_800, 0, 1_000_000),
        heater_mv=table.number("heater_mv", 28_000, 1, _U16),
        loads_mw=tuple(loads),
    )


def _thermal(top: Table) -> Node:
    table = top.table("thermal", list(Node._fields))
    node = Node(table.number("capacity_mj_k", 450_000, 1, 10**9), table.number("conductance_uw_k", 100_000, 0, 10**9))
    if node.conductance_uw_k * STEP_US >= node.capacity_mj_k * 1_000_000_000:
        raise table.wrong("conductance_uw_k", "leads heat off within a minute: too much for this capacity")
    return node


def _vector(table: Table, key: str, default: list[int]) -> tuple[int, int, int]:
    value = table.raw.get(key, default)
    if not isinstance(value, list) or not all(type(one) is int and -_I16 <= one <= _I16 for one in value):
        raise table.wrong(key, f"is {value!r}, must be three whole numbers from {-_I16} to {_I16}")
    if len(value) != 3:
        raise table.wrong(key, f"has {len(value)} numbers, must have three")
    x, y, z = value
    return x, y, z


def _ancillary(top: Table) -> Surroundings:
    table = top.table("ancillary", list(Surroundings._fields))
    return Surroundings(
        table.number("deck_cdegc", 2150, -_I16, _I16),
        table.number("interface_cdegc", 1980, -_I16, _I16),
        _vector(table, "sun", [0, 0, _I16]),
        _vector(table, "earth", [_I16, 0, 0]),
        table.number("altitude_m", 0, 0, 0xFFFF_FFFF),
        table.number("flags", 0, 0, 255),
    )


def _given(table: Table, key: str, low: int, high: int, times: int = 1) -> int | None:
    """A number, or None where the key is absent."""
    return times * table.number(key, low, low, high) if key in table else None


def _phases(top: Table) -> tuple[PhaseStep, ...]:
    """The plan, in order of time."""
    steps: list[PhaseStep] = []
    tables = top.tables("phases", ["phase", "at", "quiet", "deck_cdegc", "altitude_m", "one_way_ms", "bps"])
    if len(tables) > PHASES_MAX:
        raise top.wrong("phases", f"has {len(tables)} steps, at most {PHASES_MAX}")
    for table in tables:
        step = PhaseStep(
            table.duration_us("at", 0, 0, END_US),
            PHASES.index(table.choice("phase", "", PHASES)),
            table.number("quiet", 0, 0, 15),
            _given(table, "deck_cdegc", -_I16, _I16),
            _given(table, "altitude_m", 0, 0xFFFF_FFFF),
            _given(table, "one_way_ms", 0, 60_000, 1000),
            _given(table, "bps", 0, 100_000_000),
        )
        if steps and step.at_us <= steps[-1].at_us:
            raise table.wrong("at", "must lie behind the phase before it")
        steps.append(step)
    return tuple(steps)


_ONE_PASS: Final = ["aos_s", "los_s"]
_MANY: Final = ["from", "until", "every", "visible"]


def _pass_tables(top: Table, keys: Sequence[str]) -> list[Table]:
    """The contacts of one form: single ones, or those that come again."""
    tables = top.tables("passes", [*_ONE_PASS, *_MANY])
    if len(tables) > PASSES_MAX:
        raise top.wrong("passes", f"has {len(tables)} contacts, at most {PASSES_MAX}")
    return [table for table in tables if ("every" in table) == ("every" in keys)]


def _passes(top: Table) -> tuple[Pass, ...]:
    """Single contacts in order, none touching the next."""
    passes: list[Pass] = []
    for table in _pass_tables(top, _ONE_PASS):
        for key in _MANY:
            if key in table:
                raise table.wrong(key, "belongs to contacts that come again; 'every' is missing")
        aos, los = (1_000_000 * table.number(key, -1, 0, 2**31) for key in _ONE_PASS)
        if aos >= los or (passes and aos <= passes[-1].los_us):
            raise table.wrong("aos_s", "must lie before los_s and behind the pass before it")
        passes.append(Pass(aos, los))
    return tuple(passes)


def _orbits(top: Table) -> tuple[Orbit, ...]:
    """Contacts that come again, say once an orbit."""
    orbits = []
    for table in _pass_tables(top, _MANY):
        for key in _ONE_PASS:
            if key in table:
                raise table.wrong(key, "belongs to a single contact, not to one that has 'every'")
        begin = table.duration_us("from", 0, 0, END_US)
        period = table.duration_us("every", 0, 1_000_000, END_US)
        orbits.append(
            Orbit(
                begin,
                table.duration_us("until", END_US, begin + 1, END_US),
                period,
                table.duration_us("visible", period, 1_000_000, period),
            )
        )
    return tuple(orbits)
