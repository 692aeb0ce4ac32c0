"""Composes the bench of a test on any rung: virtual time, the flight program on a pty, a board on a wire.

A test brings its own steps, so its plan has none: a lander, its faults, and what is watched. What needs POSIX is
imported only where a rung needs it.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fsw.kernel.clock import Micros
from fsw.mdb.mission import Mission
from hil.bench import Bench, keyed
from hil.lander.profiles import LanderProfile
from hil.observer import Observer
from hil.plan.scenario import UNTIL_US_MAX, Scenario
from hil.rules import invariants
from hil.run_result import RunResult
from hil.testing.bench_words import Stage
from hil.written.fault import Fault

if TYPE_CHECKING:
    from hil.rungs.real_time import LiveEnd, RealTime

SIM: Final = "sim"
PTY: Final = "pty"
NOMINAL_WITHIN_US: Final = 120_000_000
"""After the last fault the payload is nominal again within this; looked at only in a test that lasts so long."""


class StageError(Exception):
    """There is no such rung to be had; the text is one sentence."""


def plan_of(title: str, profile: LanderProfile, faults: tuple[Fault, ...]) -> Scenario:
    """The plan of a test: no steps, no end of its own. Its name is the same for all tests, so that a seed is a seed."""
    return Scenario("test", title, "", "", profile, UNTIL_US_MAX, NOMINAL_WITHIN_US, faults, None, ())


def stage_of(
    rung: str, plan: Scenario, mission: Mission, seed: int, listeners: Sequence[Observer], power_command: str | None
) -> Stage:
    """The bench on a rung, with the always-on rules and these listeners. Raises StageError."""

    def watching(scenario: Scenario, flown: Mission) -> list[Observer]:
        return [*invariants.all_of(scenario, flown), *listeners]

    if rung == SIM:
        from hil.rungs.virtual import Virtual  # noqa: PLC0415 - loads the flight software

        return Virtual(plan, mission, seed, observers=watching)
    return _live(rung, plan, mission, seed, watching, power_command)


class _Live:
    """The real clock's bench as a `Stage`: it has an end and a folder to give back."""

    def __init__(self, run: "RealTime", end: "LiveEnd", folder: Path) -> None:
        self._run, self._end, self._folder = run, end, folder

    @property
    def bench(self) -> Bench:
        return self._run.bench

    def advance(self, until: Micros, stop: Callable[[], bool]) -> None:
        self._run.advance(until, stop)

    def result(self) -> RunResult:
        return self._run.result()

    def close(self) -> None:
        self._end.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _live(
    port: str,
    plan: Scenario,
    mission: Mission,
    seed: int,
    watching: Callable[[Scenario, Mission], list[Observer]],
    power_command: str | None,
) -> Stage:
    from hil.rungs.board_process import BoardError  # noqa: PLC0415 - POSIX, all of these
    from hil.rungs.device_end import DeviceEnd  # noqa: PLC0415
    from hil.rungs.power_command import PowerCommand, PowerError  # noqa: PLC0415
    from hil.rungs.pty_end import PtyEnd  # noqa: PLC0415
    from hil.rungs.pty_line import LineError  # noqa: PLC0415
    from hil.rungs.real_clock import RealClock  # noqa: PLC0415
    from hil.rungs.real_time import RealTime  # noqa: PLC0415

    plan = keyed(plan, mission, seed)
    if plan.protected and port != PTY:
        raise StageError(f"{plan.name} wants a protected link: a board on a wire has keys of its own")
    folder = Path(tempfile.mkdtemp(prefix="kratai-bench-"))
    clock = RealClock()
    try:
        if port == PTY:
            end: LiveEnd = PtyEnd(plan.profile, mission, clock, folder, keys=plan.keys)
        else:
            end = DeviceEnd(port, plan.profile, None if power_command is None else PowerCommand(power_command))
    except (LineError, PowerError, BoardError) as error:
        shutil.rmtree(folder)
        raise StageError(str(error)) from error
    return _Live(RealTime(plan, mission, seed, end, clock, observers=watching), end, folder)
