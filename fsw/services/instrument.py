"""What an instrument file says of itself, and what it is given: the contract between a mission's file and the board.

An instrument file declares its commands, parameters and structures, a device that reads the hardware through the
ports it is given, and a task. `INSTRUMENT` ties them together:

    INSTRUMENT = Instrument(process=DOSIMETER, device=Device, task=Task, power_mw=900)

Off nominal: a device that is absent is handed on as one that says so; its commands fail start with 0x14.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from fsw.hal.ports import Opener
from fsw.kernel.bell import Bell
from fsw.kernel.clock import Micros
from fsw.mdb.model import Process
from fsw.services.events import Events
from fsw.services.housekeeping import Housekeeping
from fsw.services.keeper import Keeper
from fsw.services.parameters import Parameters
from fsw.services.process import Execution
from fsw.services.verification import Verification


class Services(NamedTuple):
    """The services of the board that an instrument's task may use."""

    verification: Verification
    events: Events
    parameters: Parameters
    housekeeping: Housekeeping
    keeper: Keeper
    attention: Bell
    """Rung by a service that has work for its own turn, which comes in the slot of `system`."""


class InstrumentTask(Protocol):
    """The behaviour of an instrument; it runs only while its load is on and the mode allows it."""

    @property
    def executions(self) -> Mapping[type[object], Execution]:
        """Its commands and what serves them; each execution settles its request."""

    def step(self, now: Micros) -> Micros:
        """One turn; returns when it next has work."""

    def halt(self, now: Micros) -> None:
        """Its load goes off or the board goes to SAFE: stop what runs, keep what is kept."""


class Instrument(NamedTuple):
    """One instrument. `power_mw` is what its load draws; it is switched on at boot unless `on_at_boot` says no."""

    process: Process
    device: Callable[[Opener], object]
    task: Callable[[Services, object], InstrumentTask]
    power_mw: int
    on_at_boot: bool = True
