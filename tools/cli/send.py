"""`kratai send`: one telecommand by name, followed to its last word."""

import json
from typing import Annotated, Final

import typer

from tools.cli import schedule_state
from tools.cli.following import Follower, Sending
from tools.cli.hazardous import Hazardous, hazards_of, needs_somebody
from tools.cli.joining import Json, MissionFolder, State, completing_database, folder_of, joined, mission_of, present
from tools.cli.main import refuse
from tools.ground import nested, request
from tools.ground.client import ClientError
from tools.ground.expiry import LOS

SCHEDULE_INSERT: Final = "schedule.insert"
_PATIENCE_S: Final = 600.0


def complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Command names with their line of text, for a shell."""
    database = completing_database()
    if database is None:
        return []
    entries = sorted(database.tables.commands.values(), key=lambda entry: entry.name)
    return [(entry.name, entry.doc) for entry in entries if entry.name.startswith(incomplete)]


def complete_word(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Arguments, and the values of those that have a list of them, for a shell."""
    database = completing_database()
    return [] if database is None else request.completions(database, str(context.params.get("name", "")), incomplete)


def command(
    name: Annotated[str, typer.Argument(help="Name of the command (kratai commands).", autocompletion=complete_name)],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="key=value …", help="Arguments.", autocompletion=complete_word)
    ] = None,
    *,
    state: State = None,
    mission: MissionFolder = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the last word.")] = _PATIENCE_S,
    source: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Source id of the telecommand; default is the operator's.")
    ] = None,
    at: Annotated[
        str, typer.Option(metavar="T", help="Put it into the payload's schedule: 2026-11-23T10:15:00Z, or +30s.")
    ] = "",
    not_after: Annotated[
        str, typer.Option(metavar="T|los|none", help="Until when the payload may take it; los: the end of the pass.")
    ] = LOS,
    force: Annotated[bool, typer.Option("--force", help="Send although another database flies.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Execute a hazardous command without asking.")] = False,
    json_out: Json = False,
) -> None:
    """Send a command and wait for its last word.

    Exit status 0: completed; 1: rejected or failed; 2: refused before it was sent; 3: no last word in time. With --at
    it completes when the schedule has it, and says before whether the schedule releases anything; what becomes of it
    then, watch and archive tell. A hazardous command is armed, shown and asked for, then executed; 1 without a yes.
    """
    asked = name
    if at:
        name, words = scheduled(name, words or [], at)
    arguments = request.parse_words(words or [])
    if isinstance(arguments, request.Refusal):
        refuse(arguments.sentence)
    folder = folder_of(state)
    client = present(folder)
    if client is None:  # a wrong word must not start a session first
        wrong = nested.check(mission_of(mission).database, name, arguments)
        if wrong is not None:
            refuse(wrong.sentence)
        client = joined(folder, mission)
    with client:
        sending = Sending(source, force, timeout, not_after)
        hazards = hazards_of(client)
        rule = hazards.get(name)
        if at and asked in hazards:
            refuse(f"{asked} is hazardous: nothing that is stored on board may execute it")
        if rule is not None:
            needs_somebody(yes, json_out)
        try:
            if rule is not None:
                hazardous = Hazardous(name, words or [], json_out, sending)
                status = hazardous.run(client, rule, yes)
                result = hazardous.result(status)
            else:
                follower = Follower(name, arguments, json_out)
                if at:
                    follower.schedule(schedule_state.asked(client, force))
                status, result = follower.run(client, *sending), follower.result
        except ClientError as error:
            refuse(str(error))
    if json_out:
        typer.echo(json.dumps(result))
    raise typer.Exit(status)


def scheduled(name: str, words: list[str], at: str) -> tuple[str, list[str]]:
    """The words that put a telecommand into sub-schedule 0: it is skipped when its time passes with the power off."""
    return SCHEDULE_INSERT, ["subschedule=0", f"activities={at}:{name}({','.join(words)})"]
