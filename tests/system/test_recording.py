"""What a cut leaves on the disk: all but the open group; after a notice, all. The disk is read by sqlite3 itself."""

import sqlite3
import struct
from pathlib import Path

import pytest

from fsw.mdb.system import StopReason
from tests.system.bench import Bench
from tests.system.by_hand import function, telecommand
from tests.system.test_power import notice

GROUP_PACKETS, GROUP_US = 64, 1_000_000  # mission.toml
WRITTEN_US = 100_000
"""From the group to the disk: two ticks and the simulated disk's time, and more."""
ALL = telecommand(0x020, 3, 5, b"\0\3\0\1\0\x08\0\x0c", count=1)


def on_disk(folder: Path) -> set[tuple[int, int]]:
    """APID and sequence count of every packet in any store."""
    found = set()
    with sqlite3.connect(f"file:{folder / 'packets.sqlite'}?mode=ro", uri=True) as file:
        tables = [
            name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE name LIKE 'packet\\_%' ESCAPE '\\'")
        ]
        for table in tables:
            for (packet,) in file.execute(f"SELECT octets FROM {table}"):
                found.add((int.from_bytes(packet[:2], "big") & 0x7FF, int.from_bytes(packet[2:4], "big") & 0x3FFF))
    file.close()
    return found


def emitted(bench: Bench) -> list[tuple[int, int]]:
    """The same of what came live, but for time reports, which no store takes."""
    return [(report.apid, report.number) for report in bench.reports if report.apid]


@pytest.mark.proves("K-ARCH-002")
@pytest.mark.parametrize("cut_ms", [10_000, 10_370, 11_010, 12_990])
def test_a_cut_costs_the_open_group_at_most(tmp_path: Path, cut_ms: int) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    bench.send(ALL)
    bench.run((cut_ms - 2_000) / 1_000 - GROUP_US / 1e6 - WRITTEN_US / 1e6)
    old = emitted(bench)
    bench.run(GROUP_US / 1e6 + WRITTEN_US / 1e6)
    bench.board.cut()
    kept = on_disk(tmp_path)
    assert len(old) > 20
    assert set(old) <= kept
    assert len(set(emitted(bench)) - kept) <= GROUP_PACKETS


@pytest.mark.proves("K-ARCH-002")
def test_a_notice_flushes_all_of_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    bench.send(ALL)
    bench.run(5.3)
    notice(bench, 0, 2)
    bench.run(1.9)
    told = [r for r in bench.said if r.apid == 0x119]
    assert told, "it says ready"
    assert told[-1].data[1] == 1, "and clean"
    bench.board.cut()
    late = set(emitted(bench)) - on_disk(tmp_path)
    assert len(late) <= 3, "what was said in the last tick"


@pytest.mark.proves("K-FATE-001")
def test_an_announced_end_keeps_the_last_word_of_every_request(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(3)
    for count in range(60):
        bench.send(telecommand(0x020, 17, 1, count=count))
        bench.run(0.09)
    bench.app.stop(StopReason.SIGNAL)
    bench.send(telecommand(0x020, 17, 1, count=777))
    bench.run(1)
    bench.cut()
    bench.run(2)
    bench.send(function(0x020, 50, bytes(4), count=900))
    bench.run(2)
    words = {}
    for data in (r.data for r in bench.reports if (r.service, r.subtype) == (8, 180)):
        for at in range(18, len(data), 21):
            _number, _apid, sequence, word = struct.unpack_from(">IHH2x1x7xB", data, at)
            words[sequence & 0x3FFF] = word
    assert words == dict.fromkeys([*range(60), 777], 7) | {900: 3}
