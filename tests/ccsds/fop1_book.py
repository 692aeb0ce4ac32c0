"""The book's side of FOP-1: the transcribed table run by a small model of the book's variables and actions."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsw.kernel.clock import Micros

Deed = tuple[Any, ...]
NOW, T1, OLD_DUE = Micros(5_000), 100, 5_050
NN_R, V_S = 254, 2  # four frames outstanding, over the wrap
WAITING_ID, INITIATING_ID, NEW_ID = 90, 91, 101


def _transcription() -> dict[str, list[list[str]]]:
    rows: dict[str, list[list[str]]] = {}
    for line in (Path(__file__).parents[1] / "vectors" / "fop1_table.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, *cells = (part.strip() for part in line.split("|"))
            rows[name] = [[cell] if cell.startswith("if ") else cell.split("; ") for cell in cells]
    return rows


BOOK = _transcription()


@dataclass
class Start:
    """The variables from which a step starts."""

    state: int
    count: int = 1
    limit: int = 3
    timeout_type: int = 0
    waiting: bool = False
    ready: bool = True
    marked: bool = False
    outstanding: bool = True
    suspend_state: int = 0
    initiating: bool = False
    window: int = 10

    def queue(self) -> list[list[Any]]:
        """The Sent_Queue: [service, n_s, id, marked]."""
        if self.state == 5:
            return [["BC", 0, INITIATING_ID, self.marked]]
        if not self.outstanding:
            return []
        return [["AD", n_s % 256, 50 + n_s - NN_R, self.marked] for n_s in range(NN_R, V_S + 256)]


@dataclass
class Book:
    """The book's variables and actions (232.1-B, 5.1 and 5.2), in plain words."""

    start: Start
    n_r: int
    asked: tuple[str, int, int] = ("", 0, 0)  # request, id, value
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self.start.state
        self.v_s = V_S
        self.nn_r = NN_R if self.start.outstanding else V_S
        self.count = self.start.count
        self.ss = self.start.suspend_state
        self.due: int | None = None if self.start.state == 6 else OLD_DUE
        self.sent = self.start.queue()
        self.wait = WAITING_ID if self.start.waiting else None
        self.ready = dict.fromkeys(("AD", "BD", "BC"), self.start.ready)
        self.initiating = INITIATING_ID if self.start.initiating else None
        self.parameters = {"SET_WINDOW": self.start.window, "SET_T1_INITIAL": T1}
        self.parameters |= {"SET_TRANSMISSION_LIMIT": self.start.limit, "SET_TIMEOUT_TYPE": self.start.timeout_type}

    def look(self) -> None:
        if not self.ready["AD"]:
            return
        for frame in self.sent:
            if frame[3]:
                frame[3] = False
                self.send("AD", frame[1], frame[2])
                return
        if self.wait is not None and (self.v_s - self.nn_r) % 256 < self.start.window:
            self.said.append(f"ACCEPT AD {self.wait}")
            if self.sent == []:
                self.count = 1
            self.sent.append(["AD", self.v_s, self.wait, False])
            self.send("AD", self.v_s, self.wait)
            self.v_s, self.wait, self.due = (self.v_s + 1) % 256, None, NOW + T1

    def send(self, service: str, n_s: int, request_id: int) -> None:
        self.ready[service] = False
        self.said.append(f"SEND {service} {n_s} {request_id}")

    def send_bc(self) -> None:
        self.initiating = self.asked[1]
        self.sent.append(["BC", 0, self.asked[1], False])
        self.count, self.due = 1, NOW + T1
        self.send("BC", 0, self.asked[1])

    def acknowledge(self) -> None:
        while self.nn_r != self.n_r:
            if self.sent:
                self.said.append(f"CONFIRM AD {self.sent.pop(0)[2]}")
            self.nn_r = (self.nn_r + 1) % 256
        self.count = 1

    def again(self, service: str) -> None:
        self.said.append(f"ABORT {service}")
        self.count, self.due = self.count + 1, NOW + T1
        for frame in self.sent:
            frame[3] = True

    def purge(self) -> None:
        self.said += [f"NEGATIVE_CONFIRM AD {frame[2]}" for frame in self.sent if frame[0] == "AD"]
        self.sent = []
        if self.wait is not None:
            self.said.append(f"REJECT AD {self.wait}")
            self.wait = None
        if self.initiating is not None:
            self.said.append(f"NEGATIVE_CONFIRM INIT {self.initiating}")
            self.initiating = None

    def run(self, token: str) -> None:
        """Run one token of the transcription."""
        if token.startswith("A["):
            self.due = None
            self.purge()
            self.said.append(f"ALERT {token[2:-1]}")
            self.state = 6
        elif token.startswith("SS="):
            self.ss = int(token[3:])
        elif token.endswith(" ready"):
            self.ready[token[:2]] = True
        elif token in ("S1", "S2", "S3", "S4", "S5", "S6"):
            self.state = int(token[1])
        elif token in ("accept", "reject", "confirm"):
            self.said.append(f"{token.upper()} {self.asked[0]} {self.asked[1]}")
        else:
            self.act(token)

    def act(self, token: str) -> None:  # noqa: PLR0912 - a word of the book a branch
        match token:
            case "ack":
                self.acknowledge()
            case "look":
                self.look()
            case "rtx":
                self.again("AD")
            case "rtx BC":
                self.again("BC")
            case "look dir":
                if self.ready["BC"] and self.sent and self.sent[0][3]:
                    self.sent[0][3] = False
                    self.send("BC", 0, self.sent[0][2])
            case "confirm initiate":
                if self.initiating is not None:
                    self.said.append(f"CONFIRM INIT {self.initiating}")
                    self.initiating = None
            case "release BC":
                self.sent = []
            case "cancel T1":
                self.due = None
            case "start T1":
                self.due, self.initiating = NOW + T1, self.asked[1]
            case "suspend":
                self.said.append(f"SUSPEND {self.ss}")
            case "resume":
                self.ss, self.due = 0, NOW + T1
            case "queue":
                self.wait = self.asked[1]
            case "send BD":
                self.send("BD", 0, self.asked[1])
            case "init":
                self.purge()
                self.count, self.ss = 1, 0
            case "V(S)=NN(R)=V*":
                self.v_s = self.nn_r = self.asked[2]
            case "send Unlock" | "send Set V(R)":
                self.send_bc()
            case "set":
                self.parameters[self.asked[0]] = self.asked[2]
            case "if SS=0 accept, V(S)=NN(R)=V*, confirm, else reject":
                for each in ["reject"] if self.ss else ["accept", "V(S)=NN(R)=V*", "confirm"]:
                    self.run(each)
            case _:
                assert token in ("ignore", "N/A"), token

    def seen(self) -> tuple[Any, ...]:
        sent = [tuple(frame) for frame in self.sent]
        variables = (self.state, self.v_s, self.nn_r, self.count, self.ss, self.due, sent, self.wait, self.ready)
        return (*variables, self.initiating, self.parameters, self.said)
