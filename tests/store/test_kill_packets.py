"""The store's child killed at random moments under load: what was answered is there, whole, once. sqlite3 looks on."""

import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fsw.store.keep import decode_page
from fsw.store.protocol import decode_parameters
from fsw.store.server import StoreServer

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
DEADLINE_S = 30.0
GROUP = 16
IN_STORE_1 = GROUP // 2


def killed(path: Path, chance: random.Random) -> tuple[int, dict[str, int]]:
    """One life until a random moment: its number, and the last number committed of each sort."""
    program = [sys.executable, str(Path(__file__).with_name("put_until_killed.py")), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = b""
    wanted = chance.randrange(3, 120)
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        while said.count(b"\n") < wanted:
            assert select.select([process.stdout], [], [], DEADLINE_S)[0], said
            said += os.read(process.stdout.fileno(), chance.randrange(1, 64))
        child = int(said.split(b"\n", 1)[0].split()[1])
        watch = os.pidfd_open(child)
        # The program, whose end is the child's by its death signal, or the child alone.
        os.kill(child if chance.random() < 0.5 else process.pid, signal.SIGKILL)
        assert select.select([watch], [], [], DEADLINE_S)[0]
        os.close(watch)
        process.kill()
        while part := os.read(process.stdout.fileno(), 65_536):
            said += part
    lines = [line.split() for line in said.decode().splitlines()]
    last = {word: max((int(n) for w, n in lines if w == word), default=0) for word in "PKV"}
    return next(int(n) for word, n in lines if word == "life"), last


def judge(path: Path, life: int, last: dict[str, int], whole: dict[int, int]) -> None:
    """Hold the files against what was said; `whole` is the number of groups of each life so far."""
    with sqlite3.connect(path.with_name("packets.sqlite")) as packets:
        assert packets.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = packets.execute("SELECT row, octets FROM packet_1 ORDER BY row").fetchall()
        newest = [octets for _, octets in packets.execute("SELECT row, octets FROM packet_2 ORDER BY row")]
        sums = packets.execute(
            "SELECT sum(n), sum(o) FROM (SELECT sum(packets) n, sum(octets) o FROM segment WHERE store = 1"
            " UNION ALL SELECT packets, octets FROM head WHERE store = 1)"
        ).fetchone()
    packets.close()
    assert [row for row, _ in rows] == list(range(1, len(rows) + 1)), "no row is missing, none is twice"
    assert sums == (len(rows), sum(len(octets) for _, octets in rows))
    counted = Counter((int.from_bytes(octets[:4], "big"), int.from_bytes(octets[4:8], "big")) for _, octets in rows)
    assert set(counted.values()) <= {IN_STORE_1}, "no group is half there or twice"
    groups = Counter(of for of, _ in counted)
    assert last["P"] <= groups[life] <= last["P"] + 1, "one more may have made it"
    whole[life] = groups[life]
    assert dict(groups) == {n: number for n, number in whole.items() if number}
    tail = [octets for _, octets in rows[-IN_STORE_1:]]
    assert [octets[:8] for octets in newest[-IN_STORE_1:]] == [octets[:8] for octets in tail]
    assert sum(map(len, newest)) <= 40_000
    server = StoreServer(str(path))
    values = decode_parameters(server.serve(b"\3")[1:])
    page = decode_page(server.serve(b"\6\x09\0\0\0\0")[1:])
    server.close()
    assert values is not None
    assert page is not None
    for found, word in (((values.get(10), values.get(11)), "V"), ((page[0].get(1), page[0].get(2)), "K")):
        assert found[0] == found[1], "all or none"
        if last[word]:
            assert found[0] is not None
            assert found[0][:4] == life.to_bytes(4, "big")
            assert last[word] <= int.from_bytes(found[0][4:], "big") <= last[word] + 1
    assert not [name for name in os.listdir(path.parent) if "damaged" in name]


def kill_often(path: Path, kills: int, seed: str) -> None:
    chance = random.Random(seed)
    whole: dict[int, int] = {}
    for n in range(1, kills + 1):
        life, last = killed(path, chance)
        assert life == n
        judge(path, life, last, whole)


@pytest.mark.proves("K-STORE-001", "K-STORE-002")
def test_what_was_answered_is_there_whole_and_once(tmp_path: Path) -> None:
    kill_often(tmp_path / "store.sqlite", 20, "a few")


@pytest.mark.soak
@pytest.mark.parametrize("seed", ["a", "b", "c"])
def test_what_was_answered_is_there_a_hundred_times(tmp_path: Path, seed: str) -> None:
    kill_often(tmp_path / "store.sqlite", 100, seed)
