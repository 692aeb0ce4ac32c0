"""SIMULATED: the files of code and configuration that the board's scrubbing reads, in memory. REAL: their server.

The bench may change them, as radiation or a bad update would; what it did survives power cycles, as a disk does.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fsw.store.checked_files import CODE, SETTINGS, CheckedFile, CheckedFiles

# fmt: off
SHIPPED: Final[Mapping[CheckedFile, bytes]] = {
    CheckedFile(CODE, "fsw/app.py"): b"SIMULATED composition root\n" * 400,
    CheckedFile(CODE, "fsw/kernel/scheduler.py"): b"SIMULATED scheduler\n" * 300,
    CheckedFile(CODE, "fsw/services/memory/scrubbing.py"): b"SIMULATED scrubber\n" * 4_000,
    CheckedFile(SETTINGS, "mission.toml"): b"# SIMULATED mission\n" * 50,
}
# fmt: on
"""The third takes two slices."""


class CodeFiles:
    """One board's files; `octets` may be changed, taken away and added to. `unreadable` ones fail as a disk does."""

    def __init__(self) -> None:
        self.octets: dict[CheckedFile, bytes] = dict(SHIPPED)
        self.unreadable: set[CheckedFile] = set()

    def scan(self) -> Sequence[CheckedFile]:
        """All files, in order."""
        return sorted(self.octets)

    def read(self, file: CheckedFile, offset: int, octets: int) -> tuple[int, bytes] | None:
        """Size, and octets from `offset` on; None where the disk fails."""
        found = self.octets.get(file)
        if found is None or file in self.unreadable:
            return None
        return len(found), found[offset : offset + octets]

    def flip(self, file: CheckedFile, at: int, bit: int = 0) -> None:
        """Flip one bit of a file."""
        octets = bytearray(self.octets[file])
        octets[at] ^= 1 << bit
        self.octets[file] = bytes(octets)

    def server(self) -> CheckedFiles:
        """A server of these files, as a boot starts it."""
        return CheckedFiles(self)
