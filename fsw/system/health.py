"""Health: a keyed ping to every process through its own queue; one that does not echo is told, then lost.

The key goes where requests go, so an echo shows that the queue moves, not only that the slot has run. An essential
process that is lost ends the watchdog's strokes, beside the supervisor's own look at the slots (fsw/kernel/supervisor).

Off nominal: a full queue delays the ping and so counts as silence; a process whose task rests or is struck out is the
supervisor's and is not asked.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from fsw.kernel.clock import TICK_US, Micros
from fsw.kernel.scheduler import Slot
from fsw.mdb import autonomy
from fsw.services.instrument import Services
from fsw.services.process import Key, Process

PING_US: Final = 4_000_000
_SECOND: Final = 1_000_000


class Watched(NamedTuple):
    """A process that is asked: its row of the slot table, how seldom that slot is looked at, whether it must live."""

    row: int
    process: Process
    period_us: int
    essential: bool
    running: Callable[[], bool]


def watched(
    slots: Sequence[Slot],
    rows: Mapping[str, int],
    processes: Mapping[str, Process],
    reachable: Callable[[int], bool],
) -> list[Watched]:
    """Whom health asks: every process, by the row of its task's first slot."""
    found = []
    for name, process in processes.items():
        slot = slots[rows[name]]
        running = partial(reachable, process.apid)
        found.append(Watched(rows[name], process, slot.period_ticks * TICK_US, slot.essential, running))
    return found


class _Pulse:
    """How one process answers. `asked_us`: since when it owes an echo, None when it owes none."""

    __slots__ = ("asked_us", "key", "told", "watched")

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.asked_us: Micros | None = None
        self.key = 0
        self.told = 0  # 0 well, 1 late, 2 lost


class Health:
    """Asks once in `PING_US`, looks once a second. `lost`: whether an essential process is."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pulses: tuple[_Pulse, ...] = ()
        self._key = 0
        self._ping_us = Micros(0)
        self.lost = False

    def watch(self, watched: Sequence[Watched]) -> None:
        """Whom to ask; once, when all processes are there."""
        self._pulses = tuple(_Pulse(one) for one in watched)

    def step(self, now: Micros) -> int:
        """Look at the echoes, and ask anew when it is time; bit n of the result: row n is late."""
        parameters = self._services.parameters
        warn_us = parameters.guarded(autonomy.WARN, now) * _SECOND
        fatal_us = max(parameters.guarded(autonomy.FATAL, now) * _SECOND, warn_us + _SECOND)
        late = 0
        for pulse in self._pulses:
            self._look(pulse, warn_us, fatal_us, now)
            late |= bool(pulse.told) << pulse.watched.row
        self.lost = any(pulse.told == 2 and pulse.watched.essential for pulse in self._pulses)
        if now >= self._ping_us:
            self._ping_us = Micros(now + PING_US)
            self._ping(now)
        return late

    def _ping(self, now: Micros) -> None:
        self._key = self._key + 1 & 0xFFFF_FFFF
        for pulse in self._pulses:
            if pulse.asked_us is None and pulse.watched.running():
                pulse.asked_us, pulse.key = now, self._key
                pulse.watched.process.mailbox.put(Key(self._key))

    def _look(self, pulse: _Pulse, warn_us: int, fatal_us: int, now: Micros) -> None:
        watched = pulse.watched
        if pulse.asked_us is None:
            return
        task = watched.row
        if watched.process.echo == pulse.key or not watched.running():
            if pulse.told:
                self._services.events.report(autonomy.TaskAnswers(task=task), now)
            pulse.asked_us, pulse.told = None, 0
            return
        waited_us = now - pulse.asked_us - watched.period_us
        waited_s = min((now - pulse.asked_us) // _SECOND, 255)
        if waited_us >= fatal_us and pulse.told < 2:
            pulse.told = 2
            self._services.events.report(autonomy.TaskLost(task=task, waited_s=waited_s), now, flush=True)
        elif waited_us >= warn_us and not pulse.told:
            pulse.told = 1
            self._services.events.report(autonomy.TaskLate(task=task, waited_s=waited_s), now)
