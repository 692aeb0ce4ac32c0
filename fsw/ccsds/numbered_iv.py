"""The IV of a telecommand frame of our ground: a counter that also says by which service, and since when, it is sent.

The standard masks (355.0-B) authenticate neither the bypass flag nor N(S), and what moves COP-1 is clear. So whoever
stands in between could hand on as BD what is sent again, or move the receiver back first, and have a command taken
twice. The IV is authentic by itself: `KA` (2 octets), the counter (7), a bit of service (1: BD), and how many counters
ago the same data left first (23 bits). Each is above the one before; who knows nothing of this reads a counter.
"""

from typing import Final, NamedTuple

TAG: Final = 0x4B41
COUNTER_END: Final = 1 << 56
BACK_END: Final = 1 << 23
_OCTETS: Final = 12
_COUNTER_SHIFT: Final = 24
_TAG_SHIFT: Final = 80


class NumberedIv(NamedTuple):
    """What an IV says. `back` is 0 for what leaves for the first time, and always for BD."""

    counter: int
    bypass: bool
    back: int = 0

    @property
    def first(self) -> int:
        """The counter under which the same data left first."""
        return self.counter - self.back


def encode(iv: NumberedIv) -> bytes:
    """Its 12 octets."""
    assert 0 <= iv.back <= iv.counter < COUNTER_END, "it was sent before, or now"
    assert iv.back < BACK_END, "so late nothing is sent again"
    said = TAG << _TAG_SHIFT | iv.counter << _COUNTER_SHIFT | iv.bypass * BACK_END | iv.back
    return said.to_bytes(_OCTETS, "big")


def decode(iv: int) -> NumberedIv | None:
    """What an IV says, given as the number that it is; None for a plain counter."""
    if iv >> _TAG_SHIFT != TAG:
        return None
    low = iv % (1 << _COUNTER_SHIFT)
    found = NumberedIv((iv >> _COUNTER_SHIFT) % COUNTER_END, low >= BACK_END, low % BACK_END)
    return found if found.back <= found.counter else None
