"""The server's side of files: octets written by hand, octets that are no request, and a cut between any two steps."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.store import files
from fsw.store.file_words import (
    FileAnswer,
    FileOperation,
    FileRequest,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    is_name,
    is_pattern,
    is_sound,
)
from fsw.store.server import StoreServer

FILES = b"\x14"
OK, MALFORMED, DISK = b"\0", b"\2", b"\3"
NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,31}", fullmatch=True)
REPOSITORIES = st.lists(NAMES, max_size=3).map(lambda names: "/" + "/".join(names))


class CutError(BaseException):
    """The power goes."""


def ask(server: StoreServer, operation: int, repository: str, name: str = "", rest: str = "0000000000") -> bytes:
    texts = b"".join(bytes((len(text),)) + text.encode() for text in (repository, name))
    return server.serve(FILES + bytes((operation,)) + bytes.fromhex(rest) + texts)


def seen(server: StoreServer, name: str) -> str:
    """A file of the root as the server shows it."""
    answer = ask(server, 3, "/", name)
    assert answer[:1] == OK
    return {0: "locked" if answer[12] else "open", 0x10: "absent"}[answer[1]]


def test_requests_and_answers_are_what_the_readme_says(tmp_path: Path) -> None:
    server = StoreServer(str(tmp_path / "store.sqlite"))
    assert ask(server, 9, "/", "d") == bytes.fromhex("00 00 0000 00000000 00000000 00")
    assert ask(server, 1, "/d", "f", "0000006401") == bytes.fromhex("00 00 0001 00000000 00000000 00")
    (tmp_path / "files" / "d" / "f").write_bytes(bytes(300))
    assert ask(server, 3, "/d", "f") == bytes.fromhex("00 00 0001 0000012c 0000012c 01")
    assert ask(server, 12, "/") == bytes.fromhex("00 00 0001 0000012c 00000000 00 01 01 64")
    assert ask(server, 7, "/", "?") == bytes.fromhex("00 00 0001 0000012c 00000000 00 00 03 64 2f 66")
    assert ask(server, 2, "/d", "f") == bytes.fromhex("00 19 0001 0000012c 00000000 00")
    assert ask(server, 1, "/..", "f") == MALFORMED
    assert StoreServer(":memory:").serve(FILES + bytes.fromhex("0c 0000000000 01 2f 00")) == DISK


@given(st.binary(max_size=60))
@pytest.mark.proves("K-FILE-003")
def test_no_octets_make_the_server_raise_or_leave_its_folder(octets: bytes) -> None:
    request = decode_request(octets)
    if request is None:
        assert StoreServer(":memory:").serve(FILES + octets) == MALFORMED
    else:
        assert is_sound(request)
        assert ".." not in request.repository.split("/")
        assert encode_request(request) == octets


@given(st.sampled_from(FileOperation), REPOSITORIES, NAMES, st.integers(0, 0xFFFF_FFFF), st.booleans())
def test_a_sound_request_crosses_unchanged(
    operation: FileOperation, repository: str, name: str, size_max: int, locked: bool
) -> None:
    request = FileRequest(operation, repository, "" if operation is FileOperation.SUMMARY else name, size_max, locked)
    assert is_sound(request)
    assert decode_request(encode_request(request)) == request
    for cut in range(1, len(encode_request(request))):
        assert decode_request(encode_request(request)[:cut]) != request


@given(
    st.builds(
        FileAnswer,
        st.integers(0, 255),
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFFFF_FFFF),
        st.integers(0, 0xFFFF_FFFF),
        st.booleans(),
        st.lists(st.tuples(st.integers(0, 1), NAMES), max_size=5).map(tuple),
    )
)
def test_an_answer_crosses_unchanged(answer: FileAnswer) -> None:
    octets = encode_answer(answer)
    assert decode_answer(octets) == answer
    assert decode_answer(octets[:5]) is None


@given(st.text(max_size=40))
@pytest.mark.proves("K-FILE-003")
def test_a_name_is_of_few_characters(name: str) -> None:
    few = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
    assert is_name(name) is (0 < len(name) <= 32 and set(name) <= few and not name.startswith("."))
    assert is_pattern(name) is (0 < len(name) <= 32 and set(name) <= few | {"*", "?"})


class Cutting:
    """`os` for the module under test: the power goes before, or after, the n-th step that changes the disk."""

    def __init__(self, n: int, after: bool) -> None:
        self._left = n
        self._after = after

    def __getattr__(self, name: str) -> object:
        found = getattr(os, name)
        return self.step(found) if name in ("open", "fsync", "unlink", "mkdir", "rmdir") else found

    def step(self, found: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **named: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise CutError
            result = found(*args, **named)
            if self._left == 0:
                raise CutError
            return result

        return step


class Connection(sqlite3.Connection):
    """Cut before or after the commit of its n-th transaction."""

    cutting: Cutting | None = None

    def __exit__(self, *args: object) -> bool:  # type: ignore[override]
        leave = super().__exit__
        return bool(self.cutting.step(leave)(*args)) if self.cutting else bool(leave(*args))  # type: ignore[arg-type]


def cuts() -> Iterator[tuple[int, bool]]:
    return ((n, after) for n in range(1, 25) for after in (False, True))


OPERATIONS: dict[str, tuple[tuple[int, str, str, str], str, set[str]]] = {
    # name of the operation: (request, how the file may stand after a cut)
    "create": ((1, "/", "new", "0000006401"), "new", {"absent", "locked"}),
    "delete": ((2, "/", "old", "0000000000"), "old", {"absent", "open"}),
    "lock": ((5, "/", "old", "0000000000"), "old", {"open", "locked"}),
    "unlock": ((6, "/", "kept", "0000000000"), "kept", {"open", "locked"}),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.proves("K-FILE-005")
def test_a_cut_between_any_two_steps_leaves_it_done_or_not_done(
    operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, name, allowed = OPERATIONS[operation]
    found = set()
    whole = False
    for number, (n, after) in enumerate(cuts()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = str(folder / "store.sqlite")
        server = StoreServer(path)
        assert ask(server, 1, "/", "old", "0000006400")[1] == 0
        assert ask(server, 1, "/", "kept", "0000006401")[1] == 0
        server.close()
        cutting = Cutting(n, after)
        server = StoreServer(path, lambda *a, **k: sqlite3.connect(*a, factory=Connection, **k))
        ask(server, 3, "/", "old")
        with monkeypatch.context() as patched:
            patched.setattr(files, "os", cutting)
            patched.setattr(Connection, "cutting", cutting)
            try:
                ask(server, *request)
                whole = True
            except CutError:
                whole = False
        server.close()
        again = StoreServer(path)
        found.add(seen(again, name))
        assert seen(again, name) in allowed
        assert seen(again, "old" if name == "kept" else "kept") == ("open" if name == "kept" else "locked")
        if not whole and operation == "create":
            answer = ask(again, *request)
            assert answer[1] == (0x11 if seen(again, "new") == "locked" and answer[1] else 0)
            assert seen(again, "new") == "locked"
        again.close()
        if whole:
            break
    assert whole, "more steps than cuts"
    assert found == allowed
