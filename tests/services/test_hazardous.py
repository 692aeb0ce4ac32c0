"""Hazardous telecommands: none runs before it is on the disk that it came; nothing but health pings overtakes one."""

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.autonomy import Restart
from fsw.mdb.system import Mode
from fsw.services.permissions import serves
from fsw.services.process import REQUESTS_MAX, Key, Process
from fsw.services.verification import Origin, Request
from tests.services.desk import Desk, words
from tests.services.test_fates import CUT, FateDesk
from tests.system.by_hand import telecommand

SYSTEM = 0x020
RESTART = (8, 1, bytes.fromhex("001e"))
TIMEOUT, STATE, INTERNAL = 0x1A, 0x14, 0x1B


class Worker:
    """A desk whose system process takes its requests from packets, as armed; `restarted` counts what ran."""

    def __init__(self, desk: Desk | None = None) -> None:
        self.desk = desk = Desk() if desk is None else desk
        desk.board.mode = Mode.NOMINAL
        self.restarted = 0
        executions = {**desk.executions, Restart: self._restart}
        self.process = Process(
            SYSTEM, desk.verification, desk.telemetry, executions, reset=lambda: None,
            reachable=lambda _: True, permits=lambda body: serves(desk.board.mode, body),
        )  # fmt: skip
        desk.restore()
        for _ in range(5):
            desk.archive.step(desk.now)
            desk.answer()

    def _restart(self, request: Request, now: Micros) -> None:
        self.restarted += 1
        self.desk.verification.started(request, now)
        self.desk.verification.completed(request, now)

    def receive(self, count: int, service: int = 17, subtype: int = 1, data: bytes = b"") -> None:
        packet = telecommand(SYSTEM, service, subtype, data, ack=0b1111, count=count)
        self.desk.verification.release(packet, self.desk.now, Origin.ARMED)

    def run(self) -> list[tuple[int, int]]:
        """One turn of the process: what service 1 said."""
        self.process.run(self.desk.now)
        return words(self.desk.take())


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.mark.proves("K-FATE-003")
def test_it_waits_for_its_row_and_what_came_behind_it_waits_too(worker: Worker) -> None:
    worker.receive(1)
    worker.receive(2, *RESTART)
    worker.receive(3)
    worker.process.mailbox.put(Key(77))
    assert worker.run() == [(1, 0)] * 3 + [(3, 0), (7, 0)], "the first ping has been served"
    assert (worker.process.echo, worker.process.echoes) == (77, 1)
    assert worker.run() == []
    worker.desk.answer()
    assert len(worker.process.mailbox) == 1, "its task is woken"
    assert worker.run()[:1] == [(3, 0)], "begun"
    while worker.process.mailbox:
        worker.run()
    assert not worker.process.mailbox


@pytest.mark.proves("K-FATE-003")
def test_what_came_behind_it_follows_in_its_order(worker: Worker) -> None:
    worker.receive(1, *RESTART)
    worker.run()
    for count in range(2, 6):
        worker.receive(count)
        assert worker.run() == [(1, 0)]
    worker.desk.answer()
    assert worker.restarted == 0
    worker.process.run(worker.desk.now)
    assert worker.restarted == 1
    said = [r for r in worker.desk.take() if r.service == 1]
    assert [(int.from_bytes(r.data[2:4], "big") & 0x3FFF, r.subtype) for r in said] == [
        (1, 3), (1, 7), (2, 3), (2, 7), (3, 3), (3, 7), (4, 3), (4, 7), (5, 3), (5, 7),
    ]  # fmt: skip


@pytest.mark.proves("K-FATE-003")
def test_no_more_wait_behind_it_than_the_queue_holds(worker: Worker) -> None:
    worker.receive(0, *RESTART)
    worker.run()
    for count in range(1, 2 * REQUESTS_MAX + 3):
        worker.receive(count)
        worker.process.run(worker.desk.now)
    refused = [word for word in words(worker.desk.take()) if word[0] == 2]
    assert refused == [(2, 8)] * 2
    worker.desk.answer()
    while worker.process.mailbox:
        worker.process.run(worker.desk.now)
        worker.desk.answer()
    worker.process.run(worker.desk.now)
    assert worker.desk.verification.done >= 2 * REQUESTS_MAX


@pytest.mark.proves("K-FATE-003")
def test_a_store_that_keeps_nothing_refuses_it_and_nothing_else(worker: Worker) -> None:
    worker.desk.disk.failing = True
    worker.receive(1, *RESTART)
    worker.receive(2)
    assert worker.run() == [(1, 0), (1, 0)]
    worker.desk.answer()
    assert worker.run() == [(4, TIMEOUT), (3, 0), (7, 0)]


@pytest.mark.proves("K-FATE-003")
def test_before_the_list_is_back_it_is_refused() -> None:
    desk = Desk()
    process = Process(
        SYSTEM, desk.verification, desk.telemetry, desk.executions, reset=lambda: None, reachable=lambda _: True
    )
    desk.verification.release(telecommand(SYSTEM, *RESTART, ack=0b1111, count=1), desk.now, Origin.ARMED)
    process.run(desk.now)
    assert words(desk.take()) == [(1, 0), (4, TIMEOUT)]


@pytest.mark.proves("K-AUTO-003")
def test_where_nothing_is_written_it_is_refused(worker: Worker) -> None:
    worker.desk.board.mode = Mode.QUIET
    worker.receive(1, *RESTART)
    assert worker.run() == [(1, 0), (4, STATE)]
    worker.desk.board.mode = Mode.NOMINAL
    worker.receive(2, *RESTART)
    assert worker.run() == [(1, 0)]
    worker.desk.answer()
    worker.desk.board.mode = Mode.QUIET
    assert worker.run() == [(4, STATE)], "nor where it came in time"


@pytest.mark.proves("K-FATE-003")
@pytest.mark.parametrize("answered", [False, True])
def test_a_cut_while_it_waits_leaves_it_on_the_list_once_it_was_there(worker: Worker, answered: bool) -> None:
    worker.receive(1, *RESTART)
    worker.run()
    if answered:
        worker.desk.answer()
    again = Desk(worker.desk.disk)
    holder = FateDesk.__new__(FateDesk)
    holder.desk = again
    again.restore()
    fates = holder.listed()[0].fates
    assert [(fate.sequence, fate.word) for fate in fates] == ([(1, CUT)] if answered else [])


def test_a_process_that_is_struck_out_ends_them_all(worker: Worker) -> None:
    worker.receive(1, *RESTART)
    worker.run()
    worker.receive(2)
    worker.receive(3, *RESTART)
    worker.run()
    worker.process.close(worker.desk.now)
    assert words(worker.desk.take()) == [(4, INTERNAL)] * 3
    worker.desk.answer()
    worker.process.run(Micros(worker.desk.now + 1))
    assert words(worker.desk.take()) == []
