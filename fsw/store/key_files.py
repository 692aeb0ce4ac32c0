"""Key files destroyed: overwritten with random octets, synced, removed; by the store's server, as nothing waits for it.

A file leaves its place first, under a name that is no key's: a power cut in the middle leaves no half of a key to fly
with, and what it leaves is removed at the next start of the server. Old cells of a flash card may still hold what stood
there: an erased key is one that nobody takes any more, and is not lost to who takes the card apart.
Off nominal: a file that is not there is erased; a disk that fails is the server's to answer.
"""

import os
import stat
from contextlib import suppress
from typing import Final

from fsw.ccsds.sdls import KEY_IDS
from fsw.store.protocol import StoreStatus

KEYS_NAME: Final = "keys"
LEAVING: Final = ".leaving"
OVERWRITTEN_MAX: Final = 4096
"""A key has 32 octets; of anything else that has got there, no more is overwritten."""


class KeyFiles:
    """The key files in `folder`; None: there is no place for them."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder
        with suppress(OSError):
            self._remove()

    def erase(self, body: bytes) -> bytes | StoreStatus:
        """Destroy the file of a key id (u16)."""
        key = int.from_bytes(body, "big")
        if len(body) != 2 or key not in KEY_IDS:
            return StoreStatus.MALFORMED
        if self.folder is None:
            return StoreStatus.DISK
        path = os.path.join(self.folder, f"{key:04X}.key")
        with suppress(FileNotFoundError):
            os.rename(path, path + LEAVING)
        self._remove()
        return b""

    def _remove(self) -> None:
        """Overwrite and remove what has left its place."""
        if self.folder is None or not os.path.isdir(self.folder):
            return
        self._sync()
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(LEAVING):
                _overwrite(os.path.join(self.folder, name))
                os.unlink(os.path.join(self.folder, name))
        self._sync()

    def _sync(self) -> None:
        assert self.folder is not None
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _overwrite(path: str) -> None:
    """Random octets in the place of a file's, on the disk; what is no file (a link) has none of its own."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.write(fd, os.urandom(min(os.fstat(fd).st_size, OVERWRITTEN_MAX)))
        os.fsync(fd)
    finally:
        os.close(fd)
