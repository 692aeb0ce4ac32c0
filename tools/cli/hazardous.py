"""A hazardous command from `kratai send`: armed, shown, asked for, executed (fsw/services/security/hazards.py).

The session tells which commands are hazardous. Nothing is sent before it is known that somebody can be asked; what
nobody says yes to is disarmed. Where the mission wants two operators this one arms, and another one executes.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, cast

import typer

from tools.cli.following import COMPLETED, FAILED, NO_WORD, Follower, Sending
from tools.cli.main import refuse
from tools.ground.client import Client
from tools.ground.records import Data

ARM, EXECUTE, DISARM, REPORT = "system.arm", "system.execute", "system.disarm", "system.armed"
INNER_WORD_S: Final = 20.0
"""How long the last word of what was executed may take to come, once it was executed."""


def hazards_of(client: Client) -> dict[str, dict[str, Data]]:
    """Phases and operators of the hazardous commands of the session's mission, by name."""
    told = client.about.get("hazards")
    return {name: each for name, each in told.items() if isinstance(each, dict)} if isinstance(told, dict) else {}


def needs_somebody(yes: bool, json_out: bool) -> None:
    """Refuse a hazardous command that nobody could say yes to."""
    if not yes and (json_out or not sys.stdin.isatty()):
        refuse("the command is hazardous and nobody can be asked here: --yes executes it without")


class Hazardous:
    """One hazardous command; `steps` is what `--json` says of it."""

    def __init__(self, name: str, words: Sequence[str], as_json: bool, sending: Sending) -> None:
        self._call = f"{name}({','.join(words)})"
        self._name = name
        self._words = list(words)
        self._as_json = as_json
        self._sending = sending
        self._steps: list[Data] = []
        self._armed: dict[str, Data] | None = None
        self._text = ""
        self._verdict = ""

    def run(self, client: Client, rule: Mapping[str, Data], yes: bool) -> int:
        """Arm, show, ask, execute; returns the exit status."""
        two = rule.get("operators") == 2
        status, result = self._step(client, ARM, {"packet": self._call})
        if status != COMPLETED:
            return self._end("not armed", status, str(result["text"]))
        armed = self._report(result)
        if armed is None:
            return self._end("not executed", NO_WORD, f"it is armed, and no {REPORT} has come that says by what number")
        self._show(armed, rule)
        nonce = str(armed["nonce"])
        if not yes and not self._agreed("leave it armed for another operator?" if two else "execute it?"):
            self._step(client, DISARM, {"nonce": nonce})
            return self._end("disarmed", FAILED, "nobody said yes")
        if two:
            return self._end("armed", COMPLETED, f"another operator executes it: kratai send {EXECUTE} nonce={nonce}")
        watch = client.ask("watch")
        status, result = self._step(client, EXECUTE, {"nonce": nonce})
        if status != COMPLETED:
            return self._end("not executed", status, str(result["text"]))
        return self._follow(client, watch, str(armed["request_id"]))

    def result(self, status: int) -> dict[str, Data]:
        """What `--json` says."""
        return {
            "name": self._name, "arguments": list[Data](self._words), "verdict": self._verdict, "exit": status,
            "text": self._text, "armed": self._armed, "steps": self._steps,
        }  # fmt: skip

    def _step(self, client: Client, name: str, arguments: dict[str, str]) -> tuple[int, dict[str, Data]]:
        if not self._as_json:
            typer.echo(f"{name} {' '.join(f'{key}={word}' for key, word in arguments.items())}")
        follower = Follower(name, arguments, self._as_json)
        status = follower.run(client, *self._sending)
        self._steps.append(follower.result)
        return status, follower.result

    def _report(self, result: Mapping[str, Data]) -> dict[str, Data] | None:
        """The arm report among the reports that came."""
        for report in cast("list[dict[str, Data]]", result["reports"]):
            if report["name"] == REPORT:
                self._armed = cast("dict[str, Data]", report["values"])
                return self._armed
        return None

    def _show(self, armed: Mapping[str, Data], rule: Mapping[str, Data]) -> None:
        if self._as_json:
            return
        phases = ", ".join(str(phase) for phase in cast("list[Data]", rule.get("phases") or ["any"]))
        typer.echo(f"HAZARDOUS  {self._call}")
        typer.echo(f"  request {armed['request_id']}, checksum {int(str(armed['checksum'])):04x}")
        typer.echo(f"  phases {phases}; operators {armed['operators']}")
        typer.echo(f"  armed by number {armed['nonce']}, for {armed['within_s']} s")

    def _agreed(self, question: str) -> bool:
        try:
            return typer.confirm(question.capitalize(), default=False)
        except typer.Abort:
            return False

    def _follow(self, client: Client, watch: int, request_id: str) -> int:
        """The last word of what was executed: it has a request id of its own."""
        began = time.monotonic()
        stages: list[Data] = []
        for message in client.messages(INNER_WORD_S):
            record = message.get("record")
            if message.get("id") != watch or not isinstance(record, dict):
                continue
            if record.get("kind") != "stage" or record.get("request_id") != request_id:
                continue
            record["after_s"] = round(time.monotonic() - began, 3)
            stages.append(record)
            if not self._as_json:
                typer.echo(f"  {self._name}: {record['stage']} {record['text'] or ''}".rstrip())
            if record.get("final") and record.get("state") in ("completed", "rejected", "failed"):
                self._steps.append({"name": self._name, "stages": stages})
                completed = record["state"] == "completed"
                return self._end(str(record["state"]), COMPLETED if completed else FAILED, str(record["text"] or ""))
        self._steps.append({"name": self._name, "stages": stages})
        return self._end("no word in time", NO_WORD, f"executed, and no last word within {INNER_WORD_S:g} s")

    def _end(self, verdict: str, status: int, text: str) -> int:
        self._verdict, self._text = verdict, text
        if not self._as_json:
            typer.echo(f"{verdict}{': ' if text else ''}{text}")
        return status
