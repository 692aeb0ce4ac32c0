"""A key of the link as it is handed around: by those who open it, never by those who record or print.

An association (SPI) has four slots. A key id is the SPI plus 0x100 a slot, so slot 0 has the SPI's own number. Keys
move upwards only; the last slot is the recovery key's, which the ground keeps apart from the others.
"""

from collections.abc import Container, Mapping
from typing import Final, NamedTuple

KEY_OCTETS: Final = 32
SLOTS: Final = 4
RECOVERY_SLOT: Final = SLOTS - 1
_SLOT: Final = 0x100


class Key:
    """A secret of 32 octets that no printing shows. `signs`: it authenticates only, what it protects stays readable."""

    __slots__ = ("octets", "signs")

    def __init__(self, octets: bytes, *, signs: bool = False) -> None:
        assert len(octets) == KEY_OCTETS, "AES-256"
        self.octets = octets
        self.signs = signs

    def __repr__(self) -> str:
        return "Key(secret)"


Keys = Mapping[int, Key]
"""By key id."""
NO_KEYS: Final[Keys] = {}


class KeyRing(NamedTuple):
    """What a board is given of its keys. `used`: ids of those that may have flown before; `unusable`: of no keys."""

    keys: Keys = NO_KEYS
    used: frozenset[int] = frozenset()
    unusable: frozenset[int] = frozenset()


NO_KEYRING: Final = KeyRing()


def key_id(spi: int, slot: int) -> int:
    """Number of the key in a slot, 0 to 3, of an SPI below 0x100."""
    assert 0 < spi < _SLOT, "the other octet is the slot's"
    assert 0 <= slot < SLOTS
    return spi + _SLOT * slot


def spi_of(key: int) -> int:
    """The SPI of a key id."""
    return key % _SLOT


def slot_of(key: int) -> int:
    """The slot of a key id; 0 to 3 for one that can be."""
    return key // _SLOT


def by_table(keys: Keys, signing: Container[int]) -> dict[int, Key]:
    """The same keys; those of the SPIs in `signing` authenticate only."""
    return {key: Key(found.octets, signs=spi_of(key) in signing) for key, found in keys.items()}
