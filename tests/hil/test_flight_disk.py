"""The simulated disk fails as SQLite and a card fail: its own errors are the oracle."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsw.store.protocol import LastLife, Opcode, StoreStatus, encode_parameters
from fsw.store.server import StoreServer
from hil.board.flight_disk import Disk, FailingServer
from hil.seed import Dice

BOOT = bytes((Opcode.BOOT,))
LOAD = bytes((Opcode.PARAMETERS_LOAD,))
MARK = bytes((Opcode.MARK, LastLife.ORDERLY))
COMMIT = bytes((Opcode.PARAMETERS_COMMIT,)) + encode_parameters({0x0101: b"\x07"})
NO = bytes((StoreStatus.DISK,))
WRITES = (BOOT, MARK, COMMIT)


class Store:
    def __init__(self, folder: Path) -> None:
        self.disk = Disk(folder / "store.sqlite")
        self.server = StoreServer(str(self.disk.path), self.disk.connect)
        self.failing = FailingServer(self.server, self.disk)

    def serve(self, request: bytes) -> bytes:
        return self.failing.serve(request)

    def remount(self) -> None:
        self.server.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.server.close()


def ok(answer: bytes) -> bool:
    return answer[:1] == bytes((StoreStatus.OK,))


def test_a_well_disk_takes_everything(store: Store) -> None:
    assert all(ok(store.serve(request)) for request in (*WRITES, LOAD))


@pytest.mark.proves("K-FAULT-005")
@pytest.mark.parametrize("request_", WRITES)
def test_a_full_disk_takes_nothing_and_gives_back_what_it_has(store: Store, request_: bytes) -> None:
    assert all(ok(store.serve(request)) for request in WRITES)
    store.disk.full = True
    store.remount()
    assert store.serve(request_) == NO
    before = store.serve(LOAD)
    assert ok(before)
    assert store.serve(request_) == NO, "not once only"
    store.disk.full = False
    store.remount()
    assert store.serve(LOAD) == before
    assert all(ok(store.serve(request)) for request in WRITES)


def test_it_is_sqlite_that_says_full(store: Store) -> None:
    store.serve(BOOT)
    store.disk.full = True
    connection = store.disk.connect(str(store.disk.path), 1)
    try:
        with pytest.raises(sqlite3.OperationalError) as said:
            connection.execute("UPDATE life SET ended = 1")
        assert said.value.sqlite_errorcode == sqlite3.SQLITE_FULL
    finally:
        connection.close()


def test_it_is_sqlite_that_says_read_only(store: Store) -> None:
    store.serve(BOOT)
    store.disk.read_only = True
    connection = store.disk.connect(str(store.disk.path), 1)
    try:
        with pytest.raises(sqlite3.OperationalError) as said:
            connection.execute("UPDATE life SET ended = 1")
        assert said.value.sqlite_errorcode == sqlite3.SQLITE_READONLY
    finally:
        connection.close()


@pytest.mark.parametrize("kind", ["full", "read_only"])
def test_a_first_boot_on_such_a_disk_is_answered_too(store: Store, kind: str) -> None:
    setattr(store.disk, kind, True)
    assert [store.serve(request) for request in (*WRITES, LOAD)] == [NO] * 4
    setattr(store.disk, kind, False)
    store.remount()
    assert ok(store.serve(BOOT))


@pytest.mark.proves("K-FAULT-005")
@pytest.mark.parametrize("request_", WRITES)
def test_a_read_only_disk_can_be_read(store: Store, request_: bytes) -> None:
    assert all(ok(store.serve(request)) for request in WRITES)
    store.disk.read_only = True
    store.remount()
    assert store.serve(request_) == NO
    assert ok(store.serve(LOAD))


def test_full_and_read_only_leave_a_sound_file(store: Store) -> None:
    assert all(ok(store.serve(request)) for request in WRITES)
    for kind in ("full", "read_only"):
        setattr(store.disk, kind, True)
        store.remount()
        for request in WRITES:
            store.serve(request)
        setattr(store.disk, kind, False)
        store.remount()
    assert all(ok(store.serve(request)) for request in WRITES)
    assert [path.name for path in store.disk.path.parent.iterdir() if "damaged" in path.name] == []


def test_a_failing_disk_answers_with_its_status(store: Store) -> None:
    store.disk.errors = [(1_000, Dice("always"))]
    assert [store.serve(request) for request in WRITES] == [NO] * 3
    assert store.disk.failed == 3
    store.disk.errors = []
    assert ok(store.serve(BOOT))


def test_a_failing_disk_may_have_done_what_was_asked(store: Store) -> None:
    store.disk.errors = [(1_000, Dice("boots"))]
    for _ in range(40):
        assert store.serve(BOOT) == NO
    store.disk.errors = []
    counted = int.from_bytes(store.serve(BOOT)[1:5], "big") - 1
    assert 5 < counted < 35, "about half of forty"


def test_a_disk_fails_as_often_as_asked(store: Store) -> None:
    store.disk.errors = [(250, Dice("now and then"))]
    failed = sum(store.serve(LOAD) == NO for _ in range(400))
    assert 65 < failed < 135


def test_a_flipped_bit_is_one_bit(store: Store) -> None:
    assert store.disk.flip(0, 0) == "the store has no file yet"
    store.serve(BOOT)
    store.remount()
    before = store.disk.path.read_bytes()
    assert store.disk.flip(500_000, 3) == ""
    after = store.disk.path.read_bytes()
    changed = [(a ^ b, n) for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert changed == [(8, len(before) // 2)]


def test_a_flip_in_the_head_of_the_file_sets_it_aside(store: Store) -> None:
    store.serve(BOOT)
    store.remount()
    assert store.disk.flip(0, 1) == ""
    assert ok(store.serve(BOOT))
    assert (store.disk.path.parent / "store.sqlite.damaged-1").exists()
