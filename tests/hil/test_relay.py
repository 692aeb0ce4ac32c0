"""Between ground and payload: what is forwarded, what is dropped, light time, passes and store-and-forward."""

import struct
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.lander.lander import TAI_AT_ZERO_US
from hil.lander.profiles import Pass, load
from tests.hil.bench import Bench
from tests.hil.by_hand import cltu, crc, cuc_us, tc_frame


def of(bench: Bench, apid: int) -> list[bytes]:
    """Bodies of one report, checked as space packets without secondary header."""
    bodies = []
    for _, octets in bench.reports:
        word, sequence, length = struct.unpack_from(">HHH", octets)
        assert word & 0xF800 == 0
        assert sequence >> 14 == 3
        assert length + 7 == len(octets)
        assert crc(octets) == 0
        if word & 0x7FF == apid:
            bodies.append(octets[6:-2])
    return bodies


@pytest.mark.proves("K-LND-004")
@pytest.mark.parametrize("wrap", [cltu, bytes], ids=["cltu", "raw"])
@pytest.mark.parametrize("size", [1, 2, 7, 300, 1017])
def test_ground_frames_reach_the_line_as_they_are(wrap: Callable[[bytes], bytes], size: int) -> None:
    bench = Bench()
    frame = tc_frame(0, (bytes(range(256)) * 4)[:size], bypass=False)
    bench.lander.receive_tc(wrap(frame), bench.clock.now())
    bench.run(0.6)
    assert bench.payload.ground == [frame]


@pytest.mark.proves("K-LND-004")
@pytest.mark.parametrize("wrap", [cltu, bytes], ids=["cltu", "raw"])
def test_services_from_the_ground_are_dropped_and_counted(wrap: Callable[[bytes], bytes]) -> None:
    bench = Bench()
    bench.run(1)
    heard = len(bench.payload.heard)
    forged = tc_frame(2, struct.pack(">HHH", 0x1013, 0xC000, 10) + bytes(11))
    bench.lander.receive_tc(wrap(forged), bench.clock.now())
    bench.lander.receive_tc(wrap(tc_frame(1, b"abc")), bench.clock.now())
    bench.run(0.2)
    assert bench.lander.counters["tc_vc2_dropped"] == 1
    assert bench.payload.ground == [tc_frame(1, b"abc")]
    assert all(one.apid != 0x013 for one in bench.payload.heard[heard:])


@pytest.mark.proves("K-LND-004")
def test_a_service_hidden_in_a_bad_frame_does_not_get_through() -> None:
    """A frame with a wrong FECF whose blocks hold another CLTU: flight would search it, so it may not go up."""
    inner = cltu(tc_frame(2, b"x" * 20))
    bench = Bench()
    bad = bytearray(tc_frame(1, inner))
    bad[-1] ^= 1
    for datagram in (bytes(bad), cltu(bytes(bad)), inner + cltu(tc_frame(1, b"y"))):
        bench.lander.receive_tc(datagram, bench.clock.now())
    bench.run(1)
    assert bench.payload.ground == [tc_frame(1, b"y")]
    assert bench.lander.counters["tc_vc2_dropped"] >= 1


@given(st.binary(max_size=1200))
@settings(max_examples=60)
def test_any_datagram_is_forwarded_whole_or_counted(datagram: bytes) -> None:
    bench = Bench()
    bench.lander.receive_tc(datagram, bench.clock.now())
    bench.lander.receive_tc(tc_frame(0, b"good"), bench.clock.now())
    bench.run(0.2)
    assert bench.payload.ground[-1] == tc_frame(0, b"good")
    assert bench.lander.counters["tc_bad"] + len(bench.payload.ground) == 2


@given(st.lists(st.binary(max_size=700), max_size=8))
@settings(max_examples=60)
def test_any_octets_from_the_payload_never_raise(pieces: list[bytes]) -> None:
    bench = Bench()
    for piece in pieces:
        bench.lander.receive_line(piece, bench.clock.now())
        bench.look()
    bench.lander.receive_line(bytes(500), bench.clock.now())
    frame = bench.frame(0, b"")
    bench.run(0.01)
    assert bench.tm[-1][1] == frame


@pytest.mark.proves("K-LND-004")
def test_telemetry_is_forwarded_frame_by_frame_and_services_stay() -> None:
    bench = Bench()
    frames = [bench.frame(vcid, b"") for vcid in (0, 1, 3, 0)]
    bench.say(0x110, struct.pack(">BBhHHI", 2, 0, 2150, 7, 3, 60))
    idle = bench.frame(7, b"\x55" * 434, 0x7FE)
    bench.look()
    assert [frame for _, frame in bench.tm] == [*frames, idle]


def test_light_time_both_ways_and_on_reports() -> None:
    bench = Bench(load("generic")._replace(one_way_us=1_300_000))
    bench.look()
    bench.lander.receive_tc(tc_frame(0, b"hello"), bench.clock.now())
    frame = bench.frame(0, b"")
    bench.look()
    bench.run(1.29)
    assert not bench.payload.ground
    assert not bench.tm
    assert not bench.reports
    bench.run(0.1)
    assert bench.payload.ground == [tc_frame(0, b"hello")]
    assert bench.tm == [(1_300_000, frame)]
    assert len(bench.reports) == 3


PASSES = (Pass(10_000_000, 20_000_000), Pass(40_000_000, 50_000_000))


def test_out_of_a_pass_telemetry_waits_and_telecommands_are_lost() -> None:
    bench = Bench(load("generic")._replace(passes=PASSES))
    frames = [bench.frame(0, bytes([n]) * 20) for n in range(5)]
    idle = [bench.frame(7, bytes([n]) * 434, 0x7FE) for n in range(3)][-1]
    bench.lander.receive_tc(tc_frame(0, b"lost"), bench.clock.now())
    bench.run(9.9)
    assert not bench.tm
    assert not bench.reports
    assert not bench.payload.ground
    assert bench.lander.counters["tc_out_of_pass"] == 1
    bench.run(0.2)
    assert [frame for _, frame in bench.tm] == [*frames, idle], "of the idle frames the newest, after the queue"
    assert "aos" in bench.what()
    bench.run(10)
    assert "los" in bench.what()
    depth = [struct.unpack(">BIIH", body)[1] for body in of(bench, 0x212)]
    assert depth[0] == 5
    assert depth[-1] == 0


def test_link_tells_passes_and_every_change() -> None:
    bench = Bench(load("generic")._replace(passes=PASSES))
    bench.run(52)
    times = [(h.start_us, cuc_us(h.body[:7]), cuc_us(h.body[7:14])) for h in bench.payload.of(0x015)]
    aos, los = TAI_AT_ZERO_US + 10_000_000, TAI_AT_ZERO_US + 20_000_000
    later = (TAI_AT_ZERO_US + 40_000_000, TAI_AT_ZERO_US + 50_000_000)
    assert [one[1:] for one in times] == [(aos, los), (aos, los), later, later, (0, 0)]


def test_a_full_queue_drops_the_oldest_and_reports_it() -> None:
    bench = Bench(load("generic")._replace(passes=PASSES))
    bench.lander.ground.telemetry.octets_max = 446 * 10
    frames = [bench.frame(0, bytes([n]) * 20) for n in range(13)]
    bench.run(10.1)
    assert [frame for _, frame in bench.tm] == frames[3:]
    alive, _, dropped, waiting = struct.unpack(">BIIH", of(bench, 0x212)[-1])
    assert (alive, dropped, waiting) == (0, 3, 0)


def test_the_radio_gives_what_it_gives() -> None:
    bench = Bench()
    bench.lander.ground.set_bps(8_000)
    for _ in range(20):
        bench.frame(0, b"")
    bench.run(5)
    times = [at for at, _ in bench.tm]
    assert len(times) == 12, "446 octets take 446 ms at 8 kbit/s; the first leaves at once"
    gaps = {b - a for a, b in pairwise(times[1:])}
    assert gaps == {446_000}


def test_reports_to_the_ground_octet_for_octet_also_without_power() -> None:
    bench = Bench()
    bench.lander.notice(0, 0, bench.clock.now(), seconds_until=2, reason=0)
    bench.run(1.5)
    phase, aos, los, event, action = struct.unpack(">B7s7s7sB", of(bench, 0x210)[-1])
    assert (phase, action) == (11, 0)
    assert cuc_us(aos) <= TAI_AT_ZERO_US < cuc_us(los)
    assert cuc_us(event) == TAI_AT_ZERO_US + 2_000_000
    bench.run(2)
    assert not bench.lander.switches[0].powered
    before = len(of(bench, 0x210))
    bench.run(5)
    assert len(of(bench, 0x210)) == before + 5
    assert struct.unpack(">B7s7s7sB", of(bench, 0x210)[-1])[3] == bytes.fromhex("1e000000000000")
    off = (0, 0, 28_000, 0, 0, 180, 0)
    assert of(bench, 0x211)[-1][:12] == b"\x03" + struct.pack(">BBHHHHB", *off)
    assert of(bench, 0x212)[-1] == struct.pack(">BIIH", 0, 0, 0, 0)


def test_beacons_are_passed_on_as_they_come() -> None:
    bench = Bench()
    bench.run(2)
    bench.say(0x111, b"\x01\x02\x03\x04\x05\x06\x07\x08")
    bench.say(0x111, b"")
    bench.run(0.01)
    first, second = of(bench, 0x213)
    assert first[7:] == b"\x01\x02\x03\x04\x05\x06\x07\x08"
    assert abs(cuc_us(first[:7]) - TAI_AT_ZERO_US - 2_000_000) <= 1_000
    assert len(second) == 7


def test_ground_frames_wait_in_a_bounded_queue_that_is_reported() -> None:
    bench = Bench()
    for n in range(300):
        bench.lander.receive_tc(tc_frame(0, struct.pack(">H", n) + bytes(900)), bench.clock.now())
    bench.run(0.01)
    assert bench.lander.uplink.ground_dropped == 44
    bench.run(0.99)
    assert 200 < struct.unpack(">BIIH", of(bench, 0x212)[-1])[3] <= 256
    bench.run(30)
    numbers = [int.from_bytes(frame[5:7], "big") for frame in bench.payload.ground]
    assert numbers == list(range(256))


def test_without_power_telecommands_are_dropped_and_counted() -> None:
    bench = Bench()
    bench.lander.cut(0, bench.clock.now())
    bench.lander.receive_tc(tc_frame(0, b"x"), bench.clock.now())
    bench.run(0.1)
    bench.lander.switch_on(0, bench.clock.now())
    bench.run(1)
    assert bench.payload.ground == []
    assert bench.lander.counters["tc_without_power"] == 1
