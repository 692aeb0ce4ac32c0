"""`kratai commands`: what can be sent, with arguments, ranges and hazard, from the mission database."""

import json
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

from fsw.mdb import words
from fsw.mdb.assembly import CommandEntry
from fsw.mdb.fields import REQUIRED, fields_of
from fsw.mdb.standard_services import VALUE_LISTS
from tools.cli.joining import Json, MissionFolder, mission_of
from tools.cli.main import refuse
from tools.ground import request
from tools.ground.records import Data


def command(
    name: Annotated[str | None, typer.Argument(help="One command, or the beginning of a name.")] = None,
    *,
    mission: MissionFolder = None,
    json_out: Json = False,
) -> None:
    """List the commands of the mission database."""
    database = mission_of(mission).database
    entries = sorted(database.tables.commands.values(), key=lambda entry: entry.name)
    if name is not None:
        entries = [entry for entry in entries if entry.name == name] or [
            entry for entry in entries if entry.name.startswith(name)
        ]
        if not entries:
            refuse(f"there is no command '{name}'{request.nearest(name, database.command_names())}")
    if json_out:
        wanted = {entry.name for entry in entries}
        said = cast("list[dict[str, Data]]", database.dictionary()["commands"])
        typer.echo(json.dumps([each for each in said if each["name"] in wanted], indent=1))
    else:
        _print(entries, database.digest().hex()[:16])


def _print(entries: list[CommandEntry], digest: str) -> None:
    table = Table("command", "arguments", "what it does", "hazard", box=None, pad_edge=False)
    for entry in entries:
        table.add_row(entry.name, arguments_text(entry), entry.doc, entry.hazard.name.lower())
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\n{len(entries)} commands of database {digest}. Send one: kratai send NAME key=value …")


def arguments_text(entry: CommandEntry) -> str:
    """One line an argument: its name, what it takes, its default."""
    if entry.body in VALUE_LISTS:
        return "NAME=value: a writable parameter (kratai telemetry), or several"
    lines = []
    for name, field in fields_of(entry.body).items():
        default = "" if field.default is REQUIRED else f" [{field.default!r}]"
        lines.append(f"{name}=  {words.allowed(field)}{default}")
    return "\n".join(lines)
