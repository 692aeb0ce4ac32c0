"""ST[23] against octets written by hand, on a real folder: what each request does, and what refuses it."""

import json
import os
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.database import Call
from fsw.mdb.files import DeleteFile
from fsw.store.files import DIRECTORIES_MAX, FILES_MAX, QUOTA_OCTETS
from fsw.store.server import StoreServer
from tests.services.desk import MISSION, Desk, Disk
from tests.system.by_hand import Report

SYSTEM = 0x020
CREATE, DELETE, ATTRIBUTES, LOCK, UNLOCK, FIND, MKDIR, RMDIR, LIST = 1, 2, 3, 5, 6, 7, 9, 10, 12
BUSY, UNKNOWN, EXISTS, CAPACITY, RANGE, WRONG, NOT_EMPTY, PROTECTED = 8, 0x10, 0x11, 0x12, 0x13, 0x14, 0x18, 0x19
TIMEOUT, INTERNAL = 0x1A, 0x1B


def text(*names: str) -> bytes:
    return b"".join(bytes((len(name),)) + name.encode() for name in names)


class FilesDesk(Desk):
    """`say` asks and returns the code of the last word, 0 for completed, and the reports of service 23."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        super().__init__(disk)
        self.folder = folder
        if disk is None:
            self.disk.server = StoreServer(":memory:")
            self.disk.server.files.folder = str(folder)
        self.restore()

    def say(self, subtype: int, *names: str, tail: bytes = b"") -> tuple[int, list[Report]]:
        reports = self.ask(SYSTEM, 23, subtype, text(*names) + tail)
        return last_word(reports), [r for r in reports if r.service == 23]

    def make(self, repository: str, name: str, size_max: int = 100, *, locked: bool = False) -> int:
        return self.say(CREATE, repository, name, tail=size_max.to_bytes(4, "big") + bytes((locked,)))[0]

    def listed(self, repository: str) -> list[tuple[int, str]]:
        code, reports = self.say(LIST, repository)
        assert code == 0
        found = []
        for report in reports:
            head = 1 + report.data[0]
            assert (report.subtype, report.data[:head]) == (13, text(repository))
            number, rest = report.data[head], report.data[head + 1 :]
            for _ in range(number):
                found.append((rest[0], rest[2 : 2 + rest[1]].decode()))
                rest = rest[2 + rest[1] :]
            assert rest == b""
        return found


def last_word(reports: list[Report]) -> int:
    ends = [r for r in reports if r.service == 1 and r.subtype in (4, 6, 7, 8)]
    [end] = ends
    assert [r.subtype for r in reports if r.service == 1][-1] == end.subtype, "reports come before the last word"
    return 0 if end.subtype == 7 else int.from_bytes(end.data[-2:], "big")


@pytest.fixture
def desk(tmp_path: Path) -> FilesDesk:
    return FilesDesk(tmp_path / "files")


@pytest.mark.proves("K-FILE-001")
def test_the_layout_is_that_of_others() -> None:
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "pus_tc.json").read_text(encoding="utf-8"))
    entry = next(one for one in vectors["vectors"] if one["id"] == "TC[23,2]#75")
    data = bytes.fromhex(entry["app_data"])
    call = MISSION.database.decode_command(SYSTEM, 23, 2, data)
    assert isinstance(call, Call)
    assert call.body == DeleteFile("/img", "a.bin")
    assert codec.encode(call.body) == data


@pytest.mark.proves("K-FILE-001")
def test_files_are_made_listed_found_described_and_deleted(desk: FilesDesk) -> None:
    assert desk.listed("/") == []
    assert desk.say(MKDIR, "/", "img")[0] == 0
    assert desk.make("/img", "b.raw", 1000) == 0
    assert desk.make("/img", "a.bin") == 0
    (desk.folder / "img" / "b.raw").write_bytes(bytes(777))
    assert desk.listed("/") == [(1, "img")]
    assert desk.listed("/img") == [(0, "a.bin"), (0, "b.raw")]
    code, [attributes] = desk.say(ATTRIBUTES, "/img", "b.raw")
    assert (code, attributes.subtype, attributes.data) == (0, 4, text("/img", "b.raw") + bytes.fromhex("0000030900"))
    code, [found] = desk.say(FIND, "/", "*.ra?")
    assert (code, found.subtype, found.data) == (0, 8, text("/", "*.ra?") + b"\1" + text("img/b.raw"))
    assert desk.say(FIND, "/img", "?.bin")[1][0].data == text("/img", "?.bin") + b"\1" + text("a.bin")
    assert desk.say(FIND, "/img", "none")[1][0].data == text("/img", "none") + b"\0"
    assert desk.parameters.values[130] == 777
    assert desk.parameters.values[131] == 2
    assert desk.say(DELETE, "/img", "b.raw")[0] == 0
    assert os.listdir(desk.folder / "img") == ["a.bin"]
    assert desk.say(DELETE, "/img", "b.raw")[0] == UNKNOWN


@pytest.mark.proves("K-FILE-002")
def test_a_locked_file_stays_also_over_a_reset(desk: FilesDesk) -> None:
    assert desk.make("/", "a", locked=True) == 0
    assert desk.say(ATTRIBUTES, "/", "a")[1][0].data[-1:] == b"\1"
    assert desk.say(DELETE, "/", "a")[0] == PROTECTED
    assert desk.say(LOCK, "/", "a")[0] == WRONG
    again = FilesDesk(desk.folder, desk.disk)
    assert again.say(DELETE, "/", "a")[0] == PROTECTED
    assert again.say(UNLOCK, "/", "a")[0] == 0
    assert again.say(UNLOCK, "/", "a")[0] == WRONG
    assert again.say(DELETE, "/", "a")[0] == 0
    (desk.folder / "a").write_bytes(b"by somebody else")
    assert again.say(ATTRIBUTES, "/", "a")[1][0].data[-1:] == b"\0", "a lock goes with its file"


NAMES = ["..", ".", ".hidden", "a/b", "/etc", "", "a b", "a\\b", "~", "a*", "*", "a:b"]
REPOSITORIES = ["", "img", "//", "/img/", "/..", "/img/..", "/../img", "/a/b/c/d", "/.", "/a//b", "/ ", "/*"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.proves("K-FILE-003")
def test_a_name_leads_nowhere_else(desk: FilesDesk, name: str) -> None:
    (desk.folder.parent / "secret").write_bytes(b"1")
    for subtype in (DELETE, ATTRIBUTES, LOCK, UNLOCK, MKDIR, RMDIR):
        assert desk.say(subtype, "/", name)[0] == RANGE
    assert desk.make("/", name) == RANGE
    assert not desk.folder.exists(), "nothing was asked of the disk"


@pytest.mark.parametrize("repository", REPOSITORIES)
@pytest.mark.proves("K-FILE-003")
def test_a_repository_leads_nowhere_else(desk: FilesDesk, repository: str) -> None:
    for subtype in (DELETE, ATTRIBUTES, LOCK, UNLOCK, MKDIR, RMDIR, FIND):
        assert desk.say(subtype, repository, "a")[0] == RANGE
    assert desk.say(LIST, repository)[0] == RANGE
    assert desk.make(repository, "a") == RANGE


@pytest.mark.parametrize("name", ["a\0b", "b\xffr", "\x07"])
@pytest.mark.proves("K-FILE-003")
def test_no_text_is_no_name(name: str) -> None:
    data = text("/") + bytes((len(name),)) + name.encode("latin-1")
    refused = MISSION.database.decode_command(SYSTEM, 23, DELETE, data)
    assert not isinstance(refused, Call)
    assert refused.code == 5


@pytest.mark.proves("K-FILE-003")
def test_a_link_is_not_followed_and_not_shown(desk: FilesDesk) -> None:
    assert desk.listed("/") == []
    outside = desk.folder.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"1")
    (desk.folder / "way").symlink_to(outside)
    (desk.folder / "file").symlink_to(outside / "secret")
    os.mkfifo(desk.folder / "pipe")
    assert desk.listed("/") == []
    assert desk.say(FIND, "/", "*")[1][0].data == text("/", "*") + b"\0"
    assert desk.say(LIST, "/way")[0] == WRONG
    for name in ("file", "pipe", "way"):
        for subtype in (DELETE, ATTRIBUTES, LOCK, UNLOCK):
            assert desk.say(subtype, "/", name)[0] == WRONG
        assert desk.make("/", name) == EXISTS
    assert desk.make("/way", "new") == WRONG
    assert os.listdir(outside) == ["secret"]


@pytest.mark.proves("K-FILE-004")
def test_what_stands_in_the_way_has_its_code(desk: FilesDesk) -> None:
    assert desk.say(MKDIR, "/", "d")[0] == 0
    assert desk.say(MKDIR, "/", "d")[0] == EXISTS
    assert desk.make("/", "d") == EXISTS
    assert desk.make("/d", "f") == 0
    assert desk.make("/d", "f") == EXISTS
    assert desk.say(MKDIR, "/d", "f")[0] == EXISTS
    for subtype in (DELETE, ATTRIBUTES, LOCK, UNLOCK):
        assert desk.say(subtype, "/", "d")[0] == WRONG
        assert desk.say(subtype, "/", "absent")[0] == UNKNOWN
        assert desk.say(subtype, "/absent", "f")[0] == UNKNOWN
        assert desk.say(subtype, "/d/f", "f")[0] == WRONG
    assert desk.say(RMDIR, "/", "d")[0] == NOT_EMPTY
    assert desk.say(RMDIR, "/d", "f")[0] == WRONG
    assert desk.say(RMDIR, "/", "absent")[0] == UNKNOWN
    assert desk.say(LIST, "/absent")[0] == UNKNOWN
    assert desk.say(DELETE, "/d", "f")[0] == 0
    assert desk.say(RMDIR, "/", "d")[0] == 0
    assert desk.listed("/") == []


@pytest.mark.proves("K-FILE-004")
def test_the_store_of_files_has_an_end(desk: FilesDesk) -> None:
    assert desk.make("/", "whole", QUOTA_OCTETS + 1) == CAPACITY
    assert desk.make("/", "most", QUOTA_OCTETS - 10) == 0
    assert desk.make("/", "more", 11) == CAPACITY
    assert desk.make("/", "rest", 10) == 0
    assert desk.say(DELETE, "/", "most")[0] == 0
    for number in range(1, FILES_MAX):
        assert desk.make("/", f"file-with-a-rather-long-name-{number:03}", 1) == 0
    assert desk.make("/", "one", 1) == CAPACITY
    assert len(desk.say(LIST, "/")[1]) > 1, "several reports"
    names = [name for _, name in desk.listed("/")]
    assert names == sorted(names)
    assert len(names) == FILES_MAX
    for number in range(DIRECTORIES_MAX):
        assert desk.say(MKDIR, "/", f"d{number}")[0] == 0
    assert desk.say(MKDIR, "/", "d")[0] == CAPACITY


@pytest.mark.proves("K-FILE-004")
def test_directories_are_three_deep(desk: FilesDesk) -> None:
    for repository, name in (("/", "a"), ("/a", "b"), ("/a/b", "c")):
        assert desk.say(MKDIR, repository, name)[0] == 0
    assert desk.say(MKDIR, "/a/b/c", "d")[0] == CAPACITY
    assert desk.make("/a/b/c", "f") == 0
    assert desk.say(FIND, "/a", "f")[1][0].data == text("/a", "f") + b"\1" + text("b/c/f")


@pytest.mark.proves("K-FILE-005")
def test_a_disk_that_fails_or_is_silent_ends_each_request_once(desk: FilesDesk) -> None:
    desk.disk.failing = True
    assert desk.make("/", "a") == INTERNAL
    desk.disk.failing = False
    desk.disk.server.files.folder = None
    assert desk.make("/", "a") == INTERNAL
    desk.wire.latency_us = 20_000_000
    desk.store_waits = True
    for _ in range(8):
        reports = desk.ask(SYSTEM, 23, LIST, text("/"))
        assert [r.subtype for r in reports if r.service == 1] == [3]
    assert desk.say(LIST, "/")[0] == BUSY
    desk.answer()
    assert desk.take() == []
    desk.now = Micros(10_000_000)
    desk.answer()
    reports = desk.take()
    assert [(r.subtype, int.from_bytes(r.data[-2:], "big")) for r in reports] == [(8, TIMEOUT)] * 8


@pytest.mark.proves("K-FILE-005")
def test_a_row_without_a_file_means_nothing(desk: FilesDesk) -> None:
    assert desk.make("/", "a", QUOTA_OCTETS, locked=True) == 0
    os.unlink(desk.folder / "a")  # as if the cut had come between row and file
    assert desk.say(ATTRIBUTES, "/", "a")[0] == UNKNOWN
    assert desk.make("/", "b", QUOTA_OCTETS) == 0
    assert desk.say(DELETE, "/", "b")[0] == 0
    assert desk.make("/", "a", 5) == 0
    assert desk.say(DELETE, "/", "a")[0] == 0
