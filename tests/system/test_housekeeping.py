"""ST[03], [05], [09] and [20] through the whole board, by the clock."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.system.bench import Bench, events
from tests.system.by_hand import Report, function, telecommand, verifications


def sids(*numbers: int) -> bytes:
    return struct.pack(f">H{len(numbers)}H", len(numbers), *numbers)


def enable(*numbers: int) -> bytes:
    return telecommand(0x020, 3, 5, sids(*numbers))


def interval(sid: int, tenths: int) -> bytes:
    return telecommand(0x020, 3, 31, struct.pack(">HHH", 1, sid, tenths))


def housekeeping(reports: list[Report], sid: int) -> list[Report]:
    return [r for r in reports if (r.service, r.subtype) == (3, 25) and r.data[:2] == struct.pack(">H", sid)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(0.5)
    return bench


def test_reports_are_off_at_boot(bench: Bench) -> None:
    assert [r for r in bench.run(20) if r.service == 3] == []


@settings(max_examples=12, deadline=None, derandomize=True)
@given(tenths=st.integers(1, 70), seconds=st.integers(10, 40))
def test_a_structure_comes_once_an_interval(
    tmp_path_factory: pytest.TempPathFactory, tenths: int, seconds: int
) -> None:
    bench = Bench(tmp_path_factory.mktemp("hk"))
    bench.run(0.5)
    bench.send(interval(1, tenths) + enable(1))
    bench.run(seconds)
    bench.send(telecommand(0x020, 3, 6, sids(1)))
    bench.run(2)
    found = housekeeping(bench.reports, 1)
    # The first at once, then one an interval; the two requests take well under 50 ms to arrive and be served.
    assert len(found) == pytest.approx(1 + seconds * 10 // tenths, abs=1)
    assert len(found) in {1 + (seconds * 10 + d) // tenths for d in (-1, 0, 1)}
    stamps = [int.from_bytes(r.time[1:5], "big") * 65536 + int.from_bytes(r.time[5:7], "big") for r in found]
    apart = {round((b - a) * 10 / 65536, 2) for a, b in pairwise(stamps)}
    assert apart <= {float(tenths)}


@pytest.mark.proves("K-FLY-005")
def test_system_housekeeping_begins_with_boot_count_uptime_and_mode(bench: Bench) -> None:
    bench.run(3)
    bench.send(telecommand(0x020, 3, 27, sids(1)))
    (found,) = housekeeping(bench.run(0.5), 1)
    assert struct.unpack_from(">IIB", found.data, 2) == (1, 3, 2)
    assert found.destination == 7
    # CPU load, package temperature, memory, disk, throttled flags, supply: as the simulated sensors say; supply absent.
    assert struct.unpack_from(">HhHHIH", found.data, 11) == (40, 3_500, 250, 400, 0, 0xFFFF)


def test_a_structure_made_in_flight_reports_what_it_was_made_of(bench: Bench) -> None:
    create = telecommand(0x020, 3, 1, struct.pack(">HHHHHH", 500, 20, 2, 10, 3, 0))
    for said in ((7, None), (4, 0x11)):
        bench.send(create)
        assert verifications(bench.run(0.5), create) == [(1, None), said]
    bench.send(telecommand(0x020, 3, 9, sids(500)))
    (described,) = [r for r in bench.run(0.5) if (r.service, r.subtype) == (3, 10)]
    assert described.data == struct.pack(">HBHHHHH", 500, 0, 20, 2, 10, 3, 0)
    bench.send(enable(500))
    assert {r.data for r in housekeeping(bench.run(5), 500)} == {struct.pack(">HIB", 500, 0, 2)}
    delete = telecommand(0x020, 3, 3, sids(500), count=1)
    bench.send(delete)
    assert verifications(bench.run(0.5), delete) == [(1, None), (4, 0x14)]
    bench.send(telecommand(0x020, 3, 6, sids(500)), delete)
    assert verifications(bench.run(0.5), delete) == [(1, None), (7, None)]
    declared = telecommand(0x020, 3, 3, sids(1))
    bench.send(declared)
    assert verifications(bench.run(0.5), declared) == [(1, None), (4, 0x19)]


def test_events_switched_off_stay_away_and_are_listed(bench: Bench) -> None:
    off = telecommand(0x020, 5, 6, b"\x02" + struct.pack(">HH", 2, 0x202))
    bench.send(off, telecommand(0x020, 5, 7))
    (listed,) = [r for r in bench.run(0.5) if (r.service, r.subtype) == (5, 8)]
    assert listed.data == b"\x02" + struct.pack(">HH", 2, 0x202)
    for subtype in (5, 6):
        unknown = telecommand(0x020, 5, subtype, b"\x02" + struct.pack(">HH", 3, 0x7777), count=subtype)
        bench.send(unknown)
        assert verifications(bench.run(0.5), unknown) == [(1, None), (4, 0x10)]
    bench.send(function(0x020, 2, b"\1"), function(0x021, 2, b"\0\0"))
    assert events(bench.run(0.5)) == []
    bench.send(telecommand(0x020, 5, 5, b"\x01" + struct.pack(">H", 2)), function(0x020, 2, b"\2"))
    assert events(bench.run(0.5)) == [2]


def test_time_reports_come_every_sixteen_frames_and_at_the_rate_asked(bench: Bench) -> None:
    bench.send(interval(1, 2) + enable(1))
    bench.run(30)
    frames = bench.app.downlink.frames_live
    reports = [r for r in bench.reports if r.apid == 0]
    assert len(reports) == pytest.approx(frames / 16, abs=1)
    assert {r.data[0] for r in reports} == {4}
    bench.send(telecommand(0x020, 9, 1, b"\1"))
    before = bench.app.downlink.frames_live
    heard = bench.run(10)
    assert sum(r.apid == 0 for r in heard) == pytest.approx((bench.app.downlink.frames_live - before) / 2, abs=2)


@pytest.mark.proves("K-LND-001", "K-PKT-004")
def test_time_from_the_tone_reaches_headers_and_survives_as_flywheel(bench: Bench) -> None:
    tai_us = 2_145_916_837_000_000
    bench.lander(0x011, b"\x1e" + struct.pack(">IH", tai_us // 1_000_000, 0) + bytes((37, 2, 0)))
    bench.run(0.3)
    tone_us = bench.clock.now()
    bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    assert events(bench.run(0.5)) == [3]
    bench.send(telecommand(0x020, 17, 1))
    (pong,) = [r for r in bench.run(0.5) if r.service == 17]
    assert pong.time_status == 2
    stamped_us = (
        int.from_bytes(pong.time[1:5], "big") * 1_000_000 + int.from_bytes(pong.time[5:7], "big") * 15625 // 1024
    )
    # TAI runs from the first octet of the heartbeat; the ping left 0.5 s later and took up to two ticks and the line.
    assert bench.clock.now() - tone_us == 1_000_000
    assert 500_000 <= stamped_us - tai_us <= 530_000
    assert sorted(events(bench.run(11))) == [4, 0x101]
    bench.send(telecommand(0x020, 17, 1))
    (pong,) = [r for r in bench.run(0.5) if r.service == 17]
    assert pong.time_status == 1


@pytest.mark.proves("K-LND-001")
@pytest.mark.parametrize("late", [None, 2.0], ids=["never", "late"])
def test_a_time_without_its_tone_is_dropped_and_counted(bench: Bench, late: float | None) -> None:
    bench.lander(0x011, b"\x1e" + struct.pack(">IH", 2_145_916_837, 0) + bytes((37, 2, 0)))
    bench.run(late or 3)
    if late is not None:
        bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    bench.run(1.5)
    bench.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, 19)))
    (counted,) = [r for r in bench.run(0.5) if (r.service, r.subtype) == (20, 2)]
    assert counted.data == struct.pack(">BHH", 1, 19, 1)
    assert counted.time_status == 0
    assert int.from_bytes(counted.time[1:5], "big") < 60
