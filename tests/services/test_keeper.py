"""What services keep: in one transaction, applied when it is on the disk, back at the next boot."""

from collections.abc import Mapping
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from fsw.mdb.standard_services import Ping
from fsw.pus.ids import APID_SYSTEM
from fsw.services.keeper import BATCHES_MAX, WAITING_MAX, Keeper, Outcome, Turns
from fsw.services.verification import Request
from fsw.store.keep import (
    ROW_OCTETS_MAX,
    Change,
    Kind,
    Table,
    clear,
    decode_changes,
    decode_page,
    encode_changes,
    encode_page,
    forget,
    put,
)
from fsw.store.protocol import LIST_OCTETS_MAX
from tests.services.desk import Desk, Disk, words

T = Table.SCHEDULE
OK, TIMEOUT, INTERNAL, BUSY = 0, 0x1A, 0x1B, 8


def keeping(disk: Disk | None = None) -> Desk:
    """A desk with a keeper of its own: no service has a table in it."""
    desk = Desk(disk)
    desk.keeper = Keeper(desk.store)
    return desk


class Service:
    """A service that keeps how often it was pinged."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.count = 0
        self.turns = Turns(desk.keeper, desk.verification, T)
        desk.keeper.restores(T, self.restore)
        desk.executions.update(self.turns.guard({Ping: self.ping}))

    def restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        assert now == self.desk.now
        self.count = len(rows)

    def ping(self, request: Request, now: Micros) -> None:
        key = self.count
        self.desk.verification.started(request, now)
        self.turns.commit(request, [put(T, key, b"x" * 100)], now, lambda at: self.apply(key, at))

    def apply(self, key: int, now: Micros) -> None:
        assert key == self.count, "each check sees what was applied before it"
        assert now == self.desk.now
        self.count += 1


def ended(desk: Desk) -> list[tuple[int, int]]:
    return [(subtype, code) for subtype, code in words(desk.take()) if subtype not in (1, 3)]


def ask(desk: Desk) -> None:
    request = desk.request(APID_SYSTEM, 17, 1)
    desk.executions[Ping](request, desk.now)


@pytest.mark.proves("K-STORE-010")
def test_requests_take_their_turns_and_complete_when_kept() -> None:
    desk = keeping()
    service = Service(desk)
    desk.restore()
    for _ in range(3):
        ask(desk)
    assert (service.count, ended(desk)) == (0, [])
    desk.answer()
    assert (service.count, ended(desk)) == (3, [(7, OK)] * 3)
    again = keeping(desk.disk)
    later = Service(again)
    again.restore()
    assert later.count == 3


@pytest.mark.proves("K-STORE-010")
def test_what_the_store_refuses_is_not_applied_and_the_next_turn_comes() -> None:
    desk = keeping()
    service = Service(desk)
    desk.restore()
    desk.disk.failing = True
    ask(desk)
    ask(desk)
    desk.answer()
    assert (service.count, ended(desk)) == (0, [(8, INTERNAL)] * 2)
    desk.disk.failing = False
    ask(desk)
    desk.answer()
    assert (service.count, ended(desk)) == (1, [(7, OK)])


@pytest.mark.proves("K-STORE-010")
def test_what_is_not_answered_in_time_is_unknown_and_not_applied() -> None:
    desk = keeping()
    service = Service(desk)
    desk.restore()
    desk.wire.latency_us = 20_000_000
    ask(desk)
    desk.answer()
    assert ended(desk) == []
    desk.now = Micros(10_000_000)
    desk.answer()
    assert (service.count, ended(desk)) == (0, [(8, TIMEOUT)])


def test_until_the_rows_are_back_requests_are_refused() -> None:
    desk = keeping()
    Service(desk)
    ask(desk)
    assert ended(desk) == [(4, BUSY)]


def test_more_than_can_wait_is_refused() -> None:
    desk = keeping()
    service = Service(desk)
    desk.restore()
    for _ in range(WAITING_MAX + 2):
        ask(desk)
    assert ended(desk) == [(4, BUSY)]
    desk.answer()
    assert service.count == WAITING_MAX + 1


def test_a_turn_s_changes_are_one_transaction_and_too_many_are_refused() -> None:
    desk = keeping()
    outcomes: list[Outcome] = []
    taken = [desk.keeper.keep([put(T, n, b"")], desk.now, lambda o, _: outcomes.append(o)) for n in range(70)]
    assert taken == [True] * BATCHES_MAX + [False] * 6
    desk.answer()
    assert outcomes == [Outcome.KEPT] * BATCHES_MAX
    assert desk.keeper.commits == 1


def test_a_table_of_many_pages_comes_back_whole() -> None:
    desk = keeping()
    rows = {n * 7: bytes((n % 256,)) * ROW_OCTETS_MAX for n in range(200)}
    for key, octets in rows.items():
        assert desk.keeper.keep([put(T, key, octets)], desk.now, lambda *_: None)
        desk.answer()
    found: dict[int, bytes] = {}
    desk.keeper.restores(T, lambda back, _: found.update(back))
    assert not desk.keeper.ready(T)
    desk.restore()
    assert found == rows
    assert desk.keeper.ready(T)


def test_a_load_that_fails_is_asked_again() -> None:
    desk = keeping()
    Service(desk)
    desk.disk.failing = True
    desk.keeper.load(desk.now)
    desk.answer()
    assert not desk.keeper.restored
    desk.disk.failing = False
    desk.restore()


def take_into(found: dict[int, bytes], rows: Mapping[int, bytes], now: Micros) -> None:
    assert now == 0
    found.update(rows)


CHANGES = st.lists(
    st.one_of(
        st.builds(put, st.sampled_from(Table), st.integers(0, 30), st.binary(max_size=20)),
        st.builds(forget, st.sampled_from(Table), st.integers(0, 30)),
        st.builds(clear, st.sampled_from(Table)),
    ),
    max_size=30,
)


@pytest.mark.proves("K-STORE-010")
@given(st.lists(CHANGES, max_size=4))
def test_the_disk_holds_what_a_dictionary_would(lists: list[list[Change]]) -> None:
    desk = keeping()
    model: dict[tuple[Table, int], bytes] = {}
    for changes in lists:
        desk.keeper.keep(changes, desk.now, lambda *_: None)
        for change in changes:
            match change.kind:
                case Kind.PUT:
                    model[change.table, change.key] = change.octets
                case Kind.FORGET:
                    model.pop((change.table, change.key), None)
                case Kind.CLEAR:
                    model = {key: octets for key, octets in model.items() if key[0] is not change.table}
    desk.answer()
    for table in Table:
        found: dict[int, bytes] = {}
        desk.keeper.restores(table, partial(take_into, found))
        desk.restore()
        assert found == {key: octets for (place, key), octets in model.items() if place is table}


@pytest.mark.proves("K-STORE-010")
def test_layouts() -> None:
    octets = encode_changes([put(T, 5, b"ab"), forget(Table.FATES, 6), clear(Table.FILES)])
    assert octets == bytes.fromhex("01 00 00000005 0002 6162  06 01 00000006 0000  07 02 00000000 0000")
    assert encode_page([(5, b"ab")]) == bytes.fromhex("00 00000005 0002 6162")
    assert encode_page([]) == b"\0"
    many = encode_page((n, bytes(ROW_OCTETS_MAX)) for n in range(100))
    assert many[0] == 1
    assert len(many) <= LIST_OCTETS_MAX


@given(st.binary(max_size=40))
def test_any_octets_are_changes_or_none(octets: bytes) -> None:
    changes = decode_changes(octets)
    assert changes is None or encode_changes(changes) == octets
    decode_page(octets)


@pytest.mark.parametrize("octets", ["", "02", "01", "00 00000005 0003 6162", "00 0000"])
def test_no_page(octets: str) -> None:
    assert decode_page(bytes.fromhex(octets)) is None


@pytest.mark.parametrize(
    "octets", ["01", "00 00 00000005 0000", "01 03 00000005 0000", "01 01 00000005 0001 61", "01 00 00000005 0003 61"]
)
def test_no_changes(octets: str) -> None:
    assert decode_changes(bytes.fromhex(octets)) is None
