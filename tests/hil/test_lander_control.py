"""Control lines of the emulator: what they do, and the answer that names what is wrong with one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.lander.lander_control import obey
from tests.hil.bench import Bench


def tell(bench: Bench, line: str) -> dict[str, object]:
    answer = obey(bench.lander, line, bench.clock.now())
    json.dumps(answer)
    return answer


def test_power_by_number_and_by_name() -> None:
    bench = Bench()
    assert tell(bench, '{"do": "cut"}') == {"do": "cut", "ok": True}
    assert not bench.lander.switches[0].powered
    tell(bench, '{"do": "on", "circuit": 0}')
    tell(bench, '{"do": "on", "circuit": "heater"}')
    assert [switch.powered for switch in bench.lander.switches] == [True, True, False]
    tell(bench, '{"do": "off", "circuit": "HEATER"}')
    assert not bench.lander.switches[1].powered


def test_a_notice_that_names_no_seconds_takes_the_profiles() -> None:
    bench = Bench()
    tell(bench, '{"do": "notice", "action": "reduce", "limit_mw": 1500, "reason": 1}')
    bench.run(0.5)
    assert bench.payload.of(0x013)[0].body == bytes.fromhex("00 02 001e 01 000005dc")
    tell(bench, '{"do": "notice", "action": 0, "seconds": 0}')
    bench.look()
    assert not bench.lander.switches[0].powered


def test_the_phase_is_set_with_its_clock() -> None:
    bench = Bench()
    tell(bench, '{"do": "mode", "phase": "descent", "seconds": 3600, "quiet": 6}')
    bench.run(0.5)
    assert bench.payload.of(0x012)[-1].body == bytes.fromhex("09 00000e10 06")
    assert tell(bench, '{"do": "status"}')["phase"] == "descent"


def test_the_payload_is_told_to_go_safe() -> None:
    bench = Bench()
    tell(bench, '{"do": "safe", "seconds": 5, "reason": 2}')
    bench.run(0.5)
    assert bench.payload.of(0x01A)[-1].body == bytes.fromhex("0005 02")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "not a JSON object"),
        ("3", "not a JSON object"),
        ("{}", "one of: on, off"),
        ('{"do": 3}', "one of: on, off"),
        ('{"do": "stauts"}', "'status'"),
        ('{"do": "status", "circuit": 0}', "it takes none"),
        ('{"do": "notice", "sec": 3}', "'seconds'"),
        ('{"do": "notice", "action": "of"}', "'off'"),
        ('{"do": "notice", "seconds": 65536}', "0 to 65535"),
        ('{"do": "notice", "seconds": true}', "0 to 65535"),
        ('{"do": "on", "circuit": true}', "0 to 2"),
        ('{"do": "mode", "phase": 17}', "0 to 16"),
    ],
)
def test_what_is_wrong_is_answered(line: str, words: str) -> None:
    bench = Bench()
    answer = tell(bench, line)
    assert answer["ok"] is False
    assert words in str(answer["error"])
    assert bench.what() == []


values = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)
keys = st.sampled_from(["do", "circuit", "action", "seconds", "reason", "limit_mw", "phase", "quiet", "other"])
verbs = st.sampled_from(["on", "off", "cut", "notice", "mode", "status", "quit"])


@given(st.dictionaries(keys, values, max_size=5), st.none() | verbs)
def test_any_object_is_answered(given_keys: dict[str, object], verb: str | None) -> None:
    bench = Bench()
    order = given_keys | ({"do": verb} if verb else {})
    assert isinstance(tell(bench, json.dumps(order))["ok"], bool)
    bench.look()


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(tell(Bench(), text)["ok"], bool)
