"""Telecommands through the whole board: stages, order of checks, flood, expiry, noise on the line."""

import random
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.system.bench import Bench
from tests.system.by_hand import ACK_ALL, cltu, crc, cuc, function, tc_frame, telecommand, verifications

TAI_US = 2_145_916_837_000_000


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.run(0.5)
    return bench


@pytest.mark.proves("K-VER-005")
@pytest.mark.parametrize("apid", [0x020, 0x021, 0x022, 0x031, 0x032])
def test_a_ping_to_every_process_is_answered_between_start_and_completion(bench: Bench, apid: int) -> None:
    ping = telecommand(apid, 17, 1, ack=ACK_ALL, count=0x3FF)
    bench.send(ping)
    heard = bench.run(0.5)
    assert [(r.service, r.subtype) for r in heard] == [(1, 1), (1, 3), (17, 2), (1, 7)]
    assert {r.apid for r in heard} == {apid}
    assert {r.destination for r in heard} == {7}
    assert {r.data for r in heard if r.service == 1} == {ping[:4]}


@pytest.mark.proves("K-VER-002")
@pytest.mark.parametrize(
    ("ack", "said"), [(0, []), (1, [1]), (2, [3]), (8, [7]), (0b1001, [1, 7]), (0b0100, [])], ids=str
)
def test_successes_are_said_only_when_asked_for(bench: Bench, ack: int, said: list[int]) -> None:
    ping = telecommand(0x020, 17, 1, ack=ack)
    bench.send(ping)
    heard = bench.run(0.5)
    assert [subtype for subtype, _ in verifications(heard, ping)] == said
    assert sum(r.service == 17 for r in heard) == 1


@pytest.mark.parametrize("apid", [0x020, 0x021, 0x022, 0x031, 0x032])
def test_every_process_does_nothing_resets_its_counters_and_reaches_the_others(bench: Bench, apid: int) -> None:
    noop, reset = function(apid, 0, count=1), function(apid, 1, count=2)
    reach = telecommand(apid, 17, 3, struct.pack(">H", 0x032), count=3)
    nowhere = telecommand(apid, 17, 3, struct.pack(">H", 0x034), count=4)
    for other in (0x020, 0x022, apid):
        bench.send(telecommand(other, 17, 1)[:-1])
    bench.run(0.3)
    counted = bench.app.verification.counted
    bench.send(noop, reset)
    heard = bench.run(0.5)
    assert verifications(heard, noop) == verifications(heard, reset) == [(1, None), (7, None)]
    # Each process has counters of its own; those of the whole board are reset with comms'.
    assert counted(apid) == (0, 0)
    assert all(counted(other)[1] == 1 for other in {0x020, 0x022} - {apid})
    assert bench.app.verification.rejected == (0 if apid == 0x022 else 3)
    bench.send(reach, nowhere)
    heard = bench.run(0.5)
    assert verifications(heard, reach) == [(1, None), (7, None)]
    assert verifications(heard, nowhere) == [(1, None), (4, 0x10)]
    assert [(r.apid, r.data) for r in heard if (r.service, r.subtype) == (17, 4)] == [(apid, struct.pack(">H", 0x032))]


def spoiled(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 1])


def with_crc(octets: bytes) -> bytes:
    return octets + crc(octets).to_bytes(2, "big")


GOOD = telecommand(0x020, 17, 1, ack=0)
OLD = with_crc(GOOD[:6] + bytes([GOOD[6] ^ 0x30]) + GOOD[7:-2])  # PUS version 1


@pytest.mark.proves("K-VER-001", "K-VER-002", "K-VER-003")
@pytest.mark.parametrize(
    ("octets", "apid", "said"),
    [
        (telecommand(0x034, 17, 1, ack=0), 0x020, (10, 0)),  # no deployer in this mission
        (spoiled(telecommand(0x034, 17, 1, ack=0)), 0x020, (10, 0)),  # the APID is asked before the checksum
        (telecommand(0x7FF, 17, 1, ack=0), 0x020, (10, 0)),
        (spoiled(telecommand(0x021, 99, 1, ack=0)), 0x021, (2, 2)),
        (OLD, 0x020, (2, 6)),
        (telecommand(0x031, 99, 1, ack=0), 0x031, (2, 3)),
        (telecommand(0x031, 17, 9, ack=0), 0x031, (2, 4)),
        (telecommand(0x020, 17, 1, b"\0", ack=0), 0x020, (2, 5)),
        (function(0x021, 2, b"\0", ack=0), 0x021, (2, 5)),
        (function(0x021, 99, ack=0), 0x021, (4, 0x10)),
        (telecommand(0x020, 3, 5, struct.pack(">HH", 1, 999), ack=0), 0x020, (4, 0x10)),
        (function(0x020, 2, b"\7", ack=0), 0x020, (2, 5)),  # no such mode
        (telecommand(0x020, 20, 3, b"\1" + struct.pack(">HI", 1, 5), ack=0), 0x020, (4, 0x19)),  # read-only
    ],
    ids=[
        "unknown",
        "unknown-spoiled",
        "idle",
        "checksum",
        "version",
        "service",
        "subtype",
        "data",
        "short",
        "function",
        "structure",
        "range",
        "read-only",
    ],
)
def test_the_first_failure_wins_and_comes_from_whom_it_should(
    bench: Bench, octets: bytes, apid: int, said: tuple[int, int]
) -> None:
    bench.send(octets)
    heard = bench.run(0.5)
    assert verifications(heard, octets) == [said]
    assert {(r.apid, r.destination) for r in heard} == {(apid, 7)}


@pytest.mark.proves("K-FRAME-005")
def test_a_packet_longer_than_its_frame_is_answered_where_its_header_can_be_read(bench: Bench) -> None:
    for octets, said in ((GOOD[:12], [(2, 1)]), (GOOD[:10], [(2, 1)]), (GOOD[:9], [])):
        bench.send(octets)
        assert verifications(bench.run(0.5), octets) == said


def test_what_is_no_telecommand_is_dropped_and_counted(bench: Bench) -> None:
    telemetry = with_crc(bytes([GOOD[0] & ~0x10]) + GOOD[1:-2])
    bare = with_crc(bytes([GOOD[0] & ~0x08]) + GOOD[1:-2])
    segment = with_crc(GOOD[:2] + bytes([GOOD[2] & 0x3F]) + GOOD[3:-2])
    for octets in (telemetry, bare, segment):
        bench.send(octets)
    assert bench.run(0.5) == []
    assert bench.app.verification.dropped == 3


@pytest.mark.proves("K-VER-002")
def test_a_flood_is_refused_busy_and_nothing_is_lost(bench: Bench) -> None:
    pings = [telecommand(0x020, 17, 1, count=n) for n in range(200)]
    # Many in one frame: the line itself is too slow to flood anybody.
    for at in range(0, len(pings), 70):
        bench.send(b"".join(pings[at : at + 70]))
    heard = bench.run(5)
    verdicts = [verifications(heard, ping) for ping in pings]
    good = verdicts.count([(1, None), (7, None)])
    assert good + verdicts.count([(2, 8)]) == len(pings)
    assert good >= 96
    assert sum(r.service == 17 for r in heard) == good
    bench.send(GOOD)
    assert [r.service for r in bench.run(0.5)] == [17]


def wrapped(inner: bytes, not_after_us: int, *, apid: int = 0x021, subtype: int = 1) -> bytes:
    return telecommand(apid, 130, subtype, cuc(not_after_us) + inner, ack=ACK_ALL, count=77)


def tell_time(bench: Bench) -> None:
    """Time message and the tone that it announces."""
    bench.lander(0x011, cuc(TAI_US) + bytes((37, 2, 0)))
    bench.run(0.3)
    bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
    bench.run(0.2)


@pytest.mark.proves("K-VER-004")
def test_an_expiring_command_runs_in_time_and_is_refused_late(bench: Bench) -> None:
    ping = telecommand(0x021, 17, 1, count=3)
    bench.send(wrapped(ping, TAI_US * 2))
    assert verifications(bench.run(0.5), ping) == [(2, 0x1C)]  # nobody knows what time it is
    tell_time(bench)
    cases = [(TAI_US + 60_000_000, [(1, None), (7, None)]), (TAI_US, [(2, 0x1C)])]
    for not_after_us, said in cases:
        outer = wrapped(ping, not_after_us)
        bench.send(outer)
        heard = bench.run(0.5)
        assert verifications(heard, ping) == said
        assert verifications(heard, outer) == []


def test_a_wrapper_that_holds_no_command_is_itself_refused(bench: Bench) -> None:
    tell_time(bench)
    ping = telecommand(0x021, 17, 1, count=3)
    late = TAI_US + 60_000_000
    for outer in (
        wrapped(ping[:-1], late),
        wrapped(ping + b"\0", late),
        wrapped(b"", late),
        wrapped(telecommand(0x022, 17, 1), late),
        wrapped(wrapped(ping, late), late),
        telecommand(0x021, 130, 1, b"\x1e", count=77),
    ):
        bench.send(outer)
        assert verifications(bench.run(0.3), outer) == [(2, 5)]
    outer = wrapped(ping, late, subtype=2)
    bench.send(outer)
    assert verifications(bench.run(0.3), outer) == [(2, 4)]


@pytest.mark.proves("K-LINE-006", "K-PKT-003")
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from(["octets", "cltus", "frames", "packets"]))
def test_any_octets_for_a_minute_do_no_harm_and_the_next_good_frame_is_served(
    tmp_path_factory: pytest.TempPathFactory, seed: int, kind: str
) -> None:
    """Noise at four depths: on the line, inside CLTUs, inside valid frames, inside valid packets."""
    chance = random.Random(seed)
    bench = Bench(tmp_path_factory.mktemp("noise"))
    bench.run(0.2)
    for _ in range(60):
        noise = chance.randbytes(chance.randrange(1, 300))
        octets = {
            "octets": noise + b"\xeb\x90" * chance.randrange(2) + noise[:9],
            "cltus": cltu(noise),
            "frames": cltu(tc_frame(chance.randrange(3), noise)),
            "packets": cltu(
                tc_frame(
                    0,
                    telecommand(
                        chance.choice((0x20, 0x21, 0x31)), chance.choice((3, 5, 8, 20)), 1 + noise[0] % 9, noise[1:]
                    ),
                )
            ),
        }[kind]
        bench.up(octets)
        bench.run(1)
    bench.run(1)
    assert {name: task.fault for name, task in bench.app.supervisor.tasks.items() if task.faults} == {}
    ping = telecommand(0x020, 17, 1, count=9)
    bench.send(ping)
    assert verifications(bench.run(1), ping) == [(1, None), (7, None)]
    assert len(bench.app.outbox) < 50
    assert len(bench.board.line.up) == 0
