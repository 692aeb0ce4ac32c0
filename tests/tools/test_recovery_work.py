"""What an operator's `recover` does, from the desk to a payload with packet stores, with all that gets lost between."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.recovery_room import Room
from tests.tools.test_roles import Office
from tools.ground.records import CommandRecord, Data, Note
from tools.ground.recovery import TRIES_MAX
from tools.ground.recovery_work import LINK_WAIT_US, REFUSALS_MAX


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A link that is ready."""
    made = Room(tmp_path)
    made.step(10)
    yield made
    made.close()


def lose(room: Room, steps: int) -> None:
    """A fade: nothing comes."""
    room.loses = lambda frame: True
    room.step(steps)
    room.loses = lambda frame: False
    room.step(10)


def told(room: Room, key: str) -> list[Data]:
    found = [message["recovery"] for message in room.heard if isinstance(message.get("recovery"), dict)]
    return [one[key] for one in found if isinstance(one, dict) and key in one]


@pytest.mark.proves("K-GND-031")
def test_what_is_missing_is_told_fetched_and_counted_down(room: Room) -> None:
    lose(room, 60)
    lost = len(room.lost())
    assert lost == 12
    found = room.gaps()
    assert found["processes"] == [
        {
            "process": "system", "packets": lost, "gaps": 1, "at_most": False,
            "from": "2026-11-22T00:52:44.000000Z", "to": "2026-11-22T00:52:50.500000Z",
        }
    ]  # fmt: skip
    assert (found["missing"], found["given_up"], found["since"], len(room.craft.asked)) == (lost, 0, None, 0)
    room.say("recover")
    end = room.until_end()
    assert (end["ending"], end["text"], end["fetched"], end["missing"]) == ("done", "nothing is missing", lost, 0)
    assert room.lost() == set()
    (ranges,) = room.craft.asked
    assert [store for store, _, _ in ranges] == [1, 2, 3]
    assert all(0 <= 4.5 - (low - 2_174_000_000) < 4.5 for _, low, _ in ranges)
    pinged = {(command.apid, command.service) for command in room.craft.executed}
    assert {(apid, 17) for apid in (0x20, 0x21, 0x22, 0x31, 0x32)} <= pinged


@pytest.mark.proves("K-GND-031", "K-GND-032")
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    down=st.sampled_from([0, 5, 30]),
    up=st.sampled_from([0, 20]),
    busy=st.integers(0, 3),
    dies=st.lists(st.integers(1, 60), max_size=3),
    restarts=st.lists(st.integers(1, 60), max_size=3),
)
def test_whatever_is_lost_on_the_way_all_that_is_stored_arrives(
    seed: int, down: int, up: int, busy: int, dies: list[int], restarts: list[int]
) -> None:
    """Percent of frames lost both ways, stores that refuse, retrievals that die, and a session that is killed."""
    chance = Random(seed)
    with TemporaryDirectory() as folder:
        room = Room(Path(folder))
        try:
            room.step(10)
            room.loses = lambda frame: chance.randrange(100) < 40
            room.step(150)
            room.loses = lambda frame: chance.randrange(100) < down
            room.loses_up = lambda: chance.randrange(100) < up
            room.craft.busy = busy
            room.step(10)
            room.say("recover")
            for step in range(1, 61):
                room.step()
                if step in dies:
                    room.craft.die()
                if step in restarts:
                    room.restart()
                    room.step(10)
                    room.say("recover")
            room.loses, room.loses_up = lambda frame: False, lambda: False
            ending: Data = None
            while ending != "done":
                room.step(20)
                room.heard.clear()
                room.say("recover")  # refused while one goes on
                end = room.until_end()
                ending = end["ending"]
                assert ending in ("done", "no link", "stopped"), end
            assert room.lost() == set()
        finally:
            room.close()


@pytest.mark.proves("K-GND-032")
def test_a_session_that_begins_anew_reads_its_archive_and_says_what_it_does_not_look_at(tmp_path: Path) -> None:
    room = Room(tmp_path, packets_max=12)
    room.step(10)
    lose(room, 30)
    room.step(50)
    lose(room, 30)
    room.restart()
    found = room.gaps()
    assert (found["missing"], found["looked_at"]) == (6, 12)
    assert str(found["since"]).startswith("2026-11-18T")
    room.packets_max = 200_000
    room.restart()
    found = room.gaps()
    assert (found["missing"], found["since"]) == (12, None)
    room.close()


@pytest.mark.proves("K-GND-031")
def test_what_the_stores_do_not_have_is_given_up_and_not_asked_for_again(room: Room) -> None:
    room.craft.forgets = lambda number: True
    lose(room, 20)
    room.craft.forgets = lambda number: False
    room.say("recover")
    end = room.until_end()
    assert (end["ending"], end["given_up"], end["missing"]) == ("given up", 4, 0)
    assert "4 packets are missing that the packet stores do not have" in str(end["text"])
    assert len(room.craft.asked) == TRIES_MAX
    room.say("recover")
    assert room.until_end()["ending"] == "given up"
    assert len(room.craft.asked) == TRIES_MAX


@pytest.mark.proves("K-GND-031")
def test_a_loss_of_signal_ends_it_and_the_next_pass_goes_on(room: Room) -> None:
    lose(room, 200)
    room.say("recover")
    room.step(15)
    assert 0 < len(room.lost()) < 40
    left, asked = len(room.lost()), len(room.craft.asked)
    room.loses, room.loses_up = lambda frame: True, lambda: True
    end = room.until_end(LINK_WAIT_US // 100_000 + 60)
    assert (end["ending"], end["text"]) == ("no link", "there has been no link for 30 s")
    assert len(room.lost()) > left
    assert len(room.craft.asked) == asked
    room.loses, room.loses_up = lambda frame: False, lambda: False
    room.step(10)
    room.say("recover")
    assert room.until_end()["ending"] == "done"
    assert room.lost() == set()


def test_a_fade_only_pauses_it(room: Room) -> None:
    lose(room, 200)
    room.say("recover")
    room.step(5)
    lose(room, 100)
    assert room.until_end()["ending"] == "done"
    assert room.lost() == set()


@pytest.mark.proves("K-GND-031")
def test_busy_stores_are_waited_for_and_those_that_always_refuse_are_not(room: Room) -> None:
    lose(room, 20)
    room.craft.busy = 3
    room.say("recover")
    end = room.until_end()
    assert end["ending"] == "done"
    lose(room, 20)
    room.craft.busy = 10_000
    room.say("recover")
    room.step(30)
    (waits, *_) = told(room, "waits")
    assert "WRONG_STATE" in str(waits)
    end = room.until_end()
    assert end["ending"] == "stopped"
    assert "the payload refuses storage.retrieve" in str(end["text"])
    assert 10_000 - room.craft.busy == REFUSALS_MAX
    assert end["missing"] == len(room.lost())


@pytest.mark.proves("K-GND-033")
def test_one_at_a_time_until_its_operator_leaves(room: Room) -> None:
    lose(room, 200)
    room.join(2)
    room.say("recover")
    assert room.heard[0] == {"id": "recover", "ok": True}
    room.heard.clear()
    room.say("recover", client=2)
    assert room.heard == [{"id": "recover", "error": "jane is recovering packets now"}]
    room.craft.wait = True  # the link bears no command: those of jane still queue
    room.step(1)
    room.desk.disconnect(1, room.now)
    room.craft.wait = False
    asked = len(room.craft.asked)
    room.step(100)
    assert len(room.craft.asked) == asked
    room.heard.clear()
    room.say("recover", client=2)
    assert room.heard[0] == {"id": "recover", "ok": True}
    assert room.until_end()["ending"] == "done"


@pytest.mark.proves("K-GND-033")
def test_each_request_is_on_record_under_the_name_of_who_asked(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert office.say(2, {"id": 4, "op": "recover"}) == [{"id": 4, "ok": True}]
    office.recovery.without("")
    office.step(20)
    office.heard(2)
    notes = [record.text for record in office.records if isinstance(record, Note)]
    assert notes == ["recover by ope from 10.0.0.2:4000"]
    sent = [record for record in office.records if isinstance(record, CommandRecord)]
    assert {(one.operator, one.origin, one.source_id) for one in sent} == {("ope", "10.0.0.2:4000", 2)}
    assert office.say(1, {"id": 5, "op": "gaps"})[0]["id"] == 5


def test_without_an_archive_nothing_is_fetched(room: Room) -> None:
    lose(room, 20)
    room.recovery.without("the archive takes no more")
    room.say("recover")
    room.say("gaps")
    error = "the archive takes no more"
    assert room.heard == [{"id": "recover", "error": error}, {"id": "gaps", "error": error}]


def test_an_archive_that_stops_ends_it(room: Room) -> None:
    lose(room, 200)
    room.say("recover")
    room.step(2)
    room.recovery.without("the archive takes no more")
    end = room.until_end(2)
    assert (end["ending"], end["text"]) == ("refused", "the archive takes no more")
