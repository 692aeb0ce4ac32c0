"""The store's server on real files: looked at from outside by sqlite3 itself, damaged, cut, and fed with nonsense."""

import os
import select
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsw.kernel.bus import Server
from fsw.store.protocol import LIST_OCTETS_MAX, StoreStatus, decode_parameters, encode_parameters
from fsw.store.server import SET_ASIDE_MAX, StoreServer

DEADLINE_S = 20.0
ROOT = Path(__file__).parents[2]
BOOT, LOAD = b"\1", b"\3"
PARAMETERS = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=20), max_size=20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def server(path: Path) -> Iterator[StoreServer]:
    server = StoreServer(str(path))
    yield server
    server.close()


def life(path: Path) -> "StoreServer":
    return StoreServer(str(path))


@pytest.mark.proves("K-FLY-001")
def test_boots_are_counted_and_each_life_s_end_is_told_to_the_next(path: Path) -> None:
    told = []
    for mark in (b"", b"\2\1", b"\2\3", b"\2\6", b""):
        server = life(path)
        told.append(server.serve(BOOT))
        if mark:
            assert server.serve(mark) == b"\0"
        server.close()
    # status, boot count, how the life before ended: unknown, cut, orderly, ready for off, fault
    assert told == [
        bytes.fromhex("00 00000001 00 00"),
        bytes.fromhex("00 00000002 02 00"),
        bytes.fromhex("00 00000003 01 00"),
        bytes.fromhex("00 00000004 03 00"),
        bytes.fromhex("00 00000005 06 00"),
    ]


def test_the_boot_count_stops_at_its_width(path: Path, server: StoreServer) -> None:
    server.serve(BOOT)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE life SET boot_count = 4294967294")
    connection.close()
    assert server.serve(BOOT)[1:5] == b"\xff\xff\xff\xff"
    assert server.serve(BOOT)[1:5] == b"\xff\xff\xff\xff"


def test_a_commit_is_on_the_disk_fully_synced(path: Path, server: StoreServer) -> None:
    assert server.serve(b"\4" + bytes.fromhex("000a 04 deadbeef 3101 00")) == b"\0"
    connection = sqlite3.connect(path)
    values = bytes.fromhex("000a 04 deadbeef 3101 00")
    row = (1, zlib.crc32(b"\0\0\0\1" + values), values)
    for table in ("parameters_a", "parameters_b"):
        assert connection.execute(f"SELECT generation, crc, octets FROM {table}").fetchall() == [row]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert server._file.connection().execute("PRAGMA synchronous").fetchone() == (2,)
    assert server.serve(LOAD) == bytes.fromhex("00 000a 04 deadbeef 3101 00")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(PARAMETERS, max_size=5))
def test_parameters_are_what_was_committed_last(
    tmp_path_factory: pytest.TempPathFactory, commits: list[dict[int, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("store") / "store.sqlite"
    expected: dict[int, bytes] = {}
    for values in commits:
        server = life(path)
        assert server.serve(b"\4" + encode_parameters(values)) == b"\0"
        server.close()
        expected.update(values)
    server = life(path)
    assert decode_parameters(server.serve(LOAD)[1:]) == expected
    server.close()


@given(PARAMETERS)
def test_lists_survive_the_wire(values: dict[int, bytes]) -> None:
    octets = encode_parameters(values)
    assert len(octets) == sum(3 + len(value) for value in values.values())
    assert decode_parameters(octets) == values


@pytest.mark.parametrize("octets", ["00", "0001", "0001 02 aa", "0001 00 0001 00", "0001 01 aa 0002"])
def test_a_list_that_ends_amid_a_parameter_or_names_one_twice_is_none(octets: str) -> None:
    assert decode_parameters(bytes.fromhex(octets)) is None


@pytest.mark.parametrize("values", [{-1: b""}, {0x10000: b""}, {1: bytes(256)}, {n: bytes(255) for n in range(260)}])
def test_what_does_not_fit_a_list_is_an_assertion(values: dict[int, bytes]) -> None:
    with pytest.raises(AssertionError):
        encode_parameters(values)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    request_octets=st.one_of(
        st.binary(max_size=40),
        st.builds(lambda op, body: bytes((op,)) + body, st.integers(0, 16), st.binary(max_size=40)),
    )
)
def test_any_octets_are_answered(server: StoreServer, request_octets: bytes) -> None:
    answer = server.serve(request_octets)
    assert answer[0] in tuple(StoreStatus)
    if (request_octets[0] if request_octets else 0) not in {*range(1, 16), 20, 21}:
        assert answer == b"\1"


@pytest.mark.parametrize("request_octets", ["0100", "02", "020101", "02ff", "0300", "0400", "04 0001 05 aa"])
def test_a_malformed_request_is_told_so_and_changes_nothing(server: StoreServer, request_octets: str) -> None:
    server.serve(BOOT)
    assert server.serve(bytes.fromhex(request_octets)) == b"\2"
    assert server.serve(LOAD) == b"\0"
    assert server.serve(BOOT) == bytes.fromhex("00 00000002 02 00")


def test_more_parameters_than_one_answer_holds_are_refused_whole(server: StoreServer) -> None:
    first = {n: bytes(255) for n in range(250)}
    assert server.serve(b"\4" + encode_parameters(first)) == b"\0"
    more = dict.fromkeys(range(245, 260), b"x" * 255)
    assert server.serve(b"\4" + encode_parameters(more)) == bytes((StoreStatus.FULL,))
    loaded = server.serve(LOAD)[1:]
    assert decode_parameters(loaded) == first
    assert len(loaded) <= LIST_OCTETS_MAX


def damage_all(path: Path) -> None:
    path.write_bytes(b"no database at all " * 300)


def damage_head(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[0:16] = bytes(16)
    path.write_bytes(octets)


def damage_pages(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[100:4096] = b"\xa5" * 3996
    path.write_bytes(octets)


def damage_second_page(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[4096:4160] = b"\xa5" * 64
    path.write_bytes(octets)


def damage_length(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [damage_all, damage_head, damage_pages, damage_second_page, damage_length])
def test_a_damaged_file_is_set_aside_and_the_next_boot_says_so(path: Path, damage: Callable[[Path], None]) -> None:
    server = life(path)
    server.serve(BOOT)
    server.serve(b"\4" + encode_parameters({10: b"kept"}))
    server.close()
    damage(path)
    damaged = path.read_bytes()
    server = life(path)
    assert server.serve(BOOT) == bytes.fromhex("00 00000001 00 01")
    assert server.serve(LOAD) == b"\0"
    assert server.serve(BOOT)[6] == 0
    server.close()
    assert path.with_name("store.sqlite.damaged-1").read_bytes() == damaged


def test_damage_under_way_is_told_and_mended_at_the_next_request(path: Path, server: StoreServer) -> None:
    server.serve(BOOT)
    connection = server._file.connection()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("DROP TABLE parameters_a")
    assert server.serve(LOAD) == bytes((StoreStatus.DISK,))
    assert server.serve(LOAD) == b"\0"


def test_damaged_files_are_kept_but_not_without_end(path: Path) -> None:
    for n in range(SET_ASIDE_MAX + 3):
        path.write_bytes(f"damage {n} ".encode() * 500)
        server = life(path)
        assert server.serve(BOOT)[0] == 0
        server.close()
    kept = sorted(name for name in os.listdir(path.parent) if "damaged" in name)
    assert kept == [f"store.sqlite.damaged-{n}" for n in range(1, SET_ASIDE_MAX + 1)]
    assert path.with_name(kept[-1]).read_bytes().startswith(b"damage 11 ")
    assert path.with_name(kept[0]).read_bytes().startswith(b"damage 0 ")


def test_values_that_only_damage_can_leave_are_left_out(path: Path, server: StoreServer) -> None:
    server.serve(BOOT)
    server.serve(BOOT)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE life SET boot_count = -5, ended = 'x', set_aside = 700")
        connection.execute("CREATE TABLE parameter (pid, octets)")  # as the first software wrote them
        connection.execute(
            "INSERT INTO parameter VALUES (1, x'676f6f64'), (70000, x'00'), (2, 'text'), (3, zeroblob(300))"
        )
    connection.close()
    assert server.serve(BOOT) == bytes.fromhex("00 00000001 00 00")
    assert decode_parameters(server.serve(LOAD)[1:]) == {1: b"good"}


def test_a_disk_that_is_not_there_is_told_and_served_when_it_comes(tmp_path: Path) -> None:
    server: Server = life(tmp_path / "mount" / "store.sqlite")
    assert server.serve(BOOT) == bytes((StoreStatus.DISK,))
    (tmp_path / "mount").mkdir()
    assert server.serve(BOOT) == bytes.fromhex("00 00000001 00 00")
    assert isinstance(server, StoreServer)
    server.close()


@pytest.mark.proves("K-FLY-001")
@pytest.mark.process
@pytest.mark.parametrize("commits", [1, 7, 40])
def test_what_was_answered_survives_a_power_cut(path: Path, commits: int) -> None:
    program = [sys.executable, str(Path(__file__).with_name("commit_until_killed.py")), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        said = b""
        while said.count(b"\n") < commits + 1:
            assert select.select([process.stdout], [], [], DEADLINE_S)[0]
            said += os.read(process.stdout.fileno(), 65536)
        process.send_signal(signal.SIGKILL)
        while select.select([process.stdout], [], [], DEADLINE_S)[0]:
            part = os.read(process.stdout.fileno(), 65536)
            if not part:
                break
            said += part
    answered = int(said.split()[-1])
    server = life(path)
    values = decode_parameters(server.serve(LOAD)[1:])
    assert values is not None
    assert values[10] == values[11], "a commit is all or none"
    # One more may have been under way and have made it.
    assert answered <= int.from_bytes(values[10], "big") <= answered + 1
    assert server.serve(BOOT) == bytes.fromhex("00 00000002 02 00")
    server.close()
