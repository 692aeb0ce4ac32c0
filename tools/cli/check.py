"""`kratai check`: format, lint, types, floors, and what instrument files may import."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from tools.cli.tool_runs import BIN, ROOT, Outcome, run

PROGRAMS: Final[dict[str, tuple[str | Path, ...]]] = {
    "types": (sys.executable, "-m", "mypy", "--no-error-summary"),
    "format": (sys.executable, "-m", "ruff", "format", "--check", "."),
    "lint": (sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise", "."),
    "floors": (BIN / "lint-imports", "--no-logo", "--no-cache"),
}


def instruments() -> Outcome:
    """Hold each built-in mission's instrument files to their imports, as the loader does at start."""
    from fsw.mdb.mission import MissionError, check_imports  # noqa: PLC0415 - the construct library behind it is slow

    faults = []
    for source in sorted((ROOT / "fsw" / "missions").glob("*/instruments/*.py")):
        try:
            check_imports(source)
        except MissionError as error:
            faults.append(str(error))
    return Outcome(bool(faults), 0.0, "\n".join(faults))


def command(*, as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False) -> None:
    """Check format, lint, types, the floors and what instrument files import; exit 1 when something does not hold."""
    console = Console(stderr=True)
    with console.status("format, lint, types, floors …"), ThreadPoolExecutor(2) as pool:
        started = {name: pool.submit(run, arguments) for name, arguments in PROGRAMS.items()}
        outcomes = {name: future.result() for name, future in started.items()} | {"instruments": instruments()}
    if as_json:
        rows = [
            {"name": name, "holds": status == 0, "seconds": round(seconds, 2), "output": output.splitlines()}
            for name, (status, seconds, output) in outcomes.items()
        ]
        typer.echo(json.dumps(rows, indent=1))
    else:
        show(outcomes)
    raise typer.Exit(any(outcome.status for outcome in outcomes.values()))


def show(outcomes: dict[str, Outcome]) -> None:
    """What failed, in its own words, and the table last, where the eye is."""
    table = Table("check", "verdict", "seconds")
    for name, (status, seconds, output) in outcomes.items():
        if status:
            typer.echo(f"-- {name}\n{output.rstrip()}")
        table.add_row(name, "[red]fails" if status else "[green]holds", f"{seconds:.1f}")
    Console().print(table)
