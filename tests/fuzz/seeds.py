"""First inputs of every target, from other people's octets (tests/vectors) and one body of each declaration.

`python -m tests.fuzz.seeds FOLDER` writes them to FOLDER/NAME/; the corpus was grown from there.
"""

import json
import struct
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

from fsw.capture.encoding import put_value
from fsw.mdb import codec
from fsw.pus.ids import Service
from tests.fuzz import pieces as p
from tests.fuzz.board_targets import PROCESSES
from tests.fuzz.line_targets import DOWN, UP
from tests.fuzz.pieces import Kind
from tests.fuzz.targets import TARGETS
from tests.services.desk import MISSION
from tests.strategies import bodies, housekeeping

VECTORS: Final = Path(__file__).parents[1] / "vectors"
TIME: Final = b"\x1e\x7f\x3b\x4c\x5d\x80\x00"
DATABASE: Final = MISSION.database
CLIENT_LINES: Final = (
    {"op": "hello", "token": "fuzz"},
    {"id": 1, "op": "status"},
    {"id": "a", "op": "watch"},
    {"id": 2, "op": "send", "name": "ping", "arguments": {}},
    {"id": 3, "op": "send", "name": "power.switch", "arguments": {"load": "1", "on": "on"}, "not_after": "none"},
    {"id": 4, "op": "send", "name": "schedule.insert", "arguments": {"activities": "+30s:ping()"}, "force": True},
    {"id": 5, "op": "samples", "names": ["power.*"], "since_us": 0, "until_us": 9, "after": None, "limit": 256},
    {"id": 6, "op": "sync"},
    {"id": 7, "op": "route", "tc": "127.0.0.1:1"},
    {"id": 8, "op": "send", "name": "parameter.set", "arguments": {"values": "1=2"}, "source_id": 3},
    {"id": 9, "op": "stop"},
)


def octets_in(value: object) -> Iterator[bytes]:
    """Every text of hex in a vector, of 4 octets or more."""
    if isinstance(value, str) and len(value) >= 8 and len(value) % 2 == 0:
        try:
            yield bytes.fromhex(value)
        except ValueError:
            return
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from octets_in(inner)


def vectors(name: str) -> list[bytes]:
    """All octets of one file."""
    found: Any = json.loads((VECTORS / f"{name}.json").read_text())
    return list(dict.fromkeys(octets_in(found)))


def example(strategy: Any) -> Any:  # noqa: ANN401 - hypothesis' own
    """One value of a strategy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return strategy.example()


def commands() -> Iterator[bytes]:
    """Bodies for `packet_of` of kind SILENCE: process, service, subtype, data."""
    for entry in DATABASE.tables.commands.values():
        body = example(bodies(entry.body))
        data = codec.encode_numbered(body) if entry.service == Service.FUNCTIONS else codec.encode(body)
        yield bytes((PROCESSES.index(entry.apid), entry.service, entry.subtype)) + data


def reports() -> Iterator[bytes]:
    """Telemetry packets, unsealed: their checksum is mended."""
    tables = DATABASE.tables
    declared = [(e.apid, e.service, e.subtype, codec.encode(example(bodies(e.body)))) for e in tables.reports.values()]
    for apid, number in tables.events:
        entry = tables.events[apid, number]
        declared.append((apid, 5, 1, codec.encode_numbered(example(bodies(entry.body)))))
    for structure in tables.structures.values():
        declared.append((0x020, 3, 25, DATABASE.encode_hk(structure, example(housekeeping(structure)))))
    for apid, service, subtype, data in declared:
        yield struct.pack(">HHHBBBHH", 0x0800 | apid, 0xC001, 0, 0x22, service, subtype, 1, 1) + TIME + data


def plain(*, up: bool) -> Iterator[bytes]:
    """Packets of the lander's services, to the payload or from the lander, unsealed."""
    for entry in DATABASE.tables.plain.values():
        kind = 0x1000 if up else 0
        yield struct.pack(">HHH", kind | entry.apid, 0xC000, 0) + codec.encode(example(bodies(entry.body)))


def of_line(name: str) -> Iterator[bytes]:
    """For a carrier: units whole, cut and joined."""
    frames = vectors("tc_frames")
    yield from (p.write((Kind.FRAME, octets)) for octets in frames)
    yield from (p.write((Kind.TM_FRAME, octets)) for octets in vectors("tm_frames")[:12])
    yield from (p.write((Kind.RAW, octets)) for octets in vectors("cltu")[:24])
    for octets in frames[:4]:
        silence = (Kind.SILENCE, b"")
        unit, down = UP[name](p.frame(octets)), DOWN[name](p.tm_frame(octets, 96))
        yield p.write((Kind.RAW, unit[:9]), silence, (Kind.RAW, unit[9:] + unit), (Kind.OTHER, down[:40] + down))
        yield p.write((Kind.RAW, unit[:14] + unit), silence, (Kind.OTHER, down + b"\x1a\xcf" + down))


def of_link() -> Iterator[bytes]:
    """For a flight link: AD, BD, BC frames, packets, sealed frames, replays."""
    yield p.write(*((Kind.FRAME, bytes((0, 0, 0, 0, n)) + b"\x18\x20\xc0\0\0\0\0") for n in (0, 1, 1, 3, 200)))
    yield p.write((Kind.FRAME, b"\x30\0\0\0\0\x82\0\x07"), (Kind.FRAME, b"\x30\0\0\0\0\0"), (Kind.OTHER, b"\xff"))
    yield p.write((Kind.OTHER, b"\xff"), (Kind.FRAME, bytes(5) + b"\x18"), (Kind.OTHER, b"\0"), (Kind.SILENCE, b""))
    for octets in [*vectors("pus_tc")[:12], *vectors("space_packets")[:8], *vectors("encapsulation")]:
        yield p.write(
            (Kind.PACKET_IN_FRAME, b"\0" + octets), (Kind.PACKET_IN_FRAME, b"\2" + octets), (Kind.FRAME, octets)
        )
        yield p.write((Kind.SEALED, b"\0\1" + octets), (Kind.SEALED, b"\0\1" + octets), (Kind.SEALED, b"\1\2" + octets))
    yield from (p.write((Kind.FRAME, octets)) for octets in vectors("sdls_tc") if len(octets) < 300)


def of_commands() -> Iterator[bytes]:
    """For acceptance and execution: every telecommand of the mission, alone and in expiry."""
    yield from (
        p.write((Kind.RAW, octets)) for octets in vectors("pus_tc") + vectors("pus_negative") if len(octets) < 300
    )
    for data in commands():
        yield p.write((Kind.SILENCE, data), (Kind.OTHER, b"\x01\0\0"))
    ping = p.mended(b"\x18\x20\xc0\1\0\0\x2f\x11\1\0\7")
    yield p.write((Kind.SILENCE, b"\0\x82\1" + TIME + ping), (Kind.SEALED, ping))


def of_board() -> Iterator[bytes]:
    """For the whole board: what the lander says, and what a stranger tries."""
    for octets in plain(up=True):
        yield p.write((Kind.PACKET_IN_FRAME, b"\2" + octets), (Kind.SILENCE, b"\x05\0"))
    for octets in vectors("pus_tc")[:6]:
        yield p.write((Kind.PACKET_IN_FRAME, b"\0" + octets), (Kind.RAW, octets), (Kind.FRAME, octets))


def of_commanded() -> Iterator[bytes]:
    """For the whole board in its owner's hands: every telecommand, and what the lander says."""
    yield from of_board()
    for data in commands():
        yield p.write((Kind.SEALED, data), (Kind.SILENCE, b"\2\0"))


def of_session() -> Iterator[bytes]:
    """For the ground: every report, frames, the lander's own reports, commands meanwhile."""
    for octets in [*reports(), *(v[:-2] for v in vectors("pus_tm")[:28] if len(v) > 20)]:
        yield p.write((Kind.PACKETS_IN_TM, b"\0" + octets), (Kind.SILENCE, b"\x01\0\0"))
        yield p.write((Kind.SEALED, b"\0\1" + octets))
    for octets in plain(up=False):
        yield p.write((Kind.PACKET_IN_FRAME, octets), (Kind.OTHER, octets), (Kind.PACKETS_IN_TM, b"\2" + octets))
    for octets in vectors("tm_frames"):
        yield p.write((Kind.TM_FRAME, octets), (Kind.RAW, octets))
    clcws = (b"\1\0\0\1", b"\1\0\x20\1", b"\1\0\x10\2", b"\1\0\x08\0")
    idle = [
        (Kind.TM_FRAME, b"\2\xae" + bytes((n, n)) + b"\x1f\xfe" + bytes(434) + clcw) for n, clcw in enumerate(clcws)
    ]
    yield p.write(idle[0], (Kind.SENT, b"\0"), *idle, (Kind.SILENCE, b"\xff\0\0"))
    ping = DATABASE.command_names().index("ping")
    yield p.write(idle[0], (Kind.SENT, ping.to_bytes(2, "big")), (Kind.SILENCE, b"\x20\0\0"), idle[0])


def of_clients() -> Iterator[bytes]:
    """For the ground's door: messages, and every telecommand in an operator's words, right and wrong."""
    for number, words in product(range(len(DATABASE.command_names())), (b"1;2;3;4", b"+30s:ping();on", b"1:2:3,4")):
        yield p.write((Kind.SENT, number.to_bytes(2, "big") + words))
    for message in CLIENT_LINES:
        line = json.dumps(message).encode()
        yield p.write((3, line), (2, line))
    yield p.write(*((3, json.dumps(message).encode()) for message in CLIENT_LINES[:-1]))


def of_files() -> Iterator[bytes]:
    """For `decode`."""
    for name in ("cltu", "tc_frames", "tm_frames", "pus_tc", "pus_tm", "space_packets", "encapsulation"):
        yield from (p.write((Kind.RAW, octets)) for octets in vectors(name)[:10])
    for name in ("europa_clipper_ecm_slice.bin", "jpss1_geolocation_slice.dat"):
        yield p.write((Kind.RAW, (VECTORS / name).read_bytes()[:400]))
    yield from (p.write((Kind.FRAME, octets)) for octets in [*reports(), *plain(up=False)][::4])


def of_captures() -> Iterator[bytes]:
    """For a recording's reader."""
    value = bytearray()
    put_value(value, (1, 0, -3, "a", b"b", None, (2, "c")))
    for kind in range(1, 12):
        yield p.write(
            (Kind.SILENCE, b""), (Kind.FRAME, bytes((kind,)) + value), (Kind.FRAME, bytes((kind, 1, 2, 3, 4)))
        )


def of_times() -> Iterator[bytes]:
    """For the time codes; these are no pieces."""
    yield from vectors("timecodes")
    yield from vectors("pus_time")
    yield TIME


SEEDS: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    **{f"carrier-{name}": partial(of_line, name) for name in UP},
    **dict.fromkeys(("link-clear", "link-protected"), of_link),
    **dict.fromkeys(("telecommands", "services"), of_commands),
    **dict.fromkeys(("session", "session-protected"), of_session),
    "board": of_board, "board-commanded": of_commanded, "times": of_times, "clients": of_clients,
    "files": of_files, "captures": of_captures,
}  # fmt: skip


def main() -> None:
    """Write the seeds of every target."""
    for name in TARGETS:
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, octets in enumerate(dict.fromkeys(SEEDS[name]())):
            (folder / f"seed-{number:04}").write_bytes(octets)


if __name__ == "__main__":
    main()
