"""Always-on invariants: rules that hold in every run, judged from outside by observers; and those of the board itself.

`all_of` gives the observers of a run. Each rule is cheap, keeps bounded memory, and says only what it has seen.
"""

from collections.abc import Iterable
from typing import Final

from fsw.config import FARM_WINDOW
from fsw.kernel.clock import Micros
from fsw.mdb.mission import Mission
from hil.observer import Finding, Observer, Probe
from hil.plan.scenario import Scenario
from hil.rules.invariants_commands import AdOnce, NothingUnaccepted, OneLastWord
from hil.rules.invariants_gaps import GapsAnnounced
from hil.rules.invariants_log import Log
from hil.rules.invariants_nominal import NominalAgain
from hil.rules.oracle import Acceptance
from hil.rules.overhearing import Line, Overhearing

TRANSIENT_US: Final = 5_000_000
"""How long a stated transient of the power may last."""
RULES: Final = (
    OneLastWord.RULE,
    AdOnce.RULE,
    NothingUnaccepted.RULE,
    GapsAnnounced.RULE,
    "watchdog-honest",
    "power-within",
    NominalAgain.RULE,
    "limits-kept",
)


def all_of(plan: Scenario, mission: Mission, also: Iterable[Observer] = ()) -> list[Observer]:
    """The observers of a run of this plan; the rules know of the mission only what crosses the line."""
    profile = plan.profile
    line = Line(profile.carrier, profile.scid, profile.tm_frame_octets, plan.keys)
    return always_on(line, plan.nominal_within_us, also)


def always_on(line: Line, nominal_within_us: int, also: Iterable[Observer] = ()) -> list[Observer]:
    """The observers of one run over `line`, in the order in which they must be told; `also` hear what the rules do."""
    also = tuple(also)
    acceptance = Acceptance(FARM_WINDOW)
    heard: list[Observer] = [
        OneLastWord(),
        AdOnce(),
        NothingUnaccepted(acceptance),
        GapsAnnounced(),
        NominalAgain(nominal_within_us),
    ]
    heard += also
    return [Overhearing(line, heard, acceptance), *heard, WatchdogHonest(), PowerWithin(), LimitsKept()]


class WatchdogHonest:
    """The watchdog is fed only while all tasks are fresh: no stroke between two looks that both find a stale one."""

    RULE: Final = "watchdog-honest"

    def __init__(self) -> None:
        self._log = Log(self.RULE)
        self._stale_strokes: int | None = None  # strokes counted when a task was last seen stale
        self._told = False

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched."""
        self._stale_strokes = None

    def probe(self, probe: Probe, now: Micros) -> None:
        """A look at the board."""
        before, strokes = self._stale_strokes, probe.watchdog_strokes
        self._stale_strokes = None if probe.tasks_fresh else strokes
        fed = before is not None and not probe.tasks_fresh and strokes > before
        if fed and not self._told:
            self._log.breach(now, f"the watchdog was stroked {strokes - (before or 0)} times while a task was stale")
        self._told = fed

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found."""
        return self._log.findings()


class PowerWithin:
    """What the payload draws is inside its allocation, except in a transient that it has stated, 5 s at most."""

    RULE: Final = "power-within"

    def __init__(self) -> None:
        self._log = Log(self.RULE)
        self._since_us: Micros | None = None
        self._told = False

    def power(self, on: bool, now: Micros) -> None:
        """The supply was switched."""
        self._since_us, self._told = None, False

    def probe(self, probe: Probe, now: Micros) -> None:
        """A look at the board."""
        allowed_mw = probe.allocation_mw
        if allowed_mw is None or probe.drawn_mw <= allowed_mw:
            self._since_us, self._told = None, False
            return
        self._since_us = now if self._since_us is None else self._since_us
        stated = probe.transient and now - self._since_us <= TRANSIENT_US
        if not stated and not self._told:
            self._told = True
            self._log.breach(now, f"{probe.drawn_mw} mW are drawn, {allowed_mw} mW allowed")

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found."""
        return self._log.findings()


class LimitsKept:
    """Every queue and table of the flight software stays inside its limit."""

    RULE: Final = "limits-kept"

    def __init__(self) -> None:
        self._log = Log(self.RULE)
        self._beyond: set[str] = set()

    def probe(self, probe: Probe, now: Micros) -> None:
        """A look at the board."""
        for name, (depth, limit) in probe.queues.items():
            if depth > limit:
                if name not in self._beyond:
                    self._beyond.add(name)
                    self._log.breach(now, f"{name} holds {depth}, at most {limit} are allowed")
            elif self._beyond:
                self._beyond.discard(name)

    def finish(self, now: Micros) -> list[Finding]:
        """Everything found."""
        return self._log.findings()
