"""How the store does: its counters as parameters, once a minute, and a slice of its packets read through each time.

Off nominal: a store that does not answer is asked again a minute later, its counters stay as they were; a server that
was started anew counts from zero, here they go on. What it found damaged is one event each time.
"""

from typing import Final

from fsw.kernel.clock import Micros
from fsw.mdb import store as mdb
from fsw.mdb.autonomy import StoreRepaired
from fsw.services.instrument import Services
from fsw.store.client import Failed, PacketsBegun, PacketsChecked, PacketsKept, StatsTold, Store, StoreAnswer
from fsw.store.packets import Stats

ASK_US: Final = 60_000_000
_U32_MAX: Final = 0xFFFF_FFFF
_COPIES: Final = 2


class StoreHealth:
    """Asks for counters and for a look at the packets; `answered`, asked before other takers, takes what comes."""

    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store
        self._due = Micros(ASK_US)
        self._asked: set[int] = set()
        self._before = (0, 0)
        """Commits and octets of servers that are gone."""
        self._last = (0, 0)
        self._checked = self._rounds = self._set_aside = 0
        self._was_set_aside = False
        self._copies = _COPIES
        self._mended = 0

    def step(self, now: Micros) -> Micros:
        """Ask when it is time; a port without room is asked next time."""
        if now >= self._due:
            self._due = Micros(now + ASK_US)
            for asked in (self._store.check(now), self._store.stats(now)):
                if asked is not None:
                    self._asked.add(asked)
        return self._due

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when somebody else asked."""
        if isinstance(answer, PacketsBegun | PacketsKept):
            self._look(answer.begun.set_aside if isinstance(answer, PacketsBegun) else answer.done.set_aside, now)
        if answer.request_id not in self._asked:
            return False
        self._asked.remove(answer.request_id)
        match answer:
            case PacketsChecked(_, more, number):
                self._checked = min(self._checked + number, _U32_MAX)
                self._rounds = min(self._rounds + (not more), 0xFFFF)
            case StatsTold(_, stats):
                self._tell(stats, now)
            case _:
                assert isinstance(answer, Failed), "an answer is to what was asked"
        return True

    def _tell(self, stats: Stats, now: Micros) -> None:
        counted = (stats.commits, stats.octets_written)
        if counted < self._last:
            self._before = (self._before[0] + self._last[0], self._before[1] + self._last[1])
        self._last = counted
        commits, octets = self._before[0] + counted[0], self._before[1] + counted[1]
        values = {
            mdb.COMMITS: commits,
            mdb.WRITTEN: octets >> 10,
            mdb.PACKETS: stats.packets_stored,
            mdb.FILE_SIZE: stats.file_octets >> 10,
            mdb.GENERATION: stats.generation,
            mdb.COPIES: stats.sound_copies,
            mdb.CHECKED: self._checked,
            mdb.ROUNDS: self._rounds,
        }
        self._services.parameters.set_all({parameter.pid: min(n, _U32_MAX) for parameter, n in values.items()}, now)
        if stats.sound_copies < self._copies:
            self._services.events.report(mdb.ParametersMended(copies=stats.sound_copies), now)
        self._copies = stats.sound_copies
        self._look(stats.set_aside, now)
        if stats.mended > self._mended:
            octets = min(stats.mended - self._mended, 0xFFFF)
            self._services.events.report(StoreRepaired(octets=octets, offset=stats.mended_at), now)
        self._mended = stats.mended

    def _look(self, set_aside: bool, now: Micros) -> None:
        """Report a file that was set aside, once: the server says so until the packet store begins anew."""
        if set_aside and not self._was_set_aside:
            self._set_aside = min(self._set_aside + 1, 0xFF)
            self._services.events.report(mdb.PacketsSetAside(files=self._set_aside), now)
        self._was_set_aside = set_aside
