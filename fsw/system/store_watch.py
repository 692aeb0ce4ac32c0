"""The store as `system` sees it: what this life asks of it, whether it is well, who hears its answers.

Nothing waits for it: what it owes is asked for once, and every `STORE_ASK_US` again while it is faulty.

Off nominal: a store that refuses, or does not answer, sets the health bit and is reported once; well again is told when
this life has had all that it asked for.
"""

from collections.abc import Callable
from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import system as mdb
from fsw.services.board import Board, Health
from fsw.services.instrument import Services
from fsw.store.client import (
    Booted,
    Failed,
    Kept,
    LastLife,
    Marked,
    ParametersCommitted,
    ParametersLoaded,
    RowsLoaded,
    Store,
    StoreAnswer,
)
from fsw.system.boot import Boot
from fsw.system.ending import Ending

STORE_ASK_US: Final = 5_000_000
"""How often a faulty store is asked whether it is well again."""
Taker = Callable[[StoreAnswer, Micros], bool]


class StoreWatch:
    """Asks, polls, judges. `takers`: who is offered each answer about packets, until one says it is its own."""

    def __init__(self, board: Board, services: Services, store: Store, boot: Boot, ending: Ending) -> None:
        self._board = board
        self._services = services
        self._store = store
        self._boot = boot
        self._ending = ending
        self._counted = False
        """Whether the store has counted this boot."""
        self._boot_id: int | None = None
        self._restored = False
        self._ask_us = Micros(0)
        self._untold: int | None = None
        """A fault that came before the boot event, which is the first word of a life."""
        self.takers: tuple[Taker, ...] = ()

    def step(self, now: Micros, *, look: bool) -> None:
        """Ask for what is owed; poll when answers have come, and on a `look` (a server may have died)."""
        if now >= self._ask_us:
            self._ask(now)
        port = self._store.port
        if look or len(port) or now >= port.next_deadline():
            for answer in self._store.poll(now):
                self._take(answer, now)

    def next_due(self) -> Micros:
        """When there is something to do although nothing comes."""
        deadline = self._store.port.next_deadline()
        return deadline if deadline < self._ask_us else self._ask_us

    def _ask(self, now: Micros) -> None:
        """Ask for what this life has not had of the store yet; while it is faulty, again and again until it has."""
        asked = []
        if not self._counted:
            self._boot_id = self._store.boot(now)
            asked.append(self._boot_id)
        if not self._restored:
            asked.append(self._store.load_parameters(now))
        if not self._services.keeper.load(now):
            asked.append(None)
        if self._counted and self._restored and self._services.keeper.restored:
            # What is written already: only whether it can be.
            asked.append(self._store.mark(self._ending.marked, now))
        self._ask_us = Micros(now + STORE_ASK_US) if None in asked else NEVER

    def _take(self, answer: StoreAnswer, now: Micros) -> None:
        parameters = self._services.parameters
        kept = self._services.keeper.answered(answer, now)
        if not kept and self._about_packets(answer, now):
            return
        match answer:
            case Booted():
                self._counted = True
                if not self._boot.done:
                    self._boot.counted(answer)
                if answer.set_aside:
                    self.fault(1, now)
                self._caught_up(now)
            case ParametersLoaded():
                self._restored = True
                parameters.restore(answer.values, now)
                self._caught_up(now)
            case ParametersCommitted():
                parameters.committed(answer.request_id, now)
                self._well(now)
            case Marked():
                self._ending.answered(answer)
                self._well(now)
            case Kept() | RowsLoaded():
                assert kept, "only the keeper asks for rows"
                self._caught_up(now)
            case Failed():
                self._failed(answer, now)
            case _:
                raise AssertionError("who asks about packets takes the answers")

    def _failed(self, answer: Failed, now: Micros) -> None:
        if answer.request_id == self._boot_id and answer.store_status is None:
            self._counted = True  # or not: asked again, one boot might count twice
        self._services.parameters.uncommitted(answer.request_id, now, refused=answer.store_status is not None)
        self.fault(2 if answer.store_status is None else 0x10 + answer.store_status, now)

    def _about_packets(self, answer: StoreAnswer, now: Micros) -> bool:
        """Offer an answer to who asks about packets; whether that was all there is to do about it."""
        if not any(taker(answer, now) for taker in self.takers):
            return False
        if isinstance(answer, Failed):
            if answer.store_status is None:
                return False  # the server itself was silent
            # Perhaps only the packets' file: whether the store itself can be written is asked.
            self._ask_us = min(self._ask_us, Micros(now + STORE_ASK_US))
        return True

    def fault(self, code: int, now: Micros) -> None:
        """The store does not keep what it is given."""
        self._ask_us = Micros(now + STORE_ASK_US)
        if not self._board.health & Health.STORE:
            self._board.health |= Health.STORE
            self._untold = code
            self.tell(now)
        self._services.parameters.set(mdb.STORE_FAULT, code, now)

    def tell(self, now: Micros) -> None:
        """Report a fault, behind the boot event."""
        if self._untold is not None and self._boot.done:
            self._services.events.report(mdb.StoreFault(code=self._untold), now)
            self._untold = None

    def _caught_up(self, now: Micros) -> None:
        """The store has answered; well again when this life has had all of it and nothing else is to be asked."""
        whole = self._restored and self._services.keeper.restored
        if self._counted and whole and self._ask_us >= NEVER:
            self._well(now)

    def _well(self, now: Micros) -> None:
        if self._board.health & Health.STORE and self._untold is None:
            self._board.health &= ~Health.STORE
            self._services.events.report(mdb.StoreRecovered(), now)
            self._services.parameters.set(mdb.STORE_FAULT, 0, now)


assert set(map(int, LastLife)) == set(map(int, mdb.ResetCause)), "how a life ends is said in the same numbers"
