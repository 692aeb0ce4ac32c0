"""The packet store case by case, in octets written by hand; the model test holds the rest."""

import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.store import packet_file
from fsw.store.database_file import CHECKED_OCTETS_MAX
from fsw.store.packets import (
    PACKET_OCTETS_MAX,
    PUT_OCTETS_MAX,
    PacketRow,
    Put,
    decode_put,
    encode_put,
    put_octets,
)
from fsw.store.server import StoreServer

MALFORMED, DISK, STALE, UNKNOWN_STORE = b"\2", b"\3", b"\5", b"\6"
BEGIN, CHECK = b"\7", b"\x0e"
CIRCULAR, BOUNDED = 0, 1


def limits(store: int, kind: int, quota: int) -> bytes:
    return struct.pack(">BBBBQ", 8, store, kind, 7, quota)


def put(life: int, group: int, *rows: tuple[int, int, int, bytes]) -> bytes:
    """Rows of store, time since boot, TAI, packet."""
    parts = [struct.pack(">BBHIQH", store, 1, us >> 32, us & 0xFFFFFFFF, tai, len(p)) + p for store, us, tai, p in rows]
    return struct.pack(">BII", 9, life, group) + b"".join(parts)


def delete(store: int, row: int, tai: int) -> bytes:
    return struct.pack(">BBQQ", 12, store, row, tai)


def summary(store: int, mark: int = 0) -> bytes:
    return struct.pack(">BBQ", 13, store, mark)


def summarised(answer: bytes) -> tuple[int, ...]:
    assert answer[0] == 0
    found: tuple[int, ...] = struct.unpack(">BB11Q", answer[1:])
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    server = StoreServer(str(tmp_path / "store.sqlite"), synced=False)
    yield server
    server.close()


@pytest.fixture
def begun(server: StoreServer) -> StoreServer:
    assert server.serve(BEGIN) == bytes.fromhex("00 00000001 00")
    assert server.serve(limits(1, CIRCULAR, 100_000)) == b"\0"
    return server


@pytest.mark.proves("K-STORE-001")
def test_a_packet_comes_back_as_it_was_put(begun: StoreServer) -> None:
    assert begun.serve(put(1, 1, (1, 0x123456789AB, 77, b"\x08\x20packet"))) == bytes.fromhex(
        "00 00 0001 0000 00000000"
    )
    read = struct.pack(">BBBQQQI", 11, 1, 0, 0, 0, 2**63 - 1, 4_096)
    row = struct.pack(">QQH", 1, 77, 8) + b"\x08\x20packet"
    assert begun.serve(read) == b"\0" + struct.pack(">BQ", 0, 1) + row
    assert summarised(begun.serve(summary(1))) == (0, 7, 100_000, 1, 8, 77, 77, 1, 1, 1, 8, 0, 0)


@pytest.mark.parametrize(
    "request_octets",
    [
        "0700", "08 0100", "08 01 03 00 0000000000000001", "08 01 00 00 0000000000000001 01 00 00 0000000000000001",
        "09", "09 00000001 00000001", "09 00000001 00000001 01 01 000000000000 0000000000000000 0003 aaaa",
        "09 00000001 00000001 01 01 000000000000 0000000000000000 0000",
        "09 00000000 00000001 01 01 000000000000 0000000000000000 0001 aa",
        "09 00000001 00000000 01 01 000000000000 0000000000000000 0001 aa",
        "09 00000001 00000001 01 01 000000000000 ffffffffffffffff 0001 aa",
        "0a 00000001", "0b 01 02 0000000000000000 0000000000000000 0000000000000000 00001000",
        "0b 01 00 0000000000000000 0000000000000000 0000000000000000 00000010", "0c 01", "0d 01", "0e 00", "0f 00",
    ],
)  # fmt: skip
def test_a_malformed_request_changes_nothing(begun: StoreServer, request_octets: str) -> None:
    before = begun.serve(summary(1))
    assert begun.serve(bytes.fromhex(request_octets)) == MALFORMED
    assert begun.serve(summary(1)) == before


def test_a_store_without_limits_takes_and_gives_nothing(begun: StoreServer) -> None:
    assert begun.serve(put(1, 1, (2, 0, 0, b"x"), (1, 0, 0, b"y"))) == bytes.fromhex("00 00 0001 0001 00000000")
    read = struct.pack(">BBBQQQI", 11, 2, 0, 0, 0, 2**63 - 1, 4_096)
    assert [begun.serve(request) for request in (read, summary(2), delete(2, 1, 1))] == [UNKNOWN_STORE] * 3


def test_a_group_of_another_life_is_stale(begun: StoreServer) -> None:
    assert begun.serve(BEGIN)[1:5] == b"\0\0\0\2"
    assert begun.serve(put(1, 1, (1, 0, 0, b"x"))) == STALE
    assert begun.serve(struct.pack(">BIq", 10, 1, 5)) == STALE
    assert begun.serve(put(2, 1, (1, 0, 0, b"x")))[0] == 0


@pytest.mark.proves("K-STORE-007")
def test_a_circular_store_drops_as_few_as_it_must_and_a_bounded_one_refuses(begun: StoreServer) -> None:
    begun.serve(limits(1, CIRCULAR, 100))
    begun.serve(limits(2, BOUNDED, 100))
    for group in range(1, 6):
        begun.serve(put(1, group, *((store, 0, 0, bytes(30)) for store in (1, 2))))
    assert summarised(begun.serve(summary(1)))[3:] == (3, 90, 0, 0, 3, 5, 3, 90, 2, 0)
    assert summarised(begun.serve(summary(2)))[3:] == (3, 90, 0, 0, 1, 3, 3, 90, 0, 2)
    assert begun.serve(put(1, 6, (1, 0, 0, bytes(101))))[2:] == bytes.fromhex("0000 0001 00000000"), (
        "larger than the store"
    )


@pytest.mark.proves("K-STORE-005")
def test_deletion_and_time_come_in_slices(begun: StoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_file, "SEGMENT_ROWS", 4)
    monkeypatch.setattr(packet_file, "SLICE_SEGMENTS", 3)
    begun.serve(put(1, 1, *((1, n, 0, b"packet") for n in range(40))))
    timed = [struct.unpack(">BI", begun.serve(struct.pack(">BIq", 10, 1, 1_000))[1:]) for _ in range(4)]
    assert timed == [(1, 12), (1, 12), (1, 12), (0, 4)]
    assert summarised(begun.serve(summary(1)))[5:9] == (1_000, 1_039, 1, 40)
    gone = [struct.unpack(">BI", begun.serve(delete(1, 30, 2**63 - 1))[1:]) for _ in range(4)]
    assert gone == [(1, 12), (1, 12), (0, 6), (0, 0)]
    assert summarised(begun.serve(summary(1)))[7:9] == (31, 40)


def test_rows_without_time_that_were_dropped_are_not_timed(begun: StoreServer) -> None:
    begun.serve(put(1, 1, *((1, n, 0, bytes(10)) for n in range(10))))
    begun.serve(delete(1, 4, 2**63 - 1))
    assert begun.serve(struct.pack(">BIq", 10, 1, 1_000)) == bytes.fromhex("00 00 00000006")
    assert begun.serve(struct.pack(">BIq", 10, 1, 1_000)) == bytes.fromhex("00 00 00000000")


def test_a_closed_store_is_forgotten_when_it_is_empty(begun: StoreServer) -> None:
    begun.serve(put(1, 1, (1, 0, 0, b"x")))
    begun.serve(limits(1, 2, 0))
    assert begun.serve(put(1, 2, (1, 0, 0, b"y")))[2:6] == bytes.fromhex("0000 0001")
    assert begun.serve(delete(1, 2**63 - 1, 2**63 - 1)) == bytes.fromhex("00 00 00000001")
    assert begun.serve(summary(1)) == UNKNOWN_STORE


@pytest.mark.proves("K-STORE-003")
def test_a_damaged_file_is_set_aside_and_the_store_goes_on_with_its_limits_and_rows(
    begun: StoreServer, tmp_path: Path
) -> None:
    begun.serve(b"\1")
    begun.serve(put(1, 1, (1, 0, 0, b"x"), (1, 0, 0, b"y")))
    begun.close()
    (tmp_path / "packets.sqlite").write_bytes(b"no database at all" * 500)
    assert begun.serve(put(1, 2, (1, 0, 0, b"z"))) == bytes.fromhex("00 02 0001 0000 00000000"), "told"
    assert summarised(begun.serve(summary(1)))[:9] == (0, 7, 100_000, 1, 1, 0, 0, 3, 3), "no row id is given twice"
    assert begun.serve(put(1, 2, (1, 0, 0, b"z")))[1] == 3, "said twice"
    assert begun.serve(BEGIN)[:6] == bytes.fromhex("00 00000002 01")
    assert begun.serve(BEGIN)[:6] == bytes.fromhex("00 00000003 00")
    assert begun.serve(b"\1")[1:5] == b"\0\0\0\2", "boots are counted in another file"
    assert len(list(tmp_path.glob("packets.sqlite.damaged-*"))) == 1


@pytest.mark.proves("K-STORE-003", "K-STORE-005")
def test_damage_in_a_large_file_is_found_by_a_check_and_not_at_boot(begun: StoreServer, tmp_path: Path) -> None:
    begun.serve(limits(1, CIRCULAR, 1 << 30))
    packet = bytes(2_000)
    for group in range(1, 101):
        begun.serve(put(1, group, *((1, 0, 0, packet) for _ in range(25))))
    begun.close()
    path = tmp_path / "packets.sqlite"
    size = path.stat().st_size
    assert size > CHECKED_OCTETS_MAX
    with path.open("r+b") as file:
        file.seek(size // 2 // 4_096 * 4_096)
        file.write(b"\xa5" * 4_096)
    assert begun.serve(BEGIN)[:6] == bytes.fromhex("00 00000002 00"), "opened at once"
    answers: list[bytes] = []
    while not answers or answers[-1][:2] == b"\0\1":
        answers.append(begun.serve(CHECK))
    assert answers[-1] == DISK, "found"
    assert begun.serve(BEGIN)[5] == 1, "set aside"
    assert begun.serve(CHECK) == bytes.fromhex("00 01 00000000")


def test_rows_that_are_not_what_their_segment_says_are_damage(begun: StoreServer, tmp_path: Path) -> None:
    begun.serve(put(1, 1, *((1, 0, 0, b"packet") for _ in range(10))))
    with sqlite3.connect(tmp_path / "packets.sqlite") as file:
        file.execute("DELETE FROM packet_1 WHERE row = 5")
    file.close()
    assert begun.serve(CHECK) == DISK
    assert begun.serve(BEGIN)[5] == 1, "set aside, although SQLite finds nothing wrong"


@given(
    st.lists(
        st.builds(
            PacketRow, st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**48 - 1), st.integers(0, 2**63 - 1),
            st.binary(min_size=1, max_size=40),
        ),
        min_size=1, max_size=6,
    ),
    st.integers(1, 2**32 - 1),
)  # fmt: skip
def test_groups_survive_the_wire(rows: list[PacketRow], number: int) -> None:
    octets = encode_put(Put(number, number, rows))
    assert len(octets) == put_octets(row.packet for row in rows)
    assert decode_put(octets) == Put(number, number, rows)


def test_the_largest_group_of_the_largest_packets_fits_a_message() -> None:
    number = 0
    while put_octets([bytes(PACKET_OCTETS_MAX)] * (number + 1)) <= PUT_OCTETS_MAX:
        number += 1
    assert number == 31
    with pytest.raises(AssertionError):
        encode_put(Put(1, 1, [PacketRow(1, 0, 0, 0, bytes(PACKET_OCTETS_MAX))] * 32))
