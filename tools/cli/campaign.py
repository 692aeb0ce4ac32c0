"""`kratai campaign`: many seeds of many scenarios, on every core or on a cluster; failures shrunk to what matters."""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hil.campaign.campaign import SHRUNK_MAX, Campaign, CampaignError, Failure, Summary, plan, seeds_of
from hil.campaign.campaign_kept import Kept, KeptError, folder_of
from hil.campaign.campaign_pool import LIMIT_S, Cluster, Crew, Driver, PoolError, Processes, interruptible
from hil.campaign.code_digest import digest_with
from hil.campaign.shrink import RUNS_MAX
from tools.cli.joining import mission_of
from tools.cli.main import refuse
from tools.cli.sim import complete_scenario, planned

WORKERS_MAX: Final = 256
FAILURES_SHOWN: Final = 20
PLAIN_LINES: Final = 20
"""Lines of progress of a whole campaign where there is no terminal."""
Look = Callable[[], None]


def command(
    scenarios: Annotated[
        list[str],
        typer.Argument(help="Names or files of scenarios.", metavar="SCENARIO…", autocompletion=complete_scenario),
    ],
    *,
    seeds: Annotated[str, typer.Option(metavar="A:B", help="From A up to, not including, B; or one number.")] = "0:100",
    workers: Annotated[int | None, typer.Option(min=1, max=WORKERS_MAX, help="Processes; default: one a core.")] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, say tcp://host:8786, instead of processes.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Where finished seeds are kept; default: the user's state.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget the finished seeds that are kept there.")] = False,
    shrink: Annotated[int, typer.Option(min=0, max=100, help="Failures to shrink, one of a kind.")] = SHRUNK_MAX,
    limit_s: Annotated[float, typer.Option(min=1, help="Wall seconds that one run may take.")] = LIMIT_S,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the summary as data; - is stdout.")
    ] = None,
) -> None:
    """Run many seeds; shrink the first failures to the fewest faults that still fail; say how each is repeated.

    Finished seeds are kept: an interrupted campaign goes on when the same command is given again. Exit status 0 when
    every seed held, 1 when one failed, 2 for what cannot be run, 130 after an interruption.
    """
    if cluster is not None and workers is not None:
        refuse("a campaign has --workers or a --cluster, not both")
    mission = mission_of(None)
    for scenario in scenarios:
        planned(scenario, mission, "", None, None)
    names = [str(Path(name).absolute()) if Path(name).is_file() else name for name in scenarios]
    console = Console(stderr=True, highlight=False)
    finished = True
    try:
        jobs = plan(names, seeds_of(seeds))
        campaign = Campaign(jobs, {name: digest_with(name) for name in names}, shrunk_max=shrink, runs_max=RUNS_MAX)
        with Kept(folder_of(state), clear=clear) as kept:
            for line in kept.lines:
                campaign.remember(line)
            say_known(console, campaign, kept.folder)
            try:
                if not campaign.finished:
                    carry_out(campaign, kept, console, workers, cluster, limit_s)
            except KeyboardInterrupt:
                finished = False
            where = kept.folder
    except (CampaignError, KeptError, PoolError) as error:
        refuse(str(error))
    summary = campaign.summary()
    if json_file is not None:
        write(json_file, json.dumps({"finished": finished, **summary.as_json()}, indent=1) + "\n")
    show(Console(stderr=str(json_file) == "-", highlight=False), summary)
    if not finished:
        console.print(
            f"interrupted; {summary.done} finished seeds are kept in {where}: the same command goes on", soft_wrap=True
        )
        raise typer.Exit(130)
    raise typer.Exit(1 if summary.failures else 0)


def say_known(console: Console, campaign: Campaign, folder: Path) -> None:
    """What is there from before."""
    if campaign.done:
        console.print(f"{campaign.done} of {campaign.jobs} seeds are finished already, in {folder}", soft_wrap=True)
    if campaign.stale:
        console.print(f"{campaign.stale} finished seeds there are of other code or another scenario, and run again")
    if campaign.unread:
        console.print(f"[yellow]{campaign.unread} lines there cannot be read[/]")


def carry_out(
    campaign: Campaign, kept: Kept, console: Console, workers: int | None, cluster: str | None, limit_s: float
) -> None:
    """Run what is left, with progress shown."""
    from hil.rungs.virtual import run_seed  # noqa: PLC0415 - the flight software is loaded only when there is something to play

    with ExitStack() as stack:
        stack.enter_context(interruptible())
        crew: Crew
        if cluster is None:
            crew = stack.enter_context(Processes(workers or min(os.cpu_count() or 1, WORKERS_MAX)))
        else:
            crew = stack.enter_context(Cluster(cluster))
        look = bar(stack, campaign, console) if console.is_terminal else lines(campaign, console)
        Driver(campaign, crew, run_seed, keep=kept.keep, look=look, limit_s=limit_s).run()


def bar(stack: ExitStack, campaign: Campaign, console: Console) -> Look:
    """A progress bar."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    progress = Progress(TextColumn("{task.description}"), *columns, console=console, transient=True)
    task = stack.enter_context(progress).add_task("seeds", total=campaign.jobs)

    def look() -> None:
        failed = f"[red]{campaign.failed} failed[/]" if campaign.failed else "none failed"
        hunted = f", shrinking {campaign.hunting}: run {campaign.hunted_runs}" if campaign.hunting else ""
        progress.update(task, completed=campaign.done, description=f"seeds, {failed}{hunted}")

    return look


def lines(campaign: Campaign, console: Console) -> Look:
    """A line now and then, for a log."""
    told = [-1, False]

    def look() -> None:
        part = campaign.done * PLAIN_LINES // campaign.jobs
        if (part, campaign.hunting > 0) != tuple(told):
            told[:] = [part, campaign.hunting > 0]
            hunted = f", shrinking {campaign.hunting}" if campaign.hunting else ""
            console.print(f"{campaign.done} of {campaign.jobs} seeds, {campaign.failed} failed{hunted}")

    return look


def write(file: Path, text: str) -> None:
    """Hand the summary over; a file that cannot be written is a sentence."""
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as error:
        refuse(f"{file} cannot be written: {error.strerror}")


def show(console: Console, summary: Summary) -> None:
    """The outcome for a person: what failed how often, the first failures, how each is repeated."""
    for failure in summary.failures[:FAILURES_SHOWN]:
        console.print(
            f"[red]failed[/] {failure.job.scenario} seed {failure.job.seed}: {escape(why(failure))}", soft_wrap=True
        )
        for mark in failure.shrunk:
            console.print(f"  {escape(mark)}: {shrunk(failure, mark)}", soft_wrap=True)
            console.print(f"  {escape(failure.command(mark))}", soft_wrap=True)
    if len(summary.failures) > FAILURES_SHOWN:
        console.print(f"… and {len(summary.failures) - FAILURES_SHOWN} more (--json has all)")
    for mark, count in sorted(summary.marks.items(), key=lambda one: (-one[1], one[0])):
        console.print(f"{count:6} times {escape(mark)}", soft_wrap=True)
    speed = f", {summary.simulated_s / summary.wall_s:,.0f} times real time a core" if summary.wall_s else ""
    console.print(f"{summary.simulated_s:,.0f} s simulated in {summary.wall_s:,.1f} s of work{speed}")
    colour = "[red]" if summary.failures else "[green]"
    text = f"{summary.done} of {summary.jobs} seeds, {summary.ok} held, {len(summary.failures)} failed"
    console.print(f"[bold]{colour}{text}")


def why(failure: Failure) -> str:
    """The first thing that was wrong, in its own words."""
    told = [*_texts(failure.result["findings"]), *_texts(failure.result["failed_steps"])]
    error = f"{failure.result.get('error')}: {failure.result.get('text')}"
    return (told[0] if told else error) + (f" (and {len(told) - 1} more)" if len(told) > 1 else "")


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def shrunk(failure: Failure, mark: str) -> str:
    """What shrinking came to, in a sentence."""
    found = failure.shrunk[mark]
    before = len(_texts(failure.result["faults"]))
    if not found.again:
        return "it did not fail again with its own faults: something besides seed and faults decides"
    rest = "" if found.whole else ", perhaps not the fewest: the runs were used up"
    return f"{len(found.schedule)} of {before} faults are enough ({found.runs} runs{rest})"
