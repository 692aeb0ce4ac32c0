"""`kratai send`: one telecommand by name, followed to its last word."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Final, cast

import typer
from rich.console import Console

from tools.cli.joining import Json, MissionFolder, State, completing_database, folder_of, joined, mission_of, present
from tools.cli.main import refuse
from tools.ground import nested, request
from tools.ground.client import Client, ClientError
from tools.ground.expiry import LOS
from tools.ground.protocol import Message
from tools.ground.records import Data
from tools.ground.request import Why

SCHEDULE_INSERT: Final = "schedule.insert"
COMPLETED, FAILED, USAGE, NO_WORD = 0, 1, 2, 3
_STATUS: Final = {"completed": COMPLETED, "rejected": FAILED, "failed": FAILED}
_STYLE: Final = {COMPLETED: "green", FAILED: "red", NO_WORD: "yellow"}
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
    source: Annotated[int, typer.Option(min=0, max=65_535, help="Source id of the telecommand.")] = 1,
    at: Annotated[
        str, typer.Option(metavar="T", help="Put it into the payload's schedule: 2026-11-23T10:15:00Z, or +30s.")
    ] = "",
    not_after: Annotated[
        str, typer.Option(metavar="T|los|none", help="Until when the payload may take it; los: the end of the pass.")
    ] = LOS,
    force: Annotated[bool, typer.Option("--force", help="Send although another database flies.")] = False,
    json_out: Json = False,
) -> None:
    """Send a command and wait for its last word.

    Exit status 0: completed; 1: rejected or failed; 2: refused before it was sent; 3: no last word in time. With --at
    it completes when the schedule has it; what becomes of it then, watch and archive tell.
    """
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
        follower = _Follower(name, arguments, json_out)
        try:
            status = follower.run(client, source, force, timeout, not_after)
        except ClientError as error:
            refuse(str(error))
    raise typer.Exit(status)


def scheduled(name: str, words: list[str], at: str) -> tuple[str, list[str]]:
    """The words that put a telecommand into sub-schedule 0: it is skipped when its time passes with the power off."""
    return SCHEDULE_INSERT, ["subschedule=0", f"activities={at}:{name}({','.join(words)})"]


class _Follower:
    """Follows one request and says each stage as it comes."""

    def __init__(self, name: str, arguments: Mapping[str, str], as_json: bool) -> None:
        self._name = name
        self._arguments = dict(arguments)
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._stages: list[Data] = []
        self._reports: list[Data] = []
        self._ticket: dict[str, Data] = {}

    def run(self, client: Client, source: int, force: bool, timeout: float, not_after: str) -> int:
        """Send, follow, and return the exit status."""
        watch = client.ask("watch")
        sent = client.ask(
            "send", name=self._name, arguments=dict(self._arguments), source_id=source, force=force, not_after=not_after
        )  # fmt: skip
        for message in client.messages(timeout):
            if message.get("id") == watch and "record" in message:
                self._record(cast("dict[str, Data]", message["record"]))
            elif message.get("id") == sent:
                status = self._answer(message)
                if status is not None:
                    return status
        if self._stages:
            return self._end("no word in time", NO_WORD, f"no last word within {timeout:g} s")
        return self._end("not sent", NO_WORD, f"the link was not ready within {timeout:g} s; withdrawn")

    def _answer(self, message: Message) -> int | None:
        if "error" in message:
            refuse(str(message["error"]))
        if "refused" in message:
            refused = cast("dict[str, Data]", message["refused"])
            if refused.get("why") == Why.USAGE.value:
                refuse(str(refused["sentence"]))
            return self._end("refused", FAILED, str(refused["sentence"]))
        if "ticket" in message:
            self._ticket = cast("dict[str, Data]", message["ticket"])
            self._line("queued", f"request {self._ticket['request_id']}, link {self._ticket['link']}")
            if self._ticket.get("expiry"):
                self._line("expiry", str(self._ticket["expiry"]))
            return None
        stage = cast("dict[str, Data]", message["stage"])
        stage["after_s"] = round(time.monotonic() - self._began, 3)
        self._stages.append(stage)
        if not stage["final"]:
            step = "" if stage["step"] is None else f"step {stage['step']}"
            self._line(str(stage["stage"]), step)
            return None
        state = str(stage["state"])
        where = f"at {stage['failed_at']}: " if stage["failed_at"] else ""
        return self._end(state, _STATUS.get(state, NO_WORD), where + str(stage["text"]))

    def _record(self, record: dict[str, Data]) -> None:
        """Reports that come back while the request is under way, such as a value that was asked for."""
        mine = record.get("kind") == "packet" and record.get("service") == self._ticket.get("service", -1)
        if mine and self._ticket and record.get("apid") == self._ticket["apid"] and not record.get("fault"):
            values = cast("dict[str, Data]", record["values"])
            self._reports.append({"name": record["name"], "time": record["time"], "values": values})
            said = "  ".join(f"{name}={value}" for name, value in values.items())
            self._line("report", f"{record['name']}  {said}".rstrip())

    def _line(self, stage: str, text: str, style: str = "") -> None:
        if not self._as_json:
            after = time.monotonic() - self._began
            self._console.print(f"{after:8.3f} s  [{style or 'default'}]{stage:<22}[/]", end="")
            self._console.print(text, markup=False)

    def _end(self, verdict: str, status: int, text: str) -> int:
        self._line(verdict, text, _STYLE.get(status, "yellow"))
        if self._as_json:
            typer.echo(
                json.dumps({
                    "name": self._name, "arguments": self._arguments, "verdict": verdict, "exit": status, "text": text,
                    "request": self._ticket, "stages": self._stages, "reports": self._reports,
                })
            )  # fmt: skip
        return status
