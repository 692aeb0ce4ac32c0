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

import pytest

from tests.system.by_hand import Cadus, Report, cltu, tc_frame, telecommand

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0
AT_ONCE = 8
"""Telecommands under way: the store is never idle."""
BOOTED, SCRATCH = 1, 10


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
        self.refused: list[Report] = []

    def read(self) -> list[Report]:
        assert select.select([self.master], [], [], DEADLINE_S)[0], "it is silent"
        found = [report for vcid, report in self._cadus.feed(os.read(self.master, 4_096)) if vcid == 0]
        for report in found:
            if (report.service, report.subtype) == (1, 7):
                self.completed = max(self.completed, int.from_bytes(report.data[2:4], "big") & 0x3FFF)
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


def is_boot(report: Report) -> bool:
    return report.service == 5 and report.data[:2] == BOOTED.to_bytes(2, "big")


def fly(state: Path, boot_count: int, before: tuple[int, int], chance: random.Random) -> tuple[int, int]:
    """One life: it has what the one before completed; returns the last value completed, and the last sent."""
    life = Life(state)
    try:
        boot = life.until(is_boot)
        assert int.from_bytes(boot.data[2:6], "big") == boot_count, "boots are counted without a gap"
        life.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, SCRATCH)))
        held = life.until(lambda report: (report.service, report.subtype) == (20, 2))
        first = int.from_bytes(held.data[3:], "big")
        assert before[0] <= first <= before[1], "what was completed is there, and nothing that was never sent"
        sent, wanted = 0, chance.randrange(1, 40)
        while life.completed < wanted:
            while sent < life.completed + AT_ONCE:
                sent += 1
                body = struct.pack(">BHI", 1, SCRATCH, before[1] + sent)
                life.send(telecommand(0x020, 20, 3, body, count=sent))
            life.read()
        assert life.refused == []
        life.kill()
    except BaseException:
        life.close()
        raise
    return before[1] + life.completed, before[1] + sent


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
    values = (0, 0)
    for n in range(1, kills + 1):
        values = fly(state, n, values, chance)
        judge(state)


@pytest.mark.proves("K-STORE-002")
def test_what_fly_completed_its_next_life_has(tmp_path: Path) -> None:
    kill_often(tmp_path, 20, "a few")


@pytest.mark.soak
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_what_fly_completed_its_next_life_has_a_hundred_times(tmp_path: Path, seed: str) -> None:
    kill_often(tmp_path, 100, seed)
