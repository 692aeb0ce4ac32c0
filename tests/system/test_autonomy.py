"""What the board does when nobody commands it, when the lander is silent, and when it gives little credit."""

import sqlite3
import struct
import zlib
from pathlib import Path

import pytest

from fsw.mdb.system import COMMAND_LOSS
from tests.system.bench import Bench
from tests.system.bench import events as heard_events
from tests.system.by_hand import Report, telecommand, verifications
from tests.system.test_housekeeping import enable, housekeeping, interval

MODE_CHANGED, CORRUPTED, NEAR, LOST = 2, 12, 13, 14
LANDER_LOST, LANDER_BACK, LANDER_SILENT, TIME_FLYWHEEL = 0x101, 0x102, 0x104, 4
SAFE, NOMINAL = 1, 2
SCRUBBED = 47
BY_COMMAND_LOSS, BY_LANDER_SILENCE = 5, 6
PID, SCRATCH = 20, 10
TAI_S = 2_145_916_837
PING = telecommand(0x020, 17, 1, count=1)


def cuc(tai_s: float) -> bytes:
    return b"\x1e" + int(tai_s).to_bytes(4, "big") + int(tai_s % 1 * 65_536).to_bytes(2, "big")


def set_limit(minutes: int, count: int = 2) -> bytes:
    return telecommand(0x020, 20, 3, struct.pack(">BHB", 1, PID, minutes), count=count)


def limit(bench: Bench) -> int:
    bench.send(telecommand(0x020, 20, 1, struct.pack(">BH", 1, PID), count=77))
    (values,) = [r for r in bench.run(1.5) if (r.service, r.subtype) == (20, 2)]
    return values.data[3]


def tone(bench: Bench) -> None:
    """The lander tells the time: a message, and its tone a quarter of a second later."""
    at_s = TAI_S + bench.clock.now() / 1e6 + 0.25
    bench.lander(0x011, cuc(at_s) + bytes((37, 2, 0)))
    bench.run(0.25)
    bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))


def link(bench: Bench, aos_s: float, los_s: float) -> None:
    """The lander announces a pass, in seconds from now."""
    now_s = TAI_S + bench.clock.now() / 1e6
    bench.lander(0x015, cuc(now_s + aos_s) + cuc(now_s + los_s) + struct.pack(">III", 1000, 1000, 0))


def events(reports: list[Report]) -> list[int]:
    """Ids of the events, but for what the scrubber says of a first look."""
    return [event for event in heard_events(reports) if event != SCRUBBED]


def at(reports: list[Report], event: int) -> list[bytes]:
    return [r.data[2:] for r in reports if r.service == 5 and int.from_bytes(r.data[:2], "big") == event]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(2)
    return bench


# --- nobody commands


@pytest.mark.proves("K-FLY-010")
def test_forty_minutes_without_a_telecommand_are_told_before_they_end_and_end_in_safe(bench: Bench) -> None:
    bench.send(PING)
    heard = bench.run(35 * 60 - 1.5)
    assert events(heard) == []
    heard = bench.run(3)
    assert at(heard, NEAR) == [struct.pack(">H", 300)]
    assert events(bench.run(5 * 60 - 4)) == []
    heard = bench.run(4)
    assert at(heard, LOST) == [struct.pack(">H", 2400)]
    assert at(heard, MODE_CHANGED) == [bytes((NOMINAL, SAFE, BY_COMMAND_LOSS))]
    assert events(bench.run(600)) == []


@pytest.mark.proves("K-FLY-010")
def test_each_telecommand_starts_the_time_anew_and_a_refused_frame_does_not(bench: Bench) -> None:
    bench.send(set_limit(5))
    bench.run(140)
    bench.send(PING)
    bench.run(140)
    bench.send(PING[:-1] + b"?")  # its checksum is wrong: it was not accepted
    heard = bench.run(30)
    assert [event for event in events(heard) if event in (NEAR, LOST)] == [NEAR]
    assert at(bench.run(140), LOST) == [struct.pack(">H", 300)]


def test_a_board_that_was_never_commanded_waits(bench: Bench) -> None:
    assert events(bench.run(45 * 60)) == []


@pytest.mark.proves("K-FLY-010")
def test_a_blackout_that_the_lander_announced_does_not_count(bench: Bench) -> None:
    for _ in range(2):
        tone(bench)
        bench.run(1)
    bench.send(set_limit(5))
    bench.run(60)
    link(bench, 1000, 2000)  # out of sight for 1000 s
    assert [event for event in events(bench.run(999)) if event in (NEAR, LOST)] == []
    heard = bench.run(100)  # 160 s have counted
    assert [event for event in events(heard) if event in (NEAR, LOST)] == [NEAR]
    assert at(bench.run(139), LOST) == []
    assert len(at(bench.run(5), LOST)) == 1


@pytest.mark.parametrize(("aos_s", "los_s"), [(-10, 9000), (16 * 86_400, 17 * 86_400)])
def test_no_announcement_of_a_blackout_stops_the_time(bench: Bench, aos_s: float, los_s: float) -> None:
    for _ in range(2):
        tone(bench)
        bench.run(1)
    link(bench, aos_s, los_s)
    bench.send(set_limit(5))
    assert len(at(bench.run(302), LOST)) == 1


def test_behind_a_pass_the_time_is_held_until_the_next_one_is_known(bench: Bench) -> None:
    for _ in range(2):
        tone(bench)
        bench.run(1)
    bench.send(set_limit(5))
    link(bench, -10, 100)
    assert at(bench.run(1000), LOST) == []
    link(bench, 0, 10_000)
    assert at(bench.run(195), LOST) == []
    assert len(at(bench.run(10), LOST)) == 1


@pytest.mark.proves("K-FLY-010")
@pytest.mark.parametrize(("pass_s", "minutes"), [(600, 10), (60, 5), (7200, 40)])
def test_one_whole_pass_without_a_command_is_enough(bench: Bench, pass_s: int, minutes: int) -> None:
    for _ in range(2):
        tone(bench)
        bench.run(1)
    link(bench, 0, pass_s)
    bench.send(PING)
    bench.run(1)
    for _ in range(minutes):  # one pass follows the other without a gap
        assert at(bench.run(59), LOST) == []
        link(bench, -1, pass_s - 1)
    assert at(bench.run(61), LOST) == [struct.pack(">H", minutes * 60)]


# --- the limit is guarded


@pytest.mark.proves("K-FLY-011")
def test_the_limit_is_kept_over_a_reset_and_bounded(bench: Bench) -> None:
    assert limit(bench) == 40
    for minutes, last in ((4, (4, 0x13)), (110, (4, 0x13)), (109, (7, None)), (5, (7, None))):
        bench.send(set_limit(minutes, count=minutes))
        assert verifications(bench.run(1), set_limit(minutes, count=minutes))[-1] == last
    bench.cut()
    bench.run(2)
    assert limit(bench) == 5


@pytest.mark.proves("K-FLY-011")
@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_of_the_limit_is_told_and_mended(bench: Bench, bit: int) -> None:
    bench.send(set_limit(90))
    bench.run(2)
    values = bench.app.parameters.values
    assert values[COMMAND_LOSS.pid] == 90
    values[COMMAND_LOSS.pid] = 90 ^ 1 << bit
    heard = bench.run(2)
    assert at(heard, CORRUPTED) == [struct.pack(">H", PID)]
    assert limit(bench) == 40
    assert at(bench.run(5), CORRUPTED) == []


@pytest.mark.proves("K-FLY-011")
@pytest.mark.parametrize("octets", [b"\x5a\xa4", b"\x5b\xa5", b"\x5a", b"\x5a\xa5\xa5"])
def test_a_flipped_bit_on_the_disk_is_told_and_mended(tmp_path: Path, octets: bytes) -> None:
    bench = Bench(tmp_path)
    bench.run(2)
    bench.send(set_limit(90))
    bench.run(2)
    bench.board.cut()
    database = sqlite3.connect(tmp_path / "store.sqlite")
    was, wanted = (struct.pack(">HB", PID, len(value)) + value for value in (b"\x5a\xa5", octets))
    with database:
        for table in ("parameters_a", "parameters_b"):
            generation, whole = database.execute(f"SELECT generation, octets FROM {table}").fetchone()
            assert was in whole
            flipped = whole.replace(was, wanted)
            # The row's own checksum fits: what protects here is the complement beside the value.
            crc = zlib.crc32(generation.to_bytes(4, "big") + flipped)
            database.execute(f"UPDATE {table} SET octets = ?, crc = ?", (flipped, crc))
    database.close()
    bench.boot()
    heard = bench.run(3)
    assert at(heard, CORRUPTED) == [struct.pack(">H", PID)]
    assert limit(bench) == 40


# --- the lander is silent


@pytest.mark.proves("K-LND-010")
@pytest.mark.parametrize("line", ["default", "slow"])
def test_ten_minutes_without_the_lander_end_in_safe(tmp_path: Path, line: str) -> None:
    bench = Bench(tmp_path, line=line)
    bench.run(12)
    bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    bench.reports.clear()
    bench.run(598)
    assert events(bench.reports) == [LANDER_LOST]
    heard = bench.run(6)
    assert sorted(events(heard)) == [MODE_CHANGED, LANDER_SILENT]
    assert at(heard, MODE_CHANGED) == [bytes((NOMINAL, SAFE, BY_LANDER_SILENCE))]
    assert events(bench.run(1300)) == []
    bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    assert events(bench.run(3)) == [LANDER_BACK]


@pytest.mark.proves("K-LND-011")
@pytest.mark.parametrize("line", ["default", "slow"])
def test_heartbeats_a_quarter_early_or_late_alarm_nobody(tmp_path: Path, line: str) -> None:
    bench = Bench(tmp_path, line=line)
    bench.run(12)
    bench.reports.clear()
    period_s = bench.heartbeat_us / 1e6
    for turn in range(120):
        late_s = (0.75, 1.25, 1.25, 0.75, 1.0)[turn % 5] * period_s
        lead_s = 0.25 * period_s
        bench.run(late_s - lead_s)
        bench.lander(0x011, cuc(TAI_S + bench.clock.now() / 1e6 + lead_s) + bytes((37, 2, 0)))
        bench.run(lead_s)
        bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    assert set(events(bench.reports)) <= {3}  # the time was taken once
    assert [r.data[1] for r in bench.said if r.apid == 0x110][-1] == 0  # health


# --- credit


def hk_octets(reports: list[Report]) -> int:
    return sum(len(r.data) + 22 for r in housekeeping(reports, 1))


@pytest.mark.proves("K-LND-012")
def test_credit_limits_housekeeping_and_nothing_else(bench: Bench) -> None:
    bench.send(interval(1, 5) + enable(1))
    one = hk_octets(bench.run(3)) // len(housekeeping(bench.reports, 1))
    bench.lander(0x019, struct.pack(">BI", 0, 3 * one + 5))
    bench.run(0.05)
    heard = bench.run(4)
    assert len(housekeeping(heard, 1)) == 3
    bench.send(PING)
    assert verifications(bench.run(1), PING) == [(1, None), (7, None)]
    for _ in range(8):  # a credit says what may leave from then on: it is not saved up
        bench.lander(0x019, struct.pack(">BI", 0, one))
        heard = bench.run(1)
        assert len(housekeeping(heard, 1)) == 1
    bench.lander(0x019, struct.pack(">BI", 0, 0))
    bench.run(0.05)
    frames = bench.app.downlink.frames_idle
    assert housekeeping(bench.run(8), 1) == []
    assert bench.app.downlink.frames_idle >= frames + 7


@pytest.mark.proves("K-LND-012")
def test_credit_that_is_not_renewed_is_forgotten(bench: Bench) -> None:
    bench.send(interval(1, 10) + enable(1))
    bench.run(3)
    bench.lander(0x019, struct.pack(">BI", 0, 0))
    bench.run(0.1)
    assert housekeeping(bench.run(9.5), 1) == []
    assert len(housekeeping(bench.run(2), 1)) >= 10


def test_credit_of_other_channels_is_none_of_live_telemetry(bench: Bench) -> None:
    bench.send(interval(1, 10) + enable(1))
    for channel in (1, 2, 3, 7):
        bench.lander(0x019, struct.pack(">BI", channel, 0))
    assert len(housekeeping(bench.run(5.2), 1)) in (5, 6)
