"""SIMULATED hardware of a mission's instruments: what their twins show as sysfs files, and how a bench changes it.

One `Twins` serves all rungs: in virtual time it is the port that devices read (`Opener`), over a pty its files are
written to the folder that `fly --sensors` names. What a scenario has set outlives a power cut; a sensor that is stuck
goes on showing its last text, one that has vanished shows nothing.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Protocol

from fsw.kernel.clock import Clock
from fsw.mdb.mission import Mission, MissionError, load_simulated


class Twin(Protocol):
    """One instrument's simulated hardware, from the mission's `simulated/NAME.py`."""

    @property
    def files(self) -> tuple[str, ...]:
        """Paths under the root, without a leading slash."""

    @property
    def surroundings(self) -> Mapping[str, tuple[int, int]]:
        """Attributes that a scenario may set, with lowest and highest value."""

    def sysfs(self, path: str) -> str | None:
        """Text of one of files now; None where it is absent."""


class Twins:
    """The twins of one mission. `surroundings` names what may be set: "instrument.attribute" -> (low, high)."""

    def __init__(self, mission: Mission, clock: Clock) -> None:
        self._makers = {entry.name: _maker(mission, entry.name) for entry in mission.instruments}
        self._set: dict[str, int] = {}
        self._vanished: set[str] = set()
        self._stuck: dict[str, dict[str, str | None]] = {}
        self.power_on(clock)
        self.surroundings: Mapping[str, tuple[int, int]] = {
            f"{name}.{key}": limits for name, twin in self._twins.items() for key, limits in twin.surroundings.items()
        }

    @property
    def files(self) -> tuple[str, ...]:
        """Every path that some twin may show."""
        return tuple(self._owner)

    @property
    def instruments(self) -> tuple[str, ...]:
        """Instruments that have a twin."""
        return tuple(self._twins)

    def power_on(self, clock: Clock) -> None:
        """Sensors start anew on `clock`; what was set stays set, what was broken stays broken."""
        self._twins: dict[str, Twin] = {name: made(clock) for name, made in self._makers.items()}
        self._owner = {path: name for name, twin in self._twins.items() for path in twin.files}
        for name, value in self._set.items():
            instrument, _, key = name.partition(".")
            setattr(self._twins[instrument], key, value)

    def sysfs(self, path: str) -> str | None:
        """What a device reads there now."""
        path = path.lstrip("/")
        name = self._owner.get(path)
        if name is None or name in self._vanished:
            return None
        stuck = self._stuck.get(name)
        return self._twins[name].sysfs(path) if stuck is None else stuck[path]

    def fault_of(self, name: str, value: int) -> str:
        """What is wrong with setting this; empty when nothing is."""
        if name not in self.surroundings:
            near = get_close_matches(name, self.surroundings, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.surroundings) or 'none'}"
            return f"no surroundings {name!r}; {hint}"
        low, high = self.surroundings[name]
        return "" if low <= value <= high else f"{name} is {value}, must be from {low} to {high}"

    def set(self, name: str, value: int) -> None:
        """Change what surrounds the instruments; `fault_of` has been asked."""
        assert not self.fault_of(name, value), "checked before"
        instrument, _, key = name.partition(".")
        self._set[name] = value
        setattr(self._twins[instrument], key, value)

    def vanish(self, instrument: str, gone: bool) -> None:
        """Take an instrument's hardware away, or bring it back."""
        (self._vanished.add if gone else self._vanished.discard)(instrument)

    @property
    def stuck(self) -> frozenset[str]:
        """Instruments whose hardware is frozen."""
        return frozenset(self._stuck)

    def stick(self, instrument: str, stuck: bool) -> None:
        """Freeze what an instrument's hardware shows, or let it go on."""
        if stuck:
            twin = self._twins[instrument]
            self._stuck[instrument] = {path: twin.sysfs(path) for path in twin.files}
        else:
            self._stuck.pop(instrument, None)


def _maker(mission: Mission, name: str) -> Callable[[Clock], Twin]:
    module = load_simulated(mission, name)
    found = getattr(module, "Twin", None)
    if not isinstance(found, type) or not all(hasattr(found, key) for key in ("files", "surroundings", "sysfs")):
        raise MissionError(f"{module.__file__}: no class Twin with files, surroundings and sysfs")
    made: Callable[[Clock], Twin] = found
    return made
