"""The port through which an instrument's device reads the board's small files."""

from typing import Final

SYSFS_OCTETS_MAX: Final = 4096
"""One sysfs attribute is at most a page."""
_READABLE: Final = ("sys/", "proc/")


class SysfsOpener:
    """Reads files of sysfs and procfs under `root`, which is elsewhere than "/" in tests only."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")

    def sysfs(self, path: str) -> str | None:
        """Text of one file, at most 4 KiB, stripped; None when it is absent, unreadable or elsewhere."""
        relative = path.lstrip("/")
        if not relative.startswith(_READABLE) or ".." in relative.split("/"):
            return None
        try:
            with open(f"{self._root}/{relative}", "rb", buffering=0) as file:
                octets = file.read(SYSFS_OCTETS_MAX)
        except (OSError, ValueError):
            # ValueError: a name with a null octet in it.
            return None
        return octets.decode("ascii", "replace").strip()
