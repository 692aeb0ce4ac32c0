"""After a gap no command stays unknown: the ground asks for the payload's list, which is written here by hand."""

import struct
from pathlib import Path

import pytest
from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]

from fsw.kernel.clock import Micros
from fsw.mdb import comms, fates, lander, power, standard_services, system, verification
from fsw.mdb.database import Database
from tests.tools import carrying
from tests.tools.session_bench import Bench
from tests.tools.spacecraft import Spacecraft, crc
from tools.ground.archive import Archive
from tools.ground.fates import ASKS_MAX
from tools.ground.records import CommandRecord
from tools.ground.session import Session
from tools.ground.ticket import Ticket
from tools.ground.tracking import StageChange, State, Tracker, Word

DATABASE = Database(standard_services, comms, lander, power, system, verification, fates, carrying)
CUT, REJECTED, STARTED, REFUSED, COMPLETED = 0, 2, 3, 4, 7
PART = 15  # a report is one frame here
TOLD_S = 2_174_120_137  # 2026-11-23T10:15:00Z


class Listing:
    """A payload that answers (8,1) 50 from a list and says nothing of anything else."""

    def __init__(self) -> None:
        self.rows: list[tuple[bytes, int, int]] = []  # request id, word, code
        self.whole = True
        self.dropped: set[int] = set()  # reports of an answer that the way down loses
        self.late = False  # verification overtakes the list
        self.asked = 0
        self.first = 0
        self.status = 2

    def __call__(self, craft: Spacecraft, command: PusTc) -> list[bytes]:
        if command.service != 8 or command.app_data[:2] != b"\x00\x32":
            return []
        self.asked += 1
        rows = [*self.rows, (command.pack()[:4], STARTED, 0)]
        reports = []
        for begin in range(0, len(rows), PART):
            part = rows[begin : begin + PART]
            first = int.from_bytes(command.app_data[2:6], "big")
            octets = struct.pack(">IBIIIB", 9, self.whole, self.first, self.first + len(rows), first, len(part))
            for number, (request_id, word, code) in enumerate(part, self.first + begin):
                time = b"\x1e" + struct.pack(">IH", TOLD_S + number, 0)
                octets += struct.pack(">I4sHB7sBH", number, request_id, 5, self.status, time, word, code)
            if begin // PART not in self.dropped:
                reports.append(craft.frame(craft.report(8, 180, octets)))
        self.dropped = set()
        words = [craft.verify(command, stage) for stage in (1, 3, 7)]
        return [*words, *reports] if self.late else [*words[:2], *reports, words[2]]


class FateBench(Bench):
    """A bench whose payload has a list."""

    def __init__(self) -> None:
        self.list = Listing()
        self.behind: list[bytes] = []
        super().__init__(Spacecraft(self._obey))
        self.session = Session(DATABASE, self.session.profile, self.now)
        self.step(5)

    def _obey(self, craft: Spacecraft, command: PusTc) -> list[bytes]:
        found = self.list(craft, command)
        frames = [each for each in found if len(each) == craft.octets]
        if self.list.late:
            self.behind += frames
            frames = []
        for frame in frames:
            self.session.tm_datagram(frame, self.now)
        return [each for each in found if len(each) != craft.octets]

    def gap(self, **heard: int) -> Ticket:
        """A command in whose life the board restarts; returns its ticket. `word`, `code`: what the list will say."""
        ticket = self.send("ping")
        if "arrived" in heard:
            self.step(2)
        else:
            self.session.take_datagrams()
        if "word" in heard:
            self.list.rows.append((ticket.request_id, heard["word"], heard.get("code", 0)))
        self.craft.boot()
        self.step(1)
        return ticket


def asked(bench: FateBench) -> int:
    bench.records += bench.session.take_records()
    return sum(isinstance(r, CommandRecord) and r.name == "system.fates.report" for r in bench.records)


@pytest.mark.proves("K-FATE-002")
@pytest.mark.parametrize(
    ("word", "code", "state", "text"),
    [
        (COMPLETED, 0, State.COMPLETED, "completed; it came at 2026-11-23T10:15:00.000000Z (the payload"),
        (REFUSED, 0x14, State.FAILED, "refused WRONG_STATE (0x14): not possible in the present state"),
        (REJECTED, 0x1C, State.REJECTED, "rejected EXPIRED (0x1C): too late"),
        (10, 0, State.REJECTED, "not routed UNKNOWN_APID (0x00)"),
        (8, 0x1B, State.FAILED, "failed INTERNAL (0x1B)"),
        (CUT, 0, State.CUT, "cut; it came at"),
    ],
)  # fmt: skip
def test_what_the_list_says_is_the_fate(word: int, code: int, state: State, text: str) -> None:
    bench = FateBench()
    ticket = bench.gap(word=word, code=code)
    bench.step(40)
    assert Word.INTERRUPTED in bench.stages(ticket)
    last = bench.last(ticket)
    assert last.state is state
    assert text in last.text
    assert last.code == (code if word not in (COMPLETED, CUT) else None)
    assert last.late
    assert (asked(bench), bench.list.asked) == (1, 1)


@pytest.mark.proves("K-FATE-002")
def test_what_is_not_on_a_whole_list_never_arrived() -> None:
    bench = FateBench()
    ticket = bench.gap()
    bench.list.rows.append((b"\x18\x20\xff\xff", COMPLETED, 0))
    bench.step(40)
    assert bench.last(ticket).state is State.NEVER
    assert bench.last(ticket).text.startswith("the payload's list in life 9, requests 0 to 1 does not have it; ")


@pytest.mark.proves("K-FATE-002")
@pytest.mark.parametrize("lost", [False, True])
def test_a_list_that_its_completion_has_overtaken_is_waited_for(lost: bool) -> None:
    bench = FateBench()
    bench.list.late = True
    bench.list.rows += [(b"\x18\x20" + count.to_bytes(2, "big"), COMPLETED, 0) for count in range(0x2000, 0x2028)]
    absent, there = bench.gap(), bench.gap(word=COMPLETED)
    while not bench.behind:
        bench.step(1)
    bench.step(2)
    assert (asked(bench), len(bench.behind)) == (1, 3)
    for frame in bench.behind[lost:]:
        assert bench.last(absent).state is not State.NEVER
        bench.session.tm_datagram(frame, bench.now)
        bench.records += bench.session.take_records()
    if lost:
        assert bench.last(absent).state is not State.NEVER
        bench.behind.clear()
        bench.step(600)
        assert asked(bench) == 2
        for frame in bench.behind:
            bench.session.tm_datagram(frame, bench.now)
        bench.records += bench.session.take_records()
    assert (bench.last(absent).state, bench.last(there).state) == (State.NEVER, State.COMPLETED)


@pytest.mark.proves("K-FATE-002")
def test_what_had_arrived_and_is_not_on_the_list_was_cut_short() -> None:
    bench = FateBench()
    ticket = bench.gap(arrived=1)
    assert Word.RECEIVED in bench.stages(ticket)
    bench.step(40)
    assert bench.last(ticket).state is State.CUT
    assert "it had arrived" in bench.last(ticket).text


@pytest.mark.proves("K-FATE-002")
def test_lost_reports_without_a_reboot_are_made_up_for() -> None:
    bench = FateBench()
    ticket = bench.send("ping")
    bench.list.rows.append((ticket.request_id, COMPLETED, 0))
    bench.step(260)
    assert bench.stages(ticket)[-2:] == [Word.TIMEOUT, Word.COMPLETED]


def test_nothing_is_asked_while_nothing_is_open_or_the_mission_has_no_list() -> None:
    bench = FateBench()
    bench.craft.execute = Spacecraft.obey
    bench.send("ping")
    bench.step(300)
    assert asked(bench) == 0
    bare = Bench(Spacecraft(lambda _craft, _command: []))
    bare.step(5)
    bare.send("ping")
    bare.step(400)
    assert len(bare.craft.executed) == 1


OTHERS = [(b"\x18\x21" + struct.pack(">H", 0xC000 + n), COMPLETED, 0) for n in range(255)]


@pytest.mark.parametrize("spoil", ["not whole", "a report is missing", "full"])
def test_a_list_that_proves_nothing_leaves_it_open_and_is_asked_for_again(spoil: str) -> None:
    bench = FateBench()
    bench.list.rows = OTHERS[:100]
    if spoil == "not whole":
        bench.list.whole = False
    elif spoil == "a report is missing":
        bench.list.dropped = {1}
    else:
        bench.list.rows, bench.list.first = list(OTHERS), 1000  # what it has forgotten may have been the command
    ticket = bench.gap()
    bench.step(60)
    assert bench.last(ticket).state is State.UNKNOWN
    assert asked(bench) == 1
    bench.list.whole, bench.list.first, bench.list.rows = True, 0, OTHERS[:100]
    bench.step(500)
    assert bench.last(ticket).state is State.NEVER
    assert asked(bench) == 2


def test_an_entry_from_before_the_command_left_is_of_another_under_the_same_id() -> None:
    bench = FateBench()
    packet = bench.craft.report(17, 2, b"")
    packet = packet[:6] + b"\x22" + packet[7:13] + b"\x1e" + struct.pack(">IH", TOLD_S + 9_999, 0) + packet[20:-2]
    bench.session.tm_datagram(bench.craft.frame(packet + crc(packet)), bench.now)
    ticket = bench.gap(word=COMPLETED)
    bench.step(60)
    assert bench.last(ticket).state is State.NEVER


def test_a_payload_that_does_not_answer_is_not_asked_for_ever() -> None:
    bench = FateBench()
    bench.craft.execute = lambda _craft, _command: []
    bench.gap()
    bench.step(5_000)
    assert asked(bench) == ASKS_MAX


def test_a_fate_that_opens_behind_questions_in_vain_is_asked_for_and_a_decision_gives_all_of_them_back() -> None:
    bench = FateBench()
    bench.craft.execute = lambda _craft, _command: []
    bench.gap()
    bench.step(5_000)
    bench.craft.execute = bench._obey
    ticket = bench.send("ping")  # no word of it comes
    bench.list.rows.append((ticket.request_id, COMPLETED, 0))
    bench.list.whole = False
    bench.step(250)
    assert (asked(bench), bench.last(ticket).state) == (ASKS_MAX + 1, State.COMPLETED)
    bench.list.whole = True
    bench.step(500)
    assert asked(bench) == ASKS_MAX + 2, "the other one is open still"


@pytest.mark.proves("K-FATE-002")
def test_what_a_command_carries_waits_on_board_and_its_words_are_heard() -> None:
    bench = FateBench()
    bench.craft.execute = Spacecraft.obey
    parent = bench.send(
        "late.insert", group="1", activities="2026-11-23T10:15:00Z:ping(),2026-11-23T10:16:00Z:power.ping()"
    )
    bench.step(3)
    first, second = parent.number - 2, parent.number - 1
    named = {r.ticket: r for r in bench.records if isinstance(r, CommandRecord)}
    assert [(named[n].name, named[n].apid, named[n].sequence_count) for n in (first, second)] == [
        ("ping", 0x20, 0), ("power.ping", 0x21, 0),
    ]  # fmt: skip
    assert bench.session.tracker.state(first) is State.CARRIED
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(1, 1, named[first].request_id)), bench.now)
    assert bench.session.tracker.state(first) is State.ACCEPTED
    bench.session.tm_datagram(bench.craft.frame(bench.craft.report(1, 7, named[first].request_id)), bench.now)
    assert bench.session.tracker.state(first) is State.COMPLETED
    assert bench.session.tracker.state(second) is State.CARRIED
    bench.craft.execute = lambda craft, command: [craft.verify(command, 2, b"\x00\x05")]
    parent = bench.send("late.wrap", request="ping()")
    bench.step(3)
    assert bench.session.tracker.state(parent.number - 1) is State.NOT_SENT


@pytest.mark.proves("K-FATE-002")
def test_commands_of_a_session_that_has_ended_are_asked_for_by_the_next(tmp_path: Path) -> None:
    first, second = Archive(tmp_path, "one"), FateBench()
    states = {"arrived": Word.RECEIVED, "left": Word.SENT, "done": Word.COMPLETED, "waits": Word.CARRIED}
    tracker = Tracker(1_000_000)
    for ticket, (name, word) in enumerate(states.items(), 1):
        request_id = b"\x18\x21\xc0" + bytes((ticket,))
        first.add(CommandRecord(Micros(0), ticket, name, {}, 0x21, ticket, request_id, 1, b""), 0)
        tracker.open(ticket, name, request_id, Micros(0))
        for each in (word,) if word is Word.CARRIED else (Word.SENT, word):
            change = tracker.hear(ticket, each, Micros(0))
            if change is not None:
                first.add(change, 0)
    first.close()
    archive = Archive(tmp_path, "two")
    former = archive.former()
    assert [(each.name, each.state) for each in former] == [
        ("arrived", State.RECEIVED), ("left", State.SENT), ("waits", State.CARRIED),
    ]  # fmt: skip
    second.session = Session(DATABASE, second.session.profile, second.now, former=former)
    second.step(60)
    shown = {r.name: r.state for r in second.records if isinstance(r, StageChange)}
    for record in second.records:
        archive.add(record, 0)
    archive.commit()
    assert (shown["arrived"], shown["left"], shown["waits"]) == (State.CUT, State.NEVER, State.CARRIED)
    assert [each.name for each in archive.former()] == ["waits"]
    archive.close()
