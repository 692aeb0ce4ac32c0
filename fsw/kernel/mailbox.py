"""Bounded queues between tasks. A full one refuses and counts; nothing waits (architecture, rule 7)."""

from collections import deque
from collections.abc import Sized
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A first-in first-out queue of at most `capacity` items that counts what it refuses.

    `dropped` is how many items were refused, `depth_max` the greatest number that ever lay in it.
    """

    __slots__ = ("_items", "capacity", "depth_max", "dropped", "name")

    def __init__(self, name: str, capacity: int) -> None:
        assert capacity > 0, "a mailbox holds at least one item"
        self.name = name
        self.capacity = capacity
        self.dropped = 0
        self.depth_max = 0
        self._items: deque[T] = deque()

    @property
    def waiting(self) -> Sized:
        """What lies in it, for `Slot.wakes`: the same object for good, looked at without a call of ours."""
        return self._items

    def put(self, item: T) -> bool:
        """Queue `item`; False, and counted, when there is no room."""
        depth = len(self._items)
        if depth >= self.capacity:
            self.dropped += 1
            return False
        self._items.append(item)
        if depth >= self.depth_max:
            self.depth_max = depth + 1
        return True

    def take(self) -> T | None:
        """The oldest item, or None when there is none."""
        return self._items.popleft() if self._items else None

    def __len__(self) -> int:
        return len(self._items)
