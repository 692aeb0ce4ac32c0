"""The state directory of a ground session: its lock, and the file by which clients find it (edge: files only).

The lock is an SQLite exclusive lock, the one lock that every system's Python has; it goes with the process, however
that ends. `session.json` (0600) is written once the session listens and removed when it ends; one that is left over
from a killed session names a port where nobody answers to its token.
"""

import getpass
import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple, cast

SESSION: Final = "session.json"
LOCK: Final = "lock.sqlite"
LOG: Final = "ground.log"
LOCK_WAIT_S: Final = 3.0
HELD: Final = "another ground session holds"


class StateError(Exception):
    """The directory cannot be used; the text is one sentence."""


class Found(NamedTuple):
    """Where a session listens. The token is a secret: it is never printed; empty where operators have their own.
    `certificate`: the file of what the session shows by TLS, empty for none."""

    port: int
    token: str
    pid: int
    host: str = "127.0.0.1"
    certificate: str = ""


def default_folder() -> Path:
    """`kratai/ground` under the user's state directory."""
    if os.name == "nt":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return root / "kratai" / "ground"


def user_name(folder: Path) -> str:
    """The user of this process, by the system: whose a file is that it makes. No environment variable changes that."""
    if os.name == "nt":  # files have owners by another name there
        return getpass.getuser()
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as made:
            return Path(made.name).owner()
    except OSError as error:
        raise StateError(f"nothing can be written in {folder}: {error.strerror}") from error
    except KeyError:
        return f"uid {os.getuid()}"


def prepare(folder: Path) -> None:
    """Make the directory, for its owner only."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(f"the state directory {folder} cannot be made: {error.strerror}") from error


class Lock:
    """Held from construction to `release`; StateError when another session holds it for 3 s."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / LOCK, timeout=LOCK_WAIT_S, isolation_level=None)
        try:
            self._db.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                raise StateError(f"{HELD} {folder}") from error
            raise StateError(f"{folder / LOCK} cannot be locked: {error}") from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StateError(f"{folder / LOCK} is no lock of ours: {error}") from error

    def release(self) -> None:
        """Let go."""
        self._db.close()


def publish(folder: Path, found: Found) -> None:
    """Write `session.json` at once and whole, readable by its owner only."""
    part = folder / f"{SESSION}.part"
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump(found._asdict(), file)
        part.replace(folder / SESSION)
    except OSError as error:
        raise StateError(f"{folder / SESSION} cannot be written: {error.strerror}") from error


def withdraw(folder: Path) -> None:
    """Remove `session.json`, if it is still there."""
    (folder / SESSION).unlink(missing_ok=True)


def find(folder: Path) -> Found | None:
    """What `session.json` says; None where there is none, or none that can be read."""
    try:
        data = cast("dict[str, object]", json.loads((folder / SESSION).read_text(encoding="ascii")))
        port, token, pid = data["port"], data["token"], data["pid"]
        host, certificate = data["host"], data["certificate"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    texts = isinstance(token, str) and isinstance(host, str) and isinstance(certificate, str)
    if texts and isinstance(port, int) and isinstance(pid, int) and 0 < port < 65_536:
        return Found(port, str(token), pid, str(host), str(certificate))
    return None
