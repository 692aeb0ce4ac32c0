"""What a protected link adds to a frame, each way: the whole of flight's link beside the same one without keys."""

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Final

from fsw.ccsds.carrier import CltuCadu
from fsw.ccsds.flight_link import FlightLink, LinkProfile, PacketReceived
from fsw.ccsds.sdls import IV_END, SPIS, on_board, on_ground
from fsw.ccsds.tc_frame import TcFrame
from fsw.ccsds.tc_frame import encode as encode_tc
from fsw.kernel.key import Key

Row = dict[str, object]
PROFILE: Final = LinkProfile(tm_frame_octets=892)
BOUND_US: Final = 30.0
BATCH: Final = 200
PACKET: Final = bytes.fromhex("1820c0000129") + bytes(n * 167 % 251 for n in range(298))


def sdls(quick: bool) -> list[Row]:
    """Microseconds a frame, by medians of interleaved batches: TM frames of 892 octets, TC frames of 310 and packet."""
    keys = {spi: Key(bytes([spi]) * 32) for spi in SPIS}
    board, ground = on_board(keys), on_ground(keys)
    for end in (board, ground):
        for sender in end.senders.values():
            sender.begin(0, IV_END)
    carrier = CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets)
    clear, protected = (
        FlightLink(PROFILE, CltuCadu(PROFILE.scid, PROFILE.tm_frame_octets), end) for end in (None, board)
    )
    rounds = 10 if quick else 40
    down: list[tuple[float, float]] = []
    up: list[tuple[float, float]] = []
    bare = carrier.encode_up(encode_tc(TcFrame(PROFILE.scid, 0, True, False, 0, PACKET)))
    for _ in range(rounds):
        down.append((_sent(clear), _sent(protected)))
        sealed = [
            carrier.encode_up(encode_tc(TcFrame(PROFILE.scid, 0, True, False, 0, ground.protect(0, PACKET))))
            for _ in range(BATCH)
        ]
        up.append((_taken(clear, [bare] * BATCH), _taken(protected, sealed)))
    return [_row(f"sdls_{way}", times) for way, times in (("down", down), ("up", up))]


def _sent(link: FlightLink) -> float:
    data = bytes(link.data_octets(0))
    began = perf_counter_ns()
    for _ in range(BATCH):
        link.frame(0, 0, data)
    return (perf_counter_ns() - began) / BATCH / 1000


def _taken(link: FlightLink, cltus: list[bytes]) -> float:
    began = perf_counter_ns()
    packets = sum(isinstance(event, PacketReceived) for octets in cltus for event in link.receive(octets))
    took = perf_counter_ns() - began
    assert packets == len(cltus), "every frame is taken"
    return took / BATCH / 1000


def _row(name: str, times: list[tuple[float, float]]) -> Row:
    clear, protected = (median(pair[side] for pair in times) for side in (0, 1))
    added = protected - clear
    return {
        "name": name,
        "value": round(added, 2),
        "unit": "us",
        "peer": round(clear, 2),  # the same link without keys
        "ratio": None,
        "bound": BOUND_US,
        "holds": added <= BOUND_US,
    }


ROWS: Final[dict[str, Callable[[bool], list[Row]]]] = {"sdls": sdls}
