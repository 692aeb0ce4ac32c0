"""`kratai recover`: telemetry that was lost on the way is fetched from the payload's packet stores."""

import json
import sys
from typing import Annotated, Final, cast

import typer

from tools.cli.joining import Json, MissionFolder, State, folder_of, joined
from tools.cli.main import refuse
from tools.ground.client import Client, ClientError
from tools.ground.protocol import Message
from tools.ground.records import Data
from tools.ground.recovery_work import Ending

DONE, NOT_IN_STORES, REFUSED, NOT_DONE = 0, 1, 2, 3
READ_S: Final = 60.0
"""How long the session may take to read what its archive holds."""
WORDS_A_LINE: Final = 10
"""Words of progress, twice a second at most, for one line where no terminal is."""
_STATUS: Final = {Ending.DONE.value: DONE, Ending.GIVEN_UP.value: NOT_IN_STORES, Ending.REFUSED.value: REFUSED}
_AGAIN: Final = "kratai recover goes on from there"
Told = dict[str, Data]


def command(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--show", help="Only list what is missing; ask nothing.")
    ] = False,
    state: State = None,
    mission: MissionFolder = None,
    json_out: Json = False,
) -> None:
    """Fetch telemetry that was lost on the way from the payload's packet stores.

    What is missing is known by sequence counts, out of the archive too: a session that begins anew, or the next pass,
    goes on. Ctrl-C ends it between two requests; what was asked for last still comes. Exit status 0: nothing is
    missing; 1: the rest is not in the packet stores; 2: refused; 3: not done, such as after a loss of signal: run it
    again. With --dry-run 0 or 3.
    """
    with joined(folder_of(state), mission) as client:
        if dry_run:
            raise typer.Exit(_show(client, json_out))
        raise typer.Exit(_recover(client, json_out))


def _show(client: Client, json_out: bool) -> int:
    try:
        answer = client.wait(client.ask("gaps"), READ_S)
    except ClientError as error:
        refuse(str(error))
    if "error" in answer:
        refuse(str(answer["error"]))
    found = cast("Told", answer["gaps"])
    if json_out:
        typer.echo(json.dumps(found))
    else:
        _say_sums(found)
        gaps = cast("list[Told]", found["gaps"])
        for gap in gaps if len(gaps) > len(cast("list[Told]", found["processes"])) else []:
            note = f"  asked for {found['tries']} times in vain" if gap["given_up"] else ""
            typer.echo(f"  {gap['process']:<12}  {_packets(gap):>16}  {_between(gap)}{note}")
        more = sum(cast("int", each["gaps"]) for each in cast("list[Told]", found["processes"])) - len(gaps)
        if more:
            typer.echo(f"  … and {more} more gaps")
    return NOT_DONE if found["missing"] or found["given_up"] else DONE


def _recover(client: Client, json_out: bool) -> int:
    """Ask for it, and tell how far it is; returns the exit status."""
    said = _Progress(json_out)
    end: Told = {"ending": Ending.STOPPED.value, "missing": None}
    try:
        request = client.ask("recover")
        for message in client.messages(None):
            if message.get("id") != request:
                continue
            if "error" in message:
                refuse(str(message["error"]))
            told = cast("Told", message.get("recovery", {}))
            if "ending" in told:
                end = told
                said.last(told["missing"])
                break
            if told:
                said.take(told)
    except ClientError as error:
        end |= {"text": str(error), "missing": said.missing}
    except KeyboardInterrupt:
        end |= {"text": "by Ctrl-C; what was asked for last still comes", "missing": said.missing}
    said.finish()
    status = _STATUS.get(str(end["ending"]), NOT_DONE)
    if json_out:
        typer.echo(json.dumps({**end, "exit": status}))
        return status
    fetched = f", {end['fetched']} packets came" if end.get("fetched") else ""
    typer.echo(f"{end['ending']}: {end['text']}{fetched}" + (f"; {_AGAIN}" if status == NOT_DONE else ""))
    for row in cast("list[Told]", end.get("processes", [])):
        typer.echo(f"  {row['process']:<12}  {_packets(row):>16}  {_between(row)}")
    return status


class _Progress:
    """Tells a person how many packets are missing still: a line that counts down, or lines where no terminal is."""

    def __init__(self, silent: bool) -> None:
        self._silent = silent
        self._terminal = sys.stdout.isatty()
        self._open = False
        self._words = 0
        self.missing: Data = None

    def take(self, told: Message) -> None:
        """One word of the session."""
        self.missing = told.get("missing", self.missing)
        if self._silent:
            return
        if "begins" in told:
            _say_sums(cast("Told", told["begins"]))
        elif "waits" in told:
            self._line(str(told["waits"]))
        elif "asked" in told:
            asked = cast("Told", told["asked"])
            self._count(f"asked for {_minute(asked['from'])} to {_minute(asked['to'])}", now=True)
        else:
            self._count("", now=False)

    def last(self, missing: Data) -> None:
        """What the line that counts down shows in the end."""
        self.missing = missing
        if self._open:
            self._count("", now=False)

    def finish(self) -> None:
        """The line that counts down is at its end."""
        if self._open:
            typer.echo()
            self._open = False

    def _count(self, what: str, *, now: bool) -> None:
        self._words += 1
        said = f"{self.missing} missing"
        if self._terminal:
            typer.echo(f"\r{said:<24}{what:<60}"[: None if what else 25], nl=False)
            self._open = True
        elif now or self._words >= WORDS_A_LINE:
            self._words = 0
            typer.echo(f"{said}  {what}".rstrip())

    def _line(self, text: str) -> None:
        self.finish()
        typer.echo(text)


def _say_sums(found: Told) -> None:
    """How many packets, of which process, between which times; and what of that is not known."""
    missing, given_up = cast("int", found["missing"]), cast("int", found["given_up"])
    typer.echo(f"{missing + given_up} packets are missing" if missing + given_up else "nothing is missing so far")
    for row in cast("list[Told]", found["processes"]):
        gaps = f"in {row['gaps']} gaps" if row["gaps"] != 1 else "in 1 gap"
        typer.echo(f"  {row['process']:<12}  {_packets(row):>16}  {gaps}, {_between(row)}")
    if given_up:
        typer.echo(f"{given_up} of them were asked for in vain: the packet stores do not have them")
    if found["since"]:
        typer.echo(f"what came before {_minute(found['since'])} was not looked at: the newest {found['looked_at']} are")
    if found["forgotten"]:
        typer.echo(f"{found['forgotten']} gaps more were too many to be kept")


def _packets(row: Told) -> str:
    return f"{'at most ' if row['at_most'] else ''}{row['packets']} packets" if row["packets"] != 1 else "1 packet"


def _between(row: Told) -> str:
    first = _minute(row["from"]) if row["from"] else "the beginning"
    return f"{first} to {_minute(row['to']) if row['to'] else 'a time that is not known yet'}"


def _minute(text: Data) -> str:
    """A time to the second."""
    return f"{str(text)[:19]}Z"
