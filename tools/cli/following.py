"""One telecommand sent by a ground session and followed to its last word, said to a person or to a program."""

import time
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from rich.console import Console

from tools.cli.main import refuse
from tools.ground.client import Client
from tools.ground.protocol import Message
from tools.ground.records import Data
from tools.ground.request import Why

COMPLETED, FAILED, USAGE, NO_WORD = 0, 1, 2, 3
_STATUS: Final = {"completed": COMPLETED, "rejected": FAILED, "failed": FAILED}
_STYLE: Final = {COMPLETED: "green", FAILED: "red", NO_WORD: "yellow"}


class Sending(NamedTuple):
    """How it is sent: the operator's own source id unless one is given; seconds to wait; until when it may be taken."""

    source: int | None
    force: bool
    timeout: float
    not_after: str


class Follower:
    """Follows one request and says each stage as it comes."""

    def __init__(self, name: str, arguments: Mapping[str, str], as_json: bool) -> None:
        self._name = name
        self._arguments: dict[str, Data] = dict(arguments)
        self._as_json = as_json
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._stages: list[Data] = []
        self._reports: list[Data] = []
        self._ticket: dict[str, Data] = {}
        self._schedule = ""
        self.result: dict[str, Data] = {}
        """What `--json` says of it, once it has been followed."""

    def schedule(self, sentence: str) -> None:
        """Say before it is sent whether the schedule will release it."""
        self._schedule = sentence
        self._line("schedule", sentence)

    def run(self, client: Client, source: int | None, force: bool, timeout: float, not_after: str) -> int:
        """Send, follow, and return the exit status."""
        watch = client.ask("watch")
        sent = client.ask(
            "send", name=self._name, arguments=dict(self._arguments), force=force, not_after=not_after,
            **({} if source is None else {"source_id": source}),
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
        self.result = {
            "name": self._name, "arguments": self._arguments, "verdict": verdict, "exit": status, "text": text,
            "request": self._ticket, "stages": self._stages, "reports": self._reports,
        }  # fmt: skip
        if self._schedule:
            self.result["schedule"] = self._schedule
        return status
