"""Whose token it is: an operator's where a file names operators, else that of the session's own file (edge: files).

Without operators the one who can read `session.json` is the user whose session it is, and an engineer. Once operators
have been seen that token is worth nothing, also when their file is gone or damaged: then nobody comes in.
"""

import os
from hmac import compare_digest
from pathlib import Path

from tools.ground.operators import FILE, Book, Operator, OperatorsError, load

Stamp = tuple[int, int, int] | None


class Door:
    """The operators as their file stood at the last `look`; OperatorsError when it cannot be read at the start."""

    def __init__(self, folder: Path, local: Operator, token: str) -> None:
        self._path = folder / FILE
        self._local = local
        self._token = token
        self._stamp = self._stamped()
        self.book: Book | None = load(folder)
        if self.book is not None and not self.book.entries:
            raise OperatorsError(f"{self._path} names nobody: add an operator, or remove the file")

    @property
    def token(self) -> str:
        """What `session.json` may carry: the local user's token, or nothing where operators have their own."""
        return self._token if self.book is None else ""

    def look(self) -> str | None:
        """Read the file again if it has changed: what is to be said of it then; None while it has not."""
        stamp = self._stamped()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            self.book = load(self._path.parent)
        except OperatorsError as error:
            self.book = Book()
            return f"{error}; nobody is let in"
        if self.book is None:
            self.book = Book()
            return f"{self._path} is gone; nobody is let in until the session begins anew"
        return f"there are {len(self.book.entries)} operators now"

    def who(self, token: str) -> Operator | None:
        """Whose token it is; None for nobody's."""
        if self.book is not None:
            return self.book.who(token)
        return self._local if compare_digest(token.encode("utf-8", "replace"), self._token.encode()) else None

    def knows(self, operator: Operator) -> bool:
        """Whether one who has come in may stay."""
        return operator == self._local if self.book is None else self.book.knows(operator)

    def _stamped(self) -> Stamp:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
