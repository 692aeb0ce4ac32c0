"""ST[21] against octets written by hand: what each request does, what refuses it, what a power cut leaves."""

import json
import struct
from pathlib import Path

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb import codec
from fsw.mdb.database import Call
from fsw.mdb.sequencing import LoadSequence, SequenceRequest, StartSequence
from fsw.mdb.system import Mode
from fsw.services.permissions import serves
from fsw.store.keep import Table, put
from tests.services.desk import MISSION
from tests.services.sequence_desk import (
    POWER,
    SYSTEM,
    SequenceDesk,
    code,
    crc,
    events,
    function,
    held,
    ping,
    pings,
)
from tests.system.by_hand import telecommand

LOAD, UNLOAD, START, ABORT, CHECKSUM, CONTENT, ABORT_ALL, VALIDATE, STEP = 1, 3, 4, 5, 9, 11, 13, 128, 129
LOADED, VALID, RUNNING, STEPPING, INTERRUPTED = 1, 2, 3, 4, 5
UNKNOWN, EXISTS, CAPACITY, WRONG, PAYLOAD, PROTECTED, INTERNAL = 0x10, 0x11, 0x12, 0x14, 0x15, 0x19, 0x1B
ID = b"\7"


@pytest.mark.proves("K-SEQ-001")
def test_layouts_are_those_of_others() -> None:
    vectors = json.loads((Path(__file__).parents[1] / "vectors" / "pus_tc.json").read_text(encoding="utf-8"))
    found = {entry["id"]: entry for entry in vectors["vectors"]}
    inner = bytes.fromhex("19a5c06400062f110100074c6a")
    for name, body in (
        ("TC[21,1]#72", LoadSequence(1, (SequenceRequest(inner, 1000),))),
        ("TC[21,4]#73", StartSequence(1)),
    ):
        entry = found[name]
        data = bytes.fromhex(entry["app_data"])
        call = MISSION.database.decode_command(SYSTEM, entry["service"], entry["subtype"], data)
        assert isinstance(call, Call)
        assert call.body == body
        assert codec.encode(body) == data


@pytest.mark.proves("K-SEQ-001")
def test_requests_leave_one_after_the_other_each_its_delay_after_the_last() -> None:
    desk = SequenceDesk()
    desk.now = Micros(5_000_000)
    desk.ready(7, pings(10, 500, 0, 2_000, 1))
    assert desk.states() == {7: VALID}
    code(desk.say(START, ID), 0)
    assert desk.states() == {7: RUNNING}
    reports = desk.run(60_000)
    assert desk.released == [(5_500, 10), (5_500, 11), (7_500, 12), (7_501, 13)]
    assert events(reports) == [(50, b"\7\4\0")]
    assert desk.states() == {7: VALID}
    code(desk.say(START, ID), 0)
    desk.run(120_000)
    assert [count for _, count in desk.released[4:]] == [10, 11, 12, 13]


@pytest.mark.proves("K-SEQ-001")
def test_a_late_turn_moves_nothing_behind_it() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 100, 100, 100))
    code(desk.say(START, ID), 0)
    desk.now = Micros(250_000)
    desk.run(1_000)
    assert desk.released == [(250, 1), (250, 2), (300, 3)]


@pytest.mark.proves("K-SEQ-002")
def test_the_checksum_is_of_the_whole_sequence() -> None:
    desk = SequenceDesk()
    octets = pings(1, 1, 2)
    code(desk.say(LOAD, ID + octets), 0)
    answer = next(r for r in desk.say(CHECKSUM, ID) if r.service == 21)
    assert (answer.subtype, answer.data) == (10, ID + struct.pack(">H", crc(octets)))
    content = next(r for r in desk.say(CONTENT, ID) if r.service == 21)
    assert (content.subtype, content.data) == (12, ID + octets)
    code(desk.say(VALIDATE, ID + struct.pack(">H", crc(octets) ^ 1)), PAYLOAD)
    code(desk.say(START, ID), WRONG)
    assert desk.states() == {7: LOADED}


@pytest.mark.proves("K-SEQ-002")
def test_octets_that_changed_in_memory_do_not_start() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 1))
    sequence = desk.sequences.held[7]
    sequence.octets = bytes((sequence.octets[0] ^ 1,)) + sequence.octets[1:]
    code(desk.say(START, ID), PAYLOAD)
    code(desk.say(STEP, ID), PAYLOAD)
    desk.run(10_000)
    assert desk.released == []


GOOD = ping(1)
PUS_A = GOOD[:6] + b"\x19" + GOOD[7:-2]
REFUSED_AT_LOAD = {
    "checksum": (GOOD[:-1] + bytes((GOOD[-1] ^ 1,)), PAYLOAD),
    "a report": (bytes((GOOD[0] & 0xEF,)) + GOOD[1:], 5),
    "no whole header": (bytes.fromhex("1821c000000055"), 5),
    "PUS version": (PUS_A + struct.pack(">H", crc(PUS_A)), 6),
}


@pytest.mark.parametrize("name", REFUSED_AT_LOAD)
@pytest.mark.proves("K-SEQ-003")
def test_what_is_no_telecommand_is_not_stored(name: str) -> None:
    desk = SequenceDesk()
    packet, wanted = REFUSED_AT_LOAD[name]
    code(desk.say(LOAD, ID + held([(GOOD, 0), (packet, 0)])), wanted)
    assert desk.states() == {}


REFUSED_AT_VALIDATION = {
    "unknown APID": (telecommand(0x7E0, 17, 1), 0),
    "service": (telecommand(POWER, 250, 1), 3),
    "subtype": (telecommand(POWER, 17, 99), 4),
    "data": (telecommand(POWER, 17, 1, b"x"), 5),
    "function": (function(POWER, 9_999), UNKNOWN),
    "a sequence": (telecommand(SYSTEM, 21, 4, ID), PROTECTED),
    "a wrapped sequence": (
        telecommand(SYSTEM, 130, 1, bytes.fromhex("1e000000000000") + telecommand(SYSTEM, 21, 4, ID)),
        PROTECTED,
    ),
    "a broken wrapper": (telecommand(SYSTEM, 130, 1, b"\x1e"), 5),
}


@pytest.mark.parametrize("name", REFUSED_AT_VALIDATION)
@pytest.mark.proves("K-SEQ-003")
def test_what_would_be_refused_is_found_before_it_starts(name: str) -> None:
    desk = SequenceDesk()
    packet, wanted = REFUSED_AT_VALIDATION[name]
    octets = held([(GOOD, 0), (packet, 0)])
    code(desk.say(LOAD, ID + octets), 0)
    reports = desk.say(VALIDATE, ID + struct.pack(">H", crc(octets)))
    [end] = [r for r in reports if r.service == 1 and r.subtype == 4]
    assert int.from_bytes(end.data[-2:], "big") == wanted
    assert desk.states() == {7: LOADED}


@pytest.mark.proves("K-SEQ-003")
def test_an_expiring_telecommand_may_be_stored() -> None:
    desk = SequenceDesk()
    wrapped = telecommand(POWER, 130, 1, bytes.fromhex("1eff0000000000") + ping(3))
    desk.ready(7, held([(wrapped, 1)]))
    code(desk.say(START, ID), 0)
    reports = desk.run(1_000)
    assert [r.subtype for r in reports if r.service == 1] == [2], "time is not known: expired, as from the ground"


@pytest.mark.proves("K-SEQ-003")
def test_each_request_in_the_wrong_state_gets_its_code_and_changes_nothing() -> None:
    desk = SequenceDesk()
    for subtype in (UNLOAD, START, ABORT, CHECKSUM, CONTENT, STEP):
        code(desk.say(subtype, ID), UNKNOWN)
    code(desk.say(VALIDATE, ID + b"\0\0"), UNKNOWN)
    octets = pings(1, 10_000, 10_000)
    desk.ready(7, octets)
    code(desk.say(LOAD, ID + octets), EXISTS)
    code(desk.say(ABORT, ID), WRONG)
    code(desk.say(START, ID), 0)
    for subtype in (UNLOAD, START, STEP):
        code(desk.say(subtype, ID), WRONG)
    code(desk.say(VALIDATE, ID + struct.pack(">H", crc(octets))), WRONG)
    assert desk.states() == {7: RUNNING}
    assert desk.released == []


@pytest.mark.proves("K-SEQ-003")
def test_tables_have_an_end() -> None:
    desk = SequenceDesk()
    for ident in range(32):
        desk.ready(ident, pings(ident, 100_000))
    code(desk.say(LOAD, bytes((32,)) + pings(1, 1)), CAPACITY)
    for ident in range(4):
        code(desk.say(START if ident % 2 else STEP, bytes((ident,))), 0)
    assert desk.released == [(0, 0), (0, 2)], "a stepped sequence of one request is at its end"
    for ident in (4, 5):
        code(desk.say(START, bytes((ident,))), 0)
    for subtype in (START, STEP):
        code(desk.say(subtype, bytes((6,))), CAPACITY)


@pytest.mark.proves("K-SEQ-004")
def test_a_step_releases_one_request_and_a_start_lets_the_rest_go() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 1_000, 1_000, 1_000, 1_000))
    for expected in ([1], [1, 2]):
        code(desk.say(STEP, ID), 0)
        desk.run(desk.now // 1000 + 60_000)
        assert [count for _, count in desk.released] == expected
    assert desk.states() == {7: STEPPING}
    code(desk.say(START, ID), 0)
    desk.run(200_000)
    assert desk.released[2:] == [(121_000, 3), (122_000, 4)]
    assert desk.states() == {7: VALID}


@pytest.mark.proves("K-SEQ-004")
def test_an_abort_acts_at_once_whatever_the_store_does() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 100, 100, 100))
    code(desk.say(START, ID), 0)
    desk.run(150)
    desk.disk.failing = True
    reports = desk.say(ABORT, ID)
    code(reports, 0)
    assert events(reports) == [(50, b"\7\1\1")]
    desk.run(9_000)
    assert desk.released == [(100, 1)]
    desk.disk.failing = False
    desk.run(20_000)
    again = SequenceDesk(desk.disk)
    assert again.states() == {7: VALID}, "written down when the store took it again"


@pytest.mark.proves("K-SEQ-004")
def test_an_abort_stops_what_still_waits_for_the_store() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 0))
    desk.store_waits = True
    assert [r.subtype for r in desk.say(START, ID) if r.service == 1] == [3]
    aborted = desk.say(ABORT, ID)
    code(aborted, 0)
    assert events(aborted) == [(50, b"\7\0\1")]
    desk.store_waits = False
    desk.answer()
    desk.run(5_000)
    assert desk.released == []
    assert desk.states() == {7: VALID}
    assert SequenceDesk(desk.disk).states() == {7: VALID}


@pytest.mark.proves("K-SEQ-004")
def test_abort_all_says_what_it_stopped() -> None:
    desk = SequenceDesk()
    for ident in (3, 1, 2):
        desk.ready(ident, pings(ident, 1_000, 1_000))
    code(desk.say(START, b"\3"), 0)
    code(desk.say(STEP, b"\1"), 0)
    reports = desk.say(ABORT_ALL)
    code(reports, 0)
    assert [r.data for r in reports if r.service == 21] == [b"\2\1\3"]
    desk.run(10_000)
    assert desk.released == [(0, 1)]
    assert [r.data for r in desk.say(ABORT_ALL) if r.service == 21] == [b"\0"]


@pytest.mark.parametrize("mode", [Mode.QUIET, Mode.POWER_DOWN])
@pytest.mark.proves("K-SEQ-004")
def test_a_request_that_falls_due_in_a_quiet_mode_ends_its_sequence(mode: Mode) -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 100, 1_000, 1_000))
    code(desk.say(START, ID), 0)
    desk.run(500)
    desk.board.mode = mode
    desk.run(900)
    assert desk.states() == {7: RUNNING}, "nothing was due"
    assert events(desk.run(2_000)) == [(50, b"\7\1\2")]
    desk.board.mode = Mode.SAFE
    desk.run(9_000)
    assert (desk.released, desk.states()) == ([(100, 1)], {7: VALID})


@pytest.mark.parametrize(
    ("mode", "refused"),
    [(Mode.NOMINAL, set()), (Mode.SAFE, set()), (Mode.OBSERVE, set()), (Mode.QUIET, {4, 129})],
)
@pytest.mark.proves("K-SEQ-003")
def test_modes_that_release_nothing_start_nothing(mode: Mode, refused: set[int]) -> None:
    bodies = {
        subtype: entry.body
        for (_, service, subtype, _), entry in MISSION.database.tables.commands.items()
        if service == 21
    }
    assert set(bodies) == {1, 3, 4, 5, 6, 9, 11, 13, 128, 129}
    assert {subtype for subtype, body in bodies.items() if not serves(mode, body)} == refused


@pytest.mark.proves("K-SEQ-005")
def test_what_ran_is_interrupted_by_a_cut_and_starts_again_only_by_command() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 1_000, 1_000, 1_000))
    desk.ready(8, pings(9, 1))
    code(desk.say(START, ID), 0)
    desk.run(2_500)
    again = SequenceDesk(desk.disk)
    reports = again.take()
    assert events(reports) == [(51, b"\7\2\3")]
    assert again.states() == {7: INTERRUPTED, 8: VALID}
    again.run(60_000)
    assert again.released == []
    third = SequenceDesk(again.disk)
    assert events(third.take()) == [], "told once"
    assert third.states() == {7: INTERRUPTED, 8: VALID}
    code(third.say(START, ID), 0)
    third.run(60_000)
    assert [count for _, count in third.released] == [1, 2, 3]


@pytest.mark.proves("K-SEQ-005")
def test_a_step_is_on_the_disk_before_its_request_leaves() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 1, 1))
    desk.ask(SYSTEM, 21, STEP, ID)
    assert len(desk.mailbox) == 1, "released; nothing more is written before the cut"
    assert events(SequenceDesk(desk.disk).take()) == [(51, b"\7\1\2")]


@pytest.mark.proves("K-SEQ-005")
def test_a_start_that_is_not_on_the_disk_releases_nothing() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 0, 0))
    desk.disk.failing = True
    for subtype in (START, STEP):
        code(desk.say(subtype, ID), INTERNAL)
    desk.run(5_000)
    assert (desk.released, desk.states()) == ([], {7: VALID})


@pytest.mark.proves("K-SEQ-005")
def test_a_damaged_row_is_told_and_gone() -> None:
    desk = SequenceDesk()
    desk.ready(7, pings(1, 1))
    desk.ready(8, pings(2, 1))
    desk.keeper.keep([put(Table.SEQUENCES, 7, b"\0\0\1junk"), put(Table.SEQUENCES, 0x108, b"\xff")], desk.now, print)
    desk.answer()
    again = SequenceDesk(desk.disk)
    assert events(again.take()) == [(52, b"\7")]
    assert again.states() == {8: LOADED}
    again.run(1)
    third = SequenceDesk(again.disk)
    assert (events(third.take()), third.states()) == ([], {8: LOADED})
    code(third.say(LOAD, ID + pings(1, 1)), 0)
