"""When the link's state is said: at once when it changes, its counters once a second, nothing while nothing moves."""

from typing import Final

from fsw.kernel.clock import NEVER, Micros
from tools.ground.records import LinkRecord
from tools.ground.uplink_words import LinkState

PERIOD_US: Final = 1_000_000
_SILENT: Final = (LinkState.NO_CLCW.value, LinkState.SILENT.value)


class LinkNews:
    """Remembers what was said last. `unsettle` whatever may change the counters."""

    def __init__(self, now: Micros) -> None:
        self.last: LinkRecord | None = None
        self._at = now
        self._settled = False

    def unsettle(self) -> None:
        """Something came or left."""
        self._settled = False

    def due(self, silent_at: Micros) -> Micros:
        """When the link may have to be said; without traffic that is only when its silence is noticed."""
        if not self._settled or self.last is None:
            return Micros(self._at + PERIOD_US)
        return NEVER if self.last.state in _SILENT else silent_at

    def waits(self, state: str, database: str, boot_count: int | None, now: Micros) -> bool:
        """Whether there is nothing to say yet: of these three a change is said at once, all else once a second."""
        last = self.last
        early = last is not None and now - self._at < PERIOD_US
        return (
            early and last is not None and (state, database, boot_count) == (last.state, last.database, last.boot_count)
        )

    def says(self, record: LinkRecord, now: Micros) -> bool:
        """Whether this record is news."""
        self._at = now
        self._settled = self.last is not None and record[1:] == self.last[1:]
        if not self._settled:
            self.last = record
        return not self._settled
