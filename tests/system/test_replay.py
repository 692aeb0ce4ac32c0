"""VC 3 of a whole board: what was recorded comes down again when live telemetry leaves room, and stops when told."""

import struct
from pathlib import Path

import pytest

from tests.system.bench import Bench
from tests.system.by_hand import Report, telecommand

ENABLE = telecommand(0x020, 3, 5, struct.pack(">HH", 1, 1))
RESUME = telecommand(0x020, 15, 15, b"\x01\x02")
SUSPEND = telecommand(0x020, 15, 16, b"\x01\x02")


def recorded(folder: Path, seconds: float = 30) -> Bench:
    """A board that has sent, and recorded, housekeeping for so long."""
    bench = Bench(folder)
    bench.beats = True
    bench.run(2)
    bench.send(ENABLE)
    bench.run(seconds)
    bench.send(telecommand(0x020, 3, 6, struct.pack(">HH", 1, 1)))
    bench.run(2)
    return bench


def housekeeping(reports: list[Report]) -> list[Report]:
    return [r for r in reports if (r.service, r.subtype) == (3, 25)]


@pytest.mark.proves("K-ARCH-005")
def test_all_that_went_down_live_comes_again_in_its_order(tmp_path: Path) -> None:
    bench = recorded(tmp_path)
    live = housekeeping(bench.reports)
    assert len(live) > 25
    assert bench.replayed == []
    bench.send(RESUME)
    bench.run(5)
    assert bench.replayed == live


@pytest.mark.proves("K-ARCH-005")
def test_a_cut_in_the_middle_of_it_repeats_some_and_loses_none(tmp_path: Path) -> None:
    bench = recorded(tmp_path, 120)
    live = housekeeping(bench.reports)
    bench.send(RESUME)
    bench.run(0.5)
    before = bench.replayed
    assert 0 < len(before) < len(live)
    bench.cut()
    bench.run(10)
    assert bench.replayed[-1] == live[-1]
    again = live.index(bench.replayed[0])
    assert again <= len(before)
    assert bench.replayed == live[again:]


def test_a_ping_is_answered_while_the_line_is_full_of_it(tmp_path: Path) -> None:
    bench = recorded(tmp_path, 120)
    bench.send(RESUME)
    bench.run(0.3)
    bench.send(telecommand(0x020, 17, 1))
    answer = bench.run(0.4)
    assert [(r.service, r.subtype) for r in answer if r.service in (1, 17)] == [(1, 1), (17, 2), (1, 7)]
    assert len(bench.replayed) > 10


def test_it_is_held_while_the_lander_is_silent(tmp_path: Path) -> None:
    bench = recorded(tmp_path)
    bench.beats = False
    bench.run(12)
    bench.send(RESUME)
    bench.run(3)
    assert bench.replayed == []
    bench.beats = True
    bench.run(3)
    assert bench.replayed


def test_credit_for_vc_3_limits_it_and_ends(tmp_path: Path) -> None:
    bench = recorded(tmp_path)
    bench.lander(0x019, struct.pack(">BI", 3, 250))
    bench.send(RESUME)
    bench.run(3)
    assert len(bench.replayed) == 250 // (len(bench.replayed[0].data) + 22)
    bench.run(12)
    assert bench.replayed == housekeeping(bench.reports)


def test_it_stops_when_it_is_suspended(tmp_path: Path) -> None:
    bench = recorded(tmp_path, 120)
    bench.send(RESUME)
    bench.run(0.4)
    bench.send(SUSPEND)
    bench.run(1)
    sent = len(bench.replayed)
    bench.run(2)
    assert len(bench.replayed) == sent < len(housekeeping(bench.reports))
