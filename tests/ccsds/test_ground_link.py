"""The ground end of the link against the flight end: they are wired together, frame by frame."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds import tc_frame, tm_frame
from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.clcw import Clcw
from fsw.ccsds.depacketizer import GapDetected, PacketReceived
from fsw.ccsds.farm1 import Farm1
from fsw.ccsds.flight_link import FlightLink, LinkProfile
from fsw.ccsds.flight_link import PacketReceived as Commanded
from fsw.ccsds.fop1_table import Action, State
from fsw.ccsds.fop1_words import Alert, Directive, Kind, Response, Service
from fsw.ccsds.ground_link import ControlWord, FrameRejected, GroundEvent, GroundFault, GroundLink, Uplink
from fsw.ccsds.tm_frame import TmFrame, TmReject
from fsw.kernel.clock import NEVER, Micros

PROFILE = LinkProfile(tm_frame_octets=64)
T1 = 1_000
DATA = PROFILE.data_octets


def _packet(octets: int = 12, apid: int = 0x20) -> bytes:
    return struct.pack(">HHH", 0x1000 | apid, 0xC000, octets - 7) + b"\xa5" * (octets - 6)


class Pair:
    """A flight end and a ground end with nothing between them but a clock that the test moves."""

    def __init__(self, *, limit: int = 5, timeout_type: int = 0, auto_initiate: bool = True) -> None:
        self.flight = FlightLink(PROFILE, CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets))
        self.carrier = CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets)
        self.ground = GroundLink(PROFILE, t1_us=T1, limit=limit, timeout_type=timeout_type, auto_initiate=auto_initiate)
        self.now = Micros(0)
        self.commands: list[bytes] = []

    def reboot(self) -> None:
        self.flight = FlightLink(PROFILE, CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets))

    def up(self, *, lost: bool = False) -> list[GroundEvent]:
        """Bring up what the ground has to send; return its other events."""
        others: list[GroundEvent] = []
        while events := self.ground.take():
            for event in events:
                if not isinstance(event, Uplink):
                    others.append(event)
                elif not lost:
                    received = self.flight.receive(self.carrier.encode_up(event.frame))
                    self.commands += [each.packet for each in received if isinstance(each, Commanded)]
        return others

    def down(self, *, lost: bool = False) -> list[GroundEvent]:
        """Bring down an idle frame with its control word, and up what follows from it."""
        octets = self.flight.idle_frame()
        if not lost:
            self.ground.receive_frame(octets[4:], self.now)
        return self.up()

    def wait(self, us: int = T1) -> list[GroundEvent]:
        self.now = Micros(self.now + us)
        self.ground.tick(self.now)
        return self.up()

    def start(self) -> None:
        self.down()
        self.down()
        assert self.ground.ad_active


def _alerts(events: list[GroundEvent]) -> list[Action]:
    return [event.reason for event in events if isinstance(event, Alert)]


def _confirmed(events: list[GroundEvent]) -> list[int]:
    return [event.request_id for event in events if isinstance(event, Response) and event.kind is Kind.CONFIRM]


@pytest.mark.proves("K-GND-001")
def test_the_service_comes_up_by_itself_with_v_s_from_the_control_word() -> None:
    pair = Pair()
    pair.flight.farm = Farm1(0, pair.flight.profile.farm_window, v_r=77)
    assert not pair.ground.ad_active
    assert not pair.ground.ad_room
    pair.start()
    request_id = pair.ground.send_ad(_packet(), pair.now)
    pair.up()
    assert (pair.commands, pair.flight.farm.v_r) == ([_packet()], 78)
    assert _confirmed(pair.down()) == [request_id]


@pytest.mark.proves("K-GND-001")
def test_lockout_is_unlocked_at_the_start() -> None:
    pair = Pair()
    pair.flight.receive(pair.carrier.encode_up(_ad_frame(100)))
    pair.start()
    assert not pair.flight.farm.retransmit
    assert pair.flight.farm.state.name == "S1_OPEN"


def _ad_frame(n_s: int) -> bytes:
    return tc_frame.encode(tc_frame.TcFrame(PROFILE.scid, 0, False, False, n_s, _packet()))


def test_a_left_over_retransmit_flag_is_unlocked_too() -> None:
    pair = Pair()
    pair.flight.receive(pair.carrier.encode_up(_ad_frame(3)))
    assert pair.flight.farm.retransmit
    pair.start()
    assert not pair.flight.farm.retransmit


def test_wait_is_waited_for() -> None:
    pair = Pair()
    pair.flight.input_full(True)
    pair.flight.receive(pair.carrier.encode_up(_ad_frame(0)))
    pair.down()
    assert pair.ground.fop.state is State.S6_INITIAL
    pair.flight.input_full(False)
    pair.start()


def test_a_lost_frame_is_repeated_and_the_order_kept() -> None:
    pair = Pair()
    pair.start()
    ids = [pair.ground.send_ad(_packet(20), pair.now)]
    pair.up(lost=True)
    for octets in (21, 22):
        ids.append(pair.ground.send_ad(_packet(octets), pair.now))
        pair.up()
    assert pair.commands == []
    pair.down()
    assert pair.commands == [_packet(20), _packet(21), _packet(22)]
    assert _confirmed(pair.down()) == ids


def test_a_lost_last_frame_is_repeated_after_t1() -> None:
    pair = Pair()
    pair.start()
    assert pair.ground.next_due() == NEVER
    pair.ground.send_ad(_packet(), pair.now)
    assert pair.ground.next_due() == T1
    pair.up(lost=True)
    assert pair.wait(T1 - 1) == []
    pair.wait(1)
    assert pair.commands == [_packet()]


@pytest.mark.proves("K-GND-001")
def test_a_reboot_is_noticed_and_the_service_comes_up_again_one_t1_later() -> None:
    pair = Pair()
    pair.start()
    for _ in range(5):
        pair.ground.send_ad(_packet(), pair.now)
        pair.up()
    pair.down()
    pair.reboot()
    assert _alerts(pair.down()) == [Action.ALERT_NN_R]
    pair.wait(T1 - 1)
    pair.down()
    assert not pair.ground.ad_active, "what was under way may still arrive"
    pair.wait(1)
    pair.start()
    assert pair.ground.fop.v_s == 0


def test_what_was_outstanding_at_an_alert_is_answered() -> None:
    pair = Pair(limit=1)
    pair.start()
    request_id = pair.ground.send_ad(_packet(), pair.now)
    pair.up(lost=True)
    events = pair.wait()
    assert Response(Kind.NEGATIVE_CONFIRM, Service.AD, request_id) in events
    assert _alerts(events) == [Action.ALERT_T1]


def test_a_suspended_service_waits_for_its_resumption() -> None:
    pair = Pair(limit=1, timeout_type=1)
    pair.start()
    pair.ground.send_ad(_packet(), pair.now)
    pair.up(lost=True)
    pair.wait()
    pair.down()
    assert pair.ground.fop.suspend_state == 1
    pair.ground.directive(Directive.RESUME, pair.now)
    assert pair.ground.ad_active


def test_terminated_stays_terminated_until_it_is_wanted_again() -> None:
    pair = Pair()
    pair.start()
    pair.ground.directive(Directive.TERMINATE, pair.now)
    assert _alerts(pair.up()) == [Action.ALERT_TERM]
    pair.wait(10 * T1)
    pair.down()
    assert not pair.ground.ad_active
    pair.ground.initiate(pair.now)
    pair.start()


def test_without_auto_initiate_nothing_is_sent_unasked() -> None:
    pair = Pair(auto_initiate=False)
    pair.down()
    assert not pair.ground.ad_active
    pair.ground.initiate(pair.now)
    pair.start()
    pair.ground.send_ad(_packet(), pair.now)
    pair.up()
    pair.down()
    pair.reboot()
    assert _alerts(pair.down()) == [Action.ALERT_NN_R]
    pair.wait(10 * T1)
    pair.down()
    assert not pair.ground.ad_active


def test_expedited_frames_on_every_channel() -> None:
    pair = Pair()
    assert pair.ground.send_bd(_packet(20), pair.now) > 0
    assert pair.ground.send_bd(_packet(21), pair.now, vcid=1) == -1
    assert pair.ground.send_bd(_packet(22), pair.now, vcid=2) == -2
    responses = pair.up()
    assert [event.kind for event in responses if isinstance(event, Response)] == [Kind.ACCEPT]
    assert pair.commands == [_packet(20), _packet(21), _packet(22)]


def test_packets_come_out_channel_by_channel() -> None:
    pair = Pair()
    long = _packet(DATA + 10)
    frames = [
        pair.flight.frame(0, 0, long[:DATA]),
        pair.flight.frame(3, 0, _packet(DATA, 0x30)),
        pair.flight.frame(0, 10, long[DATA:] + _packet(DATA - 10)),
    ]
    for frame in frames:
        pair.ground.receive_frame(frame[4:], pair.now)
    received = [event for event in pair.ground.take() if isinstance(event, PacketReceived)]
    assert received == [
        PacketReceived(3, _packet(DATA, 0x30)),
        PacketReceived(0, long),
        PacketReceived(0, _packet(DATA - 10)),
    ]


def test_a_lost_frame_is_told() -> None:
    pair = Pair()
    for lost in (False, True, False):
        frame = pair.flight.frame(1, 0, _packet(DATA))
        if not lost:
            pair.ground.receive_frame(frame[4:], pair.now)
    assert GapDetected(1, 1) in pair.ground.take()


def test_frames_from_a_line_go_through_the_carrier() -> None:
    ground = GroundLink(PROFILE, CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets))
    flight = Pair().flight
    good, bad = flight.frame(0, 0, _packet(DATA)), bytearray(flight.idle_frame())
    bad[20] ^= 1
    ground.receive_line(b"boot text" + good[:30], Micros(0))
    ground.receive_line(good[30:] + bad, Micros(0))
    events = ground.take()
    assert PacketReceived(0, _packet(DATA)) in events
    assert FrameRejected(TmReject.FECF) in events
    assert (ground.frames_good, ground.counters[TmReject.FECF]) == (1, 1)


def test_a_line_without_a_carrier_is_misuse() -> None:
    with pytest.raises(AssertionError, match="carrier"):
        GroundLink(PROFILE).receive_line(b"x", Micros(0))


def _frame(vcid: int, clcw: int) -> bytes:
    return tm_frame.encode(TmFrame(PROFILE.scid, vcid, 0, 0, 0, _packet(DATA), clcw))


def test_unknown_channels_and_words_of_others_are_named() -> None:
    ground = GroundLink(PROFILE)
    for octets in (_frame(5, 0x01000000), _frame(0, 0x81000000), _frame(0, 0x01040000), b"short"):
        ground.receive_frame(octets, Micros(0))
    reasons = [event.reason for event in ground.take() if isinstance(event, FrameRejected)]
    assert reasons == [GroundFault.CHANNEL, GroundFault.OCF, GroundFault.OCF, TmReject.LENGTH]


def test_a_control_word_is_told_when_it_changes() -> None:
    ground = GroundLink(PROFILE, auto_initiate=False)
    for word in (0x01000000, 0x01000000, 0x01000805):
        ground.receive_frame(_frame(0, word), Micros(0))
    words = [event.clcw for event in ground.take() if isinstance(event, ControlWord)]
    assert words == [Clcw(0, 0), Clcw(0, 5, retransmit=True)]
    assert ground.clcw == words[-1]


@given(frames=st.lists(st.binary(max_size=70) | st.integers(0, 2**32 - 1)))
def test_no_frames_raise(frames: list[bytes | int]) -> None:
    ground = GroundLink(PROFILE)
    for index, frame in enumerate(frames):
        octets = frame if isinstance(frame, bytes) else _frame(frame % 8, frame)
        ground.receive_frame(octets, Micros(index))
        ground.tick(Micros(index))
        ground.take()


@pytest.mark.parametrize("packet", [b"", bytes(1018)])
def test_a_packet_that_fits_no_frame_is_misuse(packet: bytes) -> None:
    with pytest.raises(AssertionError, match="one frame"):
        GroundLink(PROFILE).send_bd(packet, Micros(0))
