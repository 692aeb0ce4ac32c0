"""The payload board as a process: power on starts it, a power cut kills it and all of its group (POSIX; edge)."""

import ctypes
import os
import shlex
import signal
import subprocess
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Final

ORDERLY_S: Final = 2.5
"""How long the board may take to stop when the emulator ends: flight promises 2 s."""
_PR_SET_PDEATHSIG: Final = 1


class BoardError(Exception):
    """A board command that cannot be started; the text is the sentence for the user."""


def _die_with_parent() -> Callable[[], None]:
    """What the child does before it becomes the board: a killed emulator leaves no board behind (Linux)."""
    parent = os.getpid()
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return lambda: None

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)

    return prepare


class BoardProcess:
    """One command line, split like a shell would, run without one, in a process group of its own.

    What it says on standard error goes to the end of the file `log`, without one to where the emulator's own goes.
    """

    def __init__(self, command: str, log: Path | None = None) -> None:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise BoardError(f"--board: {error}") from None
        if not words:
            raise BoardError("--board: the command is empty")
        self._words = words
        self._log = log
        self._prepare = _die_with_parent()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The running board's process id; 0 while there is none."""
        return 0 if self._process is None else self._process.pid

    def power_on(self, port: str) -> None:
        """Start the board on this port, `{port}` in its command; a running one stays as it is."""
        if self._process is not None:
            return
        try:
            with nullcontext() if self._log is None else self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - the user's own command line, no shell
                    [word.replace("{port}", port) for word in self._words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=self._prepare,  # noqa: PLW1509 - this program has one thread
                )
        except OSError as error:
            raise BoardError(f"--board {self._words[0]}: {error.strerror}") from None

    def power_off(self) -> None:
        """Cut the power: the whole group is killed and reaped."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)

    def exited(self) -> int | None:
        """Exit status of a board that ended by itself, told once; its group is cleared away. None while it runs."""
        process = self._process
        if process is None or process.poll() is None:
            return None
        self._process = None
        _kill(process)
        return int(process.returncode)

    def stop(self) -> None:
        """End the board in order, as the emulator itself ends; by force when it takes too long."""
        process = self._process
        if process is None:
            return
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ORDERLY_S)
        self.power_off()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group and reap its leader."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
