"""The bench of the demo: lander, payload and ground session as real processes, a plan played on them (POSIX; edge).

The payload is `python -m fsw` on the lander's pty, power-switched by the lander; its sensors are simulated files. The
ground is the ordinary session with a directory of its own. Every record and every event of the lander passes
through `show`. The link is protected, with keys of its own that lie in the bench's folder and go with it.
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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.mdb.mission import Mission
from hil.board.twins import Twins
from hil.lander.lander_orders import Order
from hil.plan.player import Player, StepResult
from hil.plan.scenario import Scenario
from hil.rungs.contact import Line, stage_of, word_of_event, word_of_record
from hil.rungs.real_clock import RealClock
from hil.rungs.sensor_files import REFRESH_US, SensorFiles
from hil.written.fault import Fault
from hil.written.key_order import KeyOrder
from tools.ground.expiry import NONE
from tools.ground.key_folder import BOARD, GROUND, KeyFolderError, install, new_boards
from tools.ground.protocol import Lines, Message, decode, encode
from tools.ground.state import find

READY_S: Final = 15.0
STOP_S: Final = 3.0
READ_OCTETS: Final = 65_536
Show = Callable[[str, Line], None]


class ContactError(Exception):
    """A process of the bench did not come up or went away; the text is one sentence."""


class Asked(NamedTuple):
    """A request to the ground session."""

    number: int


class Contact:
    """Everything the demo starts; `hil.plan.player.Hands` of the player that `play` lets loose on it."""

    def __init__(self, folder: Path, root: Path, plan: Scenario, mission: Mission, show: Show) -> None:
        self._folder, self._root, self._plan, self._show = folder, root, plan, show
        self._clock = RealClock()
        self._twins = Twins(mission, self._clock)
        self._files = SensorFiles(self._twins, folder / "sensors")
        self._files.write()
        self._files_due = Micros(0)
        self._player = Player(plan, self)
        self._lines: dict[int, Lines] = {}
        self._next_id = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self.ground_state = folder / "ground"
        self._provision()
        ground = self._start("ground", "--state", str(self.ground_state), "--tm", "127.0.0.1:0", "--tc", "127.0.0.1:0",
                             "--report", "127.0.0.1:0", "--json")  # fmt: skip
        about = self._ready(ground)
        if not about["protected"]:
            raise ContactError("the ground session has a clear link, though it was given keys")
        board = [sys.executable, "-m", "fsw", "--port", "{port}", "--line", plan.profile.line]
        board += ["--state", str(folder / "flight"), "--sensors", str(folder / "sensors")]
        lander = self._start("lander", "--off", "--json", "--link", str(folder / "line"), "--board", shlex.join(board),
                             "--profile", plan.profile.name, "--tm", _text(about["tm"]), "--tc", "127.0.0.1:0",
                             "--report", _text(about["report"]))  # fmt: skip
        told = self._ready(lander)
        assert lander.stdin is not None
        self._lander_in: IO[bytes] = lander.stdin
        self._lander_fd = _fd(lander)
        self._lines[self._lander_fd] = Lines()
        self._socket = self._connect()
        self._lines[self._socket.fileno()] = Lines()
        self._ask({"op": "route", "tc": _text(told["tc"])})
        self._ask({"op": "watch"})

    @property
    def results(self) -> list[StepResult]:
        """The steps that have ended."""
        return self._player.results

    def play(self, begin: Callable[[str], None]) -> None:
        """Play the plan to its end; `begin` hears of each step as it begins."""
        player, clock, doing = self._player, self._clock, ""
        while (now := clock.now()) < self._plan.until_us:
            if now >= self._files_due:
                self._files_due = Micros(now + REFRESH_US)
                self._files.write()
            due = player.step(now)
            if player.done:
                break
            if player.doing != doing:
                doing = player.doing
                begin(doing)
            self._pump(max(0, min(due, self._files_due) - clock.now()) / 1e6)
        player.finish(clock.now())

    # --- hands of the player ---------------------------------------------------------------------------------------

    def order(self, order: Order, now: Micros) -> str:
        """Tell the lander, by a control line."""
        self._lander_in.write(json.dumps({"do": order.verb, **order.values}).encode() + b"\n")
        self._lander_in.flush()
        return ""

    def surround(self, name: str, value: int, now: Micros) -> str:
        """Move a simulated sensor."""
        self._twins.set(name, value)
        self._files.write()
        return ""

    def fault(self, fault: Fault, now: Micros) -> str:
        """The processes stand between."""
        return f"{fault.kind} cannot be done from here: kratai sim and kratai hil can"

    def change_keys(self, order: KeyOrder, now: Micros) -> str:
        """The processes stand between."""
        return f"keys: {order.do} is not for a contact of processes: kratai keys does it"

    def send(self, name: str, arguments: Mapping[str, str], now: Micros, not_after: str = NONE) -> Asked:
        """Ask the ground session to send a telecommand."""
        return Asked(self._ask({"op": "send", "name": name, "arguments": dict(arguments), "not_after": not_after}))

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
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _provision(self) -> None:
        """Give both ends their keys, as a mission is given them."""
        try:
            (keys,) = new_boards(self._folder / "keys", ["payload"])
            install(keys / BOARD, self._folder / "flight")
            install(keys / GROUND, self.ground_state)
        except KeyFolderError as error:
            raise ContactError(str(error)) from error

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

    # --- what they say ---------------------------------------------------------------------------------------------

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
                    self._take(fd, message, self._clock.now())

    def _take(self, fd: int, message: Message, now: Micros) -> None:
        """Show one line, and let the player hear it."""
        record, request = message.get("record"), message.get("id")
        if fd == self._lander_fd:
            if "event" in message:
                self._show("lander", message)
                self._player.hear_word(word_of_event(message, now), now)
        elif isinstance(record, dict):
            self._show(str(record.get("kind")), record)
            word = word_of_record(record, now)
            if word is not None:
                self._player.hear_word(word, now)
        elif isinstance(request, int):
            stage = stage_of(message, request, now)
            if stage is not None:
                self._player.hear_stage(stage)


def _fd(process: "subprocess.Popen[bytes]") -> int:
    assert process.stdout is not None
    return process.stdout.fileno()


def _text(address: object) -> str:
    """`HOST:PORT` of an address as a program tells it."""
    if isinstance(address, list):
        return f"{address[0]}:{address[1]}"
    return str(address)
