"""Invariants on histories made by hand: what they let pass, what they catch, what they only remark."""

from collections.abc import Callable

import pytest

from fsw.kernel.clock import Micros
from fsw.pus.st01 import Stage, Verification
from hil.observer import Probe
from hil.rules.calm import MUTE_US, Calm
from hil.rules.invariants import LimitsKept, PowerWithin, WatchdogHonest
from hil.rules.invariants_commands import GRACE_US, REQUESTS_MAX, AdOnce, NothingUnaccepted, OneLastWord, name_of
from hil.rules.invariants_log import KEPT_MAX, Log
from hil.rules.oracle import Acceptance, Brought
from hil.rules.overhearing import Said
from hil.written import fault
from hil.written.fault import Fault
from tests.hil.judged import broken
from tests.hil.test_oracle import frame, ping
from tools.ground.records import CommandRecord

S = 1_000_000
CUT, SILENCE = fault.make("power_cut", 0), fault.make("boot_text", 0)


def at(seconds: float) -> Micros:
    return Micros(round(seconds * S))


def word(stage: Stage, count: int, code: int | None = None) -> Verification:
    return Verification(stage, ping(count)[:4], None, code, b"")


def texts(rule: OneLastWord, now: float) -> list[tuple[str, bool]]:
    return [(one.text, one.breach) for one in rule.finish(at(now))]


def speak(rule: OneLastWord, begin: int, end: int) -> None:
    """A frame a second."""
    for second in range(begin, end):
        rule.framed(7, second % 256, b"", at(second))


# --- one last word


def life(*words: tuple[Stage, int]) -> OneLastWord:
    rule = OneLastWord()
    rule.born(at(0))
    speak(rule, 0, 10)
    for stage, count in words:
        rule.verified(word(stage, count), at(10))
    return rule


def test_each_way_to_end_is_one_last_word() -> None:
    for end in (Stage.COMPLETED, Stage.START_FAILED, Stage.PROGRESS_FAILED, Stage.COMPLETION_FAILED):
        rule = life((Stage.ACCEPTED, 1), (Stage.STARTED, 1), (end, 1))
        speak(rule, 10, 100)
        assert texts(rule, 100) == []


@pytest.mark.proves("K-BENCH-011")
def test_two_last_words_none_and_one_for_nothing() -> None:
    rule = life((Stage.ACCEPTED, 1), (Stage.COMPLETED, 1), (Stage.COMPLETION_FAILED, 1))
    assert texts(rule, 11) == [("0x020/1 has 2 last words, the last is COMPLETION_FAILED", True)]
    rule = life((Stage.ACCEPTED, 2), (Stage.STARTED, 2))
    assert texts(rule, 11) == [("0x020/2 had not ended when the run did", False)]
    speak(rule, 10, 80)
    assert ("0x020/2 was accepted and never ended", True) in texts(rule, 80)
    rule = life((Stage.ACCEPTANCE_FAILED, 3), (Stage.COMPLETED, 3))
    assert texts(rule, 11) == [("COMPLETED for 0x020/3, of which nothing is open", True)]


def test_a_cut_leaves_open_and_the_next_life_says_nothing_of_it() -> None:
    rule = life((Stage.ACCEPTED, 1))
    rule.executed(ping(2)[:4], at(11))
    rule.power(False, at(12))
    rule.power(True, at(13))
    rule.born(at(13))
    assert texts(rule, 13) == [("0x020/1 was interrupted", False), ("0x020/2 was interrupted", False)]
    rule.verified(word(Stage.COMPLETED, 1), at(14))
    assert broken(rule.finish(at(15))) == {"one-last-word": 1}


def test_what_runs_without_a_word_of_acceptance_is_owed_an_end_all_the_same() -> None:
    rule = life()
    rule.executed(ping(1)[:4], at(10))
    rule.verified(word(Stage.COMPLETED, 1), at(11))
    rule.executed(ping(2)[:4], at(12))
    speak(rule, 10, 100)
    assert texts(rule, 100) == [("0x020/2 was accepted and never ended", True)]


def test_flags_say_what_is_owed() -> None:
    rule = life()
    for count, ack in enumerate((0b1001, 0b0001, 0b1000, 0b0000)):
        rule.acceptable(Brought(ping(count)[:4], ack, sound=True), at(10))
        rule.executed(ping(count)[:4], at(10))
    rule.verified(word(Stage.COMPLETED, 0), at(11))
    rule.verified(word(Stage.COMPLETED, 2), at(11))
    speak(rule, 10, 100)
    assert texts(rule, 100) == []
    rule.acceptable(Brought(ping(3)[:4], 0, sound=True), at(101))
    rule.verified(word(Stage.COMPLETED, 3), at(102))
    assert texts(rule, 102) == [("0x020/3 completed in words that nobody asked for", True)]


def test_a_dropped_packet_may_have_been_the_last_word() -> None:
    rule = life((Stage.ACCEPTED, 1))
    for count in (0, 2, 1, 5):  # 2 overtakes 1; 3 and 4 never come
        rule.said(Said(0, 0x020, count, 1, 1, b""), at(10))
    speak(rule, 10, 100)
    assert [one.breach for one in rule.finish(at(100))] == [False]


def test_grace_does_not_run_while_faults_last_or_the_payload_is_mute() -> None:
    rule = life((Stage.ACCEPTED, 1))
    rule.fault(CUT, True, at(11))
    speak(rule, 11, 500)
    rule.fault(CUT, False, at(500))
    speak(rule, 500, 550)
    rule.framed(7, 0, b"", at(700))
    speak(rule, 701, 750)
    assert broken(rule.finish(at(750))) == {}
    speak(rule, 750, 770)
    assert broken(rule.finish(at(770))) == {"one-last-word": 1}


def test_calm() -> None:
    calm = Calm()
    calm.speaks(at(0))
    assert calm.since(at(0), at(10)) == 10 * S
    assert calm.since(at(0), Micros(MUTE_US + 1)) == 0
    calm.fault(SILENCE, True, at(12))  # at once: it does not last
    assert (calm.faults, calm.since(at(0), at(13))) == (0, S)
    calm.fault(CUT, True, at(13))
    assert (calm.faults, calm.since(at(0), at(14))) == (1, 0)
    calm.fault(CUT, False, at(14))
    assert calm.since(at(0), at(15)) == S


def test_memory_is_bounded() -> None:
    rule, once = life(), AdOnce()
    nothing = NothingUnaccepted(Acceptance(20))
    for count in range(REQUESTS_MAX + 100):
        brought = Brought(count.to_bytes(4, "big"), 0b1001, sound=True)
        rule.acceptable(brought, at(11))
        rule.executed(brought.request_id, at(11))
        nothing.acceptable(brought, at(11))
        once.submitted(frame(ping(count % 16_384), 0), at(11))
    assert len(rule._requests) == len(rule._flags) == len(nothing._known) == len(once._commands) == REQUESTS_MAX
    log = Log("rule")
    for second in range(2 * KEPT_MAX):
        log.breach(at(second), "")
        log.remark(at(second), "")
    assert len(log.findings()) == 2 * KEPT_MAX
    assert [one.at_us for one in log.findings()] == sorted(one.at_us for one in log.findings())


# --- AD once


def command(count: int) -> CommandRecord:
    packet = ping(count)
    return CommandRecord(at(0), 1, "ping", {}, 0x020, count, packet[:4], 7, packet)


@pytest.mark.proves("K-BENCH-012")
@pytest.mark.parametrize("evidence", [Stage.STARTED, Stage.COMPLETED, None])
def test_an_ad_command_that_runs_twice_is_caught_by_each_witness(evidence: Stage | None) -> None:
    rule = AdOnce()
    rule.record(command(1), at(0))
    rule.submitted(frame(ping(1), 0), at(0))
    rule.submitted(frame(ping(1), 0), at(5))  # FOP-1 repeats it
    for second in (1, 6):
        assert rule.finish(at(second)) == []
        if evidence is None:
            rule.executed(ping(1)[:4], at(second))
        else:
            rule.verified(word(evidence, 1), at(second))
    assert broken(rule.finish(at(7))) == {"ad-once": 1}


def test_bd_may_run_twice_and_a_count_that_comes_round_is_another_command() -> None:
    rule = AdOnce()
    rule.submitted(frame(ping(1)), at(0))
    rule.record(command(2), at(0))
    for _ in range(2):
        rule.executed(ping(1)[:4], at(1))
    rule.executed(ping(2)[:4], at(1))
    rule.record(command(2), at(2))
    rule.executed(ping(2)[:4], at(3))
    rule.executed(ping(9)[:4], at(3))  # nobody's
    rule.verified(word(Stage.STARTED, 9), at(3))
    assert rule.finish(at(4)) == []


# --- nothing unaccepted


def unaccepted() -> tuple[NothingUnaccepted, Callable[[int, int | None], None]]:
    acceptance = Acceptance(20)
    rule = NothingUnaccepted(acceptance)
    rule.born(at(0))

    def come(count: int, n_s: int | None) -> None:
        for brought in acceptance.take(frame(ping(count), n_s), certain=True):
            rule.acceptable(brought, at(1))

    return rule, come


@pytest.mark.proves("K-BENCH-013")
def test_without_a_tap_the_start_stands_for_the_execution() -> None:
    rule, come = unaccepted()
    come(1, 0)
    come(2, None)
    for stage, count in ((Stage.STARTED, 1), (Stage.COMPLETED, 1), (Stage.START_FAILED, 2)):
        rule.verified(word(stage, count, 0), at(2))
    assert rule.finish(at(3)) == []
    rule.verified(word(Stage.STARTED, 1), at(4))
    rule.verified(word(Stage.ACCEPTED, 9), at(5))
    assert [one.text for one in rule.finish(at(6))] == [
        "0x020/1 was run, and no accepted frame has brought it",
        "ACCEPTED for 0x020/9, which never came",
    ]
    rule.born(at(7))
    rule.verified(word(Stage.COMPLETED, 1), at(8))
    assert len(rule.finish(at(9))) == 3


def test_what_was_rejected_does_not_run_later() -> None:
    rule, come = unaccepted()
    come(1, 0)
    rule.verified(word(Stage.ACCEPTANCE_FAILED, 1, 8), at(2))
    assert rule.finish(at(3)) == []
    rule.executed(ping(1)[:4], at(4))
    assert broken(rule.finish(at(5))) == {"nothing-unaccepted": 1}


# --- the board


WELL = Probe("nominal", True, True, 0, {"outbox": (3, 10)}, 1_500, None, False, False)


@pytest.mark.proves("K-BENCH-015")
def test_strokes_while_a_task_is_stale() -> None:
    rule = WatchdogHonest()
    for second, (fresh, strokes) in enumerate([(True, 10), (False, 15), (False, 15), (True, 20), (False, 30)]):
        rule.probe(WELL._replace(tasks_fresh=fresh, watchdog_strokes=strokes), at(second))
    rule.power(False, at(6))
    rule.probe(WELL._replace(tasks_fresh=False, watchdog_strokes=1), at(7))
    assert rule.finish(at(8)) == []
    for strokes in (2, 3, 4):
        rule.probe(WELL._replace(tasks_fresh=False, watchdog_strokes=strokes), at(8))
    assert [one.text for one in rule.finish(at(9))] == ["the watchdog was stroked 1 times while a task was stale"]


@pytest.mark.proves("K-BENCH-016")
def test_power_beyond_the_allocation() -> None:
    rule = PowerWithin()
    rule.probe(WELL, at(0))
    beyond = WELL._replace(allocation_mw=1_000)
    for second in range(1, 6):
        rule.probe(beyond._replace(transient=True), at(second))
    assert rule.finish(at(6)) == []
    for second in range(6, 10):
        rule.probe(beyond._replace(transient=True), at(second))
    assert broken(rule.finish(at(10))) == {"power-within": 1}
    rule.probe(WELL._replace(allocation_mw=1_500), at(11))
    rule.probe(beyond, at(12))
    rule.power(False, at(13))
    rule.probe(beyond, at(14))
    assert [one.text for one in rule.finish(at(15))] == ["1500 mW are drawn, 1000 mW allowed"] * 3


@pytest.mark.proves("K-BENCH-018")
def test_a_queue_beyond_its_limit_is_told_once_each_time() -> None:
    rule = LimitsKept()
    for depth in (10, 11, 12, 3, 11):
        rule.probe(WELL._replace(queues={"outbox": (depth, 10), "inbox": (1, 1)}), at(depth))
    assert [one.text for one in rule.finish(at(9))] == [
        "outbox holds 11, at most 10 are allowed",
        "outbox holds 11, at most 10 are allowed",
    ]


def test_names_and_grace() -> None:
    assert name_of(ping(17)[:4]) == "0x020/17"
    assert GRACE_US > 20 * S  # longer than the ground waits between two words
    assert isinstance(CUT, Fault)
