"""A desk whose monitors and responses take their turns, and ST[12] and ST[19] written by hand."""

import struct
from typing import NamedTuple

from fsw.kernel.clock import Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.model import Parameter
from fsw.mdb.system import Mode
from fsw.pus.ids import APID_SYSTEM
from fsw.services.verification import Request
from tests.services.desk import MISSION, Desk, Disk, words
from tests.system.by_hand import Report

TURN_US = 100_000
SUPPLY = 9  # u16, 0xFFFF says absent
SCRATCH = 10  # u32
TEMPERATURE = 5  # i16, -32768 says absent
ALARM_1, ALARM_17 = 0xC0, 0xD0
LOWEST, HIGHEST = -3.4028234663852886e38, 3.4028234663852886e38


class Desktop(NamedTuple):
    """A desk and the queue of accepted requests of the system process."""

    desk: Desk
    accepted: Mailbox[Request]


def desktop(disk: Disk | None = None) -> Desktop:
    """A board that has just started."""
    desk = Desk(disk)
    accepted: Mailbox[Request] = Mailbox("requests", 32)
    desk.verification.serve(APID_SYSTEM, accepted)
    desk.board.mode = Mode.NOMINAL
    desk.restore()
    return Desktop(desk, accepted)


def parameter(pid: int) -> Parameter:
    return MISSION.database.parameters[pid]


def turns(desk: Desk, seconds: float) -> list[Report]:
    """Let time pass; what was reported."""
    until = desk.now + round(seconds * 1_000_000)
    while desk.now < until:
        desk.now = Micros(min(until, desk.now + TURN_US))
        turn(desk)
    return desk.take()


def turn(desk: Desk) -> None:
    """One turn of both services, and the store's answers."""
    while desk.monitoring.step(desk.now) <= desk.now:
        pass
    while desk.event_action.step(desk.now) <= desk.now:
        pass
    desk.answer()


def ask(desk: Desk, service: int, subtype: int, data: bytes | str = b"") -> list[Report]:
    octets = bytes.fromhex(data) if isinstance(data, str) else data
    return desk.ask(APID_SYSTEM, service, subtype, octets)


def code(reports: list[Report]) -> int:
    """0 where the request completed, else its failure code."""
    said = words(reports)
    assert said, reports
    return 0 if said[-1] == (7, 0) else said[-1][1]


def limits(
    number: int,
    pid: int,
    low: float,
    high: float,
    *,
    interval: int = 10,
    repetition: int = 1,
    events: tuple[int, int] = (0, 0),
) -> bytes:
    """A limit check as a definition of (12,5)."""
    head = struct.pack(">HHHBB", number, pid, interval, repetition, 1)
    return head + struct.pack(">fHfH", low, events[0], high, events[1])


def expected(number: int, pid: int, mask: int, value: int, *, event: int = 0, repetition: int = 1) -> bytes:
    """An expected value as a definition of (12,5)."""
    return struct.pack(">HHHBBIHIH", number, pid, 10, repetition, 0, mask, 0, value, event)


def deltas(number: int, pid: int, low: float, high: float, values: int, *, events: tuple[int, int] = (0, 0)) -> bytes:
    """A delta check as a definition of (12,5)."""
    return struct.pack(">HHHBBfHfHB", number, pid, 10, 1, 2, low, events[0], high, events[1], values)


def watch(
    number: int,
    pid: int,
    *,
    check: int = 1,
    interval: int = 10,
    repetition: int = 1,
    low: float = LOWEST,
    low_event: int = 0,
    high: float = HIGHEST,
    high_event: int = 0,
    values: int = 1,
    mask: int = 0xFFFF_FFFF,
    expects: int = 0,
    validity: tuple[int, int, int] = (0, 0xFFFF_FFFF, 0),
    stale: tuple[int, int] = (0, 0),
) -> bytes:
    """Function 25 with all its arguments."""
    head = struct.pack(">HHHBHB", 25, number, pid, check, interval, repetition)
    criteria = struct.pack(">fHfHBII", low, low_event, high, high_event, values, mask, expects)
    return head + criteria + struct.pack(">HII", *validity) + struct.pack(">HH", *stale)


def numbers(*monitors: int) -> bytes:
    return struct.pack(f">B{len(monitors)}H", len(monitors), *monitors)


def add(desk: Desk, *definitions: bytes) -> int:
    return code(ask(desk, 12, 5, bytes((len(definitions),)) + b"".join(definitions)))


def watching(desk: Desk, *definitions: bytes) -> None:
    """Monitors that are there, enabled and on."""
    assert add(desk, *definitions) == 0
    ids = [int.from_bytes(each[:2], "big") for each in definitions]
    assert code(ask(desk, 12, 1, numbers(*ids))) == 0
    assert code(ask(desk, 12, 15)) == 0


class Told(NamedTuple):
    """A transition as it flew."""

    monitor: int
    parameter: int
    check: int
    value: float
    limit: float
    previous: int
    current: int


def transitions(reports: list[Report], subtype: int = 12) -> list[Told]:
    """The transitions of all (12,12), in their order."""
    told = []
    for each in reports:
        if (each.service, each.subtype) == (12, subtype):
            assert len(each.data) == 1 + 22 * each.data[0]
            told += [Told(*struct.unpack_from(">HHBffBB", each.data, 1 + 22 * n)) for n in range(each.data[0])]
    return told


def statuses(desk: Desk) -> dict[int, int]:
    """What (12,14) says."""
    found: dict[int, int] = {}
    for each in ask(desk, 12, 13):
        if (each.service, each.subtype) == (12, 14):
            found |= dict(struct.unpack_from(">HB", each.data, 1 + 3 * n) for n in range(each.data[0]))
    return found


def events(reports: list[Report]) -> list[tuple[int, bytes]]:
    """Ids and auxiliary data of the events."""
    return [(int.from_bytes(each.data[:2], "big"), each.data[2:]) for each in reports if each.service == 5]
