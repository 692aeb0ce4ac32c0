"""Changes of keys at the desk: whose they are, one at a time, told step by step, stopped when their operator leaves."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.test_roles import JSON, Office
from tools.ground.key_steps import Wish
from tools.ground.key_work import wish_of
from tools.ground.protocol import Message
from tools.ground.records import CommandRecord, Data, Note


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def notes(office: Office) -> list[str]:
    return [record.text for record in office.records if isinstance(record, Note)]


@pytest.mark.proves("K-SEC-018", "K-SEC-019")
def test_each_step_is_a_command_under_the_name_of_who_asked(office: Office) -> None:
    assert office.say(3, {"id": 4, "op": "rotate"}) == [{"id": 4, "ok": True}]
    assert notes(office) == ["keys rotate by eng from 10.0.0.3:4000"]
    office.step()
    office.heard(3)
    (command,) = [record for record in office.records if isinstance(record, CommandRecord)]
    assert (command.name, command.operator, command.origin, command.source_id) == (
        "system.verify_key", "eng", "10.0.0.3:4000", 3,
    )  # fmt: skip
    assert command.arguments["key"] == "16"


@pytest.mark.proves("K-SEC-018")
def test_one_change_at_a_time_and_it_stops_when_its_operator_leaves(office: Office) -> None:
    office.say(3, {"id": 4, "op": "rotate"})
    assert office.desk.connect(9, "10.0.0.9:1")
    office.say(9, {"op": "hello", "token": office.tokens["engineer"]})
    assert office.say(9, {"id": 5, "op": "rotate"}) == [{"id": 5, "error": "eng is changing keys now"}]
    office.step()
    office.desk.disconnect(3, office.now)
    office.step(10)
    office.heard(9)
    assert sum("its operator left" in text for text in notes(office)) == 1
    sent = [record for record in office.records if isinstance(record, CommandRecord)]
    assert len(sent) == 1, "nothing more leaves"
    assert office.say(9, {"id": 6, "op": "rotate"}) == [{"id": 6, "ok": True}]


def test_a_change_that_ends_is_told_to_who_asked_and_to_nobody_else(office: Office) -> None:
    """The payload of this office knows nothing of keys: it completes the question, and no answer comes."""
    office.say(3, {"id": 4, "op": "rotate", "spis": [0x10], "keep_old": True})
    told: list[Message] = []
    others: list[Message] = []
    for _ in range(600):
        office.step()
        office.desk.records(office.session.take_records(), lambda at: at)
        for client, reply in office.desk.take_replies():
            (told if client == 3 else others).append(reply)
    assert others == []
    (end,) = told
    rotation = end["rotation"]
    assert isinstance(rotation, dict)
    assert (end["id"], rotation["ending"]) == (4, "stopped")
    assert "its report has not come" in str(rotation["text"])


@pytest.mark.parametrize(
    "message",
    [
        {"recovery": True},
        {"spis": []},
        {"spis": [0x12]},
        {"spis": [True]},
        {"spis": 16},
        {"recovery": 1},
        {"keep_old": ""},
    ],
)
def test_what_cannot_be_asked_is_a_sentence(office: Office, message: dict[str, Data]) -> None:
    (reply,) = office.say(3, {"id": 4, "op": "rotate", **message})
    assert isinstance(reply["error"], str)
    office.step(3)
    assert office.session.counts == {}


@given(spis=JSON, recovery=JSON, keep_old=JSON)
def test_no_wish_raises(spis: Data, recovery: Data, keep_old: Data) -> None:
    wish = wish_of({"spis": spis, "recovery": recovery, "keep_old": keep_old})
    assert isinstance(wish, str | Wish)


@given(named=st.lists(st.sampled_from([0x10, 0x11, 0x20, 0x21, 0x23]), min_size=1))
def test_associations_are_changed_in_their_order_whatever_the_order_of_words(named: list[int]) -> None:
    assert wish_of({"spis": list[Data](named)}) == Wish(tuple(sorted(set(named))))
