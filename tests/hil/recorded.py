"""Recordings to test with: a board on a manual clock, its octets hashed at the line, outside of flight and recorder."""

import hashlib
import io
import struct
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fsw.capture.reader import Reader, Record
from fsw.mdb.mission import load
from hil.board.board import Flown
from hil.faults.injection import inject
from hil.replay.replay import ALL, Outcome, Replay, Replayed, Wanted
from tests.system.bench import Bench
from tests.system.by_hand import cuc, function, telecommand

MISSION = load()
TAI_US = 2_145_916_837_000_000
Act = tuple[str, int]


class Recorded(NamedTuple):
    """A recording, and what the line took from flight, life by life."""

    octets: bytes
    down: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all that the line took."""
        return sha256(b"".join(self.down))


def sha256(octets: bytes) -> str:
    """In hex."""
    return hashlib.sha256(octets).hexdigest()


class Flight:
    """A bench that records; `happen` does one thing by a word and a number."""

    def __init__(self, folder: Path, *, line: str = "default") -> None:
        self.capture = bytearray()
        self.down: list[bytearray] = [bytearray()]
        self.bench = Bench(folder, line=line, record=self._take)
        self.bench.beats = True
        self.bench.board.line.on_write = self._sent

    def _sent(self, octets: bytes) -> None:
        self.down[-1] += octets

    def _take(self, octets: bytes) -> bool:
        self.capture += octets
        return True

    def happen(self, word: str, number: int) -> None:
        """One thing that ground, lander or world does, then up to a second."""
        octets = self._telecommand(word, number)
        if octets:
            self.bench.send(octets)
        else:
            self._world(word, number)
        self.bench.run(number % 10 / 10)

    def _telecommand(self, word: str, number: int) -> bytes:
        """What the ground sends; nothing where it is not the ground."""
        match word:
            case "ping":
                apid = (0x020, 0x021, 0x022, 0x031, 0x032)[number % 5]
                return telecommand(apid, 17, 1, ack=number % 16, count=number % (1 << 14))
            case "housekeeping":
                return telecommand(0x020, 3, 5, struct.pack(">HHHH", 3, 1, 2, 3))
            case "measure":
                return function(0x031 + number % 2, 2, struct.pack(">H", 100 + number % 2_900))
            case "keep":
                return telecommand(0x020, 20, 3, b"\1" + struct.pack(">HI", 10, number % (1 << 32)))
            case _:
                return b""

    def _world(self, word: str, number: int) -> None:
        bench, board = self.bench, self.bench.board
        match word:
            case "time":
                bench.lander(0x011, cuc(TAI_US + number) + bytes((37, 2, 0)))
            case "notice":
                limit_mw = (0, 1_300, 2_000)[number % 3]
                bench.lander(0x013, struct.pack(">BBHBI", 0, number % 3, number % 20, 0, limit_mw))
            case "noise":
                bench.up(hashlib.sha512(str(number).encode()).digest()[: 1 + number % 64])
            case "warm":
                readings = board.sensors.readings
                board.sensors.readings = readings._replace(package_temperature_cdegc=number % 20_000 - 5_000)
            case "unplug":
                board.line.plugged = not board.line.plugged
            case "kill":
                assert board.store_wire is not None
                board.store_wire.kill()
            case "drift":
                board.drift(number % 2_000 - 1_000)
            case "flip":
                inject(board, "bit_flip", ("time_offset", "mode", "farm_vr")[number % 3], 0, number % 8)
            case "hang":
                inject(board, ("hang", "resume")[number % 2], ("power", "dosimeter", "system")[number % 3])
            case _:
                assert word == "cut"
                self.down.append(bytearray())
                bench.cut(number % 3)

    def end(self) -> Recorded:
        """Power off."""
        self.bench.board.cut()
        return Recorded(bytes(self.capture), tuple(map(bytes, self.down)))


WORDS = (
    "ping", "housekeeping", "measure", "keep", "time", "notice", "noise", "warm", "unplug", "kill", "drift", "flip",
    "hang", "cut",
)  # fmt: skip


def fly(acts: Iterable[Act], *, line: str = "default", first_s: float = 1.0) -> Recorded:
    """A recorded flight in which these things happen."""
    with TemporaryDirectory() as folder:
        flight = Flight(Path(folder), line=line)
        flight.bench.run(first_s)
        for word, number in acts:
            flight.happen(word, number)
        return flight.end()


@cache
def two_lives() -> Recorded:
    """One recording for all who only look at it."""
    return fly((("ping", 5), ("measure", 7), ("keep", 9), ("noise", 3), ("cut", 1), ("time", 8), ("housekeeping", 9)))


def records(octets: bytes) -> list[Record]:
    """All records of a recording."""
    return list(Reader(io.BytesIO(octets).read))


def replay(octets: bytes, wanted: Wanted = ALL) -> tuple[Replay, Outcome]:
    """Replay it; the replay to be looked into, and what became of it."""
    one = Replay(Reader(io.BytesIO(octets).read), MISSION, wanted)
    return one, one.run()


def standing(one: Replay) -> tuple[Replayed, Flown]:
    """The life that stands, and the flight software in it."""
    assert one.life is not None
    assert one.life.flown is not None
    return one.life, one.life.flown
