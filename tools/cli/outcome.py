"""How the commands of the bench show what came of a run: steps, faults, findings, figures; the same on every rung."""

import json
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from hil.player import Outcome, StepResult
from hil.run_result import RunResult

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
            console.print(step_line(step), highlight=False)
        if len(shown) > ROWS_MAX:
            console.print(f"[dim]… and {len(shown) - ROWS_MAX} more steps (--json has all)[/]")
    missing = [fault.fault for fault in result.faults if not fault.exercised]
    if result.faults:
        console.print(f"faults        {len(result.faults) - len(missing)} injected", highlight=False)
    for fault in missing:
        console.print(f"[yellow]not exercised[/] {fault}", highlight=False)
    for finding in result.findings[:ROWS_MAX]:
        colour, word = ("red", "broken") if finding.breach else ("cyan", "remark")
        console.print(f"[{colour}]{word}[/] {finding.rule} at {mission_time(finding.at_us)}: {finding.text}")
    figures = Table(show_header=False, box=None, pad_edge=False)
    speed = f", {result.simulated_us / 1e6 / result.wall_s:,.0f} times real time" if result.wall_s else ""
    took = f" simulated in {result.wall_s:.2f} s{speed}" if result.rung == "sim" else " on the real clock"
    figures.add_row("time", f"{mission_time(result.simulated_us)}{took}")
    figures.add_row("downlink", f"{result.octets_down} octets, SHA-256 {result.digest}")
    for name, count in result.counters.items():
        figures.add_row(name, str(count))
    console.print(figures)
    verdict = "[green]held[/]" if result.ok else "[red]FAILED[/]"
    console.print(f"[bold]{result.title}[/], seed {result.seed}, rung {result.rung}: {verdict}", highlight=False)


def write_json(result: RunResult, path: Path) -> None:
    """The whole outcome as data."""
    path.write_text(json.dumps(result.as_json(), indent=1, default=str) + "\n")
