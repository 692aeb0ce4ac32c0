"""`kratai keys`: the keys of a protected link, made, looked at, brought in, rotated; and never shown."""

import json
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, Final

import typer

from fsw.ccsds.sdls import SPI_TM
from fsw.kernel.key import RECOVERY_SLOT, slot_of, spi_of
from tools.cli.joining import Json, MissionFolder, State, folder_of, joined
from tools.cli.main import refuse
from tools.ground.client import Client, ClientError
from tools.ground.key_folder import FOLDER, PARTS, RECOVERY, KeyFolderError, Seen, folders, install, look, new_boards
from tools.ground.key_rotation import Ending
from tools.ground.records import Data

NOT_DONE: Final = 3
_HEAD: Final = f"{'key':<6}  {'SPI':<6}  {'slot':<12}  {'channel':<8}  check"


@unique
class What(StrEnum):
    """What to do with the keys."""

    NEW = "new"
    SHOW = "show"
    INSTALL = "install"
    ROTATE = "rotate"


def command(
    what: Annotated[What, typer.Argument(help="new, show, install or rotate.")],
    words: Annotated[
        list[str] | None, typer.Argument(help="new: boards' names. show: a folder. install: where keys come from.")
    ] = None,
    *,
    into: Annotated[Path | None, typer.Option("--into", metavar="DIR", help="new: where boards' folders go.")] = None,
    boards: Annotated[
        int, typer.Option(min=0, max=999, help="new: so many boards, named board-01 and so on, besides those named.")
    ] = 0,
    spi: Annotated[
        list[str] | None, typer.Option("--spi", metavar="SPI", help="rotate: 0010, 0011, 0020, 0021, 0023; else all.")
    ] = None,
    recovery: Annotated[bool, typer.Option("--recovery", help="rotate: to the recovery keys, after a loss.")] = False,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="rotate: erase no old key.")] = False,
    state: State = None,
    mission: MissionFolder = None,
    json_out: Json = False,
) -> None:
    """Make, show, bring in or rotate the keys of a protected link. A key is never printed: a check value stands for it.

    `new` makes 20 keys a board: DIR/BOARD/board for the board's state folder, DIR/BOARD/ground for the ground's,
    DIR/BOARD/recovery for a safe. `install FROM --state STATE` brings keys into a state folder and overwrites none.
    `rotate` has the ground session put the next keys to work, step by step, and retire and erase the old ones; run
    again, it goes on where it was interrupted. Ctrl-C stops it between two steps. Exit status 2: refused, and nothing
    was changed; 3: a rotation is not done.
    """
    given = words or []
    try:
        match what:
            case What.NEW:
                _new(given, into, boards, json_out)
            case What.SHOW:
                _show(_one(given, "show takes one folder"), json_out)
            case What.INSTALL:
                _install(_one(given, "install takes one folder to bring keys from"), folder_of(state), json_out)
            case What.ROTATE:
                if given:
                    refuse("keys: rotate takes options only")
                with joined(folder_of(state), mission) as client:
                    raise typer.Exit(_rotate(client, spi or [], recovery, keep_old, json_out))
    except (KeyFolderError, ClientError) as error:
        refuse(str(error))


def _one(words: list[str], sentence: str) -> Path:
    if len(words) != 1:
        refuse(f"keys: {sentence}")
    return Path(words[0]).expanduser().absolute()


def _new(named: list[str], into: Path | None, boards: int, json_out: bool) -> None:
    if into is None:
        refuse("keys: new takes --into DIR, where the boards' folders go")
    names = [*named, *(f"board-{number:02d}" for number in range(1, boards + 1))]
    if not names:
        refuse("keys: new takes names of boards, or --boards N")
    made = new_boards(into.expanduser().absolute(), names)
    if json_out:
        typer.echo(json.dumps([{"name": one.name, **{part: str(one / part) for part in PARTS}} for one in made]))
        return
    for one in made:
        counts = ", ".join(f"{part} {len(ids)}" for part, ids in PARTS.items())
        typer.echo(f"{one.name:<16}  {counts}  {one}")
    typer.echo(f"{len(made)} board{'s' if len(made) > 1 else ''}, no key twice. Next, for each:")
    typer.echo(
        "  kratai keys install DIR/BOARD/board --state STATE on the board, DIR/BOARD/ground likewise on the ground;"
    )
    typer.echo(f"  DIR/BOARD/{RECOVERY} into a safe, and this folder away from the network.")


def _row(seen: Seen) -> dict[str, object]:
    spi, slot = spi_of(seen.key), slot_of(seen.key)
    way = "TM" if spi >= SPI_TM else "TC"
    return {
        "key": f"{seen.key:04x}", "spi": f"{spi:04x}", "slot": slot, "recovery": slot == RECOVERY_SLOT,
        "channel": f"{way} VC {spi % 0x10}", "check": seen.check, "wrong": seen.wrong,
    }  # fmt: skip


def _show(under: Path, json_out: bool) -> None:
    found = [(place, [_row(seen) for seen in look(place)]) for place in folders(under)]
    if not found:
        refuse(f"{under} has no keys: no folder {FOLDER} at or under it")
    if json_out:
        typer.echo(json.dumps([{"folder": str(place), "keys": rows} for place, rows in found]))
    else:
        for place, rows in found:
            typer.echo(f"{place}\n  {_HEAD}")
            for row in rows:
                slot = f"{row['slot']}{' recovery' if row['recovery'] else ''}"
                said = f"{row['key']:<6}  {row['spi']:<6}  {slot:<12}  {row['channel']:<8}  {row['check']}"
                typer.echo(f"  {said}".rstrip() + (f"  WRONG: {row['wrong']}" if row["wrong"] else ""))
    raise typer.Exit(1 if any(row["wrong"] for _, rows in found for row in rows) else 0)


def _install(source: Path, state: Path, json_out: bool) -> None:
    fresh, there = install(source, state)
    if json_out:
        said = {"state": str(state), "new": [f"{key:04x}" for key in fresh], "there": [f"{key:04x}" for key in there]}
        typer.echo(json.dumps(said))
    else:
        typer.echo(f"{state}: {len(fresh)} keys brought in, {len(there)} were there")


def _rotate(client: Client, named: list[str], recovery: bool, keep_old: bool, json_out: bool) -> int:
    """Ask for it, and tell each step; returns the exit status."""
    wish: dict[str, Data] = {"recovery": recovery, "keep_old": keep_old}
    try:
        if named:
            wish["spis"] = [int(word, 16) for word in named]
    except ValueError:
        refuse("keys: --spi takes an SPI in hex, as in 0010")
    request = client.ask("rotate", **wish)
    answer = client.wait(request)
    if "error" in answer:
        refuse(str(answer["error"]))
    steps: list[Data] = []
    end: dict[str, Data] = {}
    try:
        for message in client.messages(None):
            told = message.get("rotation")
            if message.get("id") != request or not isinstance(told, dict):
                continue
            if "ending" in told:
                end = told
                break
            steps.append(told)
            if not json_out:
                typer.echo(f"{told['key']}  {told['text']}")
    except ClientError as error:
        end = {"key": None, "ending": Ending.STOPPED.value, "text": f"{error}; kratai keys rotate goes on from there"}
    typer.echo(json.dumps({**end, "steps": steps}) if json_out else f"{end['ending']}: {end['text']}")
    return 0 if end["ending"] == Ending.DONE.value else NOT_DONE
