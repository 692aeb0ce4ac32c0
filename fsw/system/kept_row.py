"""One row that `system` keeps over resets: written when it changes, again until it is on the disk.

A row is a few octets with their complement behind them, so that a flipped bit is seen.
Off nominal: a damaged row is none; a store that refuses is asked again once a second.
"""

from collections.abc import Mapping

from fsw.kernel.clock import Micros
from fsw.services.keeper import Keeper, Outcome
from fsw.store.keep import Table, put


def seal(octets: bytes) -> bytes:
    """Octets and their complement."""
    return octets + bytes(octet ^ 0xFF for octet in octets)


def unseal(row: bytes) -> bytes | None:
    """The octets of a row; None when its halves contradict one another."""
    octets = row[: len(row) // 2]
    return octets if row and seal(octets) == row else None


class KeptRow:
    """Row 0 of a table. `octets`: what it said at boot, None for nothing; `back`: whether the store has given it."""

    __slots__ = ("_asked", "_keeper", "_on_disk", "_table", "_wanted", "back", "octets")

    def __init__(self, keeper: Keeper, table: Table) -> None:
        self._keeper = keeper
        self._table = table
        self.octets: bytes | None = None
        self.back = False
        self._wanted: bytes | None = None
        self._on_disk: bytes | None = None
        self._asked = False
        keeper.restores(table, self._restore)

    def _restore(self, rows: Mapping[int, bytes], now: Micros) -> None:
        self.back = True
        self.octets = self._on_disk = unseal(rows[0]) if 0 in rows else None

    def want(self, octets: bytes) -> None:
        """What the row shall say from now on."""
        self._wanted = octets

    @property
    def pending(self) -> bool:
        """Whether something is still to be written."""
        return self._wanted is not None and self._wanted != self._on_disk

    def step(self, now: Micros) -> None:
        """Write what is wanted, one list at a time."""
        if not self.pending or self._asked or not self.back:
            return
        wanted = self._wanted
        assert wanted is not None

        def then(outcome: Outcome, at: Micros) -> None:
            self._asked = False
            self._on_disk = wanted if outcome is Outcome.KEPT else None

        self._asked = self._keeper.keep([put(self._table, 0, seal(wanted))], now, then)
