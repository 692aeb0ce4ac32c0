"""The kinds of faults that the bench can inject: which row of the fault list each is, what may be set, what it takes.

A value is a whole number; where names are given it is the place of one of them, written by name. Units stand in the key
or beside it.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from hil.written.durations import UNITS

MS, S, MIN, H, D = (UNITS[unit] for unit in ("ms", "s", "min", "h", "d"))


@unique
class Ability(Enum):
    """What may be done to the payload's end of a rung."""

    LINE = "line"
    """Octets on the line and orders to the lander: the bench's own, on every rung."""
    POWER = "power"
    """The supply follows the lander's switch."""
    SUPPLY = "supply"
    """The supply's voltage can be lowered."""
    SENSORS = "sensors"
    MEMORY = "memory"
    STORE = "store"
    TASKS = "tasks"
    CLOCK = "clock"


class Parameter(NamedTuple):
    """One value of a fault: its range, what it is when left out, its unit, the names of a choice, its mildest value."""

    low: int
    high: int
    default: int
    unit: str
    names: tuple[str, ...] = ()
    mildest: int = 0


class Lasts(NamedTuple):
    """How long a fault lasts, microseconds: least, most, when not said; (0, 0, 0) for what happens at once."""

    low_us: int
    high_us: int
    default_us: int


AT_ONCE: Final = Lasts(0, 0, 0)


class FaultKind(NamedTuple):
    """One kind: its row of the fault list, what happens, what must be seen afterwards, what the end must be able to."""

    kind: str
    row: str
    text: str
    parameters: Mapping[str, Parameter]
    lasts: Lasts
    ability: Ability
    expectation: str
    storm: Lasts | None = None
    """Durations that a storm draws; None: not drawn."""


DIRECTIONS: Final = ("up", "down", "both")
SHAPES: Final = ("truncated", "oversize", "unterminated")
SERVICES: Final = ("bd", "ad")
FORGERIES: Final = ("command", "apid", "service")
STARVED: Final = ("system", "power", "comms", "instrument", "all")
# fmt: off
TARGETS: Final = (
    "parameter", "allocation", "load_table", "outbox_octets", "sequence_count", "farm_vr", "time_offset", "mode",
)
# fmt: on
"""Declared objects of the flight software whose bits may flip; hil/faults/flight_faults.py knows where each lies."""


def _choice(names: tuple[str, ...], default: str) -> Parameter:
    at = names.index(default)
    return Parameter(0, len(names) - 1, at, "", names, at)


def _number(low: int, high: int, default: int, unit: str) -> Parameter:
    return Parameter(low, high, default, unit, (), min(max(low, 0), high))


def _lasts(default_us: int, high_us: int = 30 * D) -> Lasts:
    return Lasts(1, high_us, default_us)


def _storm(low_us: int, high_us: int) -> Lasts:
    return Lasts(low_us, high_us, high_us)


def _way(default: str) -> dict[str, Parameter]:
    return {"direction": _choice(DIRECTIONS, default)}


_RATE: Final = {
    "per_octets_e6": _number(1, 100_000, 100, "times in 10^6 octets"),
    "burst": _number(1, 64, 64, "octets at most"),
}
_ROW: Final = {"row": _number(0, 15, 0, "row of the load table")}
_BEYOND: Final = 2_200_000_000_000
_LINE, _POWER, _SENSORS, _STORE = Ability.LINE, Ability.POWER, Ability.SENSORS, Ability.STORE
_REJECTS: Final = "damaged frames are rejected and counted, nothing falls over"
_RESYNC: Final = "frames flow again within one packet"
_RESUMES: Final = "the link resumes by itself, the silence is told"
_ALIVE: Final = "beacon and commands live on"

# fmt: off
_THE_LINE: Final = (
    FaultKind("bit_errors", "F1", "single bits flip",
        _way("both") | {"ber_e9": _number(1, 1_000_000, 10_000, "parts of 10^9")},
        _lasts(60 * S), _LINE, _REJECTS, storm=_storm(5 * S, 60 * S)),
    FaultKind("drop", "F2", "octets are lost", _way("both") | _RATE,
        _lasts(60 * S), _LINE, _RESYNC, storm=_storm(5 * S, 60 * S)),
    FaultKind("duplicate", "F2", "octets come twice", _way("both") | _RATE,
        _lasts(60 * S), _LINE, _RESYNC, storm=_storm(5 * S, 60 * S)),
    FaultKind("insert", "F2", "octets come that nobody sent", _way("both") | _RATE,
        _lasts(60 * S), _LINE, _RESYNC, storm=_storm(5 * S, 60 * S)),
    FaultKind("boot_text", "F3", "text of a boot loader and a kernel",
        _way("down") | {"octets": _number(1, 4096, 2048, "octets")},
        AT_ONCE, _LINE, "it is skipped", storm=AT_ONCE),
    FaultKind("broken_frames", "F4", "frames without an end, too long, cut off",
        _way("both") | {"shape": _choice(SHAPES, "unterminated"), "octets": _number(1, 4096, 4096, "octets")},
        AT_ONCE, _LINE, "they are skipped, queues stay inside their limits", storm=AT_ONCE),
    FaultKind("silence", "F10", "nothing passes", _way("both"),
        _lasts(30 * S), _LINE, "both ends tell a long one, it resumes, no packet is missing unannounced",
        storm=_storm(1 * S, 60 * S)),
    FaultKind("stuck_low", "F11", "the wire is held low: a break, read as zeros at a rate",
        _way("down") | {"octets_s": _number(0, 92_160, 960, "octets a second")},
        _lasts(10 * S), _LINE, _RESUMES, storm=_storm(1 * S, 30 * S)),
    FaultKind("stuck_high", "F11", "the wire is held high: as if nobody sent", _way("down"),
        _lasts(10 * S), _LINE, _RESUMES, storm=_storm(1 * S, 30 * S)),
    FaultKind("rx_frozen", "F11", "the receiver keeps what comes until it thaws, and loses what its buffer cannot hold",
        _way("up") | {"buffer": _number(0, 65_536, 4_096, "octets")},
        _lasts(10 * S), _LINE, _RESUMES, storm=_storm(1 * S, 30 * S)),
    FaultKind("baud_drift", "F11", "the bit clocks of the two ends differ",
        _way("both") | {"permille": _number(-100, 100, 60, "1/1000 of the baud")},
        _lasts(30 * S), _LINE, _REJECTS, storm=_storm(5 * S, 30 * S)),
)
_THE_LANDER: Final = (
    FaultKind("time_late", "F5", "time messages come late", {"delay_ms": _number(1, 3_000, 1_000, "ms")},
        _lasts(30 * S), _LINE, "a wrong time is told, and the right one comes back", storm=_storm(10 * S, 60 * S)),
    FaultKind("time_missing", "F5", "time messages do not come", {},
        _lasts(60 * S), _LINE, "it says that it flywheels, and locks again", storm=_storm(10 * S, 60 * S)),
    FaultKind("time_step", "F6", "the lander's time jumps and, at the end, jumps back",
        {"step_ms": _number(-_BEYOND, _BEYOND, 3_600_000, "ms")},
        _lasts(60 * S), _LINE, "the step is told, no timer runs wild", storm=_storm(10 * S, 60 * S)),
    FaultKind("power_cut", "F8", "the lander cuts the power without a word, and gives it back", {},
        _lasts(10 * S), _POWER, "it boots, knows that it was cut, and what was committed is there",
        storm=_storm(2 * S, 30 * S)),
    FaultKind("power_off", "F8", "the lander says how soon it cuts the power, cuts it, and gives it back",
        {"seconds": _number(0, 3_600, 5, "s")},
        _lasts(30 * S), _POWER, "it says ready, and knows at the next boot that it was", storm=_storm(20 * S, 60 * S)),
    FaultKind("over_current", "F9", "the circuit draws too much and trips; at the end it is reset and switched on",
        {"permille": _number(1_000, 10_000, 1_600, "1/1000 of the limit"), "pulse_ms": _number(1, 60_000, 60, "ms")},
        _lasts(10 * S), _POWER, "it stays off until the order, boots once", storm=_storm(5 * S, 30 * S)),
    FaultKind("lander_silence", "F10", "the lander says nothing of its own: no heartbeat, no tone", {},
        _lasts(30 * S), _LINE, "it is told, and told when it is over",
        storm=_storm(5 * S, 60 * S)),
    FaultKind("lander_reboot", "F12", "the lander boots: silence, its counts from zero, phase safe", {},
        Lasts(1, 10 * MIN, 60 * S), _LINE, "the link is up again without a hand", storm=_storm(20 * S, 60 * S)),
    FaultKind("heartbeat_jitter", "F13", "the lander's heartbeats come early and late",
        {"permille": _number(1, 900, 250, "1/1000 of the period")},
        _lasts(60 * S), _LINE, "no alarm", storm=_storm(10 * S, 60 * S)),
    FaultKind("replay", "F14", "a frame of the ground's is sent once more",
        {"service": _choice(SERVICES, "bd"), "age_ms": _number(0, 7_200_000, 1_000, "ms")},
        AT_ONCE, _LINE, "none runs twice on a protected link"),
    FaultKind("spoof", "F15", "somebody else commands", {"forgery": _choice(FORGERIES, "command")},
        AT_ONCE, _LINE, "on a protected link rejected and told as an event"),
    FaultKind("descent", "F23", "the phase is descent, and it must be quiet",
        {"quiet": _number(0, 15, 14, "bits: RF, vibration, dust, manoeuvre")},
        _lasts(1 * H), _LINE, "nothing is written, nothing moves"),
    FaultKind("degraded_downlink", "F24", "the lander's radio gives a part of what it gave",
        {"permille": _number(1, 1_000, 100, "1/1000")},
        _lasts(1 * D), _LINE, "commands are answered all the time, gaps are announced", storm=_storm(30 * S, 120 * S)),
    FaultKind("phase_skip", "F25", "the phase leaves out what lies between",
        {"phase": _number(0, 16, 16, "number of the phase")},
        _lasts(60 * S), _LINE, "no timeline is locked in: commands work as before", storm=_storm(10 * S, 60 * S)),
)
_THE_BOARD: Final = (
    FaultKind("brown_out", "F7", "the supply sags", {"mv": _number(0, 28_000, 20_000, "mV")},
        _lasts(100 * MS, 1 * MIN), Ability.SUPPLY, "it rides through or boots cleanly, what was committed is there",
        storm=_storm(10 * MS, 1 * S)),
    FaultKind("over_temperature", "F16", "the board heats up",
        {"cdegc": _number(4_000, 12_500, 8_500, "1/100 degC"),
         "ramp_cdegc_s": _number(1, 10_000, 100, "1/100 degC a second")},
        _lasts(5 * MIN), _SENSORS, "it is told; loads are shed", storm=_storm(60 * S, 120 * S)),
    FaultKind("cold_start", "F17", "a boot in the cold, with sensors that do not answer at first",
        {"cdegc": _number(-12_000, 0, -2_000, "1/100 degC")},
        _lasts(60 * S), _SENSORS, "it boots without them, and they come back", storm=_storm(10 * S, 60 * S)),
    FaultKind("sensor_stuck", "F17", "an instrument's sensor shows what it showed", _ROW,
        _lasts(60 * S), _SENSORS, "nothing else suffers", storm=_storm(5 * S, 60 * S)),
    FaultKind("sensor_vanished", "F17", "an instrument's sensor is gone", _ROW,
        _lasts(60 * S), _SENSORS, "its values are absent, and come back", storm=_storm(5 * S, 60 * S)),
    FaultKind("bit_flip", "F18", "a bit of a declared object flips",
        {"target": _choice(TARGETS, "parameter"), "item": _number(0, 1_023, 0, "place"),
         "bit": _number(0, 31, 7, "bit")},
        AT_ONCE, Ability.MEMORY, "seen, told and repaired"),
    FaultKind("file_bit_flip", "F18", "a bit of the store's file flips",
        {"place_e6": _number(0, 999_999, 500_000, "millionths of the file"), "bit": _number(0, 7, 7, "bit")},
        AT_ONCE, _STORE, "seen, told and repaired"),
    FaultKind("disk_full", "F19", "the disk takes nothing more", {},
        _lasts(60 * S), _STORE, _ALIVE, storm=_storm(5 * S, 60 * S)),
    FaultKind("disk_read_only", "F19", "the disk lets itself only be read", {},
        _lasts(60 * S), _STORE, _ALIVE, storm=_storm(5 * S, 60 * S)),
    FaultKind("disk_error", "F19", "the disk answers with errors",
        {"permille": _number(1, 1_000, 1_000, "1/1000 of requests")},
        _lasts(60 * S), _STORE, _ALIVE, storm=_storm(5 * S, 60 * S)),
    FaultKind("disk_slow", "F19", "the disk takes its time", {"ms": _number(1, 600_000, 5_000, "ms an answer")},
        _lasts(60 * S), _STORE, _ALIVE, storm=_storm(5 * S, 60 * S)),
    FaultKind("clock_drift", "F20", "the board's clock runs fast or slow", {"ppm": _number(-1_000, 1_000, 50, "ppm")},
        _lasts(1 * H), Ability.CLOCK, "time is the lander's within its error", storm=_storm(60 * S, 300 * S)),
    FaultKind("starve", "F21", "a task, or all of them, gets no turn", {"task": _choice(STARVED, "all")} | _ROW,
        _lasts(20 * S, 10 * MIN), Ability.TASKS, "reset within 20 s, and why is told at the boot"),
    FaultKind("night", "F22", "no power and the cold of a lunar night",
        {"cdegc": _number(-18_000, 0, -2_000, "1/100 degC at the revival")},
        _lasts(348 * H), _POWER, "it revives, and what was committed is there"),
    FaultKind("solar_event", "F27", "a solar particle event", {"factor": _number(2, 1_000, 100, "times the dose")},
        _lasts(24 * H), _SENSORS, "it is told, and not a hundred times", storm=_storm(60 * S, 300 * S)),
)
# fmt: on
KINDS: Final[Mapping[str, FaultKind]] = {kind.kind: kind for kind in (*_THE_LINE, *_THE_LANDER, *_THE_BOARD)}
assert len(KINDS) == len(_THE_LINE) + len(_THE_LANDER) + len(_THE_BOARD), "two kinds have one name"
