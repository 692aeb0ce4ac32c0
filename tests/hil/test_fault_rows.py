"""Every row of the fault list on the bench in virtual time: what must be seen of the fault is seen, and no rule broken.

A row that waits for work to come is a strict expected failure named for that work: the day it holds, this file says so.
"""

from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.faults.fault_expectations import WITHIN_US, FaultExpectations
from hil.observer import Finding
from hil.plan import scenario
from hil.rules import invariants
from hil.rungs.virtual import Virtual
from hil.seed import Dice
from hil.written.fault import make, parse_compact
from hil.written.fault_kinds import KINDS
from tests.hil.by_hand import cltu, tc_frame
from tests.system.by_hand import telecommand
from tools.ground.records import ParameterRecord

MISSION = load_mission()
HERE = Path(__file__).parent
DRILL = scenario.load(str(HERE / "drill.toml"), MISSION, lander=str(HERE / "patient.toml"))
SPOKEN_US = 50_000_000
PING = telecommand(0x020, 17, 1, count=77)
"""In a BD frame of the ground's: our session commands by AD."""

HOLD = [
    "bit_errors@60s+30s:ber_e9=10000",
    "drop@60s+30s",
    "duplicate@60s+30s",
    "insert@60s+30s",
    "boot_text@60s",
    "broken_frames@60s:shape=truncated",
    "broken_frames@60s:shape=oversize",
    "broken_frames@60s:shape=unterminated",
    "time_late@60s+15s:delay_ms=1000",
    "time_missing@60s+30s",
    "time_step@60s+15s:step_ms=-3600000",
    "time_step@60s+15s:step_ms=-1767225600000",
    "brown_out@60s+10ms",
    "brown_out@60s+100ms",
    "power_cut@60s+10s",
    "power_off@60s+30s:seconds=5",
    "over_current@60s+10s:permille=1600,pulse_ms=60",
    "over_current@60s+10s:permille=3000,pulse_ms=1",
    "silence@60s+5s",
    "silence@60s+60s",
    "lander_silence@60s+30s",
    "stuck_low@60s+30s",
    "stuck_high@60s+30s:direction=up",
    "rx_frozen@60s+30s",
    "baud_drift@60s+15s:permille=-60",
    "lander_reboot@60s+20s",
    "heartbeat_jitter@60s+60s",
    "replay@60s:service=ad",
    "spoof@60s:forgery=service",
    "over_temperature@60s+90s",
    "cold_start@60s+30s",
    "sensor_stuck@60s+30s",
    "sensor_vanished@60s+30s",
    "disk_full@60s+50s",
    "disk_read_only@60s+50s",
    "disk_error@60s+50s",
    "disk_slow@60s+50s",
    "clock_drift@60s+60s:ppm=50",
    "night@60s+5min",
    "degraded_downlink@60s+60s",
    "phase_skip@60s+30s",
    "solar_event@60s+30s",
    "file_bit_flip@60s",
    "file_bit_flip@60s:place_e6=100000",
    "bit_flip@60s",
    "bit_flip@60s:target=load_table,bit=4",
    "bit_flip@60s:target=outbox_octets",
    "bit_flip@60s:target=sequence_count,item=1",
    "bit_flip@60s:target=farm_vr",
    "bit_flip@60s:target=time_offset,bit=24",
    "bit_flip@60s:target=mode",
    "starve@60s+20s",
    "starve@60s+20s:task=system",
    "starve@60s+20s:task=power",
    "descent@60s+60s",
]

ALSO = [
    "bit_errors@60s+60s:ber_e9=100",
    "bit_errors@60s+60s:ber_e9=100000",
    "drop@60s+30s:direction=up,per_octets_e6=5000",
    "insert@60s+60s:burst=1",
    "boot_text@60s:octets=15,direction=both",
    "broken_frames@60s:shape=unterminated,octets=1",
    "time_late@60s+30s:delay_ms=200",
    "time_late@60s+30s:delay_ms=3000",
    "time_missing@60s+3s",
    "time_missing@60s+600s",
    "time_step@60s+30s:step_ms=1000",
    "time_step@60s+30s:step_ms=-1000",
    "time_step@60s+30s:step_ms=3600000",
    "time_step@60s+30s:step_ms=315576000000",
    "brown_out@60s+1s:mv=0",
    "power_cut@60.077s+30s",
    "power_off@60s+60s:seconds=30",
    "power_off@60s+60s:seconds=0",
    "over_current@60s+10s:permille=1600,pulse_ms=10",
    "silence@60s+300s",
    "silence@60s+46.5min",
    "silence@60s+300s:direction=up",
    "silence@60s+300s:direction=down",
    "stuck_low@60s+1s:octets_s=11520,direction=both",
    "rx_frozen@60s+60s:direction=down",
    "baud_drift@60s+30s:permille=30",
    "baud_drift@60s+30s:permille=80,direction=up",
    "lander_reboot@60s+120s",
    "lander_silence@60s+620s",
    "replay@60s:service=ad,age_ms=30000",
    "sensor_vanished@60s+30s:row=1",
    "disk_error@60s+60s:permille=300",
    "clock_drift@60s+300s:ppm=-50",
    "night@60s+14min:cdegc=-18000",
    "solar_event@60s+300s",
]
"""Other values of the same kinds, for the long run."""

PROTECTED = [
    "replay@60s",
    "replay@60s:service=ad",
    "replay@60s:age_ms=8000",
    "spoof@60s",
    "spoof@60s:forgery=apid",
    "spoof@60s:forgery=service",
]
"""What only a protected link withstands, on a protected link."""

ROWS = [
    *(pytest.param(text, id=text) for text in HOLD),
    *(pytest.param(text, id=text, marks=pytest.mark.soak) for text in ALSO),
]


def flown(text: str, *, protected: bool = False) -> list[Finding]:
    """The breaches of one run of the drill with this fault."""
    fault = parse_compact(text)
    expectations = FaultExpectations()
    run = Virtual(
        DRILL._replace(protected=protected),
        MISSION,
        1,
        faults=(fault,),
        observers=lambda plan, mission: [*invariants.all_of(plan, mission), expectations],
    )
    try:
        expectations.counters = lambda: run.bench.counters() | run.end.counters()
        run.advance(Micros(SPOKEN_US))
        protection = run.bench.session.profile.protection
        assert (protection is not None) is protected
        spoken = PING if protection is None else protection.protect(0, PING)
        run.bench.desk.uplinked(cltu(tc_frame(0, spoken)), run.clock.now())
        run.bench.lander.receive_tc(cltu(tc_frame(0, spoken)), run.clock.now())
        run.advance(Micros(fault.until_us + WITHIN_US + 1_000_000))
        assert [one.exercised for one in run.bench.desk.results()] == [True]
        return [finding for finding in run.result().findings if finding.breach]
    finally:
        run.close()


@pytest.mark.proves("K-FAULT-009")
@pytest.mark.parametrize("text", ROWS)
def test_what_must_be_seen_of_a_fault_is_seen(text: str) -> None:
    assert [f"{one.rule}: {one.text}" for one in flown(text)] == []


@pytest.mark.proves("K-FAULT-009", "K-SEC-001", "K-SEC-002")
@pytest.mark.parametrize("text", PROTECTED)
def test_a_protected_link_withstands_who_has_no_key(text: str) -> None:
    assert [f"{one.rule}: {one.text}" for one in flown(text, protected=True)] == []


@pytest.mark.soak
@pytest.mark.proves("K-SEC-001")
@pytest.mark.parametrize("text", HOLD)
def test_what_must_be_seen_of_a_fault_is_seen_on_a_protected_link_too(text: str) -> None:
    assert [f"{one.rule}: {one.text}" for one in flown(text, protected=True)] == []


def test_every_kind_is_flown() -> None:
    assert {parse_compact(text).kind for text in (*HOLD, *PROTECTED)} == set(KINDS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("silence@60s+30s", "F10 silence"),
        ("power_cut@60s+10s", "F8 power_cut"),
        ("time_missing@60s+60s", "F5 time_missing"),
    ],
)
def test_a_run_that_ends_too_soon_breaks_nothing_and_says_so(text: str, said: str) -> None:
    expectations = FaultExpectations()
    run = Virtual(DRILL, MISSION, 1, faults=(parse_compact(text),), observers=lambda *_: [expectations])
    try:
        run.advance(Micros(70_000_000))
        findings = run.result().findings
    finally:
        run.close()
    assert [(one.rule, one.breach) for one in findings] == [(said, False)]
    assert "ended too soon" in findings[0].text


class Kept:
    """Every value of the committed parameter that the payload has ever reported."""

    def __init__(self) -> None:
        self.values: list[float | None] = []

    def record(self, record: object, now: Micros) -> None:
        if isinstance(record, ParameterRecord) and record.name == "system.scratch":
            self.values.append(record.raw)

    def finish(self, now: Micros) -> list[Finding]:
        return []


@pytest.mark.soak
@pytest.mark.proves("K-FAULT-009")
@pytest.mark.parametrize("seed", range(20))
def test_two_hundred_cuts_leave_the_store_whole(seed: int) -> None:
    """F8: ten cuts in ten minutes, uniform in time, every other one while a value is on its way to the disk."""
    dice = Dice("cuts", str(seed))
    anywhere = [dice.whole(30_000, 600_000) for _ in range(5)]
    in_a_write = [25_000 + 15_000 * dice.whole(1, 38) + dice.whole(0, 150) for _ in range(5)]
    cuts = tuple(make("power_cut", 1_000 * ms, 2_000_000) for ms in sorted(anywhere + in_a_write))
    kept = Kept()
    observers = lambda plan, mission: [*invariants.all_of(plan, mission), kept]  # noqa: E731
    run = Virtual(DRILL, MISSION, seed, faults=cuts, observers=observers)
    try:
        run.advance(Micros(800_000_000))
        assert [finding for finding in run.result().findings if finding.breach] == []
        assert len(kept.values) > 10
        assert set(kept.values) == {42.0}
        assert [path.name for path in run.board.disk.path.parent.iterdir() if "damaged" in path.name] == []
    finally:
        run.close()
