"""Roles at the desk: the table cell by cell, no path by which an observer commands, and who is on record for what."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.kernel.clock import Micros
from fsw.mdb.mission import load
from tests.tools.key_board import ring_of
from tests.tools.spacecraft import Spacecraft
from tools.ground.desk import CLIENTS_MAX, CONNECTIONS_MAX, WATCHES_MAX, Desk
from tools.ground.door import Door
from tools.ground.key_work import KeyWork
from tools.ground.operators import Book, Operator, save
from tools.ground.profile import Profile
from tools.ground.protocol import Message
from tools.ground.records import CommandRecord, Data, Note, Record, as_json
from tools.ground.recovery_work import recovery_of
from tools.ground.roles import ALLOWED, Role, Verb, may, verb_of
from tools.ground.session import Session

DATABASE = load().database

# Written down from the issue and the protocol, beside the table of the program.
#                      observer operator engineer
TABLE = {
    "status":         ("yes",   "yes",   "yes"),
    "watch":          ("yes",   "yes",   "yes"),
    "samples":        ("yes",   "yes",   "yes"),
    "gaps":           ("yes",   "yes",   "yes"),
    "send":           ("no",    "yes",   "yes"),
    "send --force":   ("no",    "no",    "yes"),
    "link sync":      ("no",    "yes",   "yes"),
    "recover":        ("no",    "yes",   "yes"),
    "keys rotate":    ("no",    "no",    "yes"),
    "route":          ("no",    "no",    "yes"),
    "stop":           ("no",    "no",    "yes"),
}  # fmt: skip
MESSAGES: dict[str, Message] = {
    "status": {"op": "status"},
    "watch": {"op": "watch"},
    "samples": {"op": "samples"},
    "gaps": {"op": "gaps"},
    "send": {"op": "send", "name": "ping"},
    "send --force": {"op": "send", "name": "ping", "force": True},
    "link sync": {"op": "sync"},
    "recover": {"op": "recover"},
    "keys rotate": {"op": "rotate"},
    "route": {"op": "route", "tc": "127.0.0.1:9"},
    "stop": {"op": "stop"},
}
ROLES = ("observer", "operator", "engineer")
CELLS = [(verb, role, cell == "yes") for verb, row in TABLE.items() for role, cell in zip(ROLES, row, strict=True)]


class Office:
    """A session with a link that is ready, and three operators; client 1, 2, 3 for observer, operator, engineer."""

    def __init__(self, folder: Path) -> None:
        book, self.tokens = Book(), {}
        for name in ROLES:
            book, _, self.tokens[name] = book.with_operator(name[:3], Role(name), None)
        save(folder, book)
        self.folder = folder
        self.book = book
        self.craft = Spacecraft()
        self.session = Session(DATABASE, Profile(), Micros(0))
        self.door = Door(folder, Operator("jane", Role.ENGINEER, None), "local-token")
        work = KeyWork(ring_of([0x10, 0x20]), lambda: bytes(16))
        self.session.attendants.join(work)
        self.recovery = recovery_of(DATABASE, (1, 2, 3))
        self.session.attendants.join(self.recovery)
        self.desk = Desk(self.session, self.door, {"ready": True}, work, self.recovery)
        self.now = Micros(0)
        self.records: list[Record] = []
        self.step(5)
        for client, name in enumerate(ROLES, 1):
            assert self.desk.connect(client, f"10.0.0.{client}:4000")
            (hello,) = self.say(client, {"op": "hello", "token": self.tokens[name]})
            assert hello["hello"] == {"ready": True, "operator": name[:3], "role": name}
        self.records.clear()

    def say(self, client: int, message: Message) -> list[Message]:
        self.desk.message(client, message, self.now)
        return self.heard(client)

    def heard(self, client: int) -> list[Message]:
        said = self.session.take_records()
        self.records += said
        self.desk.records(said, lambda at: at)
        return [reply for to, reply in self.desk.take_replies() if to == client]

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.now = Micros(self.now + 100_000)
            frames = [f for d in self.session.take_datagrams() for f in self.craft.hear(d)]
            for frame in [*frames, self.craft.idle()]:
                self.session.tm_datagram(frame, self.now)
            self.session.tick(self.now)


@pytest.mark.proves("K-GND-008")
@pytest.mark.parametrize(("verb", "role", "allowed"), CELLS)
def test_each_cell_of_the_table(verb: str, role: str, allowed: bool) -> None:
    assert may(Role(role), Verb(verb)) is allowed
    assert verb_of(MESSAGES[verb]) is Verb(verb)
    assert set(TABLE) == {each.value for each in Verb}
    assert set(ROLES) == {each.value for each in ALLOWED}


@pytest.mark.proves("K-GND-008", "K-SEC-018", "K-GND-033")
@pytest.mark.parametrize(("verb", "role", "allowed"), CELLS)
def test_each_cell_at_the_desk(tmp_path: Path, verb: str, role: str, allowed: bool) -> None:
    office = Office(tmp_path)
    client = ROLES.index(role) + 1
    replies = office.say(client, {"id": 7, **MESSAGES[verb]})
    asked = office.desk.take_asked()
    refused = [reply for reply in replies if {"refused", "error"} & set(reply)]
    assert bool(refused) is not allowed
    if not allowed:
        assert asked == []
        assert replies == refused
        assert f"{role[:3]} is an {role}: {verb} needs an" in json.dumps(refused)
        assert office.desk.refusals == {f"{verb} is not for an {role}": 1}
        notes = [record.text for record in office.records if isinstance(record, Note)]
        assert notes == [f"{verb} is not for an {role}: {role[:3]} from 10.0.0.{client}"]
        office.step(3)
        assert office.craft.executed == []


JSON: st.SearchStrategy[Data] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(
    ["send", "sync", "route", "stop", "rotate", "recover", "hello", "arm", "ping", "127.0.0.1:9", "SEND", "send ", "0"]
)
KEYS = st.sampled_from(
    ["id", "op", "name", "arguments", "source_id", "force", "tc", "token", "what", "role", "operator"]
)
SENDS = st.fixed_dictionaries(
    {"id": st.integers(0, 3), "op": st.sampled_from(["send", "sync", "route", "stop", "rotate", "recover"])},
    optional={"name": st.just("ping"), "force": JSON, "source_id": JSON, "tc": st.just("127.0.0.1:9"), "role": WORDS},
)


@pytest.mark.proves("K-GND-008")
@given(messages=st.lists(st.dictionaries(KEYS, JSON | WORDS, max_size=6) | SENDS, max_size=8))
def test_an_observer_commands_by_no_message(
    tmp_path_factory: pytest.TempPathFactory, messages: list[dict[str, Data]]
) -> None:
    office = Office(tmp_path_factory.mktemp("office"))
    before, syncs = dict(office.session.counts), office.session.uplink.syncs
    for message in messages:
        office.say(1, message)
    assert office.desk.take_asked() == []
    assert (office.session.counts, office.session.uplink.syncs) == (before, syncs)
    assert office.session.take_datagrams() == []
    assert not any(isinstance(record, CommandRecord) for record in office.records)


@pytest.mark.proves("K-GND-009")
def test_a_command_is_on_record_with_who_and_from_where(tmp_path: Path) -> None:
    office = Office(tmp_path)
    (reply, *_) = office.say(2, {"id": 1, "op": "send", "name": "ping"})
    ticket = reply["ticket"]
    assert isinstance(ticket, dict)
    assert (ticket["operator"], ticket["from"], ticket["source_id"]) == ("ope", "10.0.0.2:4000", 2)
    (command,) = [record for record in office.records if isinstance(record, CommandRecord)]
    assert (command.operator, command.origin, command.source_id) == ("ope", "10.0.0.2:4000", 2)
    told = as_json(command, 1_795_453_200_000_000)
    assert (told["operator"], told["from"], told["received"]) == ("ope", "10.0.0.2:4000", "2026-11-23T17:00:00.000000Z")
    office.step(2)
    assert office.craft.executed[0].source_id == 2, "the payload can tell operators apart"
    office.say(3, {"id": 2, "op": "sync"})
    assert [r.text for r in office.records if isinstance(r, Note)] == ["link sync by eng from 10.0.0.3:4000"]


@pytest.mark.proves("K-GND-009")
def test_nobody_takes_the_source_id_of_another(tmp_path: Path) -> None:
    office = Office(tmp_path)
    (reply,) = office.say(3, {"id": 1, "op": "send", "name": "ping", "source_id": 2})
    assert reply["refused"] == {"why": "role", "sentence": "source id 2 is not that of eng, which is 3"}
    assert "ticket" in office.say(3, {"id": 2, "op": "send", "name": "ping", "source_id": 3})[0]
    assert office.desk.refusals == {"another's source id": 1}


@pytest.mark.proves("K-GND-009")
def test_nobody_hides_the_source_id_of_another_in_octets(tmp_path: Path) -> None:
    """A telecommand of operator 2 in hex, inside one that operator 3 sends."""
    office = Office(tmp_path)
    for source, taken in ((2, False), (3, True)):
        ping = bytes(PusTc(service=17, message_subtype=1, apid=0x20, seq_count=9, source_id=source).pack()).hex()
        words: Data = {"packet": ping}
        (reply, *_) = office.say(3, {"id": 1, "op": "send", "name": "system.arm", "arguments": words})
        assert ("ticket" in reply) is taken
        if not taken:
            assert "is of source id 2, and is sent by source id 3" in json.dumps(reply)


@pytest.mark.proves("K-GND-008")
def test_who_is_struck_from_the_list_must_leave_and_takes_along_what_waits(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.craft.lockout = True
    office.step(1)
    office.say(2, {"id": 1, "op": "send", "name": "ping"})
    save(tmp_path, office.book.without("ope"))
    assert office.door.look() == "there are 2 operators now"
    office.desk.operators_changed(office.now)
    assert office.heard(2)[-1] == {"error": "your access was withdrawn or has changed"}
    assert office.desk.take_leaving() == [2]
    assert office.say(2, {"id": 2, "op": "send", "name": "ping"}) == []
    office.desk.disconnect(2, office.now)
    office.step(10)
    assert office.craft.executed == []
    assert office.desk.greeted(1)
    assert office.desk.greeted(3)


def test_one_operator_cannot_fill_the_house(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for client in range(4, CLIENTS_MAX + 1):
        assert office.desk.connect(client, "10.0.0.9:1")
        (reply,) = office.say(client, {"op": "hello", "token": office.tokens["observer"]})
        assert ("hello" in reply) is (client < 3 + CONNECTIONS_MAX)
    assert not office.desk.connect(999)
    assert office.desk.refusals["too many connections of one operator"] == CLIENTS_MAX - 2 - CONNECTIONS_MAX


def test_watches_are_few_and_status_counts_what_was_refused(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for request in range(WATCHES_MAX):
        assert "error" not in office.say(1, {"id": request, "op": "watch"})[0]
    assert office.say(1, {"id": 99, "op": "watch"}) == [{"id": 99, "error": "too many watches"}]
    office.say(1, {"id": 98, "op": "stop"})
    (*_, reply) = office.say(1, {"id": 97, "op": "status"})
    assert isinstance(reply["status"], dict)
    assert reply["status"]["refusals"] == {"stop is not for an observer": 1}
