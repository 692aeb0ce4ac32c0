"""Many seeds of many scenarios: what is to run, what is done, which failures are shrunk, and what it all says.

Nothing is run here. A campaign is asked what to run next, is told how that went, and says which line to keep; the
lines of an earlier campaign, told first, are not run again. Whoever has workers, in this process, in others or on
other machines, plays that part (campaign_pool.py).

A kept line carries the digest of the code and scenario that it comes from: what other code has found counts for
nothing. A failure is known again by its marks: rules broken, steps failed. The first failure by each mark is shrunk
to the fewest faults that still leave this mark, in the order of the plan and not in the order in which workers
finish.

Off nominal: a line that cannot be read, as a crash leaves it, is counted and skipped. A run that ends in an
exception, or whose worker dies, is a failure with that as its name.
"""

import json
import shlex
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, cast

from hil.campaign.shrink import RUNS_MAX, Schedule, Search, Shrinking, Shrunk

JOBS_MAX: Final = 1_000_000
SEED_MAX: Final = 2**63 - 1
SHRUNK_MAX: Final = 3
"""Failures that are shrunk unless told: one of a likeness."""
TEXT_MAX: Final = 500

Result = Mapping[str, object]
"""What a run has given, plain data with KEYS, or more. `findings` begin "RULE at", `failed_steps` "LEG: STEP:"."""


class CampaignError(ValueError):
    """A campaign that cannot be; the text is one sentence."""


class Job(NamedTuple):
    """One seed of one scenario."""

    scenario: str
    seed: int


class Ask(NamedTuple):
    """One run to do; `faults` None: those of scenario and seed. `mark`: whether this is left is what shrinking asks."""

    job: Job
    faults: Schedule | None = None
    mark: str = ""


class Failure(NamedTuple):
    """A seed that failed; `shrunk`: by mark, for those of its marks that were shrunk."""

    job: Job
    result: Result
    shrunk: Mapping[str, Shrunk]

    def command(self, mark: str | None = None) -> str:
        """One command that fails again, by this mark with the faults that it needs, else with all of the run's."""
        shrunk = self.shrunk.get(mark or "")
        faults = shrunk.schedule if shrunk and shrunk.again else schedule_of(self.result)
        words = "" if faults is None else f" --faults {shlex.quote(';'.join(faults))}"
        return f"tools/kratai sim {shlex.quote(self.job.scenario)} --seed {self.job.seed}{words}"


class Summary(NamedTuple):
    """All that is known now."""

    jobs: int
    done: int
    ok: int
    failures: tuple[Failure, ...]
    marks: Counter[str]
    simulated_s: float
    wall_s: float

    def as_json(self) -> dict[str, object]:
        """Plain data, the same for the same results."""
        return {
            "jobs": self.jobs,
            "done": self.done,
            "ok": self.ok,
            "failed": len(self.failures),
            "marks": dict(sorted(self.marks.items())),
            "simulated_s": round(self.simulated_s, 3),
            "wall_s": round(self.wall_s, 3),
            "failures": [
                {
                    **failure.result,
                    "marks": sorted(marks_of(failure.result)),
                    "command": failure.command(),
                    "shrunk": {
                        mark: {**shrunk._asdict(), "command": failure.command(mark)}
                        for mark, shrunk in failure.shrunk.items()
                    },
                }
                for failure in self.failures
            ],
        }


class _Hunt:
    """A failure on its way to the shortest schedule; `ask` is what to run next, None while that runs or at the end."""

    def __init__(self, job: Job, mark: str, schedule: Schedule, runs_max: int) -> None:
        self.job, self.mark = job, mark
        self.shrunk: Shrunk | None = None
        self.shrinking = Shrinking(schedule, runs_max)
        self._search: Search = self.shrinking.search()
        self.ask: Schedule | None = next(self._search)

    def answer(self, result: Result) -> None:
        try:
            self.ask = self._search.send(self.mark in marks_of(result))
        except StopIteration as end:
            self.shrunk = cast("Shrunk", end.value)


class Campaign:
    """The plan and how far it is. `digests`: scenario -> digest of code and scenario, part of every kept line."""

    def __init__(
        self,
        jobs: Sequence[Job],
        digests: Mapping[str, str],
        *,
        shrunk_max: int = SHRUNK_MAX,
        runs_max: int = RUNS_MAX,
    ) -> None:
        assert len(set(jobs)) == len(jobs) <= JOBS_MAX, "a plan names a seed once"
        self.stale = 0
        """Kept lines of other code or another scenario."""
        self.unread = 0
        """Kept lines that say nothing."""
        self._jobs = tuple(jobs)
        self._digests = digests
        self._shrunk_max, self._runs_max = shrunk_max, runs_max
        self._results: dict[Job, Result] = {}
        self._shrunk: dict[tuple[Job, str], Shrunk] = {}
        self._planned = set(jobs)
        self._waiting: deque[Job] | None = None
        self._hunts: list[_Hunt] | None = None

    # What is known from before

    def remember(self, line: str) -> None:
        """A line that an earlier campaign kept; one for seeds of another plan is left alone."""
        try:
            kept = json.loads(line)
            job, digest = Job(kept["scenario"], kept["seed"]), kept.pop("code")
            planned = job in self._planned
            shrunk = Shrunk(**kept["shrunk"]) if "shrunk" in kept else None
            mark = str(kept["mark"]) if shrunk else ""
            result = kept if shrunk else checked(kept)
        except (ValueError, TypeError, KeyError):
            self.unread += 1
            return
        if planned and digest != self._digests[job.scenario]:
            self.stale += 1
        elif planned and shrunk:
            self._shrunk[job, mark] = shrunk._replace(schedule=tuple(shrunk.schedule))
        elif planned:
            self._results[job] = result

    # What to do

    @property
    def finished(self) -> bool:
        """Every seed has run, and what should be shrunk is."""
        return len(self._results) == len(self._jobs) and not self._left()

    def next_ask(self) -> Ask | None:
        """A run that nobody has been asked for yet; None when all are under way, or the campaign is finished."""
        if self._waiting is None:
            self._waiting = deque(job for job in self._jobs if job not in self._results)
        if self._waiting:
            return Ask(self._waiting.popleft())
        if len(self._results) < len(self._jobs):
            return None
        for hunt in self._left():
            if hunt.ask is not None:
                ask, hunt.ask = Ask(hunt.job, hunt.ask, hunt.mark), None
                return ask
        return None

    def answer(self, ask: Ask, result: Result) -> str | None:
        """How a run went; returns the line to keep, without its end, if there is something to keep."""
        digest = self._digests[ask.job.scenario]
        if ask.faults is None:
            line = json.dumps({"code": digest, **checked(result)})
            self.remember(line)
            assert ask.job in self._results, "a run is of its own scenario and seed"
            return line
        hunt = next(hunt for hunt in self._left() if (hunt.job, hunt.mark) == (ask.job, ask.mark))
        hunt.answer(result)
        if hunt.shrunk is None:
            return None
        self._shrunk[hunt.job, hunt.mark] = hunt.shrunk
        return json.dumps({"code": digest, **ask.job._asdict(), "mark": hunt.mark, "shrunk": hunt.shrunk._asdict()})

    def _left(self) -> list[_Hunt]:
        """Hunts that have not ended; chosen once all seeds have run, so that the choice is the same each time."""
        if self._hunts is None:
            self._hunts = [self._hunt(*first) for first in self._first_failures() if first not in self._shrunk]
        return [hunt for hunt in self._hunts if hunt.shrunk is None]

    def _hunt(self, job: Job, mark: str) -> _Hunt:
        return _Hunt(job, mark, schedule_of(self._results[job]) or (), self._runs_max)

    def _first_failures(self) -> list[tuple[Job, str]]:
        """Each mark with the first failure that bears it and has faults to shrink; broken rules before failed steps."""
        first: dict[str, Job] = {}
        for job in self._jobs:
            if schedule_of(self._results[job]):
                for mark in sorted(marks_of(self._results[job])):
                    first.setdefault(mark, job)
        return [(job, mark) for mark, job in first.items()][: self._shrunk_max]

    # What it says

    @property
    def done(self) -> int:
        """Seeds that have run, with those of earlier campaigns."""
        return len(self._results)

    @property
    def jobs(self) -> int:
        """Seeds of the plan."""
        return len(self._jobs)

    @property
    def failed(self) -> int:
        """Seeds that have failed."""
        return sum(not result["ok"] for result in self._results.values())

    @property
    def hunting(self) -> int:
        """Failures that are being shrunk now."""
        return len(self._left()) if self.done == self.jobs else 0

    @property
    def hunted_runs(self) -> int:
        """Runs that shrinking has asked for."""
        return sum(hunt.shrinking.runs for hunt in self._hunts or ())

    def summary(self) -> Summary:
        """All that is known now, failures in the order of the plan."""
        results = [(job, self._results[job]) for job in self._jobs if job in self._results]
        shrunk: dict[Job, dict[str, Shrunk]] = {}
        for (job, mark), found in sorted(self._shrunk.items()):
            shrunk.setdefault(job, {})[mark] = found
        failures = tuple(Failure(job, result, shrunk.get(job, {})) for job, result in results if marks_of(result))
        marks = Counter(mark for failure in failures for mark in marks_of(failure.result))
        simulated_s, wall_s = (
            sum(float(cast("float", one[key])) for _, one in results) for key in ("simulated_s", "wall_s")
        )
        return Summary(self.jobs, len(results), len(results) - len(failures), failures, marks, simulated_s, wall_s)


def plan(scenarios: Iterable[str], seeds: range) -> tuple[Job, ...]:
    """Every seed of every scenario, seed by seed, so that an early end has seen a bit of each."""
    names = tuple(dict.fromkeys(scenarios))
    if len(names) * len(seeds) > JOBS_MAX:
        raise CampaignError(
            f"{len(names)} times {len(seeds)} runs are more than {JOBS_MAX}: ask for fewer seeds at once"
        )
    return tuple(Job(name, seed) for seed in seeds for name in names)


def seeds_of(text: str) -> range:
    """`A:B`, from A up to, not including, B; or one seed alone."""
    first, colon, end = text.partition(":")
    if not all(part.isascii() and part.isdigit() and int(part) <= SEED_MAX for part in (first, end)[: 1 + len(colon)]):
        raise CampaignError(f"seeds are A:B, say 0:100, or one number; '{text[:40]}' is neither")
    seeds = range(int(first), int(end) if colon else int(first) + 1)
    if not seeds:
        raise CampaignError(f"there are no seeds from {first} up to, not including, {end}")
    return seeds


def marks_of(result: Result) -> frozenset[str]:
    """By what a failure is known again: rules broken, steps failed, its error's name; nothing for a run that is ok."""
    if result["ok"]:
        return frozenset()
    findings, steps = (cast("Sequence[str]", result[key]) for key in ("findings", "failed_steps"))
    marks = {f"rule {finding.partition(' at ')[0]}" for finding in findings}
    marks |= {f"step {': '.join(step.split(': ')[:2])}" for step in steps}
    return frozenset(marks or {f"error {result.get('error') or 'without a name'}"})


def schedule_of(result: Result) -> Schedule | None:
    """The faults that a run had; None where it did not come so far as to say."""
    faults = result["faults"]
    return None if faults is None else tuple(cast("Sequence[str]", faults))


def broken(ask: Ask, error: str, text: str, wall_s: float) -> Result:
    """The result of a run that gave none: an exception, a worker that died, no end in time."""
    return {
        **ask.job._asdict(),
        "ok": False,
        "error": error,
        "text": text[:TEXT_MAX],
        "faults": ask.faults,
        "findings": [],
        "failed_steps": [],
        "digest": "",
        "simulated_s": 0.0,
        "wall_s": round(wall_s, 3),
    }


KEYS: Final = frozenset(
    ("scenario", "seed", "ok", "faults", "findings", "failed_steps", "digest", "simulated_s", "wall_s")
)


def checked(result: Result) -> Result:
    """A result with every key; ValueError for one without."""
    missing = sorted(KEYS - result.keys())
    if missing:
        raise ValueError(f"a result without {', '.join(missing)}")
    return result
