"""`kratai watch`: what comes down, as it comes."""

import json
from collections.abc import Callable
from enum import StrEnum, unique
from fnmatch import fnmatchcase
from typing import Annotated, Final, cast

import typer
from rich.console import Console
from rich.text import Text

from tools.cli.joining import Json, MissionFolder, State, folder_of, joined
from tools.cli.main import refuse
from tools.ground.client import ClientError
from tools.ground.records import Data

Record = dict[str, Data]
_LIMIT_STYLE: Final = {"HIGH": "bold red", "LOW": "bold red", "WITHIN": "green"}
_EVENT_STYLE: Final = {"info": "cyan", "low": "yellow", "medium": "bold yellow", "high": "bold red"}
_NAME_WIDTH: Final = 26
_FOLLOWED_MAX: Final = 65_536


@unique
@unique
class Kind(StrEnum):
    """Kinds of records that can be asked for."""

    PACKET = "packet"
    PARAMETER = "parameter"
    EVENT = "event"
    LANDER = "lander"
    LINK = "link"
    COMMAND = "command"
    STAGE = "stage"
    NOTE = "note"


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only records of these names; * stands for anything.")
    ] = None,
    *,
    state: State = None,
    mission: MissionFolder = None,
    seconds: Annotated[float | None, typer.Option("--for", min=0.0, help="Seconds to watch; without it, on.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only this kind; may be given again.")] = None,
    json_out: Json = False,
) -> None:
    """Watch packets, parameters with units and limits, events, commands, the lander's report and the link.

    With --json, one object a line. Ends after --for seconds, or on Ctrl-C.
    """
    kinds = {each.value for each in kind or ()}
    patterns = names or []
    show: Callable[[Record], None] = _say_json if json_out else _Lines(alone=bool(kinds or patterns)).show
    with joined(folder_of(state), mission) as client:
        try:
            watch = client.ask("watch")
            for message in client.messages(seconds):
                if "dropped" in message and not json_out:
                    typer.echo(f"{message['dropped']} records were dropped: this terminal is too slow", err=True)
                if message.get("id") == watch and "record" in message:
                    record = cast("Record", message["record"])
                    if _wanted(record, kinds, patterns):
                        show(record)
        except ClientError as error:
            refuse(str(error))
        except KeyboardInterrupt:
            return


def _wanted(record: Record, kinds: set[str], patterns: list[str]) -> bool:
    if kinds and record["kind"] not in kinds:
        return False
    name = str(record.get("name", ""))
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _say_json(record: Record) -> None:
    typer.echo(json.dumps(record))


class _Lines:
    """Records as lines for people. Parameters are shown with their packet; the lander's report when it changes."""

    def __init__(self, alone: bool) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._alone = alone  # parameters were asked for by themselves
        self._packet: Record | None = None
        self._parameters: list[Record] = []
        self._lander: dict[str, object] = {}
        self._link: object = None
        self._followed: set[str] = set()  # requests whose stages are shown

    def show(self, record: Record) -> None:
        """Say one record."""
        kind = record["kind"]
        if kind in ("command", "stage") and len(self._followed) < _FOLLOWED_MAX:
            self._followed.add(str(record["request_id"]))
        if kind == "packet" and self._told_otherwise(record):
            return
        if kind == "packet":
            self._line(record, str(record["name"] or "unreadable"), self._packet_text(record))
        elif kind == "parameter":
            self._parameter(record)
        elif kind == "event":
            style = _EVENT_STYLE.get(str(record["severity"]), "")
            self._line(record, f"{record['name']}", Text(f"{record['severity']}  {_values(record)}", style), style)
        elif kind == "lander":
            self._report(record)
        elif kind == "link":
            self._say_link(record)
        elif kind == "command":
            words = " ".join(f"{key}={word}" for key, word in cast("Record", record["arguments"]).items())
            told = f"{record['name']} {words}".rstrip() + f"  {record['request_id']}  by {record['operator']}"
            self._line(record, "command", Text(told))
        elif kind == "stage":
            text = f"{record['name']}  {record['request_id']}  {record['state']}"
            self._line(record, "command", Text(f"{text}  {record['text'] or ''}".rstrip()))
        else:
            self._line(record, "note", Text(str(record["text"])), "yellow")

    def _told_otherwise(self, record: Record) -> bool:
        """Events have a line of their own, and so have the stages of requests."""
        request_id = cast("Record", record["values"]).get("request_id")
        return not self._alone and (
            (record["service"] == 5 and record["subtype"] in (1, 2, 3, 4) and not record["fault"])
            or request_id in self._followed
        )

    def _packet_text(self, record: Record) -> Text:
        if record["fault"]:
            return Text(f"{record['fault']}  {str(record['raw'])[:64]}", "bold red")
        values = cast("Record", record["values"])
        if not self._alone and record["service"] in (3, 20):  # its parameters follow, with units and limits
            return Text(f"{len(values)} parameters", "dim")
        return Text(_values(record))

    def _parameter(self, record: Record) -> None:
        style = _LIMIT_STYLE.get(str(record["limit"]), "")
        value = record["label"] or ("absent" if record["value"] is None else f"{record['value']} {record['unit']}")
        limit = f"  {record['limit']}" if record["limit"] in ("HIGH", "LOW") else ""
        self._line(record, f"  {record['name']}", Text(f"{str(value).rstrip()}{limit}", style))

    def _report(self, record: Record) -> None:
        if record["fault"]:
            self._line(record, "lander", Text(f"{record['fault']}  {str(record['raw'])[:64]}", "bold red"))
        elif self._lander.get(str(record["name"])) != record["values"]:
            self._lander[str(record["name"])] = record["values"]
            self._line(record, str(record["name"]), Text(_values(record)), "blue")

    def _say_link(self, record: Record) -> None:
        face = (record["state"], record["database"], record["boot_count"], record["frames_lost"], record["alerts"])
        if face == self._link:
            return
        self._link = face
        boot = "" if record["boot_count"] is None else f"  boot {record['boot_count']}"
        v_r = "?" if record["v_r"] is None else record["v_r"]
        text = (
            f"{record['state']}  V(S) {record['v_s']}  V(R) {v_r}  frames {record['frames_good']} good"
            f" {record['frames_bad']} bad {record['frames_lost']} lost  database {record['database']}{boot}"
        )
        self._line(record, "link", Text(text), "magenta")

    def _line(self, record: Record, name: str, text: Text, style: str = "") -> None:
        when = record.get("time") or record["received"]
        mark = " " if record.get("time") else "*"  # no time of the payload's own: that of reception
        line = Text(f"{str(when)[11:23]}{mark} ")
        line.append(f"{name:<{_NAME_WIDTH}} ", style)
        line.append_text(text)
        self._console.print(line)


def _values(record: Record) -> str:
    return "  ".join(f"{name}={_short(value)}" for name, value in cast("Record", record["values"]).items())


def _short(value: Data) -> str:
    if isinstance(value, dict):
        return "(" + " ".join(f"{name} {_short(each)}" for name, each in value.items()) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(_short(each) for each in value) + "]"
    return "none" if value is None else str(value)
