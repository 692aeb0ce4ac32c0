"""Restart policy: a task that fails is restarted, one that keeps failing is struck out.

Here is the only `except Exception` of flight: an assertion means our bug, the task dies, this file decides (rule 8).
`MemoryError`, `KeyboardInterrupt` and `SystemExit` are not a task's business and pass.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, TICK_US, Clock, Micros
from fsw.kernel.scheduler import Slot, Step

FAULT_TEXT_MAX: Final = 120
"""Longest text of a fault, characters."""


class RestartPolicy(NamedTuple):
    """A failed task rests `backoff_us`; `strikes` failures within `window_us` strike it out for this life."""

    backoff_us: int
    strikes: int
    window_us: int


@unique
class TaskState(Enum):
    """What the supervisor does with a task's turn."""

    RUNNING = 0
    BACKOFF = 1
    STRUCK_OUT = 2


@unique
class TaskEvent(Enum):
    """What can befall a task."""

    FAULT = 0
    LAST_STRIKE = 1
    RESTARTED = 2


class Watch:
    """One slot as the supervisor sees it: when it ran, when it said it would next have work, what its turn does now.

    `turn` is the slot's own step while its task runs and the supervisor's own while it may not: the state costs a
    running task nothing.
    """

    __slots__ = ("due", "grace_us", "ran", "step", "task", "turn")

    def __init__(self, slot: Slot, task: "Task") -> None:
        self.task = task
        self.step = self.turn = slot.step
        self.ran = Micros(0)
        self.due = Micros(0)
        self.grace_us = (slot.period_ticks + 1) * TICK_US


class Task:
    """One task as the supervisor sees it: its state, its faults within the window, when it may run again."""

    __slots__ = ("essential", "fault", "faults", "name", "resume_us", "state", "strikes", "watches")

    def __init__(self, name: str, strikes_max: int) -> None:
        self.name = name
        self.state = TaskState.RUNNING
        self.essential = False
        self.faults = 0
        self.fault = ""
        """The last fault as text."""
        self.strikes: deque[Micros] = deque(maxlen=strikes_max)
        self.resume_us = Micros(0)
        self.watches: list[Watch] = []


def _rest(task: Task, now: Micros, policy: RestartPolicy) -> None:
    task.resume_us = Micros(now + policy.backoff_us)


def _strike_out(task: Task, _now: Micros, _policy: RestartPolicy) -> None:
    task.resume_us = NEVER


def _resume(task: Task, now: Micros, _policy: RestartPolicy) -> None:
    task.resume_us = now


def _stay(_task: Task, _now: Micros, _policy: RestartPolicy) -> None:
    """Nothing more happens to it."""


Action = Callable[[Task, Micros, RestartPolicy], None]
Cell = tuple[Action, TaskState]


def _row(running: Cell, backoff: Cell, struck_out: Cell) -> Mapping[TaskState, Cell]:
    return {TaskState.RUNNING: running, TaskState.BACKOFF: backoff, TaskState.STRUCK_OUT: struck_out}


_RUN, _OFF, _OUT = TaskState.RUNNING, TaskState.BACKOFF, TaskState.STRUCK_OUT

# fmt: off
TABLE: Final[Mapping[TaskEvent, Mapping[TaskState, Cell]]] = {
    #                            RUNNING              BACKOFF              STRUCK_OUT
    TaskEvent.FAULT:       _row((_rest, _OFF),       (_rest, _OFF),       (_stay, _OUT)),
    TaskEvent.LAST_STRIKE: _row((_strike_out, _OUT), (_strike_out, _OUT), (_stay, _OUT)),
    TaskEvent.RESTARTED:   _row((_stay, _RUN),       (_resume, _RUN),     (_stay, _OUT)),
}
# fmt: on
assert set(TABLE) == set(TaskEvent)


class Supervisor:
    """Guards the scheduler's slots and decides what becomes of a task that fails.

    `restart` rebuilds a task, by task name, before it runs again; a task without an entry just runs on. `on_fault` is
    told each failure (task, text), `on_strike_out` the task's name; neither may raise.
    """

    def __init__(
        self,
        clock: Clock,
        policy: RestartPolicy,
        restart: Mapping[str, Callable[[], None]],
        on_strike_out: Callable[[str], None],
        on_fault: Callable[[str, str], None],
    ) -> None:
        assert policy.strikes > 0, "a policy has at least one strike"
        assert policy.backoff_us > 0, "a failing task rests"
        assert policy.window_us > policy.strikes * policy.backoff_us, "strikes must fit into their window"
        self._clock = clock
        self._policy = policy
        self._restart = restart
        self._on_strike_out = on_strike_out
        self._on_fault = on_fault
        self.tasks: dict[str, Task] = {}
        self._watches: list[Watch] = []
        self._essential_out = False

    def guard(self, slot: Slot) -> Step:
        """A step that gives `slot` its turn if its task may run, and never raises; called once for each slot.

        Slots named "task.part" belong to one task. A task that rests has work when its rest is over, one that is struck
        out never.
        """
        name = slot.name.partition(".")[0]
        task = self.tasks.setdefault(name, Task(name, self._policy.strikes))
        task.essential = task.essential or slot.essential
        watch = Watch(slot, task)
        task.watches.append(watch)
        self._watches.append(watch)

        def guarded(now: Micros) -> Micros:
            try:
                due = watch.turn(now)
            except Exception as error:  # noqa: BLE001 - the one place where flight survives its own bugs
                due = self._failed(task, error)
            watch.ran = now
            watch.due = due
            return due

        return guarded

    def fresh(self, now: Micros) -> bool:
        """Whether the watchdog may be stroked: no essential task is out, and no slot is past the turn it asked for.

        A task that is out and not essential does not count: it resumes never. One that rests is not out.
        """
        for watch in self._watches:
            late = now - watch.grace_us
            if late > watch.due and late > watch.ran and late > watch.task.resume_us:
                return False
        return not self._essential_out

    def _resting(self, task: Task, watch: Watch) -> Step:
        """The turn of a slot whose task may not run: waits for the end of the rest, then rebuilds the task."""

        def resting(now: Micros) -> Micros:
            if now < task.resume_us:
                return task.resume_us
            restart = self._restart.get(task.name)
            if restart is not None:
                # What this raises is one more fault.
                restart()
            self._happen(TaskEvent.RESTARTED, task, now)
            for part in task.watches:
                part.turn = part.step
            return watch.step(now)

        return resting

    def _failed(self, task: Task, error: Exception) -> Micros:
        """Book a fault; returns when the task may run again."""
        # The clock, not the tick: a step may fail after having run for long.
        now = self._clock.now()
        task.faults += 1
        task.strikes.append(now)
        full = len(task.strikes) == self._policy.strikes
        out = full and now - task.strikes[0] <= self._policy.window_us
        self._happen(TaskEvent.LAST_STRIKE if out else TaskEvent.FAULT, task, now)
        for watch in task.watches:
            watch.turn = self._resting(task, watch)
        task.fault = describe(error)
        self._on_fault(task.name, task.fault)
        if out:
            self._on_strike_out(task.name)
        return task.resume_us

    def _happen(self, event: TaskEvent, task: Task, now: Micros) -> None:
        action, task.state = TABLE[event][task.state]
        action(task, now, self._policy)
        self._essential_out |= task.essential and task.state is TaskState.STRUCK_OUT


def describe(error: Exception) -> str:
    """An exception as one line of at most `FAULT_TEXT_MAX` characters: kind, file and line, message."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        place = f" {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{place}: {error}".replace("\n", " ")[:FAULT_TEXT_MAX]
