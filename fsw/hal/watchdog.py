"""The hardware watchdog. Opening its device starts it, so it is opened only when configured."""

import os


class DeviceWatchdog:
    """A Linux watchdog device, running from construction; `OSError` when it cannot be opened.

    Off nominal: a stroke that the device refuses is counted in `faults`; the board will then reset, which is right.
    """

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self.strokes = 0
        self.faults = 0

    def stroke(self) -> None:
        """Hold the reset off for one more period."""
        if self._write(b"\0"):
            self.strokes += 1

    def disarm(self) -> None:
        """Stop the watchdog at an orderly end: 'V', then close (where the driver permits it at all)."""
        self._write(b"V")
        os.close(self._fd)

    def _write(self, octet: bytes) -> bool:
        try:
            os.write(self._fd, octet)
        except OSError:
            self.faults += 1
            return False
        return True


class NoWatchdog:
    """No watchdog: it counts the strokes it would have passed on, and housekeeping says that there is none."""

    def __init__(self) -> None:
        self.strokes = 0
        self.faults = 0

    def stroke(self) -> None:
        """Count."""
        self.strokes += 1

    def disarm(self) -> None:
        """There is nothing to stop."""
