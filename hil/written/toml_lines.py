"""Where in a TOML file a key stands: the parser of the standard library does not say, and a person wants the line."""

import re
from collections import Counter
from typing import Final

Path = tuple[str | int, ...]
"""Keys from the top, and numbers (from 0) within arrays of tables."""

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_QUOTES: Final = ('"""', "'''")


def line_of(text: str, path: Path) -> int:
    """The line, from 1, where `path` stands, or what holds it when it is written inline; 1 for what is nowhere."""
    best, length = 1, 0
    arrays: Counter[Path] = Counter()
    prefix: Path = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            if inside in line:
                inside = ""
            continue
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            prefix = found = _resolve(_parts(header[2]), header[1] == "[[", arrays)
        elif key:
            found = prefix + _parts(key[1])
            inside = next((quotes for quotes in _QUOTES if line.count(quotes) % 2), "")
        else:
            continue
        if len(found) >= length and path[: len(found)] == found:
            best, length = number, len(found)
            if found == path:
                return number
    return best


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _resolve(names: tuple[str, ...], opens: bool, arrays: "Counter[Path]") -> Path:
    """The path of a header, with the number of the newest table of each array on the way."""
    path: Path = ()
    for depth, name in enumerate(names):
        path = (*path, name)
        if opens and depth == len(names) - 1:
            arrays[path] += 1
        if arrays[path]:
            path = (*path, arrays[path] - 1)
    return path
