"""`kratai perf`: the numbers of `tests/perf/rows_*.py`, each beside its peer and its bound."""

import json
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from tools.cli.tool_runs import ROOT, SubprocessError

FOLDER: Final = ROOT / "tests" / "perf"
KEYS: Final = ("name", "value", "unit", "peer", "ratio", "bound", "holds")
Row = dict[str, object]
Measure = Callable[[bool], list[Row]]


def collect(folder: Path) -> dict[str, Measure]:
    """Every measurement by name; a name stands in one file only."""
    found: dict[str, Measure] = {}
    for path in sorted(folder.glob("rows_*.py")):
        spec = spec_from_file_location(f"kratai_{path.stem}", path)
        assert spec is not None, "a .py file has a loader"
        assert spec.loader is not None, "a .py file has a loader"
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        twice = found.keys() & module.ROWS.keys()
        assert not twice, f"{path.name}: {twice} stands in another file too"
        found |= module.ROWS
    return found


def command(
    names: Annotated[list[str] | None, typer.Argument(help="More names after --only.")] = None,
    *,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME…", help="Only these measurements.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer repetitions: rougher figures.")] = False,
    file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the rows as JSON; - is stdout.")
    ] = None,
) -> None:
    """Measure, ratios side by side in one run; exit 1 when a bound does not hold."""
    measurements = collect(FOLDER)
    chosen = [*(only or ()), *(names or ())] or list(measurements)
    for name in chosen:
        if name not in measurements:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(measurements)}", param_hint="--only")
    to_stdout = file is not None and str(file) == "-"
    console = Console(stderr=True)
    rows: list[Row] = []
    for number, name in enumerate(chosen, 1):
        with console.status(f"{number}/{len(chosen)} {name} …"):
            rows += measured(name, measurements[name], quick)
    if file is not None:
        text = json.dumps([{key: row.get(key) for key in KEYS} for row in rows], indent=1) + "\n"
        write(file, text, to_stdout)
    if not to_stdout:
        show(rows)
    raise typer.Exit(any(row["holds"] is False for row in rows))


def write(file: Path, text: str, to_stdout: bool) -> None:
    """Hand the rows over; a file that cannot be written is a sentence."""
    if to_stdout:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="--json") from error


def measured(name: str, measure: Measure, quick: bool) -> list[Row]:
    """Rows of one measurement; one that breaks is a row that does not hold, and the others are still measured."""
    try:
        return measure(quick)
    except (OSError, AssertionError, RuntimeError, ValueError, LookupError, SubprocessError) as error:
        typer.echo(f"{name}: {type(error).__name__}: {error}", err=True)
        return [{"name": name, "value": None, "unit": "", "peer": None, "ratio": None, "bound": None, "holds": False}]


def show(rows: list[Row]) -> None:
    """The table for people."""
    table = Table(*KEYS)
    for row in rows:
        colour = "[red]" if row["holds"] is False else ""
        table.add_row(*(colour + figure(row.get(key)) for key in KEYS))
    Console().print(table)


def figure(value: object) -> str:
    """A value as a table shows it: four digits that count, a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
