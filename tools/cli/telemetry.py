"""`kratai telemetry`: what comes down, from the mission database: parameters, structures, reports, events."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fsw.mdb.database import Database
from fsw.mdb.fields import fields_of
from fsw.mdb.model import Parameter
from tools.cli.joining import Json, MissionFolder, mission_of
from tools.cli.main import refuse


def command(
    name: Annotated[str | None, typer.Argument(help="One name, or the beginning of one.")] = None,
    *,
    mission: MissionFolder = None,
    json_out: Json = False,
) -> None:
    """List the parameters, structures, reports and events of the mission database."""
    database = mission_of(mission).database
    if json_out:
        dictionary = database.dictionary()
        kinds = ("parameters", "structures", "reports", "events", "plain")
        typer.echo(json.dumps({kind: _chosen(dictionary[kind], name or "") for kind in kinds}, indent=1))
        return
    console = Console(highlight=False)
    tables = (_parameters(database, name or ""), _structures(database, name or ""), _reports(database, name or ""))
    if not any(table.row_count for table in tables):
        refuse(f"nothing is called '{name}'")
    for table in tables:
        if table.row_count:
            console.print(table)
            console.print()


def _chosen(listed: object, beginning: str) -> list[object]:
    assert isinstance(listed, list)
    return [each for each in listed if str(each["name"]).startswith(beginning)]


def _parameters(database: Database, beginning: str) -> Table:
    table = Table("parameter", "id", "type", "unit", "limits (raw)", "notes", box=None, pad_edge=False)
    for each in database.parameters.values():
        if each.name.startswith(beginning):
            table.add_row(
                each.name, f"{each.pid}", each.value_type.name, each.unit, _limits(each), _notes(each)
            )  # fmt: skip
    return table


def _limits(parameter: Parameter) -> str:
    low, high = parameter.limit_low, parameter.limit_high
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} .. {'' if high is None else f'{high:g}'}"


def _notes(parameter: Parameter) -> str:
    notes = [parameter.doc] if parameter.doc else []
    if parameter.enum is not None:
        notes.append(", ".join(f"{int(member)} {label}" for label, member in parameter.enum.__members__.items()))
    if parameter.writable:
        notes.append("writable")
    if parameter.absent is not None:
        notes.append("may be absent")
    return "; ".join(notes)


def _structures(database: Database, beginning: str) -> Table:
    table = Table("structure", "id", "every", "parameters", box=None, pad_edge=False)
    for each in database.structures.values():
        if each.name.startswith(beginning):
            parameters = ", ".join(parameter.name for parameter in each.parameters)
            table.add_row(each.name, f"{each.sid}", f"{each.interval / 10:g} s", parameters)
    return table


def _reports(database: Database, beginning: str) -> Table:
    table = Table("report or event", "from", "what it says", "fields", box=None, pad_edge=False)
    tables = database.tables
    for report in tables.reports.values():
        if report.name.startswith(beginning):
            where = f"{report.apid:#05x} ({report.service},{report.subtype})"
            table.add_row(report.name, where, report.doc, ", ".join(fields_of(report.body)))
    for event in tables.events.values():
        if event.name.startswith(beginning):
            where = f"{event.apid:#05x} event {event.number} {event.severity.name.lower()}"
            table.add_row(event.name, where, event.doc, ", ".join(fields_of(event.body)))
    for plain in tables.plain.values():
        if plain.name.startswith(beginning):
            table.add_row(plain.name, f"{plain.apid:#05x}", plain.doc, ", ".join(fields_of(plain.body)))
    return table
