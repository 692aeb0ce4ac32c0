"""The bench of the demo: lander, payload and ground session as real processes, pumped from one thread (POSIX; edge).

The payload is `python -m fsw` on the lander's pty, power-switched by the lander; its sensors are simulated files. The
ground is the ordinary session with a directory of its own. Every record and every event of the lander passes
through `show`.
"""

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, TypeVar

from hil.first_contact import Record, StepError, Word
from hil.sensors import SimulatedSensors
from tools.ground.protocol import Lines, Message, decode, encode
from tools.ground.state import find

READY_S: Final = 15.0
WORD_S: Final = 40.0
STOP_S: Final = 3.0
READ_OCTETS: Final = 65_536
T = TypeVar("T")
Show = Callable[[str, Record], None]


class ContactError(Exception):
    """A process of the bench did not come up or went away; the text is one sentence."""


class Bench:
    """Everything the demo starts; a `hil.first_contact.Contact`."""

    def __init__(self, folder: Path, root: Path, show: Show) -> None:
        self._folder = folder
        self._root = root
        self._show = show
        self._sensors = SimulatedSensors(folder / "sensors")
        self._lines: dict[int, Lines] = {}
        self._records: list[Record] = []
        self._events: list[Record] = []
        self._answers: list[Message] = []
        self._next_id = 0
        self._seen = self._seen_events = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self.ground_state = folder / "ground"
        ground = self._start("ground", "--state", str(self.ground_state), "--tm", "127.0.0.1:0", "--tc", "127.0.0.1:0",
                             "--report", "127.0.0.1:0", "--json")  # fmt: skip
        about = self._ready(ground)
        board = [sys.executable, "-m", "fsw", "--port", "{port}", "--line", "default", "--clear"]
        board += ["--state", str(folder / "flight"), "--sensors", str(folder / "sensors")]
        lander = self._start("lander", "--off", "--json", "--link", str(folder / "line"), "--board", shlex.join(board),
                             "--tm", _text(about["tm"]), "--report", _text(about["report"]),
                             "--tc", "127.0.0.1:0")  # fmt: skip
        told = self._ready(lander)
        assert lander.stdin is not None
        self._lander_in: IO[bytes] = lander.stdin
        self._lander_fd = _fd(lander)
        self._lines[self._lander_fd] = Lines()
        self._socket = self._connect()
        self._lines[self._socket.fileno()] = Lines()
        self._ask({"op": "route", "tc": _text(told["tc"])})
        self._ask({"op": "watch"})

    # --- what the script asks --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A step begins: what came before it no longer counts for `expect`."""
        self._seen, self._seen_events = len(self._records), len(self._events)

    def send(self, name: str, **arguments: str) -> Word:
        """Send a command and wait for its last word."""
        request = self._ask({"op": "send", "name": name, "arguments": dict(arguments)})

        def ended() -> Message | None:
            for answer in self._answers:
                stage = answer.get("stage")
                if answer.get("id") == request and ("refused" in answer or "error" in answer):
                    return answer
                if answer.get("id") == request and isinstance(stage, dict) and stage.get("final"):
                    return answer
            return None

        last = self._until(ended, WORD_S, f"the last word on {name}")
        stage = last.get("stage")
        if not isinstance(stage, dict):
            return Word("refused by the ground", False, json.dumps(last.get("refused") or last.get("error")))
        return Word(str(stage.get("state")), stage.get("state") == "completed", str(stage.get("text")))

    def expect(self, kind: str, name: str, within_s: float, holds: Callable[[Record], bool] = lambda _: True) -> Record:
        """Wait for a record of this kind and name that came since the step began."""

        def found() -> Record | None:
            for record in self._records[self._seen :]:
                if record.get("kind") == kind and record.get("name", "") == name and holds(record):
                    return record
            return None

        return self._until(found, within_s, f"{kind} {name}".strip())

    def lander(self, verb: str, **arguments: int) -> None:
        """Have the lander do something with its power switch."""
        self._lander_in.write(json.dumps({"do": verb, **arguments}).encode() + b"\n")
        self._lander_in.flush()

    def lander_says(self, event: str, within_s: float) -> Record:
        """Wait for an event of the lander that came since the step began."""

        def found() -> Record | None:
            return next((e for e in self._events[self._seen_events :] if e.get("event") == event), None)

        return self._until(found, within_s, f"the lander's {event}")

    def temperature(self, mdegc: int) -> None:
        """Move the simulated environment sensor."""
        self._sensors.temperature(mdegc)

    # --- processes -------------------------------------------------------------------------------------------------

    def release(self) -> list[int]:
        """Leave the processes running; returns their ids."""
        self._socket.close()
        return [process.pid for process in self._processes]

    def close(self) -> None:
        """Stop everything, the lander first: it takes the payload with it."""
        self._socket.close()
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S + 2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, *words: str) -> "subprocess.Popen[bytes]":
        with (self._folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", "tools.cli", *words],
                cwd=self._root,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _ready(self, process: "subprocess.Popen[bytes]") -> Message:
        """The line with which a program says that it is ready."""
        deadline = time.monotonic() + READY_S
        octets = b""
        while b"\n" not in octets:
            ready, _, _ = select.select([_fd(process)], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(_fd(process), READ_OCTETS) if ready else b""
            if not part:
                raise ContactError(f"a program did not come up; its words are in {self._folder}")
            octets += part
        message = decode(octets.split(b"\n", 1)[0])
        if isinstance(message, str):
            raise ContactError(f"a program said something else than that it is ready: {message}")
        return message

    def _connect(self) -> socket.socket:
        session = find(self.ground_state)
        if session is None:
            raise ContactError(f"the ground session left no session.json in {self.ground_state}")
        connection = socket.create_connection(("127.0.0.1", session.port), timeout=READY_S)
        connection.sendall(encode({"op": "hello", "token": session.token}))
        return connection

    def _ask(self, message: Message) -> int:
        self._next_id += 1
        self._socket.sendall(encode({"id": self._next_id, **message}))
        return self._next_id

    def _until(self, look: Callable[[], T | None], within_s: float, what: str) -> T:
        """Pump until `look` finds something."""
        deadline = time.monotonic() + within_s
        while (found := look()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise StepError(f"{what} did not come within {within_s:g} s")
            self._pump(left)
        return found

    def _pump(self, wait_s: float) -> None:
        sources = [self._lander_fd, self._socket.fileno()]
        ready, _, _ = select.select(sources, [], [], wait_s)
        for fd in ready:
            octets = os.read(fd, READ_OCTETS)
            if not octets:
                raise ContactError(f"a program went away; its words are in {self._folder}")
            for line in self._lines[fd].feed(octets):
                message = decode(line)
                if not isinstance(message, str):
                    self._take(fd, message)

    def _take(self, fd: int, message: Message) -> None:
        record = message.get("record")
        if fd == self._lander_fd:
            self._events.append(message)
            if "event" in message:
                self._show("lander", message)
        elif isinstance(record, dict):
            self._records.append(record)
            self._show(str(record.get("kind")), record)
        else:
            self._answers.append(message)


def _fd(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    return process.stdout.fileno()


def _text(address: object) -> str:
    """`HOST:PORT` of an address as a program tells it."""
    if isinstance(address, list):
        return f"{address[0]}:{address[1]}"
    return str(address)
