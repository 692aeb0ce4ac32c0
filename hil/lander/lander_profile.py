"""What one lander's payload interface is like: the values that a profile's file sets. Times in µs, currents in mA.

Nothing here knows a file; `profiles.py` reads them.
"""

from typing import Final, Literal, NamedTuple

from fsw.mdb.lander import Phase
from fsw.mdb.power import Circuit
from hil.lander.breaker import Trips
from hil.lander.electrical import Ratings
from hil.lander.thermal import Node

PHASES: Final = [phase.name.lower() for phase in Phase]
"""Names of the phases; the index is the value on the wire (contract, section 4)."""
CIRCUITS: Final = [circuit.name.lower() for circuit in Circuit]
"""Names of the switched circuits; the index is the number on the wire."""
OVERFLOWS: Final = ("oldest", "newest", "priority")
Overflow = Literal["oldest", "newest", "priority"]
"""Which telemetry frame goes when the queue is full; "priority": the oldest of what matters least."""


class Supplied(NamedTuple):
    """One switched supply: whether this lander has it, its state when the lander starts, its bus, its limit."""

    fitted: bool
    on: bool
    bus_mv: int
    limit_ma: int


class Notices(NamedTuple):
    """Power notices: warning of one that names no seconds; from ready-for-off to the cut; how long a cycle is off."""

    planned_s: int
    urgent_s: int
    """The same where the reason is a fault; an emergency has none."""
    ready_settle_us: int
    cycle_off_us: int


class Requests(NamedTuple):
    """What the lander grants when the payload asks (0x117)."""

    power: bool
    power_max_mw: int
    heater: bool
    cycle: bool
    longer_notice: bool
    notice_max_s: int
    """Longest time to the cut that an extension may lead to."""


class Heater(NamedTuple):
    """The lander's thermostat for the payload: switching temperatures, and the energy it may spend in a day."""

    thermostat: bool
    on_below_cdegc: int
    off_above_cdegc: int
    budget_j: int
    """In 24 h; 0: no end."""


class TimeService(NamedTuple):
    """How good the lander's own time is, and what befalls its messages."""

    quality: int
    jitter_us: int
    """Of the tone against the time announced for it, root mean square."""
    drift_ppb: int
    loss_permille: int
    """Of the messages; their tones come all the same."""


class Watch(NamedTuple):
    """What the lander makes of the payload's heartbeats, and how regular its own are."""

    lost_after: int
    """Intervals without one."""
    cycle_after_us: int
    """Lost for so long: power-cycled once; again so long: off, and an alert. 0: nothing is done."""
    jitter_permille: int


class Surroundings(NamedTuple):
    """What packet 0x017 says (1/100 degree Celsius, unit/32767, metres, flags)."""

    deck_cdegc: int
    interface_cdegc: int
    """When the lander starts; from then on the board's own heat decides."""
    sun: tuple[int, int, int]
    earth: tuple[int, int, int]
    altitude_m: int
    flags: int


class Pass(NamedTuple):
    """One contact with the ground, in microseconds since the lander's start."""

    aos_us: int
    los_us: int


class Orbit(NamedTuple):
    """Contacts that come again: visible for the first `visible_us` of every `period_us`, within a stretch of time."""

    from_us: int
    until_us: int
    period_us: int
    visible_us: int


class PhaseStep(NamedTuple):
    """One step of the mission's plan; None: as before."""

    at_us: int
    phase: int
    quiet: int
    deck_cdegc: int | None
    altitude_m: int | None
    one_way_us: int | None
    bps: int | None


class Downlink(NamedTuple):
    """What the lander's radio and its store do for this payload."""

    bps: int
    """0: as fast as it comes."""
    queue_octets: int
    overflow: Overflow
    priorities: tuple[int, ...]
    """Virtual channels, what matters most first; (): first come, first served. Others come last."""
    transit_bps: int
    """Out of sessions in a transit phase only the beacon flows, at so much; 0: there is no such mode."""
    transit_phases: frozenset[int]
    credit_permille: int
    """Credits are said while less than this part of the queue is free; 0: by order only."""


class LanderProfile(NamedTuple):
    """What makes one lander differ from another; no `passes` and no `orbits` is always in contact."""

    name: str
    drawn_from: str
    scid: int
    line: str
    baud: int
    carrier: str
    tm_frame_octets: int
    heartbeat_us: int
    watch: Watch
    power_status_us: int
    phase: int
    quiet: int
    phases: tuple[PhaseStep, ...]
    one_way_us: int
    downlink: Downlink
    tai_minus_utc_s: int
    time: TimeService
    boot_count: int
    circuits: tuple[Supplied, Supplied, Supplied]
    trips: Trips
    notices: Notices
    requests: Requests
    heater: Heater
    board: Ratings
    thermal: Node
    ancillary: Surroundings
    passes: tuple[Pass, ...]
    orbits: tuple[Orbit, ...]
