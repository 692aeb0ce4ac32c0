"""The lander's services to the payload, octet for octet against the contract's section 4 (struct is the oracle)."""

import struct
from itertools import pairwise

import pytest

from fsw.kernel.clock import NEVER, Micros
from hil.lander.lander import TAI_AT_ZERO_US
from hil.lander.profiles import load, parse
from tests.hil.bench import Bench
from tests.hil.by_hand import cuc_us, idle_cadu, packet, tc_frame

HEARTBEAT = struct.pack(">BBhHHI", 2, 0, 2150, 7, 3, 60)


@pytest.mark.proves("K-LND-004")
def test_heartbeat_layout_and_rate() -> None:
    bench = Bench()
    bench.frame(0, b"")
    bench.lander.receive_line(b"\x1a\xcf\xfc\x1d" + bytes(446), bench.clock.now())
    bench.run(10.5)
    beats = bench.payload.of(0x010)
    assert len(beats) == 11
    uptime_s, boot_count, good, bad = struct.unpack(">IHII", beats[-1].body)
    assert (uptime_s, boot_count, good, bad) == (10, 1, 1, 1)
    assert [beat.sequence for beat in beats] == list(range(11))
    gaps = [b.start_us - a.start_us for a, b in pairwise(beats)]
    assert all(abs(gap - 1_000_000) < 2_000 for gap in gaps)


@pytest.mark.proves("K-LND-004")
@pytest.mark.parametrize("line", ["slow", "default", "fast"])
def test_the_tone_is_the_first_octet_of_the_heartbeat_that_was_announced(line: str) -> None:
    bench = Bench(load("generic", line=line))
    interval_us = bench.profile.heartbeat_us
    bench.run(6 * interval_us / 1e6)
    pairs = [heard for heard in bench.payload.heard if heard.apid in (0x010, 0x011)]
    assert [heard.apid for heard in pairs] == [0x011, 0x010] * (len(pairs) // 2)
    assert len(pairs) >= 8
    for announced, tone in zip(pairs[::2], pairs[1::2], strict=True):
        assert len(announced.body) == 10
        assert announced.end_us <= tone.start_us + 1_000
        assert tone.start_us - announced.start_us <= interval_us // 2
        tai_us = cuc_us(announced.body[:7]) - TAI_AT_ZERO_US
        # The bench looks once a millisecond, and an octet of line time may be rounded.
        assert abs(tai_us - tone.start_us) <= 1_000 + 10_000_000 / bench.profile.baud
        assert announced.body[7:] == bytes([37, 2, 0])
    assert [announced.sequence for announced in pairs[::2]] == list(range(len(pairs[::2])))


def test_the_tone_holds_with_the_line_saturated() -> None:
    for line in ("slow", "default", "fast"):
        bench = Bench(load("generic", line=line))
        interval_us = bench.profile.heartbeat_us
        frame = tc_frame(1, bytes(1017))
        before = bench.clock.now()
        for _ in range(int(5 * interval_us / 20_000)):
            while bench.lander.uplink.ground_frames < 20:
                bench.lander.receive_tc(frame, bench.clock.now())
                bench.lander.step(bench.clock.now())
            bench.run(0.02)
        elapsed_us = bench.clock.now() - before
        pairs = [heard for heard in bench.payload.heard if heard.apid in (0x010, 0x011)]
        assert [heard.apid for heard in pairs[:8]] == [0x011, 0x010] * 4
        for announced, tone in zip(pairs[::2], pairs[1::2], strict=False):
            tai_us = cuc_us(announced.body[:7]) - TAI_AT_ZERO_US
            assert abs(tai_us - tone.start_us) <= 1_000 + 10_000_000 / bench.profile.baud
            assert tone.start_us - announced.start_us <= interval_us // 2
        carried = bench.line.octets_out * 10_000_000 / bench.profile.baud
        assert carried / elapsed_us > 0.9985, f"{line}: the tone costs the line nothing"
        assert bench.payload.stray == 0


@pytest.mark.proves("K-LND-004")
def test_mode_on_change_and_every_ten_seconds() -> None:
    bench = Bench()
    bench.run(25)
    assert [heard.body for heard in bench.payload.of(0x012)] == [struct.pack(">BIB", 11, 0, 0)] * 3
    bench.lander.set_phase(6, bench.clock.now(), 90, 8)
    bench.run(0.1)
    assert bench.payload.of(0x012)[-1].body == struct.pack(">BIB", 6, 90, 8)
    bench.run(10)
    assert bench.payload.of(0x012)[-1].body == struct.pack(">BIB", 6, 80, 8)


@pytest.mark.proves("K-LND-004")
def test_power_status_layout() -> None:
    bench = Bench()
    bench.run(12.5)
    # SIMULATED board past its boot: 800 mW at its rails, 85 %: 941 mW, at 28 V 34 mA.
    circuits = [(0, 1, 28_000, 34, 34, 180, 0), (1, 0, 28_000, 0, 0, 720, 0), (2, 0, 28_000, 0, 0, 1_100, 0)]
    expected = b"\x03" + b"".join(struct.pack(">BBHHHHB", *circuit) for circuit in circuits)
    assert bench.payload.of(0x014)[-1].body == expected
    bench.lander.switch_on(1, bench.clock.now())
    bench.run(2)
    circuits[1] = (1, 1, 28_000, 350, 350, 720, 0)  # 9.8 W of heater
    expected = b"\x03" + b"".join(struct.pack(">BBHHHHB", *circuit) for circuit in circuits)
    assert bench.payload.of(0x014)[-1].body == expected


@pytest.mark.proves("K-LND-004")
def test_link_layout() -> None:
    bench = Bench(load("generic")._replace(one_way_us=1_300_000))
    bench.lander.ground.set_bps(8_000)
    bench.run(61)
    links = bench.payload.of(0x015)
    assert len(links) == 2
    aos, los, bps, queue_free, one_way_ms = struct.unpack(">7s7sIII", links[0].body)
    assert cuc_us(aos) <= TAI_AT_ZERO_US < cuc_us(los)
    assert (bps, queue_free, one_way_ms) == (8_000, 32_000_000, 1_300)


@pytest.mark.proves("K-LND-004")
def test_ancillary_layout_and_rate() -> None:
    bench = Bench()
    bench.run(20.5)
    # The board warms: 1.18 W while it boots, some from the warmer deck, into 450 J/K: 3 mK a second for ten seconds.
    interface = [struct.unpack(">h", heard.body[2:4])[0] for heard in bench.payload.of(0x017)]
    assert interface[0] == 1980
    assert 1982 <= interface[1] <= 1983
    expected = [struct.pack(">hh3h3hIB", 2150, now, 0, 0, 32767, 32767, 0, 0, 0, 0) for now in interface]
    assert [heard.body for heard in bench.payload.of(0x017)] == expected
    assert len(expected) == 3


@pytest.mark.parametrize("line", ["slow", "default", "fast"])
def test_a_line_with_nothing_to_say_is_at_most_a_tenth_busy(line: str) -> None:
    bench = Bench(load("generic", line=line))
    bench.run(60)
    assert bench.line.octets_out <= 0.1 * 60 * bench.profile.baud / 10


@pytest.mark.proves("K-LND-004")
def test_notice_is_sent_and_power_goes_at_its_time_regardless() -> None:
    bench = Bench()
    bench.run(2)
    told = bench.clock.now()
    bench.lander.notice(0, 0, told, seconds_until=5, reason=1, limit_mw=2_000)
    bench.run(0.3)
    (notice,) = bench.payload.of(0x013)
    assert notice.body == struct.pack(">BBHBI", 0, 0, 5, 1, 2_000)
    assert notice.start_us - told <= 260_000, "waits for a tone at most"
    bench.run(4.6)
    assert bench.lander.switches[0].powered
    bench.run(0.1)
    assert not bench.lander.switches[0].powered
    assert "power_off" in bench.what()
    heard = len(bench.payload.heard)
    bench.run(3)
    assert len(bench.payload.heard) == heard, "nothing is said to a board without power"


def test_ready_for_power_off_shortens_the_notice() -> None:
    bench = Bench()
    bench.run(1)
    bench.say(0x119, b"\x00\x01")
    bench.run(1)
    assert bench.lander.switches[0].powered, "without a notice it means nothing"
    bench.lander.notice(0, 0, bench.clock.now(), seconds_until=30)
    bench.run(1)
    bench.say(0x119, b"\x01\x01")
    bench.run(1)
    assert bench.lander.switches[0].powered, "another circuit"
    bench.say(0x119, b"\x00\x01")
    bench.run(0.2)
    assert bench.lander.switches[0].powered, "it settles first"
    bench.run(0.1)
    assert not bench.lander.switches[0].powered
    assert [dict(h.values)["shortens"] for h in bench.happenings if h.what == "ready_for_off"] == [0, 0, 1]


def test_power_on_during_a_notice_is_told() -> None:
    bench = Bench()
    bench.lander.notice(0, 0, bench.clock.now(), seconds_until=3)
    bench.run(1)
    bench.lander.switch_on(0, bench.clock.now())
    bench.run(5)
    assert bench.lander.switches[0].powered
    assert [heard.body[:4] for heard in bench.payload.of(0x013)] == [b"\x00\x00\x00\x03", b"\x00\x01\x00\x00"]


def test_a_cycle_comes_back_and_heartbeats_begin_again() -> None:
    bench = Bench()
    bench.lander.notice(0, 3, bench.clock.now(), seconds_until=1)
    bench.run(2)
    assert not bench.lander.switches[0].powered
    bench.payload.heard.clear()
    bench.run(1.1)
    assert bench.lander.switches[0].powered
    bench.run(1.5)
    assert {heard.apid for heard in bench.payload.heard} >= {0x010, 0x011, 0x012, 0x014, 0x015}


def test_payload_is_alive_by_its_heartbeats_and_lost_after_ten() -> None:
    bench = Bench()
    bench.run(1)
    assert not bench.lander.alive
    bench.say(0x110, HEARTBEAT)
    assert bench.lander.alive
    bench.run(9.9)
    assert bench.lander.alive
    bench.run(0.2)
    assert not bench.lander.alive
    bench.say(0x110, HEARTBEAT)
    assert bench.lander.alive
    bench.run(0)
    bench.lander.cut(0, bench.clock.now())
    assert not bench.lander.alive
    bench.look()
    assert [w for w in bench.what() if "heartbeat" in w] == ["heartbeat_heard", "heartbeat_lost", "heartbeat_heard"]


def test_what_was_said_during_boot_is_said_again_to_a_board_that_listens() -> None:
    bench = Bench()
    bench.run(3.4)
    bench.payload.heard.clear()
    bench.say(0x110, HEARTBEAT)
    bench.run(0.2)
    assert {heard.apid for heard in bench.payload.heard} >= {0x012, 0x014, 0x015, 0x017}


def test_bad_service_packets_are_counted_and_the_next_good_one_is_served() -> None:
    bench = Bench()
    good = packet(0x110, HEARTBEAT, from_lander=False)
    bench.frame(2, good[:-1] + bytes([good[-1] ^ 1]))
    bench.frame(2, packet(0x110, HEARTBEAT, from_lander=True))
    bench.say(0x110, HEARTBEAT + b"\0")
    bench.say(0x110, HEARTBEAT[:-1])
    bench.say(0x119, b"\x07\x00")
    bench.say(0x117, b"\xff\0\0\0\0")
    bench.say(0x111, bytes(9))
    bench.say(0x123, b"x")
    assert not bench.lander.alive
    bench.say(0x110, HEARTBEAT)
    assert bench.lander.alive
    counters = bench.lander.counters
    assert counters["service_packets_bad"] == 6
    assert counters["service_packets_unknown"] == 2


def test_noise_on_the_line_is_counted_and_the_next_frame_is_received() -> None:
    bench = Bench()
    bench.lander.receive_line(b"hello, world!\r\n" * 200, bench.clock.now())
    half = idle_cadu(0)[:200]
    bench.lander.receive_line(half, bench.clock.now())
    bench.say(0x110, HEARTBEAT)
    assert bench.lander.counters["tm_frames_bad"] == 1
    assert bench.lander.counters["heartbeats"] == 1
    assert bench.lander.status(bench.clock.now())["line_octets_skipped"] == 3000 + 200


def test_requests_are_told_and_change_nothing() -> None:
    bench = Bench()
    bench.say(0x117, struct.pack(">BI", 4, 60))
    bench.look()
    (request,) = [happening for happening in bench.happenings if happening.what == "request"]
    assert request.values == {"kind": "longer_notice", "value": 60}


def test_the_lander_may_sleep_until_it_says() -> None:
    """Stepping only when due says the same as stepping every millisecond."""
    every, due_only = Bench(), Bench()
    every.run(12)
    now = Micros(0)
    while now < 12_000_000:
        step = due_only.look()
        fill = due_only.lander.fill(due_only.line, now)
        line = due_only.line.next_due()
        nearest = min(step, fill, line if line < NEVER else fill)
        # A look a millisecond while octets flow, as the program does; straight to the due time otherwise.
        now = Micros(min(max(nearest, now + 1_000), 12_000_000))
        due_only.clock.advance_to(now)
    due_only.look()
    heard = [(h.apid, h.body[:4]) for h in every.payload.heard if h.apid != 0x011]
    assert [(h.apid, h.body[:4]) for h in due_only.payload.heard if h.apid != 0x011] == heard
    # Reports at 0, 1, ... 12 s, three packets each; the one at 0 s is looked at once the clock runs.
    assert len(every.reports) == len(due_only.reports) == 39


@pytest.mark.proves("K-LINE-009")
def test_a_profile_with_slip_speaks_slip() -> None:
    profile = parse('[line]\ncarrier = "slip"', "slip.toml")
    bench = Bench(profile)
    bench.payload.take = lambda octets, now: bench.payload.octets.extend(octets)  # type: ignore[method-assign]
    bench.run(1.5)
    units = [unit for unit in bytes(bench.payload.octets).split(b"\xc0") if unit]
    frames = [unit.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb") for unit in units]
    apids = [int.from_bytes(frame[5:7], "big") & 0x7FF for frame in frames]
    assert {0x010, 0x011, 0x012, 0x014} <= set(apids)
    assert apids.index(0x010) > apids.index(0x011)
