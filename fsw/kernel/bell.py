"""A bell wakes a slot: somebody rings it, the slot's task silences it at the begin of its turn.

It says that something has changed, not what: however often it was rung, the task looks once.
"""


class Bell:
    """A wake of a slot (`Slot.wakes`); silent when made."""

    __slots__ = ("_rung",)

    def __init__(self) -> None:
        self._rung = 0

    def ring(self) -> None:
        """Have the slot run in its next tick."""
        self._rung = 1

    def silence(self) -> None:
        """The task looks now; what rings from here on wakes it again."""
        self._rung = 0

    def __len__(self) -> int:
        return self._rung
