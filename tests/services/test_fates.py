"""The fate of every command: what was said last, over resets, in reports that are read here by hand."""

from struct import unpack_from
from typing import NamedTuple

import pytest

from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.pus.ids import FailureCode
from fsw.services.keeper import Turns
from fsw.services.verification import Request
from fsw.store.keep import Table, put
from tests.services.desk import Desk, words
from tests.system.by_hand import telecommand

SYSTEM = 0x020
PING = (17, 1)
CUT, ACCEPTED, REJECTED, STARTED, REFUSED, COMPLETED, FAILED, NOT_ROUTED = 0, 1, 2, 3, 4, 7, 8, 10
S = 1_000_000


class Told(NamedTuple):
    number: int
    sequence: int
    source: int
    word: int
    code: int


class Listed(NamedTuple):
    whole: bool
    oldest: int
    following: int
    first: int
    fates: list[Told]


class FateDesk:
    """A desk whose requests come as packets of VC 0."""

    def __init__(self, before: "FateDesk | None" = None, *, restored: bool = True) -> None:
        self.desk: Desk = Desk(before.desk.disk if before else None)
        self.mailbox: Mailbox[Request] = Mailbox("system", 500)
        self.desk.verification.serve(SYSTEM, self.mailbox)
        if restored:
            self.desk.restore()

    def receive(self, count: int, apid: int = SYSTEM, kind: tuple[int, int] = PING) -> Request | None:
        packet = telecommand(apid, *kind, b"", ack=0, count=count)
        self.desk.verification.receive(packet, self.desk.now)
        return self.mailbox.take()

    def perform(self, count: int) -> None:
        request = self.receive(count)
        assert request is not None
        self.desk.verification.started(request, self.desk.now)
        self.desk.verification.completed(request, self.desk.now)

    def turn(self, us: int = S) -> Micros:
        self.desk.now = Micros(self.desk.now + us)
        due = self.desk.fates.step(self.desk.now)
        self.desk.answer()
        return due

    def listed(self, first: int = 0) -> list[Listed]:
        self.desk.take()
        self.desk.ask(SYSTEM, 8, 1, (50).to_bytes(2, "big") + first.to_bytes(4, "big"))
        while self.desk.fates.step(self.desk.now) <= self.desk.now:
            pass
        reports = self.desk.take()
        assert words(reports)[-1][0] == 7
        return [read(report.data) for report in reports if (report.service, report.subtype) == (8, 180)]


def read(data: bytes) -> Listed:
    _boot, whole, oldest, following, first, n = unpack_from(">IBIIIB", data)
    assert len(data) == 18 + n * 21
    fates = []
    for index in range(n):
        at = 18 + index * 21
        number, _apid, sequence, source, status, p_field, word, code = unpack_from(">IHHHBB6xBH", data, at)
        assert status == 0
        assert p_field == 0x1E
        fates.append(Told(number, sequence & 0x3FFF, source, word, code))
    return Listed(bool(whole), oldest, following, first, fates)


@pytest.mark.proves("K-FATE-001")
def test_every_end_of_a_request_is_written_down_also_unasked_for() -> None:
    desk = FateDesk()
    verification, now = desk.desk.verification, desk.desk.now
    desk.perform(10)
    refused, failed, open_, under_way = (desk.receive(count) for count in (11, 12, 13, 14))
    assert refused
    assert failed
    assert open_
    assert under_way
    verification.refused(refused, FailureCode(0x14), now)
    verification.started(failed, now)
    verification.failed(failed, FailureCode(0x1B), now)
    verification.started(under_way, now)
    assert desk.receive(15, apid=0x0EE) is None
    assert desk.receive(16, kind=(99, 1)) is None
    assert [r.subtype for r in desk.desk.take()] == [4, 8, 10, 2], "the flags asked for nothing else"
    (listed,) = desk.listed()
    assert listed.whole
    assert (listed.oldest, listed.following) == (0, 7)
    assert listed.fates == [
        (0, 10, 7, COMPLETED, 0), (1, 11, 7, REFUSED, 0x14), (2, 12, 7, FAILED, 0x1B), (3, 13, 7, ACCEPTED, 0),
        (4, 14, 7, STARTED, 0), (5, 15, 7, NOT_ROUTED, 0), (6, 16, 7, REJECTED, 3),
    ]  # fmt: skip
    (from_5,) = desk.listed(5)
    assert [fate.number for fate in from_5.fates] == [5, 6]
    assert from_5.first == 5
    (nothing,) = desk.listed(7)
    assert nothing.fates == []


@pytest.mark.proves("K-FATE-001")
def test_over_a_cut_what_was_under_way_is_cut_short() -> None:
    desk = FateDesk()
    desk.perform(1)
    assert desk.receive(2)
    desk.turn()
    desk.perform(3)  # and no turn more: this life ends before it is written
    again = FateDesk(desk)
    again.perform(4)
    again.turn()
    (listed,) = again.listed()
    assert [fate[1:] for fate in listed.fates] == [(1, 7, COMPLETED, 0), (2, 7, CUT, 0), (4, 7, COMPLETED, 0)]
    third = FateDesk(again)
    (listed,) = third.listed()
    assert [fate[1:] for fate in listed.fates] == [(1, 7, COMPLETED, 0), (2, 7, CUT, 0), (4, 7, COMPLETED, 0)]


@pytest.mark.proves("K-FATE-001")
def test_what_comes_before_the_list_is_back_stands_behind_it() -> None:
    desk = FateDesk()
    desk.perform(1)
    desk.turn()
    again = FateDesk(desk, restored=False)
    again.perform(2)
    assert again.turn() == NEVER
    (early,) = again.listed()
    assert (early.whole, early.following) == (False, 1)
    again.desk.restore()
    again.turn()
    third = FateDesk(again)
    (listed,) = third.listed()
    assert [(fate.number, fate.sequence) for fate in listed.fates] == [(0, 1), (1, 2)]


@pytest.mark.proves("K-FATE-001")
def test_the_last_256_are_kept() -> None:
    desk = FateDesk()
    for count in range(300):
        desk.perform(count)
        if count == 280:
            desk.turn()
    for _ in range(6):
        desk.turn()
    listed = FateDesk(desk).listed()
    assert [fate.sequence for report in listed for fate in report.fates] == list(range(44, 300))
    assert [len(report.fates) for report in listed] == [40] * 6 + [16]
    assert {(report.oldest, report.following) for report in listed} == {(44, 300)}


def test_ten_commits_at_once_then_five_a_second_and_none_when_nothing_was_said() -> None:
    desk = FateDesk()
    for count in range(100):
        desk.perform(count)
        desk.turn(10_000)
    assert desk.desk.keeper.commits == 15
    while desk.turn(200_000) != NEVER:
        pass
    commits = desk.desk.keeper.commits
    assert desk.turn() == NEVER
    assert desk.desk.keeper.commits == commits
    assert [fate.word for report in FateDesk(desk).listed() for fate in report.fates] == [COMPLETED] * 100


@pytest.mark.proves("K-FATE-001")
def test_that_a_request_came_is_asked_of_the_store_before_the_request_is_served() -> None:
    desk = FateDesk()
    assert desk.receive(1)
    desk.desk.fates.ahead(desk.desk.now)
    desk.desk.keeper.keep([put(Table.SCHEDULE, 1, b"what it did")], desk.desk.now, lambda *_: None)
    assert len(desk.desk.keeper) == 1, "its row has left already"
    desk.desk.answer()
    again = FateDesk(desk)
    assert [fate.word for fate in again.listed()[0].fates] == [CUT]


@pytest.mark.proves("K-FATE-001")
def test_a_store_that_refuses_is_asked_again() -> None:
    desk = FateDesk()
    desk.desk.disk.failing = True
    desk.perform(1)
    desk.turn()
    desk.desk.disk.failing = False
    assert desk.turn(S) == 6 * S
    assert desk.turn(5 * S) == NEVER
    assert [fate.sequence for fate in FateDesk(desk).listed()[0].fates] == [1]


def test_a_row_that_is_none_is_passed_over() -> None:
    desk = FateDesk()
    desk.perform(1)
    desk.turn()
    rows = [put(Table.FATES, 200, b"?"), put(Table.FATES, 201, bytes(20) + b"\x63" + bytes(2))]
    desk.desk.keeper.keep(rows, desk.desk.now, lambda *_: None)
    desk.desk.answer()
    assert [fate.sequence for fate in FateDesk(desk).listed()[0].fates] == [1]


def test_one_answer_at_a_time() -> None:
    desk = FateDesk()
    data = (50).to_bytes(2, "big") + bytes(4)
    assert words(desk.desk.ask(SYSTEM, 8, 1, data)) == [(3, 0)]
    assert words(desk.desk.ask(SYSTEM, 8, 1, data)) == [(4, 8)]
    desk.turn()
    assert words(desk.desk.take()) == [(7, 0)]


@pytest.mark.proves("K-FATE-001")
@pytest.mark.parametrize("failing", [False, True])
def test_what_a_request_keeps_and_that_it_completed_are_one_list(failing: bool) -> None:
    desk = FateDesk()
    board = desk.desk
    turns = Turns(board.keeper, board.verification, Table.SCHEDULE)
    request = desk.receive(1)
    assert request is not None
    board.fates.ahead(board.now)
    board.verification.started(request, board.now)
    board.answer()
    board.disk.failing = failing
    commits = board.keeper.commits
    turns.commit(request, [put(Table.SCHEDULE, 1, b"what it did")], board.now, lambda _: None)
    board.answer()
    assert board.keeper.commits == commits + (not failing)
    board.disk.failing = False
    word = FAILED if failing else COMPLETED
    assert desk.listed()[0].fates[0].word == word
    if failing:
        desk.turn()
    again = FateDesk(desk)
    assert again.listed()[0].fates[0].word == word
