"""Reading a bench's TOML files: typed reads with ranges, every complaint naming file, line, key and the nearest name.

A file is read whole before anything of it is used. `TomlError` is the sentence for the user.
"""

import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Final

from hil.written.durations import DurationError, parse_us
from hil.written.toml_lines import Path, line_of

FILE_OCTETS_MAX: Final = 1_000_000


class TomlError(Exception):
    """A file that cannot be used; the text is one sentence with file, line and what would be right."""


def nearest(given: str, names: Sequence[str]) -> str:
    """A hint for a wrong name."""
    near = get_close_matches(given, names, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"


class Table:
    """One table of a file; `keys` are those it may have, None where its reader checks them itself."""

    def __init__(
        self, file: str, text: str, path: Path, table: Mapping[str, object], keys: Sequence[str] | None
    ) -> None:
        self.file = file
        self._text, self._path, self._table = text, path, table
        for key in table:
            if keys is not None and key not in keys:
                raise self.wrong(key, f"is no key here; {nearest(key, keys)}")

    @staticmethod
    def of_file(path: FilePath, keys: Sequence[str]) -> "Table":
        """The top table of a file."""
        try:
            octets = path.read_bytes()
        except OSError as error:
            raise TomlError(f"{path}: {error.strerror}") from None
        if len(octets) > FILE_OCTETS_MAX:
            raise TomlError(f"{path}: more than {FILE_OCTETS_MAX} octets")
        try:
            text = octets.decode()
            return Table(str(path), text, (), tomllib.loads(text), keys)
        except UnicodeDecodeError:
            raise TomlError(f"{path}: is not UTF-8") from None
        except tomllib.TOMLDecodeError as error:
            raise TomlError(f"{path}: {error}") from None

    def __contains__(self, key: str) -> bool:
        return key in self._table

    @property
    def raw(self) -> Mapping[str, object]:
        """What stands there."""
        return self._table

    def wrong(self, key: str, what: str) -> TomlError:
        """The sentence for a wrong key or value."""
        path = (*self._path, key) if key else self._path
        name = ".".join(str(part) for part in path if not isinstance(part, int)) or "the file"
        return TomlError(f"{self.file}:{line_of(self._text, path)}: {name} {what}")

    def line(self, key: str = "") -> int:
        """The line of a key, or of the table."""
        return line_of(self._text, (*self._path, key) if key else self._path)

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number."""
        value = self._table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.wrong(key, f"is {value!r}, must be a whole number from {low} to {high}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, f"is {value!r}, must be true or false")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self._table.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "is missing" if value is None else f"is {value!r}, must be a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A text or a list of texts; none when it is absent."""
        value = self._table.get(key, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise self.wrong(key, "must be a text or a list of texts")
        return tuple(listed)

    def choice(self, key: str, default: str, names: Sequence[str]) -> str:
        """One of `names`."""
        value = self.text(key, default)
        if value not in names:
            raise self.wrong(key, f"is {value!r}; {nearest(value, names)}")
        return value

    def duration_us(self, key: str, default_us: int, low_us: int, high_us: int) -> int:
        """A duration such as "30 s" or "1.5 h", in microseconds."""
        if key not in self._table:
            return default_us
        try:
            found = parse_us(self.text(key))
        except DurationError as error:
            raise self.wrong(key, str(error)) from None
        if not low_us <= found <= high_us:
            raise self.wrong(key, f"is {self.text(key)!r}, must be from {low_us // 1000} to {high_us // 1000} ms")
        return found

    def table(self, key: str, keys: Sequence[str] | None) -> "Table":
        """A table; empty when it is absent."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "must be a table")
        return Table(self.file, self._text, (*self._path, key), value, keys)

    def tables(self, key: str, keys: Sequence[str] | None) -> "list[Table]":
        """An array of tables."""
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(key, "must be an array of tables")
        return [Table(self.file, self._text, (*self._path, key, n), item, keys) for n, item in enumerate(value)]
