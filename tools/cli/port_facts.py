"""What the operating system says of a serial port, for `doctor`: an edge file, the only one here that opens devices."""

import errno
import fcntl
import grp
import os
import stat
import termios
from pathlib import Path
from typing import Final, NamedTuple

PATTERNS: Final = ("serial/by-id/*", "serial[0-9]*", "ttyUSB*", "ttyACM*", "ttyAMA*")
PROCESSES: Final = Path("/proc")
HOLDERS_MAX: Final = 8


class PortFacts(NamedTuple):
    """A port as found; `fault` is empty or the reason it cannot be used, `advice` what to do about it."""

    path: str
    fault: str
    advice: str


def ports(devices: Path = Path("/dev")) -> list[str]:
    """Ports a payload could hang on, each device once, by its most telling name."""
    found: dict[str, str] = {}
    for pattern in PATTERNS:
        for path in sorted(devices.glob(pattern)):
            found.setdefault(os.path.realpath(path), str(path))
    return list(found.values())


def look(path: str) -> PortFacts:
    """Judge one port: there, a terminal, permitted, free."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return PortFacts(path, error.strerror or "cannot be looked at", "plug it in, or give another path")
    if not stat.S_ISCHR(mode):
        return PortFacts(path, "is no character device", "give a serial device or a pty")
    if not os.access(path, os.R_OK | os.W_OK):
        return PortFacts(path, "may not be read and written by you", permission(path))
    holders = ", ".join(f"{name} ({number})" for number, name in held_by(path))
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return PortFacts(path, f"is held exclusively{by(holders)}", "stop the other program")
        return PortFacts(
            path, f"cannot be opened: {error.strerror}", "look at the cable and at the kernel's log (dmesg)"
        )
    try:
        return opened(path, fd, holders)
    finally:
        os.close(fd)


def opened(path: str, fd: int, holders: str) -> PortFacts:
    """Judge a port that could be opened."""
    try:
        termios.tcgetattr(fd)
    except termios.error:
        return PortFacts(path, "is no terminal", "give a serial device or a pty")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return PortFacts(path, f"is locked{by(holders)}", "stop the other program")
    if holders:
        return PortFacts(path, f"is also open{by(holders)}: two readers share the octets", "stop the other program")
    return PortFacts(path, "", "")


def by(holders: str) -> str:
    """The holders as the end of a sentence."""
    return f" by {holders}" if holders else ""


def permission(path: str) -> str:
    """What to do about a device that belongs to a group, dialout as a rule."""
    status = os.stat(path)
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return "ask the machine's owner for access"
    if not status.st_mode & stat.S_IRGRP or group.gr_name == "root":
        return f"it belongs to {group.gr_name} alone: add a udev rule that gives it to dialout"
    if status.st_gid in os.getgroups():
        return f"group {group.gr_name} may not write to it: add a udev rule with MODE 0660"
    return f"sudo usermod -aG {group.gr_name} $USER, then log in again"


def held_by(path: str, processes: Path = PROCESSES) -> list[tuple[int, str]]:
    """Processes that have the device open, as far as this user may see: number and name."""
    device = os.path.realpath(path)
    found = []
    for folder in processes.glob("[0-9]*"):
        number = int(folder.name)
        if number == os.getpid():
            continue
        try:
            held = any(os.readlink(link) == device for link in (folder / "fd").iterdir())
            name = (folder / "comm").read_text().strip() if held else ""
        except OSError:  # gone meanwhile, or another user's
            continue
        if held:
            found.append((number, name))
    return found[:HOLDERS_MAX]


def pseudo_terminal() -> str:
    """Empty when a pty can be made, else why not."""
    try:
        master, slave = os.openpty()
    except OSError as error:
        return error.strerror or "refused"
    os.close(master)
    os.close(slave)
    return ""
