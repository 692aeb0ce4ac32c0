"""Session and scripted payload joined in virtual time."""

from fsw.kernel.clock import Micros
from fsw.mdb import comms, lander, power, standard_services, system, verification
from fsw.mdb.database import Database
from tests.tools.spacecraft import Spacecraft
from tools.ground.profile import Profile
from tools.ground.records import Record
from tools.ground.session import Session
from tools.ground.ticket import Ticket
from tools.ground.tracking import StageChange, Word

DATABASE = Database(standard_services, comms, lander, power, system, verification)
STEP_US = 100_000


class Bench:
    """Session and spacecraft joined by a channel whose every datagram a test may lose."""

    def __init__(self, spacecraft: Spacecraft | None = None, profile: Profile | None = None) -> None:
        self.now = Micros(0)
        self.craft = spacecraft or Spacecraft()
        self.session = Session(DATABASE, profile or Profile(), self.now)
        self.records: list[Record] = []
        self.lose_up = 0
        self.lose_down = 0
        self.sent: list[bytes] = []
        self.silent = False

    def step(self, times: int = 1) -> None:
        """100 ms each: what the session sends is heard, and the payload sends an idle frame or its answers."""
        for _ in range(times):
            self.now = Micros(self.now + STEP_US)
            down = []
            for datagram in self.session.take_datagrams():
                self.sent.append(datagram)
                if self.lose_up:
                    self.lose_up -= 1
                else:
                    down += self.craft.hear(datagram)
            down.append(self.craft.idle())
            for frame in [] if self.silent else down:
                if self.lose_down:
                    self.lose_down -= 1
                else:
                    self.session.tm_datagram(frame, self.now)
            self.session.tick(self.now)
            self.records += self.session.take_records()

    def send(self, name: str, **arguments: str) -> Ticket:
        found = self.session.send(name, arguments, 5, self.now)
        assert isinstance(found, Ticket), found
        return found

    def stages(self, ticket: Ticket) -> list[Word]:
        self.records += self.session.take_records()
        return [r.word for r in self.records if isinstance(r, StageChange) and r.ticket == ticket.number]

    def last(self, ticket: Ticket) -> StageChange:
        self.records += self.session.take_records()
        return [r for r in self.records if isinstance(r, StageChange) and r.ticket == ticket.number][-1]


def ready_bench() -> Bench:
    """One whose link is ready."""
    made = Bench()
    made.step(5)
    assert made.session.ready(made.now)
    return made
