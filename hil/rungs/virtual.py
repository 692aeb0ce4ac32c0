"""Virtual time: payload, line, lander, ground and plan in one process on one clock; a run is its seed.

The same scenario, seed and commit give the same octets on any machine. The clock jumps from event to event; only the
figure of how long a run took is of the real clock (edge), and no digest sees it.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fsw.capture.recorder import Sink
from fsw.config import LINES, Config
from fsw.kernel.clock import NEVER, ManualClock, Micros
from fsw.mdb.mission import Mission
from fsw.mdb.mission import load as load_mission
from hil.bench import Bench, faults_of, keyed, ok
from hil.board import probe
from hil.board.board import Board
from hil.observer import Observer
from hil.plan import scenario
from hil.plan.scenario import Scenario
from hil.rules import invariants
from hil.run_result import RunResult
from hil.rungs.virtual_end import VirtualEnd
from hil.seed import Dice
from hil.written.fault import Fault, parse_compact

PROGRESS_US: Final = 10_000_000
"""How often, in simulated time, a caller is told how far a run has come."""
Progress = Callable[[int, str], None]


class Virtual:
    """One run; `advance` moves it on, `result` ends it. Holds a folder for the simulated disk until it is closed."""

    def __init__(
        self,
        plan: Scenario,
        mission: Mission,
        seed: int,
        *,
        faults: tuple[Fault, ...] | None = None,
        observers: Callable[[Scenario, Mission], list[Observer]] | None = None,
        skips_idle: bool = True,
    ) -> None:
        dice = Dice(seed, plan.name)
        self.plan = plan = keyed(plan, mission, seed)
        self.seed = seed
        self.mission = mission
        self.clock = ManualClock()
        self._folder = tempfile.TemporaryDirectory(prefix="kratai-sim-")
        profile = plan.profile
        line = LINES[profile.line]._replace(baud=profile.baud, tm_frame_octets=profile.tm_frame_octets)
        config = Config(line, profile.carrier)
        self.board = Board(mission, config, self.clock, Path(self._folder.name) / "store.sqlite", plan.keys)
        self.board.skips_idle = skips_idle
        self.end = VirtualEnd(self.board)
        if faults is None:
            faults = faults_of(plan, dice)
        watching = (invariants.all_of if observers is None else observers)(plan, mission)
        self.bench = Bench(plan, mission, self.clock, self.end, dice=dice, faults=faults, observers=watching)
        self.end.attach(self.bench)
        self._window = probe.Window(self.board)
        self._due = Micros(0)
        self._look_us = Micros(0) if "probe" in self.bench.observers.wanted else NEVER
        self._wall_ns = 0

    def advance(self, until: Micros, stop: Callable[[], bool] = lambda: False) -> None:
        """Act on what was done from outside, and let time pass until then, or until `stop` says so behind an event."""
        began_ns = time.perf_counter_ns()
        clock, end, bench = self.clock, self.end, self.bench
        self._due = now = clock.now()
        while not stop():
            end_due, heard_us = end.next_due(), end.heard_us()
            due = min(self._due, end_due, heard_us)
            if due > until:
                clock.advance_to(until)
                break
            if due > now:
                clock.advance_to(due)
                now = due
            if now >= end_due:
                end.step()
            if now >= self._due or now >= heard_us:  # else nobody but the board has to act
                self._due = bench.step(now)
            if now >= self._look_us:
                self._look(now)
        self._wall_ns += time.perf_counter_ns() - began_ns

    def _look(self, now: Micros) -> None:
        """Show the board to the observers, about once a second: at an event that is there anyway."""
        self._look_us = Micros(now + probe.PERIOD_US)
        found = self._window.look()
        if found is not None:
            self.bench.observers.tell("probe", found, now)

    @property
    def done(self) -> bool:
        """Whether nothing that the plan asks for is left to come."""
        return self.bench.done

    def result(self) -> RunResult:
        """What came of it."""
        now = self.clock.now()
        steps, faults, findings = self.bench.finish(now)
        return RunResult(
            scenario=self.plan.name,
            title=self.plan.title,
            seed=self.seed,
            rung=self.end.name,
            ok=ok(steps, findings),
            steps=steps,
            faults=faults,
            findings=findings,
            counters=self.bench.counters() | self.end.counters(),
            simulated_us=now,
            wall_s=self._wall_ns / 1e9,
            octets_down=self.end.octets_down,
            digest=self.end.digest(),
            database=self.mission.database.digest().hex(),
        )

    def close(self) -> None:
        """Give the simulated disk back."""
        self.board.close()
        self._folder.cleanup()


def run(
    plan: Scenario,
    mission: Mission,
    seed: int,
    *,
    until_us: int | None = None,
    faults: tuple[Fault, ...] | None = None,
    progress: Progress | None = None,
    record: Sink | None = None,
) -> RunResult:
    """Play a scenario to its end, or to `until_us`; `record` gets every input of the flight software, for a replay."""
    end_us = plan.until_us if until_us is None else min(until_us, plan.until_us)
    virtual = Virtual(plan, mission, seed, faults=faults)
    virtual.board.record = record
    try:
        while virtual.clock.now() < end_us and not virtual.done:
            virtual.advance(Micros(min(virtual.clock.now() + PROGRESS_US, end_us)), lambda: virtual.done)
            if progress is not None:
                progress(virtual.clock.now(), virtual.bench.player.doing)
        return virtual.result()
    finally:
        virtual.close()


def run_seed(name: str, seed: int, faults: tuple[str, ...] | None = None) -> dict[str, object]:
    """A run as plain data in and out, for pools of processes; `faults` in their compact form replace those drawn."""
    mission = load_mission()
    plan = scenario.load(name, mission)
    given = None if faults is None else tuple(parse_compact(text) for text in faults)
    result = run(plan, mission, seed, faults=given)
    return {
        "ok": result.ok,
        "scenario": name,
        "seed": seed,
        "faults": [one.fault for one in result.faults],
        "findings": [f"{one.rule} at {one.at_us / 1e6:.3f} s: {one.text}" for one in result.findings if one.breach],
        "failed_steps": [f"{s.leg}: {s.step}: {s.text}" for s in result.steps if s.outcome.value == "failed"],
        "digest": result.digest,
        "simulated_s": result.simulated_us / 1e6,
        "wall_s": result.wall_s,
    }
