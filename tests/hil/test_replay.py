"""A recorded life re-executed: the oracle is what the simulated line took, kept there, outside of what is tested."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsw.capture.reader import Damage, Life, Stop, Tick
from fsw.kernel.clock import TICK_US, Micros
from fsw.mdb.system import StopReason
from fsw.services.process import Process
from fsw.system.task import SystemTask
from hil.replay.replay import KILLED, Replay, ReplayError, Wanted
from tests.hil.recorded import MISSION, WORDS, Flight, fly, records, replay, sha256, standing, two_lives

ACTS = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 2**32)), max_size=12)
ODD = [("hang", 0), ("ping", 3), ("hang", 3), ("flip", 1), ("kill", 9), ("keep", 5), ("unplug", 9), ("drift", 7)]


@pytest.mark.proves("K-REPLAY-001", "K-REPLAY-006")
@settings(max_examples=25, deadline=None)
@given(acts=ACTS, line=st.sampled_from(["slow", "default", "fast"]))
@example(acts=[*ODD, ("cut", 2), *reversed(ODD)], line="fast")
def test_a_recorded_run_replays_to_the_same_octets(acts: list[tuple[str, int]], line: str) -> None:
    flown = fly(acts, line=line)
    _, outcome = replay(flown.octets)
    assert [life.divergence for life in outcome.lives] == [None] * len(flown.down)
    assert [life.digest for life in outcome.lives] == [sha256(down) for down in flown.down]
    assert outcome.digest == flown.digest
    assert (outcome.damages, outcome.stopped) == ((), "")
    assert {life.ended for life in outcome.lives} == {"cut"}


@pytest.mark.proves("K-REPLAY-001")
def test_an_orderly_stop_is_replayed(tmp_path: Path) -> None:
    flight = Flight(tmp_path)
    flight.bench.run(1.5)
    flight.bench.board.stop(StopReason.POWER_NOTICE)
    flight.bench.run(2)
    assert flight.bench.board.app is None
    flown = flight.end()
    one, outcome = replay(flown.octets)
    assert (outcome.lives[0].ended, outcome.digest) == ("orderly", flown.digest)
    app = standing(one)[1].app
    assert app is not None
    assert app.done
    assert [record.reason for record in records(flown.octets) if isinstance(record, Stop)] == [StopReason.POWER_NOTICE]


@pytest.mark.proves("K-REPLAY-002")
@settings(max_examples=100, deadline=None)
@given(where=st.floats(0, 1))
def test_a_recording_cut_anywhere_replays_up_to_there(where: float) -> None:
    flown = two_lives()
    octets = flown.octets[: round(where * len(flown.octets))]
    if not any(isinstance(record, Life) for record in records(octets)):
        with pytest.raises(ReplayError, match=r"no life|empty|cut off"):
            replay(octets)
        return
    _, outcome = replay(octets)
    assert all(damage.cut for damage in outcome.damages)
    assert sum(life.ticks for life in outcome.lives) == sum(isinstance(record, Tick) for record in records(octets))
    for life, down in zip(outcome.lives, flown.down, strict=False):
        assert life.divergence is None
        assert life.digest == sha256(down[: life.octets])


@pytest.mark.proves("K-REPLAY-002")
def test_another_life_behind_one_that_was_cut_off_is_replayed() -> None:
    flown = two_lives()
    cut = flown.octets[: len(flown.octets) // 3]
    _, outcome = replay(cut + flown.octets)
    assert [life.divergence for life in outcome.lives] == [None] * 3
    assert outcome.lives[0].ended == f"the recording ends at octet {len(cut)}: cut off in a chunk"
    assert [life.digest for life in outcome.lives[1:]] == [sha256(down) for down in flown.down]


def test_a_process_that_was_killed_says_nothing_of_its_end() -> None:
    changed = records(two_lives().octets)[:100]
    assert not isinstance(changed[-1], Damage)
    assert Replay(changed, MISSION).run().lives[-1].ended == KILLED


# --- divergence ----------------------------------------------------------------------------------------------------


@pytest.mark.proves("K-REPLAY-005")
def test_other_octets_are_named_by_time_and_call(monkeypatch: pytest.MonkeyPatch) -> None:
    flown = fly([("ping", 0), ("ping", 9)], first_s=2.0)
    monkeypatch.setattr(Process, "_ping", Process._noop)
    one, outcome = replay(flown.octets)
    life = outcome.lives[0]
    assert life.divergence is not None
    # The ping went up at 2.0 s; its answer leaves within the release time of a frame, 0.1 s, after it has come whole.
    assert 2_000_000 < life.divergence.at_us < 2_300_000
    assert life.divergence.asked.startswith("line.write of ")
    assert life.divergence.recorded.startswith("line.write of octets with CRC ")
    assert life.ended == "diverged"
    assert flown.down[0].startswith(b"\x1a\xcf\xfc\x1d")
    assert life.digest == sha256(flown.down[0][: life.octets])
    assert standing(one)[0].at_us == life.divergence.at_us, "it stops there"


@pytest.mark.proves("K-REPLAY-005")
def test_a_question_that_nobody_asked_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample_twice(self: SystemTask, now: Micros) -> None:
        self._sensors.read()
        sample(self, now)

    sample = SystemTask._sample
    monkeypatch.setattr(SystemTask, "_sample", sample_twice)
    divergence = replay(two_lives().octets)[1].lives[0].divergence
    assert divergence is not None
    assert divergence.at_us == 0, "at the first sample"
    assert (divergence.asked, divergence.recorded) == ("sensors.read", "store.send")


@pytest.mark.proves("K-REPLAY-005")
def test_a_question_that_is_not_asked_any_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemTask, "_sample", lambda self, now: None)
    divergence = replay(two_lives().octets)[1].lives[0].divergence
    assert divergence is not None
    assert (divergence.asked, divergence.recorded) == ("store.send", "sensors.read")


def test_a_crash_of_flight_s_kernel_is_replayed(tmp_path: Path) -> None:
    """A clock that goes back: nothing of flight's may bear that."""
    flight = Flight(tmp_path)
    flight.bench.run(1.0)
    planned = Micros(flight.bench.clock.now() // TICK_US * TICK_US + TICK_US)
    app = flight.bench.app
    with pytest.raises(AssertionError, match="not run before its time"):
        app.tick(planned)
    _, outcome = replay(flight.end().octets)
    assert outcome.lives[0].ended == "cut: flight's kernel refuses this tick: a tick is not run before its time"
    assert outcome.lives[0].divergence is None


# --- stops ---------------------------------------------------------------------------------------------------------


@pytest.mark.proves("K-REPLAY-004")
@given(until_us=st.integers(0, 1_500_000))
@settings(max_examples=20, deadline=None)
def test_until_stops_behind_the_last_tick_before(until_us: int) -> None:
    planned = [record.planned for record in records(two_lives().octets) if isinstance(record, Tick)]
    one, outcome = replay(two_lives().octets, Wanted(until_us=until_us))
    assert standing(one)[0].at_us == max(t for t in planned[: planned[1:].index(Micros(0)) + 1] if t <= until_us)
    assert outcome.stopped == "life 1 has reached the time asked for"
    assert outcome.lives[0].ended == "stopped here"


def test_a_life_alone() -> None:
    flown = two_lives()
    _, outcome = replay(flown.octets, Wanted(life=2))
    assert [(life.number, life.digest) for life in outcome.lives] == [(2, sha256(flown.down[1]))]
    with pytest.raises(ReplayError, match="there is no life 3: the recording has 2"):
        replay(flown.octets, Wanted(life=3))


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.replay.replay.PROGRESS_TICKS", 50)
    told: list[tuple[int, int]] = []
    Replay(records(two_lives().octets), MISSION).run(lambda life, us: told.append((life, us)))
    assert {life for life, _ in told} == {1, 2}
