"""One simulated board on a manual clock, with ground and lander played by hand."""

import struct
from pathlib import Path

from fsw.app import App
from fsw.capture.recorder import Sink
from fsw.config import LINES, Config
from fsw.kernel.clock import ManualClock, Micros
from fsw.kernel.key import Key
from fsw.mdb.mission import load
from hil.board.board import Board
from tests.system.by_hand import Cadus, Report, cltu, packet, protected, tc_frame

MISSION = load()
LOOK_US = 100_000


class Bench:
    """`run` lets time pass and collects; `reports` is what came on VC 0, `said` on VC 2, `replayed` on 3.

    With `keys`, by key id, the link is protected: `send` uses the key `under` and counters from `iv` on.
    """

    def __init__(
        self,
        folder: Path,
        *,
        line: str = "default",
        skips_idle: bool = True,
        record: Sink | None = None,
        keys: dict[int, bytes] | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.keys = keys
        self.iv = 0
        self.under = 0x10
        self.ivs: dict[int, int] = {}
        flown = {key: Key(octets) for key, octets in (keys or {}).items()}
        self.board = Board(MISSION, Config(LINES[line]), self.clock, folder / "store.sqlite", flown)
        self.board.skips_idle = skips_idle
        self.board.record = record
        self.octets = b""
        self.heartbeat_us = LINES[line].heartbeat_us
        self.beats = False
        self._beat_due = 0
        self._frame_octets = LINES[line].tm_frame_octets
        self.boot()

    @property
    def app(self) -> App:
        assert self.board.app is not None
        return self.board.app

    def boot(self) -> None:
        """Power on; what was received so far is forgotten."""
        self.board.power_on()
        self.cadus = Cadus(self._frame_octets, self.keys, self.ivs)
        self.reports: list[Report] = []
        self.said: list[Report] = []
        self.replayed: list[Report] = []

    def run(self, seconds: float) -> list[Report]:
        """Let time pass; returns what came on VC 0 meanwhile."""
        first = len(self.reports)
        end = self.clock.now() + round(seconds * 1_000_000)
        while (now := self.clock.now()) < end:
            if self.beats and now >= self._beat_due:
                self._beat_due = now + self.heartbeat_us
                self.lander(0x010, struct.pack(">IHII", now // 1_000_000, 1, 0, 0))
            self.board.run_until(Micros(min(now + LOOK_US, end)), self.clock)
            octets = self.board.line.down.take(self.clock.now())
            self.octets += octets
            for vcid, report in self.cadus.feed(octets):
                {0: self.reports, 2: self.said, 3: self.replayed}[vcid].append(report)
        return self.reports[first:]

    def up(self, octets: bytes) -> None:
        """Put octets on the line to the board."""
        assert self.board.line.up.put(octets, self.clock.now())

    def send(self, *packets: bytes) -> None:
        """One BD frame a packet on VC 0."""
        for octets in packets:
            self.up(self.cltu(octets))

    def cltu(self, octets: bytes) -> bytes:
        """A packet in a BD frame of VC 0, protected anew where the link is."""
        if self.keys is None:
            return cltu(tc_frame(0, octets))
        self.iv += 1
        return cltu(tc_frame(0, protected(self.keys[self.under], 0, self.iv, octets)))

    def lander(self, apid: int, body: bytes) -> None:
        """One packet of the lander's services on VC 2."""
        self.up(cltu(tc_frame(2, packet(apid, body, from_lander=True))))

    def cut(self, off_s: float = 1.0) -> None:
        """Cut the power, wait, boot again."""
        self.board.cut()
        self.clock.advance(round(off_s * 1_000_000))
        self.boot()


def events(reports: list[Report]) -> list[int]:
    """Ids of the events among these, in their order."""
    return [int.from_bytes(r.data[:2], "big") for r in reports if r.service == 5 and r.subtype <= 4]
