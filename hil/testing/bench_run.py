"""One test's time on the bench: what it was set up with, what it measured, what came of it and goes into the report."""

from typing import Final, NamedTuple

from fsw.mdb.mission import Mission
from hil.lander.profiles import load as load_profile
from hil.plan.scenario import lander_named
from hil.run_result import RunResult
from hil.testing.bench_stage import plan_of, stage_of
from hil.testing.bench_words import Stage, Words
from hil.testing.heard import Heard
from hil.testing.report import Case, Measure
from hil.testing.report_curves import Curves
from hil.testing.report_plots import Plot
from hil.written.fault import parse_compact

MEASURES_MAX: Final = 1000


class Setting(NamedTuple):
    """What a test is run with; `faults` in compact form, times from the start of the run."""

    rung: str
    seed: int
    lander: str
    faults: tuple[str, ...]
    power_command: str | None


class BenchRun:
    """From the first fixture of a test to its report. `again` repeats the test."""

    def __init__(self, test: str, again: str) -> None:
        self.test, self.again = test, again
        self.measures: list[Measure] = []
        self.not_exercised = ""
        self._setting: Setting | None = None
        self._stage: Stage | None = None
        self._heard = Heard()
        self._curves: Curves | None = None
        self._result: RunResult | None = None
        self._plots: list[Plot] = []

    def begin(self, setting: Setting, mission: Mission) -> Words:
        """Compose the bench; its time stands at zero."""
        assert self._stage is None, "a test has one bench"
        faults = tuple(parse_compact(text, "mark bench") for text in setting.faults)
        profile = load_profile(lander_named(setting.lander, mission))
        self._setting = setting
        self._curves = Curves(profile.baud)
        plan = plan_of(self.test, profile, faults)
        self._stage = stage_of(
            setting.rung, plan, mission, setting.seed, (self._heard, self._curves), setting.power_command
        )
        return Words(self._stage, mission, self._heard, self.again)

    def measure(
        self, name: str, value: float, low: float | None = None, high: float | None = None, unit: str = ""
    ) -> float:
        """Note a value and its bounds; the test is judged by it after its last line."""
        assert len(self.measures) < MEASURES_MAX, "a test measures so much at most"
        self.measures.append(Measure(name, float(value), low, high, unit))
        return value

    def judge(self) -> str:
        """Measures outside their bounds and rules that were broken, as lines; empty when there are none."""
        wrong = [f"measure {one.name} is {one.text}" for one in self.measures if not one.holds]
        wrong += [f"rule broken: {finding}" for finding in self._broken()]
        return "\n".join([*wrong, f"again: {self.again}"]) if wrong else ""

    @property
    def missing(self) -> str:
        """Why this is no pass, though nothing failed: what the rung could not do; empty when it did all."""
        result = self.finish()
        faults = [one.fault for one in result.faults if not one.exercised] if result else []
        return self.not_exercised or ", ".join(f"fault {fault}" for fault in faults)

    def finish(self) -> RunResult | None:
        """The run is over: what came of it; None for a test that had no bench."""
        if self._result is None and self._stage is not None and self._curves is not None:
            self._result = self._stage.result()
            self._plots = self._curves.plots(self._result.simulated_us)
        return self._result

    def close(self) -> None:
        """Give the bench back."""
        if self._stage is not None:
            self.finish()
            self._stage.close()

    def _broken(self) -> list[str]:
        result = self.finish()
        found = [one for one in result.findings if one.breach] if result else []
        return [f"{one.rule} at {one.at_us / 1e6:.3f} s: {one.text}" for one in found]

    # what is reported

    def facts(self) -> dict[str, str]:
        """What the test was run with."""
        result, setting = self.finish(), self._setting
        if result is None or setting is None:
            return {}
        return {
            "seed": str(setting.seed),
            "rung": setting.rung,
            "lander": setting.lander,
            "database": result.database,
            "time of the run": f"{result.simulated_us / 1e6:.3f} s",
            "SHA-256 of the downlink": result.digest,
        }

    def case(self, verdict: str, text: str, requirements: list[str]) -> Case:
        """All of it, for the page."""
        result = self.finish()
        return Case(
            test=self.test,
            verdict=verdict,
            text=text,
            command=self.again,
            requirements=requirements,
            facts=self.facts(),
            faults=[(one.fault, one.exercised) for one in result.faults] if result else [],
            measures=self.measures,
            findings=self._broken(),
            plots=self._plots,
            log=list(self._heard.log),
        )

    def properties(self, requirements: list[str]) -> list[tuple[str, object]]:
        """Name and value of everything that JUnit's file is to hold."""
        result = self.finish()
        faults = ";".join(one.fault for one in result.faults) if result else ""
        found: list[tuple[str, object]] = [(f"bench.{name}", value) for name, value in self.facts().items()]
        found += [("bench.faults", faults)] if result else []
        found += [("proves", requirement) for requirement in requirements]
        found += [(f"measure.{one.name}", one.text) for one in self.measures]
        return [*found, ("bench.again", self.again)]
