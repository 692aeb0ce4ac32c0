"""What the simulation shows of its board to those who judge a run: a look once a second, and what is executed.

SIMULATED rungs only: a real board cannot be looked into. The looks are read from the flight software's own objects, but
judged here: whether tasks are fresh, and what the loads draw, is worked out anew.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from fsw.kernel.clock import Micros
from fsw.kernel.supervisor import TaskState
from hil.board import Board
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
LANDER_REQUESTS_MAX: Final = 64
EVENTS_DISABLED_MAX: Final = 4096


def look(board: Board) -> Probe | None:
    """The board as it stands; None while it is without power."""
    app = board.app
    if app is None:
        return None
    state = app.board
    drawn_mw = app.mission.base_mw
    for entry in app.mission.instruments:
        if state.loads_on >> entry.row & 1:
            drawn_mw += entry.module.INSTRUMENT.power_mw
    tasks = app.supervisor.tasks.values()
    return Probe(
        mode=state.mode.name.lower(),
        tasks_fresh=_fresh(board),
        tasks_running=all(task.state is TaskState.RUNNING for task in tasks),
        watchdog_strokes=board.watchdog.strokes,
        queues=dict(_queues(board)),
        drawn_mw=drawn_mw,
        allocation_mw=app.power._allocation_mw,
        store_faulty=bool(state.health & STORE_FAULTY),
        transient=False,
    )


def tap(board: Board, tell: Callable[[bytes], None]) -> None:
    """Have `tell` called with the id of each request whose execution begins, for as long as this life lasts."""
    app = board.app
    assert app is not None, "only what has power executes"

    def executing(execution: Callable[[Any, Micros], None], request: Any, now: Micros) -> None:  # noqa: ANN401
        # Any: the type of a request stays in flight's own house.
        tell(request.request_id)
        execution(request, now)

    processes = [app.system.process, app.power.process, app.comms.process]
    processes += [host.process for host in app.hosts.values()]
    for process in processes:
        assert process is not None, "every process has its queue"
        process.executions = {body: partial(executing, one) for body, one in process.executions.items()}


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


def _queues(board: Board) -> Iterator[tuple[str, tuple[int, int]]]:
    """Depth and limit of everything that fills and empties."""
    app = board.app
    assert app is not None, "looked at with power only"
    processes = {"system": app.system.process, "power": app.power.process, "comms": app.comms.process}
    processes |= {name: host.process for name, host in app.hosts.items()}
    for name, process in processes.items():
        assert process is not None, "every process has its queue"
        yield f"requests.{name}", (len(process.mailbox), process.mailbox.capacity)
    for inbox in (app.system.inbox, app.power.inbox):
        yield f"inbox.{inbox.name}", (len(inbox), inbox.capacity)
    yield "outbox", (len(app.outbox), OUTBOX_MAX)
    yield "lander_outbox", (len(app.lander_outbox), LANDER_OUTBOX_MAX)
    yield "lander_requests", (len(app.board.lander_requests), LANDER_REQUESTS_MAX)
    yield "store", (len(app.store.port), app.store.port.capacity)
    yield "message_types", (len(app.telemetry._messages), MESSAGE_TYPES_MAX)
    yield "structures", (len(app.housekeeping._collections), STRUCTURES_MAX)
    yield "events_disabled", (len(app.events._disabled), EVENTS_DISABLED_MAX)
    yield "line.up", (len(board.line.up), board.line.up.octets_max)
    yield "line.down", (len(board.line.down), board.line.down.octets_max)
