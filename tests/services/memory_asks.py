"""ST[06] and ST[13] by hand: request bodies with `struct`, what comes back put together without flight's own code."""

import struct
from typing import NamedTuple

from fsw.kernel.clock import Micros
from tests.services.desk import MISSION, Desk
from tests.system.by_hand import Report, crc, report

SYSTEM = 0x020
CONFIGURATION, PARAMETERS, QUEUES, EVENT_LOG, SCHEDULE, STORE_INDEX = range(1, 7)


class Dump(NamedTuple):
    """(6,4): the object and its areas."""

    object_id: int
    areas: tuple[tuple[int, bytes], ...]


def areas(object_id: int, *wanted: tuple[int, int]) -> bytes:
    """Body of (6,3) and (6,7)."""
    return bytes((object_id, len(wanted))) + b"".join(struct.pack(">IH", *area) for area in wanted)


def load(object_id: int, *written: tuple[int, bytes]) -> bytes:
    """Body of (6,1)."""
    parts = (struct.pack(">IH", at, len(octets)) + octets + struct.pack(">H", crc(octets)) for at, octets in written)
    return bytes((object_id, len(written))) + b"".join(parts)


def read_dump(data: bytes) -> Dump:
    """Source data of (6,4); every checksum is held."""
    found = []
    at = 2
    for _ in range(data[1]):
        offset, length = struct.unpack_from(">IH", data, at)
        octets = data[at + 6 : at + 6 + length]
        assert crc(octets) == int.from_bytes(data[at + 6 + length : at + 8 + length], "big")
        found.append((offset, octets))
        at += 8 + length
    assert at == len(data)
    return Dump(data[0], tuple(found))


def dumps(reports: list[Report]) -> list[Dump]:
    """All dumps among reports, those in parts too."""
    found = []
    parts: dict[int, list[bytes]] = {}
    for one in reports:
        if (one.service, one.subtype) == (6, 4):
            found.append(read_dump(one.data))
        elif one.service == 13 and one.subtype in (1, 2, 3):
            transaction, number = struct.unpack_from(">HH", one.data)
            held = parts.setdefault(transaction, [])
            assert number == len(held) + 1
            assert (number == 1) == (one.subtype == 1)
            held.append(one.data[4:])
            if one.subtype == 3:
                whole = report(b"".join(parts.pop(transaction)))
                assert (whole.apid, whole.service, whole.subtype) == (SYSTEM, 6, 4)
                assert whole.destination == one.destination
                found.append(read_dump(whole.data))
    return found


def turns(desk: Desk, us: int = 0, each_us: int = 50_000) -> list[Report]:
    """Let the memory's turns come as `system` gives them, for so long; what was reported meanwhile."""
    reports = desk.take()
    end = desk.now + us
    while True:
        desk.answer()
        desk.memory.step(desk.now)
        desk.answer()
        due = desk.memory.step(desk.now)
        reports += desk.take()
        if desk.now >= end:
            return reports
        desk.now = Micros(min(end, max(desk.now + each_us, min(due, end))))


def asked(desk: Desk, subtype: int, data: bytes, us: int = 0) -> list[Report]:
    """One request of service 6, and the turns it takes."""
    return desk.ask(SYSTEM, 6, subtype, data) + turns(desk, us)


def places() -> dict[int, tuple[int, int]]:
    """Where each parameter lies in the parameters object: by ascending id, as wide as its type."""
    found, at = {}, 0
    for pid in sorted(MISSION.database.parameters):
        octets = struct.calcsize(">" + MISSION.database.parameters[pid].value_type.code)
        found[pid] = at, octets
        at += octets
    return found
