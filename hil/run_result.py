"""What came of a run, in one form on every rung; and its transcript, which two rungs can be compared by.

A transcript holds no time, no measured value and no count of octets: which steps were played, how each ended and which
of the plan's own words came. Two rungs that behave alike have equal transcripts.
"""

from collections.abc import Sequence
from difflib import unified_diff
from typing import NamedTuple

from hil.bench import FaultResult
from hil.observer import Finding
from hil.plan.player import StepResult


class RunResult(NamedTuple):
    """What came of a run. `digest` is the SHA-256 of every octet that the payload put on the line."""

    scenario: str
    title: str
    seed: int
    rung: str
    ok: bool
    steps: list[StepResult]
    faults: list[FaultResult]
    findings: list[Finding]
    counters: dict[str, int]
    simulated_us: int
    """Time of the mission that was played; on the real clock that which passed."""
    wall_s: float
    octets_down: int
    digest: str
    database: str

    def as_json(self) -> dict[str, object]:
        """As plain data."""
        return {
            **self._asdict(),
            "steps": [{**step._asdict(), "outcome": step.outcome.value} for step in self.steps],
            "faults": [fault._asdict() for fault in self.faults],
            "findings": [finding._asdict() for finding in self.findings],
        }


def transcript(result: RunResult) -> list[str]:
    """The run as lines that are equal on rungs that behave alike: steps in the order of their ends, then faults."""
    lines = []
    for step in result.steps:
        turn = f" #{step.turn + 1}" if step.turn else ""
        seen = f": {'; '.join(step.came)}" if step.came else ""
        lines.append(f"{step.leg}{turn}: {step.step}: {step.outcome.value}{seen}")
    lines += [f"fault {one.fault}: {'exercised' if one.exercised else 'not exercised'}" for one in result.faults]
    return lines


def differences(one: RunResult, other: RunResult) -> Sequence[str]:
    """Where two transcripts differ, as lines with - and +; empty when they are equal."""
    lines = unified_diff(transcript(one), transcript(other), one.rung, other.rung, lineterm="", n=0)
    return [line for line in lines if not line.startswith("@@")]
