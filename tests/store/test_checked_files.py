"""The server of the files that are scrubbed: real folders, zlib's CRC-32 over the whole file as the oracle."""

import os
import select
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.hal.child import ChildWire
from fsw.mdb.memory import NAME_OCTETS_MAX as NAME_MAX_DECLARED
from fsw.mdb.memory import Scrubbed
from fsw.store.checked_files import (
    CODE,
    FILES_MAX,
    NAME_OCTETS_MAX,
    SETTINGS,
    SLICE_OCTETS,
    CheckedFile,
    CheckedFiles,
    FolderFiles,
    Root,
    ask_scan,
    ask_slice,
    decode_scan,
    decode_slice,
    flown_files,
)

DEADLINE_S = 30.0


def folder(where: Path) -> CheckedFiles:
    return CheckedFiles(
        FolderFiles([Root(CODE, str(where), "x/", (".py",)), Root(SETTINGS, str(where), "", (".toml",))])
    )


def crcs(server: CheckedFiles) -> dict[CheckedFile, tuple[int, int] | None]:
    """Size and checksum of each file, slice by slice."""
    count = decode_scan(server.serve(ask_scan()))
    assert count is not None
    found: dict[CheckedFile, tuple[int, int] | None] = {}
    for index in range(count):
        at = crc = 0
        while True:
            sliced = decode_slice(server.serve(ask_slice(index, at, crc)))
            assert sliced is not None
            assert sliced.end - at <= SLICE_OCTETS
            found[sliced.file] = None if sliced.size is None else (sliced.size, sliced.crc)
            if sliced.size is None or sliced.end >= sliced.size:
                break
            at, crc = sliced.end, sliced.crc
    return found


@pytest.mark.proves("K-MEM-007")
def test_files_are_found_and_read_slice_by_slice(tmp_path: Path) -> None:
    octets = {"b.py": b"", "a.py": b"x" * (2 * SLICE_OCTETS + 1), "sub/c.py": b"y" * SLICE_OCTETS, "m.toml": b"z"}
    (tmp_path / "sub").mkdir()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "no.py").write_bytes(b"no")
    (tmp_path / "no.txt").write_bytes(b"no")
    for name, content in octets.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    found = crcs(folder(tmp_path))
    expected = {
        CheckedFile(CODE if name.endswith(".py") else SETTINGS, ("x/" if name.endswith(".py") else "") + name): (
            len(content), zlib.crc32(content)
        )
        for name, content in octets.items()
    }  # fmt: skip
    assert found == expected
    assert list(found) == sorted(found)


def test_a_file_that_goes_or_changes_meanwhile_is_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"x" * (SLICE_OCTETS + 5))
    server = folder(tmp_path)
    server.serve(ask_scan())
    first = decode_slice(server.serve(ask_slice(0, 0, 0)))
    assert first is not None
    path.write_bytes(b"x")
    shrunk = decode_slice(server.serve(ask_slice(0, first.end, first.crc)))
    assert shrunk is not None
    assert (shrunk.size, shrunk.end, shrunk.crc) == (1, 1, first.crc)
    path.unlink()
    gone = decode_slice(server.serve(ask_slice(0, 0, 0)))
    assert gone is not None
    assert (gone.file.name, gone.size) == ("x/a.py", None)
    assert decode_slice(server.serve(ask_slice(1, 0, 0))) is None


def test_names_are_printable_and_have_an_end(tmp_path: Path) -> None:
    (tmp_path / ("n" * 120 + ".py")).write_bytes(b"1")
    (tmp_path / "\u00e9.py").write_bytes(b"2")
    names = [file.name for file in crcs(folder(tmp_path))]
    assert names == ["n" * 77 + ".py", "x/?.py"]


def test_no_more_files_than_are_kept(tmp_path: Path) -> None:
    for n in range(FILES_MAX + 3):
        (tmp_path / f"{n}.py").touch()
    assert decode_scan(folder(tmp_path).serve(ask_scan())) == FILES_MAX


def test_the_flown_files_are_the_house_s_own() -> None:
    flight = Path(__file__).parents[2] / "fsw"
    files = flown_files(str(flight), None).scan()
    assert {file.name for file in files if file.kind == SETTINGS} == {"mission/mission.toml"}
    assert {file.name for file in files if file.kind == CODE} == {
        f"fsw/{path.relative_to(flight)}" for path in flight.rglob("*.py")
    }
    assert len(files) < FILES_MAX
    outside = flown_files(str(flight), str(flight / "missions" / "rabbit")).scan()
    assert CheckedFile(CODE, "mission/instruments/dosimeter.py") in outside


@pytest.mark.process
def test_a_child_of_flight_serves_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"123456789")
    wire = ChildWire("code", lambda: folder(tmp_path))
    answers = []
    for number, ask in enumerate((ask_scan(), ask_slice(0, 0, 0))):
        assert wire.send(number.to_bytes(4, "big") + ask)
        assert select.select([wire.fileno()], [], [], DEADLINE_S)[0]
        answers.append(wire.receive())
    wire.close()
    assert answers == [
        bytes.fromhex("00000000 00 0001"),
        bytes.fromhex("00000001 00 10 00000009 00000009 cbf43926") + b"x/a.py",  # CRC-32's published check value
    ]


def test_both_floors_mean_the_same() -> None:
    assert (int(Scrubbed.CODE), int(Scrubbed.SETTINGS)) == (CODE, SETTINGS)
    assert NAME_OCTETS_MAX == NAME_MAX_DECLARED


@given(st.binary(max_size=20))
def test_any_request_has_an_answer(request: bytes) -> None:
    server = CheckedFiles(FolderFiles([Root(CODE, os.devnull, "", (".py",))]))
    answer = server.serve(request)
    assert answer
    decode_scan(answer)
    decode_slice(answer)


@given(st.binary(max_size=120))
def test_any_answer_is_read_or_is_none(answer: bytes) -> None:
    decode_scan(answer)
    sliced = decode_slice(answer)
    assert sliced is None or sliced.file.name.isascii() or "\ufffd" in sliced.file.name
