"""Phases by the profile's plan, passes once an orbit, transit with the beacon at 10 bit/s, deployment authorisation."""

import struct
from itertools import pairwise

import pytest

from hil.lander import lander_orders
from hil.lander.lander import TAI_AT_ZERO_US
from hil.lander.profiles import load, parse
from tests.hil.bench import Bench
from tests.hil.by_hand import cuc_us, tc_frame

HEARTBEAT = struct.pack(">BBhHHI", 2, 0, 2150, 7, 3, 60)


def tell(bench: Bench, **order: object) -> None:
    table = {"do" if key == "verb" else key: value for key, value in order.items()}
    lander_orders.obey(bench.lander, lander_orders.parse(table), bench.clock.now())


def reports(bench: Bench, apid: int) -> list[tuple[int, bytes]]:
    """When each report of a kind came, and its body."""
    return [(at, octets[6:-2]) for at, octets in bench.reports if int.from_bytes(octets[:2]) & 0x7FF == apid]


PLAN = """
phase = "launch"
[[phases]]
at = "2 min"
phase = "cruise"
[[phases]]
at = "5 min"
phase = "descent"
quiet = 7
deck_cdegc = -1500
altitude_m = 15000
one_way_ms = 1300
bps = 2000
"""


@pytest.mark.proves("K-LANDER-010")
def test_the_plan_is_followed_and_told() -> None:
    bench = Bench(parse(PLAN, "plan.toml"))
    bench.skip(400)
    modes = [(heard.end_us // 1_000_000, *struct.unpack(">BIB", heard.body)) for heard in bench.payload.of(0x012)]
    assert modes[0] == (0, 2, 120, 0)
    assert (120, 5, 180, 0) in modes
    assert (300, 9, 0, 7) in modes
    assert [one for one in modes if one[0] == 130] == [(130, 5, 170, 0)]
    assert struct.unpack(">h", bench.payload.of(0x017)[-1].body[:2]) == (-1500,)
    assert struct.unpack(">I", bench.payload.of(0x017)[-1].body[16:20]) == (15_000,)
    bps, free, one_way_ms = struct.unpack(">III", bench.payload.of(0x015)[-1].body[14:])
    assert (bps, free, one_way_ms) == (2_000, 32_000_000, 1_300)
    assert bench.payload.of(0x015)[-1].end_us // 1_000_000 in (300, 360)
    assert [one["phase"] for one in bench.of("phase")] == ["cruise", "descent"]


@pytest.mark.proves("K-LANDER-010")
def test_an_order_holds_until_the_plans_next_step() -> None:
    bench = Bench(parse(PLAN, "plan.toml"))
    bench.skip(130)
    tell(bench, verb="mode", phase="manoeuvre", seconds=40, quiet=8)
    bench.skip(1)
    assert struct.unpack(">BIB", bench.payload.of(0x012)[-1].body) == (6, 40, 8)
    bench.skip(180)
    assert bench.lander.phase == 9


def test_a_plan_that_was_slept_through_leads_to_its_last_step_due() -> None:
    bench = Bench(parse(PLAN, "plan.toml"))
    bench.clock.advance(10**9)
    bench.look()
    assert [one["phase"] for one in bench.of("phase")] == ["descent"]


ORBIT = '[line]\nprofile = "slow"\n[[passes]]\nfrom = "0 s"\nuntil = "2 d"\nevery = "118 min"\nvisible = "72 min"'


@pytest.mark.proves("K-LANDER-006")
def test_behind_the_moon_frames_wait_and_come_with_the_next_pass() -> None:
    bench = Bench(parse(ORBIT, "orbit.toml"))
    bench.skip(73 * 60)
    waiting = [bench.frame(0, bytes([n]) * 20) for n in range(3)]
    bench.lander.receive_tc(tc_frame(0, b"lost"), bench.clock.now())
    bench.skip(44 * 60)
    assert not [frame for _, frame in bench.tm if frame in waiting]
    assert bench.lander.counters["tc_out_of_pass"] == 1
    bench.skip(2 * 60)
    found = [(at, frame) for at, frame in bench.tm if frame in waiting]
    assert [frame for _, frame in found] == waiting
    assert found[0][0] // 60_000_000 == 118
    assert [h.at_us // 60_000_000 for h in bench.happenings if h.what in ("aos", "los")] == [72, 118]
    aos, los = (cuc_us(bench.payload.of(0x015)[-1].body[at : at + 7]) - TAI_AT_ZERO_US for at in (0, 7))
    assert (aos // 60_000_000, los // 60_000_000) == (118, 190)


@pytest.mark.proves("K-LANDER-007")
def test_in_transit_only_the_beacon_flows_at_ten_bits_a_second() -> None:
    bench = Bench(parse('phase = "cruise"\n[rates]\ntransit_bps = 10\ntransit_phases = ["cruise"]', "cruise.toml"))
    frame = bench.frame(0, b"")
    bench.lander.receive_tc(tc_frame(0, b"lost"), bench.clock.now())
    for n in range(8):
        bench.say(0x111, bytes([n]) * 8)
        bench.skip(25)
    assert bench.tm == []
    assert {int.from_bytes(octets[:2]) & 0x7FF for _, octets in bench.reports} == {0x213}
    beacons = reports(bench, 0x213)
    assert [body[7:] for _, body in beacons] == [bytes([n]) * 8 for n in range(8)]
    assert struct.unpack(">I", bench.payload.of(0x015)[-1].body[14:18]) == (10,)
    for _ in range(3):
        bench.say(0x111, b"together")
    bench.reports.clear()
    bench.skip(60)
    at = [when for when, _ in reports(bench, 0x213)]
    # A report of 23 octets takes 18.4 s at 10 bit/s.
    assert [round((b - a) / 1e5) for a, b in pairwise(at)] == [184, 184]
    tell(bench, verb="pass", in_s=10, for_s=600)
    bench.skip(11)
    assert bench.tm[0][1] == frame, "a session is a contact like any other"
    assert reports(bench, 0x210)
    bench.lander.receive_tc(tc_frame(0, b"now"), bench.clock.now())
    bench.skip(1)
    assert bench.payload.ground == [tc_frame(0, b"now")]
    bench.say(0x111, b"at once")
    bench.look()
    assert reports(bench, 0x213)[-1][1][7:] == b"at once"
    tell(bench, verb="blackout", for_s=100)
    bench.reports.clear()
    bench.say(0x111, b"unheard")
    bench.skip(99)
    assert bench.reports == []
    tell(bench, verb="mode", phase="surface_day")
    bench.skip(5)
    assert reports(bench, 0x213)[-1][1][7:] == b"unheard"


def test_old_beacons_make_room_for_new_ones() -> None:
    bench = Bench(parse('phase = "cruise"\n[rates]\ntransit_bps = 10\ntransit_phases = "cruise"', "cruise.toml"))
    tell(bench, verb="blackout", for_s=100)
    for n in range(20):
        bench.say(0x111, bytes([n]) * 8)
    bench.skip(200)
    assert [body[7:8] for _, body in reports(bench, 0x213)] == [bytes([n]) for n in range(15, 20)]


@pytest.mark.proves("K-LANDER-010")
def test_authorisation_is_said_with_its_window_and_taken_back_when_that_closes() -> None:
    bench = Bench()
    bench.skip(2)
    told = bench.clock.now()
    tell(bench, verb="authorise", step="fire_window", opens_s=10, closes_s=70, nonce=0xCAFE)
    bench.skip(1)
    step, opens, closes, nonce = struct.unpack(">B7s7sI", bench.payload.of(0x018)[-1].body)
    assert (step, nonce) == (3, 0xCAFE)
    assert cuc_us(opens) == TAI_AT_ZERO_US + told + 10_000_000
    assert cuc_us(closes) == TAI_AT_ZERO_US + told + 70_000_000
    bench.skip(68)
    assert len(bench.payload.of(0x018)) == 1
    bench.skip(2)
    assert bench.payload.of(0x018)[-1].body == bytes.fromhex("00 1e000000000000 1e000000000000 00000000")
    tell(bench, verb="authorise")
    bench.skip(700)
    assert len(bench.payload.of(0x018)) == 3, "safe has no end"
    assert [one["step"] for one in bench.of("authorisation")] == ["fire_window", "safe", "safe"]


def test_what_else_is_around_the_payload() -> None:
    bench = Bench()
    tell(bench, verb="around", deck_cdegc=8_000, altitude_m=7, flags=3)
    tell(bench, verb="link", bps=500, one_way_ms=2_500)
    bench.skip(0.5)
    assert bench.payload.of(0x017)[-1].body[-5:] == struct.pack(">IB", 7, 3)
    assert struct.unpack(">IxxxxI", bench.payload.of(0x015)[-1].body[14:]) == (500, 2_500)
    tell(bench, verb="link", permille=100)
    bench.skip(0.5)
    assert struct.unpack(">I", bench.payload.of(0x015)[-1].body[14:18]) == (11_520,), "a tenth of the line"
    tell(bench, verb="link", permille=1_000)
    bench.skip(0.5)
    assert struct.unpack(">I", bench.payload.of(0x015)[-1].body[14:18]) == (115_200,)
    slow = Bench(load("peregrine-like"))
    tell(slow, verb="link", permille=100)
    assert slow.lander.ground.telemetry.bps == 1_000
