"""A disk that is full, read-only, failing, slow: what goes down and what is commanded must not feel it."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hil.board.board import Board
from hil.seed import Dice
from tests.system.bench import Bench, events
from tests.system.by_hand import telecommand, verifications
from tests.system.test_housekeeping import enable, housekeeping, interval

SECONDS = 45
STORE_FAULT, STORE_RECOVERED = 5, 6
DONE = [(1, None), (7, None)]


class Trouble(NamedTuple):
    """How a disk fails, how it is mended, and the last words of a request that needs it meanwhile."""

    begin: Callable[[Board], None]
    end: Callable[[Board], None]
    words: list[tuple[int, int | None]]


def forbid(name: str, forbidden: bool) -> Callable[[Board], None]:
    def change(board: Board) -> None:
        setattr(board.disk, name, forbidden)
        board.remount()

    return change


def fail(board: Board) -> None:
    board.disk.errors = [(1_000, Dice("every request"))]


def heal(board: Board) -> None:
    board.disk.errors = []


REFUSED: list[tuple[int, int | None]] = [(1, None), (8, 0x1B)]
UNKNOWN: list[tuple[int, int | None]] = [(1, None), (8, 0x1A)]
TROUBLES = {
    "full": Trouble(forbid("full", True), forbid("full", False), REFUSED),
    "read-only": Trouble(forbid("read_only", True), forbid("read_only", False), REFUSED),
    "EIO": Trouble(fail, heal, REFUSED),
    "5 s": Trouble(lambda board: board.slow_store(5_000_000), lambda board: board.slow_store(0), list(DONE)),
    "15 s": Trouble(lambda board: board.slow_store(15_000_000), lambda board: board.slow_store(0), UNKNOWN),
}


def scratch(value: int, count: int) -> bytes:
    return telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, value), count=count)


@pytest.mark.proves("K-STORE-006")
@pytest.mark.parametrize("name", TROUBLES)
def test_telemetry_and_commanding_do_not_feel_the_disk(tmp_path: Path, name: str) -> None:
    trouble = TROUBLES[name]
    bench = Bench(tmp_path)
    bench.beats = True
    bench.run(1)
    bench.send(interval(1, 10) + enable(1), scratch(1, 1))
    bench.run(5)
    trouble.begin(bench.board)
    asked = scratch(2, 2)
    bench.send(asked)
    pings = [telecommand(0x020, 17, 1, count=100 + n) for n in range(SECONDS // 3)]
    for ping in pings:
        bench.send(ping)
        heard = bench.run(3)
        assert verifications(heard, ping) == DONE, "a ping is answered at once"
        assert len(housekeeping(heard, 1)) == 3, "once a second"
    assert verifications(bench.reports, asked) == trouble.words
    trouble.end(bench.board)
    bench.run(30)
    again = scratch(3, 3)
    bench.send(again)
    assert verifications(bench.run(2), again) == DONE
    told = [event for event in events(bench.reports) if event in (STORE_FAULT, STORE_RECOVERED)]
    assert told == ([] if name == "5 s" else [STORE_FAULT, STORE_RECOVERED])
    assert all(task.faults == 0 for task in bench.app.supervisor.tasks.values())
    bench.cut()
    assert bench.run(2)
    assert bench.app.parameters.values[10] == 3, "what was completed last is there after a cut"
    bench.board.cut()
