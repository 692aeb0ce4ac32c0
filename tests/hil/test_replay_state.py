"""Where a replay stops and what it shows there; what it refuses. Times and values are worked out by hand."""

import json
from collections.abc import Callable

import pytest

from fsw.capture.header import Header
from fsw.capture.reader import Boot, Calls, Checkpoint, Damage, End, Gap, Injected, Life, Record, Stop, Tick
from fsw.kernel.clock import Micros
from hil.replay.condition import Condition, ConditionError
from hil.replay.replay import Replay, ReplayError, Wanted
from hil.replay.replay_state import SECTIONS, Data, state_of
from tests.hil.recorded import MISSION, fly, records, replay, standing, two_lives


def section(data: Data, name: str) -> Data:
    held = data[name]
    assert isinstance(held, dict)
    return held


def when(text: str) -> Condition:
    return Condition(text, MISSION.database)


def state_when(text: str) -> Data:
    one, outcome = replay(two_lives().octets, Wanted(when=when(text)))
    assert outcome.stopped.endswith(f"{text} holds")
    life, flown = standing(one)
    return state_of(flown, life.at_us)


@pytest.mark.proves("K-REPLAY-004")
def test_it_stops_where_a_parameter_is_what_was_asked_for() -> None:
    state = state_when("system.uptime_s >= 2")
    assert state["time_us"] == 2_010_000, "the sample of that second, which goes with the lander's heartbeat"
    assert section(state, "parameters")["system.uptime_s"] == {
        "value": 2, "unit": "s", "raw": 2, "limits": [None, None], "limit_state": "UNCHECKED",
    }  # fmt: skip


@pytest.mark.proves("K-REPLAY-004")
def test_it_stops_at_an_enumerated_value_by_its_name() -> None:
    state = state_when("system.mode == nominal")
    assert section(state, "modes")["board"] == "NOMINAL"
    assert section(state, "modes")["boot_count"] == 1


@pytest.mark.proves("K-REPLAY-004")
def test_what_rises_in_the_next_life_is_found_there() -> None:
    state = state_when("system.boot_count = 2")
    assert section(state, "modes")["reset_cause"] == "CUT"


@pytest.mark.proves("K-REPLAY-004")
def test_the_state_is_plain_data_of_everything() -> None:
    state = state_when("environment.readings > 0")
    assert json.loads(json.dumps(state)) == state
    assert set(state) == {"time_us", *SECTIONS}
    assert section(state, "loads")["environment"] == {"state": "ON", "power_mw": 150}
    assert section(state, "loads")["base_mw"] == 1100
    assert section(state, "queues")["outbox"] != {}
    assert section(state, "tasks")["comms"] == {"state": "RUNNING", "faults": 0, "fault": ""}
    slots = section(state, "slots")
    assert list(slots) == ["comms.receive", "system", "power", "dosimeter", "environment", "comms.transmit"]
    temperature = section(state, "parameters")["system.package_temperature"]
    assert isinstance(temperature, dict)
    assert (temperature["value"], temperature["unit"]) == (3_500, "cdegC")
    assert temperature["limits"] == [-2_000, 8_000]
    assert section(state, "counters")["store.lost"] == 0
    lateness = section(state, "scheduler")["lateness"]
    assert isinstance(lateness, list)
    assert sum(lateness) == section(state, "scheduler")["ticks"]


def test_a_condition_that_never_holds_stops_nowhere() -> None:
    _, outcome = replay(two_lives().octets, Wanted(when=when("environment.humidity > 0")))
    assert (outcome.stopped, len(outcome.lives)) == ("", 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("system.mod = 1", r"'system.mod = 1': there is no parameter 'system.mod'; did you mean 'system.mode'\?"),
        ("system.mode", "'system.mode' is no condition: it needs a parameter, an operator, a value"),
        ("", "'' is no condition"),
        ("system.mode is SAFE", "is no condition"),
        ("system.mode = SAVE", "'SAVE' is no value of system.mode; did you mean 'SAFE'"),
        ("system.uptime_s > long", "'long' is no value of system.uptime_s; it is a number"),
    ],
)
def test_a_wrong_condition_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConditionError, match=sentence):
        when(text)


# --- what cannot be replayed ---------------------------------------------------------------------------------------


def life() -> Life:
    return next(record for record in records(two_lives().octets) if isinstance(record, Life))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (lambda header: header._replace(mission="hare"), "life 1 is of mission hare, not of rabbit: give --mission"),
        (
            lambda header: header._replace(database=bytes(32)),
            "life 1 was recorded with mission database 0000000000000000…, rabbit's here is ",
        ),
    ],
)
def test_a_recording_of_something_else_is_refused(changed: Callable[[Header], Header], sentence: str) -> None:
    with pytest.raises(ReplayError, match=sentence):
        Replay([life()._replace(header=changed(life().header))], MISSION).run()


def test_a_header_that_composes_nothing_is_refused() -> None:
    header = life().header
    for wrong in (header._replace(carrier="pigeon"), header._replace(wires=())):
        changed: list[Record] = [life()._replace(header=wrong), Boot(Calls(b"", b""))]
        with pytest.raises(ReplayError, match="its header composes no flight software"):
            Replay(changed, MISSION).run()


def test_what_is_no_recording_is_refused() -> None:
    with pytest.raises(ReplayError, match="the recording is empty"):
        replay(b"")
    with pytest.raises(ReplayError, match="no life of a capture begins here"):
        replay(b"hello, this is a text")


@pytest.mark.proves("K-REPLAY-005")
@pytest.mark.parametrize(
    ("record", "asked", "recorded"),
    [
        (Stop(99), "nothing of the kind", "a stop for reason 99"),
        (Injected("melt", (1,)), "nothing injected: nobody here knows how to do 'melt'", "melt 1"),
        (Injected("bit_flip", ("soul", 1, 2)), "bit_flip cannot be done with ('soul', 1, 2)", "bit_flip soul 1 2"),
        (Injected("hang", ("nobody",)), "nothing injected: hang cannot be done with ('nobody',)", "hang nobody"),
        (Injected("resume", ()), "nothing injected: resume cannot be done with ()", "resume"),
        (Tick(Micros(1_000_000_000), Calls(b"", b"")), "clock.now", "nothing more in this tick"),
        (Checkpoint(7, bytes(8)), "octets down so far, SHA-256", "7 octets, SHA-256 0000000000000000…"),
        (End("orderly", 7, bytes(32)), "octets down so far, SHA-256", "7 octets, SHA-256 0000000000000000…"),
    ],
)
def test_a_record_that_does_not_fit_is_a_divergence(record: Record, asked: str, recorded: str) -> None:
    whole = records(two_lives().octets)
    middle = [n for n, one in enumerate(whole) if isinstance(one, Tick)][50]
    outcome = Replay([*whole[:middle], record, *whole[middle:]], MISSION).run()
    divergence = outcome.lives[0].divergence
    assert divergence is not None
    assert asked in divergence.asked
    assert recorded in divergence.recorded


def test_a_tick_before_its_boot_is_a_divergence() -> None:
    for record in (Tick(Micros(0), Calls(b"", b"")), Stop(0), Injected("hang", ("power",))):
        outcome = Replay([life(), record], MISSION).run()
        assert outcome.lives[0].divergence is not None


def test_an_end_that_the_replay_does_not_share_is_a_divergence() -> None:
    whole = records(two_lives().octets)
    end = next(n for n, one in enumerate(whole) if isinstance(one, End))
    last = whole[end]
    assert isinstance(last, End)
    outcome = Replay([*whole[:end], last._replace(how="crashed")], MISSION).run()
    assert outcome.lives[0].divergence == (standing_at(whole[:end]), "it flew on", "the end: crashed")


def standing_at(whole: list[Record]) -> int:
    return max(one.planned for one in whole if isinstance(one, Tick))


@pytest.mark.parametrize("spoiled", [0x80, 0x81, 0xFF])
def test_answers_that_fit_no_question_are_divergences(spoiled: int) -> None:
    """Ticks as a hostile recording may hold them: wrong channels, values that end."""
    whole = records(two_lives().octets)
    ticks = [n for n, one in enumerate(whole) if isinstance(one, Tick)]
    for place in ticks[:12]:
        tick = whole[place]
        assert isinstance(tick, Tick)
        for at in range(len(tick.calls.shape)):
            shape = bytearray(tick.calls.shape)
            shape[at] = shape[at] ^ spoiled
            changed = tick._replace(calls=Calls(bytes(shape), tick.calls.values[:at]))
            outcome = Replay([*whole[:place], changed, *whole[place + 1 : place + 3]], MISSION).run()
            # Without its mark alone a call may be answered as it would have been anyway.
            assert spoiled == 0x80 or outcome.lives[0].divergence is not None


def test_a_gap_ends_a_life() -> None:
    whole = records(two_lives().octets)[:50]
    outcome = Replay([*whole, Gap("no room"), Tick(Micros(7), Calls(b"", b""))], MISSION).run()
    assert outcome.lives[0].ended == "the recording ends here: no room"
    assert outcome.lives[0].divergence is None
    outcome = Replay([*whole, Damage(7, "spoiled", False)], MISSION).run()
    assert outcome.lives[0].ended == "the recording ends at octet 7: spoiled"
    assert outcome.damages == (Damage(7, "spoiled", False),)


def test_the_clock_and_the_line_as_recorded_are_what_the_state_shows() -> None:
    one, _ = replay(fly([("unplug", 9), ("unplug", 9)]).octets)
    _, flown = standing(one)
    app = flown.app
    assert app is not None
    assert (app.world.line.opens, app.world.line.faults) == (2, 1)
    assert app.world.line.fault == "SIMULATED cable is out"
