"""`kratai doctor`: what is wrong with this machine and this checkout, and what to do about it."""

import json
import os
import platform
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Column, Table

from tools.cli.tool_runs import BIN, ROOT

OLDEST: Final = (3, 11)
FREE_MIB_MIN: Final = 64
LOCKS: Final = {"run": ("build", "run"), "test": ("test",)}


class Finding(NamedTuple):
    """One thing looked at: `verdict` is ok, note or wrong; `advice` says what to do where it is not ok."""

    name: str
    verdict: str
    words: str
    advice: str = ""


def command(
    port: Annotated[
        list[str] | None, typer.Argument(help="Serial ports to look at; default: all that are found.")
    ] = None,
    *,
    state: Annotated[Path | None, typer.Option(help="State folder to look at; default: the flight process's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Look at Python, locks, CRC, pseudo-terminals, ports and state; exit 1 when something is wrong."""
    findings = [python(), locks(), crc(), terminal(), *port_findings(port), state_folder(state or default_state())]
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=1))
    else:
        table = Table(Column("what", overflow="fold"), "verdict", "found", "what to do")
        for finding in findings:
            colour = {"ok": "[green]", "note": "[yellow]", "wrong": "[red]"}[finding.verdict]
            table.add_row(finding.name, colour + finding.verdict, finding.words, finding.advice)
        Console().print(table)
    raise typer.Exit(any(finding.verdict == "wrong" for finding in findings))


def python() -> Finding:
    """The interpreter: version and assertions."""
    words = f"{platform.python_version()} on {platform.machine()}"
    if sys.version_info < OLDEST:
        return Finding("Python", "wrong", words, "install Python 3.11 or newer")
    if not __debug__:
        return Finding("Python", "wrong", f"{words}, assertions off", "start without -O and PYTHONOPTIMIZE")
    return Finding("Python", "ok", words)


def locks() -> Finding:
    """Whether what is installed is what the locks say; the launcher leaves their text in the environment."""
    states = {}
    for name, files in LOCKS.items():
        text = b"".join((ROOT / "tools" / "locks" / f"{file}.txt").read_bytes() for file in files)
        stamp = BIN.parent / f"kratai-{name}"
        states[name] = (
            "not installed" if not stamp.exists() else "as locked" if stamp.read_bytes().endswith(text) else "other"
        )
    words = ", ".join(f"{name}: {state}" for name, state in states.items())
    if states["run"] != "as locked" or states["test"] == "other":
        return Finding("dependencies", "note", words, "start through tools/kratai, which installs what the locks say")
    return Finding("dependencies", "ok", words)


def crc() -> Finding:
    """Which code computes CRC-16."""
    from fsw.ccsds.crc import BACKEND  # noqa: PLC0415 - it asserts at import; the other findings must not depend on it

    return Finding("CRC-16", "ok", f"by {BACKEND}")


def terminal() -> Finding:
    """Whether the demo's line can be made."""
    from tools.cli.port_facts import pseudo_terminal  # noqa: PLC0415 - POSIX-only

    fault = pseudo_terminal()
    if fault:
        return Finding("pseudo-terminal", "wrong", fault, "mount devpts, or raise the limit on pseudo-terminals")
    return Finding("pseudo-terminal", "ok", "can be made")


def port_findings(paths: list[str] | None) -> list[Finding]:
    """The ports asked for, or all that are found; none is no fault, since the demo needs none."""
    from tools.cli import port_facts  # noqa: PLC0415 - POSIX-only

    looked = [port_facts.look(path) for path in paths or port_facts.ports()]
    bad = "wrong" if paths else "note"
    found = [Finding(facts.path, bad if facts.fault else "ok", facts.fault or "free", facts.advice) for facts in looked]
    return found or [Finding("serial ports", "ok", "none found; the demo makes its own line")]


def default_state() -> Path:
    """The flight process's state folder when nobody says another."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "kratai" / "flight"


def state_folder(folder: Path) -> Finding:
    """Whether a life can be kept there: writable, with room, on a SQLite that has WAL."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    name = f"state {folder}"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding(name, "wrong", f"{there} cannot be written", "give another folder with --state")
    free_mib = shutil.disk_usage(there).free >> 20
    if free_mib < FREE_MIB_MIN:
        return Finding(name, "wrong", f"{free_mib} MiB free", f"make room: at least {FREE_MIB_MIN} MiB")
    present = "there" if folder.exists() else "made at the first start"
    return Finding(name, "ok", f"{present}, {free_mib} MiB free, SQLite {sqlite3.sqlite_version}")
