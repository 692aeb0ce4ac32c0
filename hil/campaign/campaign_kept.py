"""What a campaign keeps on the disk: one line of JSON a finished run, so that what was interrupted can go on.

A line is written at once and whole; one that a crash has torn is ended before the next is written, and counts as
unread. The folder is locked while a campaign runs there.
"""

from pathlib import Path
from types import TracebackType
from typing import Final

from tools.ground.state import HELD, Lock, StateError, default_folder, prepare

RESULTS: Final = "results.jsonl"


class KeptError(Exception):
    """The folder cannot be used; the text is one sentence."""


def folder_of(folder: Path | None) -> Path:
    """The folder asked for, or `kratai/campaign` under the user's state directory."""
    return (folder or default_folder().parent / "campaign").expanduser().absolute()


class Kept:
    """The lines of one folder, from construction to the end of the context. `lines` are those of earlier campaigns."""

    def __init__(self, folder: Path, *, clear: bool = False) -> None:
        self.folder = folder
        try:
            prepare(folder)
            self._lock = Lock(folder)
        except StateError as error:
            text = str(error)
            raise KeptError(f"another campaign runs in {folder}" if text.startswith(HELD) else text) from error
        try:
            self._file = (folder / RESULTS).open("w+b" if clear else "a+b")
            self._file.seek(0)
            content = self._file.read()
            if content and not content.endswith(b"\n"):
                self._file.write(b"\n")
        except OSError as error:
            self._lock.release()
            raise KeptError(f"{folder / RESULTS} cannot be used: {error.strerror}") from error
        self.lines = content.decode("utf-8", "replace").splitlines()

    def __enter__(self) -> "Kept":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.release()

    def keep(self, line: str) -> None:
        """Write one line; raises KeptError when the disk will not take it."""
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise KeptError(f"{self.folder / RESULTS} cannot be written: {error.strerror}") from error
