"""The tasks' side of the store: typed answers of the real server inline, and of one that answers nonsense."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.bus import InlineWire, Port, Status
from fsw.kernel.clock import ManualClock, Micros
from fsw.store.client import (
    Booted,
    Failed,
    LastLife,
    Marked,
    ParametersCommitted,
    ParametersLoaded,
    Store,
    StoreAnswer,
    StoreStatus,
)
from fsw.store.server import StoreServer

NOW = Micros(0)


class Parrot:
    """A server that says one thing."""

    def __init__(self, word: bytes) -> None:
        self.word = word

    def serve(self, request: bytes) -> bytes:
        return self.word


def store_saying(word: bytes) -> Store:
    return Store(Port("store", InlineWire(lambda: Parrot(word), ManualClock(), 0), capacity=8, deadline_us=1_000_000))


def ask_all(store: Store) -> list[StoreAnswer]:
    store.boot(NOW)
    store.mark(LastLife.ORDERLY, NOW)
    store.load_parameters(NOW)
    store.commit_parameters({1: b"x"}, NOW)
    return store.poll(NOW)


def test_each_request_has_its_typed_answer(tmp_path: Path) -> None:
    server = StoreServer(str(tmp_path / "store.sqlite"))
    clock = ManualClock()
    store = Store(Port("store", InlineWire(lambda: server, clock, 5_000), capacity=8, deadline_us=1_000_000))
    first = store.boot(NOW)
    assert store.commit_parameters({10: b"\0\0\0\7", 3: b""}, NOW) == 2
    assert store.load_parameters(NOW) == 3
    assert store.mark(LastLife.READY_FOR_OFF, NOW) == 4
    assert len(store) == 4
    assert store.poll(NOW) == []
    clock.advance(5_000)
    assert store.poll(clock.now()) == [
        Booted(1, 1, LastLife.UNKNOWN, False),
        ParametersCommitted(2),
        ParametersLoaded(3, {3: b"", 10: b"\0\0\0\7"}),
        Marked(4),
    ]
    assert first == 1
    assert len(store) == 0
    store.boot(clock.now())
    clock.advance(5_000)
    assert store.poll(clock.now()) == [Booted(5, 2, LastLife.READY_FOR_OFF, False)]
    server.close()


def test_a_file_set_aside_is_told(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(os.urandom(5000))
    server = StoreServer(str(path))
    store = Store(Port("store", InlineWire(lambda: server, ManualClock(), 0), capacity=8, deadline_us=1_000_000))
    store.boot(NOW)
    assert store.poll(NOW) == [Booted(1, 1, LastLife.UNKNOWN, True)]
    server.close()


@pytest.mark.parametrize("status", [s for s in StoreStatus if s is not StoreStatus.OK])
def test_a_refusal_is_told_with_its_status(status: StoreStatus) -> None:
    assert ask_all(store_saying(bytes((status,)))) == [Failed(n, Status.OK, status) for n in range(1, 5)]


@pytest.mark.parametrize("word", [b"", b"\x09", b"\0\0"])
def test_an_answer_that_makes_no_sense_is_failed(word: bytes) -> None:
    assert ask_all(store_saying(word)) == [Failed(n, Status.OK, None) for n in range(1, 5)]


def test_a_life_that_ended_in_no_known_way_is_failed() -> None:
    store = store_saying(bytes.fromhex("00 00000001 ff 00"))
    store.boot(NOW)
    assert store.poll(NOW) == [Failed(1, Status.OK, None)]


@given(st.binary(max_size=12))
def test_any_answer_is_decoded_or_failed(word: bytes) -> None:
    assert [answer.request_id for answer in ask_all(store_saying(word))] == [1, 2, 3, 4]


def test_a_request_that_times_out_or_is_lost_is_failed() -> None:
    wire = InlineWire(lambda: Parrot(b"\0"), ManualClock(), 10**9)
    store = Store(Port("store", wire, capacity=2, deadline_us=1_000_000))
    store.mark(LastLife.ORDERLY, NOW)
    assert store.poll(Micros(1_000_000)) == [Failed(1, Status.TIMEOUT, None)]
    store.mark(LastLife.ORDERLY, Micros(1_000_000))
    wire.kill()
    assert store.poll(Micros(1_000_000)) == [Failed(2, Status.LOST, None)]


def test_a_full_port_refuses() -> None:
    store = Store(Port("store", InlineWire(lambda: Parrot(b"\0"), ManualClock(), 0), capacity=1, deadline_us=1))
    assert store.load_parameters(NOW) == 1
    assert store.load_parameters(NOW) is None
