"""ST[23] against a plain model of a file system: any requests in any order, resets, a hand that writes to files."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.services.test_files import (
    ATTRIBUTES,
    CAPACITY,
    DELETE,
    EXISTS,
    FIND,
    INTERNAL,
    LOCK,
    MKDIR,
    NOT_EMPTY,
    PROTECTED,
    RANGE,
    RMDIR,
    UNKNOWN,
    UNLOCK,
    WRONG,
    FilesDesk,
    text,
)

QUOTA = 64 * 1024 * 1024
NAMES = st.sampled_from(["a", "b", "c.raw", "..", "x/y"])
PLACES = st.sampled_from(["/", "/a", "/a/b", "/a/b/a", "/c.raw", "/..", "a"])
SIZES = st.sampled_from([1, 1_000, QUOTA // 2, QUOTA, QUOTA + 1])


class Kept(NamedTuple):
    """A file of the model; a directory is None in its place."""

    size_max: int
    locked: bool
    size: int = 0


def bad(place: str, name: str) -> bool:
    return ".." in place + name or "/" in name or not place.startswith("/")


class FilesMachine(RuleBasedStateMachine):
    """The desk on a real folder, and a dictionary by path."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary: tempfile.TemporaryDirectory[str] | None = None
        self.model: dict[str, Kept | None] = {"/": None}

    @initialize()
    def begin(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "files"
        self.desk = FilesDesk(self.folder)

    def teardown(self) -> None:
        if self.temporary is not None:
            self.temporary.cleanup()

    def place_code(self, place: str) -> int:
        """Why a repository cannot be gone to; 0 if it can."""
        path = "/"
        for name in place.strip("/").split("/") if place != "/" else []:
            path = path.rstrip("/") + "/" + name
            if path not in self.model:
                return UNKNOWN
            if self.model[path] is not None:
                return WRONG
        return 0

    def file_code(self, place: str, name: str) -> int:
        if bad(place, name):
            return RANGE
        path = self.path(place, name)
        if code := self.place_code(place):
            return code
        return UNKNOWN if path not in self.model else WRONG if self.model[path] is None else 0

    @staticmethod
    def path(place: str, name: str) -> str:
        return place.rstrip("/") + "/" + name

    def file(self, place: str, name: str) -> Kept:
        found = self.model[self.path(place, name)]
        assert found is not None
        return found

    def new_code(self, place: str, name: str) -> int:
        if bad(place, name):
            return RANGE
        return self.place_code(place) or (EXISTS if self.path(place, name) in self.model else 0)

    @rule(place=PLACES, name=NAMES, size_max=SIZES, locked=st.booleans())
    def create(self, place: str, name: str, size_max: int, locked: bool) -> None:
        reserved = sum(max(one.size, one.size_max) for one in self.model.values() if one is not None)
        wanted = self.new_code(place, name) or (CAPACITY if reserved + size_max > QUOTA else 0)
        assert self.desk.make(place, name, size_max, locked=locked) == wanted
        if not wanted:
            self.model[self.path(place, name)] = Kept(size_max, locked)

    @rule(place=PLACES, name=NAMES)
    def delete(self, place: str, name: str) -> None:
        wanted = self.file_code(place, name)
        wanted = wanted or (PROTECTED if self.file(place, name).locked else 0)
        assert self.desk.say(DELETE, place, name)[0] == wanted
        if not wanted:
            del self.model[self.path(place, name)]

    @rule(place=PLACES, name=NAMES, lock=st.booleans())
    def lock(self, place: str, name: str, lock: bool) -> None:
        wanted = self.file_code(place, name)
        wanted = wanted or (WRONG if self.file(place, name).locked is lock else 0)
        assert self.desk.say(LOCK if lock else UNLOCK, place, name)[0] == wanted
        if not wanted:
            self.model[self.path(place, name)] = self.file(place, name)._replace(locked=lock)

    @rule(place=PLACES, name=NAMES)
    def describe(self, place: str, name: str) -> None:
        wanted = self.file_code(place, name)
        code, reports = self.desk.say(ATTRIBUTES, place, name)
        assert code == wanted
        if not wanted:
            one = self.file(place, name)
            assert [r.data for r in reports] == [
                text(place, name) + one.size.to_bytes(4, "big") + bytes((one.locked,)),
            ]

    @rule(place=PLACES, name=NAMES)
    def make_directory(self, place: str, name: str) -> None:
        wanted = self.new_code(place, name) or (CAPACITY if place.count("/") >= 3 else 0)
        assert self.desk.say(MKDIR, place, name)[0] == wanted
        if not wanted:
            self.model[self.path(place, name)] = None

    @rule(place=PLACES, name=NAMES)
    def delete_directory(self, place: str, name: str) -> None:
        path = self.path(place, name)
        wanted = RANGE if bad(place, name) else self.place_code(place)
        if not wanted:
            inside = any(one.startswith(path + "/") for one in self.model)
            there = path in self.model
            wanted = UNKNOWN if not there else WRONG if self.model[path] is not None else NOT_EMPTY if inside else 0
        assert self.desk.say(RMDIR, place, name)[0] == wanted
        if not wanted:
            del self.model[path]

    @precondition(lambda self: any(self.model.values()))
    @rule(data=st.data(), size=st.sampled_from([0, 7, 5_000]))
    def somebody_writes(self, data: st.DataObject, size: int) -> None:
        path = data.draw(st.sampled_from(sorted(path for path, one in self.model.items() if one is not None)))
        (self.folder / path[1:]).write_bytes(bytes(size))
        one = self.model[path]
        assert one is not None
        self.model[path] = one._replace(size=size)

    @rule(place=PLACES, name=NAMES, subtype=st.sampled_from([DELETE, LOCK, MKDIR]))
    def the_disk_fails(self, place: str, name: str, subtype: int) -> None:
        self.desk.disk.failing = True
        assert self.desk.say(subtype, place, name)[0] == (RANGE if bad(place, name) else INTERNAL)
        self.desk.disk.failing = False

    @rule()
    def cut(self) -> None:
        self.desk = FilesDesk(self.folder, self.desk.disk)

    @invariant()
    def is_what_the_model_says(self) -> None:
        for place in [path for path, one in self.model.items() if one is None]:
            start = len(place.rstrip("/")) + 1
            below = {path: one for path, one in self.model.items() if path.startswith(place) and len(path) > start}
            here = {path[start:]: one for path, one in below.items() if "/" not in path[start:]}
            assert self.desk.listed(place) == [(int(one is None), name) for name, one in sorted(here.items())]
        paths = sorted(path[1:] for path, one in self.model.items() if one is not None)
        found = self.desk.say(FIND, "/", "*")[1]
        listed = [name for r in found for name in names(r.data[len(text("/", "*")) :])]
        assert listed == sorted(paths, key=walked)
        files = [one for one in self.model.values() if one is not None]
        assert self.desk.parameters.values[130] == sum(one.size for one in files)
        assert self.desk.parameters.values[131] == len(files)


def names(data: bytes) -> list[str]:
    """N u8, then that many names behind their lengths."""
    found, rest = [], data[1:]
    while rest:
        found.append(rest[1 : 1 + rest[0]].decode())
        rest = rest[1 + rest[0] :]
    assert len(found) == data[0]
    return found


def walked(path: str) -> list[str]:
    """Directory by directory, each by name."""
    return path.split("/")


TestFiles = pytest.mark.proves("K-FILE-001", "K-FILE-002", "K-FILE-003", "K-FILE-004")(FilesMachine.TestCase)
TestFiles.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
