"""Both ends of a protected link: what passes, what is refused, and what a forged frame may cost."""

import pytest

from fsw.ccsds import sdls, tc_frame, tm_frame
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.flight_link import Authentic, Directive, FlightLink, LinkProfile, PacketReceived, Rejected
from fsw.ccsds.fop1_words import Alert, Kind, Response
from fsw.ccsds.ground_link import FrameRejected, GroundFault, GroundLink, Uplink
from fsw.ccsds.ground_link import packet_octets_max as longest
from fsw.ccsds.packetizer import idle_data_field
from fsw.ccsds.sdls import SdlsReject
from fsw.ccsds.tc_frame import TcFrame
from fsw.kernel.clock import Micros
from fsw.kernel.key import Key

PROFILE = LinkProfile(tm_frame_octets=96)
KEYS = {spi: Key(bytes([spi]) * 32) for spi in sdls.SPIS}
T1 = 1_000_000


def _packet(octets: int = 13, apid: int = 0x20) -> bytes:
    return (0x1800 | apid).to_bytes(2, "big") + b"\xc0\x00" + (octets - 7).to_bytes(2, "big") + bytes(octets - 6)


class Pair:
    """`exchange` sends what the ground has sent, and an idle frame back."""

    def __init__(self, reserved: int = 1_000) -> None:
        self.carrier = CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets)
        board, ground = sdls.on_board(KEYS), sdls.on_ground(KEYS)
        for end in (board, ground):
            for sender in end.senders.values():
                sender.begin(0, reserved)
        self.board, self.keys = board, ground
        self.flight = FlightLink(PROFILE, CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets), board)
        self.ground = GroundLink(PROFILE, t1_us=T1, protection=ground)
        self.now = Micros(0)
        self.sent: list[bytes] = []

    def down(self, cadu: bytes) -> list[object]:
        self.ground.receive_frame(cadu[4:], self.now)
        return self._taken()

    def up(self, frame: bytes) -> list[object]:
        return list(self.flight.receive(self.carrier.encode_up(frame)))

    def exchange(self) -> list[object]:
        """Everything that is under way arrives; what the payload makes of it."""
        heard: list[object] = []
        for _ in range(6):
            self.down(self.flight.idle_frame())
            waiting, self.sent = self.sent, []
            for frame in waiting:
                heard += self.up(frame)
        return heard

    def _taken(self) -> list[object]:
        events: list[object] = list(self.ground.take())
        self.sent += [event.frame for event in events if isinstance(event, Uplink)]
        return events


@pytest.mark.proves("K-SEC-001")
def test_commands_of_both_services_pass_and_say_which_mark_they_wait_for() -> None:
    pair = Pair()
    pair.exchange()
    pair.ground.send_ad(_packet(20), pair.now)
    pair.ground.send_bd(_packet(30), pair.now)
    pair.ground.send_bd(_packet(40, 0xFD), pair.now, 1)
    pair._taken()
    assert [len(frame) for frame in pair.sent] == [20 + 37, 30 + 37, 40 + 37]
    heard = pair.exchange()
    assert [(event.vcid, event.mark) for event in heard if isinstance(event, Authentic)] == [(0, 0), (0, 1), (1, 0)]
    assert [len(event.packet) for event in heard if isinstance(event, PacketReceived)] == [20, 30, 40]
    assert [type(event) for event in heard][:2] == [Authentic, PacketReceived]


@pytest.mark.proves("K-SEC-001")
def test_clear_frames_are_refused_on_protected_channels_only() -> None:
    pair = Pair()
    for vcid, bypass, why in ((0, False, SdlsReject.SPI), (0, True, SdlsReject.SPI), (1, True, SdlsReject.SPI)):
        assert pair.up(tc_frame.encode(TcFrame(42, vcid, bypass, False, 0, _packet(60)))) == [Rejected(why)]
    assert pair.board.refused[SdlsReject.SPI] == 3
    (service,) = pair.up(tc_frame.encode(TcFrame(42, 2, True, False, 0, _packet(12, 0x10))))
    assert isinstance(service, PacketReceived)
    (unlock,) = pair.up(tc_frame.encode(TcFrame(42, 0, True, True, 0, tc_frame.UNLOCK)))
    assert isinstance(unlock, Directive)
    assert sum(pair.flight.counters.values()) == 0


def test_what_leaves_again_is_protected_anew() -> None:
    pair = Pair()
    pair.exchange()
    pair.ground.send_ad(_packet(), pair.now)
    pair._taken()
    (first,), pair.sent = pair.sent, []
    pair.now = Micros(T1 + 1)
    pair.ground.tick(pair.now)
    pair._taken()
    again = pair.sent[-1]
    assert first[5:7] == again[5:7] == b"\x00\x10"
    assert (first[7:19], again[7:19]) == (bytes(12), bytes(11) + b"\x01")
    heard = pair.up(again)
    assert isinstance(heard[0], Authentic)
    assert pair.up(tc_frame.encode(TcFrame(42, 0, True, False, 0, first[5:-2]))) == [Rejected(SdlsReject.REPLAYED)]


@pytest.mark.proves("K-SEC-001")
def test_a_forged_frame_may_cost_an_initialisation_and_executes_nothing() -> None:
    pair = Pair()
    pair.exchange()
    v_r = pair.flight.farm.v_r
    assert pair.up(tc_frame.encode(TcFrame(42, 0, False, False, v_r, _packet()))) == [Rejected(SdlsReject.SPI)]
    assert pair.flight.farm.v_r == v_r + 1
    events = pair.down(pair.flight.idle_frame())
    assert any(isinstance(event, Alert) for event in events)
    pair.now = Micros(3 * T1)
    pair.exchange()
    pair.ground.send_ad(_packet(25), pair.now)
    pair._taken()
    heard = pair.exchange()
    assert [len(event.packet) for event in heard if isinstance(event, PacketReceived)] == [25]


def test_telemetry_is_shorter_where_it_is_protected_and_passes() -> None:
    pair = Pair()
    assert [pair.flight.data_octets(vcid) for vcid in range(8)] == [54, 54, 84, 54, 84, 84, 84, 84]
    for vcid, octets in ((0, 54), (1, 54), (2, 84), (3, 54)):
        cadu = pair.flight.frame(vcid, 0, _packet(octets, 0x21))
        assert len(cadu) == 4 + 96
        header = tm_frame.decode_header(cadu[4:])
        assert (header.vcid, header.fhp) == (vcid, 0)  # the pointer counts from the plaintext's first octet
        received = [event for event in pair.down(cadu) if type(event).__name__ == "PacketReceived"]
        assert [len(event.packet) for event in received] == [octets]  # type: ignore[attr-defined]
        assert (_packet(octets, 0x21) in cadu) is (vcid == 2)
    with pytest.raises(AssertionError):
        pair.flight.frame(0, 0, bytes(84))
    assert len(pair.flight.frame(7, *idle_data_field(84))) == 100


def test_a_telemetry_frame_that_is_not_the_payloads_brings_no_control_word() -> None:
    pair = Pair()
    cadu = pair.flight.frame(0, 0, _packet(54, 0x21))
    pair.down(cadu)
    before = pair.ground.clcw
    assert pair.down(cadu) == [FrameRejected(SdlsReject.REPLAYED)]
    forged = tm_frame.decode(cadu[4:], 42, 96)
    assert isinstance(forged, tm_frame.TmFrame)
    cadu = tm_frame.encode(forged._replace(data=bytes(84), clcw=0x01000050))
    assert pair.down(b"\x1a\xcf\xfc\x1d" + cadu) == [FrameRejected(SdlsReject.SPI)]
    assert pair.ground.clcw == before
    assert pair.keys.refused[SdlsReject.REPLAYED] == pair.keys.refused[SdlsReject.SPI] == 1


@pytest.mark.proves("K-SEC-003")
def test_without_a_counter_no_protected_frame_leaves() -> None:
    pair = Pair(reserved=1)
    assert [pair.flight.ready(vcid) for vcid in (0, 1, 2, 3, 7)] == [True] * 5
    pair.flight.frame(0, 0, _packet(54))
    assert [pair.flight.ready(vcid) for vcid in (0, 1, 2, 3, 7)] == [False, True, True, True, True]
    with pytest.raises(AssertionError):
        pair.flight.frame(0, 0, _packet(54))
    pair.exchange()
    for _ in range(2):
        pair.ground.send_ad(_packet(), pair.now)
    events = pair._taken()
    assert len(pair.sent) == 1
    assert FrameRejected(GroundFault.COUNTER) in events
    assert pair.ground.counters[GroundFault.COUNTER] == 1
    pair.keys.senders[0].extend(10)
    pair.now = Micros(T1 + 1)
    pair.ground.tick(pair.now)
    pair._taken()
    heard = pair.exchange()
    pair.exchange()
    assert sum(isinstance(event, PacketReceived) for event in heard) == 2
    confirmed = [e for e in events if isinstance(e, Response) and e.kind is Kind.CONFIRM]
    assert confirmed == []


def test_a_packet_must_fit_a_protected_frame() -> None:
    pair = Pair()
    assert (longest(None), longest(pair.keys), longest(pair.keys, 2)) == (1017, 987, 1017)
    pair.ground.send_bd(_packet(987), pair.now)
    with pytest.raises(AssertionError):
        pair.ground.send_bd(_packet(988), pair.now)
    pair._taken()
    assert len(pair.sent[0]) == 1024
    heard = pair.up(pair.sent[0])
    assert isinstance(heard[1], PacketReceived)
