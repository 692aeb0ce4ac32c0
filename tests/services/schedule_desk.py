"""A desk with a schedule on it, its octets written by hand (ECSS-E-ST-70-41C 8.11, widths of tests/vectors)."""

import struct
from typing import NamedTuple

from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.system import Mode
from fsw.services.verification import Request
from tests.services.desk import Desk, Disk, words
from tests.system.by_hand import SOURCE, Report, telecommand

APID = 0x020
SECOND = 1_000_000
EPOCH_S = 2_000_000_000
"""TAI at the boot of the first desk, seconds since 1958."""
ALL = b"\x00"


class Named(NamedTuple):
    """Source id, APID, sequence count."""

    source_id: int
    apid: int
    sequence: int


class Entry(NamedTuple):
    """An activity of a summary report: sub-schedule, time, name."""

    subschedule: int
    due_us: int
    name: Named


def cuc(tai_us: int) -> bytes:
    """P-field 1E, seconds, fraction."""
    seconds, part_us = divmod(tai_us, SECOND)
    return struct.pack(">BIH", 0x1E, seconds, part_us * 65_536 // SECOND)


def ping(sequence: int) -> bytes:
    """The telecommand that is scheduled: harmless, and told apart by its count."""
    return telecommand(APID, 17, 1, b"", ack=0b1001, count=sequence)


def insert(subschedule: int, *activities: tuple[int, bytes]) -> bytes:
    """(11,4): time and telecommand each."""
    return bytes((subschedule, len(activities))) + b"".join(cuc(at) + packet for at, packet in activities)


def insert_late(subschedule: int, *activities: tuple[int, int, bytes]) -> bytes:
    """(11,128): late policy, time and telecommand each."""
    items = (bytes((late,)) + cuc(at) + packet for late, at, packet in activities)
    return bytes((subschedule, len(activities))) + b"".join(items)


def names(*sequences: int) -> bytes:
    """Source id, APID, count each."""
    return b"".join(struct.pack(">HHH", SOURCE, APID, one) for one in sequences)


def ids(*sequences: int) -> bytes:
    """N u16, then the names."""
    return struct.pack(">H", len(sequences)) + names(*sequences)


def between(low_us: int, high_us: int) -> bytes:
    """A window with both bounds."""
    return b"\x01" + cuc(low_us) + cuc(high_us)


class ScheduleDesk(Desk):
    """`turn` does what is due; `ran` is what came through acceptance since the last look."""

    def __init__(self, disk: Disk | None = None, *, tai_s: int | None = EPOCH_S) -> None:
        super().__init__(disk)
        self.board.mode = Mode.NOMINAL
        self.queue: Mailbox[Request] = Mailbox("requests", 4_000)
        self.verification.serve(APID, self.queue)
        self.restore()
        self.schedule.step(self.now)
        self.answer()
        if tai_s is not None:
            self.set_time(tai_s * SECOND)

    def set_time(self, tai_us: int) -> None:
        """The lander's tone, as often as a step of time needs it."""
        for _ in range(4):
            self.time.announce(tai_us + self.now, 2, self.now)
            self.time.tone(self.now)
        told = self.time.tai_us(self.now)
        assert told == tai_us + self.now

    def tai_us(self) -> int:
        """TAI now, where it is known."""
        tai_us = self.time.tai_us(self.now)
        assert tai_us is not None
        return tai_us

    def say(self, subtype: int, data: bytes = b"") -> list[tuple[int, int]]:
        """Serve one request of ST[11]; what service 1 said of it."""
        return words(self.ask(APID, 11, subtype, data))

    def turn(self) -> Micros:
        """Do all that is due now; returns when the next is."""
        for _ in range(2_000):
            following = self.schedule.step(self.now)
            self.keeper.flush(self.now)
            if following > self.now and not self.store:
                return following
            self.answer()
        raise AssertionError("a schedule that is never done")

    def later(self, seconds: float) -> None:
        """Let time pass, then do what is due."""
        self.now = Micros(self.now + round(seconds * SECOND))
        self.turn()

    def ran(self) -> list[int]:
        """Sequence counts of the telecommands that came through acceptance, in their order."""
        found = []
        while (request := self.queue.take()) is not None:
            found.append(int.from_bytes(request.request_id[2:4], "big") & 0x3FFF)
        return found

    def told(self) -> list[Report]:
        """Event reports since the last look."""
        return [one for one in self.take() if one.service == 5]

    def summary(self, subtype: int = 17, data: bytes = b"") -> list[Entry]:
        """What a summary report says."""
        said = self.ask(APID, 11, subtype, data)
        assert words(said)[0] == (3, 0), words(said)
        for _ in range(400):
            if self.schedule.step(self.now) == NEVER:
                break
            said += self.take()
        said += self.take()
        assert words(said) == [(3, 0), (7, 0)]
        return [entry for one in said if (one.service, one.subtype) == (11, 13) for entry in summaries(one.data)]


def summaries(data: bytes) -> list[Entry]:
    """The entries of a (11,13)."""
    (count,) = struct.unpack_from(">H", data)
    assert len(data) == 2 + 14 * count
    found = []
    for at in range(2, len(data), 14):
        number, _, seconds, fraction, *name = struct.unpack_from(">BBIHHHH", data, at)
        found.append(Entry(number, seconds * SECOND + (fraction * SECOND >> 16), Named(*name)))
    return found


def event_words(report: Report) -> tuple[int, bytes]:
    """Event id and what stands behind it."""
    return int.from_bytes(report.data[:2], "big"), report.data[2:]
