"""`kratai export`: parameters by time out of a session's archive, as CSV or JSON."""

import csv
import json
import sys
from collections.abc import Iterator
from enum import StrEnum, unique
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, TextIO, cast

import typer

from tools.cli.joining import Json, MissionFolder, State, completing_database, folder_of, joined
from tools.cli.main import refuse
from tools.ground.client import Client, ClientError
from tools.ground.records import Data
from tools.ground.samples import Sample
from tools.ground.times import utc_from_text


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
    mission: MissionFolder = None,
    since: Annotated[str | None, typer.Option(help="From this UTC time on, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to, not including, this UTC time.")] = None,
    form: Annotated[Format, typer.Option("--format", help="csv or json.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option(help="File to write; default is standard output.")] = None,
    json_out: Json = False,
) -> None:
    """Export parameters by time: UTC, ISO 8601 with Z; `time` is the payload's own, empty while its clock was unset.

    The session of the state directory reads its archive and hands it out; what comes in meanwhile is left out.
    """
    try:
        since_us = None if since is None else utc_from_text(since)
        until_us = None if until is None else utc_from_text(until)
    except ValueError as error:  # before a session is started for nothing
        refuse(str(error))
    write = _write_json if json_out or form is Format.JSON else _write_csv
    with joined(folder_of(state), mission) as client:
        try:
            samples = _samples(client, names or [], since_us, until_us)
            rows = chain([*islice(samples, 1)], samples)  # where the session refuses, no file is touched
            if output is None:
                write(rows, sys.stdout)
            else:
                with output.open("w", encoding="utf-8", newline="") as file:
                    write(rows, file)
        except ClientError as error:
            refuse(str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            refuse(f"{output} cannot be written: {error.strerror}")


def _samples(client: Client, names: list[str], since_us: int | None, until_us: int | None) -> Iterator[Sample]:
    """What the session hands out, page after page."""
    wanted: list[Data] = list(names)
    after: Data = None
    while True:
        answer = client.wait(
            client.ask("samples", names=wanted, since_us=since_us, until_us=until_us, after=after)
        )  # fmt: skip
        if "samples" not in answer:
            refuse(str(answer.get("error", "the ground session answers something else than samples")))
        for row in cast("list[list[Data]]", answer["samples"]):
            yield Sample._make(row)
        after = answer.get("after")
        if after is None:
            return


def _write_csv(rows: Iterator[Sample], to: TextIO) -> None:
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(Sample._fields)
    writer.writerows(rows)


def _write_json(rows: Iterator[Sample], to: TextIO) -> None:
    to.write("[")
    comma = "\n"
    for row in rows:
        to.write(comma + json.dumps(row._asdict()))
        comma = ",\n"
    to.write("\n]\n")
