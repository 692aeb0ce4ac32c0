"""What the board hands to the line, when, and which packets it takes from which channel; on the manual clock."""

import struct
from fractions import Fraction
from pathlib import Path

import pytest

from fsw.config import LINES
from tests.system.bench import Bench, events
from tests.system.by_hand import cltu, packet, tc_frame, telecommand, verifications
from tests.system.test_housekeeping import enable, interval

SCRUBBED = 47
TICK_S = Fraction(1, 100)


@pytest.mark.proves("K-LINE-007")
@pytest.mark.parametrize("line", ["slow", "default", "fast"])
def test_never_more_than_a_frame_and_two_ticks_are_ahead_of_the_line(tmp_path: Path, line: str) -> None:
    bench = Bench(tmp_path, line=line)
    profile = LINES[line]
    bench.run(1)
    bench.send(*(interval(sid, 1) for sid in (1, 2, 3)), enable(1, 2, 3))
    bench.send(*(telecommand(0x020, 17, 1, count=n) for n in range(60)))
    octets_max = profile.tm_frame_octets + 4 + 2 * TICK_S * profile.baud / 10
    ahead = []
    for _ in range(1000):
        bench.run(0.01)
        ahead.append(len(bench.board.line.down))
    assert max(ahead) <= octets_max
    assert max(ahead) > profile.tm_frame_octets, "the line was never loaded"


@pytest.mark.proves("K-FRAME-008")
@pytest.mark.parametrize("line", ["slow", "default", "fast"])
def test_idle_frames_come_at_their_interval_when_nothing_but_vc_2_goes_out(tmp_path: Path, line: str) -> None:
    bench = Bench(tmp_path, line=line)
    interval_s = LINES[line].idle_us // 1_000_000
    bench.run(3)
    idle, said = bench.cadus.idle, len(bench.said)
    heard = bench.run(10 * interval_s)
    assert set(events(heard)) <= {SCRUBBED}  # the scrubber's first look, a minute after the boot
    assert len(heard) == len(events(heard))
    assert bench.cadus.idle - idle in (9, 10, 11)
    assert len(bench.said) > said


@pytest.mark.proves("K-FRAME-008")
def test_no_idle_frame_goes_out_while_telemetry_does(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(3)
    bench.send(interval(1, 5) + enable(1))
    bench.run(2)
    idle = bench.cadus.idle
    assert len(bench.run(20)) >= 40
    assert bench.cadus.idle == idle


def dropped(bench: Bench) -> tuple[int, int, int]:
    """What the counters say of packets on a wrong channel, of files, of bad lander packets; read by (20,1)."""
    bench.run(1.1)  # they are sampled once a second
    bench.send(telecommand(0x020, 20, 1, struct.pack(">B3H", 3, 0x123, 0x124, 0x125)))
    (values,) = [r for r in bench.run(0.5) if (r.service, r.subtype) == (20, 2)]
    _, _, channel, _, files, _, lander = struct.unpack(">BHHHIHH", values.data)
    return channel, files, lander


@pytest.mark.proves("K-FRAME-006")
def test_each_channel_takes_its_own_apids_and_counts_the_rest(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    ping = telecommand(0x020, 17, 1, count=9)
    file = struct.pack(">HHH", 0x10FD, 0xC000, 9) + bytes(10)
    beat = packet(0x010, struct.pack(">IHII", 1, 1, 0, 0), from_lander=True)
    wrong = [(0, beat), (0, file), (1, ping), (1, beat), (2, ping), (2, file)]
    for vcid, octets in wrong:
        bench.up(cltu(tc_frame(vcid, octets)))
        assert [r for r in bench.run(0.3) if r.service in (1, 17)] == []
    assert dropped(bench) == (len(wrong), 0, 0)
    bench.up(cltu(tc_frame(1, file)))
    assert dropped(bench) == (len(wrong), 1, 0)
    bench.up(cltu(tc_frame(2, beat[:-1] + bytes([beat[-1] ^ 1]))))
    assert dropped(bench) == (len(wrong), 1, 1)
    bench.send(ping)
    assert verifications(bench.run(0.5), ping) == [(1, None), (7, None)]
