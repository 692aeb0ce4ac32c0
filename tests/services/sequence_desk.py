"""A desk for ST[21]: requests in octets written by hand, released telecommands in the order in which they came out."""

import struct
from collections.abc import Sequence

from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.mailbox import Mailbox
from fsw.mdb.system import Mode
from fsw.services.verification import Request
from tests.hil.by_hand import crc
from tests.services.desk import Desk, Disk
from tests.system.by_hand import Report, function, telecommand

POWER, SYSTEM = 0x021, 0x020


def ping(count: int) -> bytes:
    """A telecommand to another process, told by its sequence count."""
    return telecommand(POWER, 17, 1, count=count)


def held(requests: Sequence[tuple[bytes, int]]) -> bytes:
    """What stands behind the id in (21,1): N u8, then (telecommand, delay u32 in ms) each."""
    return bytes((len(requests),)) + b"".join(packet + struct.pack(">I", delay) for packet, delay in requests)


def pings(first: int, *delays_ms: int) -> bytes:
    """So many pings, numbered from `first` on."""
    return held([(ping(first + n), delay) for n, delay in enumerate(delays_ms)])


class SequenceDesk(Desk):
    """`run` moves the clock from one thing due to the next; `released` is (ms, sequence count) of each release."""

    def __init__(self, disk: Disk | None = None) -> None:
        super().__init__(disk)
        self.board.mode = Mode.NOMINAL
        self.mailbox: Mailbox[Request] = Mailbox("released", 4096)
        for apid in (POWER, SYSTEM):
            self.verification.serve(apid, self.mailbox)
        self.released: list[tuple[int, int]] = []
        self.due = Micros(0)
        self.restore()

    def say(self, subtype: int, data: bytes = b"") -> list[Report]:
        """A request of service 21 and all that is reported of it, and of what it releases at once."""
        reports = self.ask(SYSTEM, 21, subtype, data)
        self._turn()
        return reports + self.take()

    def _turn(self) -> None:
        self.due = self.sequences.step(self.now)
        if not self.store_waits:
            self.answer()
        while (request := self.mailbox.take()) is not None:
            self.released.append((self.now // 1000, int.from_bytes(request.request_id[2:4], "big") & 0x3FFF))

    def run(self, until_ms: int) -> list[Report]:
        """Let time pass; returns what was reported."""
        while True:
            self._turn()
            if self.due > until_ms * 1000:
                break
            self.now = max(self.due, Micros(self.now + 1))
        self.now = Micros(until_ms * 1000)
        return self.take()

    def states(self) -> dict[int, int]:
        """(21,6) answered."""
        reports = self.say(6)
        [answer] = [one for one in reports if (one.service, one.subtype) == (21, 7)]
        data = answer.data
        assert len(data) == 1 + 2 * data[0]
        return dict(zip(data[1::2], data[2::2], strict=True))

    def ready(self, ident: int, octets: bytes) -> None:
        """Load and validate a sequence."""
        code(self.say(1, bytes((ident,)) + octets), 0)
        code(self.say(128, bytes((ident,)) + struct.pack(">H", crc(octets))), 0)


def code(reports: list[Report], wanted: int) -> None:
    """The one last word of service 1 has this code: 0 for completed."""
    ends = [r for r in reports if r.service == 1 and r.destination == 7 and r.subtype in (4, 6, 7, 8)]
    words = [0 if r.subtype == 7 else int.from_bytes(r.data[-2:], "big") for r in ends]
    assert words == [wanted], words


def events(reports: list[Report]) -> list[tuple[int, bytes]]:
    """Number and data of the events among these."""
    return [(int.from_bytes(r.data[:2], "big"), r.data[2:]) for r in reports if r.service == 5]


__all__ = ["NEVER", "POWER", "SYSTEM", "SequenceDesk", "code", "crc", "events", "function", "held", "ping", "pings"]
