"""Clients at the desk, without sockets: the token, requests, hostile messages."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load
from tests.tools.spacecraft import Spacecraft
from tools.ground.desk import Desk
from tools.ground.door import Door
from tools.ground.operators import Operator
from tools.ground.profile import Profile
from tools.ground.protocol import Lines, Message, decode, encode
from tools.ground.roles import Role
from tools.ground.samples import Cursor, Page, Question
from tools.ground.session import Session

TOKEN = "secret-token"
DATABASE = load().database


class Office:
    """A session with a payload behind it, and one client at its desk."""

    def __init__(self) -> None:
        self.craft = Spacecraft()
        self.session = Session(DATABASE, Profile(), Micros(0))
        local = Operator("jane", Role.ENGINEER, None)
        self.desk = Desk(self.session, Door(Path("/nowhere"), local, TOKEN), {"ready": True})
        self.now = Micros(0)
        assert self.desk.connect(1, "127.0.0.1:50001")

    def say(self, message: Message | str) -> list[Message]:
        self.desk.message(1, message, self.now)
        return self.heard()

    def heard(self) -> list[Message]:
        self.desk.records(self.session.take_records(), lambda at: at)
        return [reply for client, reply in self.desk.take_replies() if client == 1]

    def step(self, times: int = 1) -> list[Message]:
        for _ in range(times):
            self.now = Micros(self.now + 100_000)
            frames = [f for d in self.session.take_datagrams() for f in self.craft.hear(d)]
            for frame in [*frames, self.craft.idle()]:
                self.session.tm_datagram(frame, self.now)
            self.session.tick(self.now)
        return self.heard()


def test_without_the_token_nothing_is_said() -> None:
    office = Office()
    replies = office.say({"op": "hello", "token": "guess"})
    assert "error" in replies[0]
    assert TOKEN not in json.dumps(replies)
    assert office.desk.take_leaving() == [1]
    assert office.say({"id": 1, "op": "send", "name": "ping"}) == [], "whoever is shown the door is heard no more"
    assert office.session.take_records() == []


def test_send_is_followed_to_its_verdict() -> None:
    office = Office()
    office.say({"op": "hello", "token": TOKEN})
    office.step(5)
    replies = office.say({"id": "a", "op": "send", "name": "ping", "arguments": {}}) + office.step(3)
    assert all(reply["id"] == "a" for reply in replies)
    stages = [reply["stage"] for reply in replies if "stage" in reply]
    assert [stage["stage"] for stage in stages if isinstance(stage, dict)] == [
        "sent", "received", "accepted", "started", "completed",
    ]  # fmt: skip


def test_a_client_that_leaves_takes_its_queued_command_along() -> None:
    office = Office()
    office.say({"op": "hello", "token": TOKEN})
    office.say({"id": 1, "op": "send", "name": "ping"})
    office.desk.disconnect(1, office.now)
    office.step(10)
    assert office.craft.executed == []


def test_a_watcher_begins_with_the_link() -> None:
    office = Office()
    office.say({"op": "hello", "token": TOKEN})
    office.step(5)
    (first, *_) = office.say({"id": 2, "op": "watch"})
    record = first["record"]
    assert isinstance(record, dict)
    assert (record["kind"], record["state"]) == ("link", "ready")


@pytest.mark.proves("K-GND-005")
def test_a_client_has_one_page_under_way() -> None:
    """The process answers a page a turn; who asks for more at once does not hold the link up."""
    office = Office()
    office.say({"op": "hello", "token": TOKEN})
    assert office.say({"id": 1, "op": "samples", "names": ["system.*"]}) == []
    (refused,) = office.say({"id": 2, "op": "samples"})
    assert refused == {"id": 2, "error": "samples: one page at a time"}
    (asked,) = office.desk.take_asked()
    assert asked.question == Question(("system.*",))
    office.desk.answer(asked, page=Page((), Cursor(1, 2, 3)))
    assert office.heard() == [{"id": 1, "samples": [], "after": [1, 2, 3]}]
    assert office.say({"id": 3, "op": "samples", "after": [1, 2, 3]}) == []
    (asked,) = office.desk.take_asked()
    office.desk.answer(asked, "the archive cannot be read")
    assert office.heard() == [{"id": 3, "error": "the archive cannot be read"}]
    assert office.say({"id": 4, "op": "samples"}) == []
    office.desk.disconnect(1, office.now)
    (asked,) = office.desk.take_asked()
    office.desk.answer(asked)
    assert office.desk.greeted(1) is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
OPS = st.sampled_from(["send", "watch", "status", "samples", "stop", "route", "sync", "hello", "?"])
MESSAGES = st.dictionaries(
    st.sampled_from(
        ["id", "op", "name", "arguments", "source_id", "force", "tc", "token", "names", "since_us", "after", "limit"]
    ),
    JSON | OPS,
    max_size=6,
)


@given(st.lists(MESSAGES, max_size=6), st.booleans())
def test_no_message_raises(messages: list[Message], greeted: bool) -> None:
    office = Office()
    if greeted:
        office.say({"op": "hello", "token": TOKEN})
    for message in messages:
        office.say(message)
        assert all(encode(reply) for reply in office.heard())


@given(st.binary(max_size=200))
def test_no_line_raises(octets: bytes) -> None:
    assert isinstance(decode(octets), dict | str)


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=6), st.integers(1, 7))
def test_lines_survive_any_cut(lines: list[bytes], cut: int) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    reader = Lines()
    found = [line for at in range(0, len(stream), cut) for line in reader.feed(stream[at : at + cut])]
    assert found == lines


def test_an_overlong_line_ends_the_talk() -> None:
    reader = Lines(10)
    assert reader.feed(b"0123456789abc") == []
    assert reader.overlong
    assert reader.feed(b"\n{}\n") == []
