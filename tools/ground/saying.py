"""What a session says, in order: records until somebody takes them, and remarks, bounded."""

from typing import Final

from fsw.kernel.clock import Micros
from tools.ground.records import Note, Record
from tools.ground.remarks import Remarks

RECORDS_MAX: Final = 65_536


class Saying:
    """Records wait here for `take`; what finds no room is counted in `dropped`."""

    def __init__(self) -> None:
        self.dropped = 0
        self._records: list[Record] = []
        self._remarks = Remarks()

    def say(self, record: Record) -> None:
        """Say one record."""
        if len(self._records) >= RECORDS_MAX:
            self.dropped += 1
            return
        self._records.append(record)

    def note(self, text: str, now: Micros) -> None:
        """Remark something; the same again within a second is only counted."""
        worded = self._remarks.worded(text, now)
        if worded is not None:
            self.say(Note(now, worded))

    def take(self) -> list[Record]:
        """What was said since the last call, in order."""
        taken, self._records = self._records, []
        return taken
