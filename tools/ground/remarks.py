"""Remarks of the ground itself, bounded: the same one again within a second is only counted."""

from typing import Final

from fsw.kernel.clock import Micros

REMARKS_MAX: Final = 64
_PERIOD_US: Final = 1_000_000


class Remarks:
    """What was remarked lately, and how often since it was said."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[Micros | None, int]] = {}

    def worded(self, text: str, now: Micros) -> str | None:
        """The remark as it is to be said; None when it was said within the last second."""
        at, more = self._said.get(text, (None, 0))
        if at is not None and now - at < _PERIOD_US:
            self._said[text] = at, more + 1
            return None
        if len(self._said) >= REMARKS_MAX:
            self._said.clear()
        self._said[text] = now, 0
        return f"{text} ({more} more since it was last said)" if more else text
