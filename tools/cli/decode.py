"""`kratai decode`: which rule do these octets break?"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from fsw.config import SCID
from tools.cli.joining import Json, MissionFolder, mission_of
from tools.cli.main import refuse
from tools.decode.detect import INPUT_OCTETS_MAX, Form, detect, walk_all
from tools.decode.walk import Walk


def command(
    given: Annotated[
        list[str], typer.Argument(metavar="HEX…|FILE", help="Octets in hex, or a file of octets or hex; - reads stdin.")
    ],
    *,
    form: Annotated[Form | None, typer.Option("--as", help="What it is; without this it is guessed.")] = None,
    scid: Annotated[int, typer.Option(min=0, max=1023, help="Spacecraft id.")] = SCID,
    mission: MissionFolder = None,
    json_out: Json = False,
) -> None:
    """Walk octets down the layers and name the first rule that is broken.

    Exit status 0: every rule holds; 1: one is broken; 2: the input cannot be read.
    """
    octets = _read(given)
    if not octets:
        refuse("there are no octets in this input")
    taken = form or detect(octets, scid)
    walks = walk_all(octets, taken, mission_of(mission).database, scid)
    broken = next((walk for walk in walks if walk.first_broken is not None), None)
    if json_out:
        first = None if broken is None else broken.as_json()["broken"]
        said = {"as": taken.value, "octets": len(octets), "ok": broken is None, "broken": first}
        typer.echo(json.dumps({**said, "units": [walk.as_json() for walk in walks]}))
    else:
        _print(taken, form is None, len(octets), walks, broken)
    raise typer.Exit(0 if broken is None else 1)


def _read(given: list[str]) -> bytes:
    """The octets of a file, of standard input, or of the words themselves."""
    if given == ["-"]:
        return _from_file(sys.stdin.buffer.read(INPUT_OCTETS_MAX + 1))
    path = Path(given[0])
    try:
        if len(given) == 1 and path.is_file():
            with path.open("rb") as file:
                return _from_file(file.read(INPUT_OCTETS_MAX + 1))
    except OSError as error:
        refuse(f"{path} cannot be read: {error.strerror}")
    text = _hex("".join(given))
    if text is None:
        refuse(f"'{given[0][:40]}' is neither a file nor octets in hex")
    return text


def _from_file(content: bytes) -> bytes:
    """A file's octets: hex text where it is nothing but that, else as they are."""
    if len(content) > INPUT_OCTETS_MAX:
        refuse(f"more than {INPUT_OCTETS_MAX // 1_048_576} MiB are not decoded at once")
    try:
        text = _hex(content.decode("ascii"))
    except UnicodeDecodeError:
        return content
    return content if text is None else text


def _hex(text: str) -> bytes | None:
    cleaned = text.replace("0x", "").replace("0X", "").replace(":", "").replace(",", "").replace("-", "")
    try:
        return bytes.fromhex("".join(cleaned.split()))
    except ValueError:
        return None


def _print(form: Form, guessed: bool, octets: int, walks: list[Walk], broken: Walk | None) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{octets} octets, {'taken as' if guessed else 'as'} {form.value}{' (--as says otherwise)' * guessed}"
    )
    for walk in walks:
        if len(walks) > 1:
            console.print(f"at octet {walk.offset}:", style="dim")
        for step in walk.steps:
            line = Text("  ok  " if step.ok else "  BROKEN  ", "green" if step.ok else "bold red")
            line.append(f"{step.layer}: {step.rule}: " if not step.ok else f"{step.layer}: ", "bold")
            line.append(step.text)
            console.print(line)
    first = None if broken is None else broken.first_broken
    if first is None:
        console.print("every rule holds", style="green")
    else:
        console.print(Text(f"first broken rule: {first.layer}, {first.rule}: {first.text}", "bold red"))
