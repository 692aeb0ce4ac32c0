"""A busy minute of a board by a seed: lander, requests, noise, a notice, a cut. As a program: prints the digest."""

import hashlib
import random
import struct
import sys
from pathlib import Path
from typing import NamedTuple

from tests.system.bench import Bench
from tests.system.by_hand import cuc, function, telecommand

TAI_US = 2_145_916_837_000_000


class Run(NamedTuple):
    """All octets that the board sent, and how many base ticks it ran."""

    octets: bytes
    ticks: int


def fly(folder: Path, seed: int, *, line: str = "default", skips_idle: bool = True) -> Run:
    """Fly a minute with a power cut in it."""
    chance = random.Random(seed)
    bench = Bench(folder, line=line, skips_idle=skips_idle)
    ticks = 0
    for life in range(2):
        bench.beats = chance.random() < 0.8
        bench.run(chance.uniform(0.1, 3))
        for _ in range(25):
            happen(bench, chance)
            bench.run(chance.uniform(0.0, 2.0))
        ticks += bench.app.scheduler.ticks
        if not life:
            bench.cut(chance.uniform(0.5, 3))
    octets = bench.octets
    bench.board.cut()
    return Run(octets, ticks)


def happen(bench: Bench, chance: random.Random) -> None:
    """One thing that the ground, the lander or the world does."""
    apid = chance.choice((0x020, 0x021, 0x022, 0x031, 0x032))
    match chance.randrange(10):
        case 0:
            bench.send(telecommand(apid, 17, 1, ack=chance.randrange(16), count=chance.randrange(1 << 14)))
        case 1:
            bench.send(telecommand(0x020, 3, 5, struct.pack(">HHHH", 3, 1, 2, 3)))
        case 2:
            bench.send(function(chance.choice((0x031, 0x032)), 2, struct.pack(">H", chance.randrange(100, 3000))))
        case 3:
            bench.send(telecommand(0x020, 20, 3, b"\1" + struct.pack(">HI", 10, chance.getrandbits(32))))
        case 4:
            bench.lander(0x011, cuc(TAI_US + bench.clock.now()) + bytes((37, 2, 0)))
        case 5:
            limit_mw = chance.choice((0, 1_300, 2_000))
            action = chance.choice((0, 1, 2))
            bench.lander(0x013, struct.pack(">BBHBI", 0, action, chance.randrange(20), 0, limit_mw))
        case 6:
            bench.send(function(0x020, 2, bytes((chance.choice((1, 2)),))))
        case 7:
            bench.lander(0x019, struct.pack(">BI", 0, chance.randrange(400)))
        case 8:
            times = (cuc(TAI_US + bench.clock.now() + chance.randrange(-9, 9) * 1_000_000) for _ in range(2))
            bench.lander(0x015, b"".join(times) + bytes(12))
        case _:
            bench.up(chance.randbytes(chance.randrange(1, 200)))


if __name__ == "__main__":
    print(hashlib.sha256(fly(Path(sys.argv[1]), int(sys.argv[2])).octets).hexdigest())  # noqa: T201
