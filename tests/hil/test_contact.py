"""What the programs' lines say to a player: the same words that the records themselves say, and nothing of nonsense."""

import json

import pytest

from fsw.kernel.clock import Micros
from hil.rungs.contact import stage_of, word_of_event, word_of_record
from hil.written import expectation
from hil.written.expectation import Kind, Word
from tools.ground import tracking
from tools.ground.records import (
    EventRecord,
    LanderRecord,
    LinkRecord,
    Note,
    PacketRecord,
    ParameterRecord,
    Record,
    stage_json,
)
from tools.ground.records import as_json as record_json
from tools.ground.tracking import StageChange, State

NOW = Micros(7)
RECORDS: list[Record] = [
    EventRecord(NOW, None, 0x20, "system.booted", "info", {"boot_count": 3}, replayed=False),
    EventRecord(NOW, None, 0x20, "system.booted", "info", {"boot_count": 3}, replayed=True),
    PacketRecord(NOW, 0, 0x21, 17, 2, 5, None, "pong", {}, "", b""),
    ParameterRecord(NOW, None, "system.mode", 2.0, 2.0, "NOMINAL", "", "WITHIN", replayed=False),
    ParameterRecord(NOW, None, "environment.temperature", 2150.0, 21.5, "", "degC", "WITHIN", replayed=False),
    LanderRecord(NOW, 0x210, "lander.report", {"phase": 3}, "", b""),
    LinkRecord(NOW, "ready", 1, 2, False, False, False, 0, 0, 9, 0, 0, 0, 0, "match", 1),
    Note(NOW, "a remark"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_says_the_same_as_a_line(record: Record) -> None:
    line = json.loads(json.dumps(record_json(record, 0)))
    one, other = expectation.word_of(record), word_of_record(line, NOW)
    if one is None or other is None:
        assert one is other is None
        return
    assert (one.kind, one.name, one.at) == (other.kind, other.name, other.at)
    assert {key: one.values[key] for key in one.values if key != "at"} == {
        key: other.values[key] for key in one.values if key != "at"
    }


def test_an_event_of_the_lander_keeps_its_values() -> None:
    event = {"event": "ready_for_off", "utc": "2026-01-01T00:00:00.000Z", "circuit": "ops", "clean": 1}
    assert word_of_event(event, NOW) == Word(Kind.LANDER, "ready_for_off", {"circuit": "ops", "clean": 1}, NOW)


def test_a_stage_comes_back_from_its_line() -> None:
    change = StageChange(
        NOW, 4, "ping", b"", tracking.Word.FAILED, State.FAILED, code=0x10, text="no such identifier on board"
    )
    line = {"id": 9, "stage": json.loads(json.dumps(stage_json(change)))}
    assert stage_of(line, 9, NOW) == change._replace(ticket=9)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"id": 9, "refused": {"why": "no such command", "sentence": "no command 'pinq'"}}, "no command 'pinq'"),
        ({"id": 9, "error": "send takes a name"}, "send takes a name"),
    ],
)
def test_what_the_ground_refuses_is_a_last_word(answer: dict[str, object], said: str) -> None:
    change = stage_of(answer, 9, NOW)
    assert change is not None
    assert change.verdict
    assert change.state is State.NOT_SENT
    assert said in change.text


@pytest.mark.parametrize("answer", [{}, {"id": 9, "ok": True}, {"stage": 3}, {"stage": {"state": "lost"}}])
def test_other_lines_are_no_stage(answer: dict[str, object]) -> None:
    assert stage_of(answer, 9, NOW) is None
