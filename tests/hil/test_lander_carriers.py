"""The lander on each line coding, read and written by hand: RFC 1055 around RFC 791 and 768 around the same frames."""

import struct

import pytest

from hil.lander.profiles import load
from tests.hil.bench import Bench
from tests.hil.by_hand import cadu, crc, packet, tc_frame

HEARTBEAT = struct.pack(">BBhHHI", 2, 0, 2150, 7, 3, 60)
LANDER, PAYLOAD = bytes((192, 168, 103, 1)), bytes((192, 168, 103, 2))
PORT = 42_000


def ones_complement(octets: bytes) -> int:
    """The checksum of RFC 1071, word by word."""
    total = 0
    for at in range(0, len(octets), 2):
        total += int.from_bytes(octets[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def unwrapped(octets: bytes, source: bytes, destination: bytes) -> bytes:
    """The payload of a datagram that must be right to the bit."""
    first, _, total, _, flags, _, protocol, _ = struct.unpack_from(">BBHHHBBH", octets)
    assert (first, total, protocol) == (0x45, len(octets), 17)
    assert flags & 0x3FFF == 0, "not a fragment"
    assert ones_complement(octets[:20]) == 0
    assert (octets[12:16], octets[16:20]) == (source, destination)
    source_port, destination_port, length, checksum = struct.unpack_from(">HHHH", octets, 20)
    assert (source_port, destination_port, length) == (PORT, PORT, len(octets) - 20)
    assert checksum != 0
    assert ones_complement(source + destination + struct.pack(">HH", 17, length) + octets[20:]) == 0
    return octets[28:]


def wrapped(frame: bytes, source: bytes, destination: bytes) -> bytes:
    """A datagram as RFC 791 and 768 print it."""
    udp = struct.pack(">HHHH", PORT, PORT, 8 + len(frame), 0) + frame
    check = ones_complement(source + destination + struct.pack(">HH", 17, len(udp)) + udp) or 0xFFFF
    udp = udp[:6] + struct.pack(">H", check) + udp[8:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 7, 0, 30, 17, 0) + source + destination
    return head[:10] + struct.pack(">H", ones_complement(head)) + head[12:] + udp


def slipped(octets: bytes) -> bytes:
    """RFC 1055."""
    return b"\xc0" + octets.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def unslipped(octets: bytes) -> list[bytes]:
    """The units of a line that ends with END."""
    units = [unit for unit in octets.split(b"\xc0") if unit]
    return [unit.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb") for unit in units]


def frames_up(carrier: str, seconds: float) -> tuple[Bench, list[bytes]]:
    """A lander that speaks this carrier, and the TC frames that have come from it."""
    bench = Bench(load("generic")._replace(carrier=carrier))
    line = bytearray()
    bench.payload.take = lambda octets, now: line.extend(octets)  # type: ignore[method-assign]
    bench.lander.receive_tc(tc_frame(0, bytes(range(0xB0, 0xE0))), bench.clock.now())
    bench.run(seconds)
    units = unslipped(bytes(line[: line.rindex(b"\xc0")]))
    return bench, [unwrapped(unit, LANDER, PAYLOAD) if carrier == "slip-ip-udp" else unit for unit in units]


@pytest.mark.proves("K-LINE-009")
@pytest.mark.parametrize("carrier", ["slip", "slip-ip-udp", "udp"])
def test_what_the_lander_says(carrier: str) -> None:
    _, frames = frames_up(carrier, 2.6)
    assert all(crc(frame) == 0 for frame in frames)
    assert tc_frame(0, bytes(range(0xB0, 0xE0))) in frames
    apids = [int.from_bytes(frame[5:7], "big") & 0x7FF for frame in frames if frame[2] >> 2 == 2]
    assert {0x010, 0x011, 0x012, 0x014, 0x015, 0x017} <= set(apids)
    assert apids.count(0x010) == 3


@pytest.mark.proves("K-LINE-009")
@pytest.mark.parametrize("carrier", ["slip", "slip-ip-udp", "udp"])
def test_what_the_lander_hears(carrier: str) -> None:
    bench = Bench(load("generic")._replace(carrier=carrier))
    telemetry = cadu(0, 0, bytes(range(0xB0, 0xE0)))[4:]
    service = cadu(2, 0, packet(0x110, HEARTBEAT, from_lander=False))[4:]
    for frame in (telemetry, service):
        unit = wrapped(frame, PAYLOAD, LANDER) if carrier == "slip-ip-udp" else frame
        bench.lander.receive_line(b"boot text" + slipped(unit), bench.clock.now())
    bench.look()
    assert bench.lander.alive
    assert [frame for _, frame in bench.tm] == [telemetry]


def test_a_datagram_for_somebody_else_is_counted() -> None:
    bench = Bench(load("generic")._replace(carrier="slip-ip-udp"))
    frame = cadu(0, 0, b"")[4:]
    stranger = bytes((192, 168, 103, 9))
    good = wrapped(frame, PAYLOAD, LANDER)
    for unit in (wrapped(frame, stranger, LANDER), wrapped(frame, PAYLOAD, stranger), good[:-1] + b"\0", good):
        bench.lander.receive_line(slipped(unit), bench.clock.now())
    bench.look()
    assert len(bench.tm) == 1
    assert bench.lander.counters["ip_datagram"] == 2
    assert bench.lander.counters["udp_datagram"] == 1


@pytest.mark.proves("K-LANDER-012")
@pytest.mark.parametrize("name", ["peregrine-like", "short-line"])
def test_a_shipped_lander_keeps_its_tone_and_leaves_its_line_idle(name: str) -> None:
    bench = Bench(load(name))
    taken: list[tuple[int, bytes]] = []
    bench.payload.take = lambda octets, now: taken.append((now, octets))  # type: ignore[method-assign]
    bench.run(30)
    carried = sum(len(octets) for _, octets in taken)
    assert carried <= 0.1 * 30 * bench.profile.baud / 10
    assert bench.lander.uplink.tones_late == 0
    assert bench.lander.uplink.tones >= 30 * 1_000_000 // bench.profile.heartbeat_us
