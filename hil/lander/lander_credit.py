"""Credit (0x019): how much a virtual channel of the payload may send, said while the lander's queue is short of room.

A credit is what may be sent on a channel from its message until the next one. What ends it is a message of
`UNLIMITED`.
"""

from collections.abc import Callable
from typing import Final

from fsw.kernel.clock import NEVER, Micros

UNLIMITED: Final = 0xFFFF_FFFF
CHANNELS: Final = (0, 1, 3)
"""Virtual channels of data that the lander forwards (contract, section 2)."""
PERIOD_US: Final = {"slow": 10_000_000, "default": 1_000_000, "fast": 1_000_000}
"""How often a credit in force is said on a line profile (contract, section 4)."""

SayCredit = Callable[[int, int], None]


class Credits:
    """Credits by order, and by itself while less than `below_permille` of the queue is free."""

    def __init__(
        self, below_permille: int, priorities: tuple[int, ...], period_us: int, now: Micros, say: SayCredit
    ) -> None:
        self._below_permille = below_permille
        self._first = priorities[0] if priorities else CHANNELS[0]
        """The channel that matters most: it gets what the radio drains, all others wait."""
        self._period_us = period_us
        self._say = say
        self._by_order: dict[int, int] = {}
        self._short = False
        self._due_us = now

    @property
    def active(self) -> bool:
        """Whether there is anything to look at: a credit by order, or a queue to be watched."""
        return bool(self._by_order) or self._below_permille > 0

    @property
    def in_force(self) -> dict[int, int]:
        """Channel -> octets a period; empty when nothing holds the payload back."""
        return dict(sorted(self._by_order.items()))

    @property
    def short(self) -> bool:
        """Whether the queue is short of room."""
        return self._short

    def order(self, vc: int, octets: int, now: Micros) -> None:
        """Grant a channel so much; `UNLIMITED` ends it. Said at once."""
        if octets == UNLIMITED:
            self._by_order.pop(vc, None)
            self._say(vc, UNLIMITED)
        else:
            self._by_order[vc] = octets
        self._due_us = now

    def forget(self) -> None:
        """The lander has booted."""
        self._by_order.clear()
        self._short = False

    def next_due(self) -> Micros:
        """When credits are said again; NEVER while none is in force."""
        return self._due_us if self._by_order or self._short else NEVER

    def look(self, free_permille: int, drain_octets_s: int, now: Micros) -> None:
        """See how full the queue is, and say what is due; short ends at twice the room at which it began."""
        threshold = self._below_permille * (2 if self._short else 1)
        short = free_permille < min(threshold, 1000)
        if short != self._short:
            self._short = short
            self._due_us = now
            if not short:
                for vc in CHANNELS:
                    if vc not in self._by_order:
                        self._say(vc, UNLIMITED)
        if now < self.next_due():
            return
        self._due_us = Micros(now + self._period_us)
        drained = min(drain_octets_s * self._period_us // 1_000_000, UNLIMITED - 1)
        for vc in CHANNELS:
            if vc in self._by_order:
                self._say(vc, self._by_order[vc])
            elif self._short:
                self._say(vc, drained if vc == self._first else 0)
