"""Faults on the payload's side, done to the simulated board: sensors, disk, memory, tasks, clock, supply.

What a fault has taken away comes back when the last fault that holds it ends: after each beginning and end the board is
made what all active faults together want. Heat, a full disk, a vanished sensor outlive a boot; a hung task does not.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from hil.board.board import Board
from hil.faults.heat import Heat
from hil.faults.injection import inject
from hil.faults.twin_faults import SENSOR_KINDS, TwinFaults
from hil.seed import Dice
from hil.written.fault import Fault
from hil.written.fault_kinds import STARVED, TARGETS

SUPPLY_MV_MIN: Final = 22_000
"""Below this the board's converter gives up (contract: 28 V, 22 to 34)."""
HOLD_UP_US: Final = 20_000
"""How long the board's capacitors bridge a supply that is too low. SIMULATED: no board was measured."""
_SLOTS: Final = {"system": ("system",), "power": ("power",), "comms": ("comms.receive", "comms.transmit")}


class _Active(NamedTuple):
    """A fault at work, the life of the board in which it began, and dice of its own."""

    fault: Fault
    life: int
    dice: Dice


class FlightFaults:
    """The board's faults at work; `power` is the lander's switch, behind which a brown-out stands."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._dice = Dice("disk")
        self._sensors = TwinFaults(board.twins, board.mission)
        self._on = board.app is not None
        self._sagging = False
        self._active: list[_Active] = []
        self._hung: set[str] = set()
        self._hung_life = 0
        self._heat = Heat()
        self._checks: Mapping[str, Callable[[Fault], str]] = {
            "brown_out": self._needs_power,
            "cold_start": self._needs_power,
            "starve": self._has_slots,
            **dict.fromkeys(SENSOR_KINDS, self._sensors.why_not),
            "bit_flip": self._flip,
            "file_bit_flip": lambda fault: board.disk.flip(fault.values["place_e6"], fault.values["bit"]),
        }
        """Why a fault cannot be, or empty; what happens at once has then happened."""

    def power(self, on: bool) -> None:
        """The lander's switch."""
        self._on = on
        if not on:
            self._board.cut()
        elif not self._sagging:
            self._board.power_on()

    def begin(self, fault: Fault, now: Micros) -> str:
        """Begin a fault; why not, or empty."""
        why = self._checks[fault.kind](fault) if fault.kind in self._checks else ""
        if why or not fault.for_us:
            return why
        self._active.append(_Active(fault, self._board.lives, self._dice.child(fault.kind, str(fault.at_us))))
        if fault.kind == "cold_start":
            self._apply(now)
            self._board.reset()
        self._apply(now)
        return ""

    def end(self, fault: Fault, now: Micros) -> None:
        """End it."""
        if fault.for_us:
            del self._active[next(n for n, one in enumerate(self._active) if one.fault == fault)]
            self._apply(now)

    def _of(self, *kinds: str) -> list[Fault]:
        return [one.fault for one in self._active if one.fault.kind in kinds]

    # --- whether it can be ----------------------------------------------------------------------------------------

    def _needs_power(self, fault: Fault) -> str:
        return "" if self._board.app is not None else "the payload has no power anyway"

    def _has_slots(self, fault: Fault) -> str:
        return self._needs_power(fault) or ("" if self._slots(fault) is not None else "there is no such task")

    def _flip(self, fault: Fault) -> str:
        why = self._needs_power(fault)
        target = TARGETS[fault.values["target"]]
        return why or inject(self._board, "bit_flip", target, fault.values["item"], fault.values["bit"])

    # --- what is wanted -------------------------------------------------------------------------------------------

    def _apply(self, now: Micros) -> None:
        """Make the board what all active faults want."""
        self._apply_supply()
        self._apply_disk()
        self._sensors.apply(one.fault for one in self._active)
        self._apply_temperature(now)
        self._apply_tasks()
        ppm = sum(fault.values["ppm"] for fault in self._of("clock_drift"))
        if ppm != self._board.clock_ppm:
            self._board.drift(ppm)

    def _apply_supply(self) -> None:
        board = self._board
        sagging = any(f.values["mv"] < SUPPLY_MV_MIN and f.for_us > HOLD_UP_US for f in self._of("brown_out"))
        if sagging == self._sagging:
            return
        self._sagging = sagging
        if not self._on:
            return
        if sagging:
            board.cut()
        else:
            board.power_on()
        if board.told_power is not None:
            board.told_power(not sagging)

    def _apply_disk(self) -> None:
        board, disk = self._board, self._board.disk
        full, read_only = bool(self._of("disk_full")), bool(self._of("disk_read_only"))
        if (full, read_only) != (disk.full, disk.read_only):
            disk.full, disk.read_only = full, read_only
            board.remount()
        failing = (one for one in self._active if one.fault.kind == "disk_error")
        disk.errors = [(one.fault.values["permille"], one.dice) for one in failing]
        slow = max((1_000 * fault.values["ms"] for fault in self._of("disk_slow")), default=0)
        board.slow_store(slow)

    def _apply_temperature(self, now: Micros) -> None:
        sensors = self._board.sensors
        faults = (one.fault for one in self._active)
        if self._heat.apply(faults, sensors.readings.package_temperature_cdegc, now):
            sensors.package_cdegc = lambda: self._heat.shown(self._board.now())

    def _apply_tasks(self) -> None:
        board = self._board
        starved = [one.fault for one in self._active if one.fault.kind == "starve" and one.life == board.lives]
        board.stalled = any(STARVED[fault.values["task"]] == "all" for fault in starved)
        wanted = {slot for fault in starved for slot in self._slots(fault) or ()}
        if self._hung_life != board.lives:
            self._hung_life = board.lives
            self._hung.clear()
        for name in sorted(self._hung - wanted):
            inject(board, "resume", name)
        if board.app is not None:
            for name in sorted(wanted - self._hung):
                inject(board, "hang", name)
            self._hung = wanted
        else:
            self._hung.clear()

    # --- names ----------------------------------------------------------------------------------------------------

    def _slots(self, fault: Fault) -> tuple[str, ...] | None:
        """The slots that a starved task has; None when there is no such task."""
        task = STARVED[fault.values["task"]]
        if task == "all":
            return ()
        if task == "instrument":
            name = self._sensors.instrument(fault)
            return (name,) if name else None
        return _SLOTS[task]
