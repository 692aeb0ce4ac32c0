"""Who may come to a ground session: names, roles, source ids and salted hashes of tokens, in one file (edge: files).

A token is 256 bits of the system's generator: a slow hash would add nothing to them but a lever to hold the session
up with. It is shown once, when it is made, and kept nowhere. Each operator has a source id of its own, so that the
payload can tell two of them apart. A file that others may read, or that makes no sense, lets nobody in.
"""

import json
import os
import re
import secrets
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final, NamedTuple, cast

from tools.ground.roles import Role

FILE: Final = "operators.json"
OPERATORS_MAX: Final = 64
OCTETS_MAX: Final = 65_536
SOURCE_ID_MAX: Final = 0xFFFF
TOKEN_OCTETS: Final = 32
SALT_OCTETS: Final = 16
NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,31}")
GROUND: Final = "ground"
"""The name of the session itself: nobody else's."""


class OperatorsError(Exception):
    """The file cannot be used, or an operator not be made; the text is one sentence."""


class Operator(NamedTuple):
    """Somebody who has come in. `source_id` None: a local user of a session without operators, who may take any."""

    name: str
    role: Role
    source_id: int | None


class Entry(NamedTuple):
    """A line of the file."""

    operator: Operator
    salt: bytes
    digest: bytes


class Book(NamedTuple):
    """All operators of a state directory."""

    entries: tuple[Entry, ...] = ()

    def who(self, token: str) -> Operator | None:
        """Whose token it is. Every entry is compared, whichever it is."""
        found = None
        for entry in self.entries:
            if compare_digest(digest(entry.salt, token), entry.digest):
                found = entry.operator
        return found

    def knows(self, operator: Operator) -> bool:
        """Whether this operator, with this role and source id, is one of them."""
        return any(entry.operator == operator for entry in self.entries)

    def with_operator(self, name: str, role: Role, source_id: int | None) -> tuple["Book", Operator, str]:
        """The book with one more, who it is, and the token, kept nowhere else; no source id: the lowest free."""
        taken = {entry.operator.source_id for entry in self.entries}
        source_id = next(n for n in range(1, SOURCE_ID_MAX) if n not in taken) if source_id is None else source_id
        token, salt = secrets.token_urlsafe(TOKEN_OCTETS), secrets.token_bytes(SALT_OCTETS)
        operator = Operator(name, role, source_id)
        return checked(Book((*self.entries, Entry(operator, salt, digest(salt, token))))), operator, token

    def without(self, name: str) -> "Book":
        """The book without this operator."""
        left = tuple(entry for entry in self.entries if entry.operator.name != name)
        if len(left) == len(self.entries):
            raise OperatorsError(f"there is no operator '{name}'")
        return Book(left)


def digest(salt: bytes, token: str) -> bytes:
    """What is kept of a token."""
    return sha256(salt + token.encode("utf-8", "replace")).digest()


def checked(book: Book) -> Book:
    """The book, if it can be one: names and source ids in range and nobody's twice."""
    if len(book.entries) > OPERATORS_MAX:
        raise OperatorsError(f"there are {OPERATORS_MAX} operators at most")
    names: set[str] = set()
    sources: dict[int | None, str] = {}
    for name, _, source_id in (entry.operator for entry in book.entries):
        if NAME.fullmatch(name) is None or name == GROUND:
            raise OperatorsError(f"'{name[:40]}' is no name: a-z, then a-z 0-9 . _ -, at most 32, and not {GROUND}")
        if source_id is None or not 1 <= source_id <= SOURCE_ID_MAX:
            raise OperatorsError(f"the source id of {name} must be 1 to {SOURCE_ID_MAX}")
        if name in names:
            raise OperatorsError(f"there is an operator '{name}' already")
        if source_id in sources:
            raise OperatorsError(
                f"source id {source_id} is {sources[source_id]}'s: the payload could not tell them apart"
            )
        names.add(name)
        sources[source_id] = name
    return book


def load(folder: Path) -> Book | None:
    """The operators of a state directory; None where there is no file. OperatorsError where it cannot be trusted."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            if os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
                raise OperatorsError(f"{path} is open to others: chmod 600 it")
            octets = file.read(OCTETS_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OperatorsError(f"{path} cannot be read: {error.strerror}") from error
    if len(octets) > OCTETS_MAX:
        raise OperatorsError(f"{path} is longer than {OCTETS_MAX} octets")
    try:
        rows = cast("list[dict[str, object]]", json.loads(octets)["operators"])
        return checked(Book(tuple(_entry(row) for row in rows)))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise OperatorsError(f"{path} is no list of operators") from error


def save(folder: Path, book: Book) -> None:
    """Write the file whole, readable by its owner only."""
    path = folder / FILE
    part = path.with_name(f"{FILE}.part")
    rows = [
        {"name": name, "role": role.value, "source_id": source_id, "salt": salt.hex(), "sha256": kept.hex()}
        for (name, role, source_id), salt, kept in book.entries
    ]
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump({"operators": rows}, file, indent=1)
        part.replace(path)
    except OSError as error:
        raise OperatorsError(f"{path} cannot be written: {error.strerror}") from error


def _entry(row: dict[str, object]) -> Entry:
    name, role, source_id, salt, kept = (row[key] for key in ("name", "role", "source_id", "salt", "sha256"))
    if not (isinstance(name, str) and isinstance(salt, str) and isinstance(kept, str) and type(source_id) is int):
        raise TypeError
    entry = Entry(Operator(name, Role(role), source_id), bytes.fromhex(salt), bytes.fromhex(kept))
    if len(entry.salt) != SALT_OCTETS or len(entry.digest) != sha256().digest_size:
        raise ValueError
    return entry
