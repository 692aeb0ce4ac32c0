"""The real clock: the same bench as in virtual time, around a process on a pty or a board on a wire (POSIX; edge).

One thread, one wait: until the line speaks or the next thing is due. While the line is busy that is every millisecond;
an idle one costs a few looks a second.
"""

import select
from collections.abc import Callable
from typing import Protocol

from fsw.kernel.clock import Micros
from fsw.mdb.mission import Mission
from hil.bench import Bench, End, faults_of, ok
from hil.observer import Finding, Observer
from hil.plan.player import StepResult
from hil.plan.scenario import Scenario
from hil.rules import invariants
from hil.run_result import RunResult
from hil.rungs.real_clock import RealClock
from hil.rungs.real_line import RealLine
from hil.seed import Dice
from hil.written.fault import Fault


class LiveEnd(End, Protocol):
    """A payload's end that lives by the real clock."""

    line: RealLine
    notes: list[Finding]
    """What befell the rung itself: a port that was gone, a process that ended."""

    def attach(self, bench: Bench) -> None:
        """Stand at the end of the bench's line."""

    def fileno(self) -> int:
        """What is readable when the payload has spoken; -1 while only time can tell."""

    def look(self, now: Micros) -> bool:
        """Move octets; whether something has come for the bench."""

    def next_due(self, now: Micros) -> Micros:
        """When to look again if the payload says nothing."""

    def counters(self) -> dict[str, int]:
        """What line and supply have counted."""

    def close(self) -> None:
        """Give everything back."""


class RealTime:
    """One run; `run` plays it, `result` says what came of it. The end stays its maker's to close."""

    def __init__(
        self,
        plan: Scenario,
        mission: Mission,
        seed: int,
        end: LiveEnd,
        clock: RealClock,
        *,
        faults: tuple[Fault, ...] | None = None,
        observers: Callable[[Scenario, Mission], list[Observer]] | None = None,
    ) -> None:
        self.plan, self.mission, self.seed, self.end, self.clock = plan, mission, seed, end, clock
        dice = Dice(seed, plan.name)
        self.bench = Bench(
            plan,
            mission,
            clock,
            end,
            dice=dice,
            faults=faults_of(plan, dice) if faults is None else faults,
            observers=(invariants.all_of if observers is None else observers)(plan, mission),
            tai_at_zero_us=clock.tai_at_zero_us(plan.profile.tai_minus_utc_s),
        )
        end.attach(self.bench)

    def run(self, until_us: int, tell: Callable[[StepResult], None] = lambda _: None) -> None:
        """Play the plan to its end, or to `until_us` of the clock; `tell` hears of each step that has ended."""
        told = len(self.bench.player.results)

        def done() -> bool:
            nonlocal told
            for step in self.bench.player.results[told:]:
                tell(step)
            told = len(self.bench.player.results)
            return self.bench.done

        self.advance(Micros(until_us), done)

    def advance(self, until: Micros, stop: Callable[[], bool]) -> None:
        """Act on what was done from outside, and let time pass until then, or until `stop` says so."""
        bench, clock, end = self.bench, self.clock, self.end
        bench_due = Micros(0)
        while (now := clock.now()) < until:
            if end.look(now) or now >= bench_due:
                bench_due = bench.step(now)
            if stop():
                break
            self._wait(min(bench_due, end.next_due(now), until))

    def _wait(self, due: Micros) -> None:
        """Sleep until then, or until the payload has spoken."""
        fd = self.end.fileno()
        select.select([] if fd < 0 else [fd], [], [], max(0, due - self.clock.now()) / 1e6)

    def result(self) -> RunResult:
        """What came of it."""
        now = self.clock.now()
        steps, faults, findings = self.bench.finish(now)
        findings = sorted(findings + self.end.notes, key=lambda finding: finding.at_us)
        line = self.end.line
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
            wall_s=now / 1e6,
            octets_down=line.octets_down,
            digest=line.digest(),
            database=self.mission.database.digest().hex(),
        )
