"""Boot, power cut, reboot, orderly stop: what outlives what."""

import struct
from pathlib import Path

import pytest

from tests.system.bench import MISSION, Bench, events
from tests.system.by_hand import telecommand, verifications

SET_SCRATCH = telecommand(0x020, 20, 3, b"\x01" + struct.pack(">HI", 10, 0xC0FFEE42), count=5)
READ_SCRATCH = telecommand(0x020, 20, 1, b"\x01" + struct.pack(">H", 10), count=6)
UNKNOWN, ORDERLY, CUT, READY_FOR_OFF = 0, 1, 2, 3


def boot_event(bench: Bench) -> tuple[int, int]:
    """Boot count and reset cause of the boot event of this life."""
    (event,) = [r for r in bench.reports if r.service == 5 and r.data[:2] == b"\0\1"]
    assert (event.apid, event.subtype, event.number) == (0x020, 1, 0)
    count, cause = struct.unpack_from(">IB", event.data, 2)
    assert event.data[7:15] == MISSION.database.digest()[:8]
    assert event.data[15:].rstrip(b"\0 ").startswith(b"kratai")
    return count, cause


def scratch(bench: Bench) -> int:
    bench.send(READ_SCRATCH)
    (values,) = [r for r in bench.run(1) if (r.service, r.subtype) == (20, 2)]
    assert values.data[:3] == b"\1\0\x0a"
    return int.from_bytes(values.data[3:], "big")


@pytest.mark.proves("K-FRAME-008")
def test_the_port_opens_with_an_idle_frame_and_the_boot_event_is_the_first_word(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(0.1)
    assert bench.octets[:4] == bytes.fromhex("1acffc1d")
    assert bench.octets[5] >> 1 & 7 == 7
    assert boot_event(bench) == (1, UNKNOWN)
    assert bench.reports[0].data[:2] == b"\0\1"
    bench.run(2)
    # Boot and boot report, mode BOOT to NOMINAL, then the two loads that are on at boot.
    assert events(bench.reports) == [1, 60, 2, 0x202, 0x202]


@pytest.mark.proves("K-PKT-004")
def test_time_never_set_is_stamped_as_seconds_since_boot(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(0.1)
    bench.send(telecommand(0x020, 17, 1))
    bench.run(9.9)
    (pong,) = [r for r in bench.reports if r.service == 17]
    assert pong.time_status == 0
    assert pong.time[0] == 0x1E
    assert int.from_bytes(pong.time[1:5], "big") == 0


@pytest.mark.proves("K-FLY-001")
def test_a_power_cut_is_told_at_the_next_boot_and_scratch_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    bench.send(SET_SCRATCH)
    assert verifications(bench.run(1), SET_SCRATCH) == [(1, None), (7, None)]
    assert scratch(bench) == 0xC0FFEE42
    for boots in (2, 3):
        bench.cut()
        bench.run(1)
        assert boot_event(bench) == (boots, CUT)
        assert scratch(bench) == 0xC0FFEE42


def test_a_cut_before_the_commit_loses_the_value_and_says_no_completion(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    assert bench.board.store_wire is not None
    bench.board.store_wire.latency_us = 2_000_000
    bench.send(SET_SCRATCH)
    assert verifications(bench.run(1.5), SET_SCRATCH) == [(1, None)]
    bench.cut()
    bench.run(1)
    assert scratch(bench) == 0


@pytest.mark.proves("K-FLY-001", "K-FLY-002")
def test_an_orderly_stop_is_reported_marked_and_within_two_seconds(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    watchdog = bench.board.watchdog
    bench.board.stop()
    assert events(bench.run(1.5)) == [11]
    assert bench.board.app is None
    assert not watchdog.armed
    bench.boot()
    bench.run(1)
    assert boot_event(bench) == (2, ORDERLY)


@pytest.mark.proves("K-FLY-002")
def test_a_stop_with_a_stalled_store_ends_all_the_same_as_a_cut(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    assert bench.board.store_wire is not None
    bench.board.store_wire.latency_us = 3_600_000_000
    bench.board.stop()
    bench.run(2)
    assert bench.board.app is None
    bench.boot()
    bench.run(1)
    assert boot_event(bench) == (2, CUT)


@pytest.mark.proves("K-FLY-004")
def test_a_store_that_does_not_answer_holds_the_boot_event_for_a_second_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.cut()
    bench.board.cut()
    bench.board.store_latency_us = 5_000_000
    bench.boot()
    bench.run(0.9)
    assert bench.reports == []
    bench.run(0.3)
    assert boot_event(bench) == (0, UNKNOWN)
    bench.run(8)
    assert events(bench.reports).count(1) == 1
    heartbeats = [r for r in bench.said if r.apid == 0x110]
    assert {struct.unpack_from(">H", r.data, 4)[0] for r in heartbeats} == {0}


def test_the_heartbeat_says_mode_health_boot_count_and_last_telecommand(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(2.5)
    bench.send(telecommand(0x021, 17, 1, count=0x1234))
    bench.run(2)
    # mode u8, health u8, board_cdegc i16, boot_count u16, last_tc_count u16, uptime_s u32
    beats = [struct.unpack(">BBhHHI", r.data) for r in bench.said if r.apid == 0x110]
    assert beats[0] == (2, 0, beats[0][2], 1, 0xFFFF, 0)
    assert beats[-1] == (2, 0, 3_500, 1, 0x1234, 4)
    assert len(beats) == 5


def test_a_damaged_store_is_set_aside_reported_and_flown_on(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"no database at all" * 100)
    bench = Bench(tmp_path)
    bench.run(2)
    assert boot_event(bench) == (1, UNKNOWN)
    assert events(bench.reports).count(5) == 1
    assert (tmp_path / "store.sqlite.damaged-1").exists()
    bench.send(SET_SCRATCH)
    assert verifications(bench.run(1), SET_SCRATCH) == [(1, None), (7, None)]


@pytest.mark.proves("K-FLY-004")
def test_a_store_that_is_refused_at_boot_is_asked_again_until_it_is_well(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(1)
    bench.board.disk.full = True
    bench.cut()
    bench.run(30)
    (booted,) = [r for r in bench.reports if r.service == 5 and r.data[:2] == b"\0\1"]
    assert booted.data[2:7] == bytes((0, 0, 0, 0, UNKNOWN))
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 1  # health: store
    bench.board.disk.full = False
    bench.run(8)
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 0
    bench.cut()
    bench.run(2)
    assert boot_event(bench) == (3, CUT)  # the second boot was counted late, and once


@pytest.mark.proves("K-FLY-004")
def test_a_store_too_slow_at_boot_is_asked_again_until_it_is_well(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.board.cut()
    bench.board.store_latency_us = 500_000_000
    bench.boot()
    bench.run(30)
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 1  # health: store
    bench.board.store_latency_us = 3_000
    assert bench.board.store_wire is not None
    bench.board.store_wire.latency_us = 3_000
    bench.run(40)
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 0
