"""The lander's power service: trips and lock-out, notices, what is granted, heater, and what the board draws."""

import struct

import pytest

from hil.lander import lander_orders
from hil.lander.profiles import load, parse
from tests.hil.bench import Bench
from tests.hil.by_hand import crc

HEARTBEAT = struct.pack(">BBhHHI", 2, 0, 2150, 7, 3, 60)
OPS, HEATER, RELEASE = 0, 1, 2


def tell(bench: Bench, **order: object) -> None:
    table = {"do" if key == "verb" else key: value for key, value in order.items()}
    lander_orders.obey(bench.lander, lander_orders.parse(table), bench.clock.now())


def circuits(bench: Bench) -> list[tuple[int, ...]]:
    """The newest 0x014, field by field."""
    body = bench.payload.of(0x014)[-1].body
    return [struct.unpack_from(">BBHHHHB", body, 1 + 11 * n) for n in range(body[0])]


def event(number: int, body: bytes, count: int = 0) -> bytes:
    """An event of the power process as it flies: (5,1), laid out by the contract's section 3."""
    head = struct.pack(">HHHBBBHH", 0x0821, 0xC000 | count, 0, 0x20, 5, 1, count, 0)
    packet = head + bytes.fromhex("1e0000000000 00") + struct.pack(">H", number) + body
    packet = packet[:4] + struct.pack(">H", len(packet) + 2 - 7) + packet[6:]
    return packet + struct.pack(">H", crc(packet))


@pytest.mark.proves("K-LANDER-002")
def test_a_pulse_too_high_for_too_long_trips_and_the_circuit_stays_off_until_the_order() -> None:
    bench = Bench()
    bench.skip(12)
    tell(bench, verb="load", permille=1_600, ms=49)
    bench.skip(1)
    assert bench.lander.switches[OPS].powered, "a pulse of 49 ms is ridden through"
    began = bench.clock.now()
    tell(bench, verb="load", permille=1_600, ms=60)
    bench.skip(1)
    (trip,) = bench.of("trip")
    assert trip["circuit"] == "ops"
    assert (trip["ma"], trip["limit_ma"], trip["trips"]) == (288, 180, 1)
    off = next(h for h in bench.happenings if h.what == "power_off")
    assert off.at_us - began == 50_000
    assert off.values["why"] == "trip"
    tell(bench, verb="on", circuit="ops")
    assert not bench.lander.switches[OPS].powered
    bench.look()
    assert bench.of("refused")[-1]["why"] == "tripped"
    tell(bench, verb="reset_trip", circuit="ops")
    assert not bench.lander.switches[OPS].powered, "resetting is not switching on"
    tell(bench, verb="on", circuit="ops")
    bench.skip(3)
    assert bench.lander.switches[OPS].powered
    assert circuits(bench)[OPS][-1] == 0


@pytest.mark.proves("K-LANDER-002")
def test_three_trips_lock_out_and_the_ground_sees_the_latch() -> None:
    bench = Bench()
    bench.skip(12)
    for trips in (1, 2, 3):
        tell(bench, verb="load", permille=3_100, ms=1)
        bench.skip(2)
        assert bench.of("trip")[-1]["trips"] == trips
        tell(bench, verb="reset_trip")
        tell(bench, verb="on")
        bench.skip(12)
    assert not bench.lander.switches[OPS].powered
    assert [one["why"] for one in bench.of("refused")] == ["it is locked out", "locked out"]
    power = [octets[6:-2] for _, octets in bench.reports if octets[1] == 0x11]
    assert power[-1][11] == 2, "the last octet of the first circuit of 0x211"
    status = bench.lander.power.status(bench.clock.now())
    keys = ("state", "bus_mv", "average_ma", "max_ma", "limit_ma", "latch", "trips")
    off = {
        "ops": ("off", 28_000, 0, 0, 180, "locked_out", 3),
        "heater": ("off", 28_000, 0, 0, 720, "closed", 0),
        "release": ("off", 28_000, 0, 0, 1_100, "closed", 0),
    }
    assert status == {name: dict(zip(keys, values, strict=True)) for name, values in off.items()}


def test_a_cut_within_the_inrush_leaves_no_fuse_to_look_at() -> None:
    bench = Bench(load("generic"))
    bench.skip(3)
    tell(bench, verb="cut")
    bench.skip(1)
    tell(bench, verb="on")
    tell(bench, verb="cut")
    bench.skip(1)
    assert not bench.lander.switches[OPS].powered


@pytest.mark.proves("K-LANDER-003")
def test_the_inrush_is_seen_by_the_meter_and_not_by_the_fuse() -> None:
    bench = Bench(load("generic"))
    bench.skip(3)
    tell(bench, verb="cut")
    bench.skip(1)
    tell(bench, verb="on")
    bench.skip(1.5)
    # 5 ms of 2000 mA and 995 ms of 42: 52 mA on average.
    circuit, on, _, average_ma, max_ma, _, trip = circuits(bench)[OPS]
    assert (circuit, on, max_ma, trip) == (0, 1, 2000, 0)
    assert abs(average_ma - 52) <= 1


@pytest.mark.proves("K-LANDER-003")
def test_the_board_draws_what_its_own_events_say_it_has_switched() -> None:
    profile = parse("[board]\nloads_mw = [0, 560]", "loads.toml")
    bench = Bench(profile)
    bench.skip(12)
    idle_ma = circuits(bench)[OPS][3]
    bench.vc0(event(0x202, bytes((1, 1, 0))))
    bench.skip(3)
    assert circuits(bench)[OPS][3] == idle_ma + 20, "560 mW at 28 V"
    bench.vc0(event(0x202, bytes((7, 1, 0)), 1))  # a row that the table does not have draws nothing
    bench.vc0(event(0x203, bytes((1, 2)), 2))
    bench.skip(3)
    assert circuits(bench)[OPS][3] == idle_ma
    bench.vc0(event(0x205, bytes(4), 3))
    bench.vc0(event(0x202, b"\1", 4))
    bench.vc0(event(0x203, b"", 5))
    bench.vc0(event(0x202, bytes((1, 1, 0)), 6)[:-1] + b"\0")
    assert bench.lander.power.loads_on == {7}


@pytest.mark.proves("K-LANDER-002")
def test_a_payload_that_does_not_follow_a_reduced_limit_trips() -> None:
    bench = Bench()
    bench.skip(12)
    tell(bench, verb="notice", action="reduce", seconds=5, limit_mw=560)
    bench.skip(4.9)
    assert circuits(bench)[OPS][5] == 180
    bench.skip(0.14)
    assert bench.lander.switches[OPS].powered, "34 mA against 20: too much, for 40 ms so far"
    bench.skip(0.1)
    assert not bench.lander.switches[OPS].powered


@pytest.mark.proves("K-LANDER-001")
@pytest.mark.parametrize(("reason", "seconds"), [("planned", 30), ("shed", 30), ("fault", 5), ("emergency", 0)])
def test_the_warning_goes_by_the_reason(reason: str, seconds: int) -> None:
    bench = Bench()
    bench.skip(1)
    tell(bench, verb="notice", reason=reason)
    bench.skip(max(seconds - 0.1, 0))
    assert bench.lander.switches[OPS].powered is (seconds > 0)
    bench.skip(0.2)
    assert not bench.lander.switches[OPS].powered
    assert bench.of("notice")[-1]["seconds"] == seconds


@pytest.mark.proves("K-LANDER-001")
def test_a_longer_notice_is_refused_or_granted_as_the_profile_says() -> None:
    bench = Bench()
    bench.skip(1)
    tell(bench, verb="notice", seconds=20)
    bench.skip(5)
    bench.say(0x117, struct.pack(">BI", 4, 15))
    bench.skip(1)
    assert bench.payload.of(0x013)[-1].body == struct.pack(">BBHBI", 0, 0, 15, 0, 0), "what is left, again"
    tell(bench, verb="policy", longer_notice="grant")
    bench.say(0x117, struct.pack(">BI", 4, 60))
    bench.skip(1)
    assert bench.of("request_answered")[-1]["granted"] == 0, "more than the profile's most"
    bench.say(0x117, struct.pack(">BI", 4, 30))
    bench.skip(0.5)
    assert bench.payload.of(0x013)[-1].body == struct.pack(">BBHBI", 0, 0, 43, 0, 0)
    bench.skip(40)
    assert bench.lander.switches[OPS].powered
    bench.skip(4)
    assert not bench.lander.switches[OPS].powered
    assert [one["granted"] for one in bench.of("request_answered")] == [0, 0, 1]


def test_what_else_is_asked_for() -> None:
    bench = Bench()
    bench.skip(2)
    for kind, value in ((0, 4_000), (1, 1), (2, 0), (3, 0)):
        bench.say(0x117, struct.pack(">BI", kind, value))
    bench.look()
    assert [one["granted"] for one in bench.of("request_answered")] == [0, 1, 1, 1]
    assert bench.lander.switches[HEATER].powered
    assert bench.of("notice")[-1] == {"circuit": "ops", "action": "cycle", "seconds": 5, "reason": 0}
    bench.say(0x117, struct.pack(">BI", 1, 0))
    assert not bench.lander.switches[HEATER].powered
    tell(bench, verb="policy", power="grant", cycle="refuse", heater="refuse")
    for kind, value in ((0, 4_000), (0, 5_001), (1, 1), (3, 0)):
        bench.say(0x117, struct.pack(">BI", kind, value))
    bench.skip(0.5)
    assert [one["granted"] for one in bench.of("request_answered")][-4:] == [1, 0, 0, 0]
    assert bench.payload.of(0x013)[-1].body == struct.pack(">BBHBI", 0, 1, 0, 0, 4_000)
    assert circuits(bench)[OPS][5] in (142, 180)
    bench.skip(1)
    assert circuits(bench)[OPS][5] == 142, "4 W at 28 V"


@pytest.mark.proves("K-LANDER-004")
def test_the_thermostat_keeps_a_cold_board_warm_also_without_its_power() -> None:
    bench = Bench(
        parse(
            "[circuits.ops]\non = false\n[heater]\nthermostat = true\n[board]\nheater_mw = 20000\n"
            "[ancillary]\ndeck_cdegc = -10000\ninterface_cdegc = 500\n[thermal]\nconductance_uw_k = 100000",
            "cold.toml",
        )
    )
    bench.skip(6 * 3600)
    turns = [h.values["circuit"] for h in bench.happenings if h.what in ("power_on", "power_off")]
    assert set(turns) == {"heater"}
    assert {h.values["why"] for h in bench.happenings} == {"thermostat"}
    # -1010 … 10 cdegC by the facts' thermostat, half a degree for the second between two looks.
    assert -1_060 <= bench.lander.power.board.cdegc <= 60
    switched = [h.what for h in bench.happenings if h.what in ("power_on", "power_off")]
    assert len(switched) >= 4


@pytest.mark.proves("K-LANDER-004")
def test_the_heaters_energy_ends() -> None:
    bench = Bench(parse("[heater]\nbudget_j = 98\n[board]\nheater_mw = 9800", "budget.toml"))
    tell(bench, verb="on", circuit="heater")
    bench.skip(12)
    assert not bench.lander.switches[HEATER].powered
    assert bench.of("heater_budget_spent") == [{"budget_j": 98}]
    tell(bench, verb="on", circuit="heater")
    bench.say(0x117, struct.pack(">BI", 1, 1))
    bench.look()
    assert not bench.lander.switches[HEATER].powered
    assert bench.of("refused")[-1]["why"] == "the heater's budget is spent"


def test_a_heater_stuck_on_is_seen_by_its_current() -> None:
    bench = Bench()
    tell(bench, verb="heater", mode="stuck_on")
    bench.skip(3)
    assert circuits(bench)[HEATER][1:4] == (0, 28_000, 350)
    tell(bench, verb="heater", mode="stuck_off")
    tell(bench, verb="on", circuit="heater")
    bench.skip(3)
    assert circuits(bench)[HEATER][1:4] == (1, 28_000, 0)


def test_the_bus_may_sag_and_a_circuit_may_be_missing() -> None:
    bench = Bench(parse("[circuits.heater]\nfitted = false", "two.toml"))
    bench.skip(12)
    tell(bench, verb="supply", bus_mv=20_000)
    tell(bench, verb="on", circuit="heater")
    bench.skip(3)
    assert [one[0] for one in circuits(bench)] == [0, 2]
    assert circuits(bench)[0][2:4] == (20_000, 47), "941 mW at 20 V"
    assert bench.of("refused")[-1]["why"] == "this lander has no such circuit"
    tell(bench, verb="supply")
    bench.skip(2)
    assert circuits(bench)[0][2] == 28_000


def test_old_pulses_are_forgotten_and_many_are_bounded() -> None:
    bench = Bench()
    bench.skip(12)
    for _ in range(40):
        tell(bench, verb="load", circuit="release", ma=10, ms=1_000)
    bench.skip(0.5)
    assert bench.lander.power.drawn_ma(RELEASE) == 0, "a circuit that is off gives nothing"
    tell(bench, verb="on", circuit="release")
    assert bench.lander.power.drawn_ma(RELEASE) == 160
    bench.skip(1)
    assert bench.lander.power.drawn_ma(RELEASE) == 0
