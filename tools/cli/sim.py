"""`kratai sim`: a scenario in virtual time, payload, line, lander and ground in one process; a run is its seed."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fsw.capture.recorder import Sink
from fsw.mdb.mission import Mission
from hil.lander.profiles import ProfileError
from hil.plan.scenario import Scenario, load, names
from hil.replay.capture_file import CaptureError, recording
from hil.run_result import RunResult
from hil.written.durations import DurationError, parse_us
from hil.written.fault import Fault, FaultError, of_option
from hil.written.toml_table import TomlError
from tools.cli.joining import MissionFolder, mission_of
from tools.cli.main import refuse
from tools.cli.outcome import mission_time, show, write_json


def complete_scenario(incomplete: str) -> list[str]:
    """Scenario names, for a shell."""
    return [name for name in names(mission_of(None)) if name.startswith(incomplete)]


Plan = Annotated[
    str, typer.Argument(help="A scenario's name, or a file.", metavar="SCENARIO", autocompletion=complete_scenario)
]
LanderName = Annotated[
    str, typer.Option("--lander", help="Lander profile instead of the scenario's: a name or a file.")
]
Faults = Annotated[
    str | None,
    typer.Option(
        help="Faults in place of the scenario's own and drawn ones: kind@at+for:key=value;… or FILE.toml. Empty: none."
    ),
]


def command(
    scenario: Plan,
    *,
    seed: Annotated[int, typer.Option(help="Everything that chance decides follows from it.", min=0)] = 0,
    until: Annotated[str | None, typer.Option(help="End here at the latest: 30 s, 2 h, 14 d.")] = None,
    lander: LanderName = "",
    faults: Faults = None,
    mission: MissionFolder = None,
    protected: Annotated[bool, typer.Option("--protected", help="Protect the link, with SIMULATED keys.")] = False,
    record: Annotated[Path | None, typer.Option(help="Record every input of the flight software, for replay.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the outcome as data.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no steps, only the outcome.")] = False,
) -> None:
    """Play a scenario in virtual time and judge it.

    Same scenario, seed and version: the same octets, on any machine. Exit status 0 when every step held and no rule was
    broken, 1 when not, 2 for what cannot be played.
    """
    flown = mission_of(mission)
    plan, until_us, given = planned(scenario, flown, lander, until, faults)
    plan = plan._replace(protected=plan.protected or protected)
    try:
        with recording(record) as sink:
            result = played(plan, flown, seed, until_us, given, sink)
    except CaptureError as error:
        refuse(f"--record {error}")
    show(result, Console(), steps=not quiet)
    if json_file is not None:
        write_json(result, json_file)
    raise typer.Exit(0 if result.ok else 1)


def played(
    plan: Scenario,
    mission: Mission,
    seed: int,
    until_us: int | None,
    faults: tuple[Fault, ...] | None,
    record: Sink | None,
) -> RunResult:
    """Play it, with a bar that shows how far it is."""
    from hil.rungs import virtual  # noqa: PLC0415 - the flight software is loaded only when there is something to play

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[doing]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        end_us = plan.until_us if until_us is None else min(until_us, plan.until_us)
        task = bar.add_task(plan.title, total=end_us, doing="")

        def progress(now: int, doing: str) -> None:
            bar.update(task, completed=now, doing=f"{mission_time(now)} {doing}")

        return virtual.run(plan, mission, seed, until_us=until_us, faults=faults, progress=progress, record=record)


def planned(
    scenario: str, mission: Mission, lander: str, until: str | None, faults: str | None
) -> tuple[Scenario, int | None, tuple[Fault, ...] | None]:
    """What a command line asks to be played; one sentence and exit status 2 for what cannot be."""
    try:
        plan = load(scenario, mission, lander)
        until_us = None if until is None else parse_us(until)
        return plan, until_us, None if faults is None else of_option(faults, "--faults")
    except DurationError as error:
        refuse(f"--until {error}")
    except (TomlError, ProfileError, FaultError) as error:
        refuse(str(error))
