"""A lander on the manual clock, a paced line, and a payload that only hears and says what the test tells it."""

from fsw.kernel.clock import ManualClock, Micros
from hil.lander.lander import Happening, Lander
from hil.lander.profiles import LanderProfile, load
from hil.line.line import Paced
from tests.hil.by_hand import Payload, cadu, packet

STEP_US = 1_000


class Bench:
    """Runs in steps of a millisecond, as the emulator's program does at most."""

    def __init__(self, profile: LanderProfile | None = None, start_us: int = 0) -> None:
        self.profile = profile or load("generic")
        self.clock = ManualClock(start_us)
        self.lander = Lander(self.profile, self.clock)
        self.line = Paced(self.profile.baud)
        self.payload = Payload(self.profile.baud)
        self.tm: list[tuple[int, bytes]] = []
        self.reports: list[tuple[int, bytes]] = []
        self.happenings: list[Happening] = []
        self._vcfc = 0
        self._live = 0
        self._count = 0

    def run(self, seconds: float) -> None:
        end = self.clock.now() + int(seconds * 1_000_000)
        while self.clock.now() < end:
            self.clock.advance(STEP_US)
            self.look()

    def skip(self, seconds: float) -> None:
        """The same in few steps, from one due time to the next; units on the line are not timed to the octet."""
        end = Micros(self.clock.now() + int(seconds * 1_000_000))
        while self.clock.now() < end:
            due = self.look()
            if self.lander.switches[0].powered:
                due = min(due, self.lander.fill(self.line, self.clock.now()), self.line.next_due())
            self.clock.advance_to(min(max(due, Micros(self.clock.now() + STEP_US)), end))
        self.look()

    def look(self) -> Micros:
        now = self.clock.now()
        due = self.lander.step(now)
        if self.lander.switches[0].powered:
            self.lander.fill(self.line, now)
            self.payload.take(self.line.take(now), now)
        else:
            self.line.clear()
            self.payload.octets.clear()  # half a unit is lost with the board
        self.tm += [(now, frame) for frame in self.lander.take_tm()]
        self.reports += [(now, report) for report in self.lander.take_reports()]
        self.happenings += self.lander.take_happenings()
        return due

    def say(self, apid: int, body: bytes) -> None:
        """One packet of the payload's on VC 2, in a frame of its own."""
        octets = packet(apid, body, from_lander=False, count=self._count)
        self._count = (self._count + 1) % 16_384
        self.frame(2, octets)

    def vc0(self, data: bytes) -> bytes:
        """Packets of the payload's for the ground, in a live frame of their own."""
        octets = cadu(0, self._live % 256, data, octets=self.profile.tm_frame_octets)
        self._live += 1
        self.lander.receive_line(octets, self.clock.now())
        return octets[4:]

    def frame(self, vcid: int, data: bytes, fhp: int = 0) -> bytes:
        octets = cadu(vcid, self._vcfc % 256, data, fhp, octets=self.profile.tm_frame_octets)
        if vcid == 2:
            self._vcfc += 1
        self.lander.receive_line(octets, self.clock.now())
        return octets[4:]

    def of(self, what: str) -> list[dict[str, int | str]]:
        """Values of the happenings of one kind."""
        return [dict(happening.values) for happening in self.happenings if happening.what == what]

    def what(self) -> list[str]:
        return [happening.what for happening in self.happenings]
