"""A key of the link as it is handed around: by those who open it, never by those who record or print."""

from collections.abc import Mapping
from typing import Final

KEY_OCTETS: Final = 32


class Key:
    """A secret of 32 octets that no printing shows."""

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        assert len(octets) == KEY_OCTETS, "AES-256"
        self.octets = octets

    def __repr__(self) -> str:
        return "Key(secret)"


Keys = Mapping[int, Key]
"""By SPI."""
NO_KEYS: Final[Keys] = {}
