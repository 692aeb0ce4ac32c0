"""A key of the link as it is handed around: by those who open it, never by those who record or print."""

from collections.abc import Container, Mapping
from typing import Final

KEY_OCTETS: Final = 32


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
"""By SPI."""
NO_KEYS: Final[Keys] = {}


def by_table(keys: Keys, signing: Container[int]) -> dict[int, Key]:
    """The same keys; those of the SPIs in `signing` authenticate only."""
    return {spi: Key(key.octets, signs=spi in signing) for spi, key in keys.items()}
