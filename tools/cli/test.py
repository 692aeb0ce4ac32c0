"""`kratai test`: the suite in three passes, tables and codecs, what else computes, then what starts processes."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Final
from xml.etree import ElementTree

import typer

from tools.cli.tool_runs import run_live

PYTEST: Final = (sys.executable, "-m", "pytest", "-q")
TIMEOUT_S: Final = 120
NOTHING_COLLECTED: Final = 5
WORKERS_MAX: Final = 8
LINES_TOLD_RIGHTLY: Final = (
    3,
    11,
    7,
)  # 3.11.2 was seen to give some jumps a wrong line: there coverage is shown, not held
HELD: Final = () if sys.version_info >= LINES_TOLD_RIGHTLY else ("--cov-fail-under=0",)
COVERED: Final = ("ccsds", "pus", "kernel", "mdb", "services", "system", "tasks")
"""Rooms of tests that hold tables and codecs to full branch coverage, which costs time."""
COVERAGE: Final = ("--cov", "--cov-report=term:skip-covered", *HELD)


def command(
    paths: Annotated[list[str] | None, typer.Argument(help="Files or folders of tests; default: all.")] = None,
    *,
    keyword: Annotated[str | None, typer.Option("-k", help="Only tests whose names match.")] = None,
    soak: Annotated[bool, typer.Option("--soak", help="The long ones too, with many more examples.")] = False,
    cover: Annotated[
        bool, typer.Option(help="Hold protocols, PUS, kernel and database to full branch coverage.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Counts as JSON; the tests' own words go to stderr.")] = False,
) -> None:
    """Run the test suite; with --soak the long tests too."""
    chosen = [*(paths or ()), *(("-k", keyword) if keyword else ()), *(("--soak",) if soak else ())]
    whole = not paths and not keyword
    workers = str(min(os.cpu_count() or 1, WORKERS_MAX))
    timeout = () if soak else (f"--timeout={TIMEOUT_S}",)
    parallel = ("-n", workers, "--dist", "worksteal", "-m", "not process")
    passes = {
        "computing": (*parallel, *(f"--ignore=tests/{room}" for room in COVERED if whole)),
        "processes": ("-n", str(2 * int(workers)), "--dist", "worksteal", "-m", "process"),
    }
    if whole:
        covering = COVERAGE if cover else ()
        passes = {"tables": (*parallel, *covering, *(f"tests/{room}" for room in COVERED)), **passes}
    results = {}
    for name, options in passes.items():
        results[name] = one_pass([*PYTEST, *timeout, *options, *chosen], on_stderr=as_json)
    failed = any(result["status"] not in (0, NOTHING_COLLECTED) for result in results.values())
    empty = all(result["status"] == NOTHING_COLLECTED for result in results.values())
    if as_json:
        typer.echo(json.dumps({"passed": not failed and not empty, "passes": results}, indent=1))
    raise typer.Exit(1 if failed or empty else 0)


def one_pass(arguments: list[str], *, on_stderr: bool) -> dict[str, float]:
    """Run one pass; its exit status and the counts of its JUnit report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        status = run_live([*arguments, f"--junitxml={report}"], on_stderr=on_stderr)
        result: dict[str, float] = {"status": status}
        suite = ElementTree.parse(report).find("testsuite") if report.exists() else None  # noqa: S314 - pytest wrote it
        if suite is not None:
            result |= {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
            result["seconds"] = float(suite.get("time", "0"))
    return result
