"""The folder that survives resets, and its lock: one flight process a folder (contract, section 7)."""

import fcntl
import os
import select
from typing import Final

LOCK_WAIT_MS: Final = 3_000
_LOOK_MS: Final = 50


class StateError(Exception):
    """A state folder that cannot be used; the text is one sentence."""


def lock_state(folder: str) -> int:
    """Make the folder (0700), take its lock, wait up to 3 s for it; returns the descriptor that holds it."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        fd = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"the state folder {folder} cannot be used: {error.strerror}") from error
    for _ in range(LOCK_WAIT_MS // _LOOK_MS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            select.select((), (), (), _LOOK_MS / 1000)
        else:
            return fd
    os.close(fd)
    raise StateError(f"another flight process uses the state folder {folder}; stop it or give --state another folder")


def default_state() -> str:
    """Where the state lies when nobody says: under the user's state directory."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "kratai", "flight")
