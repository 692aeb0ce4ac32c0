"""The judges of faults, given hand-made histories: silence satisfies none, and each word that matters is missed."""

import pytest

from fsw.kernel.clock import Micros
from fsw.pus.ids import TimeStatus
from hil.faults.fault_expectations import JUDGES, WITHIN_US, FaultExpectations
from hil.faults.fault_seen import SCRATCH, Sampled, Seen, Served, Stamp
from hil.lander.lander import TAI_AT_ZERO_US, Happening
from hil.written.expectation import Kind, Word
from hil.written.fault import Fault, make, parse_compact
from hil.written.fault_kinds import KINDS
from tools.ground.records import EventRecord, LinkRecord, OnboardTime, ParameterRecord
from tools.ground.tracking import StageChange, State
from tools.ground.tracking import Word as Told

S = 1_000_000
BEGAN, LATER = Micros(60 * S), Micros(500 * S)


def history(fault: Fault) -> Seen:
    """A fault, and a payload in good health before, during and behind it."""
    seen = Seen(fault, BEGAN, {"lander.tm_frames_bad": 0, "lander.tc_vc2_dropped": 0}, {SCRATCH: 42.0})
    seen.ended_us = Micros(BEGAN + fault.for_us)
    seen.stamp = Stamp(LATER, TimeStatus.LOCKED, -1_000)
    seen.samples[SCRATCH] = Sampled()
    seen.samples[SCRATCH].take(42.0)
    seen.served = [Served(BEGAN, BEGAN, "ping"), Served(LATER, LATER, "ping")]
    return seen


def brief(kind: str) -> Fault:
    return make(kind, BEGAN, min(KINDS[kind].lasts.default_us, 60 * S))


def says(seen: Seen, name: str, at: int = LATER, kind: Kind = Kind.EVENT, **values: object) -> None:
    seen.words.append(Word(kind, name, values, Micros(at)))


@pytest.mark.proves("K-FAULT-009")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_silence_satisfies_nobody(kind: str) -> None:
    seen = Seen(make(kind, BEGAN), BEGAN, {}, {SCRATCH: 42.0})
    assert JUDGES[kind](seen), "a payload that says nothing has survived nothing"


NOTHING_NEEDED = ("baud_drift", "boot_text", "broken_frames", "time_late", "brown_out", "power_off", "over_current")
UNTOUCHED = ("degraded_downlink", "phase_skip", "sensor_stuck", "heartbeat_jitter", "replay", "clock_drift")


@pytest.mark.parametrize("kind", [*NOTHING_NEEDED, *UNTOUCHED])
def test_health_satisfies_who_asks_for_no_more(kind: str) -> None:
    assert JUDGES[kind](history(brief(kind))) == []


@pytest.mark.parametrize("kind", [*NOTHING_NEEDED, *UNTOUCHED])
def test_a_boot_that_nobody_caused_is_missed_by_few(kind: str) -> None:
    seen = history(brief(kind))
    says(seen, "system.task_restarted")
    expected = kind not in ("power_off", "replay")
    assert bool(JUDGES[kind](seen)) == expected


def cut() -> Seen:
    seen = history(parse_compact("power_cut@1min+10s"))
    says(seen, "system.booted", BEGAN + 10 * S, boot_count=2, reset_cause="CUT")
    return seen


def test_a_cut_wants_one_boot_with_its_cause() -> None:
    assert JUDGES["power_cut"](cut()) == []
    twice = cut()
    says(twice, "system.booted", reset_cause="CUT")
    assert JUDGES["power_cut"](twice) == ["2 boots instead of one"]
    wrong = history(parse_compact("power_cut@1min+10s"))
    says(wrong, "system.booted", reset_cause="UNKNOWN")
    assert JUDGES["power_cut"](wrong) == ["not heard: event system.booted reset_cause = cut"]


def test_a_cut_wants_what_was_committed() -> None:
    lost = cut()
    lost.samples[SCRATCH].take(7.0)
    assert JUDGES["power_cut"](lost) == ["system.scratch is 7.0, was 42.0"]
    del lost.samples[SCRATCH]
    assert JUDGES["power_cut"](lost) == ["system.scratch was not reported afterwards"]


def test_a_cut_wants_the_right_time() -> None:
    late = cut()
    late.stamp = Stamp(LATER, TimeStatus.LOCKED, 200_000)
    assert JUDGES["power_cut"](late) == ["a stamp is 200000 us ahead of the lander's time afterwards"]
    late.stamp = Stamp(LATER, TimeStatus.FLYWHEEL, 0)
    assert JUDGES["power_cut"](late) == ["the clock is not locked afterwards (1)"]


def test_power_that_comes_back_by_itself_is_seen() -> None:
    seen = history(parse_compact("over_current@1min+10s"))
    says(seen, "trip", BEGAN, Kind.LANDER)
    says(seen, "power_on", BEGAN + 5 * S, Kind.LANDER)
    says(seen, "system.booted", BEGAN + 10 * S, reset_cause="CUT")
    assert JUDGES["over_current"](seen) == ["power came back 1 times before the order"]


def test_a_request_that_runs_twice_is_seen() -> None:
    expectations = FaultExpectations()
    expectations.executed(b"\x18\x20\xc0\x01", Micros(0))
    fault = parse_compact("replay@1min")
    expectations.fault(fault, True, BEGAN)
    expectations.executed(b"\x18\x20\xc0\x01", BEGAN)
    expectations.fault(fault, False, BEGAN)
    found = [one.text for one in expectations.finish(LATER)]
    assert "replay@1min: request 1820c001 was executed again" in found


def link(at: int, state: str) -> LinkRecord:
    return LinkRecord(Micros(at), state, 0, 0, False, False, False, 0, 0, 0, 0, 0, 0, 0, "", None)


def test_the_observer_hears_what_the_judges_ask_for() -> None:
    """A silence of 30 s, told by records as a session and a lander give them."""
    fault = parse_compact("silence@1min+30s")
    expectations = FaultExpectations()
    expectations.fault(fault, True, BEGAN)
    end = Micros(BEGAN + 30 * S)
    expectations.happening(Happening(Micros(BEGAN + 10 * S), "heartbeat_lost", {}), Micros(BEGAN + 10 * S))
    expectations.fault(fault, False, end)
    expectations.happening(Happening(end, "heartbeat_heard", {}), end)
    expectations.record(link(end, "ready"), end)
    stamp = OnboardTime(TAI_AT_ZERO_US + end, 2)
    expectations.record(EventRecord(end, stamp, 0x22, "comms.lander_back", "info", {}, False), end)
    expectations.record(ParameterRecord(end, stamp, SCRATCH, 42, 42, "", "", "UNCHECKED", False), end)
    for state, word in ((State.SENT, Told.SENT), (State.COMPLETED, Told.COMPLETED)):
        expectations.record(StageChange(end, 1, "ping", b"\x18\x20\xc0\x01", word, state), end)
    assert expectations.finish(Micros(end + WITHIN_US)) == []


def test_two_faults_are_judged_apart() -> None:
    expectations = FaultExpectations()
    first, second = parse_compact("silence@1min+5s"), parse_compact("disk_full@2min+5s")
    for fault in (first, second):
        expectations.fault(fault, True, Micros(fault.at_us))
        expectations.fault(fault, False, Micros(fault.until_us))
    rules = {one.rule for one in expectations.finish(LATER)}
    assert rules == {"F10 silence", "F19 disk_full"}
