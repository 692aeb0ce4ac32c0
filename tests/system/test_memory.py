"""A board whose memory is asked for over the line, and whose files go wrong while the power comes and goes."""

import struct
import zlib
from pathlib import Path

import pytest

from fsw.store.checked_files import CODE, CheckedFile
from tests.services.memory_asks import CONFIGURATION, EVENT_LOG, areas, dumps
from tests.system.bench import Bench
from tests.system.by_hand import telecommand, verifications

SYSTEM = 0x020
APP = CheckedFile(CODE, "fsw/app.py")
BASELINE_TAKEN, FILE_WRONG, FILE_RIGHT = 47, 45, 46
PASS_S = 200


def scrubbing(bench: Bench) -> list[tuple[int, bytes]]:
    """Events of scrubbing in this life: number and auxiliary data."""
    events = [r.data for r in bench.reports if r.service == 5]
    return [(int.from_bytes(data[:2], "big"), data[2:]) for data in events if 45 <= data[1] <= 49 and not data[0]]


@pytest.mark.proves("K-MEM-007", "K-MEM-008")
def test_a_file_that_changes_is_told_in_this_life_and_in_the_next(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.beats = True
    bench.run(PASS_S)
    assert [number for number, _ in scrubbing(bench)] == [BASELINE_TAKEN]
    bench.cut()
    before = bench.board.code.octets[APP]
    bench.board.code.flip(APP, 1_000)
    told = (
        FILE_WRONG,
        struct.pack(">BBII", 1, CODE, zlib.crc32(before), zlib.crc32(bench.board.code.octets[APP]))
        + bytes((len(APP.name),))
        + APP.name.encode(),
    )
    bench.run(PASS_S)
    assert scrubbing(bench) == [told]
    bench.cut()
    bench.run(PASS_S)
    assert scrubbing(bench) == [told]
    bench.board.code.flip(APP, 1_000)
    bench.run(PASS_S)
    assert [number for number, _ in scrubbing(bench)] == [FILE_WRONG, FILE_RIGHT]


@pytest.mark.proves("K-MEM-004")
def test_a_large_dump_completes_behind_its_last_part_and_costs_no_other_report(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.beats = True
    bench.run(2)
    wanted = areas(CONFIGURATION, *[(0, 150)] * 60)
    dump = telecommand(SYSTEM, 6, 3, wanted, count=1)
    enable = telecommand(SYSTEM, 3, 5, struct.pack(">HH", 1, 1), count=2)
    bench.send(dump, enable)
    reports = bench.run(10)
    assert verifications(reports, dump) == [(1, None), (7, None)]
    (found,) = dumps(reports)
    assert len(found.areas) == 60
    assert {octets for _, octets in found.areas} == {found.areas[0][1]}
    assert found.areas[0][1].startswith(b"software kratai")
    assert [r.subtype for r in reports if r.service == 13][-1] == 3
    assert sum((r.service, r.subtype) == (3, 25) for r in reports) >= 9, "housekeeping comes once a second"
    assert bench.app.outbox.dropped == 0


@pytest.mark.proves("K-MEM-006")
def test_the_event_log_begins_with_the_boot(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    bench.send(telecommand(SYSTEM, 6, 3, areas(EVENT_LOG, (0, 48))))
    (found,) = dumps(bench.run(1))
    record = found.areas[0][1]
    assert record[8:13] == struct.pack(">HBH", SYSTEM, 1, 1)
    assert record[14:18] == struct.pack(">I", 1), "boot count 1"
