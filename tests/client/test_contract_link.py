"""Contract §1, §2, §7: the link under load, frames filled and spilled, another carrier, and a port that goes away."""

import os
import pty
import select
import struct
import time
import tty
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.client.contract_client import DEADLINE_S, SYSTEM, Board, pump
from tests.client.contract_codec import IDLE_APID, NO_START, cltu, read_frame, tc_frame

pytestmark = pytest.mark.process
ACCEPTED = [(1, None), (7, None)]
DATA_OCTETS = 446 - 12


def test_a_burst_of_frames_ends_every_request_once(board: Board) -> None:
    pings = [board.tc(SYSTEM, 17, 1) for _ in range(120)]
    board.write(b"".join(cltu(tc_frame(0, ping)) for ping in pings))
    for ping in pings:
        board.end(ping)
    board.settle()
    assert all(board.words(ping) in (ACCEPTED, [(2, 8)]) for ping in pings)


def test_a_burst_in_sequence_is_executed_whole_or_asked_for_again(board: Board) -> None:
    pings = [board.tc(SYSTEM, 17, 1) for _ in range(30)]
    for ping in pings:
        board.send_ad(ping)
    board.settle()
    frame = board.frames[-1]
    assert frame.report == len(pings) or frame.retransmit or frame.wait
    assert all(board.words(ping) in (ACCEPTED, [(2, 8)]) for ping in pings[: frame.report])


@pytest.mark.proves("K-FRAME-007")
@pytest.mark.parametrize(("shorts", "ack", "ping", "gap"), [(0, 0, True, 5), (0, 1, False, 1)])
def test_a_gap_under_seven_octets_spills_an_idle_packet(
    board: Board, shorts: int, ack: int, ping: bool, gap: int
) -> None:
    """Reports as long as a frame but the gap; the idle packet's rest waits without a clock."""
    board.hush()
    board.settle()
    wait_quiet(board)
    numbers = [10] * (64 - shorts) + [3] * shorts
    request = board.tc(SYSTEM, 20, 1, struct.pack(f">B{len(numbers)}H", len(numbers), *numbers), ack=ack)
    since = len(board.packets)
    board.send(request, *([board.tc(SYSTEM, 17, 1, ack=0)] if ping else []))
    report = board.packet(lambda p: p.kind == (20, 2), since)
    reports = [p for p in board.packets[since:] if p.is_pus]
    assert sum(len(p.raw) for p in reports) == DATA_OCTETS - gap
    carried = next(f for f in board.frames if f.at_s == report.at_s and f.vc == 0 and f.fhp != NO_START)
    assert carried.fhp == 0, "a spill from before"
    assert len(carried.data) == DATA_OCTETS
    head = carried.data[-gap:]
    assert (int.from_bytes(head[:2]) & IDLE_APID if gap > 1 else head[0]) in (IDLE_APID, IDLE_APID >> 8)
    frames = len(board.frames)
    board.until(lambda: [f for f in board.frames[frames:] if f.vc == 7][1:] or None, "no idle frames")
    company = {p.at_s for p in board.packets if p.vc == 0}
    alone = [f for f in board.frames[frames:] if f.vc == 0 and f.at_s not in company]
    assert alone == [], "spilled idle started a release clock"
    board.settle()
    following = next(f for f in board.frames[frames:] if f.vc == 0)
    assert following.fhp == 7 - gap
    board.hush(on=False)


def wait_quiet(board: Board) -> None:
    """Two idle frames in a row on what is no lander channel: nothing is queued."""

    def quiet() -> bool | None:
        tail = [f.vc for f in board.frames if f.vc != 2][-2:]
        return True if tail == [7, 7] else None

    board.until(quiet)


def test_a_full_frame_goes_at_once_and_its_rest_after_the_release_time(tmp_path: Path) -> None:
    one = Board(tmp_path, "slow")
    one.frame(lambda f: f.vc == 0)
    one.settle()
    numbers = [10] * 45
    since = len(one.frames)
    one.send(one.tc(SYSTEM, 20, 1, struct.pack(f">B{len(numbers)}H", len(numbers), *numbers), ack=0))
    one.packet(lambda p: p.kind == (20, 2))
    assert len([f for f in one.frames[since:] if f.vc == 0]) >= 1, "a full frame goes out"
    assert one.close() == 0


@pytest.fixture
def saturated(tmp_path: Path) -> Iterator[Board]:
    """Housekeeping of more octets than 115 200 baud carries."""
    one = Board(tmp_path)
    one.opened()
    report = one.answer(one.tc(SYSTEM, 3, 9, struct.pack(">HH", 1, 2)), (3, 10)).data
    sids = range(600, 612)
    for sid in sids:
        made = one.tc(SYSTEM, 3, 1, struct.pack(">HH", sid, 1) + report[5:])
        one.send(made)
        assert one.end(made) == (7, None)
    enable = one.tc(SYSTEM, 3, 5, struct.pack(f">{1 + len(sids)}H", len(sids), *sids))
    one.send(enable)
    assert one.end(enable) == (7, None)
    yield one
    assert one.close() == 0


def test_acceptance_overtakes_saturated_housekeeping(saturated: Board) -> None:
    saturated.until(lambda: True if len(saturated.reads) > 40 else None)
    begun_s, begun = time.monotonic(), len(saturated.reads)
    delays = []
    for _ in range(20):
        ping, sent_s = saturated.tc(SYSTEM, 17, 1), time.monotonic()
        saturated.send(ping)
        saturated.end(ping)
        accepted = next(p for p, word in saturated.reports(ping) if word == (1, None))
        delays.append(accepted.at_s - sent_s)
    elapsed_s = time.monotonic() - begun_s
    octets = sum(size for _, size in saturated.reads[begun:])
    assert octets < 11520 * (elapsed_s + 0.2) + 900
    assert octets > 11520 * elapsed_s * 0.8, "the downlink is not saturated"
    assert sorted(delays)[len(delays) // 2] < 0.4, delays


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("orderly", [True, False])
def test_the_children_end_with_the_process(tmp_path: Path, orderly: bool) -> None:
    one = Board(tmp_path)
    one.opened()
    one.settle()
    born = children(one.process.pid)
    if orderly:
        assert one.close() == 0
    else:
        one.kill()
    deadline = time.monotonic() + DEADLINE_S
    while not all(gone(pid) for pid in born):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def test_a_port_that_closes_is_opened_again(tmp_path: Path) -> None:
    link = tmp_path / "port"
    one = Board(tmp_path / "state", link=link)
    one.opened()
    one.settle()
    pump(0)
    os.close(one.master)
    os.close(one.slave)
    one.master, one.slave = pty.openpty()
    tty.setraw(one.slave)
    os.set_blocking(one.master, False)
    link.unlink()
    link.symlink_to(os.ttyname(one.slave))
    one.forget_line()
    one.opened()
    assert one.frames[0].vc == 7
    one.settle()
    assert one.parameter(1) == 1
    assert one.close() == 0


def unslipped(octets: bytes) -> list[bytes]:
    parts = [part for part in octets.split(b"\xc0") if part]
    return [part.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb") for part in parts]


@pytest.mark.proves("K-LINE-009")
def test_the_same_frames_inside_slip(tmp_path: Path) -> None:
    one = Board(tmp_path, "default", ("--carrier", "slip"), raw=True)
    one.until(lambda: True if one.reads else None)
    ping = one.tc(SYSTEM, 17, 1)
    inside = tc_frame(0, ping).replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    one.write(b"\xc0" + inside + b"\xc0")

    def answered() -> list[bytes] | None:
        frames = unslipped(one.unread.rpartition(b"\xc0")[0])
        return frames if any(ping[:4] in frame[6:] for frame in frames) else None

    frames = one.until(answered)
    read = [read_frame(frame, 0.0) for frame in frames]
    assert all(len(frame) == 446 for frame in frames)
    assert read[0].vc == 7
    assert all((b.master_count - a.master_count) & 0xFF == 1 for a, b in pairwise(read))
    assert one.close() == 0


def test_without_a_line_the_mission_picks_it(tmp_path: Path) -> None:
    one = Board(tmp_path, "default", ("--carrier", "cltu_cadu"))
    one.opened()
    one.settle()
    assert one.close() == 0
