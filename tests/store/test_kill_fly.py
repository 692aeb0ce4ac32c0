"""A real `fly` process killed at random moments under load over a pty: what it completed, its next life has."""

import os
import pty
import random
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import tty
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.services.schedule_desk import cuc, insert, ping, summaries
from tests.system.by_hand import Cadus, Report, cltu, packet, tc_frame, telecommand

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0
AT_ONCE = 8
"""Telecommands under way: the store is never idle."""
BOOTED, LOCKED, SCRATCH = 1, 3, 10
TAI_US = 2_145_916_837_000_000
INSERTS = 8_000
"""Sequence counts from here on are of insertions into the schedule, and of the activities that they insert."""


class Kept(NamedTuple):
    """What the lives so far have left: values of the parameter, and activities; completed, and perhaps."""

    value: int = 0
    value_sent: int = 0
    activities: frozenset[int] = frozenset()
    activities_sent: frozenset[int] = frozenset()


class Life:
    """One life of the flight process, and the lander's end of its line."""

    def __init__(self, state: Path) -> None:
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        words = [sys.executable, "-m", "fsw", "--port", os.ttyname(slave), "--state", str(state), "--clear"]
        self.process = subprocess.Popen(words, cwd=ROOT)
        self._slave = slave
        self._cadus = Cadus()
        self.completed = 0
        self.inserted: set[int] = set()
        self.refused: list[Report] = []

    def read(self) -> list[Report]:
        assert select.select([self.master], [], [], DEADLINE_S)[0], "it is silent"
        found = [report for vcid, report in self._cadus.feed(os.read(self.master, 4_096)) if vcid == 0]
        for report in found:
            if (report.service, report.subtype) == (1, 7):
                count = int.from_bytes(report.data[2:4], "big") & 0x3FFF
                if count >= INSERTS:
                    self.inserted.add(count)
                else:
                    self.completed = max(self.completed, count)
            elif report.service == 1 and report.subtype % 2 == 0:
                self.refused.append(report)
        return found

    def until(self, wanted: Callable[[Report], bool]) -> Report:
        while True:
            for report in self.read():
                if wanted(report):
                    return report

    def send(self, packet: bytes) -> None:
        os.write(self.master, cltu(tc_frame(0, packet)))

    def tell_time(self) -> None:
        """The lander's time, and its tone."""
        for apid, body in ((0x011, cuc(TAI_US) + b"\x25\2\0"), (0x010, struct.pack(">IHII", 1, 1, 0, 0))):
            os.write(self.master, cltu(tc_frame(2, packet(apid, body, from_lander=True))))

    def kill(self) -> None:
        """A power cut, as far as a signal is one; the store's child ends with its parent."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        watches = [os.pidfd_open(int(child)) for child in children]
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for watch in watches:
            assert select.select([watch], [], [], DEADLINE_S)[0]
            os.close(watch)
        self.close()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self.master, self._slave):
            os.close(descriptor)


def is_event(number: int) -> Callable[[Report], bool]:
    return lambda report: report.service == 5 and report.data[:2] == number.to_bytes(2, "big")


def scheduled(life: Life) -> list[int]:
    """Counts of the activities that the payload has."""
    life.send(telecommand(0x020, 11, 17, count=7_999))
    found: list[int] = []
    done = False
    while not done:
        for report in life.read():
            if (report.service, report.subtype) == (11, 13):
                found += [entry.name.sequence for entry in summaries(report.data)]
            elif (report.service, report.subtype) == (1, 7) and report.data[2:4] == b"\xdf\x3f":
                # Its completion may have overtaken the reports; what is reported next has not.
                life.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, SCRATCH)))
            else:
                done |= (report.service, report.subtype) == (20, 2)
    return found


def fly(state: Path, boot_count: int, before: Kept, chance: random.Random) -> Kept:
    """One life: it has what the one before completed; returns what it leaves."""
    life = Life(state)
    try:
        boot = life.until(is_event(BOOTED))
        assert int.from_bytes(boot.data[2:6], "big") == boot_count, "boots are counted without a gap"
        life.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, SCRATCH)))
        held = life.until(lambda report: (report.service, report.subtype) == (20, 2))
        first = int.from_bytes(held.data[3:], "big")
        assert before.value <= first <= before.value_sent, (
            "what was completed is there, and nothing that was never sent"
        )
        held_activities = scheduled(life)
        assert before.activities <= set(held_activities) <= before.activities_sent, "and so are activities"
        assert len(held_activities) == len(set(held_activities)), "none twice"
        life.tell_time()
        life.until(is_event(LOCKED))
        life.completed = 0
        sent, wanted, inserts = 0, chance.randrange(1, 40), set[int]()
        while life.completed < wanted:
            while sent < life.completed + AT_ONCE:
                sent += 1
                body = struct.pack(">BHI", 1, SCRATCH, before.value_sent + sent)
                life.send(telecommand(0x020, 20, 3, body, count=sent))
                if sent % 8 == 1:
                    count = INSERTS + len(before.activities_sent) + len(inserts)
                    inserts.add(count)
                    body = insert(1, (TAI_US + 10**12, ping(count)))
                    life.send(telecommand(0x020, 11, 4, body, count=count))
            life.read()
        assert life.refused == []
        life.kill()
    except BaseException:
        life.close()
        raise
    return Kept(
        before.value_sent + life.completed,
        before.value_sent + sent,
        before.activities | life.inserted,
        before.activities_sent | inserts,
    )


def judge(state: Path) -> None:
    """Both files are sound, and no packet is stored twice."""
    for name in ("store.sqlite", "packets.sqlite"):
        if not (state / name).exists():
            continue
        with sqlite3.connect(state / name) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            spans = []
            if name == "packets.sqlite":
                spans = file.execute(
                    "SELECT store, life, first_row, last_row FROM segment UNION ALL"
                    " SELECT store, life, first_row, last_row FROM head ORDER BY 1, 3"
                ).fetchall()
            seen: set[tuple[int, int, bytes]] = set()
            for store, life, *span in spans:
                for (octets,) in file.execute(f"SELECT octets FROM packet_{store} WHERE row BETWEEN ? AND ?", span):
                    # Within a life a packet is named by its APID and count.
                    assert (store, life, octets) not in seen, "no packet is stored twice"
                    seen.add((store, life, octets))
        file.close()
    assert not [path for path in state.iterdir() if "damaged" in path.name]


def kill_often(state: Path, kills: int, seed: str) -> None:
    chance = random.Random(seed)
    kept = Kept()
    for n in range(1, kills + 1):
        kept = fly(state, n, kept, chance)
        judge(state)


@pytest.mark.proves("K-STORE-002", "K-STORE-010", "K-SCHED-001")
def test_what_fly_completed_its_next_life_has(tmp_path: Path) -> None:
    kill_often(tmp_path, 20, "a few")


@pytest.mark.soak
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_what_fly_completed_its_next_life_has_a_hundred_times(tmp_path: Path, seed: str) -> None:
    kill_often(tmp_path, 100, seed)
