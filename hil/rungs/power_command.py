"""A real board's supply, switched by the user's own program: its command line with `on` or `off` behind it (edge)."""

import shlex
import subprocess
from typing import Final

LIMIT_S: Final = 30.0
"""How long switching may take. The bench waits for it: before, there is nobody to talk to, or nobody should hear."""


class PowerError(Exception):
    """A supply that could not be switched; the text is the sentence for the user."""


class PowerCommand:
    """One command line, split like a shell would, run without one."""

    def __init__(self, command: str) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise PowerError(f"--power-command: {error}") from None
        if not self._words:
            raise PowerError("--power-command: the command is empty")

    def switch(self, on: bool) -> None:
        """Switch, and wait until that is done; `PowerError` where it was not."""
        words = [*self._words, "on" if on else "off"]
        told = f"--power-command {shlex.join(words)}"
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command line, no shell
                words, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False
            )
        except OSError as error:
            raise PowerError(f"{told}: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise PowerError(f"{told}: took more than {LIMIT_S:g} s") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise PowerError(f"{told}: exit status {done.returncode}{f': {said[-1]}' if said else ''}")
