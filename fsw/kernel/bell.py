"""A bell wakes a slot: somebody rings it, the slot's task silences it at the begin of its turn.

It says that something has changed, not what: however often it was rung, the task looks once.
"""

from collections import deque
from collections.abc import Sized


class Bell:
    """A wake of a slot (`Slot.wakes`, as it is or as `waiting`); silent when made."""

    __slots__ = ("_rung",)

    def __init__(self) -> None:
        self._rung: deque[None] = deque(maxlen=1)

    @property
    def waiting(self) -> Sized:
        """Not empty while it is rung: the same object for good, looked at without a call of ours."""
        return self._rung

    def ring(self) -> None:
        """Have the slot run in its next tick."""
        self._rung.append(None)

    def silence(self) -> None:
        """The task looks now; what rings from here on wakes it again."""
        self._rung.clear()

    def __len__(self) -> int:
        return len(self._rung)
