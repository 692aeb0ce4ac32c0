"""Bits that flip in the store's file while it is open: plain octets of the file are the oracle."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsw.store.file_image import Image
from fsw.store.protocol import decode_parameters, encode_parameters
from fsw.store.server import StoreServer

CHECK, STATS = b"\x0e", b"\x0f"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def server(path: Path) -> Iterator[StoreServer]:
    server = StoreServer(str(path), synced=False)
    server.serve(b"\1")
    server.serve(b"\4" + encode_parameters({10: b"kept"}))
    server.serve(STATS)  # copies the log back
    yield server
    server.close()


def flip(path: Path, at: int) -> None:
    octets = bytearray(path.read_bytes())
    octets[at] ^= 0x80
    with path.open("r+b") as file:
        file.write(octets)


def mended(server: StoreServer) -> tuple[int, int]:
    octets = server.serve(STATS)[-8:]
    return int.from_bytes(octets[:4], "big"), int.from_bytes(octets[4:], "big")


@pytest.mark.proves("K-STORE-008")
@pytest.mark.parametrize("permille", [0, 130, 500, 870, 999])
def test_a_flipped_bit_is_written_as_it_was(path: Path, server: StoreServer, permille: int) -> None:
    before = path.read_bytes()
    at = len(before) * permille // 1000
    flip(path, at)
    assert path.read_bytes() != before
    assert server.serve(CHECK)[0] == 0
    assert path.read_bytes() == before
    assert mended(server) == (1, at)
    assert decode_parameters(server.serve(b"\3")[1:]) == {10: b"kept"}


def test_what_is_committed_is_no_flip(path: Path, server: StoreServer) -> None:
    for number in range(400):
        server.serve(b"\4" + encode_parameters({10: number.to_bytes(4, "big")}))
        if number % 7 == 0:
            server.serve(CHECK)
        if number % 50 == 0:
            server.serve(STATS)
    assert mended(server) == (0, 0)
    server.close()
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    file.close()
    server.serve(b"\1")
    assert decode_parameters(server.serve(b"\3")[1:]) == {10: (399).to_bytes(4, "big")}


def test_a_bit_is_mended_before_the_log_is_copied_over_it(path: Path, server: StoreServer) -> None:
    flip(path, 100)
    server.serve(b"\4" + encode_parameters({10: b"more"}))
    server.serve(STATS)
    assert mended(server) == (1, 100)
    assert decode_parameters(server.serve(b"\3")[1:]) == {10: b"more"}


def test_an_image_that_does_not_hold_mends_nothing(path: Path) -> None:
    path.write_bytes(b"as it was")
    image = Image(str(path))
    image.take()
    image._octets = b"as it has"
    assert image.mend() == 0
    assert path.read_bytes() == b"as it was"
    flip(path, 3)
    assert (image.mend(), image.mended_at) == (1, 3)
    assert path.read_bytes() == b"as it was"
    image.drop()


def test_a_file_that_is_not_there_or_has_another_length_is_left_alone(path: Path) -> None:
    image = Image(str(path))
    image.take()
    assert image.mend() == 0
    path.write_bytes(b"long")
    image.take()
    path.write_bytes(b"longer")
    assert (image.mend(), path.read_bytes()) == (0, b"longer")
    image.drop()
