"""A stream of files on a protected board costs a commit now and then; a command behind it is served at once."""

import struct
from pathlib import Path

import pytest

from tests.system.bench import Bench
from tests.system.by_hand import cltu, protected, tc_frame, telecommand, verifications

KEYS = {spi: bytes([spi]) * 32 for spi in (0x10, 0x11, 0x20, 0x21, 0x23)}
FRAMES = 40
DONE = [(1, None), (7, None)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path, keys=KEYS)
    bench.run(3)
    return bench


def files(bench: Bench, number: int) -> None:
    """File packets of 50 octets, a BD frame on VC 1 each: about 10 ms of the line."""
    packet = struct.pack(">HHH", 0x10FD, 0xC000, 43) + bytes(44)
    for iv in range(1, number + 1):
        bench.up(cltu(tc_frame(1, protected(KEYS[0x11], 1, iv, packet))))


@pytest.mark.proves("K-SEC-002")
def test_a_stream_of_files_is_marked_a_few_frames_at_a_time(bench: Bench) -> None:
    before = bench.app.keeper.commits
    files(bench, FRAMES)
    bench.run(1)
    assert bench.app.comms.counters.dropped_files == FRAMES, "all of them have acted"
    assert bench.app.keeper.commits - before <= FRAMES // 4
    bench.cut()
    bench.run(3)
    files(bench, FRAMES)
    bench.run(1)
    assert bench.app.comms.counters.dropped_files == 0, "and none acts again"


@pytest.mark.proves("K-SEC-002")
def test_one_file_alone_acts_soon_and_a_command_does_not_wait_for_company(bench: Bench) -> None:
    files(bench, 1)
    bench.run(0.04)
    assert bench.app.comms.counters.dropped_files == 0
    ping = telecommand(0x020, 17, 1)
    bench.send(ping)
    bench.run(0.02)
    assert bench.app.comms.counters.dropped_files == 1, "what came before a command goes with it"
    bench.run(1)
    assert verifications(bench.reports, ping) == DONE
    bench.cut()
    bench.run(3)
    bench.up(cltu(tc_frame(1, protected(KEYS[0x11], 1, 2, b"\x10\xfd\xc0\x00\x00\x00\x00"))))
    bench.run(0.25)
    assert bench.app.comms.counters.dropped_files == 1
