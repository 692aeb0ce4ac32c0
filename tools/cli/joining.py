"""What the operator's commands share: state directory, mission, and how a ground session is joined or started."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from fsw.mdb.database import Database
from fsw.mdb.mission import Mission, MissionError, load
from tools.cli.main import refuse
from tools.ground import state
from tools.ground.client import Client, ClientError, join, join_or_start

State = Annotated[
    Path | None, typer.Option(help="State directory of the ground session; default under the user's state directory.")
]
MissionFolder = Annotated[Path | None, typer.Option("--mission", help="Mission folder; default is the built-in one.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON.")]


def folder_of(folder: Path | None) -> Path:
    """The state directory asked for, or the default one."""
    return (folder or state.default_folder()).expanduser().absolute()


def mission_of(folder: Path | None) -> Mission:
    """The mission asked for, or the built-in one; one sentence and exit status 2 where it cannot be read."""
    try:
        return load(folder)
    except MissionError as error:
        refuse(str(error))


def start_command(folder: Path, mission: Path | None) -> list[str]:
    """The command line that becomes a ground session of this directory on the default ports."""
    command = [sys.executable, "-P", "-m", "tools.cli", "ground", "--state", str(folder)]
    return command if mission is None else [*command, "--mission", str(mission.absolute())]


def joined(folder: Path, mission: Path | None) -> Client:
    """The session of this directory, started if there is none; one sentence and exit status 2 where that fails."""
    try:
        return join_or_start(folder, start_command(folder, mission))
    except (ClientError, state.StateError) as error:
        refuse(str(error))


def present(folder: Path) -> Client | None:
    """The session of this directory if one runs; one sentence and exit status 2 where it lets us not in."""
    try:
        return join(folder)
    except ClientError as error:
        refuse(str(error))


def completing_database() -> Database | None:
    """The database for a shell's completion: that of `--mission` on the line being completed, or the built-in one."""
    words = _words()
    named = words[words.index("--mission") + 1] if "--mission" in words[:-1] else None
    try:
        return load(named).database
    except MissionError:
        return None


def _words() -> list[str]:
    import os  # noqa: PLC0415 - only a completing shell needs it

    return os.environ.get("COMP_WORDS", "").split()
