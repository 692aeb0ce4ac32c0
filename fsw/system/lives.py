"""How lives end, over many of them: the guard against a loop of resets, and how often the watchdog bit.

A life is short when nobody ended it in order and it ended within `SHORT_US`. After `LOOP` short lives in a row the next
one boots to its minimal configuration: SAFE, no load on, until the ground commands otherwise.

Off nominal: without its row, or with a damaged one, counting begins anew; a store that keeps nothing means no guard.
"""

import struct
from typing import Final

from fsw.hal.ports import BoardReadings
from fsw.kernel.clock import Micros
from fsw.mdb.system import ResetCause
from fsw.services.keeper import Keeper
from fsw.store.keep import Table
from fsw.store.protocol import LastLife
from fsw.system.kept_row import KeptRow

SHORT_US: Final = 60_000_000
LOOP: Final = 5
SHORT_MAX: Final = 254
BITES_MAX: Final = 0xFFFE
_ROW: Final = struct.Struct(">BHI")
_UNEXPECTED: Final = frozenset((LastLife.CUT, LastLife.WATCHDOG, LastLife.FAULT, LastLife.BROWN_OUT))


class Lives:
    """`short`: lives up to this one that were short, in a row; None until known. `bites`: of the watchdog, ever."""

    def __init__(self, keeper: Keeper) -> None:
        self._row = KeptRow(keeper, Table.LIVES)
        self._computer = 0
        self._survived = False
        self.short: int | None = None
        self.bites: int | None = None

    @property
    def restored(self) -> bool:
        """Whether it is known how many there were."""
        return self._row.back

    @property
    def looping(self) -> bool:
        """Whether the guard against a loop of resets is to act."""
        return self.short is not None and self.short >= LOOP

    def begin(self, last: LastLife, readings: BoardReadings) -> ResetCause:
        """A life begins: how the one before ended, with what the computer knows of its own reset."""
        if not self._row.back:
            return ResetCause(last)
        octets = self._row.octets
        known = octets is not None and len(octets) == _ROW.size
        short, bites, computer = _ROW.unpack(octets) if known and octets is not None else (0, 0, 0)
        self._computer = readings.computer_boot or 0
        # A reset is told once: a process that starts again on the same boot of the computer was not bitten.
        fresh = not self._computer or self._computer != computer
        bitten = bool(readings.watchdog_reset) and fresh and last in (LastLife.CUT, LastLife.BROWN_OUT)
        self.bites = min(bites + bitten, BITES_MAX)
        self.short = short if last in _UNEXPECTED else 0
        self._want(min(self.short + 1, SHORT_MAX))
        return ResetCause.WATCHDOG if bitten else ResetCause(last)

    def step(self, now: Micros) -> None:
        """Write down, once, that this life is not short any more."""
        if not self._survived and now >= SHORT_US and self.short is not None:
            self._survived = True
            self._want(0)
        self._row.step(now)

    def forgive(self) -> None:
        """The ground has commanded: the loop is over."""
        if self.short:
            self.short = 0
            self._want(0 if self._survived else 1)

    def _want(self, short: int) -> None:
        self._row.want(_ROW.pack(short, self.bites or 0, self._computer))
