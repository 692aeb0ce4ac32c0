"""Chance that can be repeated: dice thrown from a seed and a path of names, the same on every machine.

The only file of bench and tools that may import `random`. Whoever needs chance is handed a `Dice`; two users get two
children, so that a throw more in one place moves nothing in another. All of it is integers: a logarithm may differ
between two machines in its last bit, and with it a whole run.
"""

import random
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeVar

E9: Final = 1_000_000_000
"""A chance is given in parts of 10^9."""
_BITS: Final = 64
_ONE: Final = 1 << _BITS
_GAP_MAX: Final = 2**40
"""Longest gap; at a chance of 1e-9 one in 10^477 is longer."""

T = TypeVar("T")


class Dice:
    """A sequence of throws that depends on `seed` and `path` alone; parts of a path are texts without a slash."""

    __slots__ = ("_random", "path", "seed")

    def __init__(self, seed: int | str, *path: str) -> None:
        assert not any("/" in part for part in path), "a slash parts two names"
        self.seed = str(seed)
        self.path = path
        digest = sha256("/".join((self.seed, *path)).encode()).digest()
        self._random = random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - to be repeated, not to be secret

    def child(self, *path: str) -> "Dice":
        """Other dice, that neither depend on what was thrown here nor change it."""
        return Dice(self.seed, *self.path, *path)

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included, each as likely as the other but for 2^-64 of the span."""
        assert low <= high, "a range has numbers in it"
        return low + (self._random.getrandbits(_BITS) * (high - low + 1) >> _BITS)

    def uniform_us(self, low: int, high: int) -> int:
        """A time or duration from `low` to `high`, microseconds, both included."""
        return self.whole(low, high)

    def chance(self, p_e9: int) -> bool:
        """Whether something of chance `p_e9` (parts of 10^9) happens."""
        assert 0 <= p_e9 <= E9, "a chance lies between never and always"
        return self.whole(0, E9 - 1) < p_e9

    def pick(self, items: Sequence[T]) -> T:
        """One of `items`, which are in an order of their own."""
        assert items, "nothing to pick from"
        return items[self.whole(0, len(items) - 1)]

    def magnitude(self, low: int, high: int) -> int:
        """A whole number whose number of binary digits, and sign, are as likely as any other."""
        assert low <= high, "a range has numbers in it"
        if low < 0:
            negative = high <= 0 or self.chance(E9 // 2)
            return -self.magnitude(max(-high, 0), -low) if negative else self.magnitude(0, high)
        digits = self.whole(low.bit_length(), high.bit_length())
        return self.whole(max(low, 1 << digits >> 1), min(high, (1 << digits) - 1))

    def gap(self, p_e9: int) -> int:
        """How many trials fail before the next that succeeds with chance `p_e9`, at most 2^40.

        The binary digits of a geometrically distributed number are independent: each is thrown by itself.
        """
        assert 0 < p_e9 <= E9, "what never happens has no gap"
        number = 0
        for digit, one in enumerate(_digits(p_e9)):
            if self._random.getrandbits(_BITS) < one:
                number |= 1 << digit
        return min(number, _GAP_MAX)


@lru_cache(maxsize=256)
def _digits(p_e9: int) -> tuple[int, ...]:
    """For digits 0, 1, … of a gap the chance of a one, in parts of 2^64: f/(1+f), f = (1-p)^(2^digit)."""
    found = []
    fails = (E9 - p_e9) * _ONE // E9
    while fails:
        found.append(fails * _ONE // (_ONE + fails))
        fails = fails * fails >> _BITS
    return tuple(found)
