"""How the commands of the bench show what came of a run: steps, faults, findings, figures; the same on every rung."""

import json
from collections import Counter
from pathlib import Path
from typing import Final

from rich.console import Console

from hil.plan.player import Outcome, StepResult
from hil.run_result import RunResult
from tools.cli.main import refuse

_COLOURS: Final = {Outcome.HELD: "green", Outcome.FAILED: "red", Outcome.NOT_EXERCISED: "yellow"}
ROWS_MAX: Final = 60
"""Steps shown of a long run; all of them are in the JSON."""


def step_line(step: StepResult) -> str:
    """One step as a line with colours."""
    colour = _COLOURS[step.outcome]
    turn = f" #{step.turn + 1}" if step.turn else ""
    when = mission_time(step.ended_us)
    return f"[dim]{when}[/]  [{colour}]{step.outcome.value:<13}[/]  {step.leg}{turn}: {step.step}  [dim]{step.text}[/]"


def mission_time(us: int) -> str:
    """Time since a run began: days, hours, minutes, seconds."""
    seconds, milli = divmod(us // 1000, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{f'{days} d ' if days else ''}{hour:02d}:{minute:02d}:{second:02d}.{milli:03d}"


def show(result: RunResult, console: Console, *, steps: bool) -> None:
    """The whole outcome for a person."""
    if steps:
        shown = [step for step in result.steps if step.outcome is Outcome.FAILED] + [
            step for step in result.steps if step.outcome is not Outcome.FAILED
        ]
        for step in sorted(shown[:ROWS_MAX], key=lambda one: one.ended_us):
            console.print(step_line(step), highlight=False, soft_wrap=True)
        if len(shown) > ROWS_MAX:
            console.print(f"[dim]… and {len(shown) - ROWS_MAX} more steps (--json has all)[/]")
    missing = [fault for fault in result.faults if not fault.exercised]
    if result.faults:
        console.print(f"faults        {len(result.faults) - len(missing)} injected", highlight=False)
    for fault in missing:
        console.print(f"[yellow]not exercised[/] {fault.fault}: {fault.why}", highlight=False, soft_wrap=True)
    for finding in result.findings[:ROWS_MAX]:
        colour, word = ("red", "broken") if finding.breach else ("cyan", "remark")
        at = mission_time(finding.at_us)
        console.print(f"[{colour}]{word}[/] {finding.rule} at {at}: {finding.text}", highlight=False, soft_wrap=True)
    speed = f", {result.simulated_us / 1e6 / result.wall_s:,.0f} times real time" if result.wall_s else ""
    took = f"simulated in {result.wall_s:.2f} s{speed}" if result.rung == "sim" else "on the real clock"
    ended = Counter(step.outcome for step in result.steps)
    figures = {
        "steps": ", ".join(f"{ended[outcome]} {outcome.value}" for outcome in Outcome),
        "time": f"{mission_time(result.simulated_us)} {took}",
        "downlink": f"{result.octets_down} octets",
        "SHA-256": result.digest,
        **{name: str(count) for name, count in result.counters.items()},
    }
    for name, text in figures.items():
        console.print(f"[dim]{name:<22}[/] {text}", highlight=False, soft_wrap=True)
    verdict = "[green]held[/]" if result.ok else "[red]FAILED[/]"
    console.print(f"[bold]{result.title}[/], seed {result.seed}, rung {result.rung}: {verdict}", highlight=False)


def write_json(result: RunResult, path: Path) -> None:
    """The whole outcome as data."""
    try:
        path.write_text(json.dumps(result.as_json(), indent=1, default=str) + "\n")
    except OSError as error:
        refuse(f"--json {path}: {error.strerror}")
