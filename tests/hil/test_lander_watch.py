"""Heartbeats and their reactions: lost, cycled once, given up; a lander that is silent, a lander that boots."""

import struct

import pytest

from hil.lander import lander_orders
from hil.lander.profiles import load
from tests.hil.bench import Bench
from tests.hil.by_hand import tc_frame

HEARTBEAT = struct.pack(">BBhHHI", 2, 0, 2150, 7, 3, 60)


def tell(bench: Bench, **order: object) -> None:
    table = {"do" if key == "verb" else key: value for key, value in order.items()}
    lander_orders.obey(bench.lander, lander_orders.parse(table), bench.clock.now())


def alive_for(bench: Bench, seconds: int) -> None:
    for _ in range(seconds):
        bench.say(0x110, HEARTBEAT)
        bench.skip(1)


def times(bench: Bench, *what: str) -> list[tuple[str, int]]:
    """What happened, and at which whole second."""
    return [(h.what, h.at_us // 1_000_000) for h in bench.happenings if h.what in what]


REACTIONS = ("heartbeat_lost", "payload_cycled", "power_off", "power_on", "alert")


@pytest.mark.proves("K-LANDER-008")
def test_a_silent_payload_is_cycled_once_after_a_minute_then_off_and_an_alert() -> None:
    bench = Bench()
    alive_for(bench, 5)
    bench.skip(200)
    # Last heard at 4 s: lost at 14, cycled at 74, back at 76, given up a minute later.
    assert times(bench, *REACTIONS) == [
        ("heartbeat_lost", 14),
        ("payload_cycled", 74),
        ("power_off", 74),
        ("power_on", 76),
        ("power_off", 136),
        ("alert", 136),
    ]
    assert bench.lander.status(bench.clock.now())["payload_given_up"] is True
    tell(bench, verb="on")
    alive_for(bench, 3)
    assert bench.lander.alive
    bench.skip(75)
    assert times(bench, "payload_cycled")[-1][1] > 200, "who switches it on gives it another chance"


@pytest.mark.proves("K-LANDER-008")
def test_a_payload_that_answers_again_is_not_given_up() -> None:
    bench = Bench()
    alive_for(bench, 2)
    bench.skip(80)
    assert times(bench, "payload_cycled") == [("payload_cycled", 71)]
    alive_for(bench, 700)
    bench.skip(80)
    assert len(times(bench, "payload_cycled")) == 2, "steady for ten minutes it has earned another cycle"
    assert times(bench, "alert") == []


@pytest.mark.proves("K-LANDER-008")
def test_one_that_comes_and_goes_is_given_up() -> None:
    bench = Bench()
    alive_for(bench, 2)
    bench.skip(80)
    alive_for(bench, 30)
    bench.skip(80)
    assert len(times(bench, "payload_cycled")) == 1
    assert len(times(bench, "alert")) == 1


def test_a_payload_that_was_never_heard_is_not_judged() -> None:
    bench = Bench()
    bench.skip(300)
    assert times(bench, *REACTIONS) == []
    never = Bench(load("generic")._replace(watch=load("generic").watch._replace(cycle_after_us=0)))
    alive_for(never, 2)
    never.skip(300)
    assert times(never, *REACTIONS) == [("heartbeat_lost", 11)]


@pytest.mark.proves("K-LANDER-008")
def test_a_silent_lander_forwards_and_says_nothing_of_its_own() -> None:
    bench = Bench()
    bench.skip(3)
    tell(bench, verb="silence", seconds=20)
    bench.skip(0.1)  # what is on the line already
    bench.payload.heard.clear()
    bench.lander.receive_tc(tc_frame(0, b"hello"), bench.clock.now())
    tell(bench, verb="safe", seconds=3)
    bench.skip(19.8)
    assert bench.payload.heard == []
    assert bench.payload.ground == [tc_frame(0, b"hello")]
    bench.skip(2)
    assert {heard.apid for heard in bench.payload.heard} == {0x010, 0x011, 0x012, 0x014, 0x015, 0x017}
    tell(bench, verb="silence", seconds=1_000)
    tell(bench, verb="silence")
    bench.payload.heard.clear()
    bench.skip(2)
    assert len(bench.payload.of(0x010)) >= 1


@pytest.mark.proves("K-LANDER-009")
def test_a_lander_that_boots_is_silent_then_counts_from_zero_in_phase_safe() -> None:
    bench = Bench()
    alive_for(bench, 3)
    tell(bench, verb="notice", seconds=300)
    tell(bench, verb="authorise", step="arm", nonce=9)
    tell(bench, verb="on", circuit="heater")
    bench.skip(1)
    tell(bench, verb="reboot", seconds=20)
    bench.skip(0.1)
    bench.payload.heard.clear()
    bench.reports.clear()
    kept = bench.frame(0, b"")
    bench.lander.receive_tc(tc_frame(0, b"lost"), bench.clock.now())
    bench.skip(19.8)
    assert bench.payload.heard == []
    assert bench.reports == []
    assert bench.payload.ground == []
    assert bench.lander.switches[0].powered
    assert bench.lander.switches[1].powered, "circuits stay as they are"
    assert kept not in [frame for _, frame in bench.tm], "nobody took it in"
    bench.skip(2)
    beat = bench.payload.of(0x010)[0]
    uptime_s, boot_count, good, bad = struct.unpack(">IHII", beat.body)
    assert (uptime_s, boot_count, good, bad, beat.sequence) == (0, 2, 0, 0, 0)
    assert bench.payload.of(0x012)[0].body[0] == 15
    assert [h.values for h in bench.happenings if h.what == "lander_booted"] == [{"boot_count": 2}]
    assert bench.lander.authorisation.nonce == 0
    bench.skip(300)
    assert bench.lander.switches[0].powered, "what it had announced it has forgotten"
    assert bench.lander.counters["tc_forwarded"] == 0


def test_a_lander_that_boots_does_not_judge_the_payload_by_what_it_had_heard() -> None:
    bench = Bench()
    alive_for(bench, 3)
    tell(bench, verb="reboot", seconds=60)
    bench.skip(200)
    assert times(bench, *REACTIONS) == []
    assert not bench.lander.alive
