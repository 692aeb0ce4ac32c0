"""How this life is going to end, written down before it does, and taken back when it does not.

On the lander's notice and at an orderly stop whoever holds something hands it over first (`closing`), then the store
writes the mark: it serves in order, so what was handed over is on the disk when the mark is. A supply that is seen too
low is marked as well: a cut that follows was a brown-out.

Off nominal: what is not handed over in time is left behind; without a mark the next life is told of a cut.
"""

from collections.abc import Callable
from typing import Final

from fsw.hal.ports import BoardReadings
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import system as mdb
from fsw.mdb.system import StopReason
from fsw.services.board import Board
from fsw.services.instrument import Services
from fsw.store.client import LastLife, Marked, Store

RETRY_US: Final = 50_000
"""How soon is asked again: the store whose queue was full, and who has not handed over yet."""
CLOSE_US: Final = 400_000
"""How long an orderly stop waits for that; a notice's waits until so long before the power goes."""
LOW_US: Final = 60_000_000
"""How long after the supply was seen too low a cut is still its doing."""
_UNDER_VOLTAGE: Final = 1
_STOPS: Final = {StopReason.COMMAND: LastLife.COMMANDED, StopReason.FAULT: LastLife.FAULT}
_ENDS: Final = frozenset((LastLife.ORDERLY, LastLife.COMMANDED, LastLife.FAULT))

Closing = Callable[[Micros], bool]
"""Hand over what is held; whether nothing is held any more."""


class Ending:
    """`marked`: what the store has, or is being given. `closing`: who is asked to hand over before an announced end."""

    def __init__(self, board: Board, services: Services, store: Store) -> None:
        self._board = board
        self._services = services
        self._store = store
        self.marked = LastLife.CUT
        self.closing: tuple[Closing, ...] = ()
        self.retry_us = NEVER
        self._give_up_us = NEVER
        self._mark_id: int | None = None
        self._low_us: Micros | None = None

    def sample(self, readings: BoardReadings, now: Micros) -> None:
        """What the computer knows of its supply."""
        if readings.throttled_flags is not None and readings.throttled_flags & _UNDER_VOLTAGE:
            self._low_us = now

    def step(self, now: Micros) -> None:
        """Write down how this life is going to end, as far as one knows now."""
        self.retry_us = NEVER
        wanted = self._wanted(now)
        if wanted is self.marked:
            self._give_up_us = NEVER
            return
        if wanted in _ENDS or wanted is LastLife.READY_FOR_OFF:
            if self._give_up_us == NEVER:
                end_us = self._board.off_at_us if wanted is LastLife.READY_FOR_OFF else now + 2 * CLOSE_US
                self._give_up_us = Micros(max(now, end_us - CLOSE_US))
            handed = [close(now) for close in self.closing]
            if not all(handed) and now < self._give_up_us:
                self.retry_us = Micros(now + RETRY_US)
                return
            self._services.keeper.flush(now)
        asked = self._store.mark(wanted, now)
        if asked is None:
            self.retry_us = Micros(now + RETRY_US)  # the store's queue is full
            return
        if wanted in _ENDS:
            reason = self._board.stop_wanted or StopReason.SIGNAL
            self._services.events.report(mdb.Stopping(orderly=1, reason=reason), now, flush=True)
        self.marked = wanted
        self._board.kept = False
        self._mark_id = asked

    def _wanted(self, now: Micros) -> LastLife:
        if self._board.stop_wanted is not None:
            return _STOPS.get(self._board.stop_wanted, LastLife.ORDERLY)
        if self._board.off_at_us != NEVER:
            return LastLife.READY_FOR_OFF
        low = self._low_us is not None and now - self._low_us < LOW_US
        return LastLife.BROWN_OUT if low else LastLife.CUT

    def answered(self, answer: Marked) -> None:
        """The store has written a mark."""
        if answer.request_id == self._mark_id:
            self._mark_id = None
            self._board.kept = self.marked is LastLife.READY_FOR_OFF
            self._board.stopped = self.marked in _ENDS
