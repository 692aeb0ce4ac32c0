"""Power cuts harsher than a kill: unsynced sectors lost in any mixture, the last sector torn, the log cut anywhere.

A workload runs once on a disk that writes down what SQLite does; then it is cut at many places. After each cut a server
on plain sqlite3 opens what is left, and a plain account of what had been answered is held against it.
"""

import random
import sqlite3
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from fsw.store import database_file
from fsw.store.keep import Table, decode_page, encode_changes, put
from fsw.store.packets import Limits, PacketRow, Put, StoreKind, encode_limits, encode_put
from fsw.store.protocol import decode_parameters, encode_parameters
from fsw.store.server import StoreServer
from tests.store.losing_disk import Did, LosingDisk, files_after, lay, torn

STEPS = 60
GROUP = 6
FRAME = 24 + 4096
LIMITS = encode_limits([Limits(1, StoreKind.BOUNDED, 0, 1 << 30), Limits(2, StoreKind.CIRCULAR, 0, 6_000)])


def value(number: int) -> bytes:
    return number.to_bytes(4, "big")


def requests(number: int) -> dict[str, bytes]:
    """What is kept in step `number`: everything of it bears its number."""
    rows = [PacketRow(1 + n % 2, 0, number, 0, value(number) + bytes((n,)) * 300) for n in range(GROUP)]
    return {
        "P": b"\x09" + encode_put(Put(1, number, rows)),
        "V": b"\4" + encode_parameters({10: value(number), 11: value(number)}),
        "K": b"\5" + encode_changes([put(Table.SCHEDULE, number, value(number)), put(Table.MODES, 1, value(number))]),
    }


def workload(folder: Path, steps: int) -> list[Did]:
    """The log of a life; `answer` entries say what was acknowledged, by word and number."""
    folder.mkdir()
    disk = LosingDisk()
    server = StoreServer(str(folder / "store.sqlite"), disk.connect)
    try:
        for request in (b"\1", b"\7", b"\x08" + LIMITS):
            assert server.serve(request)[0] == 0
        for number in range(1, steps + 1):
            for word, request in requests(number).items():
                assert server.serve(request)[0] == 0
                disk.log.append(Did("answer", word, number))
        return list(disk.log)
    finally:
        server.close()
        disk.close()


class Left(NamedTuple):
    """What a server finds: the last number of each sort."""

    groups: int
    parameters: int
    rows: int


def left(folder: Path) -> Left:
    """Open what a cut left; it must be sound, whole and without gaps."""
    server = StoreServer(str(folder / "store.sqlite"), synced=False)
    try:
        assert server.serve(b"\1")[0] == 0
        assert server.serve(b"\7")[0] == 0
        values = decode_parameters(server.serve(b"\3")[1:])
        schedule = decode_page(server.serve(b"\6\1\0\0\0\0")[1:])
        mode = decode_page(server.serve(b"\6\x0a\0\0\0\0")[1:])
    finally:
        server.close()
    assert values is not None
    assert schedule is not None
    assert mode is not None
    assert values.get(10) == values.get(11)
    assert sorted(schedule[0]) == list(range(1, len(schedule[0]) + 1))
    assert mode[0].get(1, value(0)) == value(len(schedule[0])), "both changes of a list or none"
    assert not [path for path in folder.iterdir() if "damaged" in path.name]
    return Left(groups(folder), int.from_bytes(values.get(10, b""), "big"), len(schedule[0]))


def groups(folder: Path) -> int:
    """The groups in the packets' file, by sqlite3 itself."""
    with sqlite3.connect(folder / "packets.sqlite") as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master")}
        rows = (
            [row[0] for row in file.execute("SELECT octets FROM packet_1 ORDER BY row")] if "packet_1" in tables else []
        )
        sums = file.execute(
            "SELECT sum(n) FROM (SELECT packets n FROM segment WHERE store = 1"
            " UNION ALL SELECT packets FROM head WHERE store = 1)"
        ).fetchone()[0]
    file.close()
    assert (sums or 0) == len(rows)
    counted = Counter(int.from_bytes(octets[:4], "big") for octets in rows)
    assert dict(counted) == dict.fromkeys(range(1, len(counted) + 1), GROUP // 2), "each group whole, once, in order"
    return len(counted)


def answered(log: list[Did]) -> Left:
    last = {did.name: did.offset for did in log if did.what == "answer"}
    return Left(last.get("P", 0), last.get("V", 0), last.get("K", 0))


def hold(tmp_path: Path, log: list[Did], cuts: int, seed: str) -> None:
    chance = random.Random(seed)
    for n in range(cuts):
        until = log[: chance.randrange(len(log) // 20, len(log) + 1)]
        folder = tmp_path / f"cut-{n}"
        lay(files_after(until, chance), folder)
        found = left(folder)
        said = answered(until)
        for there, told in zip(found, said, strict=True):
            assert told <= there <= told + 1, (n, found, said)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is copied back every few commits, so that cuts fall into that too."""
    monkeypatch.setattr(database_file, "LOG_FRAMES_MAX", 40)


@pytest.mark.usefixtures("often")
@pytest.mark.proves("K-STORE-001", "K-STORE-002")
def test_any_mixture_of_unsynced_sectors_may_be_lost(tmp_path: Path) -> None:
    log = workload(tmp_path / "life", STEPS)
    assert sum(did.what == "sync" and did.name == "packets.sqlite" for did in log) > 5, "the log is copied back"
    hold(tmp_path, log, 80, "a few")


@pytest.mark.soak
@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_any_mixture_of_unsynced_sectors_may_be_lost_a_thousand_times(tmp_path: Path, seed: str) -> None:
    hold(tmp_path, workload(tmp_path / "life", STEPS), 1_000, seed)


@pytest.mark.proves("K-STORE-001")
@pytest.mark.parametrize("name", ["store.sqlite-wal", "packets.sqlite-wal"])
def test_a_torn_last_sector_costs_the_last_commit_at_most(tmp_path: Path, name: str) -> None:
    log = workload(tmp_path / "life", 12)
    chance = random.Random(name)
    for n in range(25):
        synced = [k for k, did in enumerate(log) if (did.what, did.name) == ("sync", name)]
        until = log[: chance.choice(synced[3:]) + 1]
        folder = tmp_path / f"cut-{n}"
        lay(torn(until, files_after(until, chance), name, chance), folder)
        found, said = left(folder), answered(until)
        for there, told in zip(found, said, strict=True):
            assert told - 1 <= there <= told + 1, (n, found, said)


@pytest.mark.proves("K-STORE-001")
@pytest.mark.parametrize("name", ["store.sqlite-wal", "packets.sqlite-wal"])
def test_the_log_may_end_behind_each_of_its_records(tmp_path: Path, name: str) -> None:
    files = files_after(workload(tmp_path / "life", 8), None)
    log = files[name]
    found = []
    for n, end in enumerate(range(32, len(log) + 1, FRAME)):
        folder = tmp_path / f"cut-{n}"
        lay({**files, name: log[:end]}, folder)
        found.append(left(folder))
    assert found[-1] == (8, 8, 8)
    assert found == sorted(found), "the longer the log, the more of it"
    short = found[0]
    assert short == ((8, 0, 0) if name.startswith("store") else (0, 8, 8))
