"""The lander's power switch for one circuit: a table of states and events, and the time of what is announced.

A notice only says when: the lander acts at that time, ready or not, and earlier when the payload says that it is ready.
"""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.power import NoticeAction


@unique
class Supply(Enum):
    """Whether the circuit has power, and what has been announced."""

    OFF = "off"
    ON = "on"
    WARNED = "warned"
    """On; the payload has been told when that ends."""
    CYCLING = "cycling"
    """Off for a moment; comes back by itself."""


@unique
class Event(Enum):
    """What may happen to a switch."""

    SWITCH_ON = "switch_on"
    CUT = "cut"
    NOTICE = "notice"
    """A notice that power will end (off, cycle)."""
    END = "end"
    """The announced time has come, or the payload was ready before it."""
    END_CYCLE = "end_cycle"
    """The same, for a cycle."""
    BACK = "back"
    """The off time of a cycle is over."""


_O, _I, _W, _C = Supply.OFF, Supply.ON, Supply.WARNED, Supply.CYCLING
TABLE: Final[Mapping[Event, Mapping[Supply, Supply]]] = {
    #                    off     on      warned  cycling
    Event.SWITCH_ON: {_O: _I, _I: _I, _W: _I, _C: _I},
    Event.CUT: {_O: _O, _I: _O, _W: _O, _C: _O},
    Event.NOTICE: {_O: _O, _I: _W, _W: _W, _C: _C},
    Event.END: {_O: _O, _I: _I, _W: _O, _C: _C},
    Event.END_CYCLE: {_O: _O, _I: _I, _W: _C, _C: _C},
    Event.BACK: {_O: _O, _I: _I, _W: _W, _C: _I},
}
assert set(TABLE) == set(Event)
assert all(set(row) == set(Supply) for row in TABLE.values())


class Announced(NamedTuple):
    """What will happen to the circuit, and when."""

    action: NoticeAction
    at_us: Micros
    limit_mw: int


class PowerSwitch:
    """One circuit. `step(now)` does what has fallen due; `state`, `announced` and `limit_mw` are for telemetry."""

    __slots__ = ("announced", "cycle_off_us", "limit_mw", "ready_settle_us", "state")

    def __init__(self, on: bool, ready_settle_us: int, cycle_off_us: int) -> None:
        self.state = Supply.ON if on else Supply.OFF
        self.announced: Announced | None = None
        self.limit_mw = 0
        self.ready_settle_us = ready_settle_us
        self.cycle_off_us = cycle_off_us

    @property
    def powered(self) -> bool:
        """Whether the circuit has power."""
        return self.state is Supply.ON or self.state is Supply.WARNED

    def _happen(self, event: Event) -> None:
        self.state = TABLE[event][self.state]

    def switch_on(self) -> None:
        """Power on now; what was announced is forgotten."""
        self.announced = None
        self._happen(Event.SWITCH_ON)

    def cut(self) -> None:
        """Power off now, without a word."""
        self.announced = None
        self._happen(Event.CUT)

    def notice(self, action: NoticeAction, at_us: Micros, limit_mw: int) -> None:
        """Announce an action for `at_us`; a later notice takes the place of an earlier one."""
        if self.state is Supply.CYCLING:
            return
        if self.state is Supply.WARNED:
            self._happen(Event.SWITCH_ON)
        self.announced = Announced(action, at_us, limit_mw)
        if action in (NoticeAction.OFF, NoticeAction.CYCLE):
            self._happen(Event.NOTICE)

    def ready(self, now: Micros) -> bool:
        """The payload is ready to lose the circuit; True when that shortens a notice."""
        if self.state is not Supply.WARNED or self.announced is None:
            return False
        at_us = min(self.announced.at_us, Micros(now + self.ready_settle_us))
        self.announced = self.announced._replace(at_us=at_us)
        return True

    def next_due(self) -> Micros:
        """When something falls due; NEVER while nothing is announced."""
        return NEVER if self.announced is None else self.announced.at_us

    def step(self, now: Micros) -> bool:
        """Do what has fallen due by `now`; True when something was."""
        if self.announced is None or now < self.announced.at_us:
            return False
        action, at_us, limit_mw = self.announced
        self.announced = None
        if self.state is Supply.CYCLING:
            self._happen(Event.BACK)
        elif action is NoticeAction.CYCLE and self.state is Supply.WARNED:
            self._happen(Event.END_CYCLE)
            self.announced = Announced(NoticeAction.ON, Micros(at_us + self.cycle_off_us), 0)
        elif action is NoticeAction.OFF:
            self._happen(Event.END)
        elif action is NoticeAction.ON:
            self._happen(Event.SWITCH_ON)
        elif action is NoticeAction.REDUCE:
            self.limit_mw = limit_mw
        return True
