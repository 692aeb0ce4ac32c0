"""A stranger's frames on the whole bench, the flight software behind: they cost a re-initialisation of COP-1, no more.

The frames are written by hand; the lander forwards them as it would the ground's. What a clear link executes is not
asked here: the sequence-controlled ones carry an idle packet.
"""

import struct
from binascii import crc_hqx
from collections.abc import Iterator

import pytest

from fsw.ccsds import cltu
from fsw.kernel.clock import Micros
from fsw.mdb.mission import load as load_mission
from hil.lander import lander_orders
from hil.lander.lander_power import OPS
from hil.observer import Finding
from hil.plan import scenario
from hil.rules import invariants
from hil.rungs.virtual import Virtual
from hil.testing.bench_stage import plan_of
from tools.ground.records import LinkRecord, Note, Record
from tools.ground.ticket import Ticket
from tools.ground.tracking import StageChange, State

S = 1_000_000
MISSION = load_mission()


def forged(flags: int, data: bytes, n_s: int = 0) -> bytes:
    """A CLTU with a frame of a stranger on VC 0: flags 0x3 is BC, 0x0 AD."""
    frame = struct.pack(">HHB", flags << 12 | 42, len(data) + 6, n_s) + data
    return cltu.encode(frame + crc_hqx(frame, 0xFFFF).to_bytes(2, "big"))


IDLE = struct.pack(">HHH", 0x1FFF, 0xC000, 0) + b"\x55"


class Contact:
    """A bench whose payload is on and whose link is ready; hears the ground's records and what ran."""

    def __init__(self) -> None:
        profile = scenario.load("brown-out", MISSION).profile
        plan = plan_of("forged frames", profile, ())
        self.shown: dict[int, StageChange] = {}
        self.notes: list[str] = []
        self.links: list[LinkRecord] = []
        self.ran: list[bytes] = []
        self.virtual = Virtual(plan, MISSION, 1, observers=lambda *of: [*invariants.all_of(*of), self])
        self.order("on")
        self.advance(60, lambda: self.ready)
        assert self.ready

    @property
    def now(self) -> Micros:
        return self.virtual.clock.now()

    @property
    def ready(self) -> bool:
        return self.virtual.bench.session.ready(self.now)

    def order(self, verb: str) -> None:
        assert self.virtual.bench.order(lander_orders.parse({"do": verb, "circuit": OPS.name.lower()}), self.now) == ""

    def advance(self, seconds: float, stop: object = None) -> None:
        self.virtual.advance(Micros(self.now + int(seconds * S)), stop if callable(stop) else lambda: False)

    def completes(self, within: float) -> bool:
        ticket = self.virtual.bench.send("ping", {}, self.now)
        assert isinstance(ticket, Ticket)

        def done() -> bool:
            return ticket.number in self.shown and self.shown[ticket.number].state is State.COMPLETED

        self.advance(within, done)
        return done() and self.ran.count(ticket.request_id) == 1

    @property
    def farm_b(self) -> int:
        heard = self.virtual.bench.session.uplink.last_clcw
        assert heard is not None
        return heard.farm_b

    def forge(self, flags: int, data: bytes, n_s: int = 0) -> None:
        self.virtual.bench.lander.receive_tc(forged(flags, data, n_s), self.now)
        self.advance(2)

    def record(self, record: Record, now: Micros) -> None:
        if isinstance(record, StageChange):
            self.shown[record.ticket] = record
        elif isinstance(record, Note):
            self.notes.append(record.text)
        elif isinstance(record, LinkRecord):
            self.links.append(record)

    def executed(self, request_id: bytes, now: Micros) -> None:
        self.ran.append(request_id)

    def finish(self, now: Micros) -> list[Finding]:
        return []


@pytest.fixture(scope="module")
def contact() -> Iterator[Contact]:
    made = Contact()
    yield made
    made.virtual.close()


@pytest.mark.proves("K-GND-012")
@pytest.mark.parametrize(
    ("what", "flags", "data", "ahead"),
    [
        ("Set V(R) ahead", 3, b"\x82\x00\x63", 0),
        ("Set V(R) back", 3, b"\x82\x00\x02", 0),
        ("Set V(R) 0", 3, b"\x82\x00\x00", 0),
        ("Unlock", 3, b"\x00", 0),
        ("the next number", 0, IDLE, 0),
        ("ahead in the window", 0, IDLE, 5),
        ("outside the window", 0, IDLE, 100),
        ("behind", 0, IDLE, 252),
    ],
)
def test_a_forged_frame_costs_a_re_initialisation(
    contact: Contact, what: str, flags: int, data: bytes, ahead: int
) -> None:
    """Where FARM-B's count is not 0 a V(R) of 0 is no boot; where it is 3, an Unlock moves it on first."""
    assert contact.completes(10)
    session, before = contact.virtual.bench.session, len(contact.ran)
    contact.notes.clear()
    if contact.farm_b == 3:
        contact.forge(3, b"\x00")
    alerts = session.uplink.alerts
    n_s = (session.uplink.fop.v_s + ahead) % 256 if flags == 0 else 0
    contact.forge(flags, data, n_s)
    assert len(contact.ran) == before, what
    assert contact.completes(10), what
    assert session.uplink.alerts <= alerts + 1
    assert not any("rebooted" in note for note in contact.notes)


@pytest.mark.proves("K-GND-012")
def test_a_forgery_that_looks_like_a_boot_costs_no_more(contact: Contact) -> None:
    """FARM-B's count of two bits comes round to 0: the ground cannot tell, and asks what became of what is open."""
    while contact.farm_b != 3:
        contact.forge(3, b"\x00")
    contact.notes.clear()
    contact.forge(3, b"\x82\x00\x00")
    assert any("rebooted" in note for note in contact.notes)
    assert contact.completes(10)


@pytest.mark.proves("K-GND-012")
def test_by_hand(contact: Contact) -> None:
    session = contact.virtual.bench.session
    syncs, alerts = session.uplink.syncs, session.uplink.alerts
    session.sync(contact.now, "link sync by jane")
    assert not contact.ready
    contact.advance(10, lambda: contact.ready)
    assert contact.ready
    assert (session.uplink.syncs, session.uplink.alerts) == (syncs + 1, alerts)
    assert contact.completes(10)


def test_no_rule_of_the_bench_is_broken(contact: Contact) -> None:
    assert [finding for finding in contact.virtual.result().findings if finding.breach] == []
