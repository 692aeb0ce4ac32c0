"""`kratai export`: parameters by time out of a session's archive, as CSV or JSON."""

import csv
import json
import sys
from collections.abc import Iterator
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, TextIO

import typer

from tools.cli.joining import Json, State, completing_database, folder_of, present
from tools.cli.main import refuse
from tools.ground.archive import ArchiveError, Sample, samples
from tools.ground.client import ClientError
from tools.ground.times import utc_from_text


@unique
@unique
class Format(StrEnum):
    """What is written."""

    CSV = "csv"
    JSON = "json"


def complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Parameter names, for a shell."""
    database = completing_database()
    if database is None:
        return []
    return [(each.name, each.doc) for each in database.parameters.values() if each.name.startswith(incomplete)]


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Parameters; * stands for anything. Without names, all.", autocompletion=complete_name),
    ] = None,
    *,
    state: State = None,
    since: Annotated[str | None, typer.Option(help="From this UTC time on, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to, not including, this UTC time.")] = None,
    form: Annotated[Format, typer.Option("--format", help="csv or json.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option(help="File to write; default is standard output.")] = None,
    json_out: Json = False,
) -> None:
    """Export parameters by time: UTC, ISO 8601 with Z; `time` is the payload's own, empty while its clock was unset.

    Reads the archive of the state directory; a session that runs there puts what it has on the disk first.
    """
    folder = folder_of(state)
    try:
        since_us = None if since is None else utc_from_text(since)
        until_us = None if until is None else utc_from_text(until)
    except ValueError as error:
        refuse(str(error))
    _flush(folder)
    rows = samples(folder, tuple(names or ()), since_us, until_us)
    write = _write_json if json_out or form is Format.JSON else _write_csv
    try:
        if output is None:
            write(rows, sys.stdout)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                write(rows, file)
    except ArchiveError as error:
        refuse(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        refuse(f"{output} cannot be written: {error.strerror}")


def _flush(folder: Path) -> None:
    client = present(folder)
    if client is not None:
        try:
            with client:
                client.wait(client.ask("flush"))
        except ClientError as error:
            refuse(str(error))


def _write_csv(rows: Iterator[Sample], to: TextIO) -> None:
    first = next(rows, None)  # before the heading: where there is no archive, nothing is written
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(Sample._fields)
    while first is not None:
        writer.writerow(first)
        first = next(rows, None)


def _write_json(rows: Iterator[Sample], to: TextIO) -> None:
    first = next(rows, None)
    to.write("[")
    comma = "\n"
    while first is not None:
        to.write(comma + json.dumps(first._asdict()))
        comma = ",\n"
        first = next(rows, None)
    to.write("\n]\n")
