"""All keys that the ground has at hand, by key id, and its end of the link that they protect; sans-IO.

Of an association one key is in use where telecommands leave; where telemetry comes all that are not retired are taken.
"""

from collections.abc import Set
from typing import Final, Protocol

from fsw.ccsds.sdls import SPI_TC, TC_PROTECTED, Protection, on_ground
from fsw.kernel.key import Key, Keys, spi_of

TC_SPIS: Final = tuple(SPI_TC + vcid for vcid in TC_PROTECTED)


class KeyHands(Protocol):
    """What a rotation can do to the ground's own keys. What changes something is kept before it returns; each returns
    a sentence why it could not, empty when it did."""

    @property
    def keys(self) -> Keys:
        """All that are at hand, retired ones too."""

    @property
    def retired(self) -> Set[int]:
        """Those of them under which nothing leaves and nothing is taken."""

    def in_use(self, spi: int) -> int | None:
        """The key id under which telecommands of this association leave; None where it has none."""

    def mark(self, key: int) -> int:
        """The highest counter of telemetry taken under this key; -1 for none."""

    def refresh(self) -> str:
        """Take up keys that were brought in."""

    def use(self, key: int) -> str:
        """Telecommands of its association leave under this key from now on."""

    def retire(self, key: int) -> str:
        """Nothing leaves under this key and nothing is taken under it any more."""

    def erase(self, key: int) -> str:
        """Destroy a retired key."""


class Keyring:
    """A `KeyHands` whose memory ends with it: that of a bench. A session's is `link_guard.py`."""

    def __init__(self, keys: Keys) -> None:
        self.keys: dict[int, Key] = dict(keys)
        self.protection: Protection = on_ground(keys, numbered=True)

    def bring(self, fresh: Keys) -> None:
        """More keys are at hand; counters of those that send are the caller's to reserve."""
        self.keys |= fresh
        protection, more = self.protection, on_ground(fresh, numbered=True)
        for key, sender in more.sending.items():
            protection.sending[key] = sender
        for vcid, sender in more.senders.items():
            protection.senders.setdefault(vcid, sender)
        protection.taking = dict(sorted((protection.taking | more.taking).items()))
        for vcid in more.receivers:
            protection.take(vcid, protection.taking)

    @property
    def retired(self) -> Set[int]:
        """As `KeyHands`."""
        return self.keys.keys() - self.protection.sending.keys() - self.protection.taking.keys()

    def in_use(self, spi: int) -> int | None:
        """As `KeyHands`."""
        sender = self.protection.senders.get(spi - SPI_TC)
        return None if sender is None or spi not in TC_SPIS else sender.key

    def mark(self, key: int) -> int:
        """As `KeyHands`."""
        receiver = self.protection.taking.get(key)
        return -1 if receiver is None else receiver.mark

    def refresh(self) -> str:
        """As `KeyHands`: there is nothing to look at."""
        return ""

    def use(self, key: int) -> str:
        """As `KeyHands`."""
        if key not in self.protection.sending:
            return f"key {key:04x} is not at hand"
        self.protection.use(key)
        return ""

    def retire(self, key: int) -> str:
        """As `KeyHands`."""
        if self.in_use(spi_of(key)) == key:
            return f"key {key:04x} is in use"
        self.protection.drop(key)
        return ""

    def erase(self, key: int) -> str:
        """As `KeyHands`."""
        if key in self.protection.sending or key in self.protection.taking:
            return f"key {key:04x} is not retired"
        self.keys.pop(key, None)
        return ""
