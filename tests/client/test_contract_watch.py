"""Contract §1, §4: what takes time to see, watched since the first test: a lander lost, a quiet line, the beacon."""

import struct
import time
from itertools import pairwise

import pytest

from tests.client.contract_client import SYSTEM, Board

pytestmark = pytest.mark.process


def events(board: Board) -> list[bytes]:
    return [p.data for p in board.packets if p.kind[0] == 5]


@pytest.mark.proves("K-LND-002")
def test_a_lost_heartbeat_is_told_and_holds_housekeeping_until_the_next(watched: dict[str, Board]) -> None:
    board = watched["lost"]
    told = len(events(board))
    if time.monotonic() - board.started_s < 14:
        board.until(lambda: True if time.monotonic() - board.started_s > 14 else None, timeout_s=20)
    lost = [p for p in board.packets if p.kind[0] == 5 and p.time_s > 8]
    assert len(lost) >= 1, [p.data.hex() for p in board.packets if p.kind[0] == 5]
    assert 9 < lost[0].time_s < 13
    assert told >= 0
    assert board.ask(board.tc(SYSTEM, 17, 1)) == [(1, None), (7, None)]
    assert board.ask(board.tc(SYSTEM, 3, 5, struct.pack(">HH", 1, 1))) == [(1, None), (7, None)]
    idle = len([f for f in board.frames if f.vc == 7])
    board.until(lambda: True if len([f for f in board.frames if f.vc == 7]) >= idle + 2 else None, "no idle frames")
    assert [p for p in board.packets if p.kind == (3, 25)] == []
    heard = len(events(board))
    board.heartbeat()
    board.packet(lambda p: p.kind == (3, 25), why="housekeeping stays held")
    board.until(lambda: True if len(events(board)) > heard else None, "the end of the loss is not told")


def test_the_loss_gives_one_event(watched: dict[str, Board]) -> None:
    late = [p.data[:2] for p in watched["lost"].packets if p.kind[0] == 5 and p.time_s > 8]
    assert len(late) == len(set(late)), late


@pytest.mark.parametrize("name", ["quiet"])
def test_a_beacon_every_25_seconds(watched: dict[str, Board], name: str) -> None:
    board = watched[name]
    beacon = board.packet(lambda p: p.apid == 0x111, why="no beacon", within_s=40)
    assert beacon.vc == 2
    assert len(beacon.data) <= 8


def test_a_quiet_line_is_at_most_ten_percent_busy(watched: dict[str, Board]) -> None:
    board = watched["quiet"]
    board.until(lambda: True if time.monotonic() - board.started_s > 27 else None, timeout_s=40)
    for name, rate, from_s, to_s in (("quiet", 960.0, 2.0, 26.0), ("lost", 11520.0, 2.0, 9.0)):
        first_s = watched[name].reads[0][0]
        octets = sum(size for at_s, size in watched[name].reads if from_s < at_s - first_s < to_s)
        assert octets <= 0.10 * rate * (to_s - from_s) + 450, (name, octets)


def test_idle_frames_and_heartbeats_keep_their_intervals(watched: dict[str, Board]) -> None:
    board = watched["quiet"]
    assert board.frames[0].vc == 7
    others = [f.at_s for f in board.frames if f.vc != 2]
    assert all(b - a < 10 + 2 for a, b in pairwise(others))
    beats = [struct.unpack(">I", p.data[8:])[0] for p in board.packets if p.apid == 0x110]
    assert len(beats) >= 5
    assert all(b - a == 5 for a, b in pairwise(beats)), beats
    fast = watched["lost"]
    beats = [struct.unpack(">I", p.data[8:])[0] for p in fast.packets if p.apid == 0x110]
    assert all(b - a == 1 for a, b in pairwise(beats)), beats
