"""The desk with an archive that runs: packets are stored, read, and taken from VC 3 as frames would take them."""

from fsw.ccsds.time_code import cuc_encode
from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.system import Mode
from fsw.pus.ids import APID_SYSTEM
from tests.services.desk import MISSION, Desk, Disk, words
from tests.system.by_hand import Report, report

S = 1_000_000
T0 = 2_000_000_000 * S
"""TAI when the desk's clock stands at zero, once time is set."""
EVENTS, HOUSEKEEPING, INSTRUMENTS = 1, 2, 3


def cuc(tai_us: int) -> str:
    return cuc_encode(tai_us).hex()


class ArchiveDesk(Desk):
    """`run` lets time pass; `ask` serves a request of service 15 (or another) to its last word."""

    def __init__(self, disk: Disk | None = None, *, timed: bool = True, t0: int = T0) -> None:
        self.t0 = t0
        super().__init__(disk)
        self.board.mode = Mode.NOMINAL
        if timed:
            self.set_time()
        self.restore()
        self.run(0)

    def set_time(self) -> None:
        """The lander says what time it is."""
        self.time.announce(self.t0 + self.now, 2, self.now)
        self.time.tone(self.now)
        assert self.time.tai_us(self.now) is not None

    def run(self, us: int) -> None:
        """Let time pass, then do all that is due, and what follows from it."""
        self.now = Micros(self.now + us)
        for _ in range(200):
            self.attention.silence()
            due, asked = self.archive.step(self.now), self.store.port.asked
            before = self.store.port.answered
            self.answer()
            rests = self.store.port.answered == before and self.store.port.asked == asked
            if rests and not self.attention and due > self.now:
                return
        raise AssertionError("the archive does not come to rest")

    def say(self, sid: int, count: int = 1) -> None:
        """Reports of a housekeeping structure: an instrument's (dosimeter 0x31) or the board's own (1)."""
        for _ in range(count):
            self.housekeeping.report(MISSION.database.structures[sid], self.now)

    def serve(self, octets: str, subtype: int, service: int = 15) -> list[Report]:
        """One request and all that is reported of it."""
        self.take()
        request = self.request(APID_SYSTEM, service, subtype, bytes.fromhex(octets.replace(" ", "")))
        self.executions[type(request.body)](request, self.now)
        self.run(0)
        return self.take()

    def word(self, subtype: int, octets: str = "", service: int = 15) -> int:
        """The failure code of a request, 0 for its completion."""
        said, last = self.serve(octets, subtype, service), list[tuple[int, int]]()
        for _ in range(30):
            last = [word for word in words(said) if word[0] in (2, 4, 7, 8)]
            if last:
                break
            self.run(S // 10)
            said += self.take()
        assert len(last) == 1, last
        return last[0][1]

    def function(self, number: int, octets: str = "") -> int:
        """The failure code of a function of the system process."""
        return self.word(1, f"{number:04x}{octets}", 8)

    def told_function(self, number: int, octets: str = "") -> str:
        """What the one report of service 15 says that answers a function."""
        found = [r for r in self.serve(f"{number:04x}{octets}", 1, 8) if r.service == 15]
        assert len(found) == 1
        return found[0].data.hex()

    def told(self, subtype: int, octets: str = "") -> str:
        """What the one report says that answers a request."""
        found = [r for r in self.serve(octets, subtype) if r.service == 15]
        assert len(found) == 1
        return found[0].data.hex()

    def replayed(self, packets: int = 1_000) -> list[Report]:
        """What VC 3 sends, frame by frame of one packet each, until it has nothing more or so many are out."""
        found: list[Report] = []
        while len(found) < packets and self.archive.replay.oldest_us() < NEVER:
            found.append(report(self.archive.replay.take()))
            self.archive.replay.frame_out(self.now, unfinished=False)
            self.run(0)
        return found

    def cut(self, *, timed: bool = True) -> "ArchiveDesk":
        """The power goes without a word; the next life, ten seconds later."""
        return ArchiveDesk(self.disk, timed=timed, t0=self.t0 + self.now + 10 * S)


def numbers(reports: list[Report]) -> list[int]:
    """Sequence counts."""
    return [r.number for r in reports]
