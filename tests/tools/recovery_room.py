"""A payload with packet stores, a line that loses what a test wants, and the ground's desk and archive at its end.

The payload is written by hand from the standard's text (ST[15] subtype 9: retrieval by time range, sent again on VC 3;
a store that retrieves refuses another one) and shares no code with what it tests.
"""

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]
from spacepackets.ecss.tm import MiscParams, PusTm  # type: ignore[import-untyped]

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load
from tests.tools.spacecraft import Spacecraft
from tools.ground.archive import Archive
from tools.ground.desk import Desk
from tools.ground.door import Door
from tools.ground.history import History
from tools.ground.operators import Operator
from tools.ground.profile import Profile
from tools.ground.protocol import Message
from tools.ground.records import Data, Record
from tools.ground.recovery_work import recovery_of
from tools.ground.roles import Role
from tools.ground.session import Session

DATABASE = load().database
NOON_S = 2_174_000_000
STORES = (1, 2, 3)
STEP_US = 100_000
SENT_A_STEP = 1
RETRIEVE = (15, 9)
BUSY = 0x14


class Keeping(Spacecraft):
    """A payload that keeps what it says in stores 1 (of the system) and 2 (all else); a step of `tick` is 100 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks = 0
        self.stored: list[tuple[int, float, bytes]] = []
        self.forgets: Callable[[int], bool] = lambda number: False
        self.again: dict[int, list[bytes]] = {}
        self.asked: list[list[tuple[int, float, float]]] = []
        self.busy = 0
        """So many requests are refused though nothing is sent again."""

    @property
    def now_s(self) -> float:
        return NOON_S + self.ticks / 10

    def report(self, service: int, subtype: int, data: bytes, apid: int = 0x20, destination: int = 0) -> bytes:
        count = self.counts.get(apid, 0)
        self.counts[apid] = (count + 1) % 16_384
        stamp = b"\x1e" + struct.pack(">IH", int(self.now_s), int(self.now_s % 1 * 65_536))
        packet = bytes(
            PusTm(
                service=service, message_subtype=subtype, timestamp=stamp, apid=apid, seq_count=count,
                message_counter=0, destination_id=destination, source_data=data,
                misc_params=MiscParams(spacecraft_time_ref=2),
            ).pack()
        )  # fmt: skip
        if not self.forgets(len(self.stored)):
            self.stored.append((1 if apid == 0x20 else 2, self.now_s, packet))
        return packet

    def packet(self, octets: bytes) -> list[bytes]:
        command = PusTc.unpack(octets)
        self.executed.append(command)
        return [self.frame(report) for report in self.serve(command)]

    def serve(self, command: PusTc) -> list[bytes]:
        accepted = self.verify(command, 1)
        if (command.service, command.message_subtype) == RETRIEVE:
            if self.again or self.busy:
                self.busy = max(0, self.busy - 1)
                return [accepted, self.verify(command, 4, struct.pack(">H", BUSY))]
            self.retrieve(bytes(command.app_data))
        return [accepted, self.verify(command, 3), self.verify(command, 7)]

    def retrieve(self, data: bytes) -> None:
        ranges = []
        for at in range(1, 1 + 15 * data[0], 15):
            store, low, low_part, high, high_part = struct.unpack_from(">BxIHxIH", data, at)
            ranges.append((store, low + low_part / 65_536, high + high_part / 65_536))
        self.asked.append(ranges)
        for wanted, low, high in ranges:
            self.again[wanted] = [octets for store, at, octets in self.stored if store == wanted and low <= at <= high]

    def die(self) -> None:
        """What is being sent again is forgotten, without a word."""
        self.again.clear()

    def tick(self) -> list[bytes]:
        """What is said in 100 ms: the system's word twice a second, what is sent again, an idle frame."""
        self.ticks += 1
        frames = [self.frame(self.report(17, 2, b""))] if self.ticks % 5 == 0 else []
        for store in sorted(self.again)[:1]:
            sent, self.again[store] = self.again[store][:SENT_A_STEP], self.again[store][SENT_A_STEP:]
            frames += [self.frame(octets, 3) for octets in sent]
            if not self.again[store]:
                del self.again[store]
                frames.append(self.frame(self.report(5, 1, struct.pack(">HBI", 25, store, 0))))
        return [*frames, self.idle()]


class Room:
    """Payload, line, session, desk and archive on one clock; client 1 is a local user, the stores are 1 to 3."""

    def __init__(self, folder: Path, packets_max: int = 200_000) -> None:
        self.folder, self.packets_max = folder, packets_max
        self.craft = Keeping()
        self.now = Micros(0)
        self.loses: Callable[[bytes], bool] = lambda frame: False
        self.loses_up: Callable[[], bool] = lambda: False
        self.heard: list[Message] = []
        self.records: list[Record] = []
        self.sessions = 0
        self.open()
        self.session.tm_datagram(self.craft.booted(DATABASE.digest()[:8]), self.now)

    def open(self) -> None:
        """Another session over the same archive; what the one before had in its head is gone."""
        self.sessions += 1
        self.archive = Archive(self.folder, f"session {self.sessions}")
        self.session = Session(DATABASE, Profile(), self.now, counts=self.archive.counts())
        self.recovery = recovery_of(DATABASE, STORES)
        self.session.attendants.join(self.recovery)
        door = Door(Path("/nowhere"), Operator("jane", Role.ENGINEER, None), "token")
        self.desk = Desk(self.session, door, {}, recovery=self.recovery)
        self.history: History | None = None
        self.join(1)

    def restart(self) -> None:
        """The session is killed; what it had heard was committed."""
        self.close()
        self.open()

    def close(self) -> None:
        self.archive.close()
        if self.history is not None:
            self.history.close()

    def join(self, client: int) -> None:
        assert self.desk.connect(client, "127.0.0.1:4000")
        self.desk.message(client, {"op": "hello", "token": "token"}, self.now)
        self.desk.take_replies()

    def say(self, op: str, client: int = 1) -> None:
        self.desk.message(client, {"id": op, "op": op}, self.now)
        self.settle()

    def settle(self) -> None:
        """As the process does it."""
        while self.recovery.wants:
            self.pass_on()
            self.archive.commit()
            self.history = self.history or History(self.folder, self.packets_max)
            self.recovery.history(self.history.slice())
        self.pass_on()
        self.heard += [reply for _, reply in self.desk.take_replies()]

    def pass_on(self) -> None:
        said = self.session.take_records()
        self.records += said
        for record in said:
            self.archive.add(record, 1_795_000_000_000_000 + record.at)
        self.desk.records(said, lambda at: at)

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.now = Micros(self.now + STEP_US)
            frames = [
                frame for datagram in self.session.take_datagrams() if not self.loses_up()
                for frame in self.craft.hear(datagram)
            ]  # fmt: skip
            for frame in (*frames, *self.craft.tick()):
                if not self.loses(frame):
                    self.session.tm_datagram(frame, self.now)
            self.session.tick(self.now)
            self.settle()

    def until_end(self, steps: int = 3_000) -> dict[str, Data]:
        """Let time pass until the recovery ends; its last word."""
        for _ in range(steps):
            for message in self.heard:
                told = message.get("recovery")
                if isinstance(told, dict) and "ending" in told:
                    self.heard.clear()
                    return told
            self.step()
        raise AssertionError(f"no end: {self.heard[-3:]}")

    def gaps(self) -> dict[str, Data]:
        self.say("gaps")
        told = self.heard.pop()["gaps"]
        assert isinstance(told, dict)
        return told

    def lost(self) -> set[bytes]:
        """What the payload keeps and the archive has not got, by plain sets."""
        self.archive.commit()
        with closing(sqlite3.connect(f"file:{self.folder / 'archive.sqlite'}?mode=ro", uri=True)) as db:
            there = {raw for (raw,) in db.execute("select raw from packets")}
        return {octets for _, _, octets in self.craft.stored} - there
