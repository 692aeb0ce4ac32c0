"""FOP-1 against FARM-1, as both links run them, over a channel that loses, doubles, reorders and delays both ways.

What holds whatever the channel does, so long as nothing stays under way longer than half of T1 (T1 is to be above the
round trip): sequence-controlled packets arrive at most once and in the order of sending; what is confirmed has arrived;
and once the channel heals, every request has had its answer and the service is up again by itself.
"""

import struct
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fsw.ccsds import tc_frame
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.flight_link import FlightLink, LinkProfile, PacketReceived
from fsw.ccsds.fop1_words import Kind, Response, Service
from fsw.ccsds.ground_link import GroundLink, Uplink
from fsw.kernel.clock import Micros

PROFILE = LinkProfile(tm_frame_octets=32)
T1 = 1_000
UNDER_WAY_MAX = T1 // 2 - 1


class UnderWay(NamedTuple):
    """A frame in the channel and when it was sent."""

    sent_us: int
    octets: bytes


def _packet(number: int) -> bytes:
    return struct.pack(">HHHI", 0x1020, 0xC000, 3, number)


class LossyCop1(RuleBasedStateMachine):
    """Two links and what lies between them."""

    def __init__(self) -> None:
        super().__init__()
        self.carrier = CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets)
        self.flight = FlightLink(PROFILE, CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets))
        self.ground = GroundLink(PROFILE, t1_us=T1, limit=3)
        self.now = Micros(0)
        self.up: list[UnderWay] = []
        self.down: list[UnderWay] = []
        self.numbers: dict[int, int] = {}  # request id -> number in the packet
        self.answers: dict[int, Kind] = {}
        self.arrived: list[int] = []
        self.sent = 0

    def _collect(self) -> None:
        for event in self.ground.take():
            if isinstance(event, Uplink):
                self.up.append(UnderWay(self.now, event.frame))
            elif isinstance(event, Response) and event.of is Service.AD and event.kind is not Kind.ACCEPT:
                assert event.request_id not in self.answers, "one last word only"
                self.answers[event.request_id] = event.kind

    def _bring_up(self, octets: bytes) -> None:
        for event in self.flight.receive(self.carrier.encode_up(octets)):
            if isinstance(event, PacketReceived):
                self.arrived.append(struct.unpack(">I", event.packet[6:])[0])

    def _bring_down(self, octets: bytes) -> None:
        self.ground.receive_frame(octets, self.now)
        self._collect()

    def _age(self, us: int) -> None:
        self.now = Micros(self.now + us)
        self.up = [each for each in self.up if self.now - each.sent_us <= UNDER_WAY_MAX]
        self.down = [each for each in self.down if self.now - each.sent_us <= UNDER_WAY_MAX]
        self.ground.tick(self.now)
        self._collect()

    def _report(self) -> None:
        self.down.append(UnderWay(self.now, self.flight.idle_frame()[4:]))

    # --- what can happen --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.ground.ad_room)
    @rule(count=st.integers(1, 3))
    def send(self, count: int) -> None:
        for _ in range(count):
            self.sent += 1
            request_id = self.ground.send_ad(_packet(self.sent), self.now)
            self.numbers[request_id] = self.sent
            self._collect()

    @rule()
    def report(self) -> None:
        self._report()

    @precondition(lambda self: self.up)
    @rule(data=st.data(), doubled=st.booleans(), lost=st.booleans())
    def arrive_up(self, data: st.DataObject, doubled: bool, lost: bool) -> None:
        index = data.draw(st.integers(0, min(3, len(self.up) - 1)))
        octets = self.up[index].octets if doubled else self.up.pop(index).octets
        if not lost:
            self._bring_up(octets)

    @precondition(lambda self: self.down)
    @rule(data=st.data(), doubled=st.booleans(), lost=st.booleans())
    def arrive_down(self, data: st.DataObject, doubled: bool, lost: bool) -> None:
        index = data.draw(st.integers(0, min(3, len(self.down) - 1)))
        octets = self.down[index].octets if doubled else self.down.pop(index).octets
        if not lost:
            self._bring_down(octets)

    @rule()
    def all_arrives(self) -> None:
        """A good moment: everything arrives, and a control word comes back."""
        for each in self.up[:]:
            self._bring_up(each.octets)
        self.up.clear()
        self._report()
        for each in self.down[:]:
            self._bring_down(each.octets)
        self.down.clear()

    @rule(us=st.sampled_from([1, 100, UNDER_WAY_MAX, T1]))
    def time_passes(self, us: int) -> None:
        self._age(us)

    @rule(full=st.booleans())
    def fill_or_free_the_input(self, full: bool) -> None:
        self.flight.input_full(full)

    @rule(ahead=st.sampled_from([10, 100, 245]))
    def a_stray_frame_locks_out(self, ahead: int) -> None:
        n_s = (self.flight.farm.v_r + ahead) % 256
        self._bring_up(tc_frame.encode(tc_frame.TcFrame(PROFILE.scid, 0, False, False, n_s, _packet(0))))

    # --- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def once_and_in_order(self) -> None:
        assert self.arrived == sorted(set(self.arrived))

    @invariant()
    def confirmed_has_arrived(self) -> None:
        arrived = set(self.arrived)
        for request_id, kind in self.answers.items():
            assert kind is not Kind.CONFIRM or self.numbers[request_id] in arrived

    @invariant()
    def bounded(self) -> None:
        assert self.ground.fop.outstanding <= PROFILE.farm_window // 2

    def teardown(self) -> None:
        """The channel heals: within a few T1 all is answered and a new command gets through."""
        self.flight.input_full(False)
        for _ in range(8):
            self._age(T1)
            for _ in range(4):
                self.all_arrives()
        assert self.ground.ad_active
        assert set(self.answers) == set(self.numbers)
        self.send(1)
        self.all_arrives()
        self.all_arrives()
        assert self.answers[max(self.numbers)] is Kind.CONFIRM
        self.once_and_in_order()
        self.confirmed_has_arrived()


TestLossyCop1 = pytest.mark.proves("K-FRAME-004")(LossyCop1.TestCase)
TestLossyCop1.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
