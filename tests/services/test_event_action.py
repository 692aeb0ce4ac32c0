"""ST[19]: what responses do when their event occurs, what keeps them from it, which requests are refused."""

import struct

import pytest

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb import event_action as mdb
from fsw.mdb.standard_services import Ping
from fsw.mdb.system import Mode, StoreRecovered, TimeFlywheel, TimeLocked
from fsw.services.monitoring import event_action, responses
from fsw.store.keep import Table, put
from tests.services.desk import Desk, words
from tests.services.watching import SUPPLY, ask, code, desktop, events, limits, parameter, turn, turns, watching
from tests.system.by_hand import telecommand

OFF, ACTIVE, PASSIVE = 0, 1, 2
FLYWHEEL, RECOVERED = 4, 6  # events of system
ACTED, WOULD, STOPPED, HELD = 36, 37, 38, 39
LOOP, UNFIT, BUDGET, QUEUE = 0, 1, 0, 1
PING = telecommand(0x020, 17, 1, count=77)
UNKNOWN, EXISTS, CAPACITY, STATE, PROTECTED, CHECKSUM = 0x10, 0x11, 0x12, 0x14, 0x19, 0x15


def entry(event: int, action: bytes = PING, apid: int = 0x020) -> bytes:
    return struct.pack(">HH", apid, event) + action


def chosen(*events: int) -> bytes:
    return bytes((len(events),)) + b"".join(struct.pack(">HH", 0x020, event) for event in events)


def setting(event: int, state: int, budget: int, window: int) -> bytes:
    return struct.pack(">HHHBBH", 26, 0x020, event, state, budget, window)


def begin(*events: int, action: bytes = PING) -> Desk:
    """A board that responds to these events."""
    desk = desktop().desk
    assert code(ask(desk, 19, 1, bytes((len(events),)) + b"".join(entry(event, action) for event in events))) == 0
    assert [code(ask(desk, 19, 4, chosen(*events))), code(ask(desk, 19, 8))] == [0, 0]
    return desk


def states(desk: Desk) -> dict[int, int]:
    """What (19,7) says, by event."""
    (report,) = [each for each in ask(desk, 19, 6) if each.service == 19]
    assert report.subtype == 7
    found = [struct.unpack_from(">HHB", report.data, 1 + 5 * n) for n in range(report.data[0])]
    assert {apid for apid, _, _ in found} <= {0x020}
    return {event: state for _, event, state in found}


def raised(desk: Desk) -> list[tuple[int, bytes]]:
    """Let the event occur; what comes of it, in this turn."""
    desk.events.report(TimeFlywheel(), desk.now)
    turn(desk)
    return [each for each in events(desk.take()) if each[0] != FLYWHEEL]


def told(event: int, *more: int) -> bytes:
    return struct.pack(">HH", 0x020, event) + bytes(more)


@pytest.mark.proves("K-MON-008")
def test_an_active_response_releases_its_telecommand() -> None:
    desk, accepted = desktop()
    ask(desk, 19, 1, b"\1" + entry(FLYWHEEL))
    ask(desk, 19, 4, chosen(FLYWHEEL))
    ask(desk, 19, 8)
    desk.events.report(TimeFlywheel(), desk.now)
    assert len(desk.attention) == 1
    assert accepted.take() is None, "what raises an event is not interrupted by the answer"
    assert desk.event_action.step(desk.now) == NEVER
    request = accepted.take()
    assert request is not None
    assert (request.request_id, request.body) == (PING[:4], Ping())
    reports = desk.take()
    assert events(reports) == [(FLYWHEEL, b""), (ACTED, told(FLYWHEEL) + PING[:4])]
    assert words(reports) == [(1, 0)]
    assert desk.verification.accepted_us is None, "nobody on the ground has commanded"
    desk.events.report(TimeLocked(0), desk.now)
    assert desk.event_action.step(desk.now) == NEVER


@pytest.mark.proves("K-MON-008")
def test_a_response_acts_also_on_an_event_that_is_not_reported() -> None:
    desk = begin(FLYWHEEL)
    ask(desk, 5, 6, b"\1\0\4")
    assert [number for number, _ in raised(desk)] == [ACTED]


@pytest.mark.proves("K-MON-008")
def test_states() -> None:
    desk = begin(FLYWHEEL)
    assert raised(desk) == [(ACTED, told(FLYWHEEL) + PING[:4])]
    assert code(ask(desk, 8, 1, setting(FLYWHEEL, PASSIVE, 10, 60))) == 0
    assert raised(desk) == [(WOULD, told(FLYWHEEL))]
    assert states(desk) == {FLYWHEEL: PASSIVE}
    assert code(ask(desk, 19, 5, chosen(FLYWHEEL))) == 0
    assert raised(desk) == []
    assert code(ask(desk, 19, 4, chosen(FLYWHEEL))) == 0
    assert code(ask(desk, 19, 9)) == 0
    assert raised(desk) == []
    assert code(ask(desk, 19, 8)) == 0
    assert len(raised(desk)) == 1


@pytest.mark.proves("K-MON-008")
@pytest.mark.parametrize("mode", Mode)
def test_a_mode_that_permits_no_responses_has_none(mode: Mode) -> None:
    desk = begin(FLYWHEEL)
    desk.board.mode = mode
    acts = mode.name in ("SAFE", "NOMINAL", "OBSERVE")
    assert [number for number, _ in raised(desk)] == [ACTED if acts else WOULD]
    desk.board.mode = Mode.NOMINAL
    desk.events.report(TimeFlywheel(), desk.now)
    desk.board.mode = mode
    turn(desk)
    assert (ACTED in dict(events(desk.take()))) == acts


@pytest.mark.proves("K-MON-009")
def test_after_a_loop_of_resets_nothing_acts() -> None:
    desk = begin(FLYWHEEL)
    desk.board.minimal = True
    assert raised(desk) == [(WOULD, told(FLYWHEEL))]
    assert states(desk) == {FLYWHEEL: ACTIVE}
    desk.board.minimal = False
    assert [number for number, _ in raised(desk)] == [ACTED]


@pytest.mark.proves("K-MON-008")
def test_what_was_switched_off_while_it_waited_does_not_act() -> None:
    desk = begin(FLYWHEEL)
    desk.events.report(TimeFlywheel(), desk.now)
    ask(desk, 19, 5, chosen(FLYWHEEL))
    turn(desk)
    assert events(desk.take()) == []


@pytest.mark.proves("K-MON-009")
def test_a_budget_holds_and_comes_back() -> None:
    desk = begin(FLYWHEEL)
    assert code(ask(desk, 8, 1, setting(FLYWHEEL, ACTIVE, 2, 60))) == 0
    seen = []
    for _ in range(12):
        seen.append([number for number, _ in raised(desk)])
        turns(desk, 10)
    assert seen == [[ACTED], [ACTED], [HELD], [], [], []] * 2
    (record,) = [each.data for each in ask(desk, 8, 1, b"\0\x1c" + chosen(FLYWHEEL)) if each.service == 19]
    assert record == struct.pack(">HHBBHBIII", 0x020, FLYWHEEL, ACTIVE, 2, 60, 1, 4, 0, 8)
    assert [desk.parameters.values[pid] for pid in (85, 86, 87, 88, 89)] == [1, 1, 4, 0, 8]


@pytest.mark.proves("K-MON-009")
def test_a_passive_response_has_a_budget_too() -> None:
    desk = begin(FLYWHEEL)
    assert code(ask(desk, 8, 1, setting(FLYWHEEL, PASSIVE, 3, 60))) == 0
    assert [len(raised(desk)) for _ in range(6)] == [1, 1, 1, 1, 0, 0]


@pytest.mark.proves("K-MON-009")
def test_an_action_that_raises_what_it_answers_becomes_passive_for_good() -> None:
    desk, accepted = desktop()
    ask(desk, 19, 1, b"\1" + entry(RECOVERED))
    ask(desk, 19, 4, chosen(RECOVERED))
    ask(desk, 19, 8)
    desk.events.report(StoreRecovered(), desk.now)
    numbers = []
    for _ in range(50):
        turn(desk)
        numbers += [number for number, _ in events(desk.take())]
        desk.now = Micros(desk.now + 100_000)
        if accepted.take() is not None:
            desk.events.report(StoreRecovered(), desk.now)  # what the action does
    assert [number for number in numbers if number != RECOVERED] == [ACTED] * 3 + [STOPPED]
    assert states(desk) == {RECOVERED: PASSIVE}
    assert states(desktop(desk.disk).desk) == {RECOVERED: PASSIVE}
    assert code(ask(desk, 19, 4, chosen(RECOVERED))) == 0
    desk.events.report(StoreRecovered(), desk.now)
    turn(desk)
    assert [number for number, _ in events(desk.take())] == [RECOVERED, ACTED]


@pytest.mark.proves("K-MON-009")
def test_an_event_that_comes_later_is_no_loop() -> None:
    desk = begin(FLYWHEEL)
    for _ in range(6):
        assert [number for number, _ in raised(desk)] == [ACTED]
        desk.now = Micros(desk.now + responses.LOOP_US + 1)


@pytest.mark.proves("K-MON-009")
def test_more_actions_than_can_wait_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_action, "QUEUE_MAX", 2)
    desk = begin(FLYWHEEL)
    for _ in range(4):
        desk.events.report(TimeFlywheel(), desk.now)
    assert [each for each in events(desk.take()) if each[0] != FLYWHEEL] == [(HELD, told(FLYWHEEL, QUEUE))]


def test_a_step_releases_a_few() -> None:
    desk = begin(FLYWHEEL)
    for _ in range(6):
        desk.events.report(TimeFlywheel(), desk.now)
    desk.take()
    assert [desk.event_action.step(Micros(0)) for _ in range(2)] == [0, NEVER]


@pytest.mark.proves("K-MON-008")
def test_a_monitor_s_finding_is_answered() -> None:
    desk = begin(0xC3)
    watching(desk, limits(3, SUPPLY, 100, 200, events=(0, 0xC3)))
    desk.parameters.set(parameter(SUPPLY), 300, desk.now)
    assert [number for number, _ in events(turns(desk, 1))] == [0xC3, ACTED]


WRONG = PING[:-1] + bytes((PING[-1] ^ 1,))


@pytest.mark.proves("K-MON-010")
@pytest.mark.parametrize(
    ("service", "subtype", "data", "refusal"),
    [
        (19, 1, b"\1" + entry(FLYWHEEL), EXISTS),
        (19, 1, b"\2" + entry(RECOVERED) * 2, EXISTS),
        (19, 1, b"\2" + entry(RECOVERED) + entry(0x7777), UNKNOWN),
        (19, 1, b"\1" + entry(RECOVERED, apid=0x021), UNKNOWN),  # an event of another process
        (19, 1, b"\1" + entry(ACTED), PROTECTED),
        (19, 1, b"\1" + entry(STOPPED), PROTECTED),
        (19, 1, b"\1" + entry(RECOVERED, WRONG), CHECKSUM),
        (19, 1, b"\1" + entry(RECOVERED, telecommand(0x0EF, 17, 1)), UNKNOWN),
        (19, 1, b"\1" + entry(RECOVERED, telecommand(0x020, 99, 1)), 3),
        (19, 1, b"\1" + entry(RECOVERED, telecommand(0x020, 17, 99)), 4),
        (19, 1, b"\1" + entry(RECOVERED, telecommand(0x020, 17, 1, b"\0")), 5),
        (19, 1, b"\1" + entry(RECOVERED, telecommand(0x020, 8, 1, b"\x77\x77")), UNKNOWN),
        (19, 1, b"\1" + entry(RECOVERED, telecommand(0x020, 130, 1, bytes(20))), 5),
        (19, 1, b"\1" + entry(RECOVERED, b"\x08" + PING[1:]), 5),  # a report is no telecommand
        (19, 2, chosen(FLYWHEEL), STATE),
        (19, 2, chosen(RECOVERED), UNKNOWN),
        (19, 3, b"", STATE),
        (19, 4, chosen(FLYWHEEL, RECOVERED), UNKNOWN),
        (19, 5, chosen(RECOVERED), UNKNOWN),
        (19, 10, chosen(RECOVERED), UNKNOWN),
        (8, 1, setting(RECOVERED, ACTIVE, 1, 1), UNKNOWN),
        (8, 1, b"\0\x1c" + chosen(RECOVERED), UNKNOWN),
    ],
)
def test_what_is_refused_changes_nothing(service: int, subtype: int, data: bytes, refusal: int) -> None:
    desk = begin(FLYWHEEL)
    before = [each.data for each in ask(desk, 19, 10, chosen(FLYWHEEL)) if each.service == 19]
    reports = ask(desk, service, subtype, data)
    assert words(reports) == [(4, refusal)]
    assert states(desk) == states(desktop(desk.disk).desk) == {FLYWHEEL: ACTIVE}
    assert [each.data for each in ask(desk, 19, 10, chosen(FLYWHEEL)) if each.service == 19] == before


@pytest.mark.proves("K-MON-010")
def test_room_for_responses_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mdb, "RESPONSES_MAX", 4)
    desk = begin(FLYWHEEL)
    assert code(ask(desk, 19, 1, b"\4" + b"".join(entry(0xC0 + n) for n in range(4)))) == CAPACITY
    assert code(ask(desk, 19, 1, b"\3" + b"".join(entry(0xC0 + n) for n in range(3)))) == 0


@pytest.mark.proves("K-MON-010")
def test_an_expiry_wrapper_is_looked_into() -> None:
    desk = desktop().desk
    late = bytes.fromhex("1e000000010000")
    assert code(ask(desk, 19, 1, b"\1" + entry(FLYWHEEL, telecommand(0x020, 130, 1, late + PING)))) == 0
    inner = telecommand(0x020, 17, 1, b"\0")
    assert code(ask(desk, 19, 1, b"\1" + entry(RECOVERED, telecommand(0x020, 130, 1, late + inner)))) == 5


@pytest.mark.proves("K-MON-010")
def test_a_reset_leaves_responses_and_what_does_not_fit_is_told() -> None:
    desk = begin(FLYWHEEL, RECOVERED)
    assert code(ask(desk, 8, 1, setting(RECOVERED, PASSIVE, 7, 90))) == 0
    for key, row in (
        (0x020 << 16 | 3, b"\1\1\5\0\1" + WRONG),
        (0x020 << 16 | 5, b"\1\x09\5\0\1" + PING),
        (0x020 << 16 | 7, b""),
    ):
        assert desk.keeper.keep([put(Table.EVENT_ACTIONS, key, row)], desk.now, lambda *_: None)
    desk.answer()
    again = Desk(desk.disk)
    again.restore()
    assert events(again.take()) == [(STOPPED, told(3, UNFIT)), (STOPPED, told(5, UNFIT)), (STOPPED, told(7, UNFIT))]
    assert states(again) == {FLYWHEEL: ACTIVE, RECOVERED: PASSIVE}
    (record,) = [each.data for each in ask(again, 8, 1, b"\0\x1c" + chosen(RECOVERED)) if each.service == 19]
    assert record == struct.pack(">HHBBHBIII", 0x020, RECOVERED, PASSIVE, 7, 90, 7, 0, 0, 0)
    (definitions,) = [each.data for each in ask(again, 19, 10, chosen(RECOVERED, FLYWHEEL)) if each.service == 19]
    assert definitions == b"\2" + b"".join(
        struct.pack(">HHB", 0x020, *each) + PING for each in ((RECOVERED, PASSIVE), (FLYWHEEL, ACTIVE))
    )


@pytest.mark.proves("K-MON-010")
def test_responses_are_deleted() -> None:
    desk = begin(FLYWHEEL, RECOVERED)
    assert [code(ask(desk, 19, 5, chosen(FLYWHEEL))), code(ask(desk, 19, 2, chosen(FLYWHEEL)))] == [0, 0]
    assert states(desk) == states(desktop(desk.disk).desk) == {RECOVERED: ACTIVE}
    assert [code(ask(desk, 19, 9)), code(ask(desk, 19, 3))] == [0, 0]
    assert states(desk) == states(desktop(desk.disk).desk) == {}
    assert raised(desk) == []


@pytest.mark.proves("K-MON-010")
def test_what_the_store_does_not_keep_does_not_respond() -> None:
    desk = begin(FLYWHEEL)
    desk.disk.failing = True
    assert code(ask(desk, 19, 1, b"\1" + entry(RECOVERED))) == 0x1B
    assert code(ask(desk, 19, 5, chosen(FLYWHEEL))) == 0x1B
    assert states(desk) == {FLYWHEEL: ACTIVE}


def test_long_definitions_come_in_several_reports() -> None:
    action = telecommand(0x020, 20, 1, b"\x40" + b"\0\x0a" * 64)  # of 142 octets
    desk = desktop().desk
    alarms = list(range(0xC0, 0xC8))
    for first in (0, 4):
        some = alarms[first : first + 4]
        assert code(ask(desk, 19, 1, b"\4" + b"".join(entry(number, action) for number in some))) == 0
    reports = [each.data for each in ask(desk, 19, 10, chosen(*alarms)) if (each.service, each.subtype) == (19, 11)]
    assert [each[0] for each in reports] == [6, 2]
    assert b"".join(each[1:] for each in reports) == b"".join(
        struct.pack(">HHB", 0x020, number, OFF) + action for number in alarms
    )
