"""ST[14]: what goes down live, as the ground chooses it. Octets by hand."""

import pytest

from fsw.mdb.comms import LanderLost
from fsw.mdb.system import HOUSEKEEPING, TimeFlywheel
from fsw.pus.ids import APID_SYSTEM
from tests.services.desk import Desk, Disk, words

OK, UNKNOWN, EXISTS, CAPACITY, PROTECTED, INTERNAL = 0, 0x10, 0x11, 0x12, 0x19, 0x1B
SYSTEM, COMMS, DOSIMETER = "0020", "0022", "0031"


def begun(disk: Disk | None = None) -> Desk:
    desk = Desk(disk)
    desk.restore()
    return desk


def ask(desk: Desk, subtype: int, octets: str = "") -> int:
    """The failure code of one request of service 14; 0 for its completion."""
    said = words(desk.ask(APID_SYSTEM, 14, subtype, bytes.fromhex(octets.replace(" ", ""))))
    assert said[-1][0] in (4, 7, 8)
    return said[-1][1]


def told(desk: Desk, subtype: int) -> str:
    """What the report says that answers (14, `subtype`)."""
    found = [r for r in desk.ask(APID_SYSTEM, 14, subtype) if r.service == 14]
    assert [r.subtype for r in found] == [subtype + 1]
    return found[0].data.hex()


def live(desk: Desk) -> list[tuple[int, int]]:
    """Service and subtype of what comes down of two events and a housekeeping report."""
    desk.take()
    desk.events.report(TimeFlywheel(), desk.now)
    desk.events.report(LanderLost(), desk.now)
    desk.housekeeping.report(HOUSEKEEPING, desk.now)
    return [(r.service, r.subtype) for r in desk.take()]


ALL = [(5, 2), (5, 3), (3, 25)]


@pytest.mark.proves("K-ARCH-001")
def test_everything_is_live_until_it_is_chosen_otherwise() -> None:
    desk = begun()
    assert live(desk) == ALL
    assert ask(desk, 2, f"01 {SYSTEM} 01 03 01 19") == OK
    assert live(desk) == ALL[:2]
    assert ask(desk, 2, f"01 {SYSTEM} 01 03 01 19") == UNKNOWN
    assert ask(desk, 1, f"01 {SYSTEM} 01 03 00") == OK
    assert live(desk) == ALL
    assert ask(desk, 1, f"01 {SYSTEM} 01 03 00") == EXISTS


def test_a_whole_process_but_never_its_verification() -> None:
    desk = begun()
    assert ask(desk, 2, f"01 {COMMS} 00") == OK
    assert live(desk) == [(5, 2), (3, 25)]
    assert told(desk, 3)[:18] == "05 0020 00 0021 00 0022 01 01 00".replace(" ", "")[:18]
    desk.telemetry.emit(0x022, 1, 7, bytes(4), desk.now)
    desk.telemetry.emit(0x022, 17, 2, b"", desk.now)
    assert [(r.service, r.subtype) for r in desk.take()] == [(1, 7)]
    assert ask(desk, 2, f"01 {COMMS} 01 01 00") == PROTECTED
    assert ask(desk, 2, f"01 {SYSTEM} 01 01 01 07") == PROTECTED


def test_structures_go_by_their_own_rate() -> None:
    desk = begun()
    assert told(desk, 7) == "00"
    assert ask(desk, 5, f"01 {SYSTEM} 01 0001 0003") == OK
    assert [len(live(desk)) for _ in range(7)] == [3, 2, 2, 3, 2, 2, 3]
    assert ask(desk, 2, f"01 {SYSTEM} 01 03 01 19") == OK
    assert [len(live(desk)) for _ in range(3)] == [3, 2, 2]
    assert ask(desk, 5, f"01 {SYSTEM} 01 0001 0000") == OK
    assert [len(live(desk)) for _ in range(3)] == [2, 2, 2]
    assert told(desk, 7) == "01 0020 01 0001 0000".replace(" ", "")
    assert ask(desk, 6, f"01 {SYSTEM} 00") == OK
    assert told(desk, 7) == "00"
    assert ask(desk, 6, f"01 {SYSTEM} 01 0001") == UNKNOWN


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (f"01 {SYSTEM} 01 7777 0001", UNKNOWN),
        (f"01 {COMMS} 01 0001 0001", UNKNOWN),
        (f"01 {SYSTEM} 02 0001 0001 0001 0002", EXISTS),
    ],
)
def test_structures_refused(octets: str, code: int) -> None:
    desk = begun()
    assert ask(desk, 5, octets) == code
    assert told(desk, 7) == "00"


def test_events_are_blocked_and_unblocked_in_reversed_order() -> None:
    desk = begun()
    assert ask(desk, 14, f"02 {SYSTEM} 01 0004 {COMMS} 01 0101") == OK
    assert live(desk) == [(3, 25)]
    assert told(desk, 15) == f"02 {SYSTEM} 01 0004 {COMMS} 01 0101".replace(" ", "")
    assert ask(desk, 14, f"01 {SYSTEM} 01 0004") == EXISTS
    assert ask(desk, 14, f"01 {SYSTEM} 00") == UNKNOWN
    assert ask(desk, 14, f"01 {COMMS} 01 0004") == UNKNOWN
    assert ask(desk, 13, f"02 {SYSTEM} 01 0004 {SYSTEM} 01 0004") == EXISTS
    assert ask(desk, 13, f"01 {SYSTEM} 01 0004") == OK
    assert ask(desk, 13, f"01 {SYSTEM} 01 0004") == UNKNOWN
    assert ask(desk, 13, f"01 {COMMS} 00") == OK
    assert live(desk) == ALL


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (f"01 {DOSIMETER} 01 03 00", UNKNOWN),
        ("01 0055 00", UNKNOWN),
        (f"01 {SYSTEM} 01 03 01 63", UNKNOWN),
        (f"02 {SYSTEM} 00 {SYSTEM} 01 03 00", EXISTS),
        (f"02 {SYSTEM} 01 03 01 19 0055 00", UNKNOWN),
    ],
)
def test_one_bad_instruction_refuses_the_request(octets: str, code: int) -> None:
    desk = begun()
    before = told(desk, 3)
    assert ask(desk, 2, octets) == code
    assert (told(desk, 3), live(desk)) == (before, ALL)


@pytest.mark.proves("K-ARCH-001")
def test_a_choice_outlives_a_reset_or_was_never_in_force() -> None:
    desk = begun()
    assert ask(desk, 2, f"01 {SYSTEM} 01 05 01 02") == OK
    assert ask(desk, 5, f"01 {SYSTEM} 01 0001 0000") == OK
    assert ask(desk, 14, f"01 {COMMS} 01 0101") == OK
    before = told(desk, 3), told(desk, 7), told(desk, 15)
    desk.disk.failing = True
    assert ask(desk, 1, f"01 {SYSTEM} 01 05 01 02") == INTERNAL
    desk.disk.failing = False
    assert live(desk) == []
    again = begun(desk.disk)
    assert (told(again, 3), told(again, 7), told(again, 15)) == before
    assert live(again) == []
