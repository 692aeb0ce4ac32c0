"""What stands nearest to the line: every carrier's receiver at both ends, and the flight link clear and protected."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from fsw.ccsds import sdls, tc_frame
from fsw.ccsds.carrier import Carrier, CltuCadu, FrameReceived, TmFrameReceived, by_name
from fsw.ccsds.flight_link import Authentic, FlightLink, LinkProfile, PacketReceived, Rejected, TooLong
from fsw.ccsds.tm_frame import TmReject
from fsw.kernel.key import Key
from tests.fuzz.pieces import Kind, bd_frame, frame, ip_udp, mended, pieces, slip, tm_frame
from tests.hil.by_hand import SCID, cltu
from tests.system.by_hand import protected

TM_OCTETS: Final = 96
GOOD_UP: Final = bd_frame(2, b"whole")
GOOD_DOWN: Final = tm_frame(bytes((0, 0, 1, 1, 0, 0)) + b"whole", TM_OCTETS)
HELD_OCTETS_MAX: Final = 4_096
KEYS: Final = {spi: bytes([spi]) * 32 for spi in sdls.SPIS}

Coding = Callable[[bytes], bytes]
UP: Final[dict[str, Coding]] = {
    "cltu-cadu": cltu,
    "slip": slip,
    "slip-ip-udp": lambda octets: slip(ip_udp(octets, up=True)),
    "udp": slip,
}
DOWN: Final[dict[str, Coding]] = {
    "cltu-cadu": lambda octets: b"\x1a\xcf\xfc\x1d" + octets,
    "slip": slip,
    "slip-ip-udp": lambda octets: slip(ip_udp(octets, up=False)),
    "udp": slip,
}


def held(carrier: Carrier) -> int:
    """Octets that a carrier's two receivers hold."""
    if isinstance(carrier, CltuCadu):
        return len(carrier._cltu) + len(carrier._sync)
    units = (getattr(carrier, name) for name in ("_up", "_down"))
    return sum(len(unit._slip) for unit in units)


def carrier_of(_: Path, *, name: str) -> Callable[[bytes], None]:
    """Both receivers: nothing raises, what is held is bounded, a frame encodes to itself, a cut changes nothing, and
    a whole unit behind it all is received."""
    lasting = by_name(name, SCID, TM_OCTETS)

    def judge(octets: bytes) -> None:
        carrier, cut = by_name(name, SCID, TM_OCTETS), by_name(name, SCID, TM_OCTETS)
        up = down = 0
        for kind, body in pieces(octets):
            if kind in (Kind.TM_FRAME, Kind.OTHER):
                line = body if kind == Kind.OTHER else DOWN[name](tm_frame(body, TM_OCTETS))
                down += len(line)
                take_down(carrier, cut, line)
                lasting.feed_down(line)
            elif kind == Kind.SILENCE:
                assert [type(one) for one in carrier.expire()] == [type(one) for one in cut.expire()]
                lasting.expire()
            else:
                line = body if kind == Kind.RAW else UP[name](frame(body))
                up += len(line)
                take_up(carrier, cut, line, up)
                lasting.feed_up(line)
            assert held(carrier) <= HELD_OCTETS_MAX
            assert held(lasting) <= HELD_OCTETS_MAX
            assert 0 <= carrier.up_octets_skipped <= up
            assert 0 <= carrier.down_octets_skipped <= down
        behind = [*carrier.feed_up(UP[name](GOOD_UP)), *carrier.expire()]
        assert any(isinstance(one, FrameReceived) and tc_frame.encode(one.frame) == GOOD_UP for one in behind)
        after = carrier.feed_down(2 * DOWN[name](GOOD_DOWN))
        assert any(isinstance(one, TmFrameReceived) and one.octets == GOOD_DOWN for one in after)

    return judge


def take_up(carrier: Carrier, cut: Carrier, line: bytes, fed: int) -> None:
    """At once, and octet by octet: the same frames. Of all that was `fed`, a part can have come behind one of them."""
    found = carrier.feed_up(line)
    slices = [event for at in range(len(line)) for event in cut.feed_up(line[at : at + 1])]
    assert [getattr(one, "frame", one) for one in found] == [getattr(one, "frame", one) for one in slices]
    for event in found:
        if isinstance(event, FrameReceived):
            assert 0 <= event.trailing_octets <= fed
            assert tc_frame.decode(tc_frame.encode(event.frame), SCID) == event.frame


def take_down(carrier: Carrier, cut: Carrier, line: bytes) -> None:
    """The same for the lander's end."""
    found = carrier.feed_down(line)
    slices = [event for at in range(len(line)) for event in cut.feed_down(line[at : at + 1])]
    assert [getattr(one, "octets", one) for one in found] == [getattr(one, "octets", one) for one in slices]
    for event in found:
        if isinstance(event, TmFrameReceived):
            assert len(event.octets) == TM_OCTETS
        else:
            assert not isinstance(event.reason, tc_frame.TcReject)


def said_of(kind: int, body: bytes) -> bytes:
    """The octets of a line for a piece, for a flight link of CLTUs."""
    match kind:
        case Kind.FRAME:
            return cltu(frame(body))
        case Kind.PACKET_IN_FRAME:
            return cltu(bd_frame(body[0] if body else 0, mended(body[1:])))
        case Kind.SEALED:
            vcid = body[0] & 1 if body else 0
            data = mended(body[2:])[:960]
            return cltu(
                bd_frame(vcid, protected(KEYS[0x10 + vcid], vcid, iv_of(body[1] if len(body) > 1 else 0), data))
            )
        case _:
            return body


def iv_of(octet: int) -> int:
    """A plain counter, or from 0x80 on one that says how it was sent: 0x40 for BD."""
    said = 0x4B41 << 80 | (octet & 0x3F) << 24 | bool(octet & 0x40) << 23
    return said if octet & 0x80 else octet


def link_of(_: Path, *, is_protected: bool) -> Callable[[bytes], None]:
    """Nothing raises, every refusal is counted once, only what was sealed with the key comes through, each once."""

    def made() -> FlightLink:
        protection = sdls.on_board({spi: Key(key) for spi, key in KEYS.items()}) if is_protected else None
        return FlightLink(LinkProfile(tm_frame_octets=TM_OCTETS), CltuCadu(SCID, TM_OCTETS), protection)

    lasting = made()

    def judge(octets: bytes) -> None:
        link = made()
        sealed: dict[int, list[bytes]] = {0: [], 1: []}
        marks = {0: -1, 1: -1}
        before = 0
        for kind, body in pieces(octets):
            if kind == Kind.SEALED and is_protected:
                sealed[body[0] & 1 if body else 0].append(mended(body[2:])[:960])
            if kind == Kind.OTHER:
                link.input_full(bool(body[:1] > b"\x7f"))
                continue
            events = link.expire() if kind == Kind.SILENCE else link.receive(said_of(kind, body))
            lasting.receive(said_of(kind, body))
            assert held(lasting.carrier) <= HELD_OCTETS_MAX
            refused = sum(link.counters.values()) + link.frames_refused
            assert refused - before == sum(isinstance(one, Rejected | TooLong) for one in events)
            before = refused
            for event in events:
                if isinstance(event, Authentic):
                    assert event.mark > marks[event.vcid], "an IV is taken once, and only upwards"
                    marks[event.vcid] = event.mark
                elif isinstance(event, PacketReceived | TooLong):
                    taken = event.packet if isinstance(event, PacketReceived) else event.head
                    if is_protected and event.vcid in sealed:
                        assert any(taken in data for data in sealed[event.vcid]), "only what the owner has sealed"
            assert 0 <= link.clcw < 1 << 32
            assert held(link.carrier) <= HELD_OCTETS_MAX
            assert not any(link.counters.get(reason) for reason in TmReject)

    return judge


TARGETS: Final[dict[str, Callable[[Path], Callable[[bytes], None]]]] = {
    **{f"carrier-{name}": partial(carrier_of, name=name) for name in UP},
    "link-clear": partial(link_of, is_protected=False),
    "link-protected": partial(link_of, is_protected=True),
}
