"""The flight end of the link: the contract's channels, FARM-1, packets that share a frame, bad input named."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.ccsds import tc_frame, tm_frame
from fsw.ccsds.carrier import CltuCadu, by_name
from fsw.ccsds.clcw import Clcw, decode
from fsw.ccsds.flight_link import Directive, FlightLink, LinkFault, LinkProfile, PacketReceived, Rejected, TooLong
from fsw.ccsds.packetizer import idle_data_field
from fsw.ccsds.reception import LineFault, TmFrameReceived
from fsw.ccsds.tc_frame import UNLOCK, SetVr, TcFrame, TcReject, Unlock, set_v_r

PROFILE = LinkProfile()


def _link(profile: LinkProfile = PROFILE) -> FlightLink:
    return FlightLink(profile, CltuCadu(profile.scid, profile.tm_frame_octets))


def _packet(octets: int = 12, apid: int = 0x20) -> bytes:
    return struct.pack(">HHH", 0x1000 | apid, 0xC000, octets - 7) + b"\xa5" * (octets - 6)


def _cltu(data: bytes, vcid: int = 0, *, n_s: int = 0, bypass: bool = False, control: bool = False) -> bytes:
    frame = TcFrame(PROFILE.scid, vcid, bypass, control, n_s, data)
    return CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets).encode_up(tc_frame.encode(frame))


def _bd(data: bytes, vcid: int = 0) -> bytes:
    return _cltu(data, vcid, bypass=True)


def _bc(data: bytes, vcid: int = 0) -> bytes:
    return _cltu(data, vcid, bypass=True, control=True)


def _clcw(link: FlightLink) -> Clcw:
    fields = decode(link.clcw)
    assert fields is not None
    return fields


def _packets(events: list[Any]) -> list[tuple[int, bytes]]:
    return [(event.vcid, event.packet) for event in events if isinstance(event, PacketReceived)]


def _reasons(events: list[Any]) -> list[Any]:
    return [event.reason for event in events if isinstance(event, Rejected)]


def test_ad_frames_come_in_once_and_in_order() -> None:
    link = _link()
    assert _packets(link.receive(_cltu(_packet(9), n_s=0))) == [(0, _packet(9))]
    assert _reasons(link.receive(_cltu(_packet(9), n_s=0))) == [LinkFault.REPEATED]
    assert _reasons(link.receive(_cltu(_packet(9), n_s=2))) == [LinkFault.AHEAD]
    assert _clcw(link) == Clcw(0, 1, retransmit=True)
    assert _packets(link.receive(_cltu(_packet(8), n_s=1))) == [(0, _packet(8))]
    assert _clcw(link) == Clcw(0, 2)


def test_lockout_and_the_way_out_of_it() -> None:
    link = _link()
    assert _reasons(link.receive(_cltu(_packet(), n_s=100))) == [LinkFault.OUTSIDE_WINDOW]
    assert [_reasons(link.receive(_cltu(_packet(), n_s=n_s))) for n_s in (0, 100)] == [[LinkFault.LOCKED_OUT]] * 2
    assert link.receive(_bc(set_v_r(9))) == [Directive(0, SetVr(9), executed=False)]
    assert link.receive(_bc(UNLOCK)) == [Directive(0, Unlock(), executed=True)]
    assert link.receive(_bc(set_v_r(9))) == [Directive(0, SetVr(9), executed=True)]
    assert _reasons(link.receive(_bc(b"\x82\x00"))) == [LinkFault.DIRECTIVE]
    assert _packets(link.receive(_cltu(_packet(), n_s=9))) == [(0, _packet())]
    assert _clcw(link) == Clcw(0, 10, farm_b=3)


def test_a_bad_directive_is_named_as_such_in_lockout_too() -> None:
    link = _link()
    link.receive(_cltu(_packet(), n_s=100))
    assert _reasons(link.receive(_bc(b"\x07"))) == [LinkFault.DIRECTIVE]


def test_wait_only_while_the_input_is_full() -> None:
    link = _link()
    link.input_full(True)
    assert _clcw(link) == Clcw(0, 0), "nothing had to wait yet"
    assert _reasons(link.receive(_cltu(_packet(), n_s=0))) == [LinkFault.WAITING]
    assert _clcw(link) == Clcw(0, 0, wait=True, retransmit=True)
    assert _packets(link.receive(_bd(_packet()))) == [(0, _packet())], "an expedited frame does not wait"
    link.input_full(False)
    assert _clcw(link) == Clcw(0, 0, retransmit=True, farm_b=1)
    assert _packets(link.receive(_cltu(_packet(), n_s=0))) == [(0, _packet())]
    assert _clcw(link) == Clcw(0, 1, farm_b=1)


@pytest.mark.parametrize("vcid", [1, 2])
def test_the_other_channels_take_expedited_frames_only(vcid: int) -> None:
    link = _link()
    assert _packets(link.receive(_bd(_packet(), vcid))) == [(vcid, _packet())]
    assert _reasons(link.receive(_cltu(_packet(), vcid))) == [LinkFault.SERVICE]
    assert _reasons(link.receive(_bc(UNLOCK, vcid))) == [LinkFault.SERVICE]
    assert _clcw(link) == Clcw(0, 0), "FARM-1 stands on VC 0 alone"


@pytest.mark.parametrize("vcid", [3, 7, 63])
def test_no_other_channel_is_known(vcid: int) -> None:
    link = _link()
    assert _reasons(link.receive(_bd(_packet(), vcid))) == [LinkFault.CHANNEL]
    assert link.counters[LinkFault.CHANNEL] == 1


def test_several_packets_share_a_frame() -> None:
    events = _link().receive(_bd(_packet(7) + b"\xe0" + _packet(30) + _packet(8)))
    assert _packets(events) == [(0, _packet(7)), (0, _packet(30)), (0, _packet(8))]


@pytest.mark.proves("K-FRAME-005")
@pytest.mark.parametrize("rest", [1, 5, 6, 10, 19])
def test_a_packet_longer_than_the_rest_of_its_frame(rest: int) -> None:
    link = _link()
    head = _packet(20)[:rest]
    events = link.receive(_bd(_packet(9) + head))
    assert (_packets(events), events[-1]) == ([(0, _packet(9))], TooLong(0, head))
    assert link.counters[LinkFault.PACKET_TOO_LONG] == 1


def test_an_encapsulation_packet_that_cannot_be_delimited() -> None:
    events = _link().receive(_bd(_packet(9) + b"\xea\x00\x00\x01" + _packet(9)))
    assert (_packets(events), _reasons(events)) == ([(0, _packet(9))], [LinkFault.ENCAPSULATION])


def test_octets_behind_the_frame_are_counted_for_the_time_tag() -> None:
    cltu = _bd(_packet(20))
    [event] = _link().receive(b"junk" + cltu + b"text behind")
    assert isinstance(event, PacketReceived)
    # 5 + 20 + 2 octets of frame end in the fourth codeblock; behind it the tail and the text.
    assert (event.line_octets, event.trailing_octets) == (2 + 4 * 8, 8 + len(b"text behind"))


def test_faults_of_line_and_frame_are_named_and_counted() -> None:
    link = _link()
    other = CltuCadu(43, PROFILE.tm_frame_octets).encode_up(tc_frame.encode(TcFrame(43, 0, True, False, 0, _packet())))
    assert _reasons(link.receive(other)) == [TcReject.SCID]
    broken = bytearray(_bd(_packet(40)))
    broken[12] ^= 0x81
    assert _reasons(link.receive(bytes(broken))) == [LineFault.BLOCK]
    assert _packets(link.receive(_bd(_packet(40)))) == [(0, _packet(40))]
    counted = {reason: count for reason, count in link.counters.items() if count}
    assert counted == {TcReject.SCID: 1, LineFault.BLOCK: 1}
    assert (link.frames_good, link.octets_skipped > 0) == (1, True)


@pytest.mark.proves("K-LINE-002")
def test_corrected_blocks_are_counted() -> None:
    link = _link()
    cltu = bytearray(_bd(_packet(40)))
    cltu[3] ^= 0x01
    assert _packets(link.receive(bytes(cltu))) == [(0, _packet(40))]
    assert link.blocks_corrected == 1


def test_a_silent_line_lets_a_hidden_frame_out() -> None:
    link = _link()
    cut = _bd(_packet(900))[:20]
    assert _packets(link.receive(cut + _bd(_packet(20)))) + _packets(link.expire()) == [(0, _packet(20))]
    assert link.receive(b"") == []


@pytest.mark.proves("K-FRAME-001")
def test_frames_count_and_carry_the_control_word_of_their_moment() -> None:
    link = _link()
    lander = CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets)
    data = bytes(PROFILE.data_octets)
    octets = link.frame(0, 0, data) + link.idle_frame()
    link.receive(_cltu(_packet(), n_s=0))
    octets += link.frame(0, 0x7FF, data) + link.frame(3, 1, data)
    frames = [event.frame for event in lander.feed_down(octets) if isinstance(event, TmFrameReceived)]
    assert [(frame.vcid, frame.mcfc, frame.vcfc, frame.fhp, frame.clcw) for frame in frames] == [
        (0, 0, 0, 0, 0x01000000),
        (7, 1, 0, 0x7FE, 0x01000000),
        (0, 2, 1, 0x7FF, 0x01000001),
        (3, 3, 0, 1, 0x01000001),
    ]
    assert frames[1].data == idle_data_field(PROFILE.data_octets).data
    assert link.frames_sent == 4


def test_counters_of_frames_run_over_the_wrap() -> None:
    link = _link(LinkProfile(tm_frame_octets=40))
    frame = tm_frame.decode([link.idle_frame() for _ in range(257)][-1][4:], 42, 40)
    assert isinstance(frame, tm_frame.TmFrame)
    assert (frame.mcfc, frame.vcfc) == (0, 0)


def test_a_data_field_of_another_length_is_misuse() -> None:
    with pytest.raises(AssertionError, match="fixed length"):
        _link().frame(0, 0, bytes(3))


@pytest.mark.proves("K-LINE-006")
@given(chunks=st.lists(st.binary(max_size=80) | st.just(_bd(_packet())) | st.just(_cltu(_packet())[:30])))
def test_any_octets_are_events(chunks: list[bytes]) -> None:
    link = _link()
    named = 0
    for chunk in chunks:
        named += sum(isinstance(event, Rejected | TooLong) for event in link.receive(chunk))
    named += sum(isinstance(event, Rejected | TooLong) for event in link.expire())
    assert sum(link.counters.values()) == named


@given(data=st.data(), name=st.sampled_from(["cltu_cadu", "slip"]))
def test_any_chunking_gives_the_same(data: st.DataObject, name: str) -> None:
    carrier = by_name(name, 42, 446)
    frames = [TcFrame(42, vcid, True, False, 0, _packet(7 + vcid)) for vcid in (0, 1, 2, 5)]
    stream = b"".join(b"x" * index + carrier.encode_up(tc_frame.encode(frame)) for index, frame in enumerate(frames))
    whole, link = (FlightLink(PROFILE, by_name(name, 42, 446)) for _ in range(2))
    expected = _packets(whole.receive(stream))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    got: list[tuple[int, bytes]] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += _packets(link.receive(stream[start:end]))
    assert got == expected == [(0, _packet(7)), (1, _packet(8)), (2, _packet(9))]
    assert link.counters == whole.counters
