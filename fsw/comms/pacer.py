"""Pacing of our own output by our own clock: never far ahead of what the baud carries (contract, section 1).

A frame is made only when the octets already handed over will have left within two ticks; so at most one frame and two
ticks of octets are ever ahead, and a telecommand's acceptance overtakes housekeeping that waits.
"""

from typing import Final

from fsw.kernel.clock import TICK_US, Micros

AHEAD_US: Final = 2 * TICK_US
BITS_PER_OCTET: Final = 10
"""8N1: a start bit, eight of data, a stop bit."""


class Pacer:
    """When the line will have sent all that was handed over."""

    __slots__ = ("_baud", "free_us")

    def __init__(self, baud: int) -> None:
        assert baud > 0
        self._baud = baud
        self.free_us = Micros(0)

    def line_us(self, octets: int) -> int:
        """How long so many octets take on the line, rounded up."""
        return -(-octets * BITS_PER_OCTET * 1_000_000 // self._baud)

    def may_send(self, now: Micros) -> bool:
        """Whether another frame may be made."""
        return self.free_us <= now + AHEAD_US

    def next_us(self) -> Micros:
        """When the next frame may be made."""
        return Micros(self.free_us - AHEAD_US)

    def sent(self, octets: int, now: Micros) -> Micros:
        """Book octets handed over; returns when the first of them goes onto the line."""
        first = max(self.free_us, now)
        self.free_us = Micros(first + self.line_us(octets))
        return first

    def reset(self, now: Micros) -> None:
        """The line was opened anew: nothing is under way."""
        self.free_us = now
