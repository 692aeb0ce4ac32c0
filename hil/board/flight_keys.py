"""The simulated board's key files: on its disk, where flight's own server erases them, and read anew by every life.

SIMULATED: what `fsw/hal/keys.py` is on a board, without modes, syncs and the note on the disk that keys have flown.
"""

from pathlib import Path

from fsw.kernel.key import KEY_OCTETS, NO_KEYRING, Key, KeyRing, Keys

FOLDER = "keys"


class KeyFolder:
    """The folder `keys` in `state`, filled when the board is built; without keys it flies clear."""

    def __init__(self, state: Path, keys: Keys) -> None:
        self.path = state / FOLDER
        self._clear = not keys
        self._flown: set[tuple[int, bytes]] = set()
        for key, found in keys.items():
            self.install(key, found)

    def install(self, key: int, found: Key) -> None:
        """Put a file there, as who provisions a board does."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._file(key).write_bytes(found.octets)

    def fly(self) -> KeyRing:
        """What a life that begins now finds; from then on these keys have flown."""
        if self._clear:
            return NO_KEYRING
        keys: dict[int, Key] = {}
        unusable = set()
        for path in sorted(self.path.glob("*.key")):
            octets = path.read_bytes()
            if len(octets) == KEY_OCTETS:
                keys[int(path.stem, 16)] = Key(octets)
            else:
                unusable.add(int(path.stem, 16))
        used = frozenset(key for key, found in keys.items() if (key, found.octets) in self._flown)
        self._flown |= {(key, found.octets) for key, found in keys.items()}
        return KeyRing(keys, used, frozenset(unusable))

    def _file(self, key: int) -> Path:
        return self.path / f"{key:04X}.key"
