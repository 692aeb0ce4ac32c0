"""The store's counters as parameters, and its damage as events: a real server on files, looked at from outside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fsw.kernel.bus import InlineWire, Port
from fsw.kernel.clock import ManualClock, Micros
from fsw.services.archive.store_health import StoreHealth
from fsw.store.client import Store
from fsw.store.packets import Limits, PacketRow, Put, StoreKind
from fsw.store.server import StoreServer
from tests.services.desk import Desk

MINUTE_US = 60_000_000


class Stand:
    """A desk whose store is on files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = Desk()
        self.clock = ManualClock()
        self.store = Store(Port("store", InlineWire(self._serve, self.clock, 0), capacity=8, deadline_us=1_000_000))
        self.health = StoreHealth(self.desk.services, self.store)

    def _serve(self) -> StoreServer:
        self.server = StoreServer(str(self.folder / "store.sqlite"), synced=False)
        return self.server

    def answer(self) -> list[bool]:
        return [self.health.answered(answer, self.clock.now()) for answer in self.store.poll(self.clock.now())]

    def minute(self) -> None:
        self.clock.advance(MINUTE_US)
        assert self.health.step(self.clock.now()) == self.clock.now() + MINUTE_US
        assert self.answer() == [True, True]

    def value(self, pid: int) -> object:
        return self.desk.parameters.values[pid]

    def events(self) -> list[int]:
        return [int.from_bytes(report.data[:2], "big") for report in self.desk.take()]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path)
    yield made
    made.server.close()


def put_ten(stand: Stand) -> None:
    now = stand.clock.now()
    stand.store.begin_packets(now)
    stand.store.limit_packets([Limits(1, StoreKind.CIRCULAR, 0, 10_000)], now)
    stand.store.put_packets(Put(1, 1, [PacketRow(1, 0, n, 0, b"packet") for n in range(10)]), now)
    assert stand.answer() == [False, False, False], "who asked takes them"


@pytest.mark.proves("K-STORE-004")
def test_the_counters_are_parameters_once_a_minute(stand: Stand) -> None:
    assert stand.health.step(Micros(0)) == MINUTE_US
    assert stand.store.poll(Micros(0)) == []
    put_ten(stand)
    stand.store.commit_parameters({10: b"\0\0\0\1"}, stand.clock.now())
    stand.answer()
    stand.minute()
    stand.minute()
    assert [stand.value(pid) for pid in (40, 42, 44, 45, 46)] == [4, 10, 1, 2, 10]
    assert stand.value(43) == (stand.folder / "packets.sqlite").stat().st_size // 1024
    stand.minute()
    assert stand.value(47) == 1, "store 1, then the end of the round"
    written = stand.value(41)
    assert isinstance(written, int)
    assert 16 <= written <= 400, "a few pages of 4 KiB a commit, and each of them copied back"
    assert stand.events() == []


def test_a_server_that_was_started_anew_does_not_start_the_counters_anew(stand: Stand) -> None:
    put_ten(stand)
    stand.minute()
    assert stand.value(40) == 3
    stand.server.close()
    wire = stand.store.port._wire
    wire.restart()
    stand.store.commit_parameters({10: b"\0\0\0\1"}, stand.clock.now())
    stand.answer()
    stand.minute()
    assert stand.value(40) == 4


@pytest.mark.proves("K-STORE-003")
def test_a_packets_file_that_was_damaged_is_one_event(stand: Stand) -> None:
    (stand.folder / "packets.sqlite").write_bytes(b"no database at all" * 100)
    stand.minute()
    stand.minute()
    assert stand.events() == [21]
    assert (stand.folder / "packets.sqlite.damaged-1").exists()
    stand.store.begin_packets(stand.clock.now())
    stand.answer()
    stand.minute()
    assert stand.events() == []


@pytest.mark.proves("K-STORE-002")
def test_a_copy_of_the_parameters_that_was_mended_is_one_event(stand: Stand) -> None:
    stand.store.commit_parameters({10: b"\0\0\0\1"}, stand.clock.now())
    stand.answer()
    with stand.server._file.transaction() as connection:
        connection.execute("UPDATE parameters_b SET octets = x'000a0400000002'")
    stand.store.load_parameters(stand.clock.now())
    (loaded,) = stand.store.poll(stand.clock.now())
    assert getattr(loaded, "values", None) == {10: b"\0\0\0\1"}
    stand.minute()
    assert (stand.value(45), stand.events()) == (1, [20])
    stand.store.load_parameters(stand.clock.now())
    stand.store.poll(stand.clock.now())
    stand.minute()
    assert (stand.value(45), stand.events()) == (2, [])


def test_a_store_that_does_not_answer_leaves_the_counters_as_they_were(stand: Stand) -> None:
    stand.clock.advance(MINUTE_US)
    stand.health.step(stand.clock.now())
    stand.clock.advance(MINUTE_US)
    assert stand.answer() == [True, True]
    assert stand.value(40) == 0
