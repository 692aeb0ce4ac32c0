"""The image of a database's file in memory: a bit that flips on the disk is seen, and written as it was.

With a write-ahead log the file changes only while the log is copied back; until the next time it must be as it was. The
image has a checksum of its own: one that does not hold mends nothing and is taken anew.
"""

import contextlib
import os
import zlib
from typing import Final

IMAGE_OCTETS_MAX: Final = 4 * 1024 * 1024
"""A larger file has no image."""


class Image:
    """Of the file `path`; `mended` octets in this process, the first of the last ones at `mended_at`.

    The file stays open from `take` to `drop`: to close it amid a connection would give up SQLite's locks.
    """

    def __init__(self, path: str) -> None:
        self.mended = self.mended_at = 0
        self._path = path
        self._descriptor = -1
        self._octets = b""
        self._crc = 0

    def take(self) -> None:
        """The file is as it should be."""
        if self._descriptor < 0:
            with contextlib.suppress(OSError):  # in memory, or not to be written: without an image, then
                self._descriptor = os.open(self._path, os.O_RDWR)
        self._octets = self._read()
        self._crc = zlib.crc32(self._octets)

    def drop(self) -> None:
        """The file is about to change, or to be closed."""
        self._octets = b""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def mend(self) -> int:
        """Write octets that are not as they were; how many. A file whose length has changed is not the one we know."""
        found = self._read()
        good = self._octets
        if found == good or len(found) != len(good):
            return 0
        if zlib.crc32(good) != self._crc:
            self.take()
            return 0
        wrong = [at for at in range(len(good)) if good[at] != found[at]]
        try:
            for at in wrong:
                os.pwrite(self._descriptor, good[at : at + 1], at)
            os.fsync(self._descriptor)
        except OSError:
            return 0  # tried again next time
        self.mended, self.mended_at = self.mended + len(wrong), wrong[0]
        return len(wrong)

    def _read(self) -> bytes:
        if self._descriptor < 0 or os.fstat(self._descriptor).st_size > IMAGE_OCTETS_MAX:
            return b""
        return os.pread(self._descriptor, IMAGE_OCTETS_MAX, 0)
