"""Parameter samples out of the archive, a page at a time: what `export` asks the ground process for.

A page costs a bounded look into the file, so that the process serves one between two turns of the link. Pages follow
time: the payload's where its clock was set, else that of reception. The cursor that a page ends with names the last
sample looked at and the last one that was there when the first page was asked for: what comes in meanwhile is left out.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from tools.ground.archive import FILE, ArchiveError
from tools.ground.protocol import LINE_OCTETS_MAX
from tools.ground.records import Data
from tools.ground.request import nearest
from tools.ground.times import utc_text

ROWS_MAX: Final = 256
"""Samples in a page."""
LOOKED_AT_MAX: Final = 2_048
"""Samples that are read for one page, wanted or not."""
NAMES_MAX: Final = 256
NAME_CHARACTERS_MAX: Final = 256
INTEGER_MAX: Final = (1 << 62) - 1
"""Bound of every time and id that a client may name: SQLite counts in 64 bits."""

_BUSY_WAIT_S: Final = 0.1
_ROW_OCTETS: Final = 256
"""A line's octets for one sample, less its texts: two times, two numbers, clock, limit and punctuation."""
_CHARACTER_OCTETS: Final = 6
"""JSON's longest form of a character, but for rare ones: those have the other half of the line."""

_WHEN: Final = "coalesce(time_us, received_us)"
_COLUMNS: Final = f"{_WHEN}, id, received_us, time_us, clock, name, raw, value, label, unit, limit_state, replayed"
_SAME_TIME: Final = f"select {_COLUMNS} from parameters where {_WHEN} = ? and id > ? order by id limit ?"  # noqa: S608
_LATER: Final = f"select {_COLUMNS} from parameters where {_WHEN} > ? order by {_WHEN}, id limit ?"  # noqa: S608
_NAMES: Final = """
with recursive names (name) as (
  select min(name) from parameters
  union all select (select min(name) from parameters where name > names.name) from names where names.name is not null)
select name from names where name is not null"""


class Sample(NamedTuple):
    """One parameter sample as it was archived. Times are UTC text; `time` is empty while the clock was unset."""

    received: str
    time: str
    clock: str
    name: str
    raw: float | None
    value: float | None
    label: str
    unit: str
    limit: str
    replayed: bool


class Cursor(NamedTuple):
    """Where a page ended: time and id of the last sample looked at; `last` is the highest id in the answer."""

    when_us: int
    id: int
    last: int


class Question(NamedTuple):
    """Which samples: names, `*` for anything in them, none for all; Unix microseconds from `since`, before `until`."""

    names: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    after: Cursor | None = None
    limit: int = ROWS_MAX


class Page(NamedTuple):
    """Samples by time, and where the next page begins: None after the last."""

    rows: tuple[Sample, ...]
    after: Cursor | None


def question(message: Mapping[str, Data]) -> Question | str:
    """What a client's message asks for, or a sentence why it makes no sense. Nothing in it raises."""
    names, limit = message.get("names", []), message.get("limit", ROWS_MAX)
    if not isinstance(names, list) or len(names) > NAMES_MAX or not all(_is_name(name) for name in names):
        return f"samples: names is a list of at most {NAMES_MAX} texts of at most {NAME_CHARACTERS_MAX} characters"
    since, until = message.get("since_us"), message.get("until_us")
    if not (_is_integer(since) or since is None) or not (_is_integer(until) or until is None):
        return "samples: since_us and until_us are Unix microseconds"
    after = message.get("after")
    if after is not None and not (isinstance(after, list) and len(after) == len(Cursor._fields) and _are(after)):
        return "samples: after is what the page before ended with"
    if type(limit) is not int or not 1 <= limit <= ROWS_MAX:
        return f"samples: limit is 1 to {ROWS_MAX}"
    return Question(
        tuple(cast("list[str]", names)),
        cast("int | None", since),
        cast("int | None", until),
        None if after is None else Cursor(*cast("list[int]", after)),
        limit,
    )


class Reader:
    """Reads an archive beside its writer; what is not committed yet it does not see."""

    def __init__(self, folder: Path) -> None:
        self._path, self._db = read_only(folder)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def page(self, asked: Question, known: Iterable[str] = ()) -> Page | str:
        """The next page; a sentence where a name is neither archived nor `known`. Raises ArchiveError for the file."""
        try:
            after = asked.after
            if after is None:
                wrong = self._unknown(asked.names, known)
                if wrong:
                    return wrong
                (last,) = self._db.execute("select coalesce(max(id), 0) from parameters").fetchone()
                after = Cursor(-INTEGER_MAX if asked.since_us is None else asked.since_us - 1, INTEGER_MAX, last)
            return self._page(asked, after)
        except sqlite3.Error as error:
            raise ArchiveError(f"the archive {self._path} cannot be read: {error}") from error

    def _page(self, asked: Question, after: Cursor) -> Page:
        """Look at samples after the cursor until the page is full, the look is long enough, or nothing is left."""
        wanted = _Names(asked.names)
        rows: list[Sample] = []
        octets, looked_at = 0, 0
        for when_us, number, received_us, time_us, clock, name, *rest in self._after(after):
            if asked.until_us is not None and when_us >= asked.until_us:
                return Page(tuple(rows), None)
            looked_at += 1
            after = Cursor(when_us, number, after.last)
            if number <= after.last and wanted(name):
                raw, value, label, unit, limit, replayed = rest
                time = "" if time_us is None else utc_text(time_us)
                at = utc_text(received_us)
                rows.append(Sample(at, time, clock or "", name, raw, value, label, unit, limit, bool(replayed)))
                octets += _ROW_OCTETS + _CHARACTER_OCTETS * (len(name) + len(label) + len(unit))
                if len(rows) == asked.limit or octets > LINE_OCTETS_MAX // 2:
                    return Page(tuple(rows), after)
        return Page(tuple(rows), after if looked_at >= LOOKED_AT_MAX else None)

    def _after(self, after: Cursor) -> Iterator[tuple[Any, ...]]:
        """Samples behind a cursor, at most LOOKED_AT_MAX. Two searches, for SQLite has no index over both at once."""
        left = LOOKED_AT_MAX
        for query, values in ((_SAME_TIME, (after.when_us, after.id)), (_LATER, (after.when_us,))):
            with closing(self._db.execute(query, (*values, left))) as found:
                for row in found:
                    left -= 1
                    yield row
            if not left:
                return

    def _unknown(self, names: tuple[str, ...], known: Iterable[str]) -> str:
        """A sentence about the first name that nothing bears; empty when all are good."""
        if not names:
            return ""
        there = sorted({*known, *(name for (name,) in self._db.execute(_NAMES))})
        for name in names:
            if not any(map(_Names((name,)), there)):
                return f"there is no parameter '{name}'{nearest(name, there)}"
        return ""


class _Names:
    """Whether a name is one of those asked for; `*` stands for anything, and nothing else is special."""

    def __init__(self, asked: tuple[str, ...]) -> None:
        self._patterns = tuple(name.replace("[", "[[]").replace("?", "[?]") for name in asked)
        self._met: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        if not self._patterns:
            return True
        if name not in self._met:
            self._met[name] = any(fnmatchcase(name, pattern) for pattern in self._patterns)
        return self._met[name]


def read_only(folder: Path) -> tuple[Path, sqlite3.Connection]:
    """The archive of a session's directory, beside its writer; ArchiveError where there is none."""
    path = folder / FILE
    if not path.is_file():
        raise ArchiveError(f"there is no archive in {folder}")
    try:
        return path, sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=_BUSY_WAIT_S)
    except sqlite3.Error as error:
        raise ArchiveError(f"the archive {path} cannot be opened: {error}") from error


def _is_name(value: Data) -> bool:
    return isinstance(value, str) and len(value) <= NAME_CHARACTERS_MAX


def _is_integer(value: Data) -> bool:
    return type(value) is int and abs(value) <= INTEGER_MAX


def _are(values: list[Data]) -> bool:
    return all(_is_integer(value) for value in values)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
