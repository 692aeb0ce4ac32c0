"""Hazardous commands: armed, then executed by number: in time, in the right phase, by as many operators as it takes."""

import struct

import pytest

from fsw.kernel.clock import Micros
from fsw.mdb.hazards import Execute
from fsw.mdb.lander import Phase
from fsw.mdb.mission_hazards import Rule
from fsw.mdb.system import Mode
from fsw.services.security.nonces import SeededNonces
from fsw.services.verification import Origin
from tests.services.desk import words
from tests.services.hazard_desk import (
    ARM,
    ARMED_EVENT,
    DESCENT,
    DISARM,
    DROPPED_EVENT,
    EXECUTE,
    EXECUTED_EVENT,
    SECOND,
    SURFACE_DAY,
    HazardDesk,
    code,
    happened,
    packet,
    restart,
    told,
)
from tests.system.by_hand import crc

BUSY, SOURCE, UNKNOWN, EXISTS, CAPACITY, RANGE, STATE = 0x08, 0x07, 0x10, 0x11, 0x12, 0x13, 0x14
CHECKSUM, PROTECTED, TIMEOUT, INTERNAL, EXPIRED, DATA = 0x15, 0x19, 0x1A, 0x1B, 0x1C, 0x05
(
    ARMED_NOW, ARMS, EXECUTED, OVER, BARE, WRONG_NONCE, LATE, WRONG_TIME, ALONE, OTHERWISE,
) = range(220, 230)  # fmt: skip
DAY = frozenset((Phase.SURFACE_DAY,))


@pytest.fixture
def desk() -> HazardDesk:
    return HazardDesk()


@pytest.mark.proves("K-VER-010")
def test_armed_then_executed_it_runs_once_with_words_of_its_own(desk: HazardDesk) -> None:
    inner = restart(99)
    reports = desk.say(ARM, inner)
    assert words(reports) == [(1, 0), (3, 0), (7, 0)]
    nonce, request_id, service, subtype, function, checksum, source, operators, phases, within_s = struct.unpack(
        ">I4sBBHHHBIB", told(reports).data
    )
    assert (request_id, service, subtype, function, source) == (inner[:4], 8, 1, 30, 1)
    assert (checksum, operators, within_s) == (crc(inner[:-2]), 1, 60)
    assert phases == 1 << 31 | sum(1 << n for n in (0, 1, 4, 5, 7, 10, 11, 12, 13, 14, 15, 16))
    assert happened(reports) == [ARMED_EVENT]
    assert desk.restarts == []
    reports = desk.say(EXECUTE, struct.pack(">I", nonce))
    mine = [(r.data[:4], r.subtype) for r in reports if r.service == 1]
    outer = packet(8, 1, b"", desk.count)[:4]
    assert mine == [
        (outer, 1), (outer, 3), (outer, 7), (inner[:4], 1), (inner[:4], 3), (inner[:4], 7),
    ]  # fmt: skip
    assert happened(reports) == [EXECUTED_EVENT]
    assert desk.restarts == [inner[:4]]
    assert desk.execute(nonce) == STATE, "a number works once"
    assert desk.restarts == [inner[:4]]
    assert [desk.value(n) for n in (ARMED_NOW, ARMS, EXECUTED, OTHERWISE)] == [0, 1, 1, 1]


@pytest.mark.proves("K-VER-010")
@pytest.mark.parametrize("stored", [False, True])
def test_bare_it_is_refused_and_counted_whoever_sends_it(desk: HazardDesk, stored: bool) -> None:
    assert words(desk.take(restart(1), stored=stored)) == [(1, 0), (4, PROTECTED)]
    assert desk.restarts == []
    assert desk.value(BARE) == 1


@pytest.mark.proves("K-VER-010")
def test_an_expiry_around_it_is_no_arm(desk: HazardDesk) -> None:
    inner = restart(1)
    wrapped = packet(130, 1, bytes.fromhex("1effffffffffff") + inner, 2)
    assert code(desk.take(wrapped)) in (PROTECTED, EXPIRED)
    assert desk.restarts == []


@pytest.mark.proves("K-VER-010")
def test_nothing_that_is_stored_on_board_arms_or_executes(desk: HazardDesk) -> None:
    assert code(desk.say(ARM, restart(1), stored=True)) == PROTECTED
    nonce = desk.arm(restart(1))
    for function in (EXECUTE, DISARM):
        assert code(desk.say(function, struct.pack(">I", nonce), stored=True)) == PROTECTED
    assert desk.value(OTHERWISE) == 3
    assert desk.execute(nonce) == 0, "it is armed still"


@pytest.mark.proves("K-VER-011")
@pytest.mark.parametrize(("us", "wanted"), [(60 * SECOND, 0), (60 * SECOND + 1, EXPIRED)])
def test_it_works_for_sixty_seconds_of_the_boards_clock(desk: HazardDesk, us: int, wanted: int) -> None:
    nonce = desk.arm(restart(1))
    reports = desk.later(us)
    assert happened(reports) == ([DROPPED_EVENT] if wanted else [])
    assert desk.execute(nonce) == wanted
    assert len(desk.restarts) == (0 if wanted else 1)
    assert [desk.value(n) for n in (OVER, LATE)] == ([1, 1] if wanted else [0, 0])


@pytest.mark.proves("K-VER-011")
def test_too_late_before_anybody_has_looked(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    desk.desk.now = Micros(desk.desk.now + 60 * SECOND + 1)
    assert desk.execute(nonce) == EXPIRED


@pytest.mark.proves("K-SEC-011")
def test_while_marks_live_in_memory_only_nothing_is_executed_and_the_arm_stays(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    desk.desk.security.in_memory = True
    assert desk.execute(nonce) == desk.execute(nonce) == TIMEOUT
    assert desk.restarts == []
    assert desk.value(OTHERWISE) == 2
    desk.desk.security.in_memory = False
    assert desk.execute(nonce) == 0
    desk.desk.security.in_memory = True
    assert desk.execute(nonce) == STATE


def test_it_is_told_in_time_that_it_is_over(desk: HazardDesk) -> None:
    desk.arm(restart(1))
    assert desk.desk.hazards.step(desk.desk.now) == desk.desk.now + 60 * SECOND + 1
    assert happened(desk.later(60 * SECOND + 1)) == [DROPPED_EVENT]
    assert desk.value(ARMED_NOW) == 0


@pytest.mark.proves("K-VER-010")
def test_another_number_is_unknown(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    assert desk.execute(nonce ^ 1) == UNKNOWN
    assert code(desk.say(DISARM, struct.pack(">I", nonce ^ 2))) == UNKNOWN
    assert desk.value(WRONG_NONCE) == 2
    assert desk.execute(nonce) == 0


@pytest.mark.proves("K-VER-012")
def test_two_operators_where_the_mission_says_so() -> None:
    desk = HazardDesk(Rule(operators=2))
    reports = desk.say(ARM, restart(1), source=7)
    (nonce,) = struct.unpack(">I", told(reports).data[:4])
    assert told(reports).data[-6] == 2
    assert desk.execute(nonce, source=7) == SOURCE
    assert desk.restarts == []
    assert desk.execute(nonce, source=8) == 0
    assert len(desk.restarts) == 1
    assert desk.value(ALONE) == 1


@pytest.mark.proves("K-VER-012")
def test_one_operator_may_not_arm_for_two_by_the_packet_inside() -> None:
    desk = HazardDesk(Rule(operators=2))
    nonce = desk.arm(packet(8, 1, struct.pack(">H", 30), 5, source=9), source=7)
    assert desk.execute(nonce, source=7) == SOURCE, "who sent the arm counts, not what it carries"


@pytest.mark.proves("K-VER-012")
@pytest.mark.parametrize("phase", [DESCENT, None])
def test_in_another_phase_it_is_neither_armed_nor_executed(phase: int | None) -> None:
    desk = HazardDesk(Rule(phases=DAY))
    desk.phase(phase)
    assert code(desk.say(ARM, restart(1))) == STATE
    desk.phase(SURFACE_DAY)
    nonce = desk.arm(restart(1))
    desk.phase(phase)
    assert desk.execute(nonce) == STATE
    assert desk.restarts == []
    assert desk.value(WRONG_TIME) == 2
    desk.phase(SURFACE_DAY)
    assert desk.execute(nonce) == 0, "it has stayed armed"


@pytest.mark.proves("K-VER-012")
def test_the_phase_of_a_lander_that_is_silent_is_not_known() -> None:
    desk = HazardDesk(Rule(phases=DAY))
    desk.phase(SURFACE_DAY)
    desk.desk.board.lander_alive = False
    assert code(desk.say(ARM, restart(1))) == STATE


@pytest.mark.proves("K-VER-012")
def test_a_mode_that_does_not_permit_it_refuses_it_without_spending_the_arm(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    desk.desk.board.mode = Mode.QUIET
    assert desk.execute(nonce) == STATE
    desk.desk.board.mode = Mode.NOMINAL
    assert desk.execute(nonce) == 0


def test_disarmed_it_is_over(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    reports = desk.say(DISARM, struct.pack(">I", nonce), source=3)
    assert (code(reports), happened(reports)) == (0, [DROPPED_EVENT])
    assert desk.execute(nonce) == STATE
    assert code(desk.say(DISARM, struct.pack(">I", nonce))) == STATE
    assert desk.restarts == []


def changed(octets: bytes, place: int, value: int) -> bytes:
    """With another octet somewhere, and a checksum that agrees."""
    body = bytearray(octets[:-2])
    body[place] = value
    return bytes(body) + struct.pack(">H", crc(bytes(body)))


@pytest.mark.parametrize(
    ("inner", "wanted"),
    [
        (packet(17, 1, b"", 1), RANGE),
        (packet(8, 1, struct.pack(">H", ARM) + restart(2), 1), RANGE),
        (packet(130, 1, bytes.fromhex("1effffffffffff") + restart(2), 1), 3),
        (packet(8, 1, struct.pack(">H", 999), 1), UNKNOWN),
        (packet(8, 1, struct.pack(">HB", 30, 0), 1), DATA),
        (packet(8, 2, b"", 1), 4),
        (packet(99, 1, b"", 1), 3),
        (restart(1)[:-1] + bytes((restart(1)[-1] ^ 1,)), CHECKSUM),
        (changed(restart(1), 1, 0x33), UNKNOWN),
        (changed(restart(1), 6, 0x1F), DATA),
        (changed(restart(1), 0, 0x08), DATA),
    ],
)
def test_what_cannot_be_armed(desk: HazardDesk, inner: bytes, wanted: int) -> None:
    assert code(desk.say(ARM, inner)) == wanted
    assert [desk.value(n) for n in (ARMS, ARMED_NOW, OTHERWISE)] == [0, 0, 1]


def test_an_arm_that_came_twice_is_one(desk: HazardDesk) -> None:
    desk.arm(restart(1))
    assert code(desk.say(ARM, restart(1))) == EXISTS
    assert desk.value(ARMED_NOW) == 1


@pytest.mark.proves("K-VER-011")
def test_eight_are_armed_and_no_more(desk: HazardDesk) -> None:
    nonces = [desk.arm(restart(n)) for n in range(8)]
    assert len(set(nonces)) == 8
    assert code(desk.say(ARM, restart(8))) == CAPACITY
    assert desk.execute(nonces[3]) == 0
    ninth = desk.arm(restart(9))
    assert desk.execute(nonces[3]) == UNKNOWN, "its place was needed"
    assert [desk.execute(nonce) for nonce in (ninth, nonces[0])] == [0, 0]


@pytest.mark.proves("K-VER-011")
def test_an_arm_does_not_outlive_a_reset(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    after = HazardDesk(disk=desk.desk.disk, boot_count=2)
    assert after.execute(nonce) == UNKNOWN
    assert after.arm(restart(1)) != nonce, "and the next life gives other numbers"
    assert after.restarts == []


@pytest.mark.proves("K-VER-010")
def test_a_release_that_dies_leaves_nobody_armed(desk: HazardDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    nonce = desk.arm(restart(1))

    def dies(*_: object) -> object:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(desk.desk.fates, "accepted", lambda request, now: dies() if request.apid == 0x20 else None)
        with pytest.raises(ZeroDivisionError):
            desk.desk.verification.release(restart(5), desk.desk.now, Origin.ARMED)
    assert code(desk.take(restart(2))) == PROTECTED
    assert desk.execute(nonce) == 0


def test_a_queue_that_is_full_refuses_what_is_executed_and_the_number_is_spent(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    request = desk.desk.request(0x020, 8, 1, struct.pack(">HI", EXECUTE, nonce))
    while desk.process.mailbox.put(request):
        pass
    desk.desk.executions[Execute](request, desk.desk.now)
    said = [(r.data[:4], r.subtype, code([r])) for r in desk.desk.take() if r.service == 1]
    assert said[-1] == (restart(1)[:4], 2, BUSY)
    while desk.process.mailbox.take() is not None:
        pass
    assert desk.execute(nonce) == STATE
    assert desk.restarts == []


def test_without_a_source_of_numbers_nothing_is_armed(desk: HazardDesk) -> None:
    desk.desk.hazards._nonces = SeededNonces(lambda: None, lambda: 1)
    assert code(desk.say(ARM, restart(1))) == INTERNAL


def test_a_number_that_is_taken_is_not_given_again(desk: HazardDesk) -> None:
    numbers = iter([5, 5, 6])
    desk.desk.hazards._nonces = lambda: next(numbers)
    assert [desk.arm(restart(n)) for n in (1, 2)] == [5, 6]
    desk.desk.hazards._nonces = lambda: 5
    assert code(desk.say(ARM, restart(3))) == INTERNAL


def test_numbers_differ_by_seed_life_and_turn() -> None:
    lives = [SeededNonces(lambda s=seed: s, lambda b=boot: b) for seed in (1, 2) for boot in (1, 2)]  # type: ignore[misc]
    drawn = [nonces() for nonces in lives for _ in range(50)]
    assert len(set(drawn)) == 200
    again = SeededNonces(lambda: 1, lambda: 1)
    assert [again() for _ in range(50)] == drawn[:50]


@pytest.mark.proves("K-VER-010")
def test_a_store_that_keeps_nothing_refuses_what_is_executed(desk: HazardDesk) -> None:
    nonce = desk.arm(restart(1))
    desk.desk.disk.failing = True
    assert code(desk.say(EXECUTE, struct.pack(">I", nonce))) == TIMEOUT
    assert desk.restarts == []
