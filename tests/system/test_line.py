"""What the board puts on the line: paced, idle when there is nothing, in time when there is."""

import struct
from binascii import crc_hqx
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from tests.system.bench import Bench
from tests.system.by_hand import report, telecommand
from tests.system.test_housekeeping import enable, interval

TICK_US = 10_000
LINES = {  # contract section 1: baud, frame, release, idle interval, heartbeat
    "slow": (9_600, 223, 1.0, 10, 5),
    "default": (115_200, 446, 0.1, 1, 1),
    "fast": (921_600, 892, 0.05, 1, 1),
}


@pytest.mark.proves("K-LINE-007")
@pytest.mark.parametrize("line", LINES)
def test_output_is_never_more_than_a_frame_and_two_ticks_ahead(tmp_path: Path, line: str) -> None:
    baud, frame, *_ = LINES[line]
    bench = Bench(tmp_path, line=line)
    bench.run(1)
    bench.send(interval(1, 1), interval(2, 1), interval(3, 1), enable(1, 2, 3))
    most = 0
    for _ in range(2_000):
        bench.board.run_until(Micros(bench.clock.now() + TICK_US), bench.clock)
        bench.board.line.down.take(bench.clock.now())
        most = max(most, len(bench.board.line.down))
    assert most <= frame + 4 + 2 * TICK_US * baud / 10 / 1_000_000 + 1
    assert most >= frame


@pytest.mark.parametrize("line", LINES)
def test_a_line_with_nothing_to_say_is_a_tenth_busy_at_most(tmp_path: Path, line: str) -> None:
    baud, frame, _, idle_s, heartbeat_s = LINES[line]
    bench = Bench(tmp_path, line=line)
    bench.run(5)
    before, heartbeats, idle = len(bench.octets), len(bench.said), bench.cadus.idle
    bench.run(200)
    assert (len(bench.octets) - before) * 10 / baud / 200 <= 0.10
    assert bench.cadus.idle - idle == pytest.approx(200 / idle_s, abs=1)
    beats = [r for r in bench.said[heartbeats:] if r.apid == 0x110]
    assert len(beats) == pytest.approx(200 / heartbeat_s, abs=1)
    assert bench.reports[-1].service == 5
    assert frame == bench.cadus.octets


def test_the_beacon_comes_every_25_seconds(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(101)
    beacons = [r for r in bench.said if r.apid == 0x111]
    assert len(beacons) == 4
    assert {len(r.data) for r in beacons} == {8}


def test_acceptance_is_on_the_wire_within_400_ms_while_the_downlink_is_saturated(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    # Structures made in flight until more is emitted than the line carries.
    for sid in range(600, 640):
        pids = [*range(0x0180, 0x0195), *range(0x0100, 0x0105), *range(1, 10)]
        bench.send(telecommand(0x020, 3, 1, struct.pack(f">HHH{len(pids)}HH", sid, 1, len(pids), *pids, 0)))
        bench.send(enable(sid))
        bench.run(0.1)
    bench.run(5)
    assert bench.app.outbox.dropped > 0
    latencies_us = []
    for n in range(100):
        ping = telecommand(0x020, 17, 1, count=n)
        bench.run(0.05 + 0.0037 * n % 0.1)
        bench.send(ping)
        sent_us = int(bench.board.line.up.free_us())
        while not [r for r in bench.reports if r.service == 1 and r.data == ping[:4]]:
            bench.run(0.005)
            assert bench.clock.now() - sent_us < 2_000_000
        latencies_us.append(bench.clock.now() - sent_us)
    assert sorted(latencies_us)[98] <= 400_000


def test_an_event_that_may_not_wait_does_not(tmp_path: Path) -> None:
    """A slow line releases after a second; the boot event and a notice are released at once."""
    bench = Bench(tmp_path, line="slow")
    bench.run(0.8)
    assert next(r.data[:2] for r in bench.reports if r.service == 5) == b"\0\1"
    bench.run(5)
    bench.lander(0x013, struct.pack(">BBHBI", 1, 0, 10, 0, 0))
    # At 9 600 baud the CLTU takes 45 ms up and the frame 236 ms down; released after a second it would not be here.
    heard = bench.run(0.6)
    assert [r.data[:2] for r in heard] == [struct.pack(">H", 0x201)]


def test_report_reads_what_it_should() -> None:
    """The hand's own reader on one packet typed out: a (17,2) of the system process."""
    octets = bytes.fromhex("0820c000 0010 20 11 02 0003 0007 1e 00000003 8000")
    found = report(octets + crc_hqx(octets, 0xFFFF).to_bytes(2, "big"))
    assert (found.apid, found.service, found.subtype, found.message, found.destination) == (0x020, 17, 2, 3, 7)
