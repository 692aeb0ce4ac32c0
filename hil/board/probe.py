"""What the simulation shows of its board to those who judge a run: a look once a second, and what is executed.

SIMULATED rungs only: a real board cannot be looked into. The looks are read from the flight software's own objects, but
judged here: whether tasks are fresh, and what the loads draw, is worked out anew.
"""

from collections.abc import Callable, Iterator, Mapping, Sized
from functools import partial
from typing import Any, Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.kernel.supervisor import TaskState
from fsw.mdb.values import Raw
from hil.board.board import Board, Powered
from hil.observer import Probe

PERIOD_US: Final = 1_000_000
"""How often a board is looked at."""
STORE_FAULTY: Final = 1
"""The bit of the health octet (mission database, heartbeat)."""
# Limits as the design has them, typed once more.
OUTBOX_MAX: Final = 512 + 256 + 16 + 256
LANDER_OUTBOX_MAX: Final = 32
MESSAGE_TYPES_MAX: Final = 256
STRUCTURES_MAX: Final = 160
EVENTS_DISABLED_MAX: Final = 4096
SCRATCH: Final = 10


class Window:
    """Looks into one board. What a life's queues are is found once for that life."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._life = 0
        self._queues: list[tuple[str, Sized, int]] = []
        self._loads: list[tuple[int, int]] = []

    def look(self) -> Probe | None:
        """The board as it stands; None while it is without power."""
        board = self._board
        app = board.app
        if app is None:
            return None
        if board.lives != self._life:
            self._life = board.lives
            line = board.line
            self._queues = list(queues_of(board))
            self._queues.append(("line.up", line.up, line.up.octets_max))
            self._queues.append(("line.down", line.down, line.down.octets_max))
            self._loads = [(1 << one.row, one.module.INSTRUMENT.power_mw) for one in app.mission.instruments]
        state = app.board
        on = state.loads_on
        return Probe(
            mode=state.mode.name.lower(),
            tasks_fresh=_fresh(board),
            tasks_running=all(task.state is TaskState.RUNNING for task in app.supervisor.tasks.values()),
            watchdog_strokes=board.watchdog.strokes,
            queues={name: (len(queue), limit) for name, queue, limit in self._queues},
            drawn_mw=app.mission.base_mw + sum(power_mw for bit, power_mw in self._loads if on & bit),
            allocation_mw=app.power._allocation_mw,
            store_faulty=bool(state.health & STORE_FAULTY),
            transient=False,
        )


def tap(board: Board, tell: Callable[[bytes], None]) -> None:
    """Have `tell` called with the id of each request whose execution begins, for as long as this life lasts."""
    tap_requests(board, lambda request_id, _: tell(request_id))


def tap_requests(board: Powered, tell: Callable[[bytes, object], None]) -> None:
    """The same with the body of each request: the declared class with its values."""
    app = board.app
    assert app is not None, "only what has power executes"

    def executing(execution: Callable[[Any, Micros], None], request: Any, now: Micros) -> None:  # noqa: ANN401
        # Any: the type of a request stays in flight's own house.
        tell(request.request_id, request.body)
        execution(request, now)

    processes = [app.system.process, app.power.process, app.comms.process]
    processes += [host.process for host in app.hosts.values()]
    for process in processes:
        assert process is not None, "every process has its queue"
        process.executions = {body: partial(executing, one) for body, one in process.executions.items()}


class Counted(NamedTuple):
    """What the receiver of one life has counted: refusals by their names, octets skipped, frames taken whole."""

    refused: Mapping[str, int]
    octets_skipped: int
    frames_good: int
    authentic: int
    faults: Mapping[str, str]
    """The last fault of each task that had one."""
    scratch: Raw
    """Parameter 10."""


def counted(board: Powered) -> Counted:
    """The counters of the receiver as they stand."""
    app = board.app
    assert app is not None, "looked at with power only"
    link = app.link
    refused = {reason.value: count for reason, count in link.counters.items()}
    if link.protection is not None:
        refused |= {reason.value: count for reason, count in link.protection.refused.items()}
    faults = {name: task.fault for name, task in app.supervisor.tasks.items() if task.fault}
    scratch = app.parameters.values.get(SCRATCH)
    return Counted(refused, link.octets_skipped, link.frames_good, app.security.authentic, faults, scratch)


def _fresh(board: Board) -> bool:
    """Whether every task that matters has had the turn it asked for; a second opinion beside the supervisor's."""
    app = board.app
    assert app is not None, "looked at with power only"
    now = app.world.clock.now()
    for task in app.supervisor.tasks.values():
        if task.state is TaskState.STRUCK_OUT:
            if task.essential:
                return False
            continue
        for watch in task.watches:
            if max(watch.ran, watch.due, task.resume_us) + watch.grace_us < now:
                return False
    return True


def queues_of(board: Powered) -> Iterator[tuple[str, Sized, int]]:
    """Everything in flight software that fills and empties, with its limit."""
    app = board.app
    assert app is not None, "looked at with power only"
    processes = {"system": app.system.process, "power": app.power.process, "comms": app.comms.process}
    processes |= {name: host.process for name, host in app.hosts.items()}
    for name, process in processes.items():
        assert process is not None, "every process has its queue"
        yield f"requests.{name}", process.mailbox, process.mailbox.capacity
    for inbox in (app.system.inbox, app.power.inbox):
        yield f"inbox.{inbox.name}", inbox, inbox.capacity
    yield "outbox", app.outbox, OUTBOX_MAX
    yield "lander_outbox", app.lander_outbox, LANDER_OUTBOX_MAX
    yield "store", app.store.port, app.store.port.capacity
    yield "message_types", app.telemetry._messages, MESSAGE_TYPES_MAX
    yield "structures", app.housekeeping._collections, STRUCTURES_MAX
    yield "events_disabled", app.events._disabled, EVENTS_DISABLED_MAX
